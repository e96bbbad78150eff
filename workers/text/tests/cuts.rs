//! Streams that are cut: into two pieces at each byte, and off at each byte. On every road to a caller the
//! first gives what an uncut one gives, and the second an error in the caller's protocol and a true receipt.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "tests: what does not hold ends them, and their modules have other readers too"
)]

#[path = "http/doubles.rs"]
mod doubles;
#[path = "http/gateway.rs"]
mod gateway;

use std::ops::Range;

use bytes::Bytes;
use de_testkit::{client::TestResponse, fetch::Answer};
use http::Method;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::gateway::Gateway;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Protocol {
    Anthropic,
    Gemini,
    /// Told by a mapping.
    Mapped,
    Native,
    OpenAi,
    Responses,
}

/// How an answer gets from a vendor to its caller.
#[derive(Clone, Copy, Debug)]
struct Road {
    caller: Protocol,
    /// Under an `Idempotency-Key`: it passes through our code.
    kept: bool,
    vendor: Protocol,
    /// Whether the caller asks for the usage, where that can be asked for.
    wants_usage: bool,
}

const fn road(caller: Protocol, vendor: Protocol) -> Road {
    Road { caller, kept: false, vendor, wants_usage: false }
}

const ROADS: [Road; 18] = {
    use Protocol::{Anthropic, Gemini, Mapped, Native, OpenAi, Responses};
    [
        road(Anthropic, OpenAi),
        road(Native, OpenAi),
        road(OpenAi, OpenAi),
        Road { wants_usage: true, ..road(OpenAi, OpenAi) },
        Road { kept: true, wants_usage: true, ..road(OpenAi, OpenAi) },
        road(Anthropic, Anthropic),
        Road { kept: true, ..road(Anthropic, Anthropic) },
        road(Native, Anthropic),
        road(OpenAi, Anthropic),
        Road { wants_usage: true, ..road(OpenAi, Anthropic) },
        road(Responses, Responses),
        Road { kept: true, ..road(Responses, Responses) },
        road(Responses, OpenAi),
        road(Responses, Anthropic),
        // A vendor's side and a caller's know nothing of each other: each once will do.
        road(OpenAi, Responses),
        road(OpenAi, Gemini),
        road(Responses, Gemini),
        road(OpenAi, Mapped),
    ]
};

impl Road {
    fn is_filtered(self) -> bool {
        self.is_same() && self.vendor == Protocol::OpenAi && !self.wants_usage
    }

    /// Whether the platform moves the bytes, so that a piece of an event may have gone out.
    fn is_relayed(self) -> bool {
        self.is_same() && !self.kept && !self.is_filtered()
    }

    fn is_same(self) -> bool {
        self.caller == self.vendor
    }

    fn asks(self) -> (&'static str, Value) {
        let model = match self.vendor {
            Protocol::Anthropic => "claude",
            Protocol::Gemini => "gemini",
            Protocol::Mapped => "mapped",
            Protocol::Native | Protocol::OpenAi => "gpt",
            Protocol::Responses => "responses",
        };
        let messages = json!([{"role": "user", "content": "Hello"}]);
        let mut chat = json!({"model": model, "messages": messages, "stream": true});
        match self.caller {
            Protocol::Anthropic => {
                chat["max_tokens"] = json!(500);
                ("/v1/messages", chat)
            }
            // Nobody calls us in Gemini's protocol, or in one of a mapping.
            Protocol::Gemini | Protocol::Mapped | Protocol::Native => {
                ("/generate/stream", json!({"model_id": model, "prompt": "Hello"}))
            }
            Protocol::OpenAi => {
                if self.wants_usage {
                    chat["stream_options"] = json!({"include_usage": true});
                }
                ("/v1/chat/completions", chat)
            }
            Protocol::Responses => {
                ("/v1/responses", json!({"model": model, "input": "Hello", "stream": true}))
            }
        }
    }
}

