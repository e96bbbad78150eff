//! The Limiter in process: the pure code behind a lock, policies from the database, receipts straight
//! into it.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use de_core::{
    ids::{InstanceId, OrganizationId},
    limits::{
        Epochs, Limiter as State, Policy, Scope, ScopeKind,
        wire::{Backlog, Grant, LeaseReply, LeaseRequest, SettleReply, SettleRequest, UsageReply},
    },
    notices::{self, Notice, OverCeiling},
    ports::{Clock, Database, Limiter, PortError, Statement, Whose},
    store,
};
use tokio::sync::Mutex;

/// All Limiters of all tenants.
///
/// One call at a time, as the input gate of an object has it; unlike an object, it delivers a receipt
/// before it answers, so that tests need not wait for an alarm.
pub struct LocalLimiter {
    clock: Arc<dyn Clock>,
    database: Arc<dyn Database>,
    fails: AtomicBool,
    instances: Mutex<HashMap<String, State>>,
}

impl LocalLimiter {
    /// All of them cold.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, database: Arc<dyn Database>) -> Self {
        Self { clock, database, fails: AtomicBool::new(false), instances: Mutex::default() }
    }

    /// Makes every call fail, or work again.
    pub fn set_failing(&self, fails: bool) {
        self.fails.store(fails, Ordering::SeqCst);
    }

    fn works(&self) -> Result<(), PortError> {
        if !self.fails.load(Ordering::SeqCst) {
            return Ok(());
        }
        Err(PortError::TimedOut { port: "limiter", after_ms: 2_000 })
    }

    /// Asks the instance's Limiter, and then that of its organization.
    async fn grant(
        &self,
        instances: &mut HashMap<String, State>,
        instance: &InstanceId,
        ask: &LeaseRequest,
    ) -> Result<Grant, PortError> {
        let now = self.clock.now();
        let state = instances.entry(instance.to_string()).or_default();
        let mut grant = state.lease(now, ask);
        if grant == Grant::NeedsPolicy {
            state.set_policy(now, self.policy(instance).await?);
            grant = state.lease(now, ask);
        }
        let (Grant::Granted(share), Some(organization)) = (&grant, state.above().cloned()) else {
            return Ok(grant);
        };
        let scope = Scope::new(ScopeKind::Organization, organization.as_str());
        if !ask.scopes.contains(&scope) {
            return Ok(grant);
        }
        let second_ask = LeaseRequest {
            extra: share.extra,
            news: Vec::new(),
            scopes: vec![scope],
            ..ask.clone()
        };
        let above = instances.entry(organization.to_string()).or_default();
        let mut second = above.lease(now, &second_ask);
        if second == Grant::NeedsPolicy {
            above.set_policy(now, self.policy_above(&organization).await?);
            second = above.lease(now, &second_ask);
        }
        let Some(state) = instances.get_mut(instance.as_str()) else { return Ok(grant) };
        match second {
            Grant::Granted(above) => {
                let share = state.trim(now, &ask.lease_id, &above);
                Ok(share.map_or(Grant::NeedsPolicy, Grant::Granted))
            }
            Grant::Denied(denial) => {
                state.withdraw(now, &ask.lease_id, denial.clone());
                Ok(Grant::Denied(denial))
            }
            other @ (Grant::NeedsPolicy | Grant::Stale { .. }) => {
                state.cancel(&ask.lease_id);
                Ok(other)
            }
        }
    }

    async fn policy(&self, instance: &InstanceId) -> Result<Policy, PortError> {
        let load = store::policies::load(instance, self.clock.now());
        // Nobody's object, as readiness asks for one, has no limits.
        Ok(store::policies::policy(self.database.batch(load).await?)?.unwrap_or_default())
    }

    async fn policy_above(&self, organization: &OrganizationId) -> Result<Policy, PortError> {
        let load = store::policies::load_organization(organization);
        let read = store::policies::organization_policy(self.database.batch(load).await?)?;
        Ok(read.unwrap_or_default())
    }
}

#[async_trait]
impl Limiter for LocalLimiter {
    async fn epochs(&self, instance: &InstanceId) -> Result<Epochs, PortError> {
        self.works()?;
        let mut instances = self.instances.lock().await;
        let state = instances.entry(instance.to_string()).or_default();
        if let Some(epochs) = state.epochs() {
            return Ok(epochs);
        }
        let policy = self.policy(instance).await?;
        let epochs = policy.epochs();
        state.set_policy(self.clock.now(), policy);
        Ok(epochs)
    }

