//! The circuits that this isolate knows of: one [`Known`] for all requests.
//!
//! What calls came to travels with the asks and reports that go to the Limiter anyway, and what is open comes back
//! with the answers. So all of them go through [`lease`] and [`settle`].

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use crate::{
    circuit::{
        Failed, Key, News, Open,
        known::{Known, Place, Refused, Taken, Verdict},
    },
    http::error::{ApiError, Code},
    ids::InstanceId,
    limits::wire::{LeaseReply, LeaseRequest, SettleReply, SettleRequest},
    model::{CircuitBreaker, ErrorClass},
    ports::{Platform, PortError, random},
    registry::Model,
    time::{Timestamp, UnixMillis},
};

/// The circuits of an isolate.
#[derive(Debug, Default)]
pub struct Circuits {
    known: Mutex<Known>,
}

/// A failure that counts: its kind, and how long the vendor wants not to be asked.
#[derive(Clone, Copy, Debug)]
pub struct Failure {
    /// How long, if the vendor said so.
    pub asked: Option<Duration>,
    /// When the call went to the vendor.
    pub began: UnixMillis,
    /// What kind.
    pub class: ErrorClass,
}

impl Failure {
    fn as_news(self, platform: &Platform) -> Failed {
        let asked_ms = self.asked.map(|asked| u64::try_from(asked.as_millis()).unwrap_or(u64::MAX));
        let id = u32::from_le_bytes(random(&*platform.entropy));
        let took_ms = platform.clock.now().since(self.began);
        let took_ms = u64::try_from(took_ms).unwrap_or(0);
        Failed { ago_ms: 0, asked_ms, class: self.class, id, took_ms }
    }
}

/// The call that tries whether a vendor is back.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Probe {
    /// When the circuit opens.
    pub breaker: CircuitBreaker,
    /// Of which circuit.
    pub key: Key,
    /// Of which opening.
    pub round: u64,
}

/// Whether a model may not be called now. One whose config has no circuit always may.
#[must_use]
pub fn refused(platform: &Platform, instance: &InstanceId, model: &Model) -> Option<Refused> {
    if model.config.circuit_breaker.is_off() {
        return None;
    }
    let now = platform.clock.now();
    with(platform, |known| known.refused(now, instance, &Key::of(model)))
}

/// Whether a call of a model has to ask for a share of its own, as its circuit may have to be probed.
#[must_use]
pub fn must_ask(platform: &Platform, instance: &InstanceId, model: &Model) -> bool {
    !model.config.circuit_breaker.is_off()
        && with(platform, |known| known.must_ask(instance, &Key::of(model)))
}

/// Notes a call that a model has served.
pub fn served(platform: &Platform, instance: &InstanceId, model: &Model) {
    let (breaker, key) = (model.config.circuit_breaker, Key::of(model));
    with(platform, |known| known.served(Place { breaker, instance, key: &key }));
}

/// Notes a call that a model's vendor failed.
pub fn failed(platform: &Platform, instance: &InstanceId, model: &Model, failure: Failure) {
    let (breaker, key) = (model.config.circuit_breaker, Key::of(model));
    if breaker.is_off() {
        return;
    }
    let (now, failed) = (platform.clock.now(), failure.as_news(platform));
    with(platform, |known| known.failed(now, Place { breaker, instance, key: &key }, failed));
}

/// Notes what a probe came to; absent: it was not made, or says nothing of the vendor.
pub fn probed(
    platform: &Platform,
    instance: &InstanceId,
    probe: &Probe,
    outcome: Option<Result<(), Failure>>,
) {
    let verdict = match outcome {
        None => Verdict::Unused,
        Some(Ok(())) => Verdict::Served,
        Some(Err(failure)) => Verdict::Failed(failure.as_news(platform)),
    };
    let (now, place) =
        (platform.clock.now(), Place { breaker: probe.breaker, instance, key: &probe.key });
    with(platform, |known| known.probed(now, place, probe.round, verdict));
}

/// The probe that an answer lets a call of this model be.
#[must_use]
pub fn probe(reply: &LeaseReply, model: &Model) -> Option<Probe> {
    let (key, breaker) = (Key::of(model), model.config.circuit_breaker);
    let open = reply.circuits.iter().find(|open| open.key == key)?;
    Some(Probe { breaker, key, round: open.probe? })
}

/// Asks the Limiter for a share.
///
/// # Errors
/// As [`crate::ports::Limiter::lease`].
pub async fn lease(
    platform: &Platform,
    instance: &InstanceId,
    mut ask: LeaseRequest,
) -> Result<LeaseReply, PortError> {
    let travelling = Travelling::begin(platform, instance);
    ask.news = travelling.news();
    let reply = platform.limiter.lease(instance, ask).await?;
    travelling.arrived(&reply.circuits);
    Ok(reply)
}

/// Reports to the Limiter.
///
/// # Errors
/// As [`crate::ports::Limiter::settle`].
pub async fn settle(
    platform: &Platform,
    instance: &InstanceId,
    mut report: SettleRequest,
) -> Result<SettleReply, PortError> {
    let travelling = Travelling::begin(platform, instance);
    report.news = travelling.news();
    let reply = platform.limiter.settle(instance, report).await?;
    travelling.arrived(&reply.circuits);
    Ok(reply)
}

/// News on their way to the Limiter. They are taken back, to be told later, unless its answer comes: also if
/// nobody waits for that any more.
struct Travelling<'a> {
    instance: &'a InstanceId,
    platform: &'a Platform,
    /// Gone once they have arrived.
    taken: Option<Taken>,
}

impl<'a> Travelling<'a> {
    fn begin(platform: &'a Platform, instance: &'a InstanceId) -> Self {
        let taken = with(platform, |known| known.take(platform.clock.now(), instance));
        Self { instance, platform, taken: Some(taken) }
    }

    fn news(&self) -> Vec<News> {
        self.taken.as_ref().map(|taken| taken.news.clone()).unwrap_or_default()
    }

    fn arrived(mut self, open: &[Open]) {
        let Some(taken) = self.taken.take() else { return };
        let now = self.platform.clock.now();
        with(self.platform, |known| known.learn(now, self.instance, &taken, open));
    }
}

impl Drop for Travelling<'_> {
    fn drop(&mut self) {
        let Some(taken) = self.taken.take() else { return };
        let now = self.platform.clock.now();
        with(self.platform, |known| known.put_back(now, self.instance, taken));
    }
}

/// What a caller is told where nobody else serves.
#[must_use]
pub fn error(now: UnixMillis, model: &Model, refused: Refused) -> ApiError {
    let (id, provider) = (&model.config.model_id, &model.config.provider_id);
    let wait_ms = u64::try_from(refused.until.since(now)).unwrap_or(0);
    let message = format!("{provider} has failed lately and is not asked for {id} for a while");
    let circuit = serde_json::json!({
        "class": refused.class.as_str(),
        "model_id": id.as_str(),
        "provider_id": provider.as_str(),
        "retry_after_ms": wait_ms,
        "until": Timestamp(refused.until),
    });
    ApiError::new(Code::ProviderUnavailable, message)
        .retry_after(Duration::from_millis(wait_ms))
        .with("provider", provider.as_str())
        .with("circuit", circuit)
}

fn with<T>(platform: &Platform, change: impl FnOnce(&mut Known) -> T) -> T {
    // What a panic may have left half done is advice: the Limiter's own is not touched by it.
    change(&mut platform.circuits.known.lock().unwrap_or_else(PoisonError::into_inner))
}