/// A vendor's stream, and where in it its first event, its counts and its end are whole.
struct Recorded {
    begun_at: usize,
    counted_at: Option<usize>,
    done_at: Option<usize>,
    name: &'static str,
    /// Where the vendor tells of a failure itself.
    refused_at: Option<usize>,
    text: String,
    vendor: Protocol,
}

impl Recorded {
    fn of(name: &'static str, vendor: Protocol, text: &str) -> Self {
        let (counts, done) = match vendor {
            Protocol::Anthropic => ("\"type\":\"message_delta\"", "{\"type\":\"message_stop\"}"),
            Protocol::Gemini => ("\"usageMetadata\":{", "\"finishReason\":\"STOP\""),
            // What a mapping counts may grow until the end.
            Protocol::Mapped => ("\"kind\":\"over\"", "\"kind\":\"over\""),
            Protocol::Native | Protocol::OpenAi => ("\"usage\":{", "[DONE]"),
            Protocol::Responses => ("\"usage\":{", "\"status\":\"completed\""),
        };
        let line_end = |found: &str| {
            let at = text.find(found)?;
            Some(at + text[at..].find(['\r', '\n']).unwrap_or(text.len() - at))
        };
        Self {
            begun_at: line_end("data:").unwrap_or_default(),
            counted_at: line_end(counts),
            done_at: line_end(done),
            name,
            refused_at: line_end("\"error\":{"),
            text: text.to_owned(),
            vendor,
        }
    }

    /// The recorded streams, and others with all that the format allows.
    fn all() -> Vec<Self> {
        use Protocol::{Anthropic, Gemini, Mapped, OpenAi, Responses};
        vec![
            Self::of(
                "openai",
                OpenAi,
                include_str!("../../../crates/de-core/fixtures/openai/stream.sse"),
            ),
            Self::of("openai rough", OpenAi, OPENAI_ROUGH),
            Self::of("openai error", OpenAi, OPENAI_ERROR),
            Self::of(
                "anthropic",
                Anthropic,
                include_str!("../../../crates/de-core/fixtures/anthropic/stream.sse"),
            ),
            Self::of("anthropic rough", Anthropic, ANTHROPIC_ROUGH),
            Self::of("anthropic error", Anthropic, ANTHROPIC_ERROR),
            Self::of("gemini rough", Gemini, GEMINI_ROUGH),
            Self::of("gemini error", Gemini, GEMINI_ERROR),
            Self::of("mapped rough", Mapped, MAPPED_ROUGH),
            Self::of("mapped error", Mapped, MAPPED_ERROR),
            Self::of("responses rough", Responses, RESPONSES_ROUGH),
            Self::of("responses error", Responses, RESPONSES_ERROR),
        ]
    }
}

/// A mark of byte order, every kind of line end, comments, empty deltas, two answers, a text over two `data`
/// lines, and no blank line at the end.
const OPENAI_ROUGH: &str = "\u{feff}: hello\r\n\r\ndata: {\"id\":\"c1\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\r\n\r\n\
    data:{\"id\":\"c1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\\\"finish_reason\\\":\\\"stop\\\" ü日🦀\"},\"finish_reason\":null}]}\n\n\
    : ping\n\nid: 7\nretry: 10\ndata: {\"id\":\"c1\",\ndata: \"choices\":[{\"index\":1,\"delta\":{\"content\":\"é\"}}]}\n\n\
    data: {\"id\":\"c1\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"},{\"index\":1,\"delta\":{},\"finish_reason\":\"length\"}]}\r\n\r\n\
    data: {\"id\":\"c1\",\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":3}}\n\n: bye\n\ndata: [DONE]";

const OPENAI_ERROR: &str = "data: {\"id\":\"c1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Grü\"}}]}\n\n\
    data: {\"error\":{\"message\":\"The server had an error.\",\"type\":\"server_error\"}}\n\n";

