//! Metrics, read as Prometheus reads them: well formed, equal to the books, and never falling.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what does not hold ends the test"
)]

use std::collections::{BTreeMap, BTreeSet};

use de_contract::spender::Spender;

/// `name{labels}` → value.
type Samples = BTreeMap<(String, BTreeMap<String, String>), f64>;

/// Reads the text format, as strictly as its page has it:
/// <https://prometheus.io/docs/instrumenting/exposition_formats/>.
fn parse(text: &str) -> Samples {
    assert!(text.ends_with('\n'));
    let mut samples = Samples::new();
    let (mut types, mut helped) = (BTreeMap::new(), BTreeSet::new());
    let mut family = String::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').unwrap();
            assert!(helped.insert(name.to_owned()) && !help.is_empty(), "{line}");
            continue;
        }
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
            assert!(helped.contains(name), "{line}");
            assert!(types.insert(name.to_owned(), kind.to_owned()).is_none(), "{line}");
            family = name.to_owned();
            continue;
        }
        let (name, rest) = line.split_once('{').unwrap();
        let ends: &[&str] = match types[&family].as_str() {
            "histogram" => &["_bucket", "_count", "_sum"],
            _ => &[""],
        };
        // All samples of a family stand together, below its type.
        assert!(ends.iter().any(|end| name == format!("{family}{end}")), "{line}");
        if types[&family] == "counter" {
            assert!(name.ends_with("_total"), "{line}");
        }
        let mut labels = BTreeMap::new();
        let mut rest = rest;
        while !rest.starts_with('}') {
            let (label, after) = rest.split_once("=\"").unwrap();
            let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
            assert!(!label.is_empty() && label.chars().all(is_name), "{line}");
            let mut value = String::new();
            let mut letters = after.char_indices();
            let end = loop {
                match letters.next().unwrap() {
                    (at, '"') => break at,
                    (_, '\\') => match letters.next().unwrap().1 {
                        'n' => value.push('\n'),
                        c @ ('\\' | '"') => value.push(c),
                        other => panic!("an escape {other}: {line}"),
                    },
                    (_, c) => value.push(c),
                }
            };
            assert!(labels.insert(label.to_owned(), value).is_none(), "{line}");
            rest = &after[end + 1..];
            rest = rest.strip_prefix(',').unwrap_or(rest);
        }
        let value: f64 = rest.strip_prefix("} ").unwrap().parse().unwrap();
        assert!(samples.insert((name.to_owned(), labels), value).is_none(), "twice: {line}");
    }
    samples
}

/// Histograms count upwards, and to the end.
fn check_histograms(samples: &Samples) {
    let mut seen = 0;
    for ((name, labels), count) in samples {
        let Some(base) = name.strip_suffix("_count") else { continue };
        let buckets = samples.iter().filter(|((name, of), _)| {
            let mut of = of.clone();
            of.remove("le").is_some() && *name == format!("{base}_bucket") && of == *labels
        });
        let bound = |labels: &BTreeMap<String, String>| match labels["le"].as_str() {
            "+Inf" => f64::INFINITY,
            text => text.parse().unwrap(),
        };
        let mut buckets: Vec<(f64, f64)> =
            buckets.map(|((_, labels), value)| (bound(labels), *value)).collect();
        buckets.sort_by(|one, other| one.0.total_cmp(&other.0));
        assert_eq!(buckets.len(), 32, "{base} {labels:?}");
        assert!(buckets.windows(2).all(|two| two[0].0 < two[1].0 && two[0].1 <= two[1].1));
        assert_eq!(buckets.last(), Some(&(f64::INFINITY, *count)));
        let sum = samples[&(format!("{base}_sum"), labels.clone())];
        assert!(sum >= 0.0);
        seen += 1;
    }
    assert!(seen > 0);
}

fn sum(samples: &Samples, wanted: &str, label: (&str, &str)) -> f64 {
    let found = samples.iter().filter(|((name, labels), _)| {
        name == wanted && labels.get(label.0).is_some_and(|value| value == label.1)
    });
    found.map(|(_, value)| value).sum()
}

#[tokio::test]
async fn metrics_are_those_of_the_books_and_never_fall() {
    let spender = Spender::ready().await;
    let read = async || {
        let path = format!("/v1/metrics?organization_id={}", spender.tenant.organization);
        let answer = spender.control.get(&path).await.is(200);
        assert_eq!(answer.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
        parse(&answer.text())
    };
    let model = spender.model.clone();
    assert!(read().await.is_empty());
    let mut before = Samples::new();
    let mut totals = (0.0, 0.0, 0.0);
    for round in 0..3 {
        let (_, row) = spender.spend(spender.call("one two three").streamed()).await;
        let (_, row_of_failure) = spender.spend(spender.call("fail:400 no")).await;
        totals.0 += 1.0;
        totals.1 += row["output_tokens"].as_f64().unwrap();
        totals.2 += row["cost_micros"].as_f64().unwrap() / 1e6;
        let mut now = read().await;
        check_histograms(&now);
        let ours = ("model_id", model.as_str());
        assert_eq!(sum(&now, "de_requests_total", ("status", "ok")), totals.0);
        assert_eq!(sum(&now, "de_requests_total", ours), totals.0 * 2.0);
        assert_eq!(sum(&now, "de_errors_total", ours), totals.0);
        assert_eq!(
            sum(
                &now,
                "de_failures_total",
                ("code", row_of_failure["error_code"].as_str().unwrap())
            ),
            totals.0
        );
        let instance = ("instance_id", spender.tenant.instance.as_str());
        assert_eq!(sum(&now, "de_outbox_dead", instance), 0.0);
        // It goes up and down.
        let count = now.len();
        now.retain(|(name, _), _| name != "de_outbox_waiting");
        assert!(now.len() < count);
        assert_eq!(sum(&now, "de_tokens_total", ("class", "output")), totals.1);
        assert!((sum(&now, "de_cost_dollars_total", ours) - totals.2).abs() < 1e-9);
        assert_eq!(sum(&now, "de_request_duration_seconds_count", ours), totals.0 * 2.0);
        for (series, value) in &before {
            assert!(now[series] >= *value, "{series:?} fell");
        }
        if round == 1 {
            // That it is summed meanwhile is not seen.
            spender.pass_an_hour().await;
            let mut after = read().await;
            after.retain(|(name, _), _| name != "de_outbox_waiting");
            assert_eq!(after, now);
        }
        before = now;
    }
}