    async fn lease(
        &self,
        instance: &InstanceId,
        ask: LeaseRequest,
    ) -> Result<LeaseReply, PortError> {
        self.works()?;
        let mut instances = self.instances.lock().await;
        let now = self.clock.now();
        instances.entry(instance.to_string()).or_default().circuits().hear(now, &ask.news);
        let grant = self.grant(&mut instances, instance, &ask).await?;
        let mut notices = Vec::new();
        if let Some(state) = instances.get_mut(instance.as_str()) {
            notices.extend(take_notices(Whose::Instance(instance), state));
            if let Some(organization) = state.above().cloned() {
                let above = instances.entry(organization.to_string()).or_default();
                notices.extend(take_notices(Whose::Organization(&organization), above));
            }
        }
        if !notices.is_empty() {
            self.database.batch(notices).await?;
        }
        let state = instances.entry(instance.to_string()).or_default();
        Ok(state.reply(self.clock.now(), &ask.scopes, grant))
    }

    async fn refresh(&self, instance: &InstanceId, epochs: Epochs) -> Result<(), PortError> {
        self.works()?;
        let until = {
            let mut instances = self.instances.lock().await;
            let state = instances.entry(instance.to_string()).or_default();
            if let Some(organization) = state.above().cloned() {
                instances.entry(organization.to_string()).or_default().drop_policy(epochs);
            }
            let state = instances.entry(instance.to_string()).or_default();
            state.drop_policy(epochs);
            state.set_policy(self.clock.now(), self.policy(instance).await?)
        };
        // What was granted under the old epoch may still begin until then.
        let wait_ms = until.map_or(0, |until| until.since(self.clock.now()));
        if let Some(wait_ms) = u64::try_from(wait_ms).ok().filter(|wait_ms| *wait_ms > 0) {
            self.clock.sleep(Duration::from_millis(wait_ms)).await;
        }
        Ok(())
    }

    async fn usage(&self, whose: Whose<'_>) -> Result<UsageReply, PortError> {
        self.works()?;
        let mut instances = self.instances.lock().await;
        let now = self.clock.now();
        let (name, policy) = match whose {
            Whose::Instance(id) => (id.to_string(), self.policy(id).await?),
            Whose::Organization(id) => (id.to_string(), self.policy_above(id).await?),
        };
        let state = instances.entry(name).or_default();
        state.set_policy(now, policy);
        // Reports go to the database as they come: nothing waits.
        Ok(UsageReply { backlog: Some(Backlog::default()), ..state.usage(now) })
    }

    async fn settle(
        &self,
        instance: &InstanceId,
        report: SettleRequest,
    ) -> Result<SettleReply, PortError> {
        self.works()?;
        let mut instances = self.instances.lock().await;
        let now = self.clock.now();
        if !report.receipts.is_empty() {
            let receipts = serde_json::to_string(&report.receipts).map_err(|err| {
                PortError::Malformed { port: "limiter", message: err.to_string() }
            })?;
            let mut batch = store::usage::deliver(&receipts).to_vec();
            batch.push(store::epochs::touch(instance, now));
            self.database.batch(batch).await?;
        }
        let state = instances.entry(instance.to_string()).or_default();
        state.circuits().hear(now, &report.news);
        let circuits = state.circuits().open(now);
        let outcome = state.settle(now, &report);
        let mut told = take_notices(Whose::Instance(instance), state);
        for over in report.receipts.iter().filter_map(OverCeiling::of) {
            // The object keeps the first of an hour and no other: here one moment stands for all of them.
            let (id, until) = over.id(now);
            told.extend(notices::tell(Whose::Instance(instance), &id, Notice::Over(&over), until));
        }
        if let Some(organization) = state.above().cloned() {
            let above = instances.entry(organization.to_string()).or_default();
            above.settle(now, &report);
            told.extend(take_notices(Whose::Organization(&organization), above));
        }
        if !told.is_empty() {
            self.database.batch(told).await?;
        }
        Ok(SettleReply { circuits, outcome })
    }
}

/// What a Limiter has to tell people, as its object does.
fn take_notices(whose: Whose<'_>, state: &mut State) -> Vec<Statement> {
    let alerts = state.take_alerts().into_iter();
    let told = alerts.flat_map(|alert| {
        let id = alert.id();
        notices::tell(whose, &id, Notice::Budget(&alert), alert.at)
    });
    told.collect()
}
