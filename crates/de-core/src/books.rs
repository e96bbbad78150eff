//! One call in the books, from its arrival to its receipt.
//!
//! The work that writes the receipt is started with the call and waits for its end. So it is done
//! however the call ends: answered, failed, cut, or dropped because the client has gone. Dropping the
//! last handle is such an end.

use std::{sync::Mutex, time::Duration};

use futures_channel::oneshot;
use futures_util::FutureExt;
use serde::{Deserialize, Serialize};

use crate::{
    caller::Caller,
    cost::{Cost, Terms, cost_on, percent},
    http::{context::Context, error::Code},
    ids::{InstanceId, LeaseId, ReceiptId},
    limits::wire::{SettleRequest, Spent},
    money::Micros,
    ports::{Level, LogLine, Platform, PortError, random},
    receipt::{Attempt, Receipt, ReceiptStatus, Usage},
    registry::Model,
    store,
    time::UnixMillis,
};

/// How often a settlement is tried at the Limiter before the receipt goes straight to the database.
const SETTLE_TRIES: u32 = 2;
const SETTLE_PAUSE: Duration = Duration::from_millis(250);

/// One call that is open in the books.
pub struct Books {
    entry: Mutex<Entry>,
    platform: Platform,
    started: UnixMillis,
}

struct Entry {
    /// Where the closing goes; gone once the call is closed or handed over.
    closing: Option<Way>,
    /// Answer text in bytes that went out, for estimates.
    answer_bytes: u64,
    /// Whether a vendor was sent something that it may bill.
    billable: bool,
    /// What the call uses if it is served and the vendor names no counts. Absent for text, which is
    /// counted by its bytes.
    expected: Option<Usage>,
    /// Whether the vendor has said why its answer ended: counts that came before are not the last.
    finished: bool,
    leases: Vec<Held>,
    model: Option<std::sync::Arc<Model>>,
    /// Quality and size of the pictures made, where their price depends on it.
    picture: Picture,
    /// Prompt text in bytes, for estimates.
    prompt_bytes: u64,
    receipt: Receipt,
    /// The service tier that served, as the vendor says.
    service_tier: Option<String>,
    usage: Option<Usage>,
    /// What the vendor says that the call costs: it wins over our price.
    vendor_cost: Option<Micros>,
}

/// Who waits for a closing.
enum Way {
    /// The caller of [`Books::end`].
    ByHand,
    /// The work in the background that was started with the call.
    InBackground(oneshot::Sender<Closing>),
}

/// The pictures of a call, in the vendor's words.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
struct Picture {
    quality: Option<String>,
    size: Option<String>,
}

/// A call's place in the books, on paper: JSON. A job keeps it from one step to the next.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Kept {
    billable: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expected: Option<Usage>,
    #[serde(default)]
    finished: bool,
    leases: Vec<Held>,
    #[serde(default)]
    picture: Picture,
    receipt: Receipt,
    started: UnixMillis,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    usage: Option<Usage>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    vendor_cost: Option<Micros>,
}

impl Kept {
    /// Shows the receipt of a call that is closed.
    pub fn close(&mut self, closing: &Closing) {
        self.receipt = closing.receipt.clone();
    }

    /// The receipt as it stands.
    #[must_use]
    pub fn receipt(&self) -> &Receipt {
        &self.receipt
    }
}

/// A share that was asked for on behalf of a call.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Held {
    /// Whether the call went on with it. An answer that never came may still have been a grant.
    granted: bool,
    /// Whether a vendor may have billed without answering: then nothing is given back.
    keeps: bool,
    lease_id: LeaseId,
    share: Share,
    tokens: u64,
}

/// What a share is for.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Share {
    /// One more try at the same model: an admission, whose tokens the first try still holds.
    Again,
    /// The call itself, with the first try at its model.
    Call,
    /// The first try at a fallback.
    Fallback(crate::ids::ModelId),
}

/// What is left to be written when a call is over. JSON: a job keeps it until it is written.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Closing {
    leases: Vec<(LeaseId, Spent)>,
    receipt: Receipt,
}

