//! How much processor time and memory a process has used, with the processes that it has started.

use std::{fs, time::Duration};

/// The time that all threads of a process and of its children have run, user and system together; none where the
/// system does not tell, which only Linux does.
///
/// The scheduler's own counters (proc(5), `schedstat`) count nanoseconds; utime and stime in
/// `/proc/<pid>/stat` are the same time in steps of 10 ms. Both leave out nothing that matters here:
/// workerd's threads live as long as it does.
pub(crate) fn used(pid: u32) -> Option<Duration> {
    let of_one = |pid: u32| {
        by_threads(pid).or_else(|| by_ticks(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?))
    };
    let own = of_one(pid)?;
    Some(own + children(pid).into_iter().filter_map(used).sum())
}

/// The memory that a process and its children have in use, in bytes (proc_pid_status(5), `VmRSS`); none where the
/// system does not tell. What they share is counted once for each.
pub(crate) fn resident(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let own: u64 = line.split_whitespace().next()?.parse().ok()?;
    let theirs: u64 = children(pid).into_iter().filter_map(resident).sum();
    Some(own * 1_024 + theirs)
}

/// Who has started a process (proc_pid_stat(5), `ppid`).
pub(crate) fn parent(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.split_whitespace().nth(1)?.parse().ok()
}

/// What a process is called.
pub(crate) fn name(pid: u32) -> Option<String> {
    Some(fs::read_to_string(format!("/proc/{pid}/comm")).ok()?.trim_end().to_owned())
}

/// The processes that any of a process's threads has started and that still run.
pub(crate) fn children(pid: u32) -> Vec<u32> {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let lists =
        threads.filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("children")).ok());
    lists
        .flat_map(|list| {
            list.split_whitespace().filter_map(|id| id.parse().ok()).collect::<Vec<_>>()
        })
        .collect()
}

fn by_threads(pid: u32) -> Option<Duration> {
    let mut nanos = 0;
    for thread in fs::read_dir(format!("/proc/{pid}/task")).ok()? {
        // A thread may end between the two readings.
        let Ok(text) = fs::read_to_string(thread.ok()?.path().join("schedstat")) else { continue };
        nanos += text.split_whitespace().next()?.parse::<u64>().ok()?;
    }
    (nanos > 0).then(|| Duration::from_nanos(nanos))
}

/// Reads utime and stime, fields 14 and 15 of proc_pid_stat(5).
fn by_ticks(stat: &str) -> Option<Duration> {
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut fields = rest.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    // USER_HZ is 100 on every architecture that we run on.
    Some(Duration::from_millis((user + system) * 10))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{by_ticks, children, parent, resident, used};

    #[test]
    fn ticks_are_found_behind_a_name_with_brackets() {
        let stat =
            "42 (a) b (c) S 7 42 42 0 -1 4194560 100 0 0 0 150 25 0 0 20 0 1 0 987654 1000 10";
        assert_eq!(by_ticks(stat), Some(Duration::from_millis(1_750)));
        assert_eq!(by_ticks("42 (short) S 7"), None);
    }

    #[test]
    fn a_process_that_is_gone_has_used_nothing_that_we_know() {
        assert_eq!(used(u32::MAX), None);
        assert_eq!(resident(u32::MAX), None);
    }

    #[test]
    fn children_count_for_who_started_them() {
        // Other systems do not tell.
        if !std::path::Path::new("/proc/thread-self/children").exists() {
            return;
        }
        let mut child =
            std::process::Command::new("cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
        let ours = std::process::id();
        assert!(children(ours).contains(&child.id()));
        assert_eq!(parent(child.id()), Some(ours));
        assert!(resident(ours) > resident(child.id()));
        drop(child.stdin.take());
        child.wait().unwrap();
        assert!(!children(ours).contains(&child.id()));
    }
}
