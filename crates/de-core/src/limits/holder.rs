//! The holder's side of leases: what a worker has been granted and may spend without asking.
//!
//! Plain data without clock and without I/O: the calls of one isolate share it, and each of them only ever
//! waits for what it does itself. `shares` asks, reports and waits.
//!
//! What a call has reserved and not spent goes back into its lease, for the next call: a holder needs as much
//! as its calls spend, and what those under way may yet spend, not the sum of their bounds.
//!
//! A lease is of one set of scopes. A quiet holder is granted what its call needs, and gives the rest back
//! with its only report. One that uses up a lease before its time asks for twice as many calls ahead the next
//! time; one that leaves half of it unused, for half as many.

mod open;
mod pool;

use std::collections::BTreeMap;

use self::{
    open::{Hold, Open},
    pool::Pool,
};
use super::{
    policy::{Epochs, Scope},
    wire::{Need, SettleRequest, Share, Spent, Standings},
};
use crate::{
    ids::{InstanceId, LeaseId},
    receipt::Receipt,
    time::UnixMillis,
};

/// How long receipts are gathered while other calls of the lease run: nothing waits longer for its
/// settlement, but for the report that is on its way.
const GATHER_MS: i64 = 500;
/// The most receipts of one report.
const REPORT_RECEIPTS: usize = 200;
/// How long a report may be on its way before another call sends it again: its sender may be gone.
const UNDER_WAY_MS: i64 = 2_500;
/// How often to look whether a report that another call sends has arrived.
const LOOK_MS: i64 = 25;
/// How often a report is tried before its receipts go straight to the database.
const TRIES: u32 = 2;
/// How often a report without receipts is tried: some sixteen seconds, with pauses that double.
const PATIENT_TRIES: u32 = 7;
/// The pause before a report is tried again.
const RETRY_MS: i64 = 250;
/// How long what is left behind is remembered.
const FORGET_MS: i64 = 3_600_000;
/// How many sets of scopes are remembered that hold no lease, and how many leases that nobody will end.
const IDLE_POOLS: usize = 1_000;
const OLD_LEASES: usize = 10_000;

/// Whose leases can serve a call: those of its instance with just its scopes.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Key {
    instance: InstanceId,
    scopes: Vec<Scope>,
}

impl Key {
    /// Of some scopes, in any order.
    #[must_use]
    pub fn new(instance: &InstanceId, mut scopes: Vec<Scope>) -> Self {
        scopes.sort();
        scopes.dedup();
        Self { instance: instance.clone(), scopes }
    }

    /// The scopes, each once.
    #[must_use]
    pub fn scopes(&self) -> &[Scope] {
        &self.scopes
    }
}

/// One call under a lease.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CallId {
    /// The lease that it spends of.
    pub lease_id: LeaseId,
    /// Which of this holder's calls.
    pub number: u64,
}

/// What a call is told that wants to begin.
#[derive(Clone, Debug, PartialEq)]
pub enum Take {
    /// Nothing at hand: ask the Limiter, and for so much more.
    Ask {
        /// For the calls to come.
        extra: Need,
    },
    /// It may begin.
    Share(Taken),
    /// Its copy of the configuration is older than the one that leases were granted under.
    Stale(Epochs),
}

/// A share that was at hand.
#[derive(Clone, Debug, PartialEq)]
pub struct Taken {
    /// The call, for [`Holder::end`].
    pub call: CallId,
    /// The last moment at which it may count as admitted, by the Limiter's clock.
    pub expires_at: UnixMillis,
    /// For the headers of its answer.
    pub standing: Standings,
}

/// A grant as the holder heard of it.
#[derive(Clone, Debug)]
pub struct Granted {
    /// When it was asked for: its life counts from then.
    pub asked_at: UnixMillis,
    /// The first call's own deadline.
    pub deadline: UnixMillis,
    /// The copy of the configuration that it was asked with.
    pub epochs: Epochs,
    /// Which lease.
    pub lease_id: LeaseId,
    /// What the call that asked needs.
    pub need: Need,
    /// The grant.
    pub share: Share,
}

