//! The books, summed by the hour, and pruned of what their instances do not keep.

use std::time::Duration;

use de_core::{
    log::Level,
    ports::{Platform, PortError, Statement, rows},
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
            Err(err) => return note_failure(platform, "marked hours could not be read", &err),
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
                                note_failure(platform, "an hour could not be summed", &err);
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
                return note_failure(
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
            Err(err) => return note_failure(platform, "old receipts could not be removed", &err),
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

fn note_failure(platform: &Platform, message: &str, err: &PortError) {
    note(platform, Level::Error, message, [("cause", err.to_string().into())]);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "tests")]

    use de_core::{
        ids::InstanceId,
        ports::{Arg, Database, Row},
        store::usage,
    };
    use de_testkit::platform::{START, TestPlatform};
    use serde_json::json;

    use super::*;

    async fn ask(made: &TestPlatform, sql: &'static str, args: Vec<Arg>) -> Vec<Row> {
        made.database.batch(vec![Statement { args, sql }]).await.unwrap().remove(0)
    }

    /// A call on each instance, so many hours ago.
    async fn call(made: &TestPlatform, instance: &str, hours: i64) {
        let at = START.plus(-hours * HOUR_MS);
        let receipt = json!([{
            "receipt_id": format!("rcpt_{instance}-{hours}"), "request_id": "r", "organization_id": "org_dev",
            "instance_id": instance, "modality": "text", "operation": "POST /generate", "status": "ok",
            "http_status": 200, "streamed": false, "cost_micros": 5, "estimated": false,
            "over_ceiling": false, "limiter_bypassed": false, "attempts": [], "latency_ms": 5,
            "request_bytes": 1, "response_bytes": 1, "admitted_at": at, "created_at": at,
        }]);
        made.database.batch(usage::deliver(&receipt.to_string()).to_vec()).await.unwrap();
    }

    async fn marked(made: &TestPlatform) -> Vec<String> {
        let marks = "SELECT instance_id FROM usage_marks ORDER BY hour, instance_id";
        let rows = ask(made, marks, Vec::new()).await.into_iter();
        rows.map(|row| row["instance_id"].as_str().unwrap().to_owned()).collect()
    }

    #[tokio::test]
    async fn an_hour_that_cannot_be_summed_holds_up_no_other() {
        let made = TestPlatform::new().await.unwrap();
        // More than one batch, the bad one among the oldest.
        for hours in 2..=i64::try_from(MARKS_AT_ONCE).unwrap() + 5 {
            call(&made, "inst_a", hours).await;
        }
        for twin in ["1", "2"] {
            call(&made, "inst_bad", 25).await;
            let huge = "UPDATE usage_logs SET cost_micros = 9223372036854775807, receipt_id = receipt_id || ?1
                        WHERE instance_id = 'inst_bad' AND cost_micros = 5";
            ask(&made, huge, vec![twin.into()]).await;
        }
        keep(&made.platform).await;
        assert_eq!(marked(&made).await, ["inst_bad"]);
        let log = made.log.text();
        assert!(log.contains("an hour could not be summed"), "{log}");
        assert!(log.contains("{\"summed\":24,\"failed\":1}"), "{log}");
        // Once it can be, it is.
        ask(
            &made,
            "UPDATE usage_logs SET cost_micros = 7 WHERE instance_id = 'inst_bad'",
            Vec::new(),
        )
        .await;
        keep(&made.platform).await;
        assert!(marked(&made).await.is_empty());
    }

    #[tokio::test]
    async fn an_hour_that_is_not_over_is_left() {
        let made = TestPlatform::new().await.unwrap();
        call(&made, "inst_a", 0).await;
        call(&made, "inst_b", 1).await;
        keep(&made.platform).await;
        assert_eq!(
            marked(&made).await,
            if START.0 % HOUR_MS < SETTLED_MS { vec!["inst_b", "inst_a"] } else { vec!["inst_a"] }
        );
    }

    #[tokio::test]
    async fn what_instances_do_not_keep_goes_and_the_rest_stays() {
        let made = TestPlatform::new().await.unwrap();
        ask(&made, "UPDATE instances SET retention_days = 10", Vec::new()).await;
        let instance = InstanceId::parse("inst_dev").unwrap();
        for days in [1, 9, 11, 300, 400] {
            call(&made, instance.as_str(), days * 24).await;
            call(&made, "inst_gone", days * 24).await;
        }
        keep(&made.platform).await;
        let count = "SELECT instance_id, count(*) AS count FROM usage_logs GROUP BY 1 ORDER BY 1";
        let counts = async || {
            let rows = ask(&made, count, Vec::new()).await.into_iter();
            rows.map(|row| row["count"].as_i64().unwrap()).collect::<Vec<_>>()
        };
        // They were only summed now.
        assert_eq!(counts().await, [5, 5]);
        made.clock.advance(Duration::from_secs(3 * 24 * 60 * 60));
        keep(&made.platform).await;
        // The one keeps ten days, and all but the youngest are older by now; of one that is gone, a year's stay.
        assert_eq!(counts().await, [1, 4]);
        let sums = "SELECT sum(calls) AS calls FROM usage_sums WHERE span_ms = 3600000";
        assert_eq!(ask(&made, sums, Vec::new()).await[0]["calls"], 10);
    }
}
