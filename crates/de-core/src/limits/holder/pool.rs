//! How much one set of scopes asks for ahead, and what it learns that from.

use super::Open;
use crate::{
    ids::LeaseId,
    limits::wire::{Need, Spent},
    time::UnixMillis,
};

/// The most calls that are asked for ahead.
const MOST_AHEAD: u64 = 512;

/// The leases of one set of scopes.
#[derive(Clone, Debug)]
pub(super) struct Pool {
    /// How many calls are asked for ahead.
    pub(super) ahead: u64,
    /// How many calls were under way at once, lately.
    pub(super) at_once: u64,
    /// What part of its bounds a call spends, lately: of its money, and of its tokens.
    micros_part: Part,
    tokens_part: Part,
    /// Its leases under which a call may still begin, the newest last.
    pub(super) leases: Vec<LeaseId>,
    /// Until when the last lease would have lived that was used up before, and how many calls it was asked
    /// for ahead.
    used_up: Option<(UnixMillis, u64)>,
}

/// A part of a whole, in thousandths, as the mean of the last few.
#[derive(Clone, Copy, Debug)]
struct Part(u64);

impl Part {
    /// An eighth of the mean is the newest one.
    fn learn(&mut self, spent: u64, bound: u64) {
        if bound > 0 {
            let part = spent.saturating_mul(1_000).div_ceil(bound).min(1_000);
            self.0 = (self.0 * 7 + part).div_ceil(8);
        }
    }

    fn of(self, amount: u64) -> u64 {
        amount.saturating_mul(self.0).div_ceil(1_000)
    }
}

impl Default for Pool {
    fn default() -> Self {
        let whole = Part(1_000);
        Self {
            ahead: 0,
            at_once: 0,
            leases: Vec::new(),
            micros_part: whole,
            tokens_part: whole,
            used_up: None,
        }
    }
}

impl Pool {
    /// Learns from a lease under which nobody begins any more. Only from those of the present width, so that
    /// one quiet moment counts once.
    pub(super) fn learn(&mut self, now: UnixMillis, open: &Open) {
        if open.left.requests == 0 && now < open.until {
            self.used_up = Some((open.until, open.width));
        } else if open.width == self.ahead && open.left.requests * 2 >= open.width.max(1) {
            self.ahead /= 2;
        }
    }

    /// Learns from a call that has ended what part of its bounds it has spent.
    pub(super) fn learn_spending(&mut self, need: Need, spent: Spent) {
        self.tokens_part.learn(spent.tokens, need.tokens);
        self.micros_part.learn(spent.micros, need.micros.unwrap_or(0));
    }

    /// Asks for more calls ahead, if the last lease as wide as the next one was used up before its time.
    /// Of leases as wide as that, so that many calls at once double it once.
    pub(super) fn widen(&mut self, now: UnixMillis, is_used_up: bool) {
        let was_used_up =
            self.used_up.is_some_and(|(until, width)| now < until && width == self.ahead);
        if was_used_up || is_used_up {
            self.ahead = (self.ahead * 2).clamp(1, MOST_AHEAD);
        }
    }

    /// What is asked for ahead: the calls, what they are likely to spend, and the bounds of those that are
    /// likely to be under way at once.
    pub(super) fn extra(&self, need: Need) -> Need {
        let calls = self.ahead;
        if calls == 0 {
            return Need::default();
        }
        let under_way = self.at_once.min(calls);
        let likely = |bound: u64, part: Part| {
            let spent = part.of(bound.saturating_mul(calls));
            let most = bound.saturating_mul(calls);
            spent.saturating_add(bound.saturating_mul(under_way)).min(most)
        };
        Need {
            micros: need.micros.map(|micros| likely(micros, self.micros_part)),
            requests: need.requests.saturating_mul(calls),
            slots: need.slots.saturating_mul(under_way.max(1)),
            tokens: likely(need.tokens, self.tokens_part),
        }
    }
}
