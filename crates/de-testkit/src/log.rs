//! The log, kept for looking at.
//!
//! Every line is held against the schema as it is written: one that is not as `docs/logging.md` has it ends the test.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a line that is not as it should be ends the test"
)]

use std::sync::Mutex;

use de_core::{
    log::{Event, LogLine},
    ports::Log,
    time::UnixMillis,
};

use crate::lock;

/// All lines that were written.
#[derive(Default)]
pub struct MemoryLog {
    lines: Mutex<Vec<LogLine>>,
}

impl MemoryLog {
    /// The lines so far.
    #[must_use]
    pub fn lines(&self) -> Vec<LogLine> {
        lock(&self.lines).clone()
    }

    /// All of it as one text, each line with its level and its sentence before it: for looking for what must not be
    /// there.
    ///
    /// # Panics
    /// Never: a line is JSON.
    #[must_use]
    pub fn text(&self) -> String {
        let lines = lock(&self.lines);
        let texts = lines.iter().map(|line| {
            let json = serde_json::to_string(line).expect("a line is JSON");
            format!("{:?} {} {json}", line.level, line.message)
        });
        texts.collect::<Vec<_>>().join("\n")
    }
}

impl Log for MemoryLog {
    fn write(&self, line: LogLine) {
        // No test looks at when or of which version a line is.
        let line = line.stamped(UnixMillis::default(), "test", None);
        check(&line);
        lock(&self.lines).push(line);
    }
}

/// Ends the test if a line is not what the schema says.
///
/// # Panics
/// If it is not.
#[track_caller]
pub fn check(line: &LogLine) {
    let text = serde_json::to_string(line).expect("a line is JSON");
    let read: LogLine = serde_json::from_str(&text).unwrap_or_else(|err| panic!("{err}: {text}"));
    assert_eq!(read, *line, "{text}");
    assert!(!text.contains('\n'), "{text}");
    assert!(!line.message.is_empty(), "{text}");
    let is_one = line.event == Event::Request;
    let has = [line.request_id.is_some(), line.trace_id.is_some(), line.span_id.is_some()];
    let ended = [line.status.is_some(), line.outcome.is_some(), line.duration_ms.is_some()];
    if is_one {
        assert!(line.method.is_some() && has == [true; 3] && ended == [true; 3], "{text}");
    }
    // A path has ids in it; a template has none, and no query.
    for route in line.route.iter().chain([&line.message]) {
        assert!(!route.contains('?') || !is_one, "{text}");
        for id in ["org_", "inst_", "proj_", "user_", "key_", "job_", "asset_", "rcpt_", "sess_"] {
            assert!(!route.contains(&format!("/{id}")), "{text}");
        }
    }
}