const ANTHROPIC_ROUGH: &str = "\u{feff}event: message_start\r\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m1\",\"usage\":{\"input_tokens\":9,\"output_tokens\":1}}}\r\n\r\n\
    event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n\
    event: ping\ndata: {\"type\": \"ping\"}\n\n: still here\n\n\
    event: content_block_delta\r\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"\"}}\r\n\r\n\
    event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\ndata: \"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"ü日🦀\"}}\n\n\
    event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n\
    event: of_next_year\ndata: {\"type\":\"of_next_year\"}\n\n\
    event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":3}}\n\n\
    event: message_stop\ndata: {\"type\":\"message_stop\"}";

const ANTHROPIC_ERROR: &str = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m1\",\"usage\":{\"input_tokens\":9,\"output_tokens\":1}}}\n\n\
    event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"Grü\"}}\n\n\
    event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n";

const GEMINI_ROUGH: &str = "\u{feff}: hello\r\n\r\ndata: {\"responseId\":\"r1\",\"modelVersion\":\"m\",\"candidates\":[{\"index\":0,\"content\":{\"role\":\"model\",\"parts\":[{\"text\":\"\"},{\"text\":\"Hm\",\"thought\":true}]}}]}\r\n\r\n\
    data:{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"ü日🦀\"}]}}]}\n\n: ping\n\n\
    data: {\"candidates\":[{\"index\":0,\ndata: \"content\":{\"parts\":[{\"text\":\"é\"}]}}]}\n\n\
    data: {\"candidates\":[{\"index\":0,\"finishReason\":\"STOP\"}],\"usageMetadata\":{\"promptTokenCount\":9,\"candidatesTokenCount\":3}}";

const GEMINI_ERROR: &str = "data: {\"responseId\":\"r1\",\"candidates\":[{\"index\":0,\"content\":{\"parts\":[{\"text\":\"Grü\"}]}}]}\n\n\
    data: {\"error\":{\"code\":503,\"message\":\"Overloaded.\",\"status\":\"UNAVAILABLE\"}}\n\n";

/// A protocol of nobody's, with a mark of byte order, every kind of line end, comments, an empty piece, an event that
/// no rule speaks of, and data over two lines.
const MAPPED_ROUGH: &str = "\u{feff}: hello\r\n\r\ndata: {\"kind\":\"piece\",\"text\":\"\"}\r\n\r\n\
    data:{\"kind\":\"piece\",\"text\":\"\\\"kind\\\":\\\"done\\\" ü日🦀\"}\n\n: ping\n\n\
    event: of_next_year\nid: 7\ndata: {\"kind\":\"of_next_year\"}\n\n\
    data: {\"kind\":\"piece\",\ndata: \"text\":\"é\"}\n\n\
    data: {\"kind\":\"counts\",\"in\":9,\"out\":3}\r\n\r\n\
    data: {\"kind\":\"over\",\"why\":\"full\"}";

const MAPPED_ERROR: &str = "data: {\"kind\":\"piece\",\"text\":\"Grü\"}\n\n\
    data: {\"kind\":\"broken\",\"error\":{\"text\":\"Overloaded.\"}}\n\n";

/// How those two are read.
fn mapping() -> Value {
    json!({
        "endpoint": "/speak",
        "body": {"say": "{user_prompt}", "stream": "{stream}"},
        "maps": {"ends": {"done": "stop", "full": "length"}},
        "response": {
            "kind": "sse",
            "events": [
                {"when": {"path": "$.kind", "equals": "piece"}, "delta": "$.text"},
                {"when": {"path": "$.kind", "equals": "counts"},
                 "usage": {"input_tokens": "$.in", "output_tokens": "$.out"}},
                {"when": {"path": "$.kind", "equals": "over"}, "finish": {"path": "$.why", "map": "ends"}},
                {"when": {"path": "$.kind", "equals": "broken"}, "error": true},
            ],
            "done": {"path": "$.kind", "equals": "over"},
        },
        "response_mapping": {"text": "$.text"},
        "error_mapping": {"message": "$.error.text"},
    })
}

const RESPONSES_ROUGH: &str = "\u{feff}event: response.created\r\ndata: {\"type\":\"response.created\",\"sequence_number\":0,\"response\":{\"id\":\"resp_1\",\"status\":\"in_progress\",\"output\":[]}}\r\n\r\n\
    event: response.output_item.added\ndata: {\"type\":\"response.output_item.added\",\"sequence_number\":1,\"output_index\":0,\"item\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"content\":[]}}\n\n\
    : still here\n\nevent: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"sequence_number\":2,\ndata: \"item_id\":\"msg_1\",\"output_index\":0,\"content_index\":0,\"delta\":\"ü日🦀\"}\n\n\
    event: of_next_year\ndata: {\"type\":\"of_next_year\",\"sequence_number\":3}\n\n\
    event: response.completed\ndata: {\"type\":\"response.completed\",\"sequence_number\":4,\"response\":{\"id\":\"resp_1\",\"status\":\"completed\",\"output\":[],\"usage\":{\"input_tokens\":9,\"output_tokens\":3,\"total_tokens\":12}}}";

const RESPONSES_ERROR: &str = "event: response.created\ndata: {\"type\":\"response.created\",\"sequence_number\":0,\"response\":{\"id\":\"resp_1\",\"status\":\"in_progress\",\"output\":[]}}\n\n\
    event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"sequence_number\":1,\"item_id\":\"msg_1\",\"output_index\":0,\"content_index\":0,\"delta\":\"Grü\"}\n\n\
    event: response.failed\ndata: {\"type\":\"response.failed\",\"sequence_number\":2,\"response\":{\"id\":\"resp_1\",\"status\":\"failed\",\"error\":{\"code\":\"server_error\",\"message\":\"Overloaded.\"}}}\n\n";

struct World {
    calls: std::cell::Cell<u32>,
    gateway: Gateway,
}

/// What became of a call.
#[derive(Clone, Debug, PartialEq)]
struct Seen {
    receipt: Value,
    text: String,
}

impl World {
    async fn new() -> Self {
        let gateway = Gateway::new().await;
        for (id, protocol) in [
            ("claude", "anthropic-messages"),
            ("gpt", "openai-chat"),
            ("responses", "openai-responses"),
        ] {
            gateway.model(id, protocol, json!({"circuit_breaker": null})).await;
        }
        let google = json!({"circuit_breaker": null, "provider_id": "google", "upstream_model": "gemini-3.8-flash"});
        gateway.model("gemini", "gemini", google).await;
        let mapped = json!({"circuit_breaker": null, "payload_mapping": mapping()});
        gateway.model("mapped", "mapped", mapped).await;
        Self { calls: std::cell::Cell::new(0), gateway }
    }

    async fn call(&self, road: Road, answer: Answer) -> (Seen, Bytes) {
        let (status, seen, body) = self.ask(road, answer).await;
        assert_eq!(status, 200, "{}", seen.text);
        (seen, body)
    }

    async fn ask(&self, road: Road, answer: Answer) -> (u16, Seen, Bytes) {
        self.gateway.test.fetch.answer(answer);
        let (path, body) = road.asks();
        let number = self.calls.get();
        self.calls.set(number + 1);
        let request = self.gateway.text.request(Method::POST, path).json(&body);
        let request = match road.kept {
            true => request.header("idempotency-key", &format!("cut-{number}")),
            false => request,
        };
        let answer = request.send().await.unwrap();
        assert!(!answer.broken, "{road:?}: {}", answer.text());
        let mut receipt = self.gateway.receipt(&answer).await;
        receipt["receipt_id"] = Value::Null;
        (answer.status, Seen { receipt, text: own(&answer) }, answer.body)
    }
}

/// The body without what no two answers have in common.
fn own(answer: &TestResponse) -> String {
    let text = answer.text().replace(answer.header("x-request-id"), "REQUEST");
    // Ids are made of that of the receipt, whatever stands before it.
    let receipt = answer.header("x-de-receipt");
    let made = receipt.split_once('_').map_or(receipt, |(_, made)| made);
    let mut text = text.replace(made, "MADE");
    for name in ["\"created\":", "\"created_at\":", "\"completed_at\":"] {
        let mut parts = text.split(name);
        let first = parts.next().unwrap_or_default().to_owned();
        text = parts.fold(first, |text, part| {
            let rest = part.trim_start_matches(|c: char| c.is_ascii_digit());
            text + name + if rest.len() < part.len() { "0" } else { "" } + rest
        });
    }
    text
}

fn whole(text: &str, cuts: &[usize]) -> Answer {
    let bytes = text.as_bytes();
    let mut begin = 0;
    let mut answer = Answer::events();
    for cut in cuts.iter().chain([&bytes.len()]) {
        answer = answer.chunk(bytes[begin..*cut].to_vec());
        begin = *cut;
    }
    answer
}

/// The events of a text by the specification, which knows three ends of a line.
fn events(text: &str) -> Vec<(String, String)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let read = |block: &str| {
        let (mut name, mut lines) = (String::new(), Vec::new());
        for line in block.lines() {
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "data" => lines.push(value),
                "event" => value.clone_into(&mut name),
                _ => {}
            }
        }
        (!lines.is_empty()).then(|| (name, lines.join("\n")))
    };
    text.split("\n\n").filter_map(read).collect()
}