/// What is known of a call when it comes in.
pub struct Arrival {
    /// Whose limits and ledger it is.
    pub instance: InstanceId,
    /// The receipt as it would be if nothing happened.
    pub receipt: Receipt,
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

impl Closing {
    /// The receipt.
    #[must_use]
    pub fn receipt(&self) -> &Receipt {
        &self.receipt
    }
}

impl Arrival {
    /// A call that comes in now, of which nothing has become yet.
    #[must_use]
    pub fn of(platform: &Platform, context: &Context, caller: &Caller, asked: Asked<'_>) -> Self {
        let key = caller.key();
        let receipt = Receipt {
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
            attempts: Vec::new(),
            latency_ms: 0,
            first_byte_ms: None,
            upstream_ms: None,
            request_bytes: i64::try_from(asked.size_bytes).unwrap_or(i64::MAX),
            response_bytes: 0,
            admitted_at: context.started(),
            created_at: context.started(),
        };
        Self { instance: caller.instance_id().clone(), receipt }
    }
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
    pub fn open(platform: &Platform, arrival: Arrival, started: UnixMillis) -> Self {
        let (closing, closed) = oneshot::channel();
        let Arrival { instance, receipt } = arrival;
        let worker = platform.clone();
        let write = async move {
            // The sender is dropped only with an entry that has sent: a receipt always comes.
            // It is also dropped with one that was handed over: whoever has it now writes the receipt.
            if let Ok(closing) = closed.await {
                settle(&worker, &instance, closing).await;
            }
        };
        platform.background.spawn(write.boxed());
        let entry = Entry {
            answer_bytes: 0,
            billable: false,
            closing: Some(Way::InBackground(closing)),
            expected: None,
            finished: false,
            leases: Vec::new(),
            model: None,
            picture: Picture::default(),
            prompt_bytes: 0,
            receipt,
            service_tier: None,
            usage: None,
            vendor_cost: None,
        };
        Self { entry: Mutex::new(entry), platform: platform.clone(), started }
    }

    /// Takes the call's place out of the books, for whoever goes on with the call: nothing is written
    /// here any more. `None` if it is closed.
    #[must_use]
    pub fn hand_over(&self) -> Option<Kept> {
        let mut entry = self.entry.lock().ok()?;
        entry.closing.take()?;
        Some(Kept {
            billable: entry.billable,
            expected: entry.expected,
            finished: entry.finished,
            leases: std::mem::take(&mut entry.leases),
            picture: entry.picture.clone(),
            receipt: entry.receipt.clone(),
            started: self.started,
            usage: entry.usage,
            vendor_cost: entry.vendor_cost,
        })
    }

    /// Goes on with a call that was handed over. It is closed by [`Books::end`]; dropping it loses
    /// nothing that `kept` does not hold.
    ///
    /// `model` is the one that was tried last, if it is known.
    #[must_use]
    pub fn resume(platform: &Platform, kept: Kept, model: Option<std::sync::Arc<Model>>) -> Self {
        let Kept {
            billable,
            expected,
            finished,
            leases,
            picture,
            receipt,
            started,
            usage,
            vendor_cost,
        } = kept;
        let entry = Entry {
            answer_bytes: 0,
            billable,
            closing: Some(Way::ByHand),
            expected,
            finished,
            leases,
            model,
            picture,
            prompt_bytes: 0,
            receipt,
            service_tier: None,
            usage,
            vendor_cost,
        };
        Self { entry: Mutex::new(entry), platform: platform.clone(), started }
    }

    /// Closes a call that was resumed, and returns what is to be written with [`settle`]. `None` if it is
    /// closed, or not one that was resumed.
    #[must_use]
    pub fn end(&self, outcome: Outcome, status: u16) -> Option<Closing> {
        let now = self.platform.clock.now();
        let mut entry = self.entry.lock().ok()?;
        match entry.closing.take()? {
            Way::ByHand => Some(close(&mut entry, outcome, status, now, self.started)),
            other @ Way::InBackground(_) => {
                entry.closing = Some(other);
                None
            }
        }
    }

    /// Notes what the call uses if it is served and the vendor names no counts.
    pub fn expects(&self, usage: Usage) {
        self.with(|entry| entry.expected = Some(usage));
    }

