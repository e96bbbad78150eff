//! `GET /v1/metrics`: all that calls ever came to, as Prometheus reads it.
//!
//! Follows <https://prometheus.io/docs/instrumenting/exposition_formats/>, version 0.0.4. Counters are of all
//! time: sums outlive the rows that they were made of, so they never fall, and a scrape reads few rows however
//! long that was.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use axum::response::{IntoResponse, Response};
use de_core::{
    histogram::Histogram,
    http::{error::ApiError, routes::Allowed},
    ids::{InstanceId, OrganizationId},
    limits::wire::UsageReply,
    ports::{Platform, Whose},
    protocols::FieldIssue,
    store::usage::{
        rollups::HOUR_MS,
        selection::Selection,
        sums::{self, By, Group, MOST_ROWS, Step, SumQuery, Sums},
    },
    time::UnixMillis,
};
use futures_util::future::join_all;
use http::{HeaderValue, header};

use crate::{resource::Filters, usage::asked::reader};

/// How many instances, models, providers, statuses and codes an answer tells apart: with two histograms each, some ten
/// megabytes.
const MOST_SERIES: usize = 2_000;

/// How many Limiters are asked for their circuits: each is an object that the question wakes up.
const MOST_LIMITERS: usize = 20;

/// Tells of calls by instance, model and provider.
pub(crate) async fn read(
    platform: Platform,
    allowed: Allowed,
    mut filters: Filters,
) -> Result<Response, ApiError> {
    let instance = filters.id("instance_id", InstanceId::parse);
    let organization = filters.id("organization_id", OrganizationId::parse);
    filters.finish()?;
    let selection = Selection { instance, organization, ..Selection::all(reader(&allowed)?) };
    let now = platform.clock.now();
    let query = SumQuery {
        by: By {
            error_code: true,
            instance: true,
            model: true,
            provider: true,
            status: true,
            ..By::default()
        },
        by_call: false,
        from: UnixMillis(0),
        selection: &selection,
        step: Step::Whole,
        to: UnixMillis(now.0 - now.0.rem_euclid(HOUR_MS) + HOUR_MS),
    };
    let answers = platform.database.batch(sums::statements(&query)).await?;
    let is_cut = answers.iter().any(|rows| rows.len() > MOST_ROWS);
    let sums = sums::read(answers)?;
    if is_cut || sums.len() > MOST_SERIES {
        let reason = format!("without it there are more than {MOST_SERIES} series; name one");
        return Err(ApiError::fields(&[FieldIssue { pointer: "?instance_id".to_owned(), reason }]));
    }
    let told = of_limiters(&platform, &sums).await;
    let mut response = (text(&sums) + &limiters_text(&told)).into_response();
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    Ok(response)
}

/// What the Limiter of each instance that the answer is about tells; nothing for one that does not answer.
type Told = Vec<(String, Option<UsageReply>)>;

/// Asks the Limiters, which nobody else knows of: so only where there are few.
async fn of_limiters(platform: &Platform, sums: &BTreeMap<Group, Sums>) -> Told {
    // Instances that the caller may see, since they are in what was read for them.
    let instances: BTreeSet<&str> = sums.keys().map(|group| group.instance_id.as_str()).collect();
    if instances.len() > MOST_LIMITERS {
        return Vec::new();
    }
    let ask = |name: &str| {
        let name = name.to_owned();
        async move {
            let id = InstanceId::parse(&name).ok()?;
            let usage = platform.limiter.usage(Whose::Instance(&id)).await;
            Some((name, usage.ok()))
        }
    };
    join_all(instances.into_iter().map(ask)).await.into_iter().flatten().collect()
}

fn limiters_text(told: &Told) -> String {
    let mut page = Page::default();
    page.family("de_circuits_known", "gauge", "Whether the instance's Limiter told of circuits.");
    let of = |instance: &str| format!("instance_id=\"{}\"", escaped(instance));
    for (instance, usage) in told {
        page.sample("de_circuits_known", &of(instance), u8::from(usage.is_some()));
    }
    let backlogs = || {
        let backlog = |(instance, usage): &(String, Option<UsageReply>)| {
            Some((of(instance), usage.as_ref()?.backlog?))
        };
        told.iter().filter_map(backlog)
    };
    page.family("de_outbox_waiting", "gauge", "Receipts on their way to the database.");
    for (labels, backlog) in backlogs() {
        page.sample("de_outbox_waiting", &labels, backlog.waiting);
    }
    page.family("de_outbox_dead", "gauge", "Receipts that the database refuses.");
    for (labels, backlog) in backlogs() {
        page.sample("de_outbox_dead", &labels, backlog.dead);
    }
    page.family(
        "de_circuit_open",
        "gauge",
        "Models that nobody may call now, as their vendor failed, by the kind of failure.",
    );
    for (instance, usage) in told {
        for open in usage.iter().flat_map(|usage| &usage.circuits) {
            let group = Group {
                instance_id: instance.clone(),
                model_id: open.key.model_id.to_string(),
                provider_id: open.key.provider_id.to_string(),
                ..Group::default()
            };
            let labels = format!("{},class=\"{}\"", labels(&group), open.class);
            page.sample("de_circuit_open", &labels, 1);
        }
    }
    page.0
}

