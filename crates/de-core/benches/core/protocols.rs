//! Every protocol: a caller's request read, a vendor's written, its answer and its stream read, the caller's written.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput};
use de_core::{
    chat::{ChatCall, ChatReply, Delta},
    model::OnUnsupported,
    protocols::{
        About, Dialect, MaxTokensField, SeedField, Target, Vendor,
        anthropic_messages::{AnthropicMessagesDialect, AnthropicMessagesVendor},
        gemini::GeminiVendor,
        openai_chat::{OpenAiChatDialect, OpenAiChatVendor},
        openai_responses::{OpenAiResponsesDialect, OpenAiResponsesVendor},
    },
    sse,
};
use serde_json::{Value, json};

macro_rules! fixture {
    ($name:literal) => {
        include_str!(concat!("../../fixtures/", $name))
    };
}

/// A vendor, its documented answer and its documented stream.
const VENDORS: [(&str, &dyn Vendor, &str, &str); 4] = [
    (
        "anthropic-messages",
        &AnthropicMessagesVendor,
        fixture!("anthropic/reply.json"),
        fixture!("anthropic/stream.sse"),
    ),
    ("gemini", &GeminiVendor, fixture!("gemini/text.json"), fixture!("gemini/text_stream.sse")),
    (
        "openai-chat",
        &OpenAiChatVendor,
        fixture!("openai/reply.json"),
        fixture!("openai/stream.sse"),
    ),
    (
        "openai-responses",
        &OpenAiResponsesVendor,
        fixture!("openai_responses/reply.json"),
        fixture!("openai_responses/stream.sse"),
    ),
];

pub(crate) fn bench(criterion: &mut Criterion) {
    callers(criterion);
    vendors(criterion);
    sizes(criterion);
}

fn callers(criterion: &mut Criterion) {
    let responses = OpenAiResponsesDialect::default();
    let turn = json!({"role": "user", "content": "Why is the sea blue?"});
    let dialects: [(&str, &dyn Dialect, Value); 3] = [
        (
            "anthropic-messages",
            &AnthropicMessagesDialect,
            json!({"model": "m", "max_tokens": 400, "temperature": 0.5, "messages": [turn]}),
        ),
        (
            "openai-chat",
            &OpenAiChatDialect,
            json!({"model": "m", "max_tokens": 400, "temperature": 0.5, "messages": [turn]}),
        ),
        (
            "openai-responses",
            &responses,
            json!({"model": "m", "max_output_tokens": 400, "temperature": 0.5, "input": [turn]}),
        ),
    ];
    let (_, vendor, reply, stream) = &VENDORS[0];
    let (reply, deltas) = (read(*vendor, reply), deltas(*vendor, stream));
    let mut group = criterion.benchmark_group("callers");
    for (name, dialect, request) in &dialects {
        group.bench_function(BenchmarkId::new("read a request", name), |b| {
            b.iter(|| dialect.call(black_box(request)).unwrap());
        });
        group.bench_function(BenchmarkId::new("write an answer", name), |b| {
            b.iter(|| dialect.reply(black_box(&reply), &about()).to_string());
        });
        group.bench_function(BenchmarkId::new("write a stream", name), |b| {
            b.iter(|| {
                let mut writer = dialect.stream(about());
                let written: usize =
                    deltas.iter().map(|delta| writer.delta(black_box(delta)).len()).sum();
                written + writer.end().len()
            });
        });
    }
    group.finish();
}

fn vendors(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("vendors");
    let call = call(20);
    for (name, vendor, reply, stream) in VENDORS {
        group.bench_function(BenchmarkId::new("write a request", name), |b| {
            b.iter(|| vendor.request(black_box(&call), &target()).unwrap());
        });
        group.bench_function(BenchmarkId::new("read an answer", name), |b| {
            b.iter(|| read(vendor, black_box(reply)));
        });
        group.bench_function(BenchmarkId::new("read a stream", name), |b| {
            b.iter(|| deltas(vendor, black_box(stream)));
        });
    }
    group.finish();
}

/// From OpenAI's chat to Anthropic's messages, by the size of the prompt.
fn sizes(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("translate a request");
    for size in [1_000_u32, 10_000, 100_000, 1_000_000] {
        let text = body(size).to_string();
        group.throughput(Throughput::Bytes(u64::from(size)));
        group.bench_function(BenchmarkId::from_parameter(size), |b| {
            b.iter(|| {
                let body: Value = serde_json::from_str(black_box(&text)).unwrap();
                let (_, call) = OpenAiChatDialect.call(&body).unwrap();
                AnthropicMessagesVendor.request(&call, &target()).unwrap()
            });
        });
    }
    group.finish();
}

fn body(size: u32) -> Value {
    let prompt = "waves ".repeat(usize::try_from(size / 6 + 1).unwrap());
    json!({"model": "m", "max_tokens": 400, "messages": [{"role": "user", "content": prompt}]})
}

fn call(size: u32) -> ChatCall {
    OpenAiChatDialect.call(&body(size)).unwrap().1
}

fn read(vendor: &dyn Vendor, reply: &str) -> ChatReply {
    vendor.reply(&serde_json::from_str(reply).unwrap()).unwrap()
}

fn deltas(vendor: &dyn Vendor, stream: &str) -> Vec<Delta> {
    let mut reader = vendor.stream();
    let events = sse::Decoder::default().push(stream.as_bytes());
    events.into_iter().flat_map(|event| reader.event(&event.unwrap()).unwrap()).collect()
}

fn target() -> Target {
    Target {
        default_max_output_tokens: 1_024,
        max_tokens_field: MaxTokensField::MaxCompletionTokens,
        on_unsupported: OnUnsupported::Drop,
        reasoning: None,
        reasoning_budget: None,
        reasoning_effort: None,
        sampling_params: None,
        seed_field: SeedField::Seed,
        takes_thoughts: false,
        takes_user: true,
        thinking_always_on: None,
        unknown_options: OnUnsupported::Drop,
        upstream_model: "upstream-1".to_owned(),
    }
}

fn about() -> About {
    About {
        created: 1_795_000_000,
        include_usage: true,
        model: "served-1".to_owned(),
        provider_id: String::new(),
        receipt_id: "rcpt_1".to_owned(),
        request_id: "r-1".to_owned(),
    }
}