/// What has become of a call.
#[derive(Clone, Debug)]
pub struct Ended {
    /// Its receipt.
    pub receipt: Receipt,
    /// What it has spent in its caller's scopes.
    pub spent: Spent,
    /// What it has spent in the scopes of its first model.
    pub spent_at_model: Spent,
}

/// What a call that has ended does next.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// Nothing: its receipt is kept, and whoever is left gives the lease back.
    Done,
    /// Send this report, and say by [`Holder::sent`] how that went.
    Send(Box<SettleRequest>),
    /// Look again after so many milliseconds.
    Wait(i64),
    /// The Limiter does not take it: write these receipts straight to the database, and say so by
    /// [`Holder::written`].
    Write(Vec<Receipt>),
}

/// All leases of one isolate.
#[derive(Clone, Debug, Default)]
pub struct Holder {
    leases: BTreeMap<LeaseId, Open>,
    next_number: u64,
    pools: BTreeMap<Key, Pool>,
}

impl Holder {
    /// Lets a call begin if there is a share for it at hand.
    pub fn take(
        &mut self,
        now: UnixMillis,
        key: &Key,
        epochs: Epochs,
        need: Need,
        deadline: UnixMillis,
    ) -> Take {
        self.close_old(now, key);
        let at_hand = self.pools.get(key).map(|pool| pool.leases.clone()).unwrap_or_default();
        self.count_at_once(key, &at_hand);
        if let Some(take) = self.take_of(&at_hand, epochs, need, deadline) {
            return take;
        }
        let pool = self.pools.entry(key.clone()).or_default();
        // What is at hand and does not do is used up before its time, or it would not be here any more.
        let is_used_up = |lease_id: &LeaseId| {
            let open = self.leases.get(lease_id);
            open.is_some_and(|open| !open.fits(need) && open.width == pool.ahead)
        };
        let is_used_up = at_hand.iter().any(is_used_up);
        pool.widen(now, is_used_up);
        Take::Ask { extra: pool.extra(need) }
    }

    /// The same for a call that the Limiter has just refused: while it asked, another one may have been granted
    /// what the Limiter then did not have any more. `None`: it stays refused.
    pub fn take_refused(
        &mut self,
        now: UnixMillis,
        key: &Key,
        epochs: Epochs,
        need: Need,
        deadline: UnixMillis,
    ) -> Option<Take> {
        self.close_old(now, key);
        let at_hand = self.pools.get(key)?.leases.clone();
        self.take_of(&at_hand, epochs, need, deadline)
    }

    /// A share of the first of these leases that has one.
    fn take_of(
        &mut self,
        leases: &[LeaseId],
        epochs: Epochs,
        need: Need,
        deadline: UnixMillis,
    ) -> Option<Take> {
        for lease_id in leases {
            let Some(open) = self.leases.get_mut(lease_id) else { continue };
            if epochs.older_than(open.epochs) {
                return Some(Take::Stale(open.epochs));
            }
            if open.epochs.older_than(epochs) || !open.fits(need) {
                continue;
            }
            open.left = open.left.less(need);
            self.next_number += 1;
            open.calls.insert(self.next_number, Hold { deadline, need });
            let call = CallId { lease_id: lease_id.clone(), number: self.next_number };
            let standing = open.standing();
            return Some(Take::Share(Taken { call, expires_at: open.expires_at, standing }));
        }
        None
    }

    /// Notes how many calls are under way at once, the one that comes now included.
    fn count_at_once(&mut self, key: &Key, leases: &[LeaseId]) {
        let under_way = leases.iter().filter_map(|lease_id| self.leases.get(lease_id));
        let under_way: usize = under_way.map(|open| open.calls.len()).sum();
        let at_once = u64::try_from(under_way).unwrap_or(u64::MAX).saturating_add(1);
        if let Some(pool) = self.pools.get_mut(key) {
            pool.at_once = pool.at_once.max(at_once);
        }
    }

