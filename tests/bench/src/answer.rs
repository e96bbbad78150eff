//! Whether an answer is the right one: figures about wrong answers mean nothing.

use serde_json::Value;

use crate::{
    case::{Case, Road, Side},
    vendor::{SENTENCE, WORDS},
};

/// Checks a whole answer; says what is wrong with it.
pub(crate) fn check(case: &Case, side: Side, status: u16, body: &[u8]) -> Result<(), String> {
    let text = String::from_utf8_lossy(body);
    if status != 200 {
        return Err(format!("status {status}: {}", text.chars().take(500).collect::<String>()));
    }
    let (words, ended) = match (case.road, side) {
        (Road::Json, _) => return whole(&text),
        (Road::Translated, Side::Bare) => (said(&text), text.contains("\"message_stop\"")),
        (Road::Filtered | Road::Relayed | Road::Translated, _) => {
            (said(&text), text.trim_end().ends_with("data: [DONE]"))
        }
    };
    if !ended {
        let last = text.trim_end().rsplit('\n').next().unwrap_or_default();
        return Err(format!("the stream does not end well: `{last}`"));
    }
    if words != case.chunks {
        return Err(format!("{words} events with text instead of {}", case.chunks));
    }
    let usage = text.contains("\"prompt_tokens\"");
    if case.road == Road::Relayed && !usage {
        return Err("the usage is missing".to_owned());
    }
    if matches!(case.road, Road::Filtered | Road::Translated) && usage {
        return Err("there is usage that nobody asked for".to_owned());
    }
    Ok(())
}

fn whole(text: &str) -> Result<(), String> {
    let body: Value = serde_json::from_str(text).map_err(|error| format!("{error} in `{text}`"))?;
    let content = body.pointer("/choices/0/message/content").and_then(Value::as_str);
    if content == Some(SENTENCE) { Ok(()) } else { Err(format!("not what was said: `{text}`")) }
}

/// Counts the events with text.
fn said(text: &str) -> u32 {
    let count = |word: &str| text.matches(&format!("\"{word}\"")).count();
    u32::try_from(WORDS.map(count).iter().sum::<usize>()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::case::{Case, Road, Side};

    const TWO: &str = "data: {\"content\":\" wave\"}\n\ndata: {\"content\":\" foam\"}\n\n";

    fn problem(road: Road, side: Side, status: u16, body: &str) -> String {
        let case = Case { road, chunks: 2, gap_ms: 0, concurrency: 1, requests: 1 };
        check(&case, side, status, body.as_bytes()).err().unwrap_or_default()
    }

    #[test]
    fn an_answer_must_be_whole() {
        let done = format!("{TWO}data: [DONE]\n\n");
        let usage = format!("data: {{\"prompt_tokens\":1}}\n\n{done}");
        for (road, side, status, body, expected) in [
            (Road::Filtered, Side::Text, 200, done.as_str(), ""),
            (Road::Filtered, Side::Text, 200, &usage, "there is usage that nobody asked for"),
            (Road::Relayed, Side::Text, 200, &usage, ""),
            (Road::Relayed, Side::Bare, 200, &done, "the usage is missing"),
            (Road::Filtered, Side::Text, 503, "busy", "status 503: busy"),
            (Road::Filtered, Side::Bare, 200, &done[24..], "1 events with text instead of 2"),
            (
                Road::Translated,
                Side::Bare,
                200,
                TWO,
                "the stream does not end well: `data: {\"content\":\" foam\"}`",
            ),
        ] {
            assert_eq!(problem(road, side, status, body), expected, "{road:?} {body}");
        }
    }
}
