//! Which limits hold for whom: what the Limiter is told, never by a caller.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use crate::ids::{ApiKeyId, InstanceId, OrganizationId, ProjectId};

/// Everything that one Limiter enforces, as of two epochs.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Policy {
    /// The organization, if it has limits of its own: its Limiter is asked after this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub above: Option<OrganizationId>,
    /// The state of the shared models and providers that this policy was read with.
    pub catalogue_epoch: u64,
    /// In any order; of two for the same scope and kind the enforced one decides, then the smaller one.
    pub limits: Vec<Limit>,
    /// The state of the tenant that this policy was read with.
    pub tenant_epoch: u64,
    /// The IANA name of the zone in which days, weeks and months of budgets begin. UTC if absent or unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
}

impl Policy {
    /// Both epochs.
    #[must_use]
    pub fn epochs(&self) -> Epochs {
        Epochs { catalogue: self.catalogue_epoch, tenant: self.tenant_epoch }
    }
}

/// How fresh a copy of the configuration is: a change raises the epoch of what it changed.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Epochs {
    /// Of the shared models and providers.
    pub catalogue: u64,
    /// Of the tenant.
    pub tenant: u64,
}

impl Epochs {
    /// Whether at least one of the two lags behind `other`'s.
    #[must_use]
    pub fn older_than(self, other: Self) -> bool {
        self.catalogue < other.catalogue || self.tenant < other.tenant
    }

    /// The newer of each.
    #[must_use]
    pub fn newest(self, other: Self) -> Self {
        Self {
            catalogue: self.catalogue.max(other.catalogue),
            tenant: self.tenant.max(other.tenant),
        }
    }
}

/// One limit.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Limit {
    /// What is counted, and over which time.
    pub kind: Kind,
    /// The most that may be; 0 allows nothing. No limit at all is the absence of this row.
    pub max: u64,
    /// Whom it holds for.
    pub scope: Scope,
    /// Evaluated, counted and shown, but not enforced.
    #[serde(default)]
    pub shadow: bool,
    /// What else holds for it, if it is a budget.
    #[serde(default, skip_serializing_if = "Terms::is_none")]
    pub terms: Terms,
}

impl Limit {
    /// An enforced limit without terms.
    #[must_use]
    pub fn new(scope: Scope, kind: Kind, max: u64) -> Self {
        Self { kind, max, scope, shadow: false, terms: Terms::default() }
    }
}

/// What holds for a budget beside its amount.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Terms {
    /// Percents of the amount at which someone is told, each once a period.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alerts: Vec<u8>,
    /// After how many hours money goes back that was held for a call nobody has heard of again. Absent: it
    /// stays held to the end of the period.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release_after_h: Option<u32>,
}

impl Terms {
    /// Whether there are none.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// Whom a limit holds for. Written `key:key_1`, `model:gpt-4o-mini`.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(into = "String", try_from = "String")]
pub struct Scope {
    /// Its id.
    pub id: String,
    /// What the id is of.
    pub kind: ScopeKind,
}

/// What limits can hold for.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum ScopeKind {
    /// A tenant's instance.
    Instance,
    /// An API key.
    Key,
    /// A model within an instance.
    Model,
    /// A tenant, over all its instances.
    Organization,
    /// A project.
    Project,
    /// A provider within an instance.
    Provider,
}

impl ScopeKind {
    /// Its name on the wire and in the table `limits`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Instance => "instance",
            Self::Key => "key",
            Self::Model => "model",
            Self::Organization => "organization",
            Self::Project => "project",
            Self::Provider => "provider",
        }
    }

    /// Reads a name; `None` if there is no such kind of scope.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let all = [
            Self::Instance,
            Self::Key,
            Self::Model,
            Self::Organization,
            Self::Project,
            Self::Provider,
        ];
        all.into_iter().find(|kind| kind.name() == name)
    }
}

/// Why a text names no scope or no kind of limit.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("no {what}: {text:?}")]
pub struct BadName {
    /// What was written.
    pub text: String,
    /// What was asked for.
    pub what: &'static str,
}

