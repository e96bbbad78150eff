//! The lies, each by its word.

use std::time::Duration;

use super::{Step, Tongue};

const HTML: &str = "<!doctype html><title>Checking your browser</title>";
const JSON: &str = "application/json";
const EVENTS: &str = "text/event-stream";

/// What is said to a request.
pub(super) fn answer(request: &str) -> Vec<Step> {
    let tongue = match request.contains("/messages ") {
        true => Tongue::Anthropic,
        false => Tongue::OpenAi,
    };
    let streamed = request.contains("\"stream\":true") || request.contains("\"stream\": true");
    let lie = request.split_once("lie:").map_or("", |(_, rest)| rest);
    let lie = lie.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').next().unwrap_or("");
    if let Some(usage) = usage(lie) {
        let body = if streamed { events(tongue, &usage, 3) } else { reply(tongue, &usage) };
        return whole(if streamed { EVENTS } else { JSON }, &body);
    }
    let usual = || match streamed {
        true => (EVENTS, events(tongue, &counts(10, 5), 3)),
        false => (JSON, reply(tongue, &counts(10, 5))),
    };
    match lie {
        // Nothing is wrong.
        "none" => {
            let (kind, body) = usual();
            whole(kind, &body)
        }
        "length-long" => {
            let (kind, body) = usual();
            let body = &body[..body.len() - 20];
            let head = head(200, &[&typed(kind), &format!("content-length: {}", body.len() + 500)]);
            vec![text(head), text(body.to_owned())]
        }
        "length-short" => {
            let (kind, body) = usual();
            let head = head(200, &[&typed(kind), &format!("content-length: {}", body.len() - 20)]);
            vec![text(head), text(body)]
        }
        "length-twice" => {
            let (kind, body) = usual();
            let head = head(200, &[&typed(kind), "content-length: 5", "content-length: 900"]);
            vec![text(head), text(body)]
        }
        "type-html" => whole("text/html; charset=utf-8", HTML),
        "type-none" => vec![text(head(200, &[])), text(HTML.to_owned())],
        // What was not asked for: a whole answer for a stream, events for none.
        "type-other" if streamed => whole(JSON, &reply(tongue, &counts(10, 5))),
        "type-other" => whole(EVENTS, &events(tongue, &counts(10, 5), 3)),
        "empty" => whole(usual().0, ""),
        "error-inside" => match streamed {
            true => whole(EVENTS, &format!("data: {}\n\n", error(tongue, "server_error"))),
            false => whole(JSON, &error(tongue, "server_error")),
        },
        "null" => whole(usual().0, if streamed { "data: null\n\n" } else { "null" }),
        "deep" => {
            let deep = format!("{{\"choices\":{}", "[".repeat(500_000));
            whole(usual().0, &if streamed { format!("data: {deep}\n\n") } else { deep })
        }
        "not-utf8" => {
            let mut body = b"data: {\"choices\":[{\"delta\":{\"content\":\"".to_vec();
            body.extend_from_slice(b"\xff\xfe\x80\"}}]}\n\n");
            let head = head(200, &[&typed(usual().0), &format!("content-length: {}", body.len())]);
            vec![text(head), Step::Bytes(body)]
        }
        "gzip-garbage" => coded("gzip", usual().0, b"this is not what it says".to_vec()),
        "gzip-bomb" => coded("gzip", usual().0, bomb()),
        "redirect" | "redirect-307" => {
            let status = if lie == "redirect" { 302 } else { 307 };
            vec![text(head(status, &["location: /v1/elsewhere", "content-length: 0"]))]
        }
        "redirect-away" => {
            vec![text(head(302, &["location: http://169.254.169.254/", "content-length: 0"]))]
        }
        "status-204" => vec![text(head(204, &[]))],
        "status-304" => vec![text(head(304, &[]))],
        "status-199" => vec![text("HTTP/1.1 199 Odd\r\nconnection: close\r\n\r\n".to_owned())],
        "status-999" => {
            let head = head(999, &[&typed(JSON), "content-length: 2"]);
            vec![text(head), text("{}".to_owned())]
        }
        "status-garbage" => vec![text("HTTP/1.1 two-hundred OK\r\n\r\n".to_owned())],
        "no-http" => vec![text("220 mail.example ESMTP\r\n".to_owned())],
        "continues" => {
            let (kind, body) = usual();
            let many = "HTTP/1.1 100 Continue\r\n\r\n".repeat(100);
            let mut steps = vec![text(many)];
            steps.extend(whole(kind, &body));
            steps
        }
        "hang-up" => Vec::new(),
        "reset" => vec![Step::Reset],
        "reset-head" => vec![text("HTTP/1.1 200 OK\r\ncontent-ty".to_owned()), Step::Reset],
        "reset-body" => {
            let (kind, body) = usual();
            let head = head(200, &[&typed(kind), "content-length: 100000"]);
            let half = body[..body.len() / 2].to_owned();
            vec![text(head), text(half), Step::Pause(Duration::from_millis(300)), Step::Reset]
        }
        "head-drips" => {
            let mut steps = vec![text("HTTP/1.1 200 OK\r\n".to_owned())];
            for n in 0..600 {
                steps.push(text(format!("x-{n}: 1\r\n")));
                steps.push(Step::Pause(Duration::from_millis(100)));
            }
            steps
        }
        "headers-many" => {
            let (kind, body) = usual();
            let many: String = (0..20_000).map(|n| format!("x-h-{n}: {n}\r\n")).collect();
            let head = head(200, &[&typed(kind), many.trim_end()]);
            vec![text(head), text(body)]
        }
        "header-large" => {
            let (kind, body) = usual();
            let head = head(200, &[&typed(kind), &format!("x-large: {}", "x".repeat(8 << 20))]);
            vec![text(head), text(body)]
        }
        "retry-for-ever" => {
            vec![text(head(429, &["retry-after: 99999999999999999999", "content-length: 0"]))]
        }
        "retry-backwards" => vec![text(head(429, &["retry-after: -7", "content-length: 0"]))],
        "error-huge" => {
            let head = head(500, &[&typed(JSON), "transfer-encoding: chunked"]);
            vec![text(head), Step::Repeat(chunk(&"x".repeat(65_000)), 1_600)]
        }
        // 100 MB, in JSON or in events that nobody can read.
        "huge" => {
            let head = head(200, &[&typed(usual().0), "content-length: 104857600"]);
            let start = if streamed { "data: {\"choices\":\"" } else { "{\"choices\":\"" };
            vec![text(head), text(start.to_owned()), Step::Repeat(vec![b'x'; 65_536], 1_600)]
        }
        // 30 MB, which an answer may have, in fifteen million values, which none has; of an event a megabyte.
        "wide" => {
            let (start, pieces, end) = match streamed {
                true => ("data: {\"choices\":[", 31, "0]}\n\n"),
                false => ("{\"choices\":[", 900, "0]}"),
            };
            let piece = "0,".repeat(16_600);
            let length = start.len() + pieces * piece.len() + end.len();
            let head = head(200, &[&typed(usual().0), &format!("content-length: {length}")]);
            let middle = Step::Repeat(piece.into_bytes(), pieces);
            vec![text(head), text(start.to_owned()), middle, text(end.to_owned())]
        }
        // Said to be small, or not said at all.
        "endless" => {
            let (kind, _) = usual();
            let head = head(200, &[&typed(kind), "transfer-encoding: chunked"]);
            let piece = match (streamed, tongue) {
                (false, _) => " ".repeat(60_000),
                (true, tongue) => piece(tongue, "more ").repeat(500),
            };
            let start = if streamed { begins(tongue) } else { " ".to_owned() };
            vec![text(head), Step::Bytes(chunk(&start)), Step::Repeat(chunk(&piece), 1_000_000)]
        }
        // Signs of life, and never a word.
        "comments" => {
            let head = head(200, &[&typed(EVENTS), "transfer-encoding: chunked"]);
            vec![text(head), Step::Repeat(chunk(&": still here\n\n".repeat(4_000)), 1_000_000)]
        }
        "event-20mb" => {
            let start = begins(tongue);
            let large = piece(tongue, &"x".repeat(20 << 20));
            whole(EVENTS, &format!("{start}{large}{}", ends(tongue, &counts(10, 5))))
        }
        "events-many" => {
            let many = many();
            let head = head(200, &[&typed(EVENTS), "transfer-encoding: chunked"]);
            let end = ends(tongue, &counts(10, many as u64));
            vec![
                text(head),
                Step::Bytes(chunk(&begins(tongue))),
                Step::Repeat(chunk(&piece(tongue, "a").repeat(500)), many / 500),
                Step::Bytes(chunk(&end)),
                Step::Bytes(chunk("")),
            ]
        }
        // Between the events, what no reader has to look at.
        "events-tiny" => {
            let head = head(200, &[&typed(EVENTS), "transfer-encoding: chunked"]);
            vec![
                text(head),
                Step::Bytes(chunk(&begins(tongue))),
                Step::Repeat(chunk(&":\n\n".repeat(5_000)), 50),
                Step::Bytes(chunk(&ends(tongue, &counts(10, 5)))),
                Step::Bytes(chunk("")),
            ]
        }
        // All came, but for the protocol's own end.
        "no-end" => {
            let body = format!("{}{}", begins(tongue), piece(tongue, "Hello"));
            whole(EVENTS, &body)
        }
        "after-the-end" => {
            let body = format!("{}{}", usual().1, piece(tongue, " and more").repeat(50));
            whole(usual().0, &body)
        }
        "holds-on" => {
            let (kind, body) = usual();
            let head = head(200, &[&typed(kind), "content-length: 100000"]);
            vec![text(head), text(body), Step::Hang]
        }
        other => vec![text(head(500, &[])), text(format!("no such lie: {other}"))],
    }
}