fn is_error(caller: Protocol, (name, data): &(String, String)) -> bool {
    let Ok(data) = serde_json::from_str::<Value>(data) else { return false };
    match caller {
        Protocol::Anthropic => name == "error" && data["error"]["type"].is_string(),
        Protocol::Gemini | Protocol::Mapped => false,
        Protocol::Native => name == "error" && data["error_code"].is_string(),
        Protocol::OpenAi => data["error"]["message"].is_string(),
        Protocol::Responses => ["error", "response.failed"].contains(&name.as_str()),
    }
}

fn is_end(caller: Protocol, (name, data): &(String, String)) -> bool {
    if !is_readable(data) {
        return false;
    }
    match caller {
        Protocol::Anthropic => name == "message_stop",
        Protocol::Gemini | Protocol::Mapped => false,
        Protocol::Native => name != "error" && data.contains("\"done\":true"),
        Protocol::OpenAi => data == "[DONE]",
        Protocol::Responses => name == "response.completed",
    }
}

fn on(roads: Range<usize>) -> impl Iterator<Item = (Road, Recorded)> {
    let roads = ROADS[roads].to_vec();
    let all = move |road: Road| Recorded::all().into_iter().map(move |stream| (road, stream));
    roads.into_iter().flat_map(all).filter(|(road, stream)| road.vendor == stream.vendor)
}