impl Scope {
    /// Names a scope.
    #[must_use]
    pub fn new(kind: ScopeKind, id: &str) -> Self {
        Self { id: id.to_owned(), kind }
    }

    /// Reads `kind:id`; the id may hold colons itself, as ids of models do.
    ///
    /// # Errors
    /// [`BadName`] if the kind is unknown or the id is empty.
    pub fn parse(text: &str) -> Result<Self, BadName> {
        let parts = text.split_once(':').and_then(|(kind, id)| Some((ScopeKind::parse(kind)?, id)));
        match parts {
            Some((kind, id)) if !id.is_empty() => Ok(Self::new(kind, id)),
            Some(_) | None => Err(BadName { text: text.to_owned(), what: "scope" }),
        }
    }
}

/// Whom a call counts for: its organization and instance, and its key and project where it has them.
#[must_use]
pub fn scopes_of_caller(
    organization: &OrganizationId,
    instance: &InstanceId,
    key: Option<&ApiKeyId>,
    project: Option<&ProjectId>,
) -> Vec<Scope> {
    let always = [
        Scope::new(ScopeKind::Organization, organization.as_str()),
        Scope::new(ScopeKind::Instance, instance.as_str()),
    ];
    let key = key.map(|id| Scope::new(ScopeKind::Key, id.as_str()));
    let project = project.map(|id| Scope::new(ScopeKind::Project, id.as_str()));
    always.into_iter().chain(key).chain(project).collect()
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind.name(), self.id)
    }
}

impl From<Scope> for String {
    fn from(scope: Scope) -> Self {
        scope.to_string()
    }
}

impl TryFrom<String> for Scope {
    type Error = BadName;

    fn try_from(text: String) -> Result<Self, BadName> {
        Self::parse(&text)
    }
}

/// What a limit counts. Written as the API does: `requests_per_minute`, `concurrent`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(into = "String", try_from = "String")]
pub enum Kind {
    /// Micro-dollars spent by the calls admitted in a period of the calendar.
    Budget(Period),
    /// Calls that run at once.
    Concurrent,
    /// Admissions in any rolling window.
    Requests(Span),
    /// Tokens read and made by the calls admitted in any rolling window.
    Tokens(Span),
}

impl Kind {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Budget(Period::Day) => "budget_per_day",
            Self::Budget(Period::Month) => "budget_per_month",
            Self::Budget(Period::Total) => "budget_total",
            Self::Budget(Period::Week) => "budget_per_week",
            Self::Concurrent => "concurrent",
            Self::Requests(Span::Day) => "requests_per_day",
            Self::Requests(Span::Hour) => "requests_per_hour",
            Self::Requests(Span::Minute) => "requests_per_minute",
            Self::Tokens(Span::Day) => "tokens_per_day",
            Self::Tokens(Span::Hour) => "tokens_per_hour",
            Self::Tokens(Span::Minute) => "tokens_per_minute",
        }
    }

    /// Reads a name.
    ///
    /// # Errors
    /// [`BadName`] for any other text.
    pub fn parse(name: &str) -> Result<Self, BadName> {
        let spans = [Span::Day, Span::Hour, Span::Minute];
        let over_time =
            spans.into_iter().flat_map(|span| [Self::Requests(span), Self::Tokens(span)]);
        std::iter::once(Self::Concurrent)
            .chain(Period::ALL.map(Self::Budget))
            .chain(over_time)
            .find(|kind| kind.name() == name)
            .ok_or_else(|| BadName { text: name.to_owned(), what: "kind of limit" })
    }

    /// The rolling window that it counts over; none for what runs at once, and for money.
    #[must_use]
    pub fn span(self) -> Option<Span> {
        match self {
            Self::Budget(_) | Self::Concurrent => None,
            Self::Requests(span) | Self::Tokens(span) => Some(span),
        }
    }

    /// The period of a budget; none for every other limit.
    #[must_use]
    pub fn period(self) -> Option<Period> {
        match self {
            Self::Budget(period) => Some(period),
            Self::Concurrent | Self::Requests(_) | Self::Tokens(_) => None,
        }
    }
}