/// A class of what is used, and how it is counted.
type Class = (&'static str, fn(&Sums) -> u64);

const TOKENS: [Class; 12] = [
    ("input", |sums| sums.usage.input_tokens),
    ("cached_input", |sums| sums.usage.cached_input_tokens),
    ("cache_write", |sums| sums.usage.cache_write_tokens),
    ("cache_write_1h", |sums| sums.usage.cache_write_1h_tokens),
    ("cache_write_12h", |sums| sums.usage.cache_write_12h_tokens),
    ("output", |sums| sums.usage.output_tokens),
    ("reasoning", |sums| sums.usage.reasoning_tokens),
    ("image_input", |sums| sums.usage.image_input_tokens),
    ("cached_image_input", |sums| sums.usage.cached_image_input_tokens),
    ("image_output", |sums| sums.usage.image_output_tokens),
    ("audio_input", |sums| sums.usage.audio_input_tokens),
    ("audio_output", |sums| sums.usage.audio_output_tokens),
];

/// A name, what it is, and how it is counted.
type Counter = (&'static str, &'static str, fn(&Sums) -> u64);

const COUNTERS: [Counter; 6] = [
    ("de_images_total", "Images made, where the vendor counts them by piece.", |sums| {
        sums.usage.images
    }),
    ("de_characters_total", "Characters spoken.", |sums| sums.usage.characters),
    ("de_unpriced_requests_total", "Calls whose cost is not known.", |sums| sums.unpriced),
    (
        "de_estimated_requests_total",
        "Calls whose counts are ours, as the vendor named none.",
        |sums| sums.estimated,
    ),
    ("de_cached_requests_total", "Calls that were answered from the response cache.", |sums| {
        sums.cached
    }),
    ("de_errors_total", "Calls that failed or were cut by the vendor.", |sums| sums.errors),
];

/// A name, what it is, and the times with what they come to in milliseconds.
type Times = (&'static str, &'static str, fn(&Sums) -> (&Histogram, u64));

const TIMES: [Times; 2] = [
    ("de_request_duration_seconds", "How long calls took, to the last byte.", |sums| {
        (&sums.latency, sums.latency_ms)
    }),
    (
        "de_first_byte_seconds",
        "How long calls took to the first byte, of those that had one.",
        |sums| (&sums.first_byte, sums.first_byte_ms),
    ),
];

fn text(sums: &BTreeMap<Group, Sums>) -> String {
    // By instance, model and provider; only the counts of calls are told by status and by code too.
    let mut places: BTreeMap<Group, Sums> = BTreeMap::new();
    let mut endings: BTreeMap<Group, u64> = BTreeMap::new();
    for (group, sums) in sums {
        let ending = Group { error_code: String::new(), ..group.clone() };
        let place = Group { status: String::new(), ..ending.clone() };
        *endings.entry(ending).or_default() += sums.calls;
        places.entry(place).or_default().add(sums);
    }
    let mut page = Page::default();
    page.family("de_requests_total", "counter", "Calls, by how they ended.");
    for (group, calls) in &endings {
        let labels = format!("{},status=\"{}\"", labels(group), escaped(&group.status));
        page.sample("de_requests_total", &labels, calls);
    }
    page.family("de_failures_total", "counter", "Calls that did not end well, by our code.");
    let mut codes: BTreeMap<Group, u64> = BTreeMap::new();
    for (group, sums) in sums.iter().filter(|(group, _)| !group.error_code.is_empty()) {
        *codes.entry(Group { status: String::new(), ..group.clone() }).or_default() += sums.calls;
    }
    for (group, calls) in &codes {
        let labels = format!("{},code=\"{}\"", labels(group), escaped(&group.error_code));
        page.sample("de_failures_total", &labels, calls);
    }
    page.family(
        "de_tokens_total",
        "counter",
        "Tokens, by class. Those of reasoning are output too.",
    );
    for (group, sums) in &places {
        for (class, count) in TOKENS {
            let count = count(sums);
            // A class once used is used for good, so no series goes again.
            if count > 0 {
                let labels = format!("{},class=\"{class}\"", labels(group));
                page.sample("de_tokens_total", &labels, count);
            }
        }
    }
    for (name, help, count) in COUNTERS {
        page.family(name, "counter", help);
        for (group, sums) in &places {
            page.sample(name, &labels(group), count(sums));
        }
    }
    page.family("de_media_seconds_total", "counter", "Sound or video heard or made.");
    for (group, sums) in &places {
        page.sample("de_media_seconds_total", &labels(group), seconds(sums.usage.media_ms));
    }
    page.family("de_cost_dollars_total", "counter", "What calls cost, in US dollars.");
    for (group, sums) in &places {
        let (dollars, micros) = (sums.cost_micros / 1_000_000, sums.cost_micros % 1_000_000);
        page.sample("de_cost_dollars_total", &labels(group), format_args!("{dollars}.{micros:06}"));
    }
    for (name, help, of) in TIMES {
        page.family(name, "histogram", help);
        for (group, sums) in &places {
            let (histogram, all_ms) = of(sums);
            page.histogram(name, &labels(group), histogram, all_ms);
        }
    }
    page.0
}

fn labels(group: &Group) -> String {
    let Group { instance_id, model_id, provider_id, .. } = group;
    format!(
        "instance_id=\"{}\",model_id=\"{}\",provider_id=\"{}\"",
        escaped(instance_id),
        escaped(model_id),
        escaped(provider_id)
    )
}

/// A value as it stands between quotes.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// Milliseconds as seconds, exactly.
fn seconds(millis: u64) -> String {
    format!("{}.{:03}", millis / 1_000, millis % 1_000)
}

/// The text, so far.
#[derive(Default)]
struct Page(String);

impl Page {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a String cannot fail, here and below.
        let _written = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &str, value: impl std::fmt::Display) {
        let _written = writeln!(self.0, "{name}{{{labels}}} {value}");
    }

    fn histogram(&mut self, name: &str, labels: &str, histogram: &Histogram, all_ms: u64) {
        for (bound, count) in histogram.cumulative() {
            let bound = seconds(u64::try_from(bound).unwrap_or(0));
            let _written = writeln!(self.0, "{name}_bucket{{{labels},le=\"{bound}\"}} {count}");
        }
        let count = histogram.count();
        let _written = writeln!(self.0, "{name}_bucket{{{labels},le=\"+Inf\"}} {count}");
        let _written = writeln!(self.0, "{name}_sum{{{labels}}} {}", seconds(all_ms));
        let _written = writeln!(self.0, "{name}_count{{{labels}}} {count}");
    }
}