async fn cut_in_two(roads: Range<usize>) {
    let world = World::new().await;
    for (road, stream) in on(roads) {
        let (expected, _) = world.call(road, whole(&stream.text, &[])).await;
        if road.is_same() && !road.is_filtered() && stream.refused_at.is_none() {
            assert_eq!(expected.text, own_text(&stream.text), "{road:?} {}", stream.name);
        }
        for at in 1..stream.text.len() {
            let (seen, _) = world.call(road, whole(&stream.text, &[at])).await;
            assert_eq!(seen, expected, "{road:?} {} in two at {at}", stream.name);
        }
        let bytes: Vec<usize> = (1..stream.text.len()).collect();
        let (seen, _) = world.call(road, whole(&stream.text, &bytes)).await;
        assert_eq!(seen, expected, "{road:?} {} byte by byte", stream.name);
    }
}

/// A vendor's text without what [`own`] leaves out.
fn own_text(text: &str) -> String {
    text.replace("\"created\":1795000000", "\"created\":0")
}

async fn cut_off(roads: Range<usize>) {
    let world = World::new().await;
    for (road, stream) in on(roads) {
        for at in 0..stream.text.len() {
            let case = format!("{road:?} {} off at {at}", stream.name);
            let head = &stream.text.as_bytes()[..at];
            let answer = whole("", &[]).chunk(head.to_vec());
            let broken = at % 2 == 0;
            let answer = if broken { answer.break_off() } else { answer };
            let (status, Seen { receipt, text }, body) = world.ask(road, answer).await;
            if at < stream.begun_at {
                // Nothing has gone out: it is a failure like any other.
                assert_eq!(status, 502, "{case}: {text}");
                assert!(text.contains("broke off before its answer began"), "{case}: {text}");
                assert_eq!(receipt["status"], "failed", "{case}");
                assert_eq!(receipt["error_code"], "PROVIDER_ERROR", "{case}");
                continue;
            }
            assert_eq!(status, 200, "{case}: {text}");
            let passed = |place: Option<usize>| place.is_some_and(|place| at >= place);
            // An end that an error follows is none.
            let is_whole = passed(stream.done_at) && stream.refused_at.is_none();
            let told = events(&text);
            let errors = told.iter().filter(|event| is_error(road.caller, event)).count();
            let ends = told.iter().filter(|event| is_end(road.caller, event)).count();
            assert_eq!((errors, ends), if is_whole { (0, 1) } else { (1, 0) }, "{case}: {text}");
            assert_eq!(receipt["status"], if is_whole { "ok" } else { "cut" }, "{case}");
            if !is_whole {
                assert!(is_error(road.caller, told.last().unwrap()), "{case}: {text}");
                assert_eq!(receipt["error_code"], "PROVIDER_ERROR", "{case}");
            }
            // Of an event that was cut nothing is told, save where the platform had sent it on already.
            let torn = told.iter().filter(|(_, data)| !is_readable(data)).count();
            assert!(torn <= usize::from(road.is_relayed() && !is_whole), "{case}: {text}");
            if road.is_relayed() {
                assert!(body.starts_with(head), "{case}: {text}");
            }
            let counted = passed(stream.counted_at);
            assert_eq!(receipt["estimated"], i32::from(!counted), "{case}: {receipt}");
            if counted {
                let counts = if stream.name.ends_with("rough") { (9, 3) } else { (13, 10) };
                assert_eq!(receipt["input_tokens"], counts.0, "{case}: {receipt}");
                assert_eq!(receipt["output_tokens"], counts.1, "{case}: {receipt}");
            } else {
                assert!(receipt["input_tokens"].as_i64().unwrap() > 0, "{case}: {receipt}");
                assert!(receipt["output_tokens"].as_i64().unwrap() < 12, "{case}: {receipt}");
            }
        }
    }
}

