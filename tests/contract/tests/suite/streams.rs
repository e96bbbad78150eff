//! Text as it comes: each protocol to each vendor, and every way a stream can end.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what does not hold ends the test"
)]

use std::time::Duration;

use de_contract::{
    call::Call,
    leave::Leave,
    stack::Stack,
    story::Story,
    wait::unique,
    wire::{Server, Wire, pairs},
};
use futures_util::future::join_all;
use serde_json::json;
use tokio::time::{Instant, timeout};

#[tokio::test]
async fn every_stream_tells_the_text_its_end_and_its_usage_once() {
    let stack = Stack::ready().await;
    for (wire, server) in pairs() {
        let prompt = format!("chunks:7 one two three {}", unique("stream"));
        let plain = stack.call(wire, server.model(), &prompt).send().await.good();
        let mut call = stack.call(wire, server.model(), &prompt).streamed();
        if wire == Wire::OpenAi {
            call = call.member("stream_options", json!({"include_usage": true}));
        }
        for call in [call.clone().request_id(&unique("front")).by_front_door(), call] {
            let answer = call.send().await.good();
            let kind = answer.header("content-type");
            assert!(kind.starts_with("text/event-stream"), "{kind}");
            assert!(answer.response.body.ends_with(b"\n\n"), "the last event is whole");
            let story = answer.story();
            story.is_whole();
            assert_eq!(story.text(), plain.text(), "{wire:?} {server:?}");
            assert!(story.pieces.len() > 3, "{story:#?}");
            assert_eq!(story.finish, plain.finish());
            assert_eq!(story.usage, Some(plain.counts()), "{wire:?} {server:?}");
            let row = stack.books.row(&answer.request_id).await;
            assert_eq!(row["status"], "ok");
            assert_eq!(row["streamed"], 1);
            assert_eq!(row["input_tokens"], plain.counts().input);
            assert_eq!(row["output_tokens"], plain.counts().output);
            assert_eq!(row["estimated"], 0);
            assert_eq!(row["response_bytes"], answer.response.body.len(), "{wire:?} {server:?}");
        }
    }
}

#[tokio::test]
async fn generate_streams_by_its_body_too() {
    let stack = Stack::ready().await;
    let call = stack.call(Wire::Native, "gpt-4o-mini", "Hello").member("stream", true);
    let answer = call.send().await.good();
    answer.story().is_whole();
    assert_eq!(answer.story().text(), "You said: Hello");
}

