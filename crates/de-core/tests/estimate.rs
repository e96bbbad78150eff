//! How far the estimate of tokens is off, against counts of real vocabularies.
//!
//! `tests/tokens` has counted; the corpus is of our own writing. What is held here stands in
//! `docs/cost-estimates.md`.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests: what does not hold ends them"
)]

use de_core::estimate::Estimate;
use proptest::prelude::*;

const CORPUS: &str = include_str!("../fixtures/estimate/corpus.txt");
const COUNTS: &str = include_str!("../fixtures/estimate/counts.csv");
const PAGE: &str = include_str!("../../../docs/cost-estimates.md");

/// The most that a text of a class may be off, in percent. No text of these was used to fit the weights.
const BOUNDS: [(&str, f64); 24] = [
    ("English prose", 10.0),
    ("German", 30.0),
    ("French", 15.0),
    ("Spanish", 20.0),
    ("Polish", 20.0),
    ("Russian", 20.0),
    ("Greek", 15.0),
    ("Arabic", 30.0),
    ("Hebrew", 15.0),
    ("Hindi", 15.0),
    ("Chinese", 20.0),
    ("Japanese", 20.0),
    ("Korean", 25.0),
    ("Thai", 15.0),
    ("Rust", 10.0),
    ("Python", 15.0),
    ("JSON", 10.0),
    ("CSV with numbers", 10.0),
    ("Markdown", 10.0),
    ("URLs and hashes", 15.0),
    ("Emoji", 15.0),
    ("Bengali, Tamil, Georgian", 45.0),
    ("Capitals and SQL", 15.0),
    ("All of them", 10.0),
];

/// A text of the held-out part, with its tokens.
struct Text {
    body: String,
    class: &'static str,
    cl100k: f64,
    o200k: f64,
}

fn held_out() -> Vec<Text> {
    let mut bodies: Vec<(&str, String)> = Vec::new();
    for line in CORPUS.lines() {
        match line.strip_prefix("@@ ") {
            Some(head) => bodies.push((head, String::new())),
            None => {
                let (_, body) = bodies.last_mut().unwrap();
                body.push_str(line);
                body.push('\n');
            }
        }
    }
    let rows: Vec<&str> = COUNTS.lines().skip(1).collect();
    assert_eq!(rows.len(), bodies.len(), "run tests/tokens after a change of the corpus");
    let mut texts = Vec::new();
    for ((head, body), row) in bodies.into_iter().zip(rows) {
        let body = body.trim_end().to_owned();
        let (part, class) = head.split_once(' ').unwrap();
        let (name, counts) = row.rsplit_once("\",").unwrap();
        let counts: Vec<usize> = counts.split(',').map(|count| count.parse().unwrap()).collect();
        let [bytes, o200k, cl100k] = counts[..] else { panic!("{row}") };
        let stale = "run tests/tokens after a change of the corpus";
        assert_eq!((name, bytes), (format!("{part},\"{class}").as_str(), body.len()), "{stale}");
        if part == "held" {
            texts.push(Text { body, class, cl100k: cl100k as f64, o200k: o200k as f64 });
        }
    }
    texts
}

/// Errors in percent: the median of their sizes, and the one that is farthest off.
fn spread(mut errors: Vec<f64>) -> (f64, f64) {
    errors.sort_by(|one, other| one.abs().total_cmp(&other.abs()));
    let middle = errors.len() / 2;
    let median = if errors.len() % 2 == 1 {
        errors[middle].abs()
    } else {
        f64::midpoint(errors[middle - 1].abs(), errors[middle].abs())
    };
    (median, *errors.last().unwrap())
}

fn percent(estimate: f64, truth: f64) -> f64 {
    (estimate / truth - 1.0) * 100.0
}

fn ours(text: &Text) -> f64 {
    Estimate::of(&text.body).tokens() as f64
}

fn quarters(text: &Text) -> f64 {
    text.body.len().div_ceil(4) as f64
}

