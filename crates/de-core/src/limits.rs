//! Who may call how much: leases over requests and tokens in rolling windows, and over calls at once.
//!
//! A [`Limiter`] is the state of one instance, without clock and without I/O: its object keeps it,
//! `wire` is what travels to it. A lease is debited whole when it is granted, counted at the end of its
//! life, so that no rolling window can be passed by a call that begins late; [`settle`] gives back what
//! was not spent. Leases cover one call each here; budgets and shares ahead of need are not in it yet.
//!
//! [`settle`]: Limiter::settle

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    ids::{LeaseId, OrganizationId},
    time::UnixMillis,
};

mod kept;
mod policy;
mod refusals;
#[cfg(test)]
mod tests;
mod window;
pub mod wire;

pub use kept::{Bucket, Counts, Forgotten, Lease};
use policy::Index;
pub use policy::{BadName, Epochs, Kind, Limit, Policy, Scope, ScopeKind, Span};
use refusals::Refusals;
use window::Window;
use wire::{
    Ask, Denial, Grant, Need, Refusal, SettleRequest, Settled, Share, Spent, Standing, Standings,
};

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

/// The limits of one instance, and what is used of them.
#[derive(Clone, Debug, Default)]
pub struct Limiter {
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
    /// One a limit over time, as long as it holds something.
    windows: BTreeMap<(Scope, Kind), Window>,
}

impl Limiter {
    /// Builds the state from what was kept: one row a lease, and the buckets of those that are forgotten.
    ///
    /// Without policy at first, so it grants nothing before [`Limiter::set_policy`], which adds the leases
    /// to the windows of the limits that it brings.
    #[must_use]
    pub fn restore(leases: Vec<Lease>, buckets: &[Bucket]) -> Self {
        let mut limiter = Self::default();
        for lease in leases {
            limiter.hold(&lease);
            limiter.leases.insert(lease.lease_id.clone(), lease);
        }
        for bucket in buckets {
            if let Some(span) = bucket.kind.span() {
                let key = (bucket.scope.clone(), bucket.kind);
                let window = limiter.windows.entry(key).or_insert_with(|| Window::new(span));
                window.add(bucket.index, bucket.amount);
            }
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
        let mut windows = BTreeMap::new();
        for limit in index.all() {
            let key = (limit.scope.clone(), limit.kind);
            let Some(span) = limit.kind.span() else { continue };
            let known = self.windows.remove(&key);
            let counts_leases = known.is_some() && self.counted;
            let mut window = known.unwrap_or_else(|| Window::new(span));
            if !counts_leases {
                for lease in
                    self.leases.values().filter(|lease| lease.scopes.contains(&limit.scope))
                {
                    window.add(Window::index(span, lease.ends_at), lease.booked(limit.kind));
                }
            }
            windows.insert(key, window);
        }
        self.counted = true;
        self.windows = windows;
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
            self.refuse(now, ask.lease_id, denial.clone());
            return Grant::Denied(denial);
        }
        self.counts.granted += 1;
        self.counts.shadowed += u64::from(!shadowed.is_empty());
        Grant::Granted(self.debit(now, ask, shadowed))
    }

