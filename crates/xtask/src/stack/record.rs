//! `target/dev/stack.json`: what runs where, for people, tests and `dev --stop`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::files;
use crate::layout::Layout;
use crate::stack::ports::{DEFAULT_BASE, Ports, address};
use crate::stack::processes::{self, Process};

/// How long a stack may take to end when asked.
const GRACE: Duration = Duration::from_secs(6);

/// The file's content. Secret, since it holds keys; only its owner may read the file.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Record {
    /// The front door.
    pub(crate) base: String,
    /// Where a worker's cron is called before its time, with its name as `MF-Route-Override`.
    pub(crate) cron: String,
    /// The workers' own hosts, by worker.
    pub(crate) hosts: BTreeMap<String, String>,
    /// The pages, by name.
    pub(crate) interfaces: BTreeMap<String, String>,
    pub(crate) simulator: String,
    #[serde(flatten)]
    pub(crate) keys: Keys,
    /// Whether it goes on without the terminal that started it.
    #[serde(default)]
    pub(crate) detached: bool,
    /// The runtime, for whoever measures what a request costs.
    pub(crate) workerd_pid: Option<u32>,
    /// Every process of the stack.
    pub(crate) pids: Vec<u32>,
    /// The same, so that `dev --stop` ends these and no others. The first ends the rest.
    processes: Vec<Process>,
}

/// The keys that a stack was started with.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Keys {
    /// A key of the operator; absent where nobody is yet.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) admin_key: String,
    /// What whoever begins proves themselves by; absent where there is an operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) bootstrap_token: Option<String>,
    /// A key of a client app in the dev tenant; absent where nobody is yet.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) client_key: String,
    /// Keys that must be refused, by the reason: `expired`, `revoked`. Suites try them.
    pub(crate) refused_keys: BTreeMap<String, String>,
    /// The vendors' keys that the simulator accepts, by provider: what to save to try providers out.
    #[serde(default)]
    pub(crate) simulator_keys: BTreeMap<String, String>,
}

impl Record {
    /// Describes a stack of which no process is known yet.
    pub(crate) fn new(ports: Ports, keys: Keys) -> Self {
        Self {
            base: address(ports.base()),
            cron: format!("{}/cdn-cgi/local/scheduled", address(ports.cron())),
            hosts: ports.hosts().map(|(worker, port)| (worker.to_owned(), address(port))).collect(),
            interfaces: ports
                .pages()
                .map(|(page, port)| (page.to_owned(), address(port)))
                .collect(),
            simulator: address(ports.simulator()),
            keys,
            detached: false,
            workerd_pid: None,
            pids: Vec::new(),
            processes: Vec::new(),
        }
    }

    /// Notes Node and its children.
    pub(crate) fn find_processes(&mut self, node: u32) {
        let children = processes::children(node);
        self.workerd_pid =
            children.iter().find(|(_pid, name)| name == "workerd").map(|(pid, _name)| *pid);
        self.processes = std::iter::once((node, "stack.mjs".to_owned()))
            .chain(children)
            .filter_map(|(pid, name)| Process::note(&name, pid))
            .collect();
        self.pids = self.processes.iter().map(|process| process.pid).collect();
    }

    /// Reads the record of a stack on these ports; none if there is no file.
    pub(crate) fn read(layout: &Layout, ports: Ports) -> Result<Option<Self>, Failure> {
        let path = path(layout, ports);
        if !path.exists() {
            return Ok(None);
        }
        serde_json::from_str(&files::read(&path)?).map(Some).map_err(|error| Failure::Content {
            path,
            problem: format!("not a stack's record: {error}"),
        })
    }

    /// Whether any of its processes runs.
    pub(crate) fn is_alive(&self) -> bool {
        self.processes.iter().any(Process::is_alive)
    }

    /// Ends its processes.
    ///
    /// # Errors
    /// `System` if one survives even KILL.
    pub(crate) fn end(&self) -> Result<(), Failure> {
        end(&self.processes, GRACE)
    }

    /// Ends what outlived the process that should have ended it.
    pub(crate) fn end_strays(&self) -> Result<(), Failure> {
        end(&self.processes, Duration::ZERO)
    }

    /// The file's text.
    pub(crate) fn json(&self) -> Result<String, Failure> {
        serde_json::to_string_pretty(self)
            .map_err(|error| Failure::System { action: "write JSON", problem: error.to_string() })
    }
}

fn end(processes: &[Process], grace: Duration) -> Result<(), Failure> {
    if processes::end(processes, grace) {
        return Ok(());
    }
    let left = processes.iter().filter(|process| process.is_alive());
    let left =
        left.map(|process| format!("{} ({})", process.name, process.pid)).collect::<Vec<_>>();
    Err(Failure::System { action: "end every process of the stack", problem: left.join(", ") })
}

/// Where the record of a stack lies: `stack.json` on the default ports, else with the base in its name.
pub(crate) fn path(layout: &Layout, ports: Ports) -> PathBuf {
    layout.dev().join(name(ports.base()))
}

fn name(base: u16) -> PathBuf {
    if base == DEFAULT_BASE {
        Path::new("stack.json").to_owned()
    } else {
        format!("stack-{base}.json").into()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Keys, Record, name};
    use crate::stack::ports::Ports;

    #[test]
    fn two_stacks_have_two_records() {
        assert_eq!(name(8787), Path::new("stack.json"));
        assert_eq!(name(9787), Path::new("stack-9787.json"));
    }

    #[test]
    fn what_is_written_is_read_again() {
        let keys = Keys { admin_key: "admin".to_owned(), ..Keys::default() };
        let mut record = Record::new(Ports::free().unwrap(), keys);
        record.find_processes(std::process::id());
        assert!(record.is_alive());
        let read: Record = serde_json::from_str(&record.json().unwrap()).unwrap();
        assert_eq!(read, record);
    }
}
