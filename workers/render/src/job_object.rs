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
        Order, Record, Stage, View, pause_ms,
        run::{Keeper, step},
    },
    log::LogLine,
    ports::PortError,
    time::UnixMillis,
};
use de_edge::{
    clock::now,
    log::{self, say},
    serve::object_platform,
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use worker::{
    Delay, DurableObject, Env, Request, Response, Result, SqlStorage, SqlStorageValue, State,
    durable_object, send::SendWrapper,
};

use crate::kept_sql as sql;

/// How often a watch looks.
const LOOK: Duration = Duration::from_millis(100);
/// How many steps one alarm takes, before it leaves the rest to the next one.
const STEPS: u32 = 100;
/// For how long an alarm begins steps, in milliseconds. The platform ends it after 15 minutes, and one step may take
/// nearly as long.
const BEGINS_MS: i64 = 60 * 1_000;

/// When an object that could not read what it kept tries again.
const AGAIN_MS: i64 = 60 * 1_000;

/// The object of one job, named by its id.
#[durable_object(alarm)]
pub struct Job {
    env: Env,
    /// Why the object could not read what it kept. Until it can, it does nothing, and says so.
    broken: RefCell<Option<String>>,
    /// Alarms in a row whose step failed.
    failures: Cell<u32>,
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
    fn new(sql: SqlStorage) -> Self {
        Self {
            cancelled: Cell::new(false),
            nudged: Cell::new(false),
            record: RefCell::new(None),
            sql,
        }
    }

    /// Reads what was written, if anything was.
    fn load(&self) -> Result<()> {
        let tables: Vec<Value> = self.sql.exec(sql::HAS_TABLE, None)?.to_array()?;
        if tables.is_empty() {
            return Ok(());
        }
        let rows: Vec<Row> = self.sql.exec(sql::READ, None)?.to_array()?;
        if let Some(row) = rows.into_iter().next() {
            let record = serde_json::from_str(&row.record)
                .map_err(|err| worker::Error::RustError(err.to_string()))?;
            self.cancelled.set(row.cancelled != 0.0);
            self.nudged.set(row.nudged != 0.0);
            *self.record.borrow_mut() = Some(record);
        }
        Ok(())
    }

    fn write(&self, record: &Record) -> Result<()> {
        let json = record.to_json().map_err(|err| worker::Error::RustError(err.to_string()))?;
        self.sql.exec(sql::WRITE, vec![SqlStorageValue::String(json)])?;
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
        log::begin(&env, crate::NAME);
        let kept = Rc::new(Kept::new(state.storage().sql()));
        let broken = RefCell::new(None);
        let object = Self { env, broken, failures: Cell::new(0), kept, state };
        object.load();
        object
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
        if self.is_broken() {
            // Its row may be read after a deploy, or a moment later: its job is not left behind.
            self.wake_at(now().plus(AGAIN_MS)).await?;
            return Response::empty();
        }
        if let Err(err) = self.drive().await {
            say(LogLine::error("job: a step failed").because(&err));
            // The runtime's own repetitions end after some hours; ours do not. What fails again and again is
            // tried less and less often.
            let failures = self.failures.get().saturating_add(1);
            self.failures.set(failures);
            self.wake_at(now().plus(pause_ms(failures))).await?;
        } else {
            self.failures.set(0);
        }
        Response::empty()
    }
}

impl Job {
    fn load(&self) {
        let broken = self.kept.load().err().map(|err| err.to_string());
        if let Some(error) = &broken {
            let line = LogLine::error("job: cannot read what it kept").because(error);
            say(line);
        }
        *self.broken.borrow_mut() = broken;
    }

    /// Whether what was kept still cannot be read.
    fn is_broken(&self) -> bool {
        if self.broken.borrow().is_some() {
            self.load();
        }
        self.broken.borrow().is_some()
    }

    async fn call(&self, path: &str, body: &[u8]) -> Result<Value> {
        if self.is_broken() {
            let message = self.broken.borrow().clone().unwrap_or_default();
            return Err(worker::Error::RustError(message));
        }
        match path {
            "/begin" => self.begin(read(body)?).await,
            "/cancel" => {
                if self.kept.record.borrow().is_some() {
                    self.kept.sql.exec(sql::CANCEL, None)?;
                    self.kept.cancelled.set(true);
                    self.wake_now().await?;
                }
                shown(self.kept.view())
            }
            "/nudge" => {
                if self.kept.record.borrow().is_some() {
                    self.kept.sql.exec(sql::NUDGE, None)?;
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
            self.kept.sql.exec(sql::TABLE, None)?;
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
        let platform = object_platform(&self.env, crate::NAME, &self.state);
        let keeper = ObjectKeeper(SendWrapper::new(self.kept.clone()));
        let began = platform.clock.now();
        for _ in 0..STEPS {
            let Some(mut record) = self.kept.record.borrow().clone() else { return Ok(()) };
            let now = platform.clock.now();
            if record.is_forgettable(now) {
                self.state.storage().delete_all().await?;
                *self.kept.record.borrow_mut() = None;
                return Ok(());
            }
            if self.kept.nudged.replace(false) {
                self.kept.sql.exec(sql::NUDGED, None)?;
                if record.nudge(now) {
                    self.kept.write(&record)?;
                }
            }
            step(&platform, &keeper, &mut record)
                .await
                .map_err(|err| worker::Error::RustError(err.to_string()))?;
            let now = platform.clock.now();
            let Some(due) = record.due(now) else { return Ok(()) };
            // What came during the step has set an alarm, which ours would put off. None can come between here
            // and there.
            let is_wanted = self.kept.nudged.get()
                || self.kept.cancelled.get() && matches!(record.stage, Stage::Running { .. });
            if due > now && !is_wanted {
                return self.wake_at(due).await;
            }
            if now.since(began) > BEGINS_MS {
                break;
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