    /// Notes what pictures were made, in the vendor's words: their price may depend on it.
    pub fn pictured(&self, size: Option<&str>, quality: Option<&str>) {
        let picture =
            Picture { quality: quality.map(str::to_owned), size: size.map(str::to_owned) };
        self.with(|entry| entry.picture = picture);
    }

    /// Notes what the vendor says that the call costs: it wins over our own price.
    pub fn priced(&self, cost: Micros) {
        self.with(|entry| entry.vendor_cost = cost.if_plausible());
    }

    /// Notes that the vendor has failed in good order, and bills nothing for that.
    pub fn absolved(&self) {
        self.with(|entry| entry.billable = false);
    }

    /// Notes that nobody knows whether the vendor has served the call: all that was reserved stays
    /// reserved, and the receipt says what it would have used.
    pub fn lost_sight(&self) {
        self.with(|entry| {
            entry.billable = true;
            for held in &mut entry.leases {
                held.keeps = true;
            }
        });
    }

    /// The call's id in the books.
    #[must_use]
    pub fn receipt_id(&self) -> Option<ReceiptId> {
        self.entry.lock().ok().map(|entry| entry.receipt.receipt_id.clone())
    }

    /// Notes what was asked for; `prompt_bytes` is the prompt's text, for estimates.
    pub fn asked(&self, model: Option<&str>, streamed: bool, prompt_bytes: u64) {
        let model = model.map(|model| model.chars().take(100).collect());
        self.with(|entry| {
            entry.receipt.requested_model_id = model;
            entry.receipt.streamed = streamed;
            entry.prompt_bytes = prompt_bytes;
        });
    }

    /// Notes a share before it is asked for: a grant whose answer is lost is given back at the end.
    pub fn asks(&self, lease_id: &LeaseId, share: Share, tokens: u64) {
        let lease_id = lease_id.clone();
        let held = Held { granted: false, keeps: false, lease_id, share, tokens };
        self.with(|entry| entry.leases.push(held));
    }

    /// Notes that the call goes on with a share. Several may be asked for at once.
    pub fn granted(&self, lease_id: &LeaseId) {
        self.with(|entry| {
            if let Some(held) = entry.leases.iter_mut().find(|held| held.lease_id == *lease_id) {
                held.granted = true;
            }
        });
    }

    /// Notes that a share was refused: there is nothing to settle.
    pub fn denied(&self, lease_id: &LeaseId) {
        self.with(|entry| entry.leases.retain(|held| held.lease_id != *lease_id));
    }

    /// Notes that the Limiter did not answer and the instance lets calls through then.
    pub fn bypassed(&self) {
        self.with(|entry| entry.receipt.limiter_bypassed = true);
    }

    /// Notes that the call was let in.
    pub fn admitted(&self, at: UnixMillis) {
        self.with(|entry| entry.receipt.admitted_at = at);
    }

    /// Notes which model is tried now.
    pub fn trying(&self, model: &std::sync::Arc<Model>) {
        self.with(|entry| {
            entry.receipt.model_id = Some(model.config.model_id.clone());
            entry.receipt.provider_id = Some(model.config.provider_id.clone());
            entry.receipt.protocol = Some(model.config.protocol.as_str().to_owned());
            entry.receipt.price_version = i64::try_from(model.config.version).ok();
            entry.receipt.price_valid_from =
                model.config.pricing.as_ref().and_then(|pricing| pricing.valid_from);
            entry.model = Some(model.clone());
        });
    }

    /// Notes the end of one try, and whether the vendor may bill it.
    pub fn tried(&self, attempt: Attempt, may_bill: bool) {
        self.with(|entry| {
            let waited = entry.receipt.upstream_ms.unwrap_or(0);
            entry.receipt.upstream_ms = Some(waited.saturating_add(attempt.duration_ms));
            if may_bill && attempt.status.is_none() {
                // Whether it was served is not known: its hold stays, in the call's scopes too. A
                // repetition has none of its own, but that of the first try at its model.
                let holding = entry.leases.iter().rposition(|held| held.share != Share::Again);
                for (index, held) in entry.leases.iter_mut().enumerate() {
                    held.keeps |= index == 0 || Some(index) == holding;
                }
            }
            entry.receipt.attempts.push(attempt);
            entry.billable |= may_bill;
        });
    }

