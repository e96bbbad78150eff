//! Vendors that lie, break off, or send without end: what the caller sees, and what is in the books afterwards.
//! What a vendor says of itself in good order is in `errors` and `streams`.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what does not hold ends the test"
)]

use std::time::Duration;

use de_contract::{
    answer::Answer,
    call::Call,
    liar::{Liar, Tongue},
    spender::Spender,
    story::Story,
    wait::{unique, until},
    wire::Wire,
};
use de_testkit::events::TestEvent;
use futures_util::future::join_all;
use serde_json::{Value, json};

/// A tenant whose vendor lies, with a budget that all of it counts in.
struct World {
    /// Listens for as long as it is held.
    _liar: Liar,
    spender: Spender,
}

/// More than any of these calls may cost.
const AMOUNT: u64 = 1 << 39;

/// How long a call may take whose vendor does not end, in milliseconds.
const SOON: u64 = 4_000;

/// The same where what the vendor sends is large, and decides: a busy machine takes seconds to read it.
const LATE: u64 = 60_000;

impl World {
    async fn new() -> Self {
        Self::within(SOON).await
    }

    async fn within(total_ms: u64) -> Self {
        let spender = Spender::ready().await;
        let liar = Liar::listen(&spender.stack).await;
        let control = &spender.control;
        let provider = json!({
            "id": unique("liar"), "display_name": "Liar", "base_url": liar.base_url(),
            "auth": {"kind": "bearer"}, "organization_id": spender.tenant.organization,
        });
        let provider = control.make("providers", provider).await;
        let provider = provider["id"].as_str().unwrap();
        let place = format!("/v1/provider-keys/{}/{provider}", spender.tenant.instance);
        control.put(&place, &json!({"secret": "a-key-of-the-liar"})).await.is(201);
        for tongue in Tongue::ALL {
            let model = json!({
                "model_id": model(&spender, tongue), "provider_id": provider,
                "organization_id": spender.tenant.organization, "protocol": tongue.protocol(),
                "timeouts": {
                    "first_byte_ms": total_ms * 3 / 4, "between_chunks_ms": total_ms / 2,
                    "total_ms": total_ms,
                },
                "circuit_breaker": null,
            });
            let model = de_contract::models::config(de_contract::wire::Server::OpenAi, &model);
            control.make("model-configs", Value::Object(model)).await;
        }
        spender.set_budget(AMOUNT).await;
        Self { _liar: liar, spender }
    }

    fn call(&self, ask: Ask, lie: &str) -> Call<'_> {
        let prompt = format!("lie:{lie} {}", unique("lie"));
        let model = model(&self.spender, ask.tongue);
        let call = self.spender.stack.call(ask.wire, &model, &prompt).key(&self.spender.key);
        let call = call.unwitnessed();
        if ask.streamed { call.streamed() } else { call }
    }

    /// Checks that each of these calls has one receipt, that the budget is used by them and by nothing else, and
    /// that no call holds anything any more.
    async fn balances(&self, request_ids: &[String]) {
        let (mut spent, mut lost) = (0, false);
        for request_id in request_ids {
            let row = self.spender.stack.books.row(request_id).await;
            spent += row["cost_micros"].as_u64().unwrap_or_else(|| panic!("no cost: {row}"));
            lost |= row["estimated"] == 1;
        }
        let mut seen = [0; 3];
        let settled = async || {
            seen = self.spender.used_held_unsettled().await;
            let [used, held, unsettled] = seen;
            (used == spent + unsettled && held == 0 && (lost || unsettled == 0)).then_some(())
        };
        let waited =
            tokio::time::timeout(Duration::from_secs(20), until("the books", settled)).await;
        assert!(waited.is_ok(), "spent {spent}, but used, held, unsettled are {seen:?}");
    }
}

fn model(spender: &Spender, tongue: Tongue) -> String {
    format!("{}-{}", spender.model, tongue.protocol())
}

/// In which way is asked.
#[derive(Clone, Copy, Debug)]
struct Ask {
    streamed: bool,
    tongue: Tongue,
    wire: Wire,
}

impl Ask {
    fn all() -> impl Iterator<Item = Self> {
        Tongue::ALL.into_iter().flat_map(|tongue| {
            Wire::ALL.into_iter().flat_map(move |wire| {
                [false, true].map(move |streamed| Self { streamed, tongue, wire })
            })
        })
    }
}

