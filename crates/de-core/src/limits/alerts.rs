//! Who is to be told that a budget is nearly spent, once a period and percent.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Kind, Limiter, Scope, calendar::Calendar, policy::Index, wire::Refusal};
use crate::time::UnixMillis;

/// A budget has passed a percent of its amount. As it is kept, and told.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Alert {
    /// Whose budget.
    pub scope: Scope,
    /// Which.
    pub kind: Kind,
    /// The first moment of the period.
    pub starts_at: UnixMillis,
    /// The percent that is passed. 100: all of it is spent, or a call was refused.
    pub percent: u8,
    /// When it was passed.
    pub at: UnixMillis,
    /// The end of the period.
    pub ends_at: UnixMillis,
    /// The amount of the budget, in micro-dollars.
    pub limit_micros: u64,
    /// What was spent then, in micro-dollars: the receipts, and what is held for calls that are lost.
    pub spent_micros: u64,
}

impl Alert {
    /// What tells it from every other one of its Limiter.
    #[must_use]
    pub fn id(&self) -> String {
        let Self { kind, percent, scope, starts_at, .. } = self;
        format!("{scope}/{}/{}/{percent}", kind.name(), starts_at.0)
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Alerts {
    raised: BTreeSet<Mark>,
    waiting: Vec<Alert>,
}

/// What makes an alert the same one.
type Mark = (Scope, Kind, UnixMillis, u8, UnixMillis);

impl Alerts {
    pub(super) fn restore(raised: &[Alert]) -> Self {
        Self { raised: raised.iter().map(mark).collect(), waiting: Vec::new() }
    }

    /// A call was refused: to whoever has to act, the budget is spent.
    pub(super) fn refused(
        &mut self,
        now: UnixMillis,
        calendar: Calendar,
        refusal: &Refusal,
        index: &Index,
    ) {
        let Some(period) = refusal.kind.period() else { return };
        let scopes = [refusal.scope.clone()];
        let Some(limit) = index.limits(&scopes).find(|limit| limit.kind == refusal.kind) else {
            return;
        };
        if limit.terms.alerts.contains(&100) {
            let stretch = calendar.stretch(period, now);
            self.raise(Alert {
                at: now,
                ends_at: stretch.ends_at,
                kind: limit.kind,
                limit_micros: limit.max,
                percent: 100,
                scope: limit.scope.clone(),
                spent_micros: limit.max,
                starts_at: stretch.starts_at,
            });
        }
    }

    fn raise(&mut self, alert: Alert) {
        if self.raised.insert(mark(&alert)) {
            self.waiting.push(alert);
        }
    }

    /// Whether it was raised in this period.
    fn knows(&self, alert: &Alert) -> bool {
        self.raised.contains(&mark(alert))
    }

    pub(super) fn forget(&mut self, now: UnixMillis) {
        self.raised.retain(|(.., ends_at)| *ends_at > now);
    }
}

fn mark(alert: &Alert) -> Mark {
    (alert.scope.clone(), alert.kind, alert.starts_at, alert.percent, alert.ends_at)
}

impl Limiter {
    /// The alerts that were raised since the last call. They must be kept before the answer leaves that
    /// raised them: then each is told once.
    pub fn take_alerts(&mut self) -> Vec<Alert> {
        std::mem::take(&mut self.alerts.waiting)
    }

    /// Raises what is due for the budgets of some scopes. A limit on trial is told of too.
    pub(super) fn look_at_budgets(&mut self, now: UnixMillis, scopes: &[Scope]) {
        let mut due = Vec::new();
        for limit in self.index.limits(scopes) {
            let Some(period) = limit.kind.period() else { continue };
            if limit.terms.alerts.is_empty() || limit.max == 0 {
                continue;
            }
            let used = self.used(limit);
            let reaches = |spent: u64, percent: u8| {
                u128::from(spent) * 100 >= u128::from(limit.max) * u128::from(percent)
            };
            let stretch = self.calendar.stretch(period, now);
            let alert = |percent: u8, spent_micros: u64| Alert {
                at: now,
                ends_at: stretch.ends_at,
                kind: limit.kind,
                limit_micros: limit.max,
                percent,
                scope: limit.scope.clone(),
                spent_micros,
                starts_at: stretch.starts_at,
            };
            let candidates = limit.terms.alerts.iter().copied();
            let candidates: Vec<u8> = candidates
                .filter(|percent| {
                    reaches(used, *percent) && !self.alerts.knows(&alert(*percent, 0))
                })
                .collect();
            if candidates.is_empty() {
                continue;
            }
            // What is only held may come back: the leases are looked at where it may matter.
            let spent = used.saturating_sub(self.usage_held(now, limit));
            due.extend(
                candidates
                    .into_iter()
                    .filter(|percent| reaches(spent, *percent))
                    .map(|percent| alert(percent, spent)),
            );
        }
        for alert in due {
            self.alerts.raise(alert);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{Period, ScopeKind};

    #[test]
    fn a_mark_goes_with_its_period() {
        let alert = Alert {
            scope: Scope::new(ScopeKind::Key, "key_1"),
            kind: Kind::Budget(Period::Day),
            starts_at: UnixMillis(0),
            percent: 50,
            at: UnixMillis(5),
            ends_at: UnixMillis(100),
            limit_micros: 10,
            spent_micros: 5,
        };
        let mut alerts = Alerts::restore(std::slice::from_ref(&alert));
        alerts.forget(UnixMillis(99));
        assert!(alerts.knows(&alert));
        alerts.forget(UnixMillis(100));
        assert!(!alerts.knows(&alert) && alerts.raised.is_empty());
    }
}
