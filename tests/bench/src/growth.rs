//! `cargo xtask bench growth`: how what a call costs grows with what there is, and with what is asked for.
//!
//! One caller asks, one request after another. A series is a straight line between logarithms where the cost is a power
//! of the size: its slope is the exponent, 0 for a cost that does not grow, 1 for one that grows as the size does. What a
//! call costs at all keeps the slope of a whole series low, so the slope of its last step stands beside it.

use std::{fmt::Write as _, time::Instant};

use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    case::{CHAT_MODEL, Case, Road, Side, case},
    cpu,
    failure::Failure,
    gateway::Gateway,
    gateways::table::{figure, median},
    load::{AFTERWARDS, Target},
};

/// More than this, and a series grows faster than what it grows with. Figures scatter: a line through them does too.
const LINEAR: f64 = 1.15;

/// One series.
#[derive(Debug, Serialize)]
pub(crate) struct Series {
    what: &'static str,
    points: Vec<Point>,
}

/// What a call of one size takes: medians and means over its requests.
#[derive(Clone, Copy, Debug, Serialize)]
struct Point {
    size: u32,
    p50_ms: f64,
    cpu_ms: Option<f64>,
}

/// Measures all series.
///
/// # Errors
/// `Wrong` for an answer that is not right, `Model` and `Control` for what cannot be made.
pub(crate) async fn measure(
    quick: bool,
    gateway: &Gateway,
    client: &reqwest::Client,
) -> Result<Vec<Series>, Failure> {
    gateway.make_models(client).await?;
    let target = Target {
        client: client.clone(),
        key: gateway.client_key.clone(),
        pid: gateway.workerd_pid,
        side: Side::Text,
        url: gateway.text().to_owned(),
    };
    let few = |full: usize, quick_one: usize| if quick { quick_one } else { full };
    let mut all = Vec::new();
    for (what, road) in [
        ("bytes of a prompt, relayed", Road::Json),
        ("bytes of a prompt, translated", Road::Translated),
    ] {
        let mut points = Vec::new();
        for size in [1_000, 10_000, 100_000, 1_000_000] {
            let case = case(road, u32::from(road == Road::Translated), 0, 1, few(40, 5));
            let body = padded(&case, size)?;
            points
                .push(point(&target, &case, size, &|_| (target.key.clone(), body.clone())).await?);
        }
        all.push(shown(Series { what, points }));
    }
    for (what, road) in [
        ("chunks of a stream, relayed", Road::Relayed),
        ("chunks of a stream, filtered", Road::Filtered),
        ("chunks of a stream, translated", Road::Translated),
    ] {
        let mut points = Vec::new();
        for size in [10, 100, 1_000, 10_000] {
            let case = case(road, size, 0, 1, few(if size < 1_000 { 30 } else { 6 }, 2));
            let body = case.body(Side::Text);
            points
                .push(point(&target, &case, size, &|_| (target.key.clone(), body.clone())).await?);
        }
        all.push(shown(Series { what, points }));
    }
    let case = case(Road::Json, 0, 0, 1, few(200, 20));
    let most = if quick { 100 } else { 1_000 };
    let sizes = [10, 100, 1_000].into_iter().filter(|size| *size <= most);
    all.push(shown(keys(gateway, client, &target, &case, sizes.clone()).await?));
    all.push(shown(models(gateway, client, &target, &case, sizes).await?));
    Ok(all)
}

fn shown(series: Series) -> Series {
    eprintln!("  {}", series.what);
    series
}

