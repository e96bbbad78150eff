//! One call in the books, from its arrival to its receipt.
//!
//! The work that writes the receipt is started with the call and waits for its end. So it is done
//! however the call ends: answered, failed, cut, or dropped because the client has gone. Dropping the
//! last handle is such an end.

mod beside;
mod cover;
mod ending;
pub(crate) mod settlement;
mod under_way;

use std::{collections::BTreeMap, sync::Mutex};

use futures_channel::oneshot;
use futures_util::FutureExt;
use serde::{Deserialize, Serialize};

pub(crate) use self::beside::Served;
pub use self::cover::Share;
use self::cover::{Held, caller_cover, lose};
use self::ending::{close, price};
pub use self::settlement::{Closing, settle, withdraw};
use self::under_way::UnderWay;
use crate::{
    caller::Caller,
    chat::Finish,
    circuits::{self, Probe},
    estimate::Estimate,
    http::{
        context::Context,
        error::{ApiError, Code},
        watch,
    },
    ids::{LeaseId, ModelId, ReceiptId},
    limits::{Scope, holder::CallId, scopes_of_caller, wire::Need},
    log::LogLine,
    model::ErrorClass,
    money::Micros,
    ports::{Platform, random},
    receipt::{Attempt, Receipt, ReceiptStatus, Usage},
    registry::Model,
    time::UnixMillis,
};

/// How many answers of a call are estimated one by one: `n` of OpenAI's protocol is at most 128.
const MOST_ANSWERS: u32 = 128;

/// One call that is open in the books.
pub struct Books {
    /// The request whose line waits for the call's end; absent for a call that is none's any more.
    context: Option<Context>,
    entry: Mutex<Entry>,
    platform: Platform,
    started: UnixMillis,
}

struct Entry {
    /// Where the closing goes; gone once the call is closed or handed over.
    closing: Option<Way>,
    /// Whether a vendor was sent something that it may bill.
    billable: bool,
    /// How its answers ended, as far as the vendor has said.
    ends: Ends,
    /// What the call uses if it is served and the vendor names no counts. Absent for text, which is
    /// estimated from what was asked and what came.
    expected: Option<Usage>,
    /// Whether the vendor has said why its answer ended: counts that came before are not the last.
    finished: bool,
    /// What came of each answer so far, by its number.
    heard: BTreeMap<u32, Estimate>,
    /// Whether something was heard after the vendor counted last.
    heard_since: bool,
    leases: Vec<Held>,
    model: Option<std::sync::Arc<Model>>,
    /// Quality and size of the pictures made, where their price depends on it.
    picture: Picture,
    /// The call tries whether the vendor of a model is back.
    probe: Option<Probe>,
    /// Tokens of the prompt, estimated.
    prompt_tokens: u64,
    receipt: Receipt,
    /// Whether an answer holds words, or a call of a tool.
    says_something: bool,
    /// The service tier that served, as the vendor says.
    service_tier: Option<String>,
    /// When the first try at its model began.
    trying_since: UnixMillis,
    /// Tries at vendors that have no end yet.
    under_way: Vec<UnderWay>,
    usage: Option<Usage>,
    /// What the vendor says that the call costs: it wins over our price.
    vendor_cost: Option<Micros>,
}

impl Entry {
    /// Adds to an answer what its vendor has not counted yet.
    fn hear(&mut self, choice: u32, piece: &str) {
        self.heard_since = true;
        self.answer(choice).push(piece.as_bytes());
    }

    /// What was heard of an answer. A vendor may number them as it likes: from some number on they are one.
    fn answer(&mut self, choice: u32) -> &mut Estimate {
        self.heard.entry(choice.min(MOST_ANSWERS)).or_default()
    }

    /// Notes which model is tried now, since when.
    fn tries(&mut self, model: std::sync::Arc<Model>, since: UnixMillis) {
        self.trying_since = since;
        let config = &model.config;
        self.receipt.model_id = Some(config.model_id.clone());
        self.receipt.provider_id = Some(config.provider_id.clone());
        self.receipt.protocol = Some(config.protocol.as_str().to_owned());
        self.receipt.price_version = i64::try_from(config.version).ok();
        self.receipt.price_valid_from =
            config.pricing.as_ref().and_then(|pricing| pricing.valid_from);
        self.model = Some(model);
    }
}

