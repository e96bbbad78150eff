//! What is set for a scope: read from a body, written as rows, shown with what is used of it.

use std::collections::BTreeMap;

use de_core::{
    http::error::ApiError,
    ids::{InstanceId, OrganizationId},
    limits::{Kind, Span, wire::LimitUsage},
    model::RateLimits,
    ports::{Platform, Statement, rows},
    store::limits::{self, LimitsRow, NewLimit, Place, put as put_limit},
    time::{Timestamp, UnixMillis},
};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::{
    resource::Fields,
    scoped::{
        MOST,
        usage::{BEHIND, SILENT, Usages},
    },
};

/// The kinds of limits, as bodies name them.
const KINDS: [Kind; 7] = [
    Kind::Requests(Span::Minute),
    Kind::Requests(Span::Hour),
    Kind::Requests(Span::Day),
    Kind::Tokens(Span::Minute),
    Kind::Tokens(Span::Hour),
    Kind::Tokens(Span::Day),
    Kind::Concurrent,
];

/// The limits of one scope. Null is no limit, 0 lets nothing through.
#[derive(Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
pub(crate) struct Limits {
    /// What they hold for: `organization`, `instance`, `project`, `key`, `model` or `provider`.
    scope: String,
    /// The id of that.
    scope_id: String,
    /// Whose they are.
    organization_id: OrganizationId,
    /// In which instance they hold; null for an organization's, which hold over all its instances together.
    instance_id: Option<InstanceId>,
    /// Calls in any rolling minute.
    requests_per_minute: Option<u64>,
    /// Calls in any rolling hour.
    requests_per_hour: Option<u64>,
    /// Calls in any rolling day.
    requests_per_day: Option<u64>,
    /// Tokens, read and made, in any rolling minute.
    tokens_per_minute: Option<u64>,
    /// Tokens, read and made, in any rolling hour.
    tokens_per_hour: Option<u64>,
    /// Tokens, read and made, in any rolling day.
    tokens_per_day: Option<u64>,
    /// Calls that run at once.
    concurrent: Option<u64>,
    /// Whether all of these are counted and shown, but not enforced.
    shadow: bool,
    /// The limits in a model's own config; null for what is no model. Each holds unless one of the same kind
    /// is set and enforced here.
    from_model_config: Option<ModelLimits>,
    /// What is used of each limit that holds, by its name; null if the Limiter does not answer.
    usage: Option<BTreeMap<String, LimitUse>>,
    /// What there is to say of that.
    notice: Option<String>,
    /// When the first of them was set; null without any.
    created_at: Option<Timestamp>,
    /// When they were last changed; null without any.
    updated_at: Option<Timestamp>,
}

/// The limits in a model's config.
#[derive(Clone, Copy, Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
pub(crate) struct ModelLimits {
    /// `rpm`.
    requests_per_minute: Option<u64>,
    /// `tpm`.
    tokens_per_minute: Option<u64>,
    /// `concurrent_requests`.
    concurrent: Option<u64>,
}

/// What is used of one limit.
#[derive(Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
pub(crate) struct LimitUse {
    /// What the Limiter holds it to.
    limit: u64,
    /// Whether it is counted, but not enforced.
    shadow: bool,
    /// What counts against it now.
    used: u64,
    /// What of that is held for calls under way.
    held: u64,
    /// What of that is held for calls of which nobody knows what became.
    unsettled: u64,
    /// What is left of it.
    remaining: u64,
    /// When all of it is there again if no more calls come; null where nothing counts, and for calls at once.
    resets_at: Option<Timestamp>,
}

impl From<&LimitUsage> for LimitUse {
    fn from(found: &LimitUsage) -> Self {
        Self {
            limit: found.limit.max,
            shadow: found.limit.shadow,
            used: found.used,
            held: found.held,
            unsettled: found.unsettled,
            remaining: found.limit.max.saturating_sub(found.used),
            resets_at: found.ends_at.map(Timestamp),
        }
    }
}

/// What is set for a scope.
#[derive(Clone)]
pub(super) struct Held {
    pub(super) amounts: BTreeMap<Kind, u64>,
    /// When it was first set and last changed; none for what never was.
    pub(super) changed: Option<(UnixMillis, UnixMillis)>,
    pub(super) place: Place,
    shadow: bool,
}

impl Held {
    pub(super) fn of(place: &Place, found: Option<LimitsRow>) -> Self {
        let Some(found) = found else {
            let place = place.clone();
            return Self { amounts: BTreeMap::new(), changed: None, place, shadow: false };
        };
        Self {
            amounts: found.amounts,
            changed: Some((found.placed.created_at, found.placed.updated_at)),
            place: place.clone(),
            shadow: found.shadow,
        }
    }