fn is_readable(data: &str) -> bool {
    data == "[DONE]" || serde_json::from_str::<Value>(data).is_ok()
}

macro_rules! roads {
    ($($name:ident: $roads:expr;)*) => {$(
        mod $name {
            #[tokio::test(start_paused = true)]
            async fn a_stream_in_two_pieces_is_the_same_stream() {
                super::cut_in_two($roads).await;
            }

            #[tokio::test(start_paused = true)]
            async fn a_stream_that_is_cut_off_is_told_and_booked_so() {
                super::cut_off($roads).await;
            }
        }
    )*};
}

// A test each, so that they run side by side.
roads! {
    openai_to_anthropic: 0..1;
    openai_to_native: 1..2;
    openai_filtered: 2..3;
    openai_relayed: 3..4;
    openai_kept: 4..5;
    anthropic_relayed: 5..6;
    anthropic_kept: 6..7;
    anthropic_to_native: 7..8;
    anthropic_to_openai: 8..9;
    anthropic_to_openai_with_usage: 9..10;
    responses_relayed: 10..11;
    responses_kept: 11..12;
    openai_to_responses: 12..13;
    anthropic_to_responses: 13..14;
    responses_to_openai: 14..15;
    gemini_to_openai: 15..16;
    gemini_to_responses: 16..17;
    mapped_to_openai: 17..18;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn a_stream_in_any_pieces_is_the_same_stream(places in prop::collection::vec(any::<prop::sample::Index>(), 2..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let world = World::new().await;
            for (road, stream) in on(0..ROADS.len()) {
                let (expected, _) = world.call(road, whole(&stream.text, &[])).await;
                let mut cuts: Vec<usize> = places.iter().map(|place| place.index(stream.text.len())).collect();
                cuts.sort_unstable();
                let (seen, _) = world.call(road, whole(&stream.text, &cuts)).await;
                assert_eq!(seen, expected, "{road:?} {} in pieces at {cuts:?}", stream.name);
            }
        });
    }
}
