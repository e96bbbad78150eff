//! One claim: who holds it, and the reply that is kept. It is on an `Idempotency-Key`, and kept for a day; or on an
//! answer of the response cache, and kept for a minute (`docs/adr/0021-equal-calls-at-once.md`).
//!
//! The object keeps; `de_core::idempotency` decides. That two requests never both win rests on this: the
//! runtime hands events to an object one at a time, and lets another one in only at an await. The claim is
//! read, decided upon and written without one in between, and no answer leaves before the write is durable.
//!
//! Replies of more than 64 KiB lie in R2, under a key that is made of the object's id and written down before they
//! are put there. The alarm that forgets the claim removes them.
//!
//! A claim that is released leaves nothing: who asks in vain with a new key each time makes no object that stays.

use std::cell::{Cell, RefCell};

use bytes::Bytes;
use de_core::{
    idempotency::{
        self, Kept, REPLY_CAP,
        wire::{Answer, Ask, Ending, Finishing, Sending, Taken, Why, framed, unframed},
    },
    log::LogLine,
    time::UnixMillis,
};
use de_edge::{
    bindings::ASSETS,
    clock::now,
    log::{begin, say},
};
use futures_util::future::join;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;
use worker::{
    Bucket, DurableObject, Env, Error, Headers, Method, Request, Response, Result,
    SqlStorageValue as Value, State, durable_object,
};

use crate::claim_sql as sql;

/// The longest reply that lies beside the claim.
const INLINE: usize = 64 * 1024;
/// When what could not be removed is tried again.
const AGAIN_MS: i64 = 60 * 60 * 1_000;
/// When what was left behind is looked for.
const SOON_MS: i64 = 1_000;

/// The object of one key of one caller on one route, named by them; or of one place in the response cache.
#[durable_object(alarm)]
pub struct Claim {
    /// Never borrowed across an await.
    claim: RefCell<idempotency::Claim>,
    /// Why the object could not read what it kept. Then it answers 503, and lets nobody buy.
    broken: Option<String>,
    env: Env,
    has_table: Cell<bool>,
    state: State,
}

/// Why the object does not do what it is asked.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("the body is not of the documented form: {message}")]
    Body { message: String },
    #[error("the claim could not read what it kept: {message}")]
    Broken { message: String },
    #[error("a reply of {size_bytes} bytes is too large to be kept")]
    Large { size_bytes: usize },
    #[error("there is no {method} {path}")]
    Route { method: String, path: String },
    #[error("the runtime refused: {0}")]
    Runtime(#[from] Error),
}

impl Failure {
    fn status(&self) -> u16 {
        match self {
            Self::Body { .. } | Self::Large { .. } => 400,
            Self::Route { .. } => 404,
            Self::Broken { .. } | Self::Runtime(_) => 503,
        }
    }
}

impl DurableObject for Claim {
    fn new(state: State, env: Env) -> Self {
        begin(&env, crate::NAME);
        let (claim, has_table, broken) = match load(&state) {
            Ok((claim, has_table)) => (claim, has_table, None),
            Err(err) => {
                log("cannot read what it kept", &err);
                (idempotency::Claim::default(), false, Some(err.to_string()))
            }
        };
        let has_table = Cell::new(has_table);
        Self { claim: RefCell::new(claim), broken, env, has_table, state }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        let method = request.method();
        let path = request.path();
        // The whole body is here before anything is looked at.
        let body = Bytes::from(request.bytes().await?);
        match self.call(&method, &path, body).await {
            Ok(bytes) => Response::from_bytes(bytes),
            Err(failure) => {
                let headers = Headers::new();
                headers.set("content-type", "application/json")?;
                let body = json!({"error": failure.to_string()}).to_string();
                Ok(Response::ok(body)?.with_status(failure.status()).with_headers(headers))
            }
        }
    }

    async fn alarm(&self) -> Result<Response> {
        let now = now();
        if let Err(err) = self.forget(now).await {
            // The runtime's own retries end; this does not.
            log("cannot be forgotten", &err);
            self.state.storage().set_alarm(AGAIN_MS).await?;
        }
        Response::empty()
    }
}

impl Claim {
    async fn call(&self, method: &Method, path: &str, body: Bytes) -> Result<Vec<u8>, Failure> {
        if let Some(message) = &self.broken {
            return Err(Failure::Broken { message: message.clone() });
        }
        match (method, path) {
            (Method::Post, "/claim") => self.claim(&from_json(&body)?).await,
            (Method::Post, "/end") => {
                let ending: Ending = from_json(&body)?;
                let is_vacant = self.decide(|claim| {
                    claim.end(now(), &ending.holder, ending.end);
                    claim.expires_at().is_none()
                })?;
                if is_vacant {
                    self.leave().await?;
                }
                to_json(&json!({}))
            }
            (Method::Post, "/finish") => {
                let (finishing, reply) = unframed(body).map_err(malformed)?;
                to_json(&Taken { taken: self.finish(finishing, reply).await? })
            }
            (Method::Post, "/sent") => {
                let sending: Sending = from_json(&body)?;
                let sent = |claim: &mut idempotency::Claim| {
                    claim.sent(now(), &sending.holder, sending.hold_ms)
                };
                to_json(&Taken { taken: self.decide(sent)? })
            }
            _ => Err(Failure::Route { method: method.to_string(), path: path.to_owned() }),
        }
    }