    pub(super) async fn find(platform: &Platform, place: &Place) -> Result<Self, ApiError> {
        let found: Vec<LimitsRow> = rows(&*platform.database, limits::limits_of(place)).await?;
        Ok(Self::of(place, found.into_iter().next()))
    }

    pub(super) fn updated_at(&self) -> Option<UnixMillis> {
        self.changed.map(|(_, updated_at)| updated_at)
    }

    /// Takes the fields that a body names.
    pub(super) fn apply(&mut self, mut fields: Fields) -> Result<(), ApiError> {
        for kind in KINDS {
            let mut amount = self.amounts.get(&kind).copied();
            fields.amount_or_null(kind.name(), MOST, &mut amount);
            match amount {
                Some(amount) => self.amounts.insert(kind, amount),
                None => self.amounts.remove(&kind),
            };
        }
        let mut shadow = self.shadow;
        fields.flag("shadow", &mut shadow);
        if shadow && !self.shadow && self.amounts.is_empty() {
            fields.wrong("shadow", "there is no limit that it could be for");
        }
        self.shadow = shadow && !self.amounts.is_empty();
        fields.finish()
    }

    /// Writes all of it anew.
    pub(super) fn save(&self, now: UnixMillis) -> Vec<Statement> {
        let mut batch = vec![limits::keep_limits(&self.place, self.amounts.keys())];
        batch.extend(self.amounts.iter().map(|(kind, amount)| {
            let limit = NewLimit {
                amount: *amount,
                instance: self.place.instance.as_ref(),
                kind: *kind,
                organization: &self.place.organization,
                scope: &self.place.scope,
                shadow: self.shadow,
            };
            put_limit(&limit, now)
        }));
        batch
    }

    /// As the trail of changes has it; nothing if nothing is set.
    pub(super) fn on_record(&self) -> Option<Value> {
        self.changed?;
        if self.amounts.is_empty() {
            return None;
        }
        let mut record = Map::new();
        record.insert("scope".to_owned(), self.place.scope.kind.name().into());
        record.insert("scope_id".to_owned(), self.place.scope.id.clone().into());
        record.insert("instance_id".to_owned(), json!(self.place.instance));
        for kind in KINDS {
            record.insert(kind.name().to_owned(), json!(self.amounts.get(&kind)));
        }
        record.insert("shadow".to_owned(), self.shadow.into());
        Some(record.into())
    }

    pub(super) fn shown(&self, config: Option<RateLimits>, usages: &Usages) -> Limits {
        let amount = |kind: Kind| self.amounts.get(&kind).copied();
        let from_model_config = config.map(|config| ModelLimits {
            requests_per_minute: config.rpm,
            tokens_per_minute: config.tpm,
            concurrent: config.concurrent_requests,
        });
        let used = usages.at(&self.place).map(|used| {
            let limits = used.into_iter().filter(|used| used.limit.kind.period().is_none());
            limits
                .map(|used| (used.limit.kind.name().to_owned(), LimitUse::from(used)))
                .collect::<BTreeMap<_, _>>()
        });
        // Without limits, nobody was asked.
        let used = if holds(&self.amounts, config) { used } else { Some(BTreeMap::new()) };
        let is_counted =
            |kind: &Kind| used.as_ref().is_some_and(|used| used.contains_key(kind.name()));
        let notice = match &used {
            None => Some(SILENT),
            Some(_) if !self.amounts.keys().all(is_counted) => Some(BEHIND),
            Some(_) => None,
        };
        Limits {
            scope: self.place.scope.kind.name().to_owned(),
            scope_id: self.place.scope.id.clone(),
            organization_id: self.place.organization.clone(),
            instance_id: self.place.instance.clone(),
            requests_per_minute: amount(Kind::Requests(Span::Minute)),
            requests_per_hour: amount(Kind::Requests(Span::Hour)),
            requests_per_day: amount(Kind::Requests(Span::Day)),
            tokens_per_minute: amount(Kind::Tokens(Span::Minute)),
            tokens_per_hour: amount(Kind::Tokens(Span::Hour)),
            tokens_per_day: amount(Kind::Tokens(Span::Day)),
            concurrent: amount(Kind::Concurrent),
            shadow: self.shadow,
            from_model_config,
            notice: notice.map(str::to_owned),
            usage: used,
            created_at: self.changed.map(|(created_at, _)| created_at.into()),
            updated_at: self.changed.map(|(_, updated_at)| updated_at.into()),
        }
    }
}

/// Whether there is anything to be used.
pub(super) fn holds(amounts: &BTreeMap<Kind, u64>, config: Option<RateLimits>) -> bool {
    !amounts.is_empty() || config.is_some_and(|config| config != RateLimits::default())
}
