//! Who may call how much: leases over requests, tokens and money, and over calls at once.
//!
//! A [`Limiter`] is the state of one instance, without clock and without I/O: its object keeps it,
//! `wire` is what travels to it. A lease is debited whole when it is granted, counted at the end of its
//! life, so that no rolling window can be passed by a call that begins late, and no budget by one that
//! begins in its next period; [`settle`] gives back what was not spent. A holder may be given more than
//! the call at hand needs, and spends that without asking.
//!
//! The promise for money: what is booked of a budget is the sum of its receipts and of what is held for
//! calls without one, and never more than its amount, unless a vendor bills more than its own bounds.
//!
//! [`settle`]: Limiter::settle

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    circuit::Breaker,
    ids::{LeaseId, OrganizationId},
    time::UnixMillis,
};

mod alerts;
pub mod calendar;
pub mod holder;
mod kept;
mod policy;
mod refusals;
mod settling;
mod standing;
#[cfg(test)]
mod tests;
mod tidying;
mod window;
pub mod wire;

pub use alerts::Alert;
use alerts::Alerts;
use calendar::Calendar;
pub use kept::{Bucket, Counts, Forgotten, Lease, Release};
use policy::Index;
pub use policy::{
    BadName, Epochs, Kind, Limit, Period, Policy, Scope, ScopeKind, Span, Terms, scopes_of_caller,
};
use refusals::Refusals;
use window::{Place, Ruler, Window};
use wire::{Ask, Denial, Grant, LeaseReply, Need, Refusal, Share, Spent, Standings};

/// How long a lease lives: no call begins after that.
pub const LEASE_MS: i64 = 2_000;
/// How long a settled lease is remembered, so that a repeated ask or report changes nothing.
const REMEMBER_MS: i64 = 60_000;
/// How long an unsettled one is, at least: the longest that a text call may run.
const UNSETTLED_MS: i64 = 3_600_000;
/// How long a slot is held, if the ask does not say.
const SLOT_MS: i64 = 600_000;
/// How much longer than the call's deadline: time to report.
const SLOT_GRACE_MS: i64 = 30_000;
/// When to ask again for a slot: nobody knows when one is freed.
const SLOT_RETRY_MS: i64 = 1_000;
/// Larger amounts count as this one, so that sums and the doubles of SQLite's binding stay exact.
const MOST: u64 = 1 << 40;
/// What part of what is left a holder may be given ahead of need, and what part of a whole budget.
const EXTRA_PART: u64 = 8;
const EXTRA_PART_OF_BUDGET: u64 = 100;

/// The limits of one instance, and what is used of them.
#[derive(Clone, Debug, Default)]
pub struct Limiter {
    alerts: Alerts,
    calendar: Calendar,
    circuits: Breaker,
    counts: Counts,
    /// Whether windows count the leases: not after a restore, before the limits are known.
    counted: bool,
    /// A policy older than this is never used again.
    floor: Epochs,
    /// Slots that are held, by scope.
    held: BTreeMap<Scope, u64>,
    index: Index,
    /// The epochs of the policy that was set last, dropped or not.
    last_epochs: Option<Epochs>,
    latest: UnixMillis,
    leases: BTreeMap<LeaseId, Lease>,
    /// The end of the last lease that was granted under an older policy than the present one.
    older_until: Option<UnixMillis>,
    policy: Option<Policy>,
    refusals: Refusals,
    slot_ends: BTreeSet<(UnixMillis, LeaseId)>,
    /// One a limit over time, as long as it holds something. That of a limit that was taken away stays, lest
    /// setting it anew begin at nothing.
    windows: BTreeMap<(Scope, Kind), Window>,
}

impl Limiter {
    /// Builds the state from what was kept: one row a lease, the buckets of those that are forgotten, and
    /// the alerts that were raised.
    ///
    /// Without policy at first, so it grants nothing before [`Limiter::set_policy`], which adds the leases
    /// to the windows of the limits that it brings.
    #[must_use]
    pub fn restore(leases: Vec<Lease>, buckets: &[Bucket], raised: &[Alert]) -> Self {
        let mut limiter = Self { alerts: Alerts::restore(raised), ..Self::default() };
        for lease in leases {
            limiter.hold(&lease);
            limiter.leases.insert(lease.lease_id.clone(), lease);
        }
        for bucket in buckets {
            let key = (bucket.scope.clone(), bucket.kind);
            let place = Place { index: bucket.index, leaves_at: bucket.leaves_at };
            limiter.windows.entry(key).or_default().add(place, bucket.amount);
        }
        // Nobody knows under which policy they were granted.
        limiter.outdate_leases();
        limiter
    }

    /// The organization whose Limiter is to be asked after this one.
    #[must_use]
    pub fn above(&self) -> Option<&OrganizationId> {
        self.policy.as_ref()?.above.as_ref()
    }