    /// The tries so far, as JSON for a caller.
    #[must_use]
    pub fn attempts(&self) -> serde_json::Value {
        let attempts = self.entry.lock().map(|entry| entry.receipt.attempts.clone());
        serde_json::to_value(attempts.unwrap_or_default()).unwrap_or_default()
    }

    /// How many tries there were.
    #[must_use]
    pub fn tries(&self) -> usize {
        self.entry.lock().map_or(0, |entry| entry.receipt.attempts.len())
    }

    /// What the tries so far may have cost.
    #[must_use]
    pub fn outlay(&self) -> Outlay {
        let Ok(entry) = self.entry.lock() else { return Outlay::Unknown };
        if entry.receipt.attempts.iter().any(|attempt| attempt.status.is_none()) {
            Outlay::Unknown
        } else if entry.billable {
            Outlay::Spent
        } else {
            Outlay::Nothing
        }
    }

    /// Notes what the vendor has counted so far: the larger count of each class stays.
    pub fn counted(&self, usage: &Usage) {
        self.with(|entry| {
            let known = entry.usage.unwrap_or_default();
            entry.usage = Some(known.merge_max(*usage));
        });
    }

    /// Notes counts of ours, because the vendor names none: they stand in place of those before.
    pub fn guessed(&self, usage: &Usage) {
        self.with(|entry| {
            entry.usage = Some(*usage);
            entry.receipt.estimated = true;
        });
    }

    /// Notes the service tier that served, in the vendor's word: it sets the price.
    pub fn served(&self, tier: &str) {
        self.with(|entry| entry.service_tier = Some(tier.to_owned()));
    }

    /// Notes that the vendor has said why its answer ended.
    pub fn finished(&self) {
        self.with(|entry| entry.finished = true);
    }

    /// Notes text that the vendor has sent, in bytes.
    pub fn heard(&self, bytes: usize) {
        let bytes = u64::try_from(bytes).unwrap_or(0);
        self.with(|entry| entry.answer_bytes = entry.answer_bytes.saturating_add(bytes));
    }

    /// Notes bytes of the answer's body on their way to the caller; the first ones set the time.
    pub fn sent(&self, bytes: usize) {
        let now = self.platform.clock.now().since(self.started);
        let bytes = i64::try_from(bytes).unwrap_or(0);
        self.with(|entry| {
            entry.receipt.first_byte_ms.get_or_insert(now);
            entry.receipt.response_bytes = entry.receipt.response_bytes.saturating_add(bytes);
        });
    }

    /// What the call costs as far as it is known; `None` if it has no price or no count.
    #[must_use]
    pub fn cost(&self) -> Option<Micros> {
        let entry = self.entry.lock().ok()?;
        if entry.vendor_cost.is_some() {
            return entry.vendor_cost;
        }
        let usage = entry.usage?;
        price(&entry, &usage)
    }

