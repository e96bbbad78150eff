//! One job an object: it keeps the job, and its alarm drives it. What is done is in `de_core::jobs`.
//!
//! | call | body | answer |
//! | --- | --- | --- |
//! | `POST /begin` | `{job_id, order}` | the job; one that is there stays as it is |
//! | `POST /watch` | `{revision, patience_ms}` | the job once it has changed, or `null` |
//! | `POST /cancel` | | the job, or `null` |
//! | `POST /nudge` | | `null` |
//!
//! Steps are exact because only the alarm takes them, and the runtime runs one alarm of an object at a
//! time; other events only read, or set a flag. What a step was about to send is written before it is sent.
//! An alarm that was cut off, by whatever, is run again: it finds what the last one had written.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::Duration,
};

use async_trait::async_trait;
use de_core::{
    ids::JobId,
    jobs::{
        Order, Record, View,
        run::{Keeper, step},
    },
    ports::PortError,
    time::UnixMillis,
};
use de_edge::serve::object_platform;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use worker::{
    Delay, DurableObject, Env, Request, Response, Result, SqlStorage, SqlStorageValue, State,
    console_error, durable_object, send::SendWrapper,
};

/// How often a watch looks.
const LOOK: Duration = Duration::from_millis(100);
/// How many steps one alarm takes, before it leaves the rest to the next one.
const STEPS: u32 = 100;

const TABLE: &str = "CREATE TABLE IF NOT EXISTS job (id INTEGER PRIMARY KEY CHECK (id = 1), record TEXT \
                     NOT NULL, cancelled INTEGER NOT NULL DEFAULT 0, nudged INTEGER NOT NULL DEFAULT 0) STRICT";
const HAS_TABLE: &str = "SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'job'";
const READ: &str = "SELECT record, cancelled, nudged FROM job WHERE id = 1";
const WRITE: &str = "INSERT INTO job (id, record) VALUES (1, ?1) ON CONFLICT (id) DO UPDATE SET record = \
                     excluded.record";
const CANCEL: &str = "UPDATE job SET cancelled = 1 WHERE id = 1";
const NUDGE: &str = "UPDATE job SET nudged = 1 WHERE id = 1";
const NUDGED: &str = "UPDATE job SET nudged = 0 WHERE id = 1";

/// The object of one job, named by its id.
#[durable_object(alarm)]
pub struct Job {
    env: Env,
    /// Why the object could not read what it kept. Then it does nothing, and says so.
    broken: Option<String>,
    kept: Rc<Kept>,
    state: State,
}

/// What the object has in memory of what it has written.
struct Kept {
    cancelled: Cell<bool>,
    nudged: Cell<bool>,
    /// Never borrowed across an await.
    record: RefCell<Option<Record>>,
    sql: SqlStorage,
}

#[derive(Deserialize)]
struct Row {
    cancelled: f64,
    nudged: f64,
    record: String,
}

#[derive(Deserialize)]
struct Begin {
    job_id: JobId,
    order: Order,
}

#[derive(Deserialize)]
struct Watch {
    patience_ms: u64,
    revision: u64,
}

impl Kept {
    fn load(sql: SqlStorage) -> Result<Self> {
        let kept = Self {
            cancelled: Cell::new(false),
            nudged: Cell::new(false),
            record: RefCell::new(None),
            sql,
        };
        // Whoever asks for a job that never was leaves nothing behind.
        let tables: Vec<Value> = kept.sql.exec(HAS_TABLE, None)?.to_array()?;
        if tables.is_empty() {
            return Ok(kept);
        }
        let rows: Vec<Row> = kept.sql.exec(READ, None)?.to_array()?;
        if let Some(row) = rows.into_iter().next() {
            let record = serde_json::from_str(&row.record)
                .map_err(|err| worker::Error::RustError(err.to_string()))?;
            kept.cancelled.set(row.cancelled != 0.0);
            kept.nudged.set(row.nudged != 0.0);
            *kept.record.borrow_mut() = Some(record);
        }
        Ok(kept)
    }

    fn write(&self, record: &Record) -> Result<()> {
        let json = serde_json::to_string(record)
            .map_err(|err| worker::Error::RustError(err.to_string()))?;
        self.sql.exec(WRITE, vec![SqlStorageValue::String(json)])?;
        *self.record.borrow_mut() = Some(record.clone());
        Ok(())
    }

    fn view(&self) -> Option<View> {
        self.record.borrow().as_ref().map(View::of)
    }
}

/// The object's keeper, as a step sees it.
struct ObjectKeeper(SendWrapper<Rc<Kept>>);

#[async_trait]
impl Keeper for ObjectKeeper {
    fn is_cancelled(&self) -> bool {
        self.0.cancelled.get()
    }

    /// The write is durable before anything leaves the object: the runtime's output gate holds back what
    /// is sent after it.
    async fn save(&self, record: &Record) -> std::result::Result<(), PortError> {
        self.0
            .write(record)
            .map_err(|err| PortError::Failed { port: "jobs", message: err.to_string() })
    }
}