    /// Takes over a lease that was granted. The call that asked for it has begun.
    pub fn granted(&mut self, key: &Key, granted: Granted) -> CallId {
        let Granted { asked_at, deadline, epochs, lease_id, need, share } = granted;
        self.make_room(asked_at);
        self.next_number += 1;
        let number = self.next_number;
        let pool = self.pools.entry(key.clone()).or_default();
        pool.leases.push(lease_id.clone());
        let open = Open {
            calls: BTreeMap::from([(number, Hold { deadline, need })]),
            epochs,
            expires_at: share.expires_at,
            failures: 0,
            first_waits_since: asked_at,
            is_final: false,
            reported: false,
            key: key.clone(),
            left: share.extra,
            model: Spent::default(),
            seq: 0,
            sending: None,
            spent: Spent::default(),
            standing: share.standing,
            until: asked_at.plus(share.life_ms),
            waiting: BTreeMap::new(),
            width: pool.ahead,
        };
        self.leases.insert(lease_id.clone(), open);
        CallId { lease_id, number }
    }

    /// Notes the end of a call.
    pub fn end(&mut self, now: UnixMillis, call: &CallId, ended: Ended) {
        let Some(open) = self.leases.get_mut(&call.lease_id) else { return };
        let Some(Hold { need, .. }) = open.calls.remove(&call.number) else { return };
        // What is held without a receipt is gone for this lease as well.
        let spent = ended.spent.at_most_with(ended.spent_at_model);
        open.left = open.left.regained(need, spent);
        if let Some(pool) = self.pools.get_mut(&open.key) {
            pool.learn_spending(need, spent);
        }
        open.spent = open.spent.and(ended.spent);
        open.model = open.model.and(ended.spent_at_model);
        if open.waiting.is_empty() {
            open.first_waits_since = now;
        }
        open.waiting.insert(call.number, ended.receipt);
    }

    /// What a call does that has ended.
    pub fn next(&mut self, now: UnixMillis, call: &CallId) -> Next {
        let Some(open) = self.leases.get_mut(&call.lease_id) else { return Next::Done };
        if open.is_sending(now) {
            return Next::Wait(LOOK_MS);
        }
        let is_over = open.left.requests == 0 || now >= open.until;
        let is_quiet = open.calls.is_empty();
        if open.waiting.contains_key(&call.number) {
            if open.failures >= TRIES {
                let receipts = open.waiting.values().take(REPORT_RECEIPTS);
                return Next::Write(receipts.cloned().collect());
            }
            let waits_ms = now.since(open.first_waits_since);
            // Nothing more comes, or enough has.
            let is_last = is_quiet && is_over;
            let is_due = is_last || waits_ms >= GATHER_MS || open.waiting.len() >= REPORT_RECEIPTS;
            return if is_due {
                Next::Send(Box::new(open.report(now, &call.lease_id, is_over)))
            } else {
                Next::Wait(GATHER_MS - waits_ms)
            };
        }
        // Its receipt is kept. Others that run, or wait for their receipts, will be here too.
        if !is_quiet || !open.waiting.is_empty() {
            return Next::Done;
        }
        if open.is_given_back() {
            self.forget(now, &call.lease_id);
            return Next::Done;
        }
        if is_over {
            return Next::Send(Box::new(open.report(now, &call.lease_id, true)));
        }
        // Its keeper gives it back.
        Next::Done
    }

    /// What the keeper of a lease does: when its life ends, gives back what nobody may begin with any more, also
    /// while calls run on.
    pub fn keep(&mut self, now: UnixMillis, lease_id: &LeaseId) -> Next {
        let Some(open) = self.leases.get_mut(lease_id) else { return Next::Done };
        if open.is_given_back() {
            if open.calls.is_empty() && open.waiting.is_empty() {
                self.forget(now, lease_id);
            }
            return Next::Done;
        }
        if open.left.requests == 0 {
            // Used up: each of its calls reports for good when it ends, and till then holds what is left.
            return Next::Done;
        }
        if now < open.until {
            return Next::Wait(open.until.since(now));
        }
        if open.is_sending(now) {
            return Next::Wait(LOOK_MS);
        }
        Next::Send(Box::new(open.report(now, lease_id, true)))
    }

