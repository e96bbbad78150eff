//! The books, summed by the hour, and pruned of what their instances do not keep.

use std::time::Duration;

use de_core::{
    ports::{Level, Platform, PortError, Statement, rows},
    store::usage::rollups::{
        HOUR_MS, LATE_AT_ONCE, MARKS_AT_ONCE, Mark, PRUNED_AT_ONCE, add_late, marks, prune, sum_up,
    },
    time::UnixMillis,
};

use super::note;

/// How long after its end an hour is summed. Most of its receipts are there by then; one that comes later marks
/// the hour anew.
const SETTLED_MS: i64 = 2 * 60 * 1_000;
/// How many batches of marks one run takes, and how long it goes on: the rest waits for the next.
const BATCHES: usize = 30;
const LONGEST: Duration = Duration::from_secs(30);
/// How many batches of rows go in one run.
const REMOVALS: usize = 20;

/// Sums the hours that are marked and over, adds what came late, and removes what is old.
///
/// In this order, and in one run: so a row that is old when it comes is summed before it may go.
pub(super) async fn keep(platform: &Platform) {
    sum(platform).await;
    add(platform).await;
    remove(platform).await;
}

async fn sum(platform: &Platform) {
    let started = platform.clock.now();
    let over = started.plus(-SETTLED_MS);
    let this_hour = UnixMillis(over.0 - over.0.rem_euclid(HOUR_MS));
    let (mut after, mut summed, mut failed) = (None::<Mark>, 0, 0);
    for _ in 0..BATCHES {
        let read = rows::<Mark>(&*platform.database, marks(this_hour, after.as_ref())).await;
        let page = match read {
            Ok(page) => page,
            Err(err) => return told(platform, "marked hours could not be read", &err),
        };
        if !page.is_empty() {
            match batch(platform, sum_up(&page, started)).await {
                Ok(done) => summed += done,
                Err(_) => {
                    // One hour that cannot be summed holds up no other.
                    for mark in &page {
                        match batch(platform, sum_up(std::slice::from_ref(mark), started)).await {
                            Ok(done) => summed += done,
                            Err(err) => {
                                failed += 1;
                                told(platform, "an hour could not be summed", &err);
                            }
                        }
                    }
                }
            }
        }
        let is_last = page.len() < MARKS_AT_ONCE;
        after = page.into_iter().last();
        let spent = platform.clock.now().since(started);
        if is_last || spent >= i64::try_from(LONGEST.as_millis()).unwrap_or(i64::MAX) {
            break;
        }
    }
    if summed > 0 || failed > 0 {
        let fields = [("summed", summed.into()), ("failed", failed.into())];
        note(platform, Level::Info, "hours of usage were summed", fields);
    }
}

async fn add(platform: &Platform) {
    let mut added = 0;
    for _ in 0..REMOVALS {
        let some = match batch(platform, add_late(platform.clock.now())).await {
            Ok(some) => some,
            Err(err) => {
                return told(
                    platform,
                    "receipts that came late could not be added to their sums",
                    &err,
                );
            }
        };
        added += some;
        if some < LATE_AT_ONCE {
            break;
        }
    }
    if added > 0 {
        let message = "receipts that came late were added to their sums";
        note(platform, Level::Info, message, [("added", added.into())]);
    }
}

async fn remove(platform: &Platform) {
    let mut removed = 0;
    for _ in 0..REMOVALS {
        let some = match batch(platform, prune(platform.clock.now()).to_vec()).await {
            Ok(some) => some,
            Err(err) => return told(platform, "old receipts could not be removed", &err),
        };
        removed += some;
        if some < PRUNED_AT_ONCE {
            break;
        }
    }
    if removed > 0 {
        let fields = [("table", "usage_logs".into()), ("removed", removed.into())];
        note(platform, Level::Info, "rows that are over were removed", fields);
    }
}

/// How many rows the last statement brought.
async fn batch(platform: &Platform, statements: Vec<Statement>) -> Result<usize, PortError> {
    let answers = platform.database.batch(statements).await?;
    Ok(answers.last().map_or(0, Vec::len))
}

fn told(platform: &Platform, message: &str, err: &PortError) {
    note(platform, Level::Error, message, [("cause", err.to_string().into())]);
}