    /// The circuits of the instance's models. They know nothing of limits, and limits nothing of them.
    pub fn circuits(&mut self) -> &mut Breaker {
        &mut self.circuits
    }

    /// The answer to an ask, with the circuits that are not closed. A call that is let in may be the probe of its
    /// own: see [`Breaker::granted`].
    pub fn reply(&mut self, now: UnixMillis, scopes: &[Scope], grant: Grant) -> LeaseReply {
        let circuits = match grant {
            Grant::Granted(_) => self.circuits.granted(now, scopes),
            Grant::Denied(_) | Grant::NeedsPolicy | Grant::Stale { .. } => self.circuits.open(now),
        };
        LeaseReply { circuits, grant }
    }

    /// The epochs of the policy; `None` without one.
    #[must_use]
    pub fn epochs(&self) -> Option<Epochs> {
        self.policy.as_ref().map(Policy::epochs)
    }

    /// Takes a policy over, unless a newer one is known, and answers when the last lease ends that was
    /// granted under an older one: from then on nothing begins under that. `None` if it was too old.
    ///
    /// Who sets a policy that is there already gets the same answer: it may have come in from elsewhere
    /// a moment ago.
    ///
    /// A limit that is new counts the leases that are remembered; of older calls it knows nothing.
    pub fn set_policy(&mut self, now: UnixMillis, policy: Policy) -> Option<UnixMillis> {
        let now = self.tick(now);
        let epochs = policy.epochs();
        if epochs.older_than(self.floor) {
            return None;
        }
        let index = Index::of(&policy);
        // What leaves counts the leases that are remembered no more: they are added again should it return.
        for limit in self.index.all().filter(|limit| self.counted && !index.has(limit)) {
            let Some(ruler) = Ruler::of(limit.kind, self.calendar) else { continue };
            let Some(window) = self.windows.get_mut(&(limit.scope.clone(), limit.kind)) else {
                continue;
            };
            for lease in self.leases.values().filter(|lease| lease.scopes.contains(&limit.scope)) {
                window.take_back(ruler.bucket(lease.ends_at), lease.booked(limit));
            }
        }
        // A zone that is not known here was let in by a newer deploy: its days begin at midnight UTC.
        self.calendar = policy.time_zone.as_deref().and_then(Calendar::of).unwrap_or_default();
        for limit in index.all() {
            let Some(ruler) = Ruler::of(limit.kind, self.calendar) else { continue };
            let key = (limit.scope.clone(), limit.kind);
            // A limit that is new, or was away, knows nothing of the leases of that time.
            let counts_leases = self.counted && self.index.has(limit);
            let window = self.windows.entry(key).or_default();
            if !counts_leases {
                for lease in
                    self.leases.values().filter(|lease| lease.scopes.contains(&limit.scope))
                {
                    window.add(ruler.bucket(lease.ends_at), lease.booked(limit));
                }
            }
        }
        self.counted = true;
        self.index = index;
        if self.last_epochs != Some(epochs) {
            self.outdate_leases();
        }
        self.floor = epochs;
        self.last_epochs = Some(epochs);
        self.policy = Some(policy);
        Some(self.older_leases_end().filter(|end| *end > now).unwrap_or(now))
    }

    /// Lets go of the policy, and accepts none older than `epochs` from now on.
    ///
    /// What is used of its limits stays counted, and reports are taken as before.
    pub fn drop_policy(&mut self, epochs: Epochs) {
        if self.last_epochs.is_some_and(|last| last.older_than(epochs)) {
            self.outdate_leases();
        }
        self.floor = self.floor.newest(epochs);
        self.policy = None;
    }

    /// When the last unsettled lease ends, or has ended, that was granted under an older policy than the
    /// present one, or than the one that is awaited. `None` without any.
    #[must_use]
    pub fn older_leases_end(&self) -> Option<UnixMillis> {
        // A lease of the present policy was granted later, and so ends later.
        let until = self.older_until?;
        self.unsettled_ends().filter(|end| *end <= until).max()
    }