/// How the answers of a call ended.
#[derive(Clone, Copy, Debug, Default)]
struct Ends {
    /// Whether the model was done with one.
    by_itself: bool,
    /// Whether one was refused, cut by a bound, or ended for a reason that we do not know.
    otherwise: bool,
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    probe: Option<Probe>,
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
            if let Ok(closing) = closed.await {
                settle(&worker, &instance, closing).await;
            }
        };
        platform.background.spawn(write.boxed());
        let entry = Entry {
            billable: false,
            closing: Some(Way::InBackground(closing)),
            ends: Ends::default(),
            expected: None,
            finished: false,
            heard: BTreeMap::new(),
            heard_since: false,
            leases: Vec::new(),
            model: None,
            picture: Picture::default(),
            probe: None,
            prompt_tokens: 0,
            receipt,
            says_something: false,
            service_tier: None,
            trying_since: context.started(),
            under_way: Vec::new(),
            usage: None,
            vendor_cost: None,
        };
        context.opened();
        Self {
            context: Some(context.clone()),
            entry: Mutex::new(entry),
            platform: platform.clone(),
            started: context.started(),
        }
    }

    /// Takes the call's place out of the books, for whoever goes on with the call: nothing is written
    /// here any more. `None` if it is closed.
    #[must_use]
    pub fn hand_over(&self) -> Option<Kept> {
        let mut entry = self.entry.lock().ok()?;
        entry.closing.take()?;
        if let Some(context) = &self.context {
            self.write(context, context.handed_over());
        }
        Some(Kept {
            billable: entry.billable,
            expected: entry.expected,
            finished: entry.finished,
            leases: std::mem::take(&mut entry.leases),
            picture: entry.picture.clone(),
            probe: entry.probe.take(),
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
            probe,
            receipt,
            started,
            usage,
            vendor_cost,
        } = kept;
        let entry = Entry {
            billable,
            closing: Some(Way::ByHand),
            ends: Ends::default(),
            expected,
            finished,
            heard: BTreeMap::new(),
            heard_since: false,
            leases,
            model,
            picture,
            probe,
            prompt_tokens: 0,
            receipt,
            says_something: false,
            service_tier: None,
            trying_since: started,
            under_way: Vec::new(),
            usage,
            vendor_cost,
        };
        Self { context: None, entry: Mutex::new(entry), platform: platform.clone(), started }
    }

    /// Closes a call that was resumed, and returns what is to be written with [`settle`]. `None` if it is
    /// closed, or not one that was resumed.
    #[must_use]
    pub fn end(&self, outcome: Outcome, status: u16) -> Option<Closing> {
        let now = self.platform.clock.now();
        let mut entry = self.entry.lock().ok()?;
        match entry.closing.take()? {
            Way::ByHand => {
                self.tell_circuits(&mut entry, outcome);
                Some(close(&mut entry, outcome, status, now, self.started))
            }
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
            lose(&mut entry.leases);
        });
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

    /// Notes a share before it is asked for: a grant whose answer is lost is given back at the end.
    pub fn asks(&self, lease_id: &LeaseId, share: Share, need: Need) {
        let held = Held {
            beside: false,
            granted: false,
            keeps: false,
            keeps_at_model: false,
            lease_id: lease_id.clone(),
            micros: need.micros,
            number: None,
            share,
            tokens: need.tokens,
        };
        self.with(|entry| entry.leases.push(held));
    }

    /// Notes that the call goes on with a share that was at hand.
    pub fn takes(&self, call: &CallId, need: Need) {
        self.asks(&call.lease_id, Share::Call, need);
        self.pooled(call);
    }

    /// Notes that the call goes on with a share that others take of too.
    pub fn pooled(&self, call: &CallId) {
        self.granted(&call.lease_id);
        self.with(|entry| {
            let held = entry.leases.iter_mut().find(|held| held.lease_id == call.lease_id);
            if let Some(held) = held {
                held.number = Some(call.number);
            }
        });
    }

    /// Whether the last try is lost, so that another one has to be covered anew.
    #[must_use]
    pub fn is_uncovered(&self) -> bool {
        let covers = |entry: &Entry| {
            let cover = caller_cover(&entry.leases);
            cover.and_then(|place| entry.leases.get(place)).is_some_and(|held| held.keeps)
        };
        self.entry.lock().is_ok_and(|entry| covers(&entry))
    }

    /// Notes that the call is the probe of a circuit. One that it was before, and was not made, is given back.
    pub fn probes(&self, probe: Probe) {
        self.with(|entry| {
            if let Some(unused) = entry.probe.replace(probe) {
                circuits::probed(&self.platform, &entry.receipt.instance_id, &unused, None);
            }
        });
    }

    /// Whether the call is the probe of a model's circuit.
    #[must_use]
    pub fn holds_probe(&self, model_id: &ModelId) -> bool {
        let is_of = |probe: &Probe| probe.key.model_id == *model_id;
        self.entry.lock().is_ok_and(|entry| entry.probe.as_ref().is_some_and(is_of))
    }

    /// Takes the probe of a model's circuit, for whoever says what it came to.
    #[must_use]
    pub fn take_probe(&self, model_id: &ModelId) -> Option<Probe> {
        let mut entry = self.entry.lock().ok()?;
        entry.probe.take_if(|probe| probe.key.model_id == *model_id)
    }

    /// The caller's scopes, as its receipt names them.
    #[must_use]
    pub fn caller_scopes(&self) -> Vec<Scope> {
        let Ok(entry) = self.entry.lock() else { return Vec::new() };
        let Receipt { api_key_id, instance_id, organization_id, project_id, .. } = &entry.receipt;
        scopes_of_caller(organization_id, instance_id, api_key_id.as_ref(), project_id.as_ref())
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
        let now = self.platform.clock.now();
        self.with(|entry| entry.tries(model.clone(), now));
    }

    /// When the first try at the model that is tried now began.
    #[must_use]
    pub fn trying_since(&self) -> UnixMillis {
        self.entry.lock().map_or(self.started, |entry| entry.trying_since)
    }

    /// Notes the end of one try, and what the vendor may bill for it.
    pub fn tried(&self, attempt: Attempt, outlay: Outlay) {
        self.with(|entry| entry.tried(attempt, outlay));
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

    /// Notes what the vendor has counted so far, in all: what it says last is the truth, also where it is less.
    pub fn counted(&self, usage: &Usage) {
        self.with(|entry| {
            entry.usage = Some(*usage);
            entry.heard_since = false;
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

    /// Notes that the call goes on with another answer: what has been counted is not the whole of it.
    pub fn goes_on(&self) {
        self.with(|entry| entry.finished = false);
    }

    /// Notes why one of the answers ended.
    pub fn ended(&self, finish: &Finish) {
        let by_itself = match finish {
            Finish::Stop | Finish::ToolCalls => true,
            Finish::ContentFilter | Finish::Length | Finish::Unknown(_) => false,
        };
        self.with(|entry| {
            entry.ends.by_itself |= by_itself;
            entry.ends.otherwise |= !by_itself;
        });
    }

    /// Notes that the model declines in words of its own.
    pub fn declined(&self) {
        self.with(|entry| entry.ends.otherwise = true);
    }

    /// Whether the call is closed with a whole answer that its model ended by itself, and that says something:
    /// one that may be given once more to who asks the same.
    #[must_use]
    pub fn is_repeatable(&self) -> bool {
        self.entry.lock().is_ok_and(|entry| {
            let is_whole = entry.closing.is_none() && entry.receipt.status == ReceiptStatus::Ok;
            is_whole && entry.ends.by_itself && !entry.ends.otherwise && entry.says_something
        })
    }

    /// Notes that an answer is given which was kept: no vendor is asked.
    pub fn kept_answer(&self) {
        self.with(|entry| entry.receipt.cached = true);
    }

    /// Notes the next piece of what one of the answers is about: its words, or a call of a tool.
    pub fn said(&self, choice: u32, piece: &str) {
        self.with(|entry| {
            entry.says_something |= !piece.trim().is_empty();
            entry.hear(choice, piece);
        });
    }

    /// Notes the next piece of a text of one of the answers, for estimates.
    pub fn heard(&self, choice: u32, piece: &str) {
        self.with(|entry| entry.hear(choice, piece));
    }

    /// Notes that another text of one of the answers begins: what was heard of it before does not go on.
    pub fn heard_apart(&self, choice: u32) {
        self.with(|entry| entry.answer(choice).part());
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
                    // The receiver waits in the background for as long as the runtime lives.
                    drop(waiting.send(closing));
                    if let Some(context) = &self.context {
                        self.write(context, context.closed(&entry.receipt));
                    }
                }
                way @ (Some(Way::ByHand) | None) => entry.closing = way,
            }
        });
    }

    fn write(&self, context: &Context, line: Option<LogLine>) {
        if let Some(line) = line {
            watch::write(&self.platform, context, line);
        }
    }

    /// Says what the call's end means for its model's circuit. Tries that failed have been told of.
    fn tell_circuits(&self, entry: &mut Entry, outcome: Outcome) {
        let instance = &entry.receipt.instance_id;
        if let Some(probe) = entry.probe.take() {
            circuits::probed(&self.platform, instance, &probe, None);
        }
        let is_served = entry.receipt.attempts.last().is_some_and(|last| last.error_code.is_none());
        let Some(model) = entry.model.as_ref().filter(|_| is_served) else { return };
        let class = match outcome {
            Outcome::Ok => return circuits::served(&self.platform, instance, model),
            Outcome::Cut(Code::ProviderTimeout) => ErrorClass::Timeout,
            Outcome::Cut(Code::ProviderError) => ErrorClass::Error,
            Outcome::Cancelled | Outcome::Cut(_) | Outcome::Failed(_) => return,
        };
        let failure = circuits::Failure { asked: None, began: entry.trying_since, class };
        circuits::failed(&self.platform, instance, model, failure);
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
    context.tell(http::HeaderName::from_static("x-de-receipt"), id.as_str());
    context.note(|line| line.receipt_id = Some(id.as_str().to_owned()));
    id
}
