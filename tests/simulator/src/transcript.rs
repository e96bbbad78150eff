//! What was said in a recording: words with times, and the forms in which vendors write them down.
//!
//! The words are evenly spread over the length of the recording; a segment has eight of them.

use serde_json::{Value, json};

/// Words of a segment.
const SEGMENT: usize = 8;

/// A text with its times.
pub(crate) struct Transcript {
    seconds: f64,
    words: Vec<String>,
}

/// Some words and when they are said, in seconds.
pub(crate) struct Timed {
    pub(crate) end: f64,
    pub(crate) start: f64,
    pub(crate) text: String,
}

impl Transcript {
    /// Spreads the words of a text over so many seconds.
    pub(crate) fn new(text: &str, seconds: f64) -> Self {
        Self { seconds, words: text.split_whitespace().map(str::to_owned).collect() }
    }

    /// The whole text.
    pub(crate) fn text(&self) -> String {
        self.words.join(" ")
    }

    /// Each word.
    pub(crate) fn words(&self) -> Vec<Timed> {
        self.timed(1)
    }

    /// Each segment.
    pub(crate) fn segments(&self) -> Vec<Timed> {
        self.timed(SEGMENT)
    }

    /// Numbered subtitles, times with a comma.
    pub(crate) fn srt(&self) -> String {
        let cue = |(index, cue): (usize, &Timed)| {
            let (start, end) = (clock(cue.start, ','), clock(cue.end, ','));
            format!("{}\n{start} --> {end}\n{}\n\n", index + 1, cue.text)
        };
        self.segments().iter().enumerate().map(cue).collect()
    }

    /// Subtitles of the web, times with a point.
    pub(crate) fn vtt(&self) -> String {
        let cue = |cue: &Timed| {
            format!("{} --> {}\n{}\n\n", clock(cue.start, '.'), clock(cue.end, '.'), cue.text)
        };
        format!("WEBVTT\n\n{}", self.segments().iter().map(cue).collect::<String>())
    }

    /// The segments as OpenAI's `verbose_json` has them.
    pub(crate) fn openai_segments(&self, temperature: f64) -> Vec<Value> {
        let segment = |(index, segment): (usize, Timed)| {
            json!({
                "id": index,
                "seek": 0,
                "start": segment.start,
                "end": segment.end,
                "text": format!(" {}", segment.text),
                "tokens": [50_364, 50_365 + index],
                "temperature": temperature,
                "avg_logprob": -0.2,
                "compression_ratio": 1.0,
                "no_speech_prob": 0.01,
            })
        };
        self.segments().into_iter().enumerate().map(segment).collect()
    }

    fn timed(&self, size: usize) -> Vec<Timed> {
        let total = self.words.len().max(1) as f64;
        let time = |word: usize| (self.seconds * word as f64 / total * 1_000.0).round() / 1_000.0;
        let groups = self.words.chunks(size).enumerate();
        let timed = groups.map(|(index, words)| Timed {
            end: time(index * size + words.len()),
            start: time(index * size),
            text: words.join(" "),
        });
        timed.collect()
    }
}

/// `00:01:02,345`, with whatever stands before the thousandths.
fn clock(seconds: f64, point: char) -> String {
    let millis = (seconds * 1_000.0).round() as u64;
    let (whole, rest) = (millis / 1_000, millis % 1_000);
    let (hours, minutes) = (whole / 3_600, whole / 60 % 60);
    format!("{hours:02}:{minutes:02}:{:02}{point}{rest:03}", whole % 60)
}

#[cfg(test)]
mod tests {
    use super::Transcript;

    #[test]
    fn words_are_spread_and_written_down() {
        let made = Transcript::new("a b c d e f g h i", 90.0);
        assert_eq!(made.words().len(), 9);
        assert!((made.words()[8].start - 80.0).abs() < 0.001);
        assert_eq!(
            made.srt(),
            "1\n00:00:00,000 --> 00:01:20,000\na b c d e f g h\n\n2\n00:01:20,000 --> 00:01:30,000\ni\n\n"
        );
        assert!(made.vtt().starts_with("WEBVTT\n\n00:00:00.000 --> 00:01:20.000\n"));
        assert_eq!(made.openai_segments(0.0).len(), 2);
        assert!(Transcript::new("", 1.0).segments().is_empty());
    }
}
