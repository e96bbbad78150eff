//! One way to save a change: the event, the rows, the epochs, in one batch; then every Limiter is told.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use de_core::{
    caller::Caller,
    http::{context::Context, error::ApiError, extract::Incoming, routes::Allowed},
    ids::OrganizationId,
    ports::{Platform, PortError, Row, Statement, random, row},
    store::{
        audit::{self, Actor, AuditEvent},
        epochs::{EpochRow, EpochScope, bump},
    },
    time::UnixMillis,
};
use http::HeaderMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Once, Resource, answer, overtaken, taken};
use crate::epochs;

/// How often a change is tried again that someone else's came in between of.
pub(crate) const TRIES: usize = 3;

/// One change, to be saved with all that belongs to it.
pub(crate) struct Change {
    /// `project.update`.
    pub(crate) action: String,
    /// What it is now.
    pub(crate) after: Option<Value>,
    /// Other tenants that it matters to.
    pub(crate) also: Vec<OrganizationId>,
    /// What it was.
    pub(crate) before: Option<Value>,
    /// Whose it is; `None` for the shared catalogue.
    pub(crate) owner: Option<OrganizationId>,
    /// Its id.
    pub(crate) target: String,
}

impl Change {
    /// A change of a row, to be filled with what it was or is.
    pub(crate) fn of<R: Resource>(verb: &str, row: &R) -> Self {
        Self {
            action: format!("{}.{verb}", R::ACTION),
            after: None,
            also: Vec::new(),
            before: None,
            owner: row.owner().cloned(),
            target: row.id().to_owned(),
        }
    }

    /// With what it was.
    pub(crate) fn from<R: Resource>(mut self, before: &R) -> Self {
        self.before = Some(value(&before.shown()));
        self
    }

    /// With what it is now.
    pub(crate) fn to<R: Resource>(mut self, after: &R) -> Self {
        self.after = Some(value(&after.shown()));
        self
    }
}

/// How saving went.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Saved {
    /// It is saved, and every Limiter knows.
    Done,
    /// The row was not as it was read, or something is below it: nothing was saved.
    Overtaken,
    /// Another row has what must be unique: nothing was saved.
    Taken {
        /// `table.column`.
        constraint: String,
    },
}

impl Saved {
    /// Whether it is saved; if not, it was overtaken.
    ///
    /// # Errors
    /// `CONFLICT` for what another row has.
    pub(crate) fn done(self) -> Result<bool, ApiError> {
        match self {
            Self::Done => Ok(true),
            Self::Overtaken => Ok(false),
            Self::Taken { constraint } => Err(taken(&constraint)),
        }
    }
}

/// The answer to a row that was made. Kept ones are read again: a change needs a reader for this form.
#[derive(Deserialize, Serialize)]
pub(crate) struct Created {
    /// The row, with a secret if it has one.
    pub(crate) body: Value,
    /// Its address; empty if nothing had to be made.
    pub(crate) location: String,
    /// When it was last changed: just now.
    pub(crate) updated_at: UnixMillis,
}

impl Created {
    /// A row that shows all that there is.
    pub(crate) fn of<R: Resource>(row: &R, location: String) -> Self {
        Self { body: value(&row.shown()), location, updated_at: row.updated_at() }
    }

    /// As it is answered.
    pub(crate) fn response(&self) -> Response {
        if self.location.is_empty() {
            return Json(&self.body).into_response();
        }
        answer::created(&self.body, self.updated_at, &self.location)
    }
}

/// The statements of a consequence, given the id of the change's event.
type Statements = Box<dyn FnOnce(&str) -> Vec<Statement> + Send>;

/// What a change of a row changes beside it.
#[derive(Default)]
pub(crate) struct Consequence {
    /// What goes into its batch, behind the check that the row is still as it was.
    pub(crate) statements: Option<Statements>,
    /// What the trail of changes says of it, beside what the row is now.
    pub(crate) told: Vec<(&'static str, Value)>,
}

/// The request behind a change.
pub(crate) struct Request<'a> {
    /// Who asks.
    pub(crate) allowed: &'a Allowed,
    /// Its id.
    pub(crate) context: &'a Context,
    /// Its headers.
    pub(crate) headers: &'a HeaderMap,
    /// The ports.
    pub(crate) platform: &'a Platform,
}

impl<'a> Request<'a> {
    /// The request that a handler was given.
    pub(crate) fn of(platform: &'a Platform, allowed: &'a Allowed, incoming: &'a Incoming) -> Self {
        Self { allowed, context: &incoming.context, headers: &incoming.headers, platform }
    }

    /// Saves a row over what it was, if it still is that.
    pub(crate) async fn replace<R: Resource>(
        &self,
        verb: &str,
        before: &R,
        row: &R,
    ) -> Result<Saved, ApiError> {
        let mut change = Change::of(verb, row).from(before).to(row);
        change.also = row.reaches(self.platform).await?;
        let Consequence { statements, told } = row.entails(before, self.platform).await?;
        if let Some(after) = change.after.as_mut().and_then(Value::as_object_mut) {
            after.extend(told.into_iter().map(|(name, value)| (name.to_owned(), value)));
        }
        let batch = |event: &str| {
            let mut batch = vec![before.unchanged(event)];
            batch.extend(statements.into_iter().flat_map(|statements| statements(event)));
            batch.extend(row.update());
            batch
        };
        self.save(change, batch).await
    }

