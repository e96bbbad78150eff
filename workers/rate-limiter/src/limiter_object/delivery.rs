//! From the object's outbox to D1.

use std::cell::Cell;

use de_core::{
    log::LogLine,
    outbox::{self, Change, Outcome, Waiting},
};
use de_edge::{clock::now, log::say};

use super::{Failure, Limiter, database, kept::Kept};

/// The most batches of one alarm.
const BATCHES: u32 = 40;

impl Limiter {
    /// Delivers what waits, batch by batch, until nothing does or a batch fails. Answers how many
    /// receipts are delivered. Does nothing while another delivery is under way.
    pub(super) async fn deliver(&self) -> Result<u64, Failure> {
        // Between reading a batch and noting how it went the database is awaited, and other events run.
        // They only add rows; this flag keeps a second delivery from sending the same ones.
        if self.delivering.replace(true) {
            return Ok(0);
        }
        let _reset = Reset(&self.delivering);
        let began = now();
        Kept::of(&self.state).end_rests(began, began.plus(-outbox::ASIDE_MS))?;
        let mut delivered = 0;
        for _ in 0..BATCHES {
            let kept = Kept::of(&self.state);
            let waiting = kept.waiting()?;
            let batch: Vec<Waiting> = outbox::next_batch(&waiting).into_iter().cloned().collect();
            if batch.is_empty() {
                break;
            }
            let bodies = kept.bodies(&batch)?;
            let (outcome, error) = self.send(&bodies).await;
            let now = now();
            let changes = outbox::after(now, &batch, outcome);
            let rests = changes.iter().all(|change| !matches!(change, Change::Retry(_)));
            kept.apply(now, changes, &error)?;
            match outcome {
                Outcome::Delivered => {
                    self.failures.set(0);
                    delivered += u64::try_from(batch.len()).unwrap_or(0);
                }
                // It is not in the next batch: no other has to wait for it.
                Outcome::Refused if rests => {}
                Outcome::Refused => {
                    // A pause, lest two hiccups in a row pass for a bad row.
                    self.failures.set(1);
                    break;
                }
                Outcome::Unreachable => {
                    self.failures.set(self.failures.get().saturating_add(1));
                    self.note_failing(&error)?;
                    break;
                }
            }
        }
        Ok(delivered)
    }

    /// Sends a batch. After a failure another write, which is taken back, tells whether that is the batch's fault
    /// or the database's (which may be full, or lack a table, after a deploy before its migration), since nothing
    /// is decided by the text of an error.
    async fn send(&self, bodies: &str) -> (Outcome, String) {
        let Err(failure) = self.write(bodies).await else {
            return (Outcome::Delivered, String::new());
        };
        let timed_out = matches!(failure, Failure::TimedOut { .. });
        let takes = !timed_out && database::probe(&self.env, bodies).await.is_ok();
        let outcome = if takes { Outcome::Refused } else { Outcome::Unreachable };
        let line = LogLine::warn("limiter: a batch was not delivered").because(&failure);
        say(line.with("database_takes_others", takes));
        (outcome, failure.to_string())
    }

    async fn write(&self, receipts: &str) -> Result<(), Failure> {
        let name = self.state.id().name();
        database::deliver(&self.env, name.as_deref(), now(), receipts).await
    }
}

/// Takes the flag down when the delivery ends, however it ends.
struct Reset<'a>(&'a Cell<bool>);

impl Drop for Reset<'_> {
    fn drop(&mut self) {
        self.0.set(false);
    }
}