    /// Grants what is asked for, whole, in every scope and kind, or refuses and debits nothing.
    ///
    /// An ask that was answered before gets the same answer: a grant as long as the lease is remembered,
    /// a refusal for the life of a lease. What is granted must be kept ([`Limiter::lease_row`]) before
    /// the answer leaves.
    pub fn lease(&mut self, now: UnixMillis, ask: &Ask) -> Grant {
        let now = self.tick(now);
        if let Some(lease) = self.leases.get(&ask.lease_id) {
            return Grant::Granted(lease.share.clone());
        }
        if let Some(denial) = self.refusals.find(now, &ask.lease_id) {
            return Grant::Denied(denial);
        }
        if self.refusals.was_overtaken(now, &ask.lease_id) {
            // Its holder has given up: nobody waits for this answer.
            return Grant::NeedsPolicy;
        }
        let Some(epochs) = self.epochs() else { return Grant::NeedsPolicy };
        if epochs.older_than(ask.epochs) {
            return Grant::NeedsPolicy;
        }
        if ask.epochs.older_than(epochs) {
            self.counts.stale += 1;
            return Grant::Stale { epochs };
        }
        self.free_slots(now);
        let mut ask = ask.clone();
        ask.scopes.sort();
        ask.scopes.dedup();
        ask.need = ask.need.capped();
        ask.extra = ask.extra.capped();
        for limit in self.index.limits(&ask.scopes) {
            if let Some(window) = self.windows.get_mut(&(limit.scope.clone(), limit.kind)) {
                window.advance(now);
            }
        }
        let (enforced, shadowed): (Vec<_>, Vec<_>) =
            self.obstacles(now, &ask).partition(|(limit, _)| !limit.shadow);
        let shadowed: Vec<_> = shadowed.into_iter().map(|(_, refusal)| refusal).collect();
        // The one that lasts longest decides, lest the caller come back too early for another one.
        let longest = enforced
            .into_iter()
            .map(|(_, refusal)| refusal)
            .max_by_key(|refusal| refusal.retry_after_ms.unwrap_or(i64::MAX));
        if let Some(refusal) = longest {
            let denial = Denial { refusal, standing: self.standings(now, &ask.scopes) };
            // A call that never fits, or has no price, says nothing of what is spent.
            if ask.need.micros.is_some_and(|need| need <= denial.refusal.limit) {
                self.alerts.refused(now, self.calendar, &denial.refusal, &self.index);
            }
            self.refuse(now, ask.lease_id, denial.clone());
            return Grant::Denied(denial);
        }
        self.counts.granted += 1;
        self.counts.shadowed += u64::from(!shadowed.is_empty());
        Grant::Granted(self.debit(now, ask, shadowed))
    }

    /// Takes a grant back as if it had been refused, because a Limiter above refused the call.
    ///
    /// The row of the lease is to be deleted. A repeated ask gets the same refusal for a while.
    pub fn withdraw(&mut self, now: UnixMillis, lease_id: &LeaseId, denial: Denial) {
        self.cancel(lease_id);
        let now = self.tick(now);
        self.refuse(now, lease_id.clone(), denial);
    }

    /// Takes a grant back as if it had never been asked for. The row of the lease is to be deleted.
    pub fn cancel(&mut self, lease_id: &LeaseId) {
        let Some(lease) = self.leases.remove(lease_id) else { return };
        self.release(&lease);
        for limit in self.index.limits(&lease.scopes) {
            let Some(ruler) = Ruler::of(limit.kind, self.calendar) else { continue };
            if let Some(window) = self.windows.get_mut(&(limit.scope.clone(), limit.kind)) {
                window.take_back(ruler.bucket(lease.ends_at), lease.booked(limit));
            }
        }
    }

    /// A lease as it must be kept; `None` if it is not known.
    #[must_use]
    pub fn lease_row(&self, lease_id: &LeaseId) -> Option<&Lease> {
        self.leases.get(lease_id)
    }

