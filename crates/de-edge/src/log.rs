//! One JSON line an event, to the runtime's console.

use de_core::{
    log::{Level, LogLine},
    ports::{Clock, Log},
};
use worker::Env;

use crate::{clock::EdgeClock, settings};

pub(crate) struct EdgeLog;

impl Log for EdgeLog {
    fn write(&self, line: LogLine) {
        let level = line.level;
        let settings = settings::known();
        let (service, version) = settings.as_ref().map_or(("", None), |settings| {
            let version = settings.deployment.as_ref().map(|version| version.id.as_str());
            (settings.service, version)
        });
        let line = line.stamped(EdgeClock.now(), service, version);
        // Text, numbers and maps with names of text: JSON has a form for all of that.
        let Ok(text) = serde_json::to_string(&line) else { return };
        match level {
            Level::Error => worker::console_error!("{text}"),
            Level::Info => worker::console_log!("{text}"),
            Level::Warn => worker::console_warn!("{text}"),
        }
    }
}

/// Notes whose lines this isolate's objects write, before any of them does.
pub fn begin(env: &Env, service: &'static str) {
    drop(settings::settings(env, service));
}

/// Writes a line of an object, which has no platform just then.
pub fn say(line: LogLine) {
    EdgeLog.write(line);
}