    /// Makes something, once for each `Idempotency-Key`, and answers 201.
    ///
    /// # Errors
    /// `CONFLICT` if another row has what must be unique, or what it is made in has changed meanwhile.
    pub(crate) async fn create(
        &self,
        once: Once,
        change: Change,
        made: Created,
        statements: impl FnOnce(&str) -> Vec<Statement>,
    ) -> Result<Response, ApiError> {
        let keep = once.keep(self.platform, &made)?;
        let batch = |event: &str| keep.into_iter().chain(statements(event)).collect();
        match self.save(change, batch).await? {
            Saved::Done => Ok(made.response()),
            Saved::Overtaken => Err(overtaken(self.headers)),
            Saved::Taken { constraint } if constraint.starts_with("idempotency.") => {
                let kept = once.kept(self.platform).await?;
                kept.ok_or_else(|| ApiError::internal("a kept answer is gone at once"))
            }
            Saved::Taken { constraint } => Err(taken(&constraint)),
        }
    }

    /// Answers 200 where nothing had to be made, once for each `Idempotency-Key`.
    pub(crate) async fn unneeded(&self, once: Once, body: Value) -> Result<Response, ApiError> {
        let updated_at = self.platform.clock.now();
        let made = Created { body, location: String::new(), updated_at };
        let keep = once.keep(self.platform, &made)?;
        if keep.is_empty() {
            return Ok(made.response());
        }
        match self.platform.database.batch(keep).await {
            Ok(_) => Ok(made.response()),
            Err(PortError::Conflict { constraint }) if constraint.starts_with("idempotency.") => {
                let kept = once.kept(self.platform).await?;
                kept.ok_or_else(|| ApiError::internal("a kept answer is gone at once"))
            }
            Err(err) => Err(err.into()),
        }
    }

    /// The event of one more change, which goes into the batch of another one and has its epochs.
    pub(crate) fn record(&self, change: Change) -> Statement {
        let now = self.platform.clock.now();
        let actor = actor(self.allowed.caller());
        audit::insert(&event(self.platform, self.context, actor, change), now)
    }

    /// Saves a change in one batch: the event, what `statements` makes for the event's id, the epochs of
    /// those whom it matters to. Then tells the Limiters, so that it holds once this has answered.
    pub(crate) async fn save(
        &self,
        change: Change,
        statements: impl FnOnce(&str) -> Vec<Statement>,
    ) -> Result<Saved, ApiError> {
        let actor = actor(self.allowed.caller());
        save_as(self.platform, self.context, actor, change, statements).await
    }
}

/// Saves a change that nobody with a key asks for: as [`Request::save`].
pub(crate) async fn save_as(
    platform: &Platform,
    context: &Context,
    actor: Actor,
    change: Change,
    statements: impl FnOnce(&str) -> Vec<Statement>,
) -> Result<Saved, ApiError> {
    let now = platform.clock.now();
    let mut owners = vec![change.owner.clone()];
    owners.extend(change.also.iter().cloned().map(Some));
    let event = event(platform, context, actor, change);
    owners.sort();
    owners.dedup();
    let mut batch = vec![audit::insert(&event, now)];
    batch.extend(statements(&event.id));
    for owner in &owners {
        batch.extend(bump(EpochScope::of(owner.as_ref()), now));
    }
    let answers = match platform.database.batch(batch).await {
        Ok(answers) => answers,
        Err(PortError::Conflict { constraint }) if constraint == "audit_events.id" => {
            return Ok(Saved::Overtaken);
        }
        Err(PortError::Conflict { constraint }) => return Ok(Saved::Taken { constraint }),
        Err(err) => return Err(err.into()),
    };
    let raised = raised(answers)?;
    if raised.len() != owners.len() {
        return Err(ApiError::internal("a change raised other epochs than its own"));
    }
    // All of them are told, also when one cannot be: what is left is told by the cron.
    let mut outcome = Ok(Saved::Done);
    for (owner, epoch) in owners.iter().zip(raised) {
        if let Err(err) = epochs::tell(platform, owner.as_ref(), epoch).await {
            outcome = Err(err);
        }
    }
    outcome
}

fn event(platform: &Platform, context: &Context, actor: Actor, change: Change) -> AuditEvent {
    AuditEvent {
        action: change.action,
        actor,
        after: change.after,
        before: change.before,
        id: AuditEvent::make_id(platform.clock.now(), random(&*platform.entropy)),
        organization_id: change.owner,
        request_id: Some(context.request_id().clone()),
        target_id: change.target,
    }
}

/// The new epochs, among the answers of a batch that raised them, in its order.
pub(crate) fn raised(answers: Vec<Vec<Row>>) -> Result<Vec<u64>, PortError> {
    let found = answers.into_iter().flatten().filter(|answer| answer.contains_key("epoch"));
    found.map(|found| row::<EpochRow>(found).map(|row| row.epoch)).collect()
}

/// Who changes something, as the trail of changes names them.
pub(crate) fn actor(caller: &Caller) -> Actor {
    let key = caller.key();
    match &key.user_id {
        Some(user) => Actor::User(user.as_str().to_owned()),
        None => Actor::Key(key.who().to_owned()),
    }
}

/// The time of a change: now, but later than the change before, so that each state has its own.
pub(crate) fn later(now: UnixMillis, before: UnixMillis) -> UnixMillis {
    now.max(before.plus(1))
}

/// Wire types have string keys and finite numbers, so this cannot fail.
fn value(shown: &impl Serialize) -> Value {
    serde_json::to_value(shown).unwrap_or_default()
}