    /// How much happened, and how large the state is.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let buckets: usize = self.windows.values().map(Window::len).sum();
        Counts {
            leases: u64::try_from(self.leases.len()).unwrap_or(u64::MAX),
            window_buckets: u64::try_from(buckets).unwrap_or(u64::MAX),
            ..self.counts
        }
    }

    /// Marks all leases that are held as granted under an older policy.
    fn outdate_leases(&mut self) {
        self.older_until = self.unsettled_ends().max().max(self.older_until);
    }

    fn unsettled_ends(&self) -> impl Iterator<Item = UnixMillis> {
        // Under one whose holder has said that no more begins, what runs has begun before.
        let open = self.leases.values().filter(|lease| !lease.done && lease.running.is_none());
        open.map(|lease| lease.ends_at)
    }

    /// Time never goes back here: when the clock does, it stands still until it has caught up.
    fn tick(&mut self, now: UnixMillis) -> UnixMillis {
        self.latest = self.latest.max(now);
        self.latest
    }

    fn debit(&mut self, now: UnixMillis, ask: Ask, shadowed: Vec<Refusal>) -> Share {
        let ends_at = self.lease_end(now, &ask.scopes);
        let extra = self.extra(&ask);
        let need = ask.need.plus(extra);
        let slot_until = (need.slots > 0).then(|| {
            let deadline = ask.deadline_ms.unwrap_or(SLOT_MS.unsigned_abs());
            slot_end(now, deadline)
        });
        let share = Share {
            expires_at: ends_at,
            extra,
            life_ms: ends_at.since(now),
            standing: Standings::default(),
            shadowed,
        };
        let mut lease = Lease {
            done: false,
            ends_at,
            lease_id: ask.lease_id,
            need,
            booked: Spent::all_of(need),
            booked_at_model: None,
            released: Vec::new(),
            reported: Spent::default(),
            running: None,
            scopes: ask.scopes,
            seq: 0,
            share,
            slot_until,
        };
        for limit in self.index.limits(&lease.scopes) {
            let Some(ruler) = Ruler::of(limit.kind, self.calendar) else { continue };
            let window = self.windows.entry((limit.scope.clone(), limit.kind)).or_default();
            window.add(ruler.bucket(ends_at), lease.booked(limit));
        }
        self.hold(&lease);
        lease.share.standing = self.standings(now, &lease.scopes);
        let share = lease.share.clone();
        self.leases.insert(lease.lease_id.clone(), lease);
        share
    }

    /// The end of a lease that is granted now: never later than that of a budget's period.
    fn lease_end(&self, now: UnixMillis, scopes: &[Scope]) -> UnixMillis {
        let periods = self.index.limits(scopes).filter_map(|limit| limit.kind.period());
        periods
            .map(|period| self.calendar.stretch(period, now).ends_at)
            .filter(|end| *end > now)
            .fold(now.plus(LEASE_MS), UnixMillis::min)
    }

    /// What of the extra is granted that is asked for: of each kind, of each limit at most a part of what
    /// is left. Less than another call like this one needs is of no use to the holder, and missing to others.
    fn extra(&self, ask: &Ask) -> Need {
        if ask.extra.requests == 0 {
            return Need::default();
        }
        let mut extra = ask.extra;
        for limit in self.index.limits(&ask.scopes).filter(|limit| !limit.shadow) {
            let need = ask.need.of(limit.kind).unwrap_or(0);
            let left = limit.max.saturating_sub(self.used(limit)).saturating_sub(need);
            let most = left / EXTRA_PART;
            match limit.kind {
                Kind::Budget(_) => {
                    let most = most.min(limit.max / EXTRA_PART_OF_BUDGET);
                    extra.micros = extra.micros.map(|micros| micros.min(most));
                }
                Kind::Concurrent => extra.slots = extra.slots.min(most),
                Kind::Requests(_) => extra.requests = extra.requests.min(most),
                Kind::Tokens(_) => extra.tokens = extra.tokens.min(most),
            }
        }
        let serves_another = extra.requests >= ask.need.requests.max(1)
            && extra.slots >= ask.need.slots
            && extra.tokens >= ask.need.tokens
            && extra.micros.unwrap_or(0) >= ask.need.micros.unwrap_or(0);
        if serves_another { extra } else { Need::default() }
    }

    fn refuse(&mut self, now: UnixMillis, lease_id: LeaseId, denial: Denial) {
        self.counts.denied += 1;
        self.refusals.remember(now, lease_id, denial);
    }
}

impl Need {
    fn capped(self) -> Self {
        Self {
            micros: self.micros.map(|micros| micros.min(MOST)),
            requests: self.requests.min(MOST),
            slots: self.slots.min(MOST),
            tokens: self.tokens.min(MOST),
        }
    }

    /// What it needs of a kind of limit; `None` if nobody can say.
    fn of(self, kind: Kind) -> Option<u64> {
        match kind {
            Kind::Budget(_) => self.micros,
            Kind::Concurrent => Some(self.slots),
            Kind::Requests(_) => Some(self.requests),
            Kind::Tokens(_) => Some(self.tokens),
        }
    }

    fn at_most(self, other: Self) -> Self {
        Self {
            micros: self.micros.map(|micros| micros.min(other.micros.unwrap_or(0))),
            requests: self.requests.min(other.requests),
            slots: self.slots.min(other.slots),
            tokens: self.tokens.min(other.tokens),
        }
    }

    fn minus(self, extra: Self) -> Self {
        let less = extra.micros.unwrap_or(0);
        Self {
            micros: self.micros.map(|micros| micros.saturating_sub(less)),
            requests: self.requests.saturating_sub(extra.requests),
            slots: self.slots.saturating_sub(extra.slots),
            tokens: self.tokens.saturating_sub(extra.tokens),
        }
    }

    /// Both together. Money that nobody can say stays so.
    fn plus(self, extra: Self) -> Self {
        let more = extra.micros.unwrap_or(0);
        Self {
            micros: self.micros.map(|micros| micros.saturating_add(more)),
            requests: self.requests.saturating_add(extra.requests),
            slots: self.slots.saturating_add(extra.slots),
            tokens: self.tokens.saturating_add(extra.tokens),
        }
    }
}

fn slot_end(now: UnixMillis, running_ms: u64) -> UnixMillis {
    now.plus(i64::try_from(running_ms).unwrap_or(i64::MAX)).plus(SLOT_GRACE_MS)
}
