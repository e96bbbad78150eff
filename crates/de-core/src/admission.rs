//! Lets a call in: finds its models, reserves its share, and takes care that both are fresh.

mod models;

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::FutureExt;
use http::HeaderName;

use self::models::{Found, passable};
use crate::{
    auth::Scope,
    books::{Books, Share},
    caller::Caller,
    circuits,
    exchange::{self, routes::Routes},
    http::{
        context::Context,
        error::ApiError,
        limits::{denied, tell},
    },
    ids::LeaseId,
    limits::{
        Epochs,
        holder::{Granted, Key, Take},
        wire::{Grant, LeaseRequest, Need, Standings},
    },
    model::Modality,
    ports::{Platform, random},
    registry::Model,
    split::Splitting,
    time::UnixMillis,
};

/// How often a call may be told that its copy of the configuration is old: each time it reads anew, and
/// only a change in that very moment makes it old again.
const RENEWALS: u32 = 3;

/// How long a call without a deadline may hold its slot.
const LONGEST_MS: i64 = 600_000;

/// A call that is let in.
pub struct Admitted {
    /// The model that was asked for. It is not among those that are tried while its circuit is open, or where
    /// others serve its calls.
    pub asked: Arc<Model>,
    /// As it was checked last.
    pub caller: Caller,
    /// The models that are tried, in this order.
    pub models: Vec<Arc<Model>>,
    /// What the first try at each model is reserved for.
    pub need: Need,
    /// Whether a limit counts tokens or money: then the output must have a bound, whoever serves.
    pub bounded: bool,
    /// After which failures the fallbacks serve.
    pub routes: Routes,
}

/// Looks for an answer that was kept, so that no vendor has to be asked.
#[async_trait]
pub trait AtHand: Send + Sync {
    /// Whether there is one for this caller, of the first of these models; the others are its fallbacks. The last look
    /// counts: a call whose copies were old is looked up once more.
    ///
    /// # Errors
    /// `CLIENT_LEFT` and `KEY_EXPIRED`, where it was waited for.
    async fn finds(&self, caller: &Caller, models: &[Arc<Model>]) -> Result<bool, ApiError>;

    /// How long was waited for it so far, in milliseconds.
    fn waited_ms(&self) -> i64;
}

/// What a call that is answered without a vendor is reserved for: it is counted, and uses nothing.
const ADMISSION: Need = Need { micros: Some(0), requests: 1, slots: 0, tokens: 0 };

/// What a call wants to be let in for.
pub struct Wanted<'a> {
    /// Whether it asks its vendor for something else than what the model is for, which has limits of its own there:
    /// circuits neither hold it nor hear of it.
    pub apart: bool,
    /// Where an answer may be that was kept; absent: a vendor is asked in any case.
    pub at_hand: Option<&'a dyn AtHand>,
    /// How long a slot may be held for a model, in milliseconds: until the call's last deadline.
    pub deadline_ms: &'a (dyn Fn(&Model) -> u64 + Send + Sync),
    /// The fallbacks that the caller names, with commas between: they come before the model's own, or stand
    /// instead of them where `; only` follows. An empty text: none at all.
    pub fallbacks: Option<&'a str>,
    /// What the model has to work in.
    pub modality: Modality,
    /// The model or alias; absent: the instance's default.
    pub model: Option<&'a str>,
    /// What one try at a model has to be reserved for.
    pub need: &'a (dyn Fn(&Caller, &Model) -> Need + Send + Sync),
    /// What the caller's key must allow.
    pub scope: Scope,
    /// Whether the call ends where it was let in, so that it may take of a share that others take of too.
    pub pooled: bool,
    /// Refuses a model of this modality that cannot serve the route, such as one that only listens.
    pub serves: &'a (dyn Fn(&Model) -> Result<(), ApiError> + Send + Sync),
    /// Refuses the second model as a fallback of the first, which was asked for, where its answers would mean something
    /// else: see [`anyone`].
    pub stands_in: fn(&Model, &Model) -> Result<(), ApiError>,
    /// What decides who serves where several share the model's calls.
    pub splitting: Splitting<'a>,
}