    /// Closes the call. Only the first close counts.
    pub fn close(&self, outcome: Outcome, status: u16) {
        let now = self.platform.clock.now();
        let started = self.started;
        let mut line = None;
        self.with(|entry| {
            match entry.closing.take() {
                Some(Way::InBackground(waiting)) => {
                    let closing = close(entry, outcome, status, now, started);
                    // The receiver waits in the background for as long as the runtime lives.
                    drop(waiting.send(closing));
                    line = broken_off(outcome, &entry.receipt);
                }
                way @ (Some(Way::ByHand) | None) => entry.closing = way,
            }
        });
        if let Some(line) = line {
            self.platform.log.write(line);
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

/// The status of a call whose client did not wait for one; nobody ever sees it on the wire.
pub const CLIENT_LEFT: u16 = 499;

/// The line of a stream that broke off: the line of its request has said 200 when it began.
fn broken_off(outcome: Outcome, receipt: &Receipt) -> Option<LogLine> {
    let (level, what) = match outcome {
        Outcome::Cancelled if receipt.first_byte_ms.is_some() => (Level::Info, "its client left"),
        Outcome::Cut(_) => (Level::Warn, "its vendor broke off"),
        Outcome::Cancelled | Outcome::Failed(_) | Outcome::Ok => return None,
    };
    let text = |text: Option<&str>| text.map_or(serde_json::Value::Null, Into::into);
    let fields = [
        ("error_code", text(receipt.error_code.as_deref())),
        ("estimated", receipt.estimated.into()),
        ("input_tokens", receipt.usage.input_tokens.into()),
        ("model", text(receipt.model_id.as_ref().map(|id| id.as_str()))),
        ("output_tokens", receipt.usage.output_tokens.into()),
        ("provider", text(receipt.provider_id.as_ref().map(|id| id.as_str()))),
        ("receipt_id", receipt.receipt_id.as_str().into()),
        ("request_id", receipt.request_id.as_str().into()),
    ];
    let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let message = format!("{} ended early: {what}", receipt.operation);
    Some(LogLine { fields, level, message })
}

/// Closes an entry.
fn close(
    entry: &mut Entry,
    outcome: Outcome,
    status: u16,
    now: UnixMillis,
    started: UnixMillis,
) -> Closing {
    let (word, code) = match outcome {
        Outcome::Cancelled => (ReceiptStatus::Cancelled, Some(Code::ClientLeft)),
        Outcome::Cut(code) => (ReceiptStatus::Cut, Some(code)),
        Outcome::Failed(code) => (ReceiptStatus::Failed, Some(code)),
        Outcome::Ok => (ReceiptStatus::Ok, None),
    };
    let usage = match entry.usage {
        Some(usage) if word == ReceiptStatus::Ok || entry.finished => usage,
        // Nothing was sent, or all was refused: nothing is billed.
        _ if !entry.billable => Usage::default(),
        known => {
            entry.receipt.estimated = true;
            estimate(entry, known.unwrap_or_default())
        }
    };
    let total = usage.total_tokens();
    let reserved = entry.leases.iter().map(|held| held.tokens).max().unwrap_or(0);
    let is_billed = entry.billable || word == ReceiptStatus::Ok;
    let vendors = entry.vendor_cost.filter(|_| is_billed);
    entry.receipt.cost_micros = vendors.or_else(|| price(entry, &usage));
    entry.receipt.over_ceiling = reserved > 0 && total > reserved;
    entry.receipt.usage = usage;
    entry.receipt.status = word;
    entry.receipt.http_status = status;
    entry.receipt.error_code = code.map(|code| code.as_str().to_owned());
    entry.receipt.latency_ms = now.since(started);
    entry.receipt.created_at = now;
    let served = entry.receipt.model_id.clone();
    let leases = std::mem::take(&mut entry.leases).into_iter();
    let leases = leases.map(|held| spent(held, served.as_ref(), total)).collect();
    Closing { leases, receipt: entry.receipt.clone() }
}

/// What was spent of a share, when its call used `total` tokens at the model `served`.
///
/// The first share holds for the caller and for the first model: where a fallback served, that model's
/// window counts its tokens too, which errs on the safe side.
fn spent(held: Held, served: Option<&crate::ids::ModelId>, total: u64) -> (LeaseId, Spent) {
    if !held.granted {
        return (held.lease_id, Spent::default());
    }
    let used = match &held.share {
        Share::Again => 0,
        Share::Call => total,
        Share::Fallback(model) if Some(model) == served => total,
        Share::Fallback(_) => 0,
    };
    let tokens = if held.keeps { used.max(held.tokens) } else { used };
    (held.lease_id, Spent { requests: 1, tokens })
}

/// Counts that the vendor did not name: a token for each four bytes of text, at least what it did name.
fn estimate(entry: &Entry, known: Usage) -> Usage {
    if let Some(expected) = entry.expected {
        return expected.merge_max(known);
    }
    let mut usage = Usage {
        input_tokens: entry.prompt_bytes.div_ceil(4),
        output_tokens: entry.answer_bytes.div_ceil(4),
        requests: 1,
        ..Usage::default()
    };
    let input = known.input_tokens.saturating_add(known.cached_input_tokens);
    if input > 0 {
        usage.input_tokens = 0;
    }
    usage.merge_max(known)
}

fn price(entry: &Entry, usage: &Usage) -> Option<Micros> {
    if *usage == Usage::default() {
        return Some(Micros::ZERO);
    }
    let pricing = entry.model.as_ref()?.config.pricing.as_ref()?;
    let percent = percent(pricing, entry.service_tier.as_deref());
    let terms = Terms {
        image_quality: entry.picture.quality.as_deref().unwrap_or_default(),
        image_size: entry.picture.size.as_deref().unwrap_or_default(),
        percent,
    };
    match cost_on(terms, pricing, usage) {
        // A count that makes such a sum is no count.
        Cost::Known(micros) => micros.if_plausible(),
        Cost::Unpriced { .. } => None,
    }
}

/// Reports to the Limiter, and if that does not answer, to the database itself. Safe to repeat.
///
/// Says whether the receipt is written; what a Limiter did not hear of its leases ends by itself.
pub async fn settle(platform: &Platform, instance: &InstanceId, closing: Closing) -> bool {
    let mut is_written = true;
    let Closing { mut leases, receipt } = closing;
    if leases.is_empty() {
        // A call that was never let in has no lease; its receipt travels under an id of its own.
        let lease_id = LeaseId::make(receipt.created_at, random(&*platform.entropy));
        leases.push((lease_id, Spent::default()));
    }
    for (index, (lease_id, spent)) in leases.into_iter().enumerate() {
        let receipts = if index == 0 { vec![receipt.clone()] } else { Vec::new() };
        let report =
            SettleRequest { is_final: true, lease_id, receipts, running_ms: None, seq: 1, spent };
        if let Err(err) = report_until(platform, instance, report).await {
            warn(platform, &receipt, "the Limiter did not take a settlement", &err);
            if index == 0 {
                // At once, as the time after an answer is short.
                is_written = write(platform, &receipt).await;
            }
        }
    }
    is_written
}

/// Gives back all that was reserved for a call which was handed over, and then not made: it has no receipt.
pub async fn withdraw(platform: &Platform, instance: &InstanceId, kept: Kept) {
    let Kept { leases, receipt, .. } = kept;
    for Held { lease_id, .. } in leases {
        let spent = Spent::default();
        let report = SettleRequest {
            is_final: true,
            lease_id,
            receipts: Vec::new(),
            running_ms: None,
            seq: 1,
            spent,
        };
        if let Err(err) = report_until(platform, instance, report).await {
            warn(platform, &receipt, "the Limiter did not take a share back", &err);
        }
    }
}

/// Writes a receipt past the Limiter. If that has it too, the database still has it once.
async fn write(platform: &Platform, receipt: &Receipt) -> bool {
    let text = serde_json::to_string(std::slice::from_ref(receipt)).unwrap_or_default();
    match platform.database.batch(store::usage::deliver(&text).into()).await {
        Ok(_) => true,
        Err(err) => {
            warn(platform, receipt, "a receipt could not be written", &err);
            false
        }
    }
}

async fn report_until(
    platform: &Platform,
    instance: &InstanceId,
    report: SettleRequest,
) -> Result<(), PortError> {
    let mut tries = 1;
    loop {
        match platform.limiter.settle(instance, report.clone()).await {
            Ok(_) => return Ok(()),
            Err(err) if tries >= SETTLE_TRIES => return Err(err),
            Err(_) => {
                tries += 1;
                platform.clock.sleep(SETTLE_PAUSE).await;
            }
        }
    }
}

fn warn(platform: &Platform, receipt: &Receipt, what: &str, err: &PortError) {
    let mut fields = serde_json::Map::new();
    fields.insert("receipt_id".to_owned(), receipt.receipt_id.as_str().into());
    fields.insert("cause".to_owned(), err.to_string().into());
    platform.log.write(LogLine { fields, level: Level::Error, message: what.to_owned() });
}

/// A new receipt id, told in the answer's header `x-de-receipt`.
#[must_use]
fn receipt_id(platform: &Platform, context: &Context) -> ReceiptId {
    let id = ReceiptId::make(context.started(), random(&*platform.entropy));
    context.tell(http::HeaderName::from_static("x-de-receipt"), id.as_str());
    context.note("receipt_id", id.as_str());
    id
}