/// A project with more and more keys, each with limits of its own, and each asked with in turn.
async fn keys(
    gateway: &Gateway,
    client: &reqwest::Client,
    target: &Target,
    case: &Case,
    sizes: impl Iterator<Item = u32>,
) -> Result<Series, Failure> {
    let mut keys: Vec<String> = Vec::new();
    let mut points = Vec::new();
    let body = case.body(Side::Text);
    for size in sizes {
        while u32::try_from(keys.len()).is_ok_and(|made| made < size) {
            let key = json!({"project_id": "proj_dev", "scopes": ["text"]});
            let key = ask(gateway, client, reqwest::Method::POST, "/v1/api-keys", key).await?;
            let member = |name: &str| key.get(name).and_then(Value::as_str).map(str::to_owned);
            let (Some(id), Some(secret)) = (member("id"), member("secret")) else {
                return Err(Failure::Unexpected { problem: format!("no key in `{key}`") });
            };
            let limits = json!({"requests_per_minute": 1_000_000_000});
            let place = format!("/v1/limits/key/{id}");
            ask(gateway, client, reqwest::Method::PUT, &place, limits).await?;
            keys.push(secret);
        }
        let with = |number: usize| {
            let key = keys.get(number % keys.len()).cloned().unwrap_or_default();
            (key, body.clone())
        };
        points.push(point(target, case, size, &with).await?);
    }
    Ok(Series { what: "keys with limits", points })
}

/// More and more models, each with limits of its own, and each asked in turn.
async fn models(
    gateway: &Gateway,
    client: &reqwest::Client,
    target: &Target,
    case: &Case,
    sizes: impl Iterator<Item = u32>,
) -> Result<Series, Failure> {
    let (mut made, mut points) = (0, Vec::new());
    let body = case.body(Side::Text);
    for size in sizes {
        while made < size {
            gateway.make_copy(client, &name(made)).await?;
            made += 1;
        }
        let with = |number: usize| {
            let number = u32::try_from(number).unwrap_or_default() % made;
            (target.key.clone(), body.replace(CHAT_MODEL, &name(number)))
        };
        points.push(point(target, case, size, &with).await?);
    }
    Ok(Series { what: "models with limits", points })
}

fn name(number: u32) -> String {
    format!("bench-chat-{number}")
}

/// Asks for one size: as often once as the case says without counting, then again.
async fn point(
    target: &Target,
    case: &Case,
    size: u32,
    with: &(dyn Fn(usize) -> (String, String) + Sync),
) -> Result<Point, Failure> {
    let url = format!("{}{}", target.url, case.path(Side::Text));
    let mut waits = Vec::new();
    let mut before = None;
    for counts in [false, true] {
        tokio::time::sleep(AFTERWARDS).await;
        before = target.pid.and_then(cpu::used);
        for number in 0..case.requests {
            let (key, body) = with(number);
            let caller = Target { key, ..target.clone() };
            let begun = Instant::now();
            caller.ask(case, &url, &body).await?;
            if counts {
                waits.push(begun.elapsed().as_secs_f64() * 1e3);
            }
        }
    }
    tokio::time::sleep(AFTERWARDS).await;
    let after = target.pid.and_then(cpu::used);
    let used = after.zip(before).map(|(after, before)| after.saturating_sub(before));
    let requests = f64::from(u32::try_from(case.requests).unwrap_or(u32::MAX));
    Ok(Point {
        size,
        p50_ms: median(waits.into_iter()).unwrap_or(f64::NAN),
        cpu_ms: used.map(|used| used.as_secs_f64() * 1e3 / requests),
    })
}

/// The body of a case with a system prompt of so many bytes.
fn padded(case: &Case, size: u32) -> Result<String, Failure> {
    let mut body: Value =
        serde_json::from_str(&case.body(Side::Text)).map_err(|source| Failure::Json { source })?;
    if let Some(system) = body.pointer_mut("/messages/0/content") {
        let words = usize::try_from(size / 6).unwrap_or_default();
        *system = "waves ".repeat(words).into();
    }
    Ok(body.to_string())
}

async fn ask(
    gateway: &Gateway,
    client: &reqwest::Client,
    method: reqwest::Method,
    path: &str,
    body: Value,
) -> Result<Value, Failure> {
    let asking = |source| Failure::Request { what: format!("asking {path}"), source };
    let url = format!("{}{path}", gateway.base);
    let asked =
        client.request(method, url).bearer_auth(&gateway.admin_key).json(&body).send().await;
    let answer = asked.map_err(asking)?;
    let status = answer.status().as_u16();
    let text = answer.text().await.map_err(asking)?;
    match status {
        200 | 201 => serde_json::from_str(&text).map_err(|source| Failure::Json { source }),
        _ => Err(Failure::Control { path: path.to_owned(), status, body: text }),
    }
}

