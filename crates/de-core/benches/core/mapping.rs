//! A model in data: its mapping parsed as when its row is read, and applied as for each call.

use std::hint::black_box;

use criterion::Criterion;
use de_core::mapping::{AuthScheme, PayloadMapping, ProviderRules, variables::Reserved};
use serde_json::{Map, Value, json};

/// The seeded model of OpenAI's chat that has one.
const MODEL: &str = include_str!("../../../../seeds/models/gpt-4o.json");
const REPLY: &str = include_str!("../../fixtures/openai/reply.json");

pub(crate) fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("mapping");
    let model: Value = serde_json::from_str(MODEL).unwrap();
    let written = &model["payload_mapping"];
    let rules = ProviderRules {
        allowed_hosts: Vec::new(),
        auth: AuthScheme::Bearer,
        base_url: "https://api.openai.com/v1".parse().unwrap(),
        mapping_sees_key: false,
    };
    group.bench_function("parse", |b| {
        b.iter(|| PayloadMapping::parse(black_box(written), &rules).unwrap());
    });
    let mapping = PayloadMapping::parse(written, &rules).unwrap();
    let options: Map<String, Value> =
        serde_json::from_value(json!({"temperature": 0.5, "max_tokens": 400})).unwrap();
    let asked = || Reserved {
        messages: Some(json!([{"role": "user", "content": "Why is the sea blue?"}])),
        model: Some("gpt-4o".to_owned()),
        stream: Some(false),
        system: Some("You answer briefly.".to_owned()),
        ..Reserved::default()
    };
    group.bench_function("apply to a request", |b| {
        b.iter(|| {
            let (variables, _) = mapping.variables(asked(), black_box(&options)).unwrap();
            mapping.render(&variables).unwrap()
        });
    });
    let reply: Value = serde_json::from_str(REPLY).unwrap();
    group.bench_function("read an answer", |b| {
        b.iter(|| mapping.reply(200, &[], black_box(&reply)).unwrap());
    });
    let event = r#"{"choices":[{"index":0,"delta":{"content":" wave"},"finish_reason":null}]}"#;
    group.bench_function("read an event", |b| b.iter(|| mapping.event(black_box(event)).unwrap()));
    group.finish();
}