#[test]
fn the_error_on_texts_that_were_not_fitted_is_the_one_that_the_page_tells() {
    let texts = held_out();
    let mut table = String::new();
    for (class, bound) in BOUNDS {
        let of_class = || texts.iter().filter(|text| text.class == class || class == "All of them");
        let errors = |estimate: fn(&Text) -> f64, truth: fn(&Text) -> f64| {
            spread(of_class().map(|text| percent(estimate(text), truth(text))).collect())
        };
        let (median, worst) = errors(ours, |text| text.o200k);
        if class == "All of them" {
            assert!(median <= bound, "{class}: a median of {median:.1} %");
        } else {
            assert!(worst.abs() <= bound, "{class}: {worst:+.1} %, at most {bound}");
        }
        let (old_median, old_worst) = errors(ours, |text| text.cl100k);
        let (bytes_median, bytes_worst) = errors(quarters, |text| text.o200k);
        let of = if class == "All of them" { " (median)" } else { "" };
        table.push_str(&format!(
            "| {class} | {median:.0} | {worst:+.0} | {bound:.0}{of} | {bytes_median:.0} | {bytes_worst:+.0} \
             | {old_median:.0} | {old_worst:+.0} |\n"
        ));
    }
    assert!(PAGE.contains(&table), "docs/cost-estimates.md should have:\n{table}");
}

#[test]
fn each_class_has_texts_of_both_parts() {
    for (class, _) in BOUNDS.iter().take(BOUNDS.len() - 1) {
        for part in ["fit", "held"] {
            let head = format!("@@ {part} {class}");
            assert!(CORPUS.lines().filter(|line| *line == head).count() >= 2, "{head}");
        }
    }
}

#[test]
fn what_is_known_for_certain_is_exact() {
    for (text, tokens) in [
        ("", 0),
        (" ", 1),
        ("\n", 1),
        ("a", 1),
        ("hi", 1),
        ("1234567", 3),
        ("Hello, world!", 4),
        ("The cat sat on the mat.", 7),
        ("\u{FFFD}", 1),
        ("(a", 2),
    ] {
        assert_eq!(Estimate::of(text).tokens(), tokens, "{text:?}");
    }
}

#[test]
fn what_is_no_text_is_counted_too() {
    for (bytes, least) in [
        (&b"\xF0\x9F"[..], 1),
        (&[0xFF; 100][..], 10),
        (&[0x80; 1][..], 1),
        (&b"caf\xC3"[..], 1),
        (&[b'x'; 100_000][..], 10_000),
        (&[b'-'; 100_000][..], 1_000),
        (&[b'\n'; 100_000][..], 1_000),
        (&[b' '; 100_000][..], 500),
        ("\u{e4}".repeat(10_000).as_bytes(), 1_000),
        ("\u{2500}".repeat(10_000).as_bytes(), 1_000),
    ] {
        let mut estimate = Estimate::default();
        estimate.push(bytes);
        let tokens = estimate.tokens();
        assert!(
            tokens >= least && tokens <= bytes.len() as u64,
            "{} bytes like {:?}: {tokens}",
            bytes.len(),
            bytes.first()
        );
    }
}

#[test]
fn parts_are_texts_of_their_own() {
    let mut both = Estimate::of("1234");
    both.part();
    both.push(b"5678");
    assert_eq!((both.tokens(), Estimate::of("12345678").tokens()), (4, 3));
}

proptest! {
    #[test]
    fn the_cuts_do_not_matter(
        text in any::<String>(),
        words in "([a-zA-ZäßéżЖя漢かกक🎉_'., \n0-9-]{0,8}){0,12}",
        cuts in proptest::collection::vec(1_usize..6, 1..40),
    ) {
        for text in [text.as_bytes(), words.as_bytes()] {
            let mut whole = Estimate::default();
            whole.push(text);
            let mut pieces = Estimate::default();
            let mut rest = text;
            for cut in cuts.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (piece, others) = rest.split_at((*cut).min(rest.len()));
                pieces.push(piece);
                // To look at it changes nothing.
                let _so_far = pieces.tokens();
                rest = others;
            }
            prop_assert_eq!(pieces.tokens(), whole.tokens());
        }
    }

    #[test]
    fn any_bytes_have_an_estimate_and_never_more_than_their_number(
        bytes in proptest::collection::vec(any::<u8>(), 1..200),
    ) {
        let mut estimate = Estimate::default();
        estimate.push(&bytes);
        let tokens = estimate.tokens();
        prop_assert!(tokens >= 1 && tokens <= bytes.len() as u64, "{}", tokens);
    }
}
