//! The log, kept for looking at.

use std::sync::Mutex;

use de_core::ports::{Log, LogLine};

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

    /// All of it as one text: for looking for what must not be there.
    #[must_use]
    pub fn text(&self) -> String {
        let lines = lock(&self.lines);
        let texts: Vec<String> = lines
            .iter()
            .map(|line| {
                let fields = serde_json::Value::Object(line.fields.clone());
                format!("{:?} {} {fields}", line.level, line.message)
            })
            .collect();
        texts.join("\n")
    }
}

impl Log for MemoryLog {
    fn write(&self, line: LogLine) {
        lock(&self.lines).push(line);
    }
}