#[cfg(test)]
mod tests {
    use de_core::limits::wire::Backlog;

    use super::*;

    /// All families of an exposition.
    fn families() -> BTreeSet<String> {
        let told = vec![(
            "inst_a".to_owned(),
            Some(UsageReply { backlog: Some(Backlog::default()), ..UsageReply::default() }),
        )];
        let group = Group { error_code: "CONFLICT".to_owned(), ..Group::default() };
        let page = text(&BTreeMap::from([(group, Sums::default())])) + &limiters_text(&told);
        let names = page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
        names.map(str::to_owned).collect()
    }

    /// What stands in a text as a metric's name: histograms by the name of their family.
    fn named(text: &str) -> BTreeSet<String> {
        let is_part = |c: char| c.is_ascii_lowercase() || c == '_';
        let words = text.split(|c: char| !is_part(c)).filter(|word| word.starts_with("de_"));
        let family = |word: &str| {
            let ends = ["_bucket", "_count", "_sum"];
            let end = ends.iter().find_map(|end| word.strip_suffix(end));
            end.unwrap_or(word).to_owned()
        };
        words.map(family).collect()
    }

    #[test]
    fn alerts_go_by_metrics_that_there_are() {
        let families = families();
        for (page, text) in [
            ("alerts", include_str!("../../../docs/alerts/prometheus.yml")),
            ("monitoring", include_str!("../../../docs/monitoring.md")),
        ] {
            let unknown: Vec<_> = named(text).difference(&families).cloned().collect();
            assert!(unknown.is_empty(), "{page}: {unknown:?}");
        }
    }

    #[test]
    fn the_page_names_every_metric() {
        let page = include_str!("../../../docs/usage.md");
        let (_, table) = page.split_once("## Prometheus").unwrap();
        let missing: Vec<_> = families().difference(&named(table)).cloned().collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn values_are_escaped_and_counts_are_cumulative() {
        let group = Group {
            instance_id: "a\\b\"c\nd".to_owned(),
            status: "ok".to_owned(),
            ..Group::default()
        };
        let mut made =
            Sums { calls: 3, cost_micros: 1_000_042, latency_ms: 61_550, ..Sums::default() };
        [50, 1_500, 60_000].iter().for_each(|time| made.latency.record(*time));
        let text = text(&BTreeMap::from([(group, made)]));
        let labels = r#"instance_id="a\\b\"c\nd",model_id="",provider_id="""#;
        for line in [
            format!("de_requests_total{{{labels},status=\"ok\"}} 3"),
            format!("de_cost_dollars_total{{{labels}}} 1.000042"),
            format!("de_request_duration_seconds_bucket{{{labels},le=\"0.040\"}} 0"),
            format!("de_request_duration_seconds_bucket{{{labels},le=\"1.810\"}} 2"),
            format!("de_request_duration_seconds_bucket{{{labels},le=\"+Inf\"}} 3"),
            format!("de_request_duration_seconds_sum{{{labels}}} 61.550"),
            format!("de_first_byte_seconds_count{{{labels}}} 0"),
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }
}