/// Whoever serves a route may be the fallback of whoever else does.
///
/// # Errors
/// None.
pub fn anyone(_asked: &Model, _fallback: &Model) -> Result<(), ApiError> {
    Ok(())
}

/// Finds the models, reserves the share.
///
/// # Errors
/// Those of the registry, `RATE_LIMIT_EXCEEDED`, `LIMITER_UNAVAILABLE`.
pub async fn admit(
    platform: &Platform,
    context: &Context,
    books: &Books,
    caller: Caller,
    wanted: &Wanted<'_>,
) -> Result<Admitted, ApiError> {
    let came = platform.clock.now();
    let admitted = find_and_reserve(platform, context, books, caller, wanted).await;
    // What is waited for is another call's answer, and neither model nor limits.
    let waited_ms = wanted.at_hand.map_or(0, AtHand::waited_ms);
    context.limited(platform.clock.now().since(came) - waited_ms);
    admitted
}

async fn find_and_reserve(
    platform: &Platform,
    context: &Context,
    books: &Books,
    mut caller: Caller,
    wanted: &Wanted<'_>,
) -> Result<Admitted, ApiError> {
    let mut renewals = 0;
    loop {
        // A key that was read anew may have lost the scope.
        caller.require(wanted.scope)?;
        let Found { asked, models, routes } = match models::of(platform, &caller, wanted).await {
            Ok(found) => found,
            // Refused by a copy: it may be old.
            Err(refusal) if renewals == 0 => {
                renewals += 1;
                caller = caller.fresher(platform).await?.ok_or(refusal)?;
                continue;
            }
            Err(refusal) => return Err(refusal),
        };
        let Some(model) = models.first() else {
            return Err(ApiError::internal("a resolved call has no model"));
        };
        // Copies of different ages: the newest shows that the others are old.
        let copies = || std::iter::once(&asked).chain(&models);
        let newest = newest(&caller, copies());
        if renewals < RENEWALS && oldest(&caller, copies()).older_than(newest) {
            renewals += 1;
            caller = caller.renewed(platform, newest).await?;
            continue;
        }
        if wanted.apart {
            books.stands_apart();
        }
        books.trying(model);
        warn_of_retirement(context, &asked);
        let is_at_hand = match wanted.at_hand {
            Some(kept) => kept.finds(&caller, &models).await?,
            None => false,
        };
        // Nothing is reserved for a model that would not be asked. What becomes a job is tried by another
        // isolate, at another time.
        let models = if is_at_hand {
            models
        } else {
            let may_pass = passable(platform, &caller, &models, &routes)?;
            if wanted.pooled { may_pass } else { models }
        };
        let Some(model) = models.first() else {
            return Err(ApiError::internal("a call that may pass has no model"));
        };
        books.trying(model);
        let needs: Vec<Need> = models.iter().map(|model| (wanted.need)(&caller, model)).collect();
        let need = if is_at_hand { ADMISSION } else { whichever_serves(&needs) };
        let deadline_ms = models.iter().map(|model| (wanted.deadline_ms)(model)).max();
        let ask = Ask {
            apart: wanted.apart,
            caller: &caller,
            deadline_ms,
            epochs: oldest(&caller, std::iter::once(&asked).chain(&models)),
            // Limits of a model are there for its vendor, whom nobody asks.
            model: (!is_at_hand).then_some(model),
            need,
            pooled: wanted.pooled,
        };
        match reserve(platform, context, books, ask).await? {
            Reserved::Granted { bounded, .. } if is_at_hand => {
                return Ok(Admitted { asked, bounded, caller, models, need, routes });
            }
            Reserved::Granted { bounded, budgeted } => {
                // What a budget cannot hold money for is no fallback under it.
                let fits = |(_, need): &(Arc<Model>, Need)| !budgeted || need.micros.is_some();
                let models = models.into_iter().zip(needs).filter(fits).map(|(model, _)| model);
                return Ok(Admitted {
                    asked,
                    bounded,
                    caller,
                    models: models.collect(),
                    need,
                    routes,
                });
            }
            Reserved::Stale(epochs) if renewals < RENEWALS => {
                renewals += 1;
                caller = caller.renewed(platform, epochs).await?;
            }
            Reserved::Stale(_) => return Err(unsettled()),
        }
    }
}

