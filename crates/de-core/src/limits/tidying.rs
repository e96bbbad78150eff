//! What is let go: leases that are over, and money that was held for nobody.

use std::collections::BTreeMap;

use super::{
    Bucket, Forgotten, Kind, Lease, Limit, Limiter, REMEMBER_MS, Release, Ruler, Scope, Span,
    UNSETTLED_MS,
    standing::{is_lost, lost_at},
};
use crate::{ids::LeaseId, time::UnixMillis};

const HOUR_MS: i64 = 3_600_000;

impl Limiter {
    /// Forgets leases that nobody will ask for any more; windows go on counting them.
    ///
    /// That is a settled one a minute after its life, and an unsettled one when it counts in no window
    /// any more, though not within the hour nor while it holds a slot. Before that, money that is held for
    /// calls of which nobody knows what became goes back where a budget says so. The rows of
    /// [`Forgotten::changed`] are to be kept anew.
    pub fn forget(&mut self, now: UnixMillis) -> Forgotten {
        let now = self.tick(now);
        self.free_slots(now);
        if !self.counted {
            // Without the limits, nobody could say which buckets the leases still count in.
            return Forgotten::default();
        }
        let (released, changed) = self.release_unsettled(now);
        let mut sums = BTreeMap::<(Scope, Kind, i64), Bucket>::new();
        let mut gone = Vec::new();
        for lease in self.leases.values().filter(|lease| self.forgettable_at(lease) <= now) {
            gone.push(lease.lease_id.clone());
            for limit in self.index.limits(&lease.scopes) {
                let Some(ruler) = Ruler::of(limit.kind, self.calendar) else { continue };
                let place = ruler.bucket(lease.ends_at);
                if place.leaves_at <= now {
                    continue;
                }
                let (scope, kind) = (limit.scope.clone(), limit.kind);
                let key = (scope.clone(), kind, place.index);
                let (index, leaves_at) = (place.index, place.leaves_at);
                let empty = Bucket { amount: 0, index, kind, leaves_at, scope };
                let bucket = sums.entry(key).or_insert(empty);
                bucket.amount = bucket.amount.saturating_add(lease.booked(limit));
            }
        }
        for lease_id in &gone {
            self.leases.remove(lease_id);
        }
        self.windows.retain(|_, window| {
            window.advance(now);
            !window.is_empty()
        });
        self.alerts.forget(now);
        let buckets = sums.into_values().filter(|bucket| bucket.amount > 0).collect();
        Forgotten { buckets, changed, leases: gone, released }
    }

    /// Leases of one call whose holder has not been heard of in time: a receipt that went another way may
    /// still tell what became of it.
    #[must_use]
    pub fn lost(&self, now: UnixMillis) -> Vec<LeaseId> {
        let lost = self.leases.values().filter(|lease| {
            let holds = lease.booked.micros > lease.reported.micros;
            lease.need.requests <= 1 && holds && is_lost(lease, now)
        });
        lost.map(|lease| lease.lease_id.clone()).collect()
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
        // What is lost is looked for when that is known; after that, whenever something else is due.
        let lost = self.leases.values().filter(|lease| !lease.done).map(lost_at);
        let lost = lost.filter(|at| *at > now).min();
        leases.into_iter().chain(windows).chain(lost).min()
    }

    /// Gives back what is held for calls of which nobody knows what became, where their budget says so.
    fn release_unsettled(&mut self, now: UnixMillis) -> (Vec<Release>, Vec<LeaseId>) {
        let mut released = Vec::new();
        let mut changed = Vec::new();
        for lease in self.leases.values() {
            for limit in self.index.limits(&lease.scopes) {
                let Some(at) = release_at(limit, lease) else { continue };
                let lost = if is_lost(lease, now) { lease.open(limit) } else { 0 };
                let micros = lost.saturating_add(lease.unsettled(limit));
                if at <= now && micros > 0 {
                    let (kind, scope) = (limit.kind, limit.scope.clone());
                    released.push(Release {
                        kind,
                        lease_id: lease.lease_id.clone(),
                        micros,
                        scope,
                    });
                }
            }
        }
        for Release { kind, lease_id, scope, .. } in &released {
            let Some(lease) = self.leases.get_mut(lease_id) else { continue };
            let before = lease.clone();
            lease.give_up();
            // What it holds is the same, by another name, and then what it held in this budget goes.
            lease.released.push((scope.clone(), *kind));
            let after = lease.clone();
            self.rebook(now, &before, &after);
            if !changed.contains(lease_id) {
                changed.push(lease_id.clone());
            }
        }
        (released, changed)
    }

    fn forgettable_at(&self, lease: &Lease) -> UnixMillis {
        let limits = || self.index.limits(&lease.scopes);
        let leaves_at = |limit: &Limit| {
            let ruler = Ruler::of(limit.kind, self.calendar)?;
            let end = ruler.bucket(lease.ends_at).leaves_at;
            Some(release_at(limit, lease).map_or(end, |release| release.min(end)))
        };
        if lease.done {
            // Who owns the money that is held without a receipt is to be seen as long as it counts.
            let holding = limits().filter(|limit| lease.unsettled(limit) > 0);
            let end = lease.ends_at.plus(REMEMBER_MS);
            return holding.filter_map(leaves_at).fold(end, UnixMillis::max);
        }
        let counts_until = limits().filter_map(leaves_at);
        counts_until.chain(lease.slot_until).fold(lease.ends_at.plus(UNSETTLED_MS), UnixMillis::max)
    }
}

/// When a budget takes back what is held for a lost call.
fn release_at(limit: &Limit, lease: &Lease) -> Option<UnixMillis> {
    limit.kind.period()?;
    let hours = i64::from(limit.terms.release_after_h?);
    Some(lease.ends_at.plus(hours.saturating_mul(HOUR_MS)))
}