/// How many events `lie:events-many` has: a million by `DE_EVENTS=1000000`.
fn many() -> usize {
    let told = std::env::var("DE_EVENTS").ok().and_then(|many| many.parse().ok());
    told.unwrap_or(20_000)
}

fn counts(input: u64, output: u64) -> String {
    format!("{input} {output}")
}

/// The counts that a lie about them names, with a blank between them; absent ones are empty.
fn usage(lie: &str) -> Option<String> {
    let counts = match lie {
        "usage-negative" => "-10 -5",
        "usage-negative-large" => "-9223372036854775808 -9223372036854775808",
        "usage-huge" => "9007199254740993 9007199254740993",
        "usage-beyond" => "99999999999999999999999 99999999999999999999999",
        "usage-float" => "10.5 5.5",
        "usage-exponent" => "1e400 1e400",
        "usage-text" => "\"10\" \"5\"",
        "usage-null" => "null null",
        "usage-object" => "{} []",
        "usage-zero" => "0 0",
        "usage-missing" => " ",
        _ => return None,
    };
    Some(counts.to_owned())
}

fn written(tongue: Tongue, counts: &str) -> String {
    let (input, output) = counts.split_once(' ').unwrap_or_default();
    if input.is_empty() {
        return "null".to_owned();
    }
    match tongue {
        Tongue::Anthropic => format!(r#"{{"input_tokens":{input},"output_tokens":{output}}}"#),
        Tongue::OpenAi => {
            format!(r#"{{"prompt_tokens":{input},"completion_tokens":{output},"total_tokens":15}}"#)
        }
    }
}

fn reply(tongue: Tongue, counts: &str) -> String {
    let usage = written(tongue, counts);
    match tongue {
        Tongue::Anthropic => format!(
            r#"{{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[{{"type":"text","text":"Hello there"}}],"stop_reason":"end_turn","stop_sequence":null,"usage":{usage}}}"#
        ),
        Tongue::OpenAi => format!(
            r#"{{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"m","choices":[{{"index":0,"message":{{"role":"assistant","content":"Hello there"}},"finish_reason":"stop"}}],"usage":{usage}}}"#
        ),
    }
}

fn error(tongue: Tongue, kind: &str) -> String {
    match tongue {
        Tongue::Anthropic => {
            r#"{"type":"error","error":{"type":"api_error","message":"it is all our fault"}}"#
                .to_owned()
        }
        Tongue::OpenAi => format!(
            r#"{{"error":{{"message":"it is all our fault","type":"{kind}","param":null,"code":null}}}}"#
        ),
    }
}

fn events(tongue: Tongue, counts: &str, pieces: usize) -> String {
    let pieces = piece(tongue, "Hello ").repeat(pieces);
    format!("{}{pieces}{}", begins(tongue), ends(tongue, counts))
}

fn begins(tongue: Tongue) -> String {
    match tongue {
        Tongue::Anthropic => concat!(
            "event: message_start\n",
            r#"data: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":10,"output_tokens":1}}}"#,
            "\n\nevent: content_block_start\n",
            r#"data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
            "\n\n"
        )
        .to_owned(),
        Tongue::OpenAi => concat!(
            r#"data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}"#,
            "\n\n"
        )
        .to_owned(),
    }
}

fn piece(tongue: Tongue, text: &str) -> String {
    match tongue {
        Tongue::Anthropic => format!(
            "event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{{\"type\":\"text_delta\",\"text\":\"{text}\"}}}}\n\n"
        ),
        Tongue::OpenAi => format!(
            "data: {{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}},\"finish_reason\":null}}]}}\n\n"
        ),
    }
}

fn ends(tongue: Tongue, counts: &str) -> String {
    let usage = written(tongue, counts);
    match tongue {
        Tongue::Anthropic => format!(
            "event: content_block_stop\ndata: {{\"type\":\"content_block_stop\",\"index\":0}}\n\n\
             event: message_delta\ndata: {{\"type\":\"message_delta\",\"delta\":{{\"stop_reason\":\"end_turn\",\"stop_sequence\":null}},\"usage\":{usage}}}\n\n\
             event: message_stop\ndata: {{\"type\":\"message_stop\"}}\n\n"
        ),
        Tongue::OpenAi => format!(
            "data: {{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{{\"index\":0,\"delta\":{{}},\"finish_reason\":\"stop\"}}]}}\n\n\
             data: {{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[],\"usage\":{usage}}}\n\n\
             data: [DONE]\n\n"
        ),
    }
}

fn text(text: String) -> Step {
    Step::Bytes(text.into_bytes())
}

fn typed(kind: &str) -> String {
    format!("content-type: {kind}")
}

fn head(status: u16, lines: &[&str]) -> String {
    let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
    format!("HTTP/1.1 {status} So\r\nconnection: close\r\n{lines}\r\n")
}

fn whole(kind: &str, body: &str) -> Vec<Step> {
    let length = format!("content-length: {}", body.len());
    vec![text(head(200, &[&typed(kind), &length])), text(body.to_owned())]
}

fn coded(coding: &str, kind: &str, body: Vec<u8>) -> Vec<Step> {
    let length = format!("content-length: {}", body.len());
    let coding = format!("content-encoding: {coding}");
    vec![text(head(200, &[&typed(kind), &coding, &length])), Step::Bytes(body)]
}

/// One piece of a body whose length nobody says.
fn chunk(text: &str) -> Vec<u8> {
    format!("{:x}\r\n{text}\r\n", text.len()).into_bytes()
}

/// A gigabyte of nothing, in a megabyte: a block that stands for itself, again and again.
fn bomb() -> Vec<u8> {
    let mut coder = flate2::Compress::new(flate2::Compression::fast(), false);
    let mut block = Vec::with_capacity(1 << 16);
    let nothing = vec![b' '; 1 << 20];
    coder.compress_vec(&nothing, &mut block, flate2::FlushCompress::Full).expect("memory takes it");
    let mut all = b"\x1f\x8b\x08\0\0\0\0\0\0\xff".to_vec();
    all.extend(block.repeat(1_024));
    all
}
