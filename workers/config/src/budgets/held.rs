//! The budgets of a scope: read from a body, written as rows, shown with what is used of them.

use de_core::{
    http::error::ApiError,
    ids::{InstanceId, OrganizationId},
    limits::{Kind, Limit, Period, Terms, wire::LimitUsage},
    ports::{Platform, Statement, rows},
    store::limits::{self, BudgetColumns, BudgetsRow, Place, put_budget},
    time::{Timestamp, UnixMillis},
};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    resource::Fields,
    scoped::{
        MOST,
        usage::{BEHIND, SILENT, Usages},
    },
};

/// The words for how long a budget lasts.
pub(crate) const PERIODS: [&str; 4] = ["day", "week", "month", "total"];

/// The percents at which someone is told, unless others are given.
const USUAL_ALERTS: [u8; 3] = [50, 80, 100];
/// How many of them a budget may have.
const MOST_ALERTS: usize = 10;
/// The longest time after which held money may go back: a year.
const MOST_HOURS: i64 = 8_784;

/// The budgets of one scope.
#[derive(Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
pub(crate) struct Budgets {
    /// What they hold for: `organization`, `instance`, `project`, `key`, `model` or `provider`.
    scope: String,
    /// The id of that.
    scope_id: String,
    /// Whose they are.
    organization_id: OrganizationId,
    /// In which instance they hold; null for an organization's, which hold over all its instances together.
    instance_id: Option<InstanceId>,
    /// At most one for each period, by `day`, `week`, `month`, `total`. All of them hold at once.
    budgets: Vec<Budget>,
    /// What there is to say of their use.
    notice: Option<String>,
    /// When the first of them was set; null without any.
    created_at: Option<Timestamp>,
    /// When they were last changed; null without any.
    updated_at: Option<Timestamp>,
}

/// One budget.
#[derive(Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
pub(crate) struct Budget {
    /// `day`, `week` or `month` by the calendar of the organization's time zone, or `total` for ever.
    period: String,
    /// How much may be spent, in micro-dollars; 0 lets nothing through that may cost something.
    amount_micros: u64,
    /// Percents of it at which someone is told, each once a period.
    alerts: Vec<u8>,
    /// Whether it is counted and shown, but not enforced.
    shadow: bool,
    /// After how many hours money goes back that is held for calls of which nobody knows what became; null:
    /// not before the period ends.
    release_after_h: Option<u32>,
    /// What is used of it; null if the Limiter does not answer.
    usage: Option<BudgetUse>,
}

/// What is used of a budget, in micro-dollars.
#[derive(Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
pub(crate) struct BudgetUse {
    /// What counts against it now: what was spent, and what is held.
    used_micros: u64,
    /// What of that is held for calls under way: the most that they may cost.
    held_micros: u64,
    /// What of that is held for calls of which nobody knows what became.
    unsettled_micros: u64,
    /// What is left of it.
    remaining_micros: u64,
    /// When the present period began; null for `total`.
    starts_at: Option<Timestamp>,
    /// When the next one begins; null for `total`.
    resets_at: Option<Timestamp>,
}

impl BudgetUse {
    fn of(found: &LimitUsage, amount_micros: u64) -> Self {
        Self {
            used_micros: found.used,
            held_micros: found.held,
            unsettled_micros: found.unsettled,
            remaining_micros: amount_micros.saturating_sub(found.used),
            starts_at: found.starts_at.map(Timestamp),
            resets_at: found.ends_at.map(Timestamp),
        }
    }
}

/// What is set for a scope.
#[derive(Clone)]
pub(super) struct Held {
    /// In the order of [`PERIODS`].
    pub(super) budgets: Vec<(Period, BudgetColumns)>,
    /// When they were first set and last changed; none for what never was.
    pub(super) changed: Option<(UnixMillis, UnixMillis)>,
    pub(super) place: Place,
}

impl Held {
    pub(super) fn of(place: &Place, found: Option<BudgetsRow>) -> Self {
        let changed = found.as_ref().map(|row| (row.placed.created_at, row.placed.updated_at));
        let found = found.map(|row| row.budgets).unwrap_or_default();
        let read = |budget: BudgetColumns| Some((Period::parse(&budget.period)?, budget));
        let mut held = Self { budgets: Vec::new(), changed, place: place.clone() };
        for (period, budget) in found.into_iter().filter_map(read) {
            held.set(period, budget);
        }
        held
    }

    pub(super) async fn find(platform: &Platform, place: &Place) -> Result<Self, ApiError> {
        let found: Vec<BudgetsRow> = rows(&*platform.database, limits::budgets_of(place)).await?;
        Ok(Self::of(place, found.into_iter().next()))
    }

    pub(super) fn updated_at(&self) -> Option<UnixMillis> {
        self.changed.map(|(_, updated_at)| updated_at)
    }

    fn of_period(&self, period: Period) -> Option<&BudgetColumns> {
        self.budgets.iter().find(|(other, _)| *other == period).map(|(_, budget)| budget)
    }

    fn set(&mut self, period: Period, budget: BudgetColumns) {
        self.budgets.retain(|(other, _)| *other != period);
        self.budgets.push((period, budget));
        let rank = |period: Period| PERIODS.iter().position(|word| *word == period.name());
        self.budgets.sort_by_key(|(period, _)| rank(*period));
    }

