//! `docs/limits-of-the-platform.md`: its sizes and times, compared with the constants that set them.

use std::fs;

use serde_json::Value;

use super::{page, root};

const PAGE: &str = "docs/limits-of-the-platform.md";

/// How a row of the page begins, a figure in it, and the constant that it comes from: its file and name.
const FIGURES: [(&str, &str, &str, &str); 35] = [
    (
        "a body on a generation route",
        "20 MiB",
        "crates/de-core/src/http/extract.rs",
        "GENERATION_CAP",
    ),
    ("a body on a generation route", "64 levels", "crates/de-core/src/json.rs", "MAX_DEPTH"),
    ("a body on a generation route", "500,000 values", "crates/de-core/src/json.rs", "MAX_VALUES"),
    ("a body in the control plane", "1 MiB", "crates/de-core/src/http/extract.rs", "ADMIN_CAP"),
    (
        "a recording that is uploaded",
        "25 MiB",
        "crates/de-core/src/protocols/openai_transcriptions.rs",
        "LARGEST_FILE",
    ),
    (
        "an answer that is read whole",
        "32 MiB",
        "crates/de-core/src/exchange/answer.rs",
        "ANSWER_CAP",
    ),
    ("an answer that is read whole", "500,000 values", "crates/de-core/src/json.rs", "MAX_VALUES"),
    (
        "an answer that is read whole",
        "vectors 64 MiB",
        "crates/de-core/src/protocols/sides/vendor.rs",
        "VECTORS_CAP",
    ),
    (
        "an answer that is read whole",
        "pictures 64 MiB",
        "crates/de-core/src/protocols/openai_images.rs",
        "CAP",
    ),
    (
        "an answer that is read whole",
        "pictures 64 MiB",
        "crates/de-core/src/protocols/gemini.rs",
        "CAP",
    ),
    ("one event of a stream", "1 MiB", "crates/de-core/src/sse.rs", "MAX_EVENT_BYTES"),
    ("a picture, a sound, a film", "64 MiB", "crates/de-core/src/media.rs", "IMAGE_CAP_BYTES"),
    ("a picture, a sound, a film", "256 MiB", "crates/de-core/src/media.rs", "AUDIO_CAP_BYTES"),
    ("a picture, a sound, a film", "2 GiB", "crates/de-core/src/media.rs", "VIDEO_CAP_BYTES"),
    ("a film's order", "512 KiB", "workers/render/src/order.rs", "CAP"),
    ("a film's order", "1,000 clips", "crates/de-core/src/render/schema.rs", "MOST_CLIPS"),
    ("a schema for", "32 KiB", "crates/de-core/src/expected/schema.rs", "LARGEST"),
    ("a payload mapping", "64 KiB", "crates/de-core/src/mapping/parse.rs", "MAX_BYTES"),
    ("a payload mapping", "32 levels", "crates/de-core/src/mapping/parse.rs", "MAX_LEVELS"),
    ("an answer kept for", "8 MiB", "crates/de-core/src/idempotency.rs", "REPLY_CAP"),
    ("an answer in the", "1 MiB", "crates/de-core/src/response_cache.rs", "LARGEST"),
    ("an order of pictures", "256 KiB", "crates/de-core/src/jobs/order.rs", "LONGEST_PROMPT"),
    ("an order of pictures", "4 KiB", "crates/de-core/src/jobs/order.rs", "LONGEST_USER"),
    ("an order of pictures", "1 MiB", "crates/de-core/src/jobs/order.rs", "LARGEST_WORK"),
    ("the texts of a form", "2 MiB", "crates/de-core/src/http/upload.rs", "TEXTS_CAP"),
    ("a turn of a conversation", "6 MB", "crates/de-core/src/conversations.rs", "INPUT_CAP"),
    ("a turn of a conversation", "7 MB", "crates/de-core/src/conversations.rs", "TURN_CAP"),
    ("a turn of a conversation", "8 MB", "crates/de-core/src/conversations.rs", "CONVERSATION_CAP"),
    ("a turn of a conversation", "500 turns", "crates/de-core/src/conversations.rs", "MOST_TURNS"),
    ("a page of a list", "200 rows", "crates/de-core/src/store/pages.rs", "MOST"),
    ("a page of a list", "10,000 lines", "workers/config/src/requests/export.rs", "MOST_LINES"),
    ("a call that waits", "15 minutes", "crates/de-core/src/jobs/front.rs", "LONGEST_WAIT"),
    ("a test of a vendor's key", "15 s", "crates/de-core/src/exchange/key_test.rs", "DEADLINE"),
    ("a test of a vendor's key", "15 s", "crates/de-core/src/exchange/lookup.rs", "DEADLINE"),
    ("a webhook's receiver", "10 s", "crates/de-core/src/webhooks/delivery.rs", "DEADLINE"),
];

/// What a figure comes to: bytes, seconds, or a count. `vectors 64 MiB` has its number in the second word.
fn figure(words: &str) -> u64 {
    let mut words =
        words.split(' ').skip_while(|word| !word.starts_with(|c: char| c.is_ascii_digit()));
    let number: u64 = words.next().unwrap().replace(',', "").parse().unwrap();
    let unit = match words.next().unwrap() {
        "GiB" => 1 << 30,
        "KiB" => 1 << 10,
        "MB" => 1_000_000,
        "MiB" => 1 << 20,
        "minutes" => 60,
        _ => 1,
    };
    number * unit
}

/// What a constant is: a product of numbers, a shifted one, or so many seconds.
fn constant(file: &str, name: &str) -> u64 {
    let text = fs::read_to_string(root().join(file)).unwrap();
    let line = text.lines().find(|line| line.contains(&format!("const {name}: ")));
    let line = line.unwrap_or_else(|| panic!("{file} has no {name}"));
    let value = line.split_once(" = ").unwrap().1.trim_end_matches(';');
    let value = value.strip_prefix("Duration::from_secs(").unwrap_or(value).trim_end_matches(')');
    let number = |text: &str| text.trim().replace('_', "").parse::<u64>().unwrap();
    match value.split_once(" << ") {
        Some((number_of, places)) => number(number_of) << number(places),
        None => value.split('*').map(number).product(),
    }
}

fn row(text: &str, begins: &str) -> String {
    let rows = text.lines().filter(|line| line.starts_with(&format!("| {begins}")));
    let rows: Vec<_> = rows.collect();
    assert_eq!(rows.len(), 1, "{PAGE} has {} rows that begin with {begins}", rows.len());
    rows[0].to_owned()
}

#[test]
fn sizes_and_times_are_those_of_the_code() {
    let text = page(PAGE).text;
    for (begins, words, file, name) in FIGURES {
        let row = row(&text, begins);
        assert!(row.contains(words), "{PAGE} should say {words}: {row}");
        assert_eq!(figure(words), constant(file, name), "{PAGE} says {words}, {name} of {file}");
    }
}

#[test]
fn searches_wait_as_their_seeds_say() {
    let row = row(&page(PAGE).text, "a search of stock media");
    for vendor in ["pexels", "pixabay"] {
        let file = root().join(format!("seeds/models/{vendor}.json"));
        let model: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
        let seconds = |name: &str| model["timeouts"][name].as_u64().unwrap() / 1_000;
        let shown = format!("| {} s, {} s |", seconds("first_byte_ms"), seconds("total_ms"));
        assert!(row.contains(&shown), "{PAGE} should say {shown}: {row}");
    }
}
