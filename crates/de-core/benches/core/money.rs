//! What a call costs.

use std::hint::black_box;

use criterion::Criterion;
use de_core::{cost::cost, pricing::Pricing, receipt::Usage};
use serde_json::json;

pub(crate) fn bench(criterion: &mut Criterion) {
    let pricing: Pricing = serde_json::from_value(json!({
        "currency": "USD",
        "input_micros_per_million_tokens": 2_500_000,
        "cached_input_micros_per_million_tokens": 1_250_000,
        "output_micros_per_million_tokens": 10_000_000,
    }))
    .unwrap();
    let usage = Usage {
        cached_input_tokens: 1_024,
        input_tokens: 1_200,
        output_tokens: 345,
        ..Usage::default()
    };
    criterion.bench_function("cost of a call", |b| {
        b.iter(|| cost(black_box(&pricing), black_box(&usage)));
    });
}
