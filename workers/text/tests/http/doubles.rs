//! Doubles that lose answers, or never give one.

use std::{
    future::poll_fn,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
    time::Duration,
};

use async_trait::async_trait;
use de_core::{
    ids::InstanceId,
    limits::{
        Epochs,
        wire::{LeaseReply, LeaseRequest, SettleReply, SettleRequest},
    },
    ports::{Cache, Clock, Limiter, PortError},
    time::UnixMillis,
};
use de_testkit::limiter::LocalLimiter;

/// What becomes of calls to a Limiter.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Road {
    /// They do not arrive.
    Cut,
    /// They arrive, and their answers do not come back.
    Lossy,
    /// They arrive, and answers come back.
    #[default]
    Open,
}

/// A Limiter at the end of a road, and what was reported to it.
pub struct FarLimiter {
    /// The Limiter itself.
    pub inner: Arc<LocalLimiter>,
    reports: Mutex<Vec<SettleRequest>>,
    roads: Mutex<Roads>,
}

#[derive(Default)]
struct Roads {
    leases: Road,
    settlements: Road,
}

impl FarLimiter {
    pub fn new(inner: Arc<LocalLimiter>) -> Self {
        Self { inner, reports: Mutex::default(), roads: Mutex::default() }
    }

    /// From now on, asks take this road.
    pub fn leases_go(&self, road: Road) {
        self.roads.lock().unwrap().leases = road;
    }

    /// From now on, reports take this road.
    pub fn settlements_go(&self, road: Road) {
        self.roads.lock().unwrap().settlements = road;
    }

    /// What was reported so far, whether it arrived or not.
    pub fn reports(&self) -> Vec<SettleRequest> {
        self.reports.lock().unwrap().clone()
    }
}

#[async_trait]
impl Limiter for FarLimiter {
    async fn epochs(&self, instance: &InstanceId) -> Result<Epochs, PortError> {
        self.inner.epochs(instance).await
    }

    async fn lease(
        &self,
        instance: &InstanceId,
        ask: LeaseRequest,
    ) -> Result<LeaseReply, PortError> {
        let road = self.roads.lock().unwrap().leases;
        match road {
            Road::Cut => Err(lost()),
            Road::Lossy => self.inner.lease(instance, ask).await.and(Err(lost())),
            Road::Open => self.inner.lease(instance, ask).await,
        }
    }

    async fn refresh(&self, instance: &InstanceId, epochs: Epochs) -> Result<(), PortError> {
        self.inner.refresh(instance, epochs).await
    }

    async fn settle(
        &self,
        instance: &InstanceId,
        report: SettleRequest,
    ) -> Result<SettleReply, PortError> {
        self.reports.lock().unwrap().push(report.clone());
        let road = self.roads.lock().unwrap().settlements;
        match road {
            Road::Cut => Err(lost()),
            Road::Lossy => self.inner.settle(instance, report).await.and(Err(lost())),
            Road::Open => self.inner.settle(instance, report).await,
        }
    }
}

fn lost() -> PortError {
    PortError::TimedOut { port: "limiter", after_ms: 2_000 }
}

/// KV that takes calls and never answers.
pub struct HangingCache;

#[async_trait]
impl Cache for HangingCache {
    async fn get(&self, _key: &str) -> Result<Option<String>, PortError> {
        std::future::pending().await
    }

    async fn put(&self, _key: &str, _value: String, _life: Duration) -> Result<(), PortError> {
        std::future::pending().await
    }
}

/// A clock whose timers wake the task that polled them first, and no other, as those of Workers do.
pub struct FirstTaskClock(pub Arc<dyn Clock>);

#[async_trait]
impl Clock for FirstTaskClock {
    fn now(&self) -> UnixMillis {
        self.0.now()
    }

    async fn sleep(&self, duration: Duration) {
        let rung = Arc::new(AtomicBool::new(false));
        let mut is_set = false;
        poll_fn(|task| {
            if rung.load(Ordering::SeqCst) {
                return Poll::Ready(());
            }
            if !std::mem::replace(&mut is_set, true) {
                let (clock, rung, first) = (self.0.clone(), rung.clone(), task.waker().clone());
                tokio::spawn(async move {
                    clock.sleep(duration).await;
                    rung.store(true, Ordering::SeqCst);
                    first.wake();
                });
            }
            Poll::Pending
        })
        .await;
    }
}