impl From<Kind> for String {
    fn from(kind: Kind) -> Self {
        kind.name().to_owned()
    }
}

impl TryFrom<String> for Kind {
    type Error = BadName;

    fn try_from(name: String) -> Result<Self, BadName> {
        Self::parse(&name)
    }
}

/// How long a budget lasts, by the calendar of its tenant.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Period {
    /// From midnight to midnight.
    Day,
    /// From the first to the last day of a month.
    Month,
    /// For ever.
    Total,
    /// From Monday to Sunday.
    Week,
}

impl Period {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Day, Self::Month, Self::Total, Self::Week];

    /// Its name on the wire and in the table `budgets`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Month => "month",
            Self::Total => "total",
            Self::Week => "week",
        }
    }

    /// Reads a name; `None` if there is no such period.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|period| period.name() == name)
    }
}

/// The length of a rolling window.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Span {
    /// 24 h, in steps of 15 min.
    Day,
    /// 60 min, in steps of a minute.
    Hour,
    /// 60 s, in steps of a second.
    Minute,
}

impl Span {
    /// Its length.
    #[must_use]
    pub fn length_ms(self) -> i64 {
        match self {
            Self::Day => 86_400_000,
            Self::Hour => 3_600_000,
            Self::Minute => 60_000,
        }
    }

    /// The length of a bucket: how much longer than exact a debit may count.
    #[must_use]
    pub fn bucket_ms(self) -> i64 {
        match self {
            Self::Day => 900_000,
            Self::Hour => 60_000,
            Self::Minute => 1_000,
        }
    }
}

/// The limits by scope, for look-up.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    /// One a kind: the enforced one, if there is one.
    limits: ByScope,
    /// Those on trial beside an enforced one of their kind: evaluated, and counted with it.
    trials: ByScope,
}

type ByScope = BTreeMap<Scope, BTreeMap<Kind, Limit>>;

impl Index {
    pub(super) fn of(policy: &Policy) -> Self {
        let mut index = Self::default();
        for limit in &policy.limits {
            let place = index.limits.entry(limit.scope.clone()).or_default();
            let Some(other) = place.get(&limit.kind) else {
                place.insert(limit.kind, limit.clone());
                continue;
            };
            let is_tighter = (limit.shadow, limit.max) < (other.shadow, other.max);
            let (decides, other) = if is_tighter {
                (limit.clone(), other.clone())
            } else {
                (other.clone(), limit.clone())
            };
            place.insert(decides.kind, decides.clone());
            if other.shadow && !decides.shadow {
                let trials = index.trials.entry(other.scope.clone()).or_default();
                trials.entry(other.kind).or_insert(other);
            }
        }
        index
    }

    /// The limits of some scopes, each of which is named once.
    pub(super) fn limits<'a>(&'a self, scopes: &'a [Scope]) -> impl Iterator<Item = &'a Limit> {
        scopes.iter().filter_map(|scope| self.limits.get(scope)).flat_map(BTreeMap::values)
    }

    /// Those of them that are on trial beside an enforced one.
    pub(super) fn trials<'a>(&'a self, scopes: &'a [Scope]) -> impl Iterator<Item = &'a Limit> {
        scopes.iter().filter_map(|scope| self.trials.get(scope)).flat_map(BTreeMap::values)
    }