#[tokio::test]
async fn openai_tells_usage_only_who_asks_and_the_books_always() {
    let stack = Stack::ready().await;
    for server in Server::ALL {
        let call = stack.call(Wire::OpenAi, server.model(), "Hello").streamed();
        let answer = call.send().await.good();
        let story = answer.story();
        story.is_whole();
        assert_eq!(story.usage, None, "{server:?}");
        assert!(!answer.response.text().contains(r#""choices":[]"#), "{}", answer.response.text());
        let row = stack.books.row(&answer.request_id).await;
        assert!(row["output_tokens"].as_i64().unwrap() > 0, "{row}");
        assert_eq!(row["estimated"], 0, "{row}");
    }
}

#[tokio::test]
async fn c09_c10_any_chunking_gives_the_same_text() {
    let stack = Stack::ready().await;
    for (wire, server) in pairs() {
        let prompt = format!("split-utf8 {}", unique("split"));
        let plain = stack.call(wire, server.model(), &prompt).send().await.good();
        let answer = stack.call(wire, server.model(), &prompt).streamed().send().await.good();
        let story = answer.story();
        story.is_whole();
        assert_eq!(story.text(), plain.text(), "{wire:?} {server:?}");
        assert!(!story.text().is_ascii(), "{}", story.text());
        assert!(!story.text().contains('\u{fffd}'), "{}", story.text());
    }
}

#[tokio::test]
async fn the_first_event_leaves_when_the_vendors_first_comes() {
    const GAP: Duration = Duration::from_secs(3);
    let stack = Stack::ready().await;
    for (wire, server) in pairs() {
        for front in [false, true] {
            let call = stack.call(wire, server.model(), "gap:3s Hello").streamed();
            let call = if front { call.by_front_door() } else { call };
            let started = Instant::now();
            let mut stream = call.open().await;
            assert_eq!(stream.status, 200);
            // The vendor's first two events come at once. Of Anthropic's, none makes a native event.
            if wire == Wire::Native && server == Server::Anthropic {
                assert!(started.elapsed() < GAP, "{:?}", started.elapsed());
                continue;
            }
            let first = timeout(GAP, stream.next_event()).await;
            let first = first.unwrap_or_else(|_| panic!("{wire:?} {server:?} is buffered"));
            assert!(first.is_some(), "{wire:?} {server:?}");
            assert!(started.elapsed() < GAP, "{wire:?} {server:?}: {:?}", started.elapsed());
        }
    }
}

/// How a stream gets to its caller.
#[derive(Clone, Copy, Debug)]
struct Road {
    server: Server,
    /// Whether the caller asks for the usage, where that can be asked for: then OpenAI's bytes are not
    /// filtered.
    wants_usage: bool,
    wire: Wire,
}

impl Road {
    /// All that there are.
    fn all() -> impl Iterator<Item = Self> {
        pairs().flat_map(|(wire, server)| {
            let wishes =
                [false, true].into_iter().filter(move |wish| !wish || wire == Wire::OpenAi);
            wishes.map(move |wants_usage| Self { server, wants_usage, wire })
        })
    }

    fn call<'a>(self, stack: &'a Stack, model: &str, prompt: &str) -> Call<'a> {
        let call = stack.call(self.wire, model, prompt).streamed();
        match self.wants_usage {
            true => call.member("stream_options", json!({"include_usage": true})),
            false => call,
        }
    }

    /// Whether the platform moves the bytes as they are.
    fn is_relayed(self) -> bool {
        self.server.speaks(self.wire) && (self.wire != Wire::OpenAi || self.wants_usage)
    }
}

#[tokio::test]
async fn a_cut_stream_ends_with_an_error_in_the_callers_protocol_and_a_receipt() {
    let stack = Stack::ready().await;
    for road in Road::all() {
        for fault in ["cut:4", "error-mid:4"] {
            let prompt = format!("{fault} chunks:20 big:2000 {}", unique("cut"));
            let answer = road.call(&stack, road.server.model(), &prompt).send().await.good();
            let case = format!("{road:?} {fault}: {}", answer.response.text());
            assert!(!answer.response.broken, "{case}");
            let story = answer.story();
            story.broke_off();
            assert!(!story.text().is_empty(), "{case}");
            let row = stack.books.row(&answer.request_id).await;
            assert_eq!(row["status"], "cut", "{case}");
            assert_eq!(row["http_status"], 200, "{case}");
            assert_eq!(row["error_code"], "PROVIDER_ERROR", "{case}");
            // The part that came is billed, so it is booked.
            assert!(row["input_tokens"].as_i64().unwrap() > 0, "{case}");
            assert!(row["output_tokens"].as_i64().unwrap() > 0, "{case}");
            assert!(row["cost_micros"].as_i64().unwrap() > 0, "{case}");
            assert_eq!(row["estimated"], 1, "{case}");
        }
    }
}

#[tokio::test]
async fn a_stream_of_nonsense_ends_with_an_error() {
    let stack = Stack::ready().await;
    for (wire, server) in pairs() {
        let prompt = format!("garbage {}", unique("garbage"));
        let answer = stack.call(wire, server.model(), &prompt).streamed().send().await;
        // What is seen to be nonsense before the head is told by the status.
        if answer.status() == 200 {
            let errors: Vec<_> =
                answer.response.events().into_iter().filter(|e| e.data.contains("error")).collect();
            assert_eq!(errors.len(), 1, "{wire:?} {server:?}: {}", answer.response.text());
        } else {
            answer.fails(502, "PROVIDER_MALFORMED");
        }
        let row = stack.books.row(&answer.request_id).await;
        assert_ne!(row["status"], "ok", "{wire:?} {server:?}: {row}");
    }
}

