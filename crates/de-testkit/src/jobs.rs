//! The job objects in process: the same steps, driven by tasks instead of alarms. What a job keeps goes
//! through JSON, as it does in an object.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use de_core::{
    ids::JobId,
    jobs::{
        Order, Record, View,
        run::{Keeper, step},
    },
    ports::{Clock, Jobs, Platform, PortError},
};
use tokio::{sync::Notify, task::JoinHandle};

use crate::lock;

/// All jobs of a platform.
pub struct LocalJobs {
    clock: Arc<dyn Clock>,
    deaf: AtomicBool,
    fails: AtomicBool,
    /// Whether new jobs wait until they are crashed.
    holds: AtomicBool,
    jobs: Mutex<HashMap<JobId, Arc<Kept>>>,
    platform: OnceLock<Platform>,
}

/// One job and what drives it.
struct Kept {
    cancelled: AtomicBool,
    changed: Notify,
    driving: Mutex<Option<JoinHandle<()>>>,
    nudged: Notify,
    /// The record as JSON.
    written: Mutex<String>,
}

impl Kept {
    fn record(&self) -> Record {
        #[expect(clippy::expect_used, reason = "only `save` writes it")]
        serde_json::from_str(&lock(&self.written)).expect("a record reads as it was written")
    }
}

#[async_trait]
impl Keeper for Kept {
    fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::SeqCst)
    }

    async fn save(&self, record: &Record) -> Result<(), PortError> {
        *lock(&self.written) = record.to_json()?;
        self.changed.notify_waiters();
        Ok(())
    }
}

impl LocalJobs {
    /// None yet.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            deaf: AtomicBool::new(false),
            fails: AtomicBool::new(false),
            holds: AtomicBool::new(false),
            jobs: Mutex::default(),
            platform: OnceLock::new(),
        }
    }

    /// Gives them the platform that they run on, once.
    pub fn run_on(&self, platform: Platform) {
        // A second one would change nothing for jobs that run.
        drop(self.platform.set(platform));
    }

    /// Makes every call fail, or work again. Jobs go on.
    pub fn set_failing(&self, fails: bool) {
        self.fails.store(fails, Ordering::SeqCst);
    }

    /// Lets no new job in, or lets them in again. Looking for one works.
    pub fn set_deaf(&self, deaf: bool) {
        self.deaf.store(deaf, Ordering::SeqCst);
    }

    /// Keeps the jobs that are begun from now on from doing anything before their first [`LocalJobs::crash`],
    /// or lets them go on by themselves again.
    pub fn set_holding(&self, holds: bool) {
        self.holds.store(holds, Ordering::SeqCst);
    }

    /// What a job keeps; `None` if there is none.
    #[must_use]
    pub fn record(&self, job: &JobId) -> Option<Record> {
        self.find(job).map(|kept| kept.record())
    }

    /// Kills a job in the middle of what it does, and starts it again from what it has written.
    pub fn crash(&self, job: &JobId) {
        let Some(kept) = self.find(job) else { return };
        if let Some(driving) = lock(&kept.driving).take() {
            driving.abort();
        }
        self.drive(&kept);
    }

    fn find(&self, job: &JobId) -> Option<Arc<Kept>> {
        lock(&self.jobs).get(job).cloned()
    }

    fn drive(&self, kept: &Arc<Kept>) {
        let Some(platform) = self.platform.get().cloned() else { return };
        let (kept, driven) = (kept.clone(), kept.clone());
        let driving = tokio::spawn(async move {
            loop {
                let mut record = kept.record();
                if step(&platform, &*kept, &mut record).await.is_err() {
                    return;
                }
                let now = platform.clock.now();
                let Some(due) = record.due(now).filter(|_| !record.is_closed()) else { return };
                let Ok(wait @ 1..) = u64::try_from(due.since(now)) else { continue };
                tokio::select! {
                    () = platform.clock.sleep(Duration::from_millis(wait)) => {}
                    () = kept.nudged.notified() => {
                        let mut record = kept.record();
                        if record.nudge(platform.clock.now()) && kept.save(&record).await.is_err() {
                            return;
                        }
                    }
                }
            }
        });
        *lock(&driven.driving) = Some(driving);
    }

    fn works(&self) -> Result<(), PortError> {
        if self.fails.load(Ordering::SeqCst) {
            return Err(PortError::TimedOut { port: "jobs", after_ms: 5_000 });
        }
        Ok(())
    }
}

#[async_trait]
impl Jobs for LocalJobs {
    async fn begin(&self, job: &JobId, order: &Order) -> Result<View, PortError> {
        self.works()?;
        if self.deaf.load(Ordering::SeqCst) {
            return Err(PortError::TimedOut { port: "jobs", after_ms: 5_000 });
        }
        if let Some(kept) = self.find(job) {
            return Ok(View::of(&kept.record()));
        }
        let record = Record::new(job.clone(), order.clone(), self.clock.now());
        let kept = Arc::new(Kept {
            cancelled: AtomicBool::new(false),
            changed: Notify::new(),
            driving: Mutex::default(),
            nudged: Notify::new(),
            written: Mutex::new(record.to_json()?),
        });
        lock(&self.jobs).insert(job.clone(), kept.clone());
        if !self.holds.load(Ordering::SeqCst) {
            self.drive(&kept);
        }
        Ok(View::of(&record))
    }

    async fn cancel(&self, job: &JobId) -> Result<Option<View>, PortError> {
        self.works()?;
        let Some(kept) = self.find(job) else { return Ok(None) };
        kept.cancelled.store(true, Ordering::SeqCst);
        kept.nudged.notify_one();
        Ok(Some(View::of(&kept.record())))
    }

    async fn nudge(&self, job: &JobId) -> Result<(), PortError> {
        self.works()?;
        if let Some(kept) = self.find(job) {
            kept.nudged.notify_one();
        }
        Ok(())
    }

    async fn watch(
        &self,
        job: &JobId,
        revision: u64,
        patience: Duration,
    ) -> Result<Option<View>, PortError> {
        self.works()?;
        let Some(kept) = self.find(job) else { return Ok(None) };
        let late = tokio::time::sleep(patience);
        tokio::pin!(late);
        loop {
            let changed = kept.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let view = View::of(&kept.record());
            if view.revision > revision || view.is_over() || late.is_elapsed() {
                return Ok(Some(view));
            }
            tokio::select! {
                () = changed => {}
                () = &mut late => return Ok(Some(View::of(&kept.record()))),
            }
        }
    }
}
