//! How much processor time a process has used.

use std::{fs, time::Duration};

/// The time that all threads of a process have run, user and system together; none where the system
/// does not tell, which only Linux does.
///
/// The scheduler's own counters (proc(5), `schedstat`) count nanoseconds; utime and stime in
/// `/proc/<pid>/stat` are the same time in steps of 10 ms. Both leave out nothing that matters here:
/// workerd's threads live as long as it does.
pub(crate) fn used(pid: u32) -> Option<Duration> {
    by_threads(pid).or_else(|| by_ticks(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?))
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

    use super::{by_ticks, used};

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
    }
}