#[tokio::test]
async fn a_failure_before_the_first_byte_is_a_plain_answer() {
    let stack = Stack::ready().await;
    for (wire, server) in pairs() {
        let prompt = format!("fail:429:9 {}", unique("head"));
        let answer = stack.call(wire, server.model(), &prompt).streamed().send().await;
        answer.fails(429, "PROVIDER_RATE_LIMIT");
        assert_eq!(answer.header("retry-after"), "9");
        assert_eq!(stack.books.row(&answer.request_id).await["streamed"], 1);
    }
}

#[tokio::test]
async fn c11_a_vendor_that_falls_silent_is_left() {
    let stack = Stack::ready().await;
    for server in Server::ALL {
        let differs = json!({"timeouts": {"between_chunks_ms": 2_000, "total_ms": 20_000}});
        let model = stack.model(server, differs).await;
        join_all(Wire::ALL.map(async |wire| {
            let word = unique("silent");
            let started = Instant::now();
            let call = stack.call(wire, &model, &format!("gap:30s {word}")).streamed();
            let answer = call.send().await.good();
            assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
            answer.story().broke_off();
            stack.vendors.hung_up(&word).await;
            let row = stack.books.row(&answer.request_id).await;
            assert_eq!(row["status"], "cut", "{wire:?} {server:?}: {row}");
            assert_eq!(row["error_code"], "PROVIDER_TIMEOUT", "{wire:?} {server:?}: {row}");
        }))
        .await;
    }
}

/// How long after the client has left the vendor saw its connection close.
async fn closed_after_ms(stack: &Stack, word: &str, left: Duration) -> u64 {
    let record = stack.vendors.hung_up(word).await;
    let left = u64::try_from(left.as_millis()).unwrap();
    record["hung_up_after_ms"].as_u64().unwrap().saturating_sub(left)
}

const WAYS: [(Leave, bool); 4] = [
    (Leave::ByReset, false),
    (Leave::ByReset, true),
    (Leave::ByClosing, false),
    (Leave::ByClosing, true),
];

#[tokio::test]
async fn c11_who_hangs_up_ends_the_vendors_work_and_the_receipt_says_so() {
    const GAP_MS: u64 = 1_200;
    let stack = Stack::ready().await;
    for road in Road::all() {
        for (how, front) in WAYS {
            let case = format!("{road:?} {how:?} front {front}");
            let word = unique("leave");
            let prompt = format!("gap:{GAP_MS}ms chunks:200 big:9000 {word}");
            let call = road.call(&stack, road.server.model(), &prompt);
            let call = if front { call.by_front_door() } else { call };
            let left = call.leave_midway(how).await;
            let after = closed_after_ms(&stack, &word, left).await;
            // Where the vendor's bytes pass as they are, it is writing one that tells that nobody reads.
            let chunks = u64::from(road.is_relayed());
            assert!(after < chunks * GAP_MS + 1_000, "{case}: {after} ms");
            let row = stack.books.row(&call.request_id).await;
            assert_eq!(row["status"], "cancelled", "{case}: {row}");
            assert!(row["input_tokens"].as_i64().unwrap() > 0, "{case}: {row}");
        }
    }
}

#[tokio::test]
async fn c11_who_hangs_up_on_a_silent_vendor_costs_no_more_than_the_gap() {
    const GAP_MS: u64 = 2_000;
    let stack = Stack::ready().await;
    for server in Server::ALL {
        let differs = json!({"timeouts": {"between_chunks_ms": GAP_MS, "total_ms": 20_000}});
        let model = stack.model(server, differs).await;
        for road in Road::all().filter(|road| road.server == server) {
            for (how, front) in WAYS {
                let case = format!("{road:?} {how:?} front {front}");
                let word = unique("quiet");
                let call = road.call(&stack, &model, &format!("gap:30s {word}"));
                let call = if front { call.by_front_door() } else { call };
                let left = call.leave_midway(how).await;
                let after = closed_after_ms(&stack, &word, left).await;
                // Only what we write ourselves tells that nobody reads, where the client has closed its side.
                let is_late = road.is_relayed() && how == Leave::ByClosing;
                let most = if is_late { GAP_MS + 500 } else { 1_000 };
                assert!(after < most, "{case}: {after} ms");
                let row = stack.books.row(&call.request_id).await;
                assert!(row["status"] == "cancelled" || row["status"] == "cut", "{case}: {row}");
                assert!(row["input_tokens"].as_i64().unwrap() > 0, "{case}: {row}");
            }
        }
    }
}