    /// Settles a lease by a report of all that it has spent so far.
    ///
    /// A report that is not newer than one seen before changes nothing. Tokens beyond what was reserved
    /// are booked at once and in full; what was reserved and not spent is given back by the last report
    /// only, into the bucket that was debited or nowhere. When `Applied` or `OverCeiling`, the row has
    /// changed and must be kept before the answer leaves.
    pub fn settle(&mut self, now: UnixMillis, report: &SettleRequest) -> Settled {
        let now = self.tick(now);
        self.free_slots(now);
        let Some(lease) = self.leases.get_mut(&report.lease_id) else { return Settled::Unknown };
        if lease.done || report.seq <= lease.seq {
            return Settled::Repeated;
        }
        let before = lease.clone();
        let spent = report.spent.capped();
        lease.seq = report.seq;
        lease.done = report.is_final;
        lease.booked = if report.is_final { spent } else { spent.at_least(lease.need) };
        lease.slot_until = match (report.is_final, report.running_ms, lease.slot_until) {
            (true, _, _) => None,
            (false, Some(more), Some(until)) => Some(until.max(slot_end(now, more))),
            (false, _, until) => until,
        };
        let after = lease.clone();
        self.release(&before);
        self.hold(&after);
        for limit in self.index.limits(&after.scopes) {
            let Some(span) = limit.kind.span() else { continue };
            let bucket = Window::index(span, after.ends_at);
            if Window::leaves_at(span, bucket) <= now {
                continue;
            }
            let key = (limit.scope.clone(), limit.kind);
            let window = self.windows.entry(key).or_insert_with(|| Window::new(span));
            let (was, is) = (before.booked(limit.kind), after.booked(limit.kind));
            window.take_back(bucket, was.saturating_sub(is));
            window.add(bucket, is.saturating_sub(was));
        }
        if spent.tokens > before.need.tokens { Settled::OverCeiling } else { Settled::Applied }
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
            let Some(span) = limit.kind.span() else { continue };
            if let Some(window) = self.windows.get_mut(&(limit.scope.clone(), limit.kind)) {
                window.take_back(Window::index(span, lease.ends_at), lease.booked(limit.kind));
            }
        }
    }

    /// A lease as it must be kept; `None` if it is not known.
    #[must_use]
    pub fn lease_row(&self, lease_id: &LeaseId) -> Option<&Lease> {
        self.leases.get(lease_id)
    }

    /// Forgets leases that nobody will ask for any more; windows go on counting them.
    ///
    /// That is a settled one a minute after its life, and an unsettled one when it counts in no window
    /// any more, though not within the hour nor while it holds a slot.
    pub fn forget(&mut self, now: UnixMillis) -> Forgotten {
        let now = self.tick(now);
        self.free_slots(now);
        if !self.counted {
            // Without the limits, nobody could say which buckets the leases still count in.
            return Forgotten::default();
        }
        let mut sums = BTreeMap::<(Scope, Kind, i64), Bucket>::new();
        let mut gone = Vec::new();
        for lease in self.leases.values().filter(|lease| self.forgettable_at(lease) <= now) {
            gone.push(lease.lease_id.clone());
            for limit in self.index.limits(&lease.scopes) {
                let Some(span) = limit.kind.span() else { continue };
                let index = Window::index(span, lease.ends_at);
                let leaves_at = Window::leaves_at(span, index);
                if leaves_at <= now {
                    continue;
                }
                let (scope, kind) = (limit.scope.clone(), limit.kind);
                let key = (scope.clone(), kind, index);
                let empty = Bucket { amount: 0, index, kind, leaves_at, scope };
                let bucket = sums.entry(key).or_insert(empty);
                bucket.amount = bucket.amount.saturating_add(lease.booked(kind));
            }
        }
        for lease_id in &gone {
            self.leases.remove(lease_id);
        }
        self.windows.retain(|_, window| {
            window.advance(now);
            !window.is_empty()
        });
        let buckets = sums.into_values().filter(|bucket| bucket.amount > 0).collect();
        Forgotten { buckets, leases: gone }
    }

    /// Whether something is held that cannot be forgotten, because the limits are not known yet.
    #[must_use]
    pub fn waits_for_policy(&self) -> bool {
        let holds = !self.leases.is_empty() || !self.windows.is_empty();
        holds && !self.counted
    }

    /// When there may be something to forget; `None` if nothing is held, or if nothing can be forgotten
    /// before the limits are known ([`Limiter::waits_for_policy`]).
    #[must_use]
    pub fn tidy_at(&self, now: UnixMillis) -> Option<UnixMillis> {
        if !self.counted {
            return None;
        }
        let leases = self.leases.values().map(|lease| self.forgettable_at(lease)).min();
        let windows = (!self.windows.is_empty()).then(|| now.plus(Span::Day.bucket_ms()));
        leases.into_iter().chain(windows).min()
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
        self.leases.values().filter(|lease| !lease.done).map(|lease| lease.ends_at)
    }

    /// Time never goes back here: when the clock does, it stands still until it has caught up.
    fn tick(&mut self, now: UnixMillis) -> UnixMillis {
        self.latest = self.latest.max(now);
        self.latest
    }

    /// The limits without room for an ask.
    fn obstacles<'a>(
        &'a self,
        now: UnixMillis,
        ask: &'a Ask,
    ) -> impl Iterator<Item = (&'a Limit, Refusal)> {
        self.index.limits(&ask.scopes).filter_map(move |limit| {
            let need = ask.need.of(limit.kind);
            let used = self.used(limit);
            if need == 0 || used.checked_add(need).is_some_and(|sum| sum <= limit.max) {
                return None;
            }
            let retry_after_ms = match (limit.kind, self.window(limit)) {
                (Kind::Concurrent, _) => (need <= limit.max).then_some(SLOT_RETRY_MS),
                (Kind::Requests(_) | Kind::Tokens(_), Some(window)) => {
                    window.free_at(need, limit.max).map(|at| at.since(now))
                }
                (Kind::Requests(_) | Kind::Tokens(_), None) => None,
            };
            let Limit { kind, max, ref scope, .. } = *limit;
            Some((limit, Refusal { kind, limit: max, retry_after_ms, scope: scope.clone() }))
        })
    }

    fn debit(&mut self, now: UnixMillis, ask: Ask, shadowed: Vec<Refusal>) -> Share {
        let ends_at = now.plus(LEASE_MS);
        let slot_until = (ask.need.slots > 0).then(|| {
            let deadline = ask.deadline_ms.unwrap_or(SLOT_MS.unsigned_abs());
            slot_end(now, deadline)
        });
        let share = Share {
            expires_at: ends_at,
            life_ms: LEASE_MS,
            standing: Standings::default(),
            shadowed,
        };
        let mut lease = Lease {
            done: false,
            ends_at,
            lease_id: ask.lease_id,
            need: ask.need,
            booked: Spent { requests: ask.need.requests, tokens: ask.need.tokens },
            scopes: ask.scopes,
            seq: 0,
            share,
            slot_until,
        };
        for limit in self.index.limits(&lease.scopes) {
            let Some(span) = limit.kind.span() else { continue };
            let key = (limit.scope.clone(), limit.kind);
            let window = self.windows.entry(key).or_insert_with(|| Window::new(span));
            window.add(Window::index(span, ends_at), lease.booked(limit.kind));
        }
        self.hold(&lease);
        lease.share.standing = self.standings(now, &lease.scopes);
        let share = lease.share.clone();
        self.leases.insert(lease.lease_id.clone(), lease);
        share
    }

    fn refuse(&mut self, now: UnixMillis, lease_id: LeaseId, denial: Denial) {
        self.counts.denied += 1;
        self.refusals.remember(now, lease_id, denial);
    }

    fn standings(&self, now: UnixMillis, scopes: &[Scope]) -> Standings {
        let mut tightest = Standings::default();
        for limit in self.index.limits(scopes).filter(|limit| !limit.shadow) {
            let place = match limit.kind {
                Kind::Concurrent => continue,
                Kind::Requests(_) => &mut tightest.requests,
                Kind::Tokens(_) => &mut tightest.tokens,
            };
            let remaining = limit.max.saturating_sub(self.used(limit));
            if place.as_ref().is_some_and(|other| other.remaining <= remaining) {
                continue;
            }
            let empty_at = self.window(limit).and_then(Window::empty_at);
            *place = Some(Standing {
                kind: limit.kind,
                limit: limit.max,
                remaining,
                reset_ms: empty_at.map_or(0, |at| at.since(now)),
                scope: limit.scope.clone(),
            });
        }
        tightest
    }

    fn used(&self, limit: &Limit) -> u64 {
        match limit.kind {
            Kind::Concurrent => self.held.get(&limit.scope).copied().unwrap_or(0),
            Kind::Requests(_) | Kind::Tokens(_) => self.window(limit).map_or(0, Window::sum),
        }
    }

    fn window(&self, limit: &Limit) -> Option<&Window> {
        self.windows.get(&(limit.scope.clone(), limit.kind))
    }

    fn forgettable_at(&self, lease: &Lease) -> UnixMillis {
        if lease.done {
            return lease.ends_at.plus(REMEMBER_MS);
        }
        let counts_until = self
            .index
            .limits(&lease.scopes)
            .filter_map(|limit| limit.kind.span())
            .map(|span| Window::leaves_at(span, Window::index(span, lease.ends_at)));
        counts_until.chain(lease.slot_until).fold(lease.ends_at.plus(UNSETTLED_MS), UnixMillis::max)
    }

    /// Counts the slots that a lease holds.
    fn hold(&mut self, lease: &Lease) {
        let Some(until) = lease.slot_until else { return };
        self.slot_ends.insert((until, lease.lease_id.clone()));
        for scope in &lease.scopes {
            let held = self.held.entry(scope.clone()).or_default();
            *held = held.saturating_add(lease.need.slots);
        }
    }

    /// Gives back the slots that a lease holds.
    fn release(&mut self, lease: &Lease) {
        let Some(until) = lease.slot_until else { return };
        self.slot_ends.remove(&(until, lease.lease_id.clone()));
        for scope in &lease.scopes {
            if let Some(held) = self.held.get_mut(scope) {
                *held = held.saturating_sub(lease.need.slots);
                if *held == 0 {
                    self.held.remove(scope);
                }
            }
        }
    }

    /// Frees the slots whose holders have not been heard of in time. A restored row frees them again.
    fn free_slots(&mut self, now: UnixMillis) {
        while let Some((until, lease_id)) = self.slot_ends.first().cloned() {
            if until > now {
                break;
            }
            self.slot_ends.pop_first();
            if let Some(lease) = self.leases.get_mut(&lease_id) {
                let held = lease.clone();
                lease.slot_until = None;
                self.release(&held);
            }
        }
    }
}

impl Need {
    fn capped(self) -> Self {
        Self {
            requests: self.requests.min(MOST),
            slots: self.slots.min(MOST),
            tokens: self.tokens.min(MOST),
        }
    }

    fn of(self, kind: Kind) -> u64 {
        match kind {
            Kind::Concurrent => self.slots,
            Kind::Requests(_) => self.requests,
            Kind::Tokens(_) => self.tokens,
        }
    }
}

impl Spent {
    fn capped(self) -> Self {
        Self { requests: self.requests.min(MOST), tokens: self.tokens.min(MOST) }
    }

    fn at_least(self, need: Need) -> Self {
        Self { requests: self.requests.max(need.requests), tokens: self.tokens.max(need.tokens) }
    }
}

fn slot_end(now: UnixMillis, running_ms: u64) -> UnixMillis {
    now.plus(i64::try_from(running_ms).unwrap_or(i64::MAX)).plus(SLOT_GRACE_MS)
}