/// What a caller sees of a lie.
#[derive(Clone, Copy, Debug)]
enum Sees {
    /// An answer that breaks off with an error of the protocol; the receipt has this code.
    Broken(&'static str),
    /// A failure with this status and code.
    Fails(u16, &'static str),
    /// Our 502, as what comes is no answer; whether it broke off or cannot be read is for the platform to say.
    Faulty,
    /// Our 502 for what is too large, or 504 for what is too late, whichever comes first.
    Unending,
    /// A good answer, in full.
    Whole,
}

impl Sees {
    async fn check(self, world: &World, ask: Ask, lie: &str, answer: &Answer) {
        let case = format!("{lie} {ask:?}");
        let text: String = answer.response.text().chars().take(600).collect();
        let row = world.spender.stack.books.row(&answer.request_id).await;
        println!("{case}: {} {text}\n  {row}", answer.status());
        assert!(!answer.response.broken, "{case}: {text}");
        match self {
            Self::Whole => {
                assert_eq!(answer.status(), 200, "{case}: {text}");
                if ask.streamed && lie == "after-the-end" {
                    // Where a vendor's bytes pass, so does what follows its end, which nobody reads.
                    let story = story(answer);
                    assert!(story.errors.is_empty() && story.ends == 1, "{case}: {story:?}");
                } else if ask.streamed {
                    answer.story().is_whole();
                } else {
                    assert_eq!(answer.text(), "Hello there", "{case}");
                }
                assert_eq!(row["status"], "ok", "{case}: {row}");
            }
            Self::Fails(status, code) => {
                assert_eq!(answer.status(), status, "{case}: {text}");
                answer.fails(status, code);
                assert_eq!(row["status"], "failed", "{case}: {row}");
                assert_eq!(row["error_code"], code, "{case}: {row}");
                assert_eq!(row["http_status"], status, "{case}: {row}");
            }
            Self::Faulty => {
                assert_eq!(answer.status(), 502, "{case}: {text}");
                let code = row["error_code"].as_str().unwrap();
                assert!(["PROVIDER_ERROR", "PROVIDER_MALFORMED"].contains(&code), "{case}: {row}");
                answer.fails(502, code);
                assert_eq!(row["status"], "failed", "{case}: {row}");
            }
            Self::Unending => {
                let code = row["error_code"].as_str().unwrap();
                let status = if code == "PROVIDER_TIMEOUT" { 504 } else { 502 };
                assert!(
                    ["PROVIDER_MALFORMED", "PROVIDER_TIMEOUT"].contains(&code),
                    "{case}: {row}"
                );
                answer.fails(status, code);
                assert_eq!(row["status"], "failed", "{case}: {row}");
            }
            Self::Broken(code) => {
                assert_eq!(answer.status(), 200, "{case}: {text}");
                let story = story(answer);
                if lie == "event-20mb" {
                    // Where a vendor's bytes pass, its end may have passed before our copy was read.
                    assert!(story.errors.len() == 1 && story.ends <= 1, "{case}: {story:?}");
                } else if lie == "usage-exponent" {
                    // The same; and after the vendor's own end no error of ours follows.
                    assert_eq!(story.errors.len() + story.ends, 1, "{case}: {story:?}");
                } else {
                    story.broke_off();
                }
                assert_eq!(row["status"], "cut", "{case}: {row}");
                assert_eq!(row["error_code"], code, "{case}: {row}");
            }
        }
        if row["status"] != "ok" && !EITHER.contains(&lie) {
            let is_billed = !FREE.contains(&lie);
            let (estimated, cost) = (row["estimated"] == 1, row["cost_micros"].as_u64().unwrap());
            // Of a stream that was cut the vendor may have said by then what it counts.
            let is_estimated = is_billed && (estimated || row["status"] != "cut");
            assert_eq!((estimated, cost > 0), (is_estimated, is_billed), "{case}: {row}");
        }
        // What the vendor says of itself is not ours to repeat as the caller's fault, nor is its key to be seen.
        assert!(!answer.response.text().contains("a-key-of-the-liar"), "{case}");
    }
}

/// What a stream tells beside a last event of the vendor's that never came whole: where bytes pass, a piece of it
/// has passed, and our error stands apart from it.
fn story(answer: &Answer) -> Story {
    let mut events = answer.response.events();
    let is_whole = |event: &TestEvent| event.data == "[DONE]" || event.json().is_object();
    let torn = events.iter().filter(|event| !is_whole(event)).count();
    assert!(torn <= 1, "{events:#?}");
    events.retain(is_whole);
    Story::of(answer.wire, &events)
}

/// Lies by which the vendor says that it has not done what it was asked.
const FREE: [&str; 8] = [
    "error-huge",
    "redirect",
    "redirect-307",
    "redirect-away",
    "retry-backwards",
    "retry-for-ever",
    "status-304",
    "status-999",
];

/// Where it says so, if it is heard before the answer has begun.
const EITHER: [&str; 1] = ["error-inside"];

const BROKE_OFF: Sees = Sees::Fails(502, "PROVIDER_ERROR");
const MALFORMED: Sees = Sees::Fails(502, "PROVIDER_MALFORMED");
const UNREACHABLE: Sees = Sees::Fails(503, "PROVIDER_UNAVAILABLE");

/// Asks each lie in every way, in all of them at once; what is seen of a whole answer, what of a stream.
async fn check(lies: &[(&str, Sees, Sees)]) {
    let world = World::new().await;
    let mut answers = Vec::new();
    for (lie, plain, streamed) in lies {
        let asked = Ask::all().map(|ask| asked(&world, ask, lie, (*plain, *streamed)));
        answers.extend(join_all(asked).await);
    }
    world.balances(&answers).await;
}

/// The same one after the other, in some of the ways: for what is too large to be there many times.
async fn check_in_turn<A: Iterator<Item = Ask>>(lies: &[(&str, Sees, Sees)], asks: impl Fn() -> A) {
    check_within(SOON, lies, asks).await;
}

async fn check_within<A: Iterator<Item = Ask>>(
    total_ms: u64,
    lies: &[(&str, Sees, Sees)],
    asks: impl Fn() -> A,
) {
    let world = World::within(total_ms).await;
    let mut answers = Vec::new();
    for (lie, plain, streamed) in lies {
        for ask in asks() {
            answers.push(asked(&world, ask, lie, (*plain, *streamed)).await);
        }
    }
    world.balances(&answers).await;
}

/// Asks once and checks what is seen. Returns the call's id.
async fn asked(world: &World, ask: Ask, lie: &str, (plain, streamed): (Sees, Sees)) -> String {
    let answer = world.call(ask, lie).send().await;
    let sees = if ask.streamed { streamed } else { plain };
    sees.check(world, ask, lie, &answer).await;
    answer.request_id
}

#[tokio::test]
async fn an_honest_vendor_is_told_from_a_liar() {
    check(&[("none", Sees::Whole, Sees::Whole)]).await;
}

#[tokio::test]
async fn lengths_that_are_not_true() {
    check(&[
        ("length-long", BROKE_OFF, Sees::Broken("PROVIDER_ERROR")),
        ("length-short", MALFORMED, Sees::Broken("PROVIDER_ERROR")),
    ])
    .await;
}

#[tokio::test]
async fn types_that_are_not_true() {
    check(&[
        ("type-html", MALFORMED, BROKE_OFF),
        ("type-none", MALFORMED, BROKE_OFF),
        ("type-other", MALFORMED, BROKE_OFF),
        ("empty", MALFORMED, BROKE_OFF),
        ("null", MALFORMED, MALFORMED),
        ("deep", MALFORMED, MALFORMED),
        ("not-utf8", MALFORMED, MALFORMED),
    ])
    .await;
}

#[tokio::test]
async fn codings_that_are_not_true() {
    let lies =
        [("gzip-garbage", Sees::Faulty, Sees::Faulty), ("gzip-bomb", Sees::Faulty, Sees::Faulty)];
    check_in_turn(&lies, Ask::all).await;
}

#[tokio::test]
async fn a_good_status_with_an_error_inside_is_the_vendors_error() {
    check(&[("error-inside", Sees::Faulty, Sees::Faulty)]).await;
}

#[tokio::test]
async fn statuses_that_are_none() {
    check(&[
        ("status-204", Sees::Faulty, Sees::Faulty),
        ("status-304", Sees::Faulty, Sees::Faulty),
        ("status-199", UNREACHABLE, UNREACHABLE),
        ("status-999", BROKE_OFF, BROKE_OFF),
        ("status-garbage", UNREACHABLE, UNREACHABLE),
        ("no-http", UNREACHABLE, UNREACHABLE),
        ("continues", Sees::Whole, Sees::Whole),
    ])
    .await;
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    check(&[
        ("redirect", BROKE_OFF, BROKE_OFF),
        ("redirect-307", BROKE_OFF, BROKE_OFF),
        ("redirect-away", BROKE_OFF, BROKE_OFF),
    ])
    .await;
}

#[tokio::test]
async fn connections_that_break() {
    check(&[
        ("hang-up", UNREACHABLE, UNREACHABLE),
        ("reset", UNREACHABLE, UNREACHABLE),
        ("reset-head", UNREACHABLE, UNREACHABLE),
        ("reset-body", BROKE_OFF, Sees::Broken("PROVIDER_ERROR")),
        ("no-end", MALFORMED, Sees::Broken("PROVIDER_ERROR")),
        ("after-the-end", MALFORMED, Sees::Whole),
        ("holds-on", Sees::Fails(504, "PROVIDER_TIMEOUT"), Sees::Whole),
    ])
    .await;
}

#[tokio::test]
async fn heads_that_come_slowly_or_without_end() {
    let late = Sees::Fails(504, "PROVIDER_TIMEOUT");
    check(&[
        ("head-drips", late, late),
        ("headers-many", UNREACHABLE, UNREACHABLE),
        ("header-large", UNREACHABLE, UNREACHABLE),
    ])
    .await;
}

#[tokio::test]
async fn times_to_wait_that_make_no_sense() {
    let slow = Sees::Fails(429, "PROVIDER_RATE_LIMIT");
    check(&[("retry-for-ever", slow, slow), ("retry-backwards", slow, slow)]).await;
}

#[tokio::test]
async fn counts_that_make_no_sense() {
    let lies = [
        "usage-negative",
        "usage-negative-large",
        "usage-huge",
        "usage-beyond",
        "usage-float",
        "usage-text",
        "usage-null",
        "usage-object",
        "usage-zero",
        "usage-missing",
    ];
    check(&lies.map(|lie| (lie, Sees::Whole, Sees::Whole))).await;
    // No number of JSON's at all.
    check(&[("usage-exponent", MALFORMED, Sees::Broken("PROVIDER_MALFORMED"))]).await;
}

#[tokio::test]
async fn answers_of_a_hundred_megabytes() {
    let lies = [("huge", MALFORMED, MALFORMED), ("error-huge", BROKE_OFF, BROKE_OFF)];
    check_in_turn(&lies, Ask::all).await;
}

#[tokio::test]
async fn answers_of_more_values_than_memory_holds() {
    check_in_turn(&[("wide", MALFORMED, MALFORMED)], Ask::all).await;
}

#[tokio::test]
async fn answers_without_end() {
    let lies = [("endless", Sees::Unending, Sees::Broken("PROVIDER_TIMEOUT"))];
    check_in_turn(&lies, || Ask::all().filter(|ask| ask.wire == Wire::Native)).await;
}

#[tokio::test]
async fn a_stream_without_end_that_passes_is_counted_and_ends_at_its_deadline() {
    let world = World::new().await;
    let mut seen = Vec::new();
    for (tongue, wire) in [(Tongue::OpenAi, Wire::OpenAi), (Tongue::Anthropic, Wire::Anthropic)] {
        let ask = Ask { streamed: true, tongue, wire };
        let mut stream = world.call(ask, "endless").open().await;
        let request_id = stream.header("x-request-id").to_owned();
        // Hundreds of megabytes may come: only the end is kept.
        let (mut bytes, mut end) = (0, Vec::new());
        while let Some(chunk) = stream.next_chunk().await {
            bytes += chunk.len();
            end.extend_from_slice(&chunk);
            end.drain(..end.len().saturating_sub(4_096));
        }
        assert!(!stream.broken, "{ask:?} after {bytes}");
        let end = String::from_utf8_lossy(&end).into_owned();
        assert!(end.contains("\"error\"") && end.contains("stopped sending"), "{ask:?}: {end}");
        let row = world.spender.stack.books.row(&request_id).await;
        println!("{ask:?}: {bytes} bytes; {row}");
        assert_eq!(
            (&row["status"], &row["error_code"]),
            (&json!("cut"), &json!("PROVIDER_TIMEOUT"))
        );
        // Nearly all that passed has been counted: each event has some forty bytes or a hundred, and one word.
        let counted = usize::try_from(row["output_tokens"].as_u64().unwrap()).unwrap();
        assert!(counted > bytes / 1_000, "{ask:?}: {counted} of {bytes}");
        seen.push(request_id);
        // Nobody else has to wait for what was given up.
        let whole = world.call(Ask { streamed: false, ..ask }, "none").send().await;
        assert_eq!(whole.text(), "Hello there");
        seen.push(whole.request_id);
    }
    world.balances(&seen).await;
}

#[tokio::test]
async fn signs_of_life_without_end_are_no_answer() {
    check_in_turn(&[("comments", Sees::Unending, Sees::Unending)], Ask::all).await;
}

#[tokio::test]
async fn events_that_are_too_large_and_too_many() {
    let lies = [
        ("event-20mb", MALFORMED, Sees::Broken("PROVIDER_MALFORMED")),
        ("events-many", MALFORMED, Sees::Whole),
        ("events-tiny", MALFORMED, Sees::Whole),
    ];
    check_within(LATE, &lies, Ask::all).await;
}