/// What fits whichever of the models serves. A fallback whose money nobody can say does not count: under a
/// budget it is none.
fn whichever_serves(needs: &[Need]) -> Need {
    let mut all = needs.iter().copied();
    let first = all.next().unwrap_or_default();
    all.fold(first, |most, need| Need {
        micros: most.micros.map(|micros| micros.max(need.micros.unwrap_or(0))),
        requests: most.requests.max(need.requests),
        slots: most.slots.max(need.slots),
        tokens: most.tokens.max(need.tokens),
    })
}

/// A share of the limits, as a call asks for it.
pub struct Ask<'a> {
    /// Whether circuits are nothing to it.
    pub apart: bool,
    /// For whom.
    pub caller: &'a Caller,
    /// How long its slot may be held, in milliseconds.
    pub deadline_ms: Option<u64>,
    /// How fresh the copies are that the call was read from ([`oldest`]).
    pub epochs: Epochs,
    /// The model that is tried first, in whose limits it counts too; absent if none is tried.
    pub model: Option<&'a Model>,
    /// How much of each limit.
    pub need: Need,
    /// Whether it may take of a share that others take of too.
    pub pooled: bool,
}

/// What the Limiter says of a call's share, unless it refuses it.
#[derive(Debug)]
pub enum Reserved {
    /// The call may go on.
    Granted {
        /// Whether a limit counts tokens or money, so that the output must have a bound.
        bounded: bool,
        /// Whether a limit counts money.
        budgeted: bool,
    },
    /// The configuration that the call was read from is older than this.
    Stale(Epochs),
}

/// Reserves a call's share with the caller and the model, and writes it into the books.
///
/// Where the instance goes on without its Limiter, the database says whether the key holds.
///
/// # Errors
/// `RATE_LIMIT_EXCEEDED`, `LIMITER_UNAVAILABLE`; without the Limiter also those of [`Caller::as_of_now`].
pub async fn reserve(
    platform: &Platform,
    context: &Context,
    books: &Books,
    ask: Ask<'_>,
) -> Result<Reserved, ApiError> {
    let Ask { apart, caller, deadline_ms, epochs, model, need, pooled } = ask;
    let asked_at = platform.clock.now();
    let mut scopes = caller.scopes();
    scopes.extend(model.into_iter().flat_map(exchange::model_scopes));
    let key = Key::new(caller.instance_id(), scopes);
    let deadline = deadline_ms.and_then(|ms| i64::try_from(ms).ok()).unwrap_or(LONGEST_MS);
    let deadline = asked_at.plus(deadline);
    let take = || platform.shares.take(asked_at, &key, epochs, need, deadline);
    // Whether a circuit has closed, or this call is its probe, only the Limiter knows.
    let due = |model| circuits::must_ask(platform, caller.instance_id(), model);
    let is_due = !apart && model.is_some_and(due);
    let extra = match if pooled && !is_due { take() } else { None } {
        Some(Take::Share(taken)) => {
            books.takes(&taken.call, need);
            return Ok(let_in(context, books, asked_at, taken.expires_at, &taken.standing));
        }
        Some(Take::Stale(epochs)) => return Ok(Reserved::Stale(epochs)),
        Some(Take::Ask { extra }) => Some(extra),
        None => None,
    };
    let lease_id = LeaseId::make(asked_at, random(&*platform.entropy));
    books.asks(&lease_id, Share::Call, need);
    let request = LeaseRequest {
        deadline_ms,
        epochs,
        extra: extra.unwrap_or_default(),
        lease_id: lease_id.clone(),
        need,
        news: Vec::new(),
        scopes: key.scopes().to_vec(),
    };
    let reply = circuits::lease(platform, caller.instance_id(), request).await;
    let probed = |model: &Model| circuits::probe(reply.as_ref().ok()?, model);
    match model.and_then(probed) {
        // Another call is to be it.
        Some(probe) if apart => {
            circuits::probed(platform, caller.instance_id(), &probe, None);
        }
        Some(probe) => books.probes(probe),
        None => {}
    }
    match reply.map(|reply| reply.grant) {
        Ok(Grant::Granted(share)) => {
            books.granted(&lease_id);
            let standing = share.standing.clone().with_unspent(share.extra);
            let expires_at = share.expires_at;
            if extra.is_some() {
                let has_more = share.extra.requests > 0;
                let kept = lease_id.clone();
                let granted = Granted { asked_at, deadline, epochs, lease_id, need, share };
                books.pooled(&platform.shares.granted(&key, granted));
                if has_more {
                    let (keeper, instance) = (platform.clone(), caller.instance_id().clone());
                    let keep = async move { keeper.shares.keep(&keeper, &instance, &kept).await };
                    platform.background.spawn(keep.boxed());
                }
            }
            Ok(let_in(context, books, platform.clock.now(), expires_at, &standing))
        }
        Ok(Grant::Denied(denial)) => {
            books.denied(&lease_id);
            let now = platform.clock.now();
            let again = || platform.shares.take_refused(now, &key, epochs, need, deadline);
            match extra.and_then(|_| again()) {
                Some(Take::Share(taken)) => {
                    books.takes(&taken.call, need);
                    Ok(let_in(context, books, now, taken.expires_at, &taken.standing))
                }
                Some(Take::Stale(epochs)) => Ok(Reserved::Stale(epochs)),
                Some(Take::Ask { .. }) | None => Err(denied(context, &denial, need)),
            }
        }
        Ok(Grant::Stale { epochs }) => {
            books.denied(&lease_id);
            Ok(Reserved::Stale(epochs))
        }
        Ok(Grant::NeedsPolicy) => {
            books.denied(&lease_id);
            Err(unsettled())
        }
        Err(err)
            if caller.goes_on_without_limiter()
                && exchange::has_no_budget(platform, caller.instance_id()).await =>
        {
            // What the Limiter would have said: whether the key holds, and whether the copies are old.
            let now = caller.as_of_now(platform).await?;
            if epochs.older_than(now.epochs()) {
                return Ok(Reserved::Stale(now.epochs()));
            }
            books.granted(&lease_id);
            books.bypassed();
            context.note(|line| line.cause = Some(err.to_string()));
            Ok(Reserved::Granted { bounded: false, budgeted: false })
        }
        Err(err) => Err(exchange::limiter_unavailable(err.to_string())),
    }
}