    /// Notes how a report went. After a failure, the pause before the next try is told.
    pub fn sent(
        &mut self,
        now: UnixMillis,
        lease_id: &LeaseId,
        seq: u64,
        arrived: bool,
    ) -> Option<i64> {
        let open = self.leases.get_mut(lease_id)?;
        if open.sending.as_ref().is_none_or(|sending| sending.seq != seq) {
            // It took so long that another call has sent a newer one.
            return None;
        }
        let sending = open.sending.take()?;
        if !arrived {
            open.failures += 1;
            let has_receipts = !open.waiting.is_empty();
            let goes_on = !has_receipts || open.failures < TRIES;
            return goes_on.then(|| RETRY_MS << open.failures.saturating_sub(1).min(6));
        }
        open.failures = 0;
        open.reported = true;
        for number in sending.calls {
            open.waiting.remove(&number);
        }
        open.first_waits_since = now;
        None
    }

    /// Notes that receipts went straight to the database. The lease is left to its Limiter, which finds them
    /// there or holds what they may have spent.
    pub fn written(&mut self, now: UnixMillis, lease_id: &LeaseId, receipts: &[Receipt]) {
        let Some(open) = self.leases.get_mut(lease_id) else { return };
        open.waiting
            .retain(|_, waits| receipts.iter().all(|kept| kept.receipt_id != waits.receipt_id));
        // What it has spent is still to be reported, and what is left to be given back: by calls that still
        // run, with their own end, or by who has written.
        open.failures = 0;
        open.reported = false;
        open.left.requests = 0;
        open.until = open.until.min(now);
    }

    /// How many leases are held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.leases.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.leases.is_empty()
    }

    /// Takes leases out of a pool under which nobody may begin any more, and learns from how they were used.
    fn close_old(&mut self, now: UnixMillis, key: &Key) {
        let Some(pool) = self.pools.get_mut(key) else {
            self.make_room(now);
            return;
        };
        let leases = &self.leases;
        for lease_id in std::mem::take(&mut pool.leases) {
            let Some(open) = leases.get(&lease_id) else { continue };
            if now >= open.until || open.is_final {
                pool.learn(now, open);
            } else {
                pool.leases.push(lease_id);
            }
        }
        if pool.leases.is_empty() {
            pool.at_once -= pool.at_once / 4;
        }
    }

    /// Forgets scopes without leases when there are many, and leases whose calls never ended.
    fn make_room(&mut self, now: UnixMillis) {
        if self.pools.len() < IDLE_POOLS && self.leases.len() < OLD_LEASES {
            return;
        }
        self.leases.retain(|_, open| now.since(open.until) < FORGET_MS);
        let leases = &self.leases;
        self.pools
            .retain(|_, pool| pool.leases.iter().any(|lease_id| leases.contains_key(lease_id)));
    }

    fn forget(&mut self, now: UnixMillis, lease_id: &LeaseId) {
        let Some(open) = self.leases.remove(lease_id) else { return };
        let Some(pool) = self.pools.get_mut(&open.key) else { return };
        if let Some(place) = pool.leases.iter().position(|known| known == lease_id) {
            pool.leases.remove(place);
            pool.learn(now, &open);
        }
    }
}

impl Standings {
    /// How limits stand for a caller whose holder may still spend so much: that is not used.
    #[must_use]
    pub fn with_unspent(mut self, left: Need) -> Self {
        let unspent = [
            (&mut self.budget, left.micros.unwrap_or(0)),
            (&mut self.requests, left.requests),
            (&mut self.tokens, left.tokens),
        ];
        for (place, left) in unspent {
            if let Some(place) = place {
                place.remaining = place.remaining.saturating_add(left).min(place.limit);
            }
        }
        self
    }
}

#[cfg(test)]
mod tests;
