//! What a call's answer says while it comes: its words, its counts, how it ends, what it costs.

use super::{Books, ending::price, entry::Picture};
use crate::{
    chat::Finish,
    money::Micros,
    receipt::{ReceiptStatus, Usage},
};

impl Books {
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

    /// Whether the call is closed, and not because its client left.
    #[must_use]
    pub fn is_closed_and_not_left(&self) -> bool {
        self.entry.lock().is_ok_and(|entry| {
            entry.closing.is_none() && entry.receipt.status != ReceiptStatus::Cancelled
        })
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
}
