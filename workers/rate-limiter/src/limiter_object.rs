//! One Limiter: the limits of an instance, or of an organization above its instances.
//!
//! The object keeps and delivers; `de_core::limits` and `de_core::outbox` decide. All that is exact here
//! rests on one thing: the runtime hands events to an object one at a time, and lets another one in only
//! at an await. Memory and SQLite are read, decided upon and written without an await in between, and
//! no answer leaves before the writes made for it are durable.

mod above;
mod database;
mod delivery;
mod kept;
mod lost;
mod notices;
mod reach;

use std::cell::{Cell, RefCell};

use de_core::{
    circuit::News,
    ids::{LeaseId, OrganizationId},
    limits::{
        self, Epochs, Policy, Scope, ScopeKind,
        wire::{
            Ask, Backlog, DrainReply, Grant, LeaseReply, PolicyReply, SettleReply, SettleRequest,
            Settled, Share, Stats, UsageReply,
        },
    },
    log::LogLine,
    notices::OverCeiling,
    outbox::{self, Plans},
    ports::PortError,
    time::UnixMillis,
};
use de_edge::{
    clock::now,
    log::{begin, say},
};
use kept::{Kept, Notice};
use reach::sleep;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;
use worker::{DurableObject, Env, Error, Method, Request, Response, Result, State, durable_object};

/// The object of one instance or organization, named by its id.
#[durable_object(alarm)]
pub struct Limiter {
    /// When the alarm is set for, as far as this life of the object knows.
    alarm_at: Cell<Option<UnixMillis>>,
    /// Whether a delivery is under way: it awaits the database, and other events run meanwhile.
    delivering: Cell<bool>,
    env: Env,
    /// Deliveries in a row that failed.
    failures: Cell<u32>,
    /// Times in a row that something could not be told, to the database or to the organization's object.
    untold: Cell<u32>,
    /// Never borrowed across an await.
    limits: RefCell<limits::Limiter>,
    /// Why the object could not read what it kept. Then it answers 503, and grants nothing.
    broken: Option<String>,
    state: State,
}

