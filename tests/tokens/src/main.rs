//! Counts the tokens of the corpus of `de_core::estimate` with two real vocabularies.
//!
//! From this folder, `cargo run --release` writes `counts.csv` beside the corpus; `cargo run --release -- fit` prints weights
//! that fit the part of the corpus that is there for fitting.

use std::{fs, path::Path};

use tiktoken_rs::{CoreBPE, cl100k_base, o200k_base};

#[path = "../../../crates/de-core/src/estimate.rs"]
#[allow(dead_code)]
mod estimate;

use estimate::{Estimate, FEATURES, Feature, WEIGHTS};

/// A text of the corpus.
struct Text {
    body: String,
    class: String,
    part: String,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crates/de-core/fixtures/estimate");
    let texts = texts(&fs::read_to_string(folder.join("corpus.txt"))?);
    let (new, old) = (o200k_base()?, cl100k_base()?);
    let count = |vocabulary: &CoreBPE, text: &str| vocabulary.encode_ordinary(text).len();
    if std::env::args().nth(1).as_deref() == Some("fit") {
        fit(&texts, |text| count(&new, text));
        return Ok(());
    }
    let mut out = String::from("part,class,bytes,o200k,cl100k\n");
    for Text { body, class, part } in &texts {
        let (new, old) = (count(&new, body), count(&old, body));
        out.push_str(&format!("{part},\"{class}\",{},{new},{old}\n", body.len()));
    }
    fs::write(folder.join("counts.csv"), out)?;
    Ok(())
}

/// Reads the corpus: a line `@@ part class` begins a text.
fn texts(corpus: &str) -> Vec<Text> {
    let mut texts: Vec<Text> = Vec::new();
    for line in corpus.lines() {
        match (line.strip_prefix("@@ ").and_then(|head| head.split_once(' ')), texts.last_mut()) {
            (Some((part, class)), _) => texts.push(Text {
                body: String::new(),
                class: class.to_owned(),
                part: part.to_owned(),
            }),
            (None, Some(text)) => {
                text.body.push_str(line);
                text.body.push('\n');
            }
            (None, None) => {}
        }
    }
    for text in &mut texts {
        text.body.truncate(text.body.trim_end().len());
    }
    texts
}

/// One equation: features of a piece of text, and its tokens.
struct Row {
    counts: Vec<f64>,
    /// How much it counts: each class as much as any other.
    share: f64,
    tokens: f64,
}

/// Weights of at least 0 whose errors, by class and in proportion, have the least squares; pulled gently
/// towards the weights that stand in the source, as not every feature occurs often.
fn fit(texts: &[Text], tokens: impl Fn(&str) -> usize) {
    let fitting: Vec<&Text> = texts.iter().filter(|text| text.part == "fit").collect();
    let mut rows = Vec::new();
    for text in &fitting {
        let size: usize = fitting
            .iter()
            .filter(|other| other.class == text.class)
            .map(|other| other.body.len())
            .sum();
        for piece in pieces(&text.body) {
            let mut estimate = Estimate::default();
            estimate.push(piece.as_bytes());
            rows.push(Row {
                counts: estimate.counts().iter().map(|count| f64::from(*count)).collect(),
                share: piece.len() as f64 / size as f64,
                tokens: tokens(piece) as f64,
            });
        }
    }
    let prior: Vec<f64> = WEIGHTS.iter().map(|(_, weight)| f64::from(*weight) / 1_000.0).collect();
    let mut weights = prior.clone();
    const PULL: f64 = 0.005;
    for _ in 0..20_000 {
        for feature in 0..FEATURES {
            // All these vocabularies take digits by threes, and a blank before them by itself.
            if matches!(WEIGHTS[feature].0, Feature::BlanksBeforeDigits | Feature::DigitGroups) {
                continue;
            }
            let (mut above, mut below) = (PULL * prior[feature], PULL);
            for row in &rows {
                let own = row.counts[feature];
                if own == 0.0 {
                    continue;
                }
                let others: f64 = row.counts.iter().zip(&weights).map(|(c, w)| c * w).sum::<f64>()
                    - own * weights[feature];
                // By both, so that too little weighs as much as too much.
                let scale = row.share / (row.tokens * (others + own * weights[feature]).max(1.0));
                above += scale * own * (row.tokens - others);
                below += scale * own * own;
            }
            weights[feature] = (above / below).max(0.0);
        }
    }
    for ((feature, _), weight) in WEIGHTS.iter().zip(&weights) {
        println!("    (Feature::{feature:?}, {}),", (weight * 1_000.0).round());
    }
}

/// Pieces of a text of a few lines or sentences each, and the whole.
fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = vec![text];
    let mut start = 0;
    for (place, character) in text.char_indices() {
        let end = place + character.len_utf8();
        if end - start > 120 && matches!(character, '\n' | ' ' | '。' | '，' | '、') {
            pieces.push(&text[start..end - character.len_utf8()]);
            start = if matches!(character, ' ' | '\n') { place } else { end };
        }
    }
    pieces
}
