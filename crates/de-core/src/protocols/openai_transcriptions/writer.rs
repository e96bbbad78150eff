//! A transcript that another vendor made, in the forms of OpenAI's answers.
//!
//! What that vendor does not tell is not made up: segments are groups of words as subtitles have them, and
//! lack `compression_ratio` and `no_speech_prob`.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::calls::{Transcript, TranscriptionCall, Word};

/// The longest line of subtitles: in characters, in seconds, and the pause that ends one.
const LONGEST_LINE: usize = 84;
const LONGEST_SECONDS: f64 = 7.0;
const PAUSE_SECONDS: f64 = 1.0;

/// Names of languages, which `verbose_json` tells, by their code in ISO 639-3 and 639-1.
const LANGUAGES: [(&str, &str, &str); 24] = [
    ("ara", "ar", "arabic"),
    ("ces", "cs", "czech"),
    ("cmn", "zh", "chinese"),
    ("dan", "da", "danish"),
    ("deu", "de", "german"),
    ("ell", "el", "greek"),
    ("eng", "en", "english"),
    ("fin", "fi", "finnish"),
    ("fra", "fr", "french"),
    ("heb", "he", "hebrew"),
    ("hin", "hi", "hindi"),
    ("hun", "hu", "hungarian"),
    ("ita", "it", "italian"),
    ("jpn", "ja", "japanese"),
    ("kor", "ko", "korean"),
    ("nld", "nl", "dutch"),
    ("nor", "no", "norwegian"),
    ("pol", "pl", "polish"),
    ("por", "pt", "portuguese"),
    ("ron", "ro", "romanian"),
    ("rus", "ru", "russian"),
    ("spa", "es", "spanish"),
    ("swe", "sv", "swedish"),
    ("tur", "tr", "turkish"),
];

/// The content type of an answer of that form.
#[must_use]
pub fn content_type(format: &str) -> &'static str {
    match format {
        "srt" | "text" | "vtt" => "text/plain; charset=utf-8",
        _ => "application/json",
    }
}

/// Writes an answer; `seconds` is how long the recording is, if that is known.
#[must_use]
pub fn write(call: &TranscriptionCall, heard: &Transcript, seconds: Option<f64>) -> Bytes {
    match call.format.as_str() {
        "srt" => srt(&lines(heard, seconds)).into(),
        "text" => format!("{}\n", heard.text).into(),
        "verbose_json" => verbose(call, heard, seconds).to_string().into(),
        "vtt" => vtt(&lines(heard, seconds)).into(),
        _ => {
            let mut body = json!({"text": heard.text});
            tell_usage(&mut body, seconds);
            body.to_string().into()
        }
    }
}

fn tell_usage(body: &mut Value, seconds: Option<f64>) {
    if let (Some(body), Some(seconds)) = (body.as_object_mut(), seconds) {
        body.insert("usage".to_owned(), json!({"type": "duration", "seconds": seconds}));
    }
}

fn verbose(call: &TranscriptionCall, heard: &Transcript, seconds: Option<f64>) -> Value {
    let lines = lines(heard, seconds);
    let end = lines.last().map(|line| line.end);
    let mut body = json!({
        "task": "transcribe",
        "language": heard.language.as_deref().map(language),
        "duration": seconds.or(end),
        "text": heard.text,
    });
    let wanted = |word: &str| call.timestamp_granularities.iter().any(|wanted| wanted == word);
    if let Some(body) = body.as_object_mut() {
        if wanted("word") {
            let word =
                |word: &Word| json!({"word": word.text, "start": word.start, "end": word.end});
            body.insert("words".to_owned(), heard.words.iter().map(word).collect());
        }
        if wanted("segment") || !wanted("word") {
            let temperature = call.temperature.unwrap_or(0.0);
            let segments = lines.iter().enumerate().map(|(id, line)| line.segment(id, temperature));
            body.insert("segments".to_owned(), segments.collect());
        }
    }
    tell_usage(&mut body, seconds);
    body
}

fn language(code: &str) -> &str {
    let known = LANGUAGES.iter().find(|(long, short, _)| *long == code || *short == code);
    known.map_or(code, |(_, _, name)| name)
}

/// A line of subtitles.
#[derive(Debug, Default)]
struct Line {
    end: f64,
    logprobs: Vec<f64>,
    start: f64,
    text: String,
}

impl Line {
    fn segment(&self, id: usize, temperature: f64) -> Value {
        let mut segment = Map::new();
        segment.insert("id".to_owned(), id.into());
        segment.insert("seek".to_owned(), 0.into());
        segment.insert("start".to_owned(), self.start.into());
        segment.insert("end".to_owned(), self.end.into());
        segment.insert("text".to_owned(), self.text.as_str().into());
        segment.insert("tokens".to_owned(), Value::Array(Vec::new()));
        segment.insert("temperature".to_owned(), temperature.into());
        if !self.logprobs.is_empty() {
            let count = u32::try_from(self.logprobs.len()).unwrap_or(u32::MAX);
            let mean = self.logprobs.iter().sum::<f64>() / f64::from(count);
            segment.insert("avg_logprob".to_owned(), mean.into());
        }
        Value::Object(segment)
    }
}

/// The words in lines that end with a sentence, before a pause, or where they grow too long.
fn lines(heard: &Transcript, seconds: Option<f64>) -> Vec<Line> {
    if heard.words.is_empty() {
        let text = heard.text.clone();
        let line = Line { end: seconds.unwrap_or(0.0), text, ..Line::default() };
        return if line.text.is_empty() { Vec::new() } else { vec![line] };
    }
    let mut lines: Vec<Line> = Vec::new();
    let mut open = false;
    for word in &heard.words {
        let fits = |line: &Line| {
            word.start - line.end < PAUSE_SECONDS
                && word.end - line.start <= LONGEST_SECONDS
                && line.text.chars().count() + word.text.chars().count() < LONGEST_LINE
        };
        match lines.last_mut().filter(|line| open && fits(line)) {
            Some(line) => {
                line.text.push(' ');
                line.text.push_str(&word.text);
                line.end = word.end;
                line.logprobs.extend(word.logprob);
            }
            None => lines.push(Line {
                end: word.end,
                logprobs: word.logprob.into_iter().collect(),
                start: word.start,
                text: word.text.clone(),
            }),
        }
        open = !word.text.ends_with(['.', '!', '?', '。', '！', '？']);
    }
    lines
}

fn srt(lines: &[Line]) -> String {
    let cue = |(index, line): (usize, &Line)| {
        let (start, end) = (clock(line.start, ','), clock(line.end, ','));
        format!("{}\n{start} --> {end}\n{}\n\n", index + 1, line.text)
    };
    lines.iter().enumerate().map(cue).collect()
}

fn vtt(lines: &[Line]) -> String {
    let cue = |line: &Line| {
        format!("{} --> {}\n{}\n\n", clock(line.start, '.'), clock(line.end, '.'), line.text)
    };
    format!("WEBVTT\n\n{}", lines.iter().map(cue).collect::<String>())
}

/// `00:00:02,400`.
fn clock(seconds: f64, mark: char) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the cast stays at the ends of its range"
    )]
    let millis = (seconds * 1_000.0).round() as u64;
    let (seconds, millis) = (millis / 1_000, millis % 1_000);
    let (minutes, seconds) = (seconds / 60, seconds % 60);
    format!("{:02}:{:02}:{seconds:02}{mark}{millis:03}", minutes / 60, minutes % 60)
}
