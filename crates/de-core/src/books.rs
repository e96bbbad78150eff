//! One call in the books, from its arrival to its receipt.
//!
//! The work that writes the receipt is started with the call and waits for its end. So it is done
//! however the call ends: answered, failed, cut, or dropped because the client has gone. Dropping the
//! last handle is such an end.
//!
//! Here a call is opened and closed. What is noted of it in between stands in a file for each kind: its `shares`,
//! its `tries`, the `probe` that it may be, its `answer`.

mod answer;
mod beside;
mod cover;
mod ending;
mod entry;
mod kept;
mod probe;
mod refusals;
pub(crate) mod settlement;
mod shares;
mod tries;

use std::sync::Mutex;

use futures_channel::oneshot;
use futures_util::FutureExt;

pub(crate) use self::beside::Served;
pub use self::{
    cover::Share,
    kept::Kept,
    refusals::{OWN_REFUSALS, Refusals},
    settlement::{Closing, settle, withdraw},
};
use self::{
    ending::close,
    entry::{Ended, Entry, Way},
    refusals::{GATHER, Place},
    settlement::give_back,
};
use crate::{
    caller::Caller,
    http::{
        context::Context,
        error::{ApiError, Code},
        watch,
    },
    ids::ReceiptId,
    log::LogLine,
    ports::{Platform, random},
    receipt::{Receipt, ReceiptStatus, Usage},
    time::UnixMillis,
};

/// One call that is open in the books.
pub struct Books {
    /// The request whose line waits for the call's end; absent for a call that is none's any more.
    context: Option<Context>,
    entry: Mutex<Entry>,
    platform: Platform,
    started: UnixMillis,
}

/// What a call asks for, as far as that is known before its body is read.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// `text`, `image`, …
    pub modality: &'a str,
    /// The route: `POST /v1/messages`.
    pub operation: &'a str,
    /// The body, in bytes.
    pub size_bytes: usize,
}

/// How a call ended, as the caller saw it.
#[derive(Clone, Copy, Debug)]
pub enum Outcome {
    /// It went away before the end.
    Cancelled,
    /// The head was good, the rest never came whole.
    Cut(Code),
    /// It got an error.
    Failed(Code),
    /// It got a whole answer.
    Ok,
}

/// What a call may have cost, as far as it got.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outlay {
    /// No vendor was sent anything, or all of them refused.
    Nothing,
    /// A vendor has done something that it bills.
    Spent,
    /// A vendor was sent something and did not answer.
    Unknown,
}

impl Books {
    /// Opens a call, and starts the work that will close it.
    #[must_use]
    pub fn open(platform: &Platform, context: &Context, caller: &Caller, asked: Asked<'_>) -> Self {
        let (closing, closed) = oneshot::channel();
        let receipt = receipt(platform, context, caller, asked);
        let instance = receipt.instance_id.clone();
        let worker = platform.clone();
        let write = async move {
            // The sender is dropped only with an entry that has sent: a receipt always comes.
            // It is also dropped with one that was handed over: whoever has it now writes the receipt.
            let closing = match closed.await {
                Ok(Ended::Own(closing)) => Some(closing),
                Ok(Ended::Shared(mut closing)) => {
                    // A share that was granted, and of which nobody heard, waits for nothing.
                    give_back(&worker, &instance, &closing).await;
                    closing.forget_shares();
                    worker.clock.sleep(GATHER).await;
                    shared(&worker, closing)
                }
                Ok(Ended::Counted(closing)) => {
                    give_back(&worker, &instance, &closing).await;
                    None
                }
                Err(_) => None,
            };
            if let Some(closing) = closing {
                settle(&worker, &instance, closing).await;
            }
        };
        platform.background.spawn(write.boxed());
        let entry = Entry::new(Way::InBackground(closing), receipt, context.started());
        context.opened();
        Self {
            context: Some(context.clone()),
            entry: Mutex::new(entry),
            platform: platform.clone(),
            started: context.started(),
        }
    }

    /// The call's id in the books.
    #[must_use]
    pub fn receipt_id(&self) -> Option<ReceiptId> {
        self.entry.lock().ok().map(|entry| entry.receipt.receipt_id.clone())
    }

    /// Notes what was asked for; `prompt_tokens` are those of the prompt, estimated ([`crate::prompt`]).
    pub fn asked(&self, model: Option<&str>, streamed: bool, prompt_tokens: u64) {
        let model = model.map(|model| model.chars().take(100).collect());
        self.with(|entry| {
            entry.receipt.requested_model_id = model;
            entry.receipt.streamed = streamed;
            entry.prompt_tokens = prompt_tokens;
        });
    }

    /// Closes the call with what its caller is told of its failure. Only the first close counts.
    pub fn fail(&self, error: &ApiError) {
        match error.code() {
            Code::ClientLeft => self.close(Outcome::Cancelled, CLIENT_LEFT),
            code => self.close(Outcome::Failed(code), code.status().as_u16()),
        }
    }

