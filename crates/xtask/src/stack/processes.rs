//! Processes that this one did not start: who they are, and how they are ended without hitting another.
//!
//! A number alone proves nothing, since the system gives it out again. With the time of its start it does.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};

use crate::say::Watch;

/// A process as it was when it was noted.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Process {
    pub(crate) name: String,
    pub(crate) pid: u32,
    /// When it started, in the system's own words.
    pub(crate) started: String,
}

impl Process {
    /// Notes a process that runs now; none if it does not.
    pub(crate) fn note(name: &str, pid: u32) -> Option<Self> {
        Some(Self { name: name.to_owned(), pid, started: started(pid)? })
    }

    /// Whether it is still the same process, and not only a dead one that nobody has asked after.
    pub(crate) fn is_alive(&self) -> bool {
        started(self.pid).is_some_and(|started| started == self.started)
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
        if let Some(pid) = pid.filter(|_pid| self.is_alive()) {
            // It may end between the question and the signal, which is what the signal is for.
            let _gone = kill_process(pid, signal);
        }
    }
}

/// Ends processes: TERM to the first, which is to end the rest, then after `grace` KILL to whoever is left.
///
/// Returns whether all have gone.
pub(crate) fn end(processes: &[Process], grace: Duration) -> bool {
    if let Some(first) = processes.first() {
        first.signal(Signal::TERM);
    }
    if gone_within(processes, grace) {
        return true;
    }
    for process in processes {
        process.signal(Signal::KILL);
    }
    gone_within(processes, Duration::from_secs(2))
}

fn gone_within(processes: &[Process], time: Duration) -> bool {
    let watch = Watch::start();
    loop {
        if !processes.iter().any(Process::is_alive) {
            return true;
        }
        if watch.elapsed() > time {
            return false;
        }
        thread::sleep(Duration::from_millis(50));
    }
}

/// The children of a process: number and name.
pub(crate) fn children(parent: u32) -> Vec<(u32, String)> {
    if !has_proc() {
        let listing = ps(&["-A", "-o", "pid=,ppid=,comm="]).unwrap_or_default();
        return listing.lines().filter_map(|line| child_in_listing(line, parent)).collect();
    }
    let Ok(folder) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = folder.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.filter_map(|pid: u32| {
        let stat = Stat::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)?;
        (stat.parent == parent).then_some((pid, stat.name))
    })
    .collect()
}

fn child_in_listing(line: &str, parent: u32) -> Option<(u32, String)> {
    let mut words = line.split_whitespace();
    let pid = words.next()?.parse().ok()?;
    let of_parent = words.next()?.parse() == Ok(parent);
    let command = words.next()?;
    of_parent.then(|| (pid, command.rsplit('/').next().unwrap_or(command).to_owned()))
}

fn started(pid: u32) -> Option<String> {
    if !has_proc() {
        let text = ps(&["-o", "stat=,lstart=", "-p", &pid.to_string()])?;
        let (state, started) = text.trim().split_once(' ')?;
        return (!state.starts_with('Z')).then(|| started.trim().to_owned());
    }
    let stat = Stat::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)?;
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    (!stat.is_dead()).then(|| format!("{} {}", boot.trim(), stat.started))
}

fn has_proc() -> bool {
    Path::new("/proc/self/stat").exists()
}

fn ps(args: &[&str]) -> Option<String> {
    let output = Command::new("ps").args(args).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The fields of `/proc/<pid>/stat` that matter here, as proc_pid_stat(5) numbers them.
#[derive(Debug, Eq, PartialEq)]
struct Stat {
    name: String,
    state: char,
    parent: u32,
    /// Clock ticks since the machine started.
    started: u64,
}

impl Stat {
    fn parse(text: &str) -> Option<Self> {
        // The name stands in brackets and may hold brackets and spaces itself.
        let (head, rest) = text.rsplit_once(") ")?;
        let (_pid, name) = head.split_once(" (")?;
        let mut fields = rest.split_whitespace();
        let state = fields.next()?.chars().next()?;
        let parent = fields.next()?.parse().ok()?;
        let started = fields.nth(17)?.parse().ok()?;
        Some(Self { name: name.to_owned(), state, parent, started })
    }

    fn is_dead(&self) -> bool {
        matches!(self.state, 'X' | 'Z')
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::Duration;

    use super::{Process, Stat, child_in_listing, children, end};

    #[test]
    fn stat_is_read_although_names_hold_brackets() {
        let text =
            "42 (a) b (c) S 7 42 42 0 -1 4194560 100 0 0 0 1 2 0 0 20 0 1 0 987654 1000 10\n";
        let expected = Stat { name: "a) b (c".to_owned(), state: 'S', parent: 7, started: 987_654 };
        assert_eq!(Stat::parse(text), Some(expected));
        assert_eq!(Stat::parse("42 (short) S 7"), None);
    }

    #[test]
    fn listing_of_ps_is_read() {
        assert_eq!(
            child_in_listing("  12     7 /usr/bin/workerd", 7),
            Some((12, "workerd".to_owned()))
        );
        assert_eq!(child_in_listing("  12     8 workerd", 7), None);
    }

    #[test]
    fn only_the_process_that_was_noted_is_ended() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let process = Process::note("sleep", child.id()).unwrap();
        assert!(children(std::process::id()).iter().any(|(pid, _name)| *pid == child.id()));
        let other = Process { started: "some other time".to_owned(), ..process.clone() };
        assert!(!other.is_alive());
        assert!(end(&[other], Duration::from_millis(10)));
        assert!(process.is_alive());
        assert!(end(std::slice::from_ref(&process), Duration::from_secs(5)));
        child.wait().unwrap();
        assert_eq!(Process::note("sleep", process.pid), None);
    }
}