/// Why the object does not do what it is asked.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("the body is not of the documented form: {message}")]
    Body { message: String },
    #[error("the limiter could not read what it kept: {message}")]
    Broken { message: String },
    #[error("the object is not named after an instance or an organization")]
    Nameless,
    #[error("the database still has an older policy than was asked for")]
    OldPolicy,
    #[error(transparent)]
    Port(#[from] PortError),
    #[error("there is no {method} {path}")]
    Route { method: String, path: String },
    #[error("the runtime refused: {0}")]
    Runtime(#[from] Error),
    #[error("{what} did not answer in {after_ms} ms")]
    TimedOut { after_ms: u64, what: &'static str },
    #[error("{what} answered {status}: {message}")]
    Unexpected { message: String, status: u16, what: &'static str },
}

impl Failure {
    fn status_and_code(&self) -> (u16, &'static str) {
        match self {
            Self::Body { .. } => (400, "INVALID_REQUEST"),
            Self::Route { .. } => (404, "NOT_FOUND"),
            Self::Broken { .. }
            | Self::Nameless
            | Self::OldPolicy
            | Self::Port(_)
            | Self::Runtime(_)
            | Self::TimedOut { .. }
            | Self::Unexpected { .. } => (503, "LIMITER_UNAVAILABLE"),
        }
    }
}

impl DurableObject for Limiter {
    fn new(state: State, env: Env) -> Self {
        begin(&env, crate::NAME);
        let (limits, broken) = match Kept::of(&state).load(now()) {
            Ok(limits) => (limits, None),
            Err(err) => {
                say(LogLine::error("limiter: cannot read what it kept").because(&err));
                (limits::Limiter::default(), Some(err.to_string()))
            }
        };
        Self {
            alarm_at: Cell::new(None),
            delivering: Cell::new(false),
            env,
            failures: Cell::new(0),
            untold: Cell::new(0),
            limits: RefCell::new(limits),
            broken,
            state,
        }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        let method = request.method();
        let path = request.path();
        #[cfg(feature = "faults")]
        if path == "/faults" {
            return de_edge::faults::set(&request.url()?);
        }
        #[cfg(feature = "faults")]
        if path == "/panic" {
            de_edge::faults::panics();
        }
        let request_id = request.headers().get("x-request-id")?;
        // The whole body is here before anything is looked at: from now on there is no await but those
        // that each call names.
        let body = request.bytes().await?;
        match self.call(&method, &path, &body).await {
            Ok(json) => Ok(Response::ok(json)?.with_headers(json_headers()?)),
            Err(failure) => {
                let (status, error_code) = failure.status_and_code();
                let envelope = json!({"error": failure.to_string(), "error_code": error_code, "request_id": request_id});
                let response = Response::ok(envelope.to_string())?;
                Ok(response.with_status(status).with_headers(json_headers()?))
            }
        }
    }

    async fn alarm(&self) -> Result<Response> {
        self.alarm_at.set(None);
        if let Err(err) = self.deliver().await {
            say(LogLine::error("limiter: delivery failed").because(&err));
            self.failures.set(self.failures.get().saturating_add(1));
        }
        let (told, passed_on) = (self.tell().await, self.pass_on().await);
        let failed = told.is_err() || passed_on.is_err();
        self.untold.set(if failed { self.untold.get().saturating_add(1) } else { 0 });
        for err in told.err().into_iter().chain(passed_on.err()) {
            say(LogLine::error("limiter: a notice or a report waits on to be told").because(&err));
        }
        if let Err(err) = self.tidy().await {
            say(LogLine::error("limiter: cannot tidy up").because(&err));
        }
        // Whatever went wrong above, the next alarm is planned here: the runtime's own retries end.
        self.plan().await?;
        Response::empty()
    }
}

impl Limiter {
    async fn call(&self, method: &Method, path: &str, body: &[u8]) -> Result<String, Failure> {
        if let Some(message) = &self.broken {
            return Err(Failure::Broken { message: message.clone() });
        }
        match (method, path) {
            (Method::Post, "/lease") => to_json(&self.admit(from_json(body)?).await?),
            (Method::Post, "/settle") => to_json(&self.settle(&from_json(body)?).await?),
            (Method::Put, "/policy") => to_json(&self.replace_policy(from_json(body)?).await?),
            (Method::Post, "/refresh") => to_json(&self.refresh(from_json(body)?).await?),
            (Method::Get, "/epoch") => to_json(&self.epochs().await?),
            (Method::Get, "/usage") => to_json(&self.usage().await?),
            (Method::Get, "/stats") => to_json(&self.stats()?),
            (Method::Post, "/drain") => to_json(&self.drain().await?),
            _ => Err(Failure::Route { method: method.to_string(), path: path.to_owned() }),
        }
    }

    /// Lets a call in, or not, and tells it which circuits are open. Whether it is the probe of one is decided
    /// when it is let in for good, and kept without an await.
    async fn admit(&self, ask: Ask) -> Result<LeaseReply, Failure> {
        self.hear(&ask.news)?;
        let scopes = ask.scopes.clone();
        let grant = self.lease(ask).await?;
        let reply = self.limits.borrow_mut().reply(now(), &scopes, grant);
        self.keep_circuits()?;
        Ok(reply)
    }

    /// Takes what calls came to, and keeps what that changes.
    fn hear(&self, news: &[News]) -> Result<(), Failure> {
        self.limits.borrow_mut().circuits().hear(now(), news);
        self.keep_circuits()
    }

    fn keep_circuits(&self) -> Result<(), Failure> {
        let changed = self.limits.borrow_mut().circuits().take_changed();
        Ok(Kept::of(&self.state).keep_circuits(&changed)?)
    }

    async fn lease(&self, ask: Ask) -> Result<Grant, Failure> {
        let (mut grant, mut alerted) = self.grant(&ask)?;
        if grant == Grant::NeedsPolicy {
            self.load_policy().await?;
            (grant, alerted) = self.grant(&ask)?;
        }
        if alerted {
            self.wake_by(now().plus(self.delivery_pause_ms())).await?;
        }
        let Grant::Granted(share) = grant else { return Ok(grant) };
        self.wake_by(now().plus(TIDY_MS)).await?;
        match self.above(&ask.scopes) {
            Some(organization) => self.lease_above(&organization, ask, share).await,
            None => Ok(Grant::Granted(share)),
        }
    }

    /// Decides and keeps, without an await: two callers cannot both get the last share. Answers too whether
    /// there is something to tell people.
    fn grant(&self, ask: &Ask) -> Result<(Grant, bool), Failure> {
        let mut limits = self.limits.borrow_mut();
        let known = limits.lease_row(&ask.lease_id).is_some();
        let grant = limits.lease(now(), ask);
        if let (false, Some(lease)) = (known, limits.lease_row(&ask.lease_id)) {
            let kept = Kept::of(&self.state).keep_lease(lease);
            if kept.is_err() {
                // Not kept, not granted: the next life of the object would not know of it.
                limits.cancel(&ask.lease_id);
            }
            kept?;
        }
        let alerts = limits.take_alerts();
        Kept::of(&self.state).keep_alerts(&alerts)?;
        Ok((grant, !alerts.is_empty()))
    }

    /// Asks the organization's Limiter. This one has debited already, so that while the other is awaited,
    /// which lets other events in, nobody can be given what this call may yet use; a refusal gives it
    /// back. The lease above begins later than this one and so outlives it.
    async fn lease_above(
        &self,
        organization: &OrganizationId,
        ask: Ask,
        share: Share,
    ) -> Result<Grant, Failure> {
        let lease_id = ask.lease_id.clone();
        let scopes = vec![Scope::new(ScopeKind::Organization, organization.as_str())];
        let body = to_json(&Ask { extra: share.extra, news: Vec::new(), scopes, ..ask })?;
        let answer = reach::limiter::<LeaseReply>(&self.env, organization, "/lease", &body).await;
        let answer = answer.map(|reply| reply.grant);
        match answer {
            Ok(Grant::Granted(above)) => {
                let mut limits = self.limits.borrow_mut();
                let trimmed = limits.trim(now(), &lease_id, &above);
                if let Some(lease) = limits.lease_row(&lease_id) {
                    Kept::of(&self.state).keep_lease(lease)?;
                }
                // Settled already, by a holder that gave up waiting: nobody begins under it any more.
                Ok(Grant::Granted(trimmed.unwrap_or(share)))
            }
            Ok(Grant::Denied(denial)) => {
                self.limits.borrow_mut().withdraw(now(), &lease_id, denial.clone());
                self.drop_lease(&lease_id)?;
                Ok(Grant::Denied(denial))
            }
            Ok(other @ (Grant::NeedsPolicy | Grant::Stale { .. })) => {
                self.limits.borrow_mut().cancel(&lease_id);
                self.drop_lease(&lease_id)?;
                Ok(other)
            }
            // Whether the one above has debited is not known, nor whether the call goes on without
            // limits. So the lease stands here, and with it the way to the one above: the holder settles
            // it in either case, with nothing or with what it has spent, and that is passed on. A
            // settlement with nothing in its name would let a repeated ask in for nothing up there, and
            // a call that goes on would be counted nowhere.
            Err(failure) => Err(failure),
        }
    }

    fn drop_lease(&self, lease_id: &LeaseId) -> Result<(), Failure> {
        Ok(Kept::of(&self.state).drop_leases(std::slice::from_ref(lease_id))?)
    }

    /// The organization to ask as well, if it has limits and the call counts for it.
    fn above(&self, scopes: &[Scope]) -> Option<OrganizationId> {
        let limits = self.limits.borrow();
        let above = limits.above()?;
        let scope = Scope::new(ScopeKind::Organization, above.as_str());
        scopes.contains(&scope).then(|| above.clone())
    }

    async fn settle(&self, report: &SettleRequest) -> Result<SettleReply, Failure> {
        if self.limits.borrow().epochs().is_none() {
            // A cold object does not know whether the organization counts this call too. What it
            // cannot learn now must not keep a receipt from being kept.
            if let Err(err) = self.load_policy().await {
                say(LogLine::error("limiter: settles without its policy").because(&err));
            }
        }
        let (outcome, above, alerted) = self.book(report)?;
        if alerted || !report.receipts.is_empty() {
            self.wake_by(now().plus(self.delivery_pause_ms())).await?;
        }
        if let Some(organization) = above {
            self.report_above(&organization, report).await?;
        }
        // Receipts first: should circuits not be kept, the report is repeated, and its news count once.
        self.hear(&report.news)?;
        let circuits = self.limits.borrow_mut().circuits().open(now());
        Ok(SettleReply { circuits, outcome })
    }

    /// Keeps receipts and report without an await, receipts first: if a write fails, the report was not
    /// seen and will be repeated, and a receipt that is kept twice is kept once.
    ///
    /// Answers what the report did, who above is to be told too, and whether there is something to tell people.
    fn book(
        &self,
        report: &SettleRequest,
    ) -> Result<(Settled, Option<OrganizationId>, bool), Failure> {
        let kept = Kept::of(&self.state);
        let now = now();
        for receipt in &report.receipts {
            kept.keep_receipt(now, receipt)?;
            if let Some(over) = OverCeiling::of(receipt) {
                let (id, until) = over.id(now);
                kept.keep_notice(&id, Notice::OVER, &over, now, until)?;
            }
        }
        let mut limits = self.limits.borrow_mut();
        let outcome = limits.settle(now, report);
        let alerts = limits.take_alerts();
        kept.keep_alerts(&alerts)?;
        let alerted = !alerts.is_empty();
        let Some(lease) = limits.lease_row(&report.lease_id) else {
            return Ok((outcome, None, alerted));
        };
        if matches!(outcome, Settled::Applied | Settled::OverCeiling) {
            kept.keep_lease(lease)?;
        }
        let scopes = lease.scopes().to_vec();
        drop(limits);
        Ok((outcome, self.above(&scopes), alerted))
    }

    async fn replace_policy(&self, policy: Policy) -> Result<PolicyReply, Failure> {
        self.limits.borrow_mut().set_policy(now(), policy);
        self.outlive().await
    }

    async fn refresh(&self, epochs: Epochs) -> Result<PolicyReply, Failure> {
        // From here on nothing is granted under the old policy, also while the new one is read.
        self.limits.borrow_mut().drop_policy(epochs);
        self.load_policy().await?;
        self.outlive().await
    }

    /// Waits until no lease lives that was granted under an older policy, whoever brought the present
    /// one: a call that came in while the database was awaited may have been first.
    async fn outlive(&self) -> Result<PolicyReply, Failure> {
        let ends = self.limits.borrow().older_leases_end();
        if let Some(ends) = ends {
            sleep(ends.since(now())).await;
        }
        let epochs = self.limits.borrow().epochs().ok_or(Failure::OldPolicy)?;
        Ok(PolicyReply { epochs })
    }

    /// Reads the policy from the primary, and takes it over unless a newer one came in meanwhile.
    async fn load_policy(&self) -> Result<(), Failure> {
        let name = self.state.id().name().ok_or(Failure::Nameless)?;
        let policy = database::policy(&self.env, &name, now()).await?;
        // Other events ran while the database was awaited. Epochs decide, not who comes last.
        let mut limits = self.limits.borrow_mut();
        limits.set_policy(now(), policy);
        if limits.epochs().is_none() { Err(Failure::OldPolicy) } else { Ok(()) }
    }

    async fn epochs(&self) -> Result<Epochs, Failure> {
        let known = self.limits.borrow().epochs();
        if let Some(epochs) = known {
            return Ok(epochs);
        }
        self.load_policy().await?;
        self.limits.borrow().epochs().ok_or(Failure::OldPolicy)
    }

    /// Shows what is used of the limits as they stand in the database: an organization's object hears of a
    /// change only by the next call. Where the database does not answer, as they stood last.
    async fn usage(&self) -> Result<UsageReply, Failure> {
        if let Err(err) = self.load_policy().await
            && self.limits.borrow().epochs().is_none()
        {
            return Err(err);
        }
        let backlog = Kept::of(&self.state).backlog()?;
        let backlog = Backlog { dead: backlog.dead, waiting: backlog.waiting };
        let usage = self.limits.borrow_mut().usage(now());
        Ok(UsageReply { backlog: Some(backlog), ..usage })
    }

    fn stats(&self) -> Result<Stats, Failure> {
        let kept = Kept::of(&self.state);
        let backlog = kept.backlog()?;
        let limits = self.limits.borrow();
        Ok(Stats {
            counts: limits.counts(),
            dead: backlog.dead,
            epochs: limits.epochs(),
            tombstones: kept.tombstones()?,
            waiting: backlog.waiting,
        })
    }

    async fn drain(&self) -> Result<DrainReply, Failure> {
        // Whoever asks has mended something, or wants to see: nothing rests.
        let all = UnixMillis(i64::MAX);
        Kept::of(&self.state).end_rests(all, all)?;
        let delivered = self.deliver().await?;
        self.plan().await?;
        let backlog = Kept::of(&self.state).backlog()?;
        Ok(DrainReply { dead: backlog.dead, delivered, waiting: backlog.waiting })
    }

    /// Lets go of what counts no more. The buckets are added up before their leases go: should that
    /// stop half-way, the calls count twice until they leave their windows, never not at all.
    async fn tidy(&self) -> Result<(), Failure> {
        let waits = self.limits.borrow().waits_for_policy();
        if waits && let Err(err) = self.load_policy().await {
            // Its leases stay until the next call brings the limits: no alarm is set for them.
            say(LogLine::error("limiter: tidies up without its policy").because(&err));
        }
        if let Err(err) = self.find_lost().await {
            // Their money stays held, and they are looked for again.
            say(LogLine::error("limiter: cannot look for receipts of lost calls").because(&err));
        }
        let now = now();
        let gone = self.limits.borrow_mut().forget(now);
        let kept = Kept::of(&self.state);
        kept.keep_releases(now, &gone.released)?;
        for lease_id in &gone.changed {
            if let Some(lease) = self.limits.borrow().lease_row(lease_id) {
                kept.keep_lease(lease)?;
            }
        }
        kept.add_buckets(&gone.buckets)?;
        kept.drop_leases(&gone.leases)?;
        Ok(kept.drop_old(now)?)
    }

    /// Sets the alarm for whatever is next.
    async fn plan(&self) -> Result<(), Error> {
        let now = now();
        let next = Kept::of(&self.state).next()?;
        let deliver_at = (next.waits > 0).then(|| now.plus(self.delivery_pause_ms()));
        let tell_at = (next.tells > 0).then(|| now.plus(pause_ms(self.untold.get())));
        let aside_until = next.aside_since.map(|at| at.plus(outbox::ASIDE_MS));
        let rest_until = next.rest_until.into_iter().chain(aside_until).min();
        let plans = Plans {
            // Those of a minute go together; and what could not be tidied up is not tried at once.
            bury_at: next.first_until.map(|at| at.max(now.plus(TIDY_MS))),
            deliver_at: deliver_at.into_iter().chain(tell_at).min(),
            retry_at: rest_until.map(|at| at.max(now.plus(self.delivery_pause_ms()))),
            tidy_at: self.limits.borrow().tidy_at(now).map(|at| at.max(now.plus(TIDY_MS / 6))),
        };
        match outbox::next_alarm(now, plans) {
            Some(at) => self.wake_by(at).await,
            None => Ok(()),
        }
    }

    fn delivery_pause_ms(&self) -> i64 {
        pause_ms(self.failures.get())
    }

    /// Sets the alarm, unless one is set that rings earlier.
    async fn wake_by(&self, at: UnixMillis) -> Result<(), Error> {
        let storage = self.state.storage();
        if self.alarm_at.get().is_none() {
            // A new life of the object: the alarm of the last one may still be set.
            self.alarm_at.set(storage.get_alarm().await?.map(UnixMillis));
        }
        let earlier = |set: UnixMillis| set <= at && now().since(set) < OVERDUE_MS;
        if self.alarm_at.get().is_some_and(earlier) {
            return Ok(());
        }
        self.alarm_at.set(Some(at));
        storage.set_alarm(at.since(now())).await
    }
}

/// How long to wait before the next try, after so many in a row that failed.
fn pause_ms(failures: u32) -> i64 {
    match failures {
        0 => outbox::GATHER_MS,
        failures => outbox::pause_ms(failures),
    }
}

/// How long after a grant the object looks for what it can forget.
const TIDY_MS: i64 = 60_000;
/// An alarm that should have rung so long ago is not believed in.
const OVERDUE_MS: i64 = 30_000;

fn json_headers() -> Result<worker::Headers> {
    let headers = worker::Headers::new();
    headers.set("content-type", "application/json")?;
    Ok(headers)
}

fn from_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(body).map_err(|err| Failure::Body { message: err.to_string() })
}

fn to_json(value: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string(value).map_err(|err| Failure::Body { message: err.to_string() })
}
