//! Reports of what was spent, and the slots that calls hold.

use super::{
    Lease, Limiter, MOST, Ruler, slot_end,
    wire::{Need, Running, SettleRequest, Settled, Share, Spent},
};
use crate::{ids::LeaseId, time::UnixMillis};

impl Limiter {
    /// Settles a lease by a report of all that it has spent so far.
    ///
    /// A report that is not newer than one seen before changes nothing. What goes beyond the reservation is
    /// booked at once and in full; what was reserved and neither spent nor is held by running calls is given
    /// back by a final report only, into the bucket that was debited or nowhere. When `Applied` or
    /// `OverCeiling`, the row has changed and must be kept before the answer leaves.
    pub fn settle(&mut self, now: UnixMillis, report: &SettleRequest) -> Settled {
        let now = self.tick(now);
        self.counts.reports += 1;
        self.free_slots(now);
        let Some(lease) = self.leases.get_mut(&report.lease_id) else {
            if report.is_final {
                // It may have overtaken its ask, which must not be granted any more.
                self.refusals.overtaken(now, report.lease_id.clone());
            }
            return Settled::Unknown;
        };
        if lease.done || report.seq <= lease.seq {
            return Settled::Repeated;
        }
        let before = lease.clone();
        let running = report.running.map(Running::capped);
        let spent = report.spent.capped();
        let at_model = report.spent_at_model.map(Spent::capped);
        let booked = |spent: Spent| {
            let all = spent.with(running.unwrap_or_default());
            if report.is_final { all } else { all.at_least(lease.need) }
        };
        let over = spent.tokens > lease.need.tokens
            || lease.need.micros.is_some_and(|reserved| spent.micros > reserved);
        lease.booked = booked(spent);
        lease.booked_at_model = at_model.map(booked);
        lease.reported = spent;
        lease.done = report.is_final && running.is_none();
        lease.running = running.filter(|_| report.is_final);
        lease.seq = report.seq;
        lease.slot_until = match (report.is_final, running, lease.slot_until) {
            (true, None, _) => None,
            (true, Some(running), _) => (running.slots > 0).then(|| slot_end(now, running.for_ms)),
            (false, Some(running), Some(until)) => Some(until.max(slot_end(now, running.for_ms))),
            (false, _, until) => until,
        };
        let after = lease.clone();
        self.release(&before);
        self.hold(&after);
        for limit in self.index.limits(&after.scopes) {
            if let Some(window) = self.windows.get_mut(&(limit.scope.clone(), limit.kind)) {
                window.advance(now);
            }
        }
        self.rebook(now, &before, &after);
        self.look_at_budgets(now, &after.scopes);
        if over { Settled::OverCeiling } else { Settled::Applied }
    }

    /// Cuts a grant down to what a Limiter above has granted of it, and shows it as it is now. The row is to
    /// be kept anew. `None` if there is no such lease, or one that is settled already.
    pub fn trim(&mut self, now: UnixMillis, lease_id: &LeaseId, above: &Share) -> Option<Share> {
        let now = self.tick(now);
        // A holder that gave up waiting has reported: nobody begins under it, and what it gave back is back.
        let lease = self.leases.get_mut(lease_id).filter(|lease| lease.seq == 0)?;
        let before = lease.clone();
        let extra = lease.share.extra.at_most(above.extra);
        lease.need = lease.need.minus(lease.share.extra).plus(extra);
        lease.booked = Spent::all_of(lease.need);
        lease.share.extra = extra;
        if above.life_ms < lease.share.life_ms {
            let granted_at = lease.share.expires_at.plus(-lease.share.life_ms);
            lease.share.life_ms = above.life_ms;
            lease.share.expires_at = granted_at.plus(above.life_ms);
        }
        lease.share.standing = lease.share.standing.clone().tighter(above.standing.clone());
        let after = lease.clone();
        self.release(&before);
        self.hold(&after);
        self.rebook(now, &before, &after);
        Some(after.share)
    }

    /// Makes the windows count a lease as it is now, and not as it was.
    pub(super) fn rebook(&mut self, now: UnixMillis, before: &Lease, after: &Lease) {
        for limit in self.index.limits(&after.scopes) {
            let Some(ruler) = Ruler::of(limit.kind, self.calendar) else { continue };
            let place = ruler.bucket(after.ends_at);
            if place.leaves_at <= now {
                continue;
            }
            let window = self.windows.entry((limit.scope.clone(), limit.kind)).or_default();
            let (was, is) = (before.booked(limit), after.booked(limit));
            window.take_back(place, was.saturating_sub(is));
            window.add(place, is.saturating_sub(was));
        }
    }

    /// Counts the slots that a lease holds.
    pub(super) fn hold(&mut self, lease: &Lease) {
        let Some(until) = lease.slot_until else { return };
        self.slot_ends.insert((until, lease.lease_id.clone()));
        for scope in &lease.scopes {
            let held = self.held.entry(scope.clone()).or_default();
            *held = held.saturating_add(lease.slots());
        }
    }

    /// Gives back the slots that a lease holds.
    pub(super) fn release(&mut self, lease: &Lease) {
        let Some(until) = lease.slot_until else { return };
        self.slot_ends.remove(&(until, lease.lease_id.clone()));
        for scope in &lease.scopes {
            if let Some(held) = self.held.get_mut(scope) {
                *held = held.saturating_sub(lease.slots());
                if *held == 0 {
                    self.held.remove(scope);
                }
            }
        }
    }

    /// Frees the slots whose holders have not been heard of in time. A restored row frees them again.
    pub(super) fn free_slots(&mut self, now: UnixMillis) {
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

impl Running {
    fn capped(self) -> Self {
        Self {
            for_ms: self.for_ms,
            micros: self.micros.min(MOST),
            slots: self.slots.min(MOST),
            tokens: self.tokens.min(MOST),
        }
    }
}

impl Spent {
    /// What a lease counts for of which nothing is known yet: all of it.
    pub(super) fn all_of(need: Need) -> Self {
        Self {
            micros: need.micros.unwrap_or(0),
            requests: need.requests,
            tokens: need.tokens,
            unsettled_micros: 0,
        }
    }

    fn capped(self) -> Self {
        Self {
            micros: self.micros.min(MOST),
            requests: self.requests.min(MOST),
            tokens: self.tokens.min(MOST),
            unsettled_micros: self.unsettled_micros.min(MOST),
        }
    }

    /// With what the calls under way hold.
    fn with(self, running: Running) -> Self {
        Self {
            micros: self.micros.saturating_add(running.micros),
            tokens: self.tokens.saturating_add(running.tokens),
            ..self
        }
    }

    fn at_least(self, need: Need) -> Self {
        let reserved = need.micros.unwrap_or(0).saturating_sub(self.unsettled_micros);
        Self {
            micros: self.micros.max(reserved),
            requests: self.requests.max(need.requests),
            tokens: self.tokens.max(need.tokens),
            unsettled_micros: self.unsettled_micros,
        }
    }
}
