//! Doubles that lose answers, or never give one.

use std::{
    future::poll_fn,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::Poll,
    time::Duration,
};

use async_trait::async_trait;
use de_core::{
    idempotency::{
        Token,
        wire::{Ask, End, Found, Reply, Sending},
    },
    ids::InstanceId,
    limits::{
        Epochs,
        wire::{LeaseReply, LeaseRequest, SettleReply, SettleRequest, UsageReply},
    },
    ports::{Cache, Claims, Clock, Database, Limiter, PortError, Row, Statement, Whose},
    time::UnixMillis,
};
use de_testkit::{claims::LocalClaims, limiter::LocalLimiter};

/// What becomes of calls to a Limiter.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Road {
    /// They do not arrive.
    Cut,
    /// They are on their way for ever.
    Hanging,
    /// They arrive, and their answers do not come back.
    Lossy,
    /// They arrive at once, and answers come back after a second: not before all that was sent meanwhile has
    /// been decided.
    Long,
    /// They arrive, and answers come back.
    #[default]
    Open,
}

/// A Limiter at the end of a road, and what was reported to it.
pub struct FarLimiter {
    /// The Limiter itself.
    pub inner: Arc<LocalLimiter>,
    asks: Mutex<usize>,
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
        Self { inner, asks: Mutex::default(), reports: Mutex::default(), roads: Mutex::default() }
    }

    /// From now on, asks take this road.
    pub fn leases_go(&self, road: Road) {
        self.roads.lock().unwrap().leases = road;
    }

    /// From now on, reports take this road.
    pub fn settlements_go(&self, road: Road) {
        self.roads.lock().unwrap().settlements = road;
    }

    /// How many asks and reports were sent to it.
    pub fn hops(&self) -> usize {
        *self.asks.lock().unwrap() + self.reports.lock().unwrap().len()
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
        *self.asks.lock().unwrap() += 1;
        let road = self.roads.lock().unwrap().leases;
        travel(road, self.inner.lease(instance, ask)).await
    }

    async fn refresh(&self, instance: &InstanceId, epochs: Epochs) -> Result<(), PortError> {
        self.inner.refresh(instance, epochs).await
    }

    async fn usage(&self, whose: Whose<'_>) -> Result<UsageReply, PortError> {
        self.inner.usage(whose).await
    }

    async fn settle(
        &self,
        instance: &InstanceId,
        report: SettleRequest,
    ) -> Result<SettleReply, PortError> {
        self.reports.lock().unwrap().push(report.clone());
        let road = self.roads.lock().unwrap().settlements;
        travel(road, self.inner.settle(instance, report)).await
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

/// A port that counts what it is asked.
pub struct Counted<T: ?Sized> {
    pub asked: AtomicUsize,
    pub inner: Arc<T>,
}

impl<T: ?Sized> Counted<T> {
    pub fn new(inner: Arc<T>) -> Arc<Self> {
        Arc::new(Self { asked: AtomicUsize::new(0), inner })
    }

    /// How often it was asked since this was asked last.
    pub fn take(&self) -> usize {
        self.asked.swap(0, Ordering::SeqCst)
    }
}

#[async_trait]
impl Cache for Counted<dyn Cache> {
    async fn get(&self, key: &str) -> Result<Option<String>, PortError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.inner.get(key).await
    }

    async fn put(&self, key: &str, value: String, life: Duration) -> Result<(), PortError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.inner.put(key, value, life).await
    }
}

#[async_trait]
impl Database for Counted<dyn Database> {
    async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Vec<Row>>, PortError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.inner.batch(statements).await
    }
}

/// KV that does not know yet what it was given.
pub struct NegativeCache;

#[async_trait]
impl Cache for NegativeCache {
    async fn get(&self, _key: &str) -> Result<Option<String>, PortError> {
        Ok(None)
    }

    async fn put(&self, _key: &str, _value: String, _life: Duration) -> Result<(), PortError> {
        Ok(())
    }
}

/// KV that takes what it is given and never answers a question.
pub struct LateCache;

#[async_trait]
impl Cache for LateCache {
    async fn get(&self, _key: &str) -> Result<Option<String>, PortError> {
        std::future::pending().await
    }

    async fn put(&self, _key: &str, _value: String, _life: Duration) -> Result<(), PortError> {
        Ok(())
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

/// The objects of claims at the end of a road.
pub struct FarClaims {
    /// The objects themselves.
    pub inner: Arc<LocalClaims>,
    roads: Mutex<ClaimRoads>,
}

#[derive(Clone, Copy, Default)]
pub struct ClaimRoads {
    pub claims: Road,
    pub ends: Road,
    pub finishes: Road,
    pub sends: Road,
}

impl FarClaims {
    pub fn new(inner: Arc<LocalClaims>) -> Self {
        Self { inner, roads: Mutex::default() }
    }

    /// From now on, messages take these roads.
    pub fn go(&self, roads: ClaimRoads) {
        *self.roads.lock().unwrap() = roads;
    }

    fn roads(&self) -> ClaimRoads {
        *self.roads.lock().unwrap()
    }
}

async fn travel<T>(
    road: Road,
    asked: impl Future<Output = Result<T, PortError>> + Send,
) -> Result<T, PortError> {
    match road {
        Road::Cut => Err(lost()),
        Road::Hanging => std::future::pending().await,
        Road::Long => {
            let answer = asked.await;
            tokio::time::sleep(Duration::from_secs(1)).await;
            answer
        }
        Road::Lossy => asked.await.and(Err(lost())),
        Road::Open => asked.await,
    }
}

#[async_trait]
impl Claims for FarClaims {
    async fn claim(&self, name: &str, ask: Ask) -> Result<Found, PortError> {
        travel(self.roads().claims, self.inner.claim(name, ask)).await
    }

    async fn end(&self, name: &str, holder: Token, end: End) -> Result<(), PortError> {
        travel(self.roads().ends, self.inner.end(name, holder, end)).await
    }

    async fn finish(&self, name: &str, holder: Token, reply: Reply) -> Result<bool, PortError> {
        travel(self.roads().finishes, self.inner.finish(name, holder, reply)).await
    }

    async fn sent(&self, name: &str, sending: Sending) -> Result<bool, PortError> {
        travel(self.roads().sends, self.inner.sent(name, sending)).await
    }
}