    /// Takes the fields that a body names, for the budget of its period.
    pub(super) fn apply(&mut self, mut fields: Fields) -> Result<(), ApiError> {
        fields.require("period");
        let mut word = String::new();
        fields.word("period", &PERIODS, &mut word);
        let period = Period::parse(&word);
        let known = period.and_then(|period| self.of_period(period)).cloned();
        if known.is_none() || fields.is_blank("amount_micros") {
            fields.require("amount_micros");
        }
        let mut budget = known.unwrap_or_else(|| BudgetColumns {
            alerts: USUAL_ALERTS.to_vec(),
            amount_micros: 0,
            period: word,
            release_after_h: None,
            shadow: false,
        });
        let mut amount = Some(budget.amount_micros);
        fields.amount_or_null("amount_micros", MOST, &mut amount);
        budget.amount_micros = amount.unwrap_or_default();
        alerts(&mut fields, &mut budget.alerts);
        fields.flag("shadow", &mut budget.shadow);
        let mut hours = budget.release_after_h.map(i64::from);
        fields.count_or_null("release_after_h", MOST_HOURS, &mut hours);
        budget.release_after_h = hours.and_then(|hours| u32::try_from(hours).ok());
        fields.finish()?;
        if let Some(period) = period {
            self.set(period, budget);
        }
        Ok(())
    }

    /// Writes all of them anew.
    pub(super) fn save(&self, now: UnixMillis) -> Vec<Statement> {
        let Place { instance, organization, scope } = &self.place;
        let periods = self.budgets.iter().map(|(period, _)| *period);
        let mut batch = vec![limits::keep_budgets(&self.place, periods)];
        batch.extend(self.budgets.iter().map(|(period, budget)| {
            let limit = Limit {
                shadow: budget.shadow,
                terms: Terms {
                    alerts: budget.alerts.clone(),
                    release_after_h: budget.release_after_h,
                },
                ..Limit::new(scope.clone(), Kind::Budget(*period), budget.amount_micros)
            };
            put_budget(organization, instance.as_ref(), &limit, now)
        }));
        batch
    }

    /// As the trail of changes has them; nothing if there are none.
    pub(super) fn on_record(&self) -> Option<Value> {
        if self.budgets.is_empty() {
            return None;
        }
        let budgets: Vec<Value> = self
            .budgets
            .iter()
            .map(|(period, budget)| {
                json!({
                    "period": period.name(),
                    "amount_micros": budget.amount_micros,
                    "alerts": budget.alerts,
                    "shadow": budget.shadow,
                    "release_after_h": budget.release_after_h,
                })
            })
            .collect();
        Some(json!({
            "scope": self.place.scope.kind.name(),
            "scope_id": self.place.scope.id,
            "instance_id": self.place.instance,
            "budgets": budgets,
        }))
    }

    pub(super) fn shown(&self, usages: &Usages) -> Budgets {
        let all = usages.at(&self.place);
        let budgets: Vec<Budget> = self
            .budgets
            .iter()
            .map(|(period, budget)| {
                let same = |used: &&&LimitUsage| used.limit.kind == Kind::Budget(*period);
                let used = all.as_ref().and_then(|all| all.iter().find(same));
                Budget {
                    period: period.name().to_owned(),
                    amount_micros: budget.amount_micros,
                    alerts: budget.alerts.clone(),
                    shadow: budget.shadow,
                    release_after_h: budget.release_after_h,
                    usage: used.map(|used| BudgetUse::of(used, budget.amount_micros)),
                }
            })
            .collect();
        let notice = match &all {
            _ if budgets.iter().all(|budget| budget.usage.is_some()) => None,
            None => Some(SILENT),
            Some(_) => Some(BEHIND),
        };
        Budgets {
            scope: self.place.scope.kind.name().to_owned(),
            scope_id: self.place.scope.id.clone(),
            organization_id: self.place.organization.clone(),
            instance_id: self.place.instance.clone(),
            budgets,
            notice: notice.map(str::to_owned),
            created_at: self.changed.map(|(created_at, _)| created_at.into()),
            updated_at: self.changed.map(|(_, updated_at)| updated_at.into()),
        }
    }
}

/// `alerts`: whole percents, each once; null brings the usual ones back.
fn alerts(fields: &mut Fields, place: &mut Vec<u8>) {
    let entries = match fields.take("alerts") {
        None => return,
        Some(Value::Null) => return *place = USUAL_ALERTS.to_vec(),
        Some(Value::Array(entries)) => entries,
        Some(_) => return fields.wrong("alerts", "expected a list"),
    };
    if entries.len() > MOST_ALERTS {
        return fields.wrong("alerts", &format!("has more than {MOST_ALERTS} entries"));
    }
    let mut read = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        let percent = entry.as_u64().and_then(|percent| u8::try_from(percent).ok());
        match percent.filter(|percent| (1..=100).contains(percent)) {
            Some(percent) if read.contains(&percent) => {
                fields.wrong(&format!("alerts/{index}"), "stands there twice");
            }
            Some(percent) => read.push(percent),
            None => {
                let reason = "expected a whole number of percents from 1 to 100";
                fields.wrong(&format!("alerts/{index}"), reason);
            }
        }
    }
    read.sort_unstable();
    *place = read;
}
