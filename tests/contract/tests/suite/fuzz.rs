//! Every operation, asked what nobody thought of: it answers as it is described, and never fails by itself.
//!
//! In process, from a fixed seed: the same questions in each run. `cargo xtask fuzz-api` asks others.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what does not hold ends the test"
)]

use de_contract::document::{
    catalogue::{Catalogue, Operation, committed},
    check::wrong,
    strategy::{odd, value},
    tour::{Made, ending, parameters, settle},
    world::World,
};
use proptest::{
    prelude::*,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use serde_json::Value;

/// How many questions each operation is asked.
const QUESTIONS: u32 = 64;

/// One question.
#[derive(Clone, Debug)]
struct Question {
    body: Option<String>,
    headers: Vec<(String, String)>,
    path: String,
}

/// Questions to an operation.
fn questions(
    catalogue: &'static Catalogue,
    operation: &'static Operation,
    made: &Made,
) -> BoxedStrategy<Question> {
    let real = made.path(catalogue, operation);
    let real = real.split('?').next().unwrap().to_owned();
    let mut path = prop_oneof![4 => Just(real), 1 => made_up(operation)].boxed();
    for (name, parameter) in parameters(catalogue, operation, "query") {
        let one = prop::option::weighted(0.3, value(catalogue, &parameter["schema"]));
        path = (path, one)
            .prop_map(move |(path, value)| {
                let Some(value) = value else { return path };
                let sign = if path.contains('?') { '&' } else { '?' };
                format!("{path}{sign}{name}={}", escaped(&plain(&value)))
            })
            .boxed();
    }
    let mut headers = Just(Vec::new()).boxed();
    for (name, parameter) in parameters(catalogue, operation, "header") {
        let one = prop::option::weighted(0.15, value(catalogue, &parameter["schema"]));
        headers = (headers, one)
            .prop_map(move |(mut headers, value)| {
                headers.extend(value.map(|value| (name.clone(), visible(&plain(&value)))));
                headers
            })
            .boxed();
    }
    let media = &operation.value["requestBody"]["content"]["application/json"];
    let body = if media.is_null() {
        Just(None).boxed()
    } else {
        let example = media["example"].clone();
        let sketched = value(catalogue, &media["schema"]);
        // The example with one member that is odd.
        let mut names: Vec<String> = example.as_object().unwrap().keys().cloned().collect();
        names.push("stranger".to_owned());
        let bent = (prop::sample::select(names), odd()).prop_map(move |(name, value)| {
            let mut bent = example.clone();
            bent[&name] = value;
            bent
        });
        let broken =
            select_text(&["", "{", "[]", "{\"a\":1,\"a\":2}", "\u{feff}{}", "{\"a\":1e999}"]);
        prop_oneof![
            6 => sketched.prop_map(|value| Some(value.to_string())),
            3 => bent.prop_map(|value| Some(value.to_string())),
            1 => broken.prop_map(Some),
        ]
        .boxed()
    };
    (path, headers, body).prop_map(|(path, headers, body)| Question { body, headers, path }).boxed()
}

/// A path of the operation that leads to nothing, or out of it.
fn made_up(operation: &Operation) -> BoxedStrategy<String> {
    let path = operation.path.clone();
    let step = select_text(&["x", "%00", "%2F", "..%2F..", "%F0%9F%98%80", "%zz", "key_%27", "-"]);
    let long = Just("y".repeat(3_000));
    prop_oneof![6 => step, 1 => long]
        .prop_map(move |step| {
            let filled =
                |part: &str| if part.starts_with('{') { step.clone() } else { part.into() };
            path.split('/').map(filled).collect::<Vec<String>>().join("/")
        })
        .boxed()
}

fn select_text(texts: &[&str]) -> BoxedStrategy<String> {
    let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
    prop::sample::select(texts).boxed()
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn escaped(text: &str) -> String {
    let safe = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
    text.bytes()
        .take(2_000)
        .map(|byte| if safe(&byte) { char::from(byte).into() } else { format!("%{byte:02X}") })
        .collect()
}

/// What a header may hold.
fn visible(text: &str) -> String {
    text.chars().filter(|c| (' '..='~').contains(c)).take(500).collect()
}

#[test]
fn nothing_that_is_asked_makes_it_fail() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let catalogue = committed();
    for operation in &catalogue.operations {
        // Each has a gateway of its own: what one destroys, no other misses.
        let world = runtime.block_on(World::new());
        let made = runtime.block_on(settle(&world, catalogue));
        let config = Config { cases: QUESTIONS, failure_persistence: None, ..Config::default() };
        let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
        let mut runner = TestRunner::new_with_rng(config, rng);
        let asked = runner.run(&questions(catalogue, operation, &made), |question| {
            let response = runtime.block_on(ask(&world, operation, &question));
            let text = response.text();
            let is_described = response.status < 500 || is_ready(operation);
            prop_assert!(is_described, "{} {text}", response.status);
            // A path that was made up may be none of the operation's.
            let asked = catalogue.find(&operation.method, &question.path);
            if asked.is_some_and(|asked| asked.id == operation.id) {
                let wrong = wrong(catalogue, operation, &response);
                prop_assert!(wrong.is_empty(), "{wrong:?}: {} {text}", response.status);
            }
            Ok(())
        });
        if let Err(failure) = asked {
            panic!("{}: {failure}", operation.id);
        }
    }
}

/// Whether 503 is one of its good answers.
fn is_ready(operation: &Operation) -> bool {
    operation.path.ends_with("/ready")
}

async fn ask(
    world: &World,
    operation: &Operation,
    question: &Question,
) -> de_testkit::client::TestResponse {
    let client = world.client(operation);
    let path = ending(operation, question.path.clone());
    let mut request = client.request(operation.method.clone(), &path);
    for (name, value) in &question.headers {
        request = request.header(name, value);
    }
    if let Some(body) = &question.body {
        request = request.header("content-type", "application/json").body(body.clone());
    }
    request.send().await.unwrap()
}