    /// Whether it has a limit for the same scope and kind.
    pub(super) fn has(&self, limit: &Limit) -> bool {
        self.limits.get(&limit.scope).is_some_and(|kinds| kinds.contains_key(&limit.kind))
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Limit> {
        self.limits.values().flat_map(BTreeMap::values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The config worker pushes this JSON and objects keep it.
    #[test]
    fn policy_json_is_stable() {
        let policy = Policy {
            above: Some(OrganizationId::parse("org_1").unwrap()),
            catalogue_epoch: 3,
            limits: vec![Limit {
                kind: Kind::Requests(Span::Minute),
                max: 5,
                scope: Scope::new(ScopeKind::Model, "a:b/c"),
                shadow: false,
                terms: Terms::default(),
            }],
            tenant_epoch: 4,
            time_zone: None,
        };
        let json = r#"{"above":"org_1","catalogue_epoch":3,"limits":[{"kind":"requests_per_minute","max":5,"scope":"model:a:b/c","shadow":false}],"tenant_epoch":4}"#;
        assert_eq!(serde_json::to_string(&policy).unwrap(), json);
        assert_eq!(serde_json::from_str::<Policy>(json).unwrap(), policy);
        let terms = Terms { alerts: vec![50, 80], release_after_h: Some(24) };
        let budget = Kind::Budget(Period::Month);
        let limit = Limit { terms, ..Limit::new(Scope::new(ScopeKind::Key, "k"), budget, 9) };
        let json = r#"{"kind":"budget_per_month","max":9,"scope":"key:k","shadow":false,"terms":{"alerts":[50,80],"release_after_h":24}}"#;
        assert_eq!(serde_json::to_string(&limit).unwrap(), json);
        assert_eq!(serde_json::from_str::<Limit>(json).unwrap(), limit);
    }

    #[test]
    fn names_are_read_back_and_others_refused() {
        for name in [
            "budget_per_week",
            "budget_total",
            "concurrent",
            "requests_per_hour",
            "tokens_per_minute",
        ] {
            assert_eq!(Kind::parse(name).unwrap().name(), name);
        }
        assert!(Kind::parse("requests_per_week").is_err());
        for text in ["key:key_1", "organization:org_1", "model:m:1", "provider:openai"] {
            assert_eq!(Scope::parse(text).unwrap().to_string(), text);
        }
        for text in ["", "key", "key:", "planet:earth", ":x"] {
            assert!(Scope::parse(text).is_err(), "{text}");
        }
    }

    /// Rows of the tables `limits` and `budgets` hold these names, and headers the spans.
    #[test]
    fn every_kind_has_its_name_span_and_period() {
        let spans = [Span::Day, Span::Hour, Span::Minute];
        let over_time = spans.map(|span| [Kind::Requests(span), Kind::Tokens(span)]).concat();
        for kind in &over_time {
            assert_eq!((Kind::parse(kind.name()), kind.period()), (Ok(*kind), None));
        }
        let found: Vec<_> = over_time.into_iter().filter_map(Kind::span).collect();
        assert_eq!(found, spans.map(|span| [span, span]).concat());
        for (period, name) in [
            (Period::Day, "day"),
            (Period::Month, "month"),
            (Period::Total, "total"),
            (Period::Week, "week"),
        ] {
            assert_eq!((period.name(), Period::parse(name)), (name, Some(period)));
            let kind = Kind::Budget(period);
            assert_eq!((kind.span(), kind.period()), (None, Some(period)));
        }
        assert_eq!((Period::parse("year"), Kind::Concurrent.span()), (None, None));
    }

    #[test]
    fn a_call_counts_for_all_who_stand_above_it() {
        let organization = OrganizationId::parse("org_1").unwrap();
        let instance = InstanceId::parse("inst_1").unwrap();
        let key = ApiKeyId::parse("key_1").unwrap();
        let project = ProjectId::parse("proj_1").unwrap();
        let named = |key, project| {
            let scopes = scopes_of_caller(&organization, &instance, key, project);
            scopes.iter().map(Scope::to_string).collect::<Vec<_>>()
        };
        let whole = ["organization:org_1", "instance:inst_1", "key:key_1", "project:proj_1"];
        assert_eq!(named(Some(&key), Some(&project)), whole);
        assert_eq!(named(None, None), whole[..2]);
    }

    #[test]
    fn either_epoch_can_lag_behind() {
        let at = |catalogue, tenant| Epochs { catalogue, tenant };
        assert!(at(1, 1).older_than(at(1, 2)) && at(1, 9).older_than(at(2, 1)));
        assert!(!at(2, 2).older_than(at(2, 1)));
        assert_eq!(at(1, 9).newest(at(2, 1)), at(2, 9));
    }
}