    async fn claim(&self, ask: &Ask) -> Result<Vec<u8>, Failure> {
        let now = now();
        let (answer, gone, ends_at) = self.decide(|claim| {
            let gone = claim.drop_expired(now);
            let is_new = claim.expires_at().is_none();
            let answer = claim.claim(now, ask);
            (answer, gone, claim.expires_at().filter(|_| is_new))
        })?;
        if let Some(ends_at) = ends_at {
            self.state.storage().set_alarm(ends_at.since(now)).await?;
        }
        if let Some(key) = gone.and_then(|kept| kept.blob)
            && let Err(err) = self.remove(&key).await
        {
            // It is still named, and goes with this claim.
            log("a reply of before cannot be removed", &err);
        }
        if !matches!(answer, Answer::Replay { .. }) {
            return frame(&answer, &[]);
        }
        match self.reply().await? {
            Some(body) => frame(&answer, &body),
            None => frame(&Answer::Unknown { why: Why::Lost }, &[]),
        }
    }

    /// The body of the reply, wherever it lies.
    async fn reply(&self) -> Result<Option<Vec<u8>>, Failure> {
        let kept = self.claim.borrow().kept().cloned();
        let Some(kept) = kept else { return Ok(None) };
        let Some(key) = kept.blob else {
            let mut rows = self.state.storage().sql().exec(sql::REPLY, Vec::new())?.raw();
            let row = rows.next().transpose()?;
            return Ok(row.and_then(|row| match row.into_iter().next() {
                Some(Value::Blob(bytes)) => Some(bytes),
                _ => None,
            }));
        };
        let Some(object) = self.bucket()?.get(key).execute().await? else { return Ok(None) };
        let Some(body) = object.body() else { return Ok(None) };
        Ok(Some(body.bytes().await?))
    }

    async fn finish(&self, finishing: Finishing, reply: Bytes) -> Result<bool, Failure> {
        let Finishing { head, holder } = finishing;
        if reply.len() > REPLY_CAP {
            return Err(Failure::Large { size_bytes: reply.len() });
        }
        {
            let claim = self.claim.borrow();
            if !claim.awaits(&holder) || claim.kept().is_some() {
                return Ok(claim.awaits(&holder));
            }
        }
        if reply.len() <= INLINE {
            let kept = Kept { blob: None, head };
            return self.decide_with(Some(&reply), |claim| claim.finish(now(), &holder, kept));
        }
        // First where the bytes will be, then the bytes, then the claim that has them. Whoever dies in between
        // leaves a name, by which they are removed. Other events run meanwhile.
        let key = format!("claims/{}/{holder}", self.state.id());
        self.name(&key)?;
        self.bucket()?.put(&key, reply.to_vec()).execute().await?;
        let kept = Kept { blob: Some(key.clone()), head };
        let taken = self.decide(|claim| claim.finish(now(), &holder, kept))?;
        if !taken {
            // The claim may have been forgotten meanwhile, and the name with it.
            self.name(&key)?;
            if let Err(err) = self.remove(&key).await {
                log("a reply that nobody wants cannot be removed", &err);
            }
            let is_vacant = self.claim.borrow().expires_at().is_none();
            if is_vacant {
                self.leave().await?;
            }
        }
        Ok(taken)
    }

    /// Writes down where a reply will lie.
    fn name(&self, key: &str) -> Result<(), Failure> {
        self.make_tables()?;
        let values = vec![Value::String(key.to_owned())];
        self.state.storage().sql().exec(sql::NAME_BLOB, values)?;
        Ok(())
    }

    /// Removes a reply, and then its name. Safe to repeat.
    async fn remove(&self, key: &str) -> Result<(), Failure> {
        self.bucket()?.delete(key).await?;
        if self.has_table.get() {
            let values = vec![Value::String(key.to_owned())];
            self.state.storage().sql().exec(sql::DROP_BLOB, values)?;
        }
        Ok(())
    }

    /// Where replies may lie.
    fn blobs(&self) -> Result<Vec<String>, Failure> {
        #[derive(serde::Deserialize)]
        struct Row {
            storage_key: String,
        }
        if !self.has_table.get() {
            return Ok(Vec::new());
        }
        let rows: Vec<Row> = self.state.storage().sql().exec(sql::BLOBS, Vec::new())?.to_array()?;
        Ok(rows.into_iter().map(|row| row.storage_key).collect())
    }