/// A vendor may be silent for longer than the platform lets work outlive its client.
#[tokio::test]
async fn c11_who_resets_while_the_vendor_thinks_ends_its_work_at_once() {
    let stack = Stack::ready().await;
    let relayed = Road::all().filter(|road| road.is_relayed());
    for (road, front) in relayed.flat_map(|road| [(road, false), (road, true)]) {
        let case = format!("{road:?} front {front}");
        let word = unique("thinks");
        let call = road.call(&stack, road.server.model(), &format!("gap:50s {word}"));
        let call = if front { call.by_front_door() } else { call };
        let left = call.leave_midway(Leave::ByReset).await;
        let after = closed_after_ms(&stack, &word, left).await;
        assert!(after < 1_000, "{case}: {after} ms");
        let row = stack.books.row(&call.request_id).await;
        assert_eq!(row["status"], "cancelled", "{case}: {row}");
        assert!(row["input_tokens"].as_i64().unwrap() > 0, "{case}: {row}");
    }
}

#[tokio::test]
async fn c11_who_hangs_up_before_the_head_ends_the_vendors_work_too() {
    let stack = Stack::ready().await;
    for server in Server::ALL {
        for (streamed, front) in [(false, false), (true, false), (false, true), (true, true)] {
            let case = format!("{server:?} streamed {streamed} front {front}");
            let word = unique("early");
            let call = stack.call(Wire::Native, server.model(), &format!("hang {word}"));
            let call = if streamed { call.streamed() } else { call };
            let call = if front { call.by_front_door() } else { call };
            let left = call.leave_early(Leave::ByReset).await;
            let after = closed_after_ms(&stack, &word, left).await;
            assert!(after < 1_000, "{case}: {after} ms");
            let row = stack.books.row(&call.request_id).await;
            assert_eq!(row["status"], "cancelled", "{case}: {row}");
        }
    }
}

#[tokio::test]
async fn c22_who_closes_before_the_head_costs_no_more_than_the_deadline() {
    let stack = Stack::ready().await;
    let differs = json!({"timeouts": {"first_byte_ms": 3_000, "total_ms": 3_000}});
    let model = stack.model(Server::OpenAi, differs).await;
    for streamed in [false, true] {
        let word = unique("closed");
        let call = stack.call(Wire::Native, &model, &format!("hang {word}"));
        let call = if streamed { call.streamed() } else { call };
        let left = call.leave_early(Leave::ByClosing).await;
        // Nothing is written before the head, so that a runtime may not see it: the deadline does.
        let after = closed_after_ms(&stack, &word, left).await;
        assert!(after < 3_000, "streamed {streamed}: {after} ms");
        let row = stack.books.row(&call.request_id).await;
        assert_ne!(row["status"], "ok", "{row}");
    }
}

#[tokio::test]
async fn events_are_framed_as_each_protocol_frames_them() {
    let stack = Stack::ready().await;
    for (wire, server) in pairs() {
        let answer = stack.call(wire, server.model(), "Hello").streamed().send().await.good();
        let text = answer.response.text();
        for block in text.split("\n\n").filter(|block| !block.is_empty()) {
            let lines: Vec<&str> = block.lines().collect();
            match wire {
                Wire::Anthropic => {
                    assert_eq!(lines.len(), 2, "{block}");
                    assert!(lines[0].starts_with("event: "), "{block}");
                    assert!(lines[1].starts_with("data: {"), "{block}");
                }
                Wire::Native | Wire::OpenAi => {
                    assert_eq!(lines.len(), 1, "{block}");
                    assert!(lines[0].starts_with("data: "), "{block}");
                }
            }
        }
        let story = Story::of(wire, &answer.response.events());
        story.is_whole();
        if wire == Wire::Anthropic {
            let names: Vec<String> =
                answer.response.events().into_iter().map(|event| event.name).collect();
            let once = |name: &str| names.iter().filter(|known| *known == name).count();
            assert_eq!(names.first().map(String::as_str), Some("message_start"));
            assert_eq!(once("message_start"), 1);
            assert_eq!(once("content_block_start"), once("content_block_stop"));
            assert_eq!(once("message_delta"), 1);
        }
    }
}
