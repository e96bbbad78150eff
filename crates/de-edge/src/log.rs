//! One JSON line an event, to the runtime's console.

use de_core::ports::{Level, Log, LogLine};

pub(crate) struct EdgeLog;

impl Log for EdgeLog {
    fn write(&self, line: LogLine) {
        let LogLine { mut fields, level, message } = line;
        let word = match level {
            Level::Error => "error",
            Level::Info => "info",
            Level::Warn => "warn",
        };
        fields.insert("level".to_owned(), word.into());
        fields.insert("message".to_owned(), message.into());
        let text = serde_json::Value::Object(fields).to_string();
        match level {
            Level::Error => worker::console_error!("{text}"),
            Level::Info => worker::console_log!("{text}"),
            Level::Warn => worker::console_warn!("{text}"),
        }
    }
}