/// Lets a call in, by a share whose lease ends then.
fn let_in(
    context: &Context,
    books: &Books,
    now: UnixMillis,
    expires_at: UnixMillis,
    standing: &Standings,
) -> Reserved {
    // Never past the end of the lease, which is never past that of a budget's period: the receipt counts in
    // the period that was debited, whatever the clocks of two machines say.
    books.admitted(now.min(expires_at.plus(-1)));
    tell(context, standing);
    let budgeted = standing.budget.is_some();
    Reserved::Granted { bounded: budgeted || standing.tokens.is_some(), budgeted }
}

/// The configuration changed each time that it was read anew.
#[must_use]
pub fn unsettled() -> ApiError {
    exchange::limiter_unavailable("the Limiter and the database disagree".to_owned())
}

/// The epochs that all copies have, at least.
#[must_use]
pub fn oldest<'a>(caller: &Caller, models: impl IntoIterator<Item = &'a Arc<Model>>) -> Epochs {
    models.into_iter().fold(caller.epochs(), |oldest, model| Epochs {
        catalogue: oldest.catalogue.min(model.epochs.catalogue),
        tenant: oldest.tenant.min(model.epochs.tenant),
    })
}

/// The newest epochs that any copy has.
fn newest<'a>(caller: &Caller, models: impl IntoIterator<Item = &'a Arc<Model>>) -> Epochs {
    models.into_iter().fold(caller.epochs(), |newest, model| newest.newest(model.epochs))
}

/// RFC 9745 and RFC 8594: since when, and until when.
fn warn_of_retirement(context: &Context, model: &Model) {
    let Some(since) = model.config.deprecated_since() else { return };
    let seconds = since.0 / 1_000;
    context.tell(HeaderName::from_static("deprecation"), &format!("@{seconds}"));
    if let Some(until) = model.config.deprecation_date.map(|date| date.begins_at()) {
        context.tell(HeaderName::from_static("sunset"), &until.http_date());
    }
}
