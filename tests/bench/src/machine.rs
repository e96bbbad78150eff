//! Where and when a run was made: absolute figures mean nothing without.

use std::{env::consts, fs, thread};

use serde::Serialize;

/// What figures depend on beside the code.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Machine {
    /// When the run began, RFC 3339.
    pub(crate) date: String,
    /// The processor's model, as far as the system tells.
    pub(crate) processor: String,
    pub(crate) processors: usize,
    pub(crate) system: String,
    /// The load averages of one, five and fifteen minutes when the run began: what else was going on.
    pub(crate) load_before: Option<String>,
    /// When it ended. The benchmark itself is part of these.
    pub(crate) load_after: Option<String>,
    pub(crate) workerd: String,
}

impl Machine {
    /// Looks around before a run.
    pub(crate) fn now(workerd: &str) -> Self {
        let told = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = told.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        Self {
            date: chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now())
                .to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
            processor: model.map_or(consts::ARCH, |(_, model)| model).to_owned(),
            processors: thread::available_parallelism().map_or(1, Into::into),
            system: format!("{} {}", consts::OS, kernel.trim()),
            load_before: load(),
            load_after: None,
            workerd: workerd.to_owned(),
        }
    }

    /// One line for people.
    pub(crate) fn line(&self) -> String {
        let load = |load: &Option<String>| load.clone().unwrap_or_else(|| "unknown".to_owned());
        format!(
            "{}, {} × {}, {}, workerd {}, load {} before and {} after",
            self.date,
            self.processors,
            self.processor,
            self.system,
            self.workerd,
            load(&self.load_before),
            load(&self.load_after),
        )
    }
}

/// The load averages, as `uptime` shows them.
pub(crate) fn load() -> Option<String> {
    let text = fs::read_to_string("/proc/loadavg").ok()?;
    Some(text.split_whitespace().take(3).collect::<Vec<_>>().join(" "))
}
