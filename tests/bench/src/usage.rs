//! How long usage takes to read where there was much of it: in SQLite, with the real migrations and statements.
//!
//! The rows are those of `usage.sql`: a million calls in 30 days. Each question is asked of sums, and one of the
//! rows themselves, to see what sums are for.

use std::{fmt::Write as _, time::Instant};

use de_core::{
    ids::{ApiKeyId, InstanceId, ModelId},
    ports::{Database, Statement, rows},
    store::{
        pages::PageQuery,
        usage::{
            requests::{self, RequestQuery},
            rollups::{self, DAY_MS, HOUR_MS, Mark},
            selection::{Reader, Selection},
            sums::{self, By, Step, SumQuery},
        },
    },
    time::UnixMillis,
};
use de_testkit::database::SqliteDatabase;

use crate::failure::Failure;

/// What reading by day and model may take, in milliseconds.
const AIM_MS: f64 = 200.0;
/// The first day.
const FIRST: i64 = 1_792_972_800_000;
/// How often each question is asked.
const ROUNDS: usize = 20;

/// The same by day and model, from rows.
const FROM_ROWS: &str = "SELECT u.admitted_at - u.admitted_at % 86400000 AS day, u.model_id, count(*) AS calls,
    sum(u.input_tokens) AS input_tokens, sum(u.output_tokens) AS output_tokens, sum(u.cost_micros) AS cost_micros
  FROM usage_logs AS u WHERE u.instance_id = 'inst_dev' AND u.admitted_at >= 1792972800000
    AND u.admitted_at < 1795564800000 GROUP BY 1, 2";

/// Makes the rows, sums them, and measures.
///
/// # Errors
/// `Plan` if a statement fails.
pub(crate) async fn measure() -> Result<String, Failure> {
    let failed = |problem: String| Failure::Plan { problem };
    let database = SqliteDatabase::migrated().map_err(|err| failed(err.to_string()))?;
    let run = async |statements: Vec<Statement>| {
        database.batch(statements).await.map_err(|err| failed(err.to_string()))
    };
    let mut text = String::new();
    let started = Instant::now();
    run(vec![Statement { args: Vec::new(), sql: include_str!("../usage.sql") }]).await?;
    // Writing to a String cannot fail, here and below.
    let _written =
        writeln!(text, "1,000,000 rows made in {:.1} s", started.elapsed().as_secs_f64());
    let started = Instant::now();
    let (mut summed, end) = (0, UnixMillis(FIRST + 31 * DAY_MS));
    loop {
        let marks: Vec<Mark> = rows(&database, rollups::marks(end, None))
            .await
            .map_err(|err| failed(err.to_string()))?;
        if marks.is_empty() {
            break;
        }
        summed += marks.len();
        run(rollups::sum_up(&marks, end)).await?;
    }
    let _written =
        writeln!(text, "{summed} hours summed in {:.1} s", started.elapsed().as_secs_f64());
    let count = "SELECT span_ms, count(*) AS count FROM usage_sums GROUP BY span_ms";
    for row in run(vec![Statement { args: Vec::new(), sql: count }]).await?.concat() {
        let _written = writeln!(text, "  rows of sums: {}", serde_json::Value::Object(row));
    }
    text.push_str("\n| question | rows | p50 ms | slowest ms |\n| --- | --- | --- | --- |\n");
    let selection = Selection::all(Reader::Everything);
    let by_model = By { model: true, ..By::default() };
    let by_key = By { api_key: true, ..by_model };
    let (from, to) = (FIRST, FIRST + 30 * DAY_MS);
    let mut plan = String::new();
    let questions: [(&str, Step, By, i64, i64); 6] = [
        ("by day and model, 30 days", Step::Day, by_model, from, to),
        ("totals, 30 days", Step::Whole, By::default(), from, to),
        (
            "by key and model, 30 days less an hour at each end",
            Step::Whole,
            by_key,
            from + HOUR_MS,
            to - HOUR_MS,
        ),
        ("by hour, 30 days", Step::Hour, By::default(), from, to),
        ("by hour and model, 30 days", Step::Hour, by_model, from, to),
        ("by hour and model, one day", Step::Hour, by_model, to - DAY_MS, to),
    ];
    let mut is_slow = false;
    for (what, step, by, from, to) in questions {
        let (from, to) = (UnixMillis(from), UnixMillis(to));
        let query = SumQuery { by, by_call: false, from, selection: &selection, step, to };
        let mut times = Vec::new();
        let mut found = 0;
        for _ in 0..ROUNDS {
            let started = Instant::now();
            let answers = run(sums::statements(&query)).await?;
            found = sums::read(answers).map_err(|err| failed(err.to_string()))?.len();
            times.push(started.elapsed().as_secs_f64() * 1e3);
        }
        let median = line(&mut text, what, found, times);
        if !plan.is_empty() {
            continue;
        }
        is_slow = median > AIM_MS;
        for statement in sums::statements(&query) {
            let lines = database.plan(&statement).map_err(|err| failed(err.to_string()))?;
            let _written = writeln!(plan, "  {}\n", lines.join("\n  "));
        }
    }
    let instance = Selection { instance: InstanceId::parse("inst_dev").ok(), ..selection.clone() };
    let failed_ones = Selection { status: Some("failed"), ..instance.clone() };
    let key = Selection { api_key: ApiKeyId::parse("key_bench03").ok(), ..selection.clone() };
    let nobodys = Selection { model: ModelId::parse("nobodys").ok(), ..instance.clone() };
    let wide = Selection { model: ModelId::parse("nobodys").ok(), ..selection.clone() };
    for (what, selection) in [
        ("the newest 50 calls", &selection),
        ("the newest 50 calls of an instance", &instance),
        ("the newest 50 that failed", &failed_ones),
        ("the newest 50 of a key", &key),
        ("of a model that was never called, on an instance", &nobodys),
        ("of a model that was never called, anywhere", &wide),
    ] {
        let (from, to) = (UnixMillis(0), UnixMillis(FIRST + 31 * DAY_MS));
        let query = RequestQuery {
            from,
            page: PageQuery::default(),
            request: None,
            selection,
            to,
            user: None,
        };
        let mut times = Vec::new();
        let mut found = 0;
        for _ in 0..ROUNDS {
            let started = Instant::now();
            found = run(vec![requests::list(&query)]).await?.concat().len();
            times.push(started.elapsed().as_secs_f64() * 1e3);
        }
        line(&mut text, what, found, times);
    }
    let started = Instant::now();
    let found = run(vec![Statement { args: Vec::new(), sql: FROM_ROWS }]).await?.concat().len();
    let time = started.elapsed().as_secs_f64() * 1e3;
    line(&mut text, "by day and model from the rows, without percentiles", found, vec![time]);
    let _written = writeln!(text, "\nby day and model, how it is found:\n{plan}");
    let _written =
        writeln!(text, "The aim of {AIM_MS} ms is {}.", if is_slow { "missed" } else { "met" });
    Ok(text)
}

/// Adds a line, and says the median.
fn line(text: &mut String, what: &str, found: usize, mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    let at = |index: usize| times.get(index).copied().unwrap_or_default();
    let (median, most) = (at(times.len() / 2), at(times.len().saturating_sub(1)));
    let _written = writeln!(text, "| {what} | {found} | {median:.1} | {most:.1} |");
    median
}