impl Series {
    fn values(&self, of: impl Fn(&Point) -> Option<f64>) -> Vec<(f64, f64)> {
        let points = self.points.iter();
        points.filter_map(|point| Some((f64::from(point.size).ln(), of(point)?.ln()))).collect()
    }

    /// The slope of the last step.
    fn last(&self, of: impl Fn(&Point) -> Option<f64>) -> Option<f64> {
        let values = self.values(of);
        slope(values.get(values.len().checked_sub(2)?..)?)
    }
}

/// The slope of the line with the least squares; none through fewer than two points.
fn slope(points: &[(f64, f64)]) -> Option<f64> {
    let number = f64::from(u32::try_from(points.len()).ok()?);
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / number;
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let over: f64 = points.iter().map(|point| (point.0 - x) * (point.1 - y)).sum();
    let under: f64 = points.iter().map(|point| (point.0 - x).powi(2)).sum();
    (points.len() > 1 && under > 0.0).then(|| over / under)
}

/// All series in Markdown, and which of them grow too fast.
pub(crate) fn table(all: &[Series]) -> String {
    let mut table = String::from(
        "| what grows | p50 ms, then CPU ms a request, by size | exponent of the wait | of the CPU | of its last step |\n\
         | --- | --- | --- | --- | --- |\n",
    );
    let mut fast = Vec::new();
    for series in all {
        let points = series.points.iter().map(|Point { size, p50_ms, cpu_ms }| {
            format!("{size}: {} / {}", figure(Some(*p50_ms)), figure(*cpu_ms))
        });
        let points: Vec<String> = points.collect();
        let last = series.last(|point| point.cpu_ms.or(Some(point.p50_ms)));
        let cells = [
            slope(&series.values(|point| Some(point.p50_ms))),
            slope(&series.values(|point| point.cpu_ms)),
            last,
        ];
        if last.is_some_and(|last| last > LINEAR) {
            fast.push(series.what);
        }
        // Writing to a String cannot fail.
        let _written = writeln!(
            table,
            "| {} | {} | {} |",
            series.what,
            points.join(", "),
            cells.map(figure).join(" | ")
        );
    }
    let _written = match fast.is_empty() {
        true => writeln!(table, "\nNothing grows faster than what it grows with."),
        false => {
            writeln!(table, "\nThese grow faster than what they grow with: {}.", fast.join("; "))
        }
    };
    table
}

#[cfg(test)]
mod tests {
    use super::{Point, Series, padded, slope, table};
    use crate::case::{Road, Side, Wish, case};

    fn series(cost: impl Fn(f64) -> f64) -> Series {
        let points = [10, 100, 1_000].map(|size| {
            let cost = cost(f64::from(size));
            Point { size, p50_ms: cost, cpu_ms: Some(cost) }
        });
        Series { what: "something", points: points.to_vec() }
    }

    #[test]
    fn an_exponent_is_found() {
        let check = |cost: fn(f64) -> f64, expected: f64| {
            let found = slope(&series(cost).values(|point| point.cpu_ms)).unwrap();
            assert!((found - expected).abs() < 1e-9, "{found} is not {expected}");
        };
        check(|size| 3.0 * size, 1.0);
        check(|size| size * size, 2.0);
        check(|_| 7.0, 0.0);
        assert_eq!(slope(&[(1.0, 1.0)]), None);
    }

    #[test]
    fn what_is_hidden_by_what_a_call_costs_at_all_shows_in_the_last_step() {
        assert!(table(&[series(|size| 2.0 + size / 1e3)]).contains("Nothing grows faster"));
        assert!(table(&[series(|size| 2.0 + size * size / 1e3)]).contains("with: something."));
    }

    #[test]
    fn a_padded_prompt_still_says_what_is_wished() {
        let case = case(Road::Json, 0, 0, 1, 1);
        let body = padded(&case, 60_000).unwrap();
        assert!(body.len() > 60_000 && body.len() < 61_000);
        let wished = Wish::of_request(&serde_json::from_str(&body).unwrap());
        let plain = Wish::of_request(&serde_json::from_str(&case.body(Side::Text)).unwrap());
        assert_eq!(wished, plain);
    }
}
