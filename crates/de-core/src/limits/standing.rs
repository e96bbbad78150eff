//! How limits stand: who is refused, what headers tell, what operators see.

use super::{
    Kind, Limit, Limiter, Ruler, SLOT_MS, SLOT_RETRY_MS, Scope, Window,
    calendar::NEVER,
    kept::Lease,
    wire::{Ask, LimitUsage, Refusal, Standing, Standings, UsageReply},
};
use crate::time::UnixMillis;

impl Limiter {
    /// Every limit, and what is used of it.
    pub fn usage(&mut self, now: UnixMillis) -> UsageReply {
        let circuits = self.circuits.open(now);
        let now = self.tick(now);
        self.free_slots(now);
        for window in self.windows.values_mut() {
            window.advance(now);
        }
        let limits = self.index.all().map(|limit| self.usage_of(now, limit)).collect();
        UsageReply { backlog: None, circuits, limits }
    }

    fn usage_of(&self, now: UnixMillis, limit: &Limit) -> LimitUsage {
        let stretch = limit.kind.period().map(|period| self.calendar.stretch(period, now));
        let leases = self.leases.values().filter(|lease| lease.scopes.contains(&limit.scope));
        let ruler = Ruler::of(limit.kind, self.calendar);
        let counts =
            |lease: &&Lease| ruler.is_none_or(|ruler| ruler.bucket(lease.ends_at).leaves_at > now);
        let (mut held, mut unsettled) = (0_u64, 0_u64);
        for lease in leases.filter(counts) {
            let open = lease.open(limit);
            unsettled = unsettled.saturating_add(lease.unsettled(limit));
            if is_lost(lease, now) {
                unsettled = unsettled.saturating_add(open);
            } else {
                held = held.saturating_add(open);
            }
        }
        let ends_at = match stretch {
            Some(stretch) => Some(stretch.ends_at).filter(|end| *end < NEVER),
            None => self.window(limit).and_then(Window::empty_at),
        };
        let starts_at = stretch.filter(|_| ends_at.is_some()).map(|stretch| stretch.starts_at);
        LimitUsage {
            ends_at,
            held,
            limit: limit.clone(),
            starts_at,
            unsettled,
            used: self.used(limit),
        }
    }

    /// What of a limit's use is held for calls that are expected to report.
    pub(super) fn usage_held(&self, now: UnixMillis, limit: &Limit) -> u64 {
        self.usage_of(now, limit).held
    }

    /// The limits without room for an ask.
    pub(super) fn obstacles<'a>(
        &'a self,
        now: UnixMillis,
        ask: &'a Ask,
    ) -> impl Iterator<Item = (&'a Limit, Refusal)> {
        let trials = self.index.trials(&ask.scopes);
        self.index.limits(&ask.scopes).chain(trials).filter_map(move |limit| {
            let need = ask.need.of(limit.kind);
            let used = self.used(limit);
            let fits =
                |need: u64| need == 0 || used.checked_add(need).is_some_and(|sum| sum <= limit.max);
            if need.is_some_and(fits) {
                return None;
            }
            let retry_after_ms = need.and_then(|need| match (limit.kind, self.window(limit)) {
                (Kind::Concurrent, _) => (need <= limit.max).then_some(SLOT_RETRY_MS),
                (_, Some(window)) => {
                    window.free_at(need, limit.max).filter(|at| *at < NEVER).map(|at| at.since(now))
                }
                (_, None) => None,
            });
            let Limit { kind, max, ref scope, .. } = *limit;
            Some((limit, Refusal { kind, limit: max, retry_after_ms, scope: scope.clone() }))
        })
    }

    pub(super) fn standings(&self, now: UnixMillis, scopes: &[Scope]) -> Standings {
        let mut tightest = Standings::default();
        for limit in self.index.limits(scopes).filter(|limit| !limit.shadow) {
            let place = match limit.kind {
                Kind::Budget(_) => &mut tightest.budget,
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

    pub(super) fn used(&self, limit: &Limit) -> u64 {
        match limit.kind {
            Kind::Concurrent => self.held.get(&limit.scope).copied().unwrap_or(0),
            Kind::Budget(_) | Kind::Requests(_) | Kind::Tokens(_) => {
                self.window(limit).map_or(0, Window::sum)
            }
        }
    }

    fn window(&self, limit: &Limit) -> Option<&Window> {
        self.windows.get(&(limit.scope.clone(), limit.kind))
    }
}

/// Whether nobody will hear of a lease's calls any more: their deadline has passed without a word.
pub(super) fn is_lost(lease: &Lease, now: UnixMillis) -> bool {
    !lease.done && lost_at(lease) <= now
}

/// When a lease counts as lost, unless its holder is heard of before.
pub(super) fn lost_at(lease: &Lease) -> UnixMillis {
    lease.slot_until.into_iter().fold(lease.ends_at.plus(SLOT_MS), UnixMillis::max)
}