impl DurableObject for Job {
    fn new(state: State, env: Env) -> Self {
        let sql = state.storage().sql();
        let (kept, broken) = match Kept::load(state.storage().sql()) {
            Ok(kept) => (kept, None),
            Err(err) => {
                let message = err.to_string();
                console_error!(
                    "{}",
                    json!({"message": "job: cannot read what it kept", "error": message})
                );
                let kept = Kept {
                    cancelled: Cell::new(false),
                    nudged: Cell::new(false),
                    record: RefCell::new(None),
                    sql,
                };
                (kept, Some(message))
            }
        };
        Self { env, broken, kept: Rc::new(kept), state }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        let path = request.path();
        let body = request.bytes().await?;
        match self.call(&path, &body).await {
            Ok(json) => Response::from_json(&json),
            Err(err) => {
                let envelope = json!({"error": err.to_string(), "error_code": "INTERNAL_ERROR"});
                Ok(Response::from_json(&envelope)?.with_status(503))
            }
        }
    }

    async fn alarm(&self) -> Result<Response> {
        if self.broken.is_some() {
            return Response::empty();
        }
        if let Err(err) = self.drive().await {
            console_error!(
                "{}",
                json!({"message": "job: a step failed", "error": err.to_string()})
            );
            // The runtime's own repetitions end after some hours; ours do not.
            self.wake_at(now().plus(1_000)).await?;
        }
        Response::empty()
    }
}

impl Job {
    async fn call(&self, path: &str, body: &[u8]) -> Result<Value> {
        if let Some(message) = &self.broken {
            return Err(worker::Error::RustError(message.clone()));
        }
        match path {
            "/begin" => self.begin(read(body)?).await,
            "/cancel" => {
                if self.kept.record.borrow().is_some() {
                    self.kept.sql.exec(CANCEL, None)?;
                    self.kept.cancelled.set(true);
                    self.wake_now().await?;
                }
                shown(self.kept.view())
            }
            "/nudge" => {
                if self.kept.record.borrow().is_some() {
                    self.kept.sql.exec(NUDGE, None)?;
                    self.kept.nudged.set(true);
                    self.wake_now().await?;
                }
                Ok(Value::Null)
            }
            "/watch" => self.watch(read(body)?).await,
            other => Err(worker::Error::RustError(format!("there is no {other}"))),
        }
    }

    async fn begin(&self, Begin { job_id, order }: Begin) -> Result<Value> {
        // No await between the look and the write: two beginnings are one job.
        if self.kept.record.borrow().is_none() {
            self.kept.sql.exec(TABLE, None)?;
            self.kept.write(&Record::new(job_id, order, now()))?;
        }
        self.wake_now().await?;
        shown(self.kept.view())
    }

    async fn watch(&self, Watch { patience_ms, revision }: Watch) -> Result<Value> {
        // A job whose alarm got lost goes on when someone asks for it.
        let waits = self.kept.record.borrow().is_some();
        if waits && self.state.storage().get_alarm().await?.is_none() {
            self.wake_now().await?;
        }
        let until = now().plus(i64::try_from(patience_ms).unwrap_or(i64::MAX));
        loop {
            let Some(view) = self.kept.view() else { return Ok(Value::Null) };
            if view.revision > revision || view.is_over() || now() >= until {
                return shown(Some(view));
            }
            Delay::from(LOOK).await;
        }
    }

    /// Takes the steps that are due, and plans the next alarm.
    async fn drive(&self) -> Result<()> {
        let platform = object_platform(&self.env, &self.state);
        let keeper = ObjectKeeper(SendWrapper::new(self.kept.clone()));
        for _ in 0..STEPS {
            let Some(mut record) = self.kept.record.borrow().clone() else { return Ok(()) };
            let now = platform.clock.now();
            if record.is_forgettable(now) {
                self.state.storage().delete_all().await?;
                *self.kept.record.borrow_mut() = None;
                return Ok(());
            }
            if self.kept.nudged.replace(false) {
                self.kept.sql.exec(NUDGED, None)?;
                if record.nudge(now) {
                    self.kept.write(&record)?;
                }
            }
            step(&platform, &keeper, &mut record)
                .await
                .map_err(|err| worker::Error::RustError(err.to_string()))?;
            let now = platform.clock.now();
            let Some(due) = record.due(now) else { return Ok(()) };
            if due > now {
                return self.wake_at(due).await;
            }
        }
        self.wake_at(now()).await
    }

    async fn wake_now(&self) -> Result<()> {
        self.wake_at(now()).await
    }

    async fn wake_at(&self, due: UnixMillis) -> Result<()> {
        let wait = u64::try_from(due.since(now())).unwrap_or(0);
        self.state.storage().set_alarm(Duration::from_millis(wait)).await
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T> {
    serde_json::from_slice(body).map_err(|err| worker::Error::RustError(err.to_string()))
}

fn shown(view: Option<View>) -> Result<Value> {
    serde_json::to_value(view).map_err(|err| worker::Error::RustError(err.to_string()))
}

fn now() -> UnixMillis {
    UnixMillis(i64::try_from(worker::Date::now().as_millis()).unwrap_or(i64::MAX))
}
