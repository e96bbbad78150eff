//! What the books know of one call while it is open.

use std::{collections::BTreeMap, sync::Arc};

use futures_channel::oneshot;
use serde::{Deserialize, Serialize};

use super::{cover::Held, settlement::Closing, tries::UnderWay};
use crate::{
    circuits::Probe,
    estimate::Estimate,
    money::Micros,
    receipt::{Receipt, Usage},
    registry::Model,
    time::UnixMillis,
};

/// How many answers of a call are estimated one by one: `n` of OpenAI's protocol is at most 128.
const MOST_ANSWERS: u32 = 128;

pub(super) struct Entry {
    /// Whether its vendor is asked for something else than what its models are for: circuits hear nothing of it.
    pub(super) apart: bool,
    /// Where the closing goes; gone once the call is closed or handed over.
    pub(super) closing: Option<Way>,
    /// Whether a vendor was sent something that it may bill.
    pub(super) billable: bool,
    /// How its answers ended, as far as the vendor has said.
    pub(super) ends: Ends,
    /// What the call uses if it is served and the vendor names no counts. Absent for text, which is
    /// estimated from what was asked and what came.
    pub(super) expected: Option<Usage>,
    /// Whether the vendor has said why its answer ended: counts that came before are not the last.
    pub(super) finished: bool,
    /// What its counts cost by the prices of a model that may be gone since.
    pub(super) known_cost: Option<Micros>,
    /// What came of each answer so far, by its number.
    pub(super) heard: BTreeMap<u32, Estimate>,
    /// Whether something was heard after the vendor counted last.
    pub(super) heard_since: bool,
    pub(super) leases: Vec<Held>,
    pub(super) model: Option<Arc<Model>>,
    /// Quality and size of the pictures made, where their price depends on it.
    pub(super) picture: Picture,
    /// The call tries whether the vendor of a model is back.
    pub(super) probe: Option<Probe>,
    /// Tokens of the prompt, estimated.
    pub(super) prompt_tokens: u64,
    pub(super) receipt: Receipt,
    /// Whether an answer holds words, or a call of a tool.
    pub(super) says_something: bool,
    /// The service tier that served, as the vendor says.
    pub(super) service_tier: Option<String>,
    /// When the first try at its model began.
    pub(super) trying_since: UnixMillis,
    /// Tries at vendors that have no end yet.
    pub(super) under_way: Vec<UnderWay>,
    pub(super) usage: Option<Usage>,
    /// What the vendor says that the call costs: it wins over our price.
    pub(super) vendor_cost: Option<Micros>,
}

impl Entry {
    /// A call of which nothing has become yet.
    pub(super) fn new(closing: Way, receipt: Receipt, since: UnixMillis) -> Self {
        Self {
            apart: false,
            billable: false,
            closing: Some(closing),
            ends: Ends::default(),
            expected: None,
            finished: false,
            known_cost: None,
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
            trying_since: since,
            under_way: Vec::new(),
            usage: None,
            vendor_cost: None,
        }
    }

    /// Adds to an answer what its vendor has not counted yet.
    pub(super) fn hear(&mut self, choice: u32, piece: &str) {
        self.heard_since = true;
        self.answer(choice).push(piece.as_bytes());
    }

    /// What was heard of an answer. A vendor may number them as it likes: from some number on they are one.
    pub(super) fn answer(&mut self, choice: u32) -> &mut Estimate {
        self.heard.entry(choice.min(MOST_ANSWERS)).or_default()
    }

    /// Notes which model is tried now, since when.
    pub(super) fn tries(&mut self, model: Arc<Model>, since: UnixMillis) {
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
pub(super) struct Ends {
    /// Whether the model was done with one.
    pub(super) by_itself: bool,
    /// Whether one was refused, cut by a bound, or ended for a reason that we do not know.
    pub(super) otherwise: bool,
}

/// Who waits for a closing.
pub(super) enum Way {
    /// The caller of [`super::Books::end`].
    ByHand,
    /// The work in the background that was started with the call.
    InBackground(oneshot::Sender<Ended>),
}

/// What is to be done with a call that is over.
pub(super) enum Ended {
    /// Its receipt is somebody else's to write: it counts the call.
    Counted(Closing),
    /// Its receipt is written.
    Own(Closing),
    /// Its receipt is written once others were counted in.
    Shared(Closing),
}

/// The pictures of a call, in the vendor's words.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(super) struct Picture {
    pub(super) quality: Option<String>,
    pub(super) size: Option<String>,
}