    /// Leaves nothing of an object that nobody claims; replies that still lie somewhere are left to the alarm.
    async fn leave(&self) -> Result<(), Failure> {
        let storage = self.state.storage();
        if !self.blobs()?.is_empty() {
            storage.set_alarm(SOON_MS).await?;
            return Ok(());
        }
        self.has_table.set(false);
        // Both begin before anybody else has a turn: what comes next finds an empty object, and an alarm that it
        // sets stays.
        let (alarm, all) = join(storage.delete_alarm(), storage.delete_all()).await;
        alarm?;
        all?;
        Ok(())
    }

    fn make_tables(&self) -> Result<(), Failure> {
        if !self.has_table.get() {
            let storage = self.state.storage().sql();
            for table in sql::TABLES {
                storage.exec(table, Vec::new())?;
            }
            self.has_table.set(true);
        }
        Ok(())
    }

    fn decide<T>(&self, decision: impl FnOnce(&mut idempotency::Claim) -> T) -> Result<T, Failure> {
        self.decide_with(None, decision)
    }

    /// Decides and keeps, without an await. What cannot be kept was not decided.
    fn decide_with<T>(
        &self,
        reply: Option<&[u8]>,
        decision: impl FnOnce(&mut idempotency::Claim) -> T,
    ) -> Result<T, Failure> {
        let mut claim = self.claim.borrow_mut();
        let before = claim.clone();
        let decided = decision(&mut claim);
        if *claim != before
            && let Err(err) = self.keep(&claim, reply)
        {
            *claim = before;
            return Err(err);
        }
        Ok(decided)
    }

    fn keep(&self, claim: &idempotency::Claim, reply: Option<&[u8]>) -> Result<(), Failure> {
        self.make_tables()?;
        let storage = self.state.storage().sql();
        if claim.expires_at().is_none() {
            storage.exec(sql::DROP, Vec::new())?;
            return Ok(());
        }
        let body = serde_json::to_string(claim).map_err(malformed)?;
        let reply = reply.map_or(Value::Null, |reply| Value::Blob(reply.to_vec()));
        storage.exec(sql::KEEP, vec![Value::String(body), reply])?;
        Ok(())
    }

    /// Removes all that is over. The bytes go first: the claim alone knows where they lie.
    async fn forget(&self, now: UnixMillis) -> Result<(), Failure> {
        let (expires_at, blob) = {
            let claim = self.claim.borrow();
            (claim.expires_at(), claim.kept().and_then(|kept| kept.blob.clone()))
        };
        if let Some(at) = expires_at.filter(|at| now < *at) {
            // It was made anew, under the alarm of the one before.
            self.state.storage().set_alarm(at.since(now)).await?;
            return Ok(());
        }
        for key in self.blobs()?.into_iter().chain(blob) {
            self.remove(&key).await?;
        }
        // Someone may have claimed it while the bytes went.
        let is_over = self.decide(|claim| {
            claim.drop_expired(now);
            claim.expires_at().is_none()
        })?;
        if is_over {
            self.leave().await?;
        }
        Ok(())
    }

    fn bucket(&self) -> Result<Bucket, Failure> {
        Ok(self.env.bucket(ASSETS)?)
    }
}

/// Reads the claim, and whether there are tables: whoever only asks makes none.
fn load(state: &State) -> Result<(idempotency::Claim, bool)> {
    #[derive(serde::Deserialize)]
    struct Row {
        body: String,
    }
    let storage = state.storage().sql();
    let tables: Vec<serde_json::Value> = storage.exec(sql::HAS_TABLE, Vec::new())?.to_array()?;
    if tables.is_empty() {
        return Ok((idempotency::Claim::default(), false));
    }
    // Objects of before have the first one alone.
    for table in sql::TABLES {
        storage.exec(table, Vec::new())?;
    }
    let rows: Vec<Row> = storage.exec(sql::CLAIM, Vec::new())?.to_array()?;
    let claim = match rows.first() {
        Some(row) => serde_json::from_str(&row.body)
            .map_err(|err| Error::RustError(format!("not the claim that was kept: {err}")))?,
        None => idempotency::Claim::default(),
    };
    Ok((claim, true))
}

fn log(what: &str, err: &impl ToString) {
    say(LogLine::error(format!("claim: {what}")).because(err));
}

fn malformed(err: serde_json::Error) -> Failure {
    Failure::Body { message: err.to_string() }
}

fn from_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(body).map_err(malformed)
}

fn to_json(value: &impl Serialize) -> Result<Vec<u8>, Failure> {
    serde_json::to_vec(value).map_err(malformed)
}

fn frame(answer: &Answer, body: &[u8]) -> Result<Vec<u8>, Failure> {
    framed(answer, body).map(|bytes| bytes.to_vec()).map_err(malformed)
}