    /// Closes the call. Only the first close counts.
    pub fn close(&self, outcome: Outcome, status: u16) {
        let now = self.platform.clock.now();
        let started = self.started;
        self.with(|entry| {
            match entry.closing.take() {
                Some(Way::InBackground(waiting)) => {
                    // Whoever waited for it is gone.
                    entry.give_up(now, Code::ClientLeft.as_str());
                    // First, so that it travels with the call's own report.
                    self.tell_circuits(entry, outcome);
                    let closing = close(entry, outcome, status, now, started);
                    let ended = self.placed(entry, closing);
                    // The receiver waits in the background for as long as the runtime lives.
                    drop(waiting.send(ended));
                    if let Some(context) = &self.context {
                        self.write(context, context.closed(&entry.receipt));
                    }
                }
                way @ (Some(Way::ByHand) | None) => entry.closing = way,
            }
        });
    }

    /// Where a call that is over stands in the books: one that was refused may have to share a receipt, which the
    /// answer's head and the log name in place of its own.
    fn placed(&self, entry: &mut Entry, mut closing: Closing) -> Ended {
        if !closing.is_refusal() {
            return Ended::Own(closing);
        }
        let own = self.platform.settings.own_refusals.unwrap_or(OWN_REFUSALS);
        let now = self.platform.clock.now();
        let (receipt_id, is_writer) = match self.platform.refusals.place(now, &closing.receipt, own)
        {
            Place::In(receipt_id) => (receipt_id, false),
            Place::Own => return Ended::Own(closing),
            Place::Shared(receipt_id) => (receipt_id, true),
        };
        if let Some(context) = &self.context {
            tell_receipt(context, &receipt_id);
        }
        entry.receipt.receipt_id = receipt_id.clone();
        closing.receipt.receipt_id = receipt_id;
        if is_writer { Ended::Shared(closing) } else { Ended::Counted(closing) }
    }

    fn write(&self, context: &Context, line: Option<LogLine>) {
        if let Some(line) = line {
            watch::write(&self.platform, context, line);
        }
    }

    fn with(&self, change: impl FnOnce(&mut Entry)) {
        if let Ok(mut entry) = self.entry.lock() {
            change(&mut entry);
        }
    }
}

impl Drop for Books {
    fn drop(&mut self) {
        self.close(Outcome::Cancelled, CLIENT_LEFT);
    }
}

/// The receipt that refused calls share, with their number; `None` if somebody else has written it.
fn shared(platform: &Platform, mut closing: Closing) -> Option<Closing> {
    closing.receipt.calls = platform.refusals.take(&closing.receipt)?;
    Some(closing)
}

/// The status of a call whose client did not wait for one; nobody ever sees it on the wire.
pub const CLIENT_LEFT: u16 = 499;

/// The receipt of a call that comes in now, of which nothing has become yet.
fn receipt(platform: &Platform, context: &Context, caller: &Caller, asked: Asked<'_>) -> Receipt {
    let key = caller.key();
    Receipt {
        receipt_id: receipt_id(platform, context),
        request_id: context.request_id().clone(),
        organization_id: caller.organization_id().clone(),
        instance_id: caller.instance_id().clone(),
        project_id: key.project_id.clone(),
        api_key_id: key.api_key_id.clone(),
        user_id: key.user_id.clone(),
        model_id: None,
        requested_model_id: None,
        provider_id: None,
        protocol: None,
        modality: asked.modality.to_owned(),
        operation: asked.operation.to_owned(),
        status: ReceiptStatus::Failed,
        http_status: 0,
        error_code: None,
        streamed: false,
        usage: Usage::default(),
        cost_micros: None,
        price_version: None,
        price_valid_from: None,
        estimated: false,
        over_ceiling: false,
        limiter_bypassed: false,
        cached: false,
        calls: 1,
        attempts: Vec::new(),
        latency_ms: 0,
        first_byte_ms: None,
        upstream_ms: None,
        request_bytes: i64::try_from(asked.size_bytes).unwrap_or(i64::MAX),
        response_bytes: 0,
        admitted_at: context.started(),
        created_at: context.started(),
    }
}

/// A new receipt id, told in the answer's header `x-de-receipt`.
#[must_use]
fn receipt_id(platform: &Platform, context: &Context) -> ReceiptId {
    let id = ReceiptId::make(context.started(), random(&*platform.entropy));
    tell_receipt(context, &id);
    id
}

fn tell_receipt(context: &Context, id: &ReceiptId) {
    context.tell(http::HeaderName::from_static("x-de-receipt"), id.as_str());
    context.note(|line| line.receipt_id = Some(id.as_str().to_owned()));
}
