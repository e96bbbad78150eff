//! The objects of claims in process: the pure code behind a lock.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use bytes::Bytes;
use de_core::{
    idempotency::{
        Claim, Kept, REPLY_CAP, Token,
        wire::{Answer, Ask, End, Found, Reply, Sending},
    },
    ports::{Claims, Clock, PortError},
};

use crate::lock;

/// All claims of all callers.
pub struct LocalClaims {
    clock: Arc<dyn Clock>,
    fails: AtomicBool,
    objects: Mutex<HashMap<String, Object>>,
}

#[derive(Default)]
struct Object {
    body: Bytes,
    claim: Claim,
}

impl LocalClaims {
    /// None claimed.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, fails: AtomicBool::new(false), objects: Mutex::default() }
    }

    /// Makes every call fail before it arrives, or work again.
    pub fn set_failing(&self, fails: bool) {
        self.fails.store(fails, Ordering::SeqCst);
    }

    /// The names of the objects that were asked, sorted.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = lock(&self.objects).keys().cloned().collect();
        names.sort();
        names
    }

    /// How many objects have a claim that is not vacant.
    #[must_use]
    pub fn taken(&self) -> usize {
        let objects = lock(&self.objects);
        objects.values().filter(|object| object.claim.expires_at().is_some()).count()
    }

    fn with<T>(&self, name: &str, work: impl FnOnce(&mut Object) -> T) -> Result<T, PortError> {
        if self.fails.load(Ordering::SeqCst) {
            return Err(PortError::TimedOut { port: "claims", after_ms: 2_000 });
        }
        Ok(work(lock(&self.objects).entry(name.to_owned()).or_default()))
    }
}

#[async_trait]
impl Claims for LocalClaims {
    async fn claim(&self, name: &str, ask: Ask) -> Result<Found, PortError> {
        let now = self.clock.now();
        self.with(name, |object| {
            let answer = object.claim.claim(now, &ask);
            let body = match &answer {
                Answer::Replay { .. } => object.body.clone(),
                _ => Bytes::new(),
            };
            Found { answer, body }
        })
    }

    async fn end(&self, name: &str, holder: Token, end: End) -> Result<(), PortError> {
        let now = self.clock.now();
        self.with(name, |object| object.claim.end(now, &holder, end))
    }

    async fn finish(&self, name: &str, holder: Token, reply: Reply) -> Result<bool, PortError> {
        if reply.body.len() > REPLY_CAP {
            let message = "a reply that is too large to be kept".to_owned();
            return Err(PortError::Failed { port: "claims", message });
        }
        let now = self.clock.now();
        self.with(name, |object| {
            let is_first = object.claim.kept().is_none();
            let taken = object.claim.finish(now, &holder, Kept { blob: None, head: reply.head });
            if taken && is_first {
                object.body = reply.body;
            }
            taken
        })
    }

    async fn sent(&self, name: &str, sending: Sending) -> Result<bool, PortError> {
        let now = self.clock.now();
        self.with(name, |object| object.claim.sent(now, &sending.holder, sending.hold_ms))
    }
}
