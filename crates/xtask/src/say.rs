//! What commands say while they work: to standard error, so that results can be piped.

use std::time::{Duration, Instant};

/// Says that a larger part begins.
pub(crate) fn part(text: &str) {
    eprintln!("==> {text}");
}

/// Says one thing within a part.
pub(crate) fn line(text: &str) {
    eprintln!("    {text}");
}

/// Measures how long something takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Watch(Instant);

impl Watch {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn elapsed(self) -> Duration {
        self.0.elapsed()
    }

    /// The time since the start, for people: `0.4 s`, `2 min 05 s`.
    pub(crate) fn text(self) -> String {
        duration(self.elapsed())
    }
}

/// A duration for people.
pub(crate) fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    if seconds < 60 {
        format!("{:.1} s", time.as_secs_f64())
    } else {
        format!("{} min {:02} s", seconds / 60, seconds % 60)
    }
}

/// A size for people, in KiB.
pub(crate) fn kib(bytes: u64) -> String {
    format!("{} KiB", bytes.div_ceil(1024))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{duration, kib};

    #[test]
    fn times_and_sizes_are_for_people() {
        assert_eq!(duration(Duration::from_millis(440)), "0.4 s");
        assert_eq!(duration(Duration::from_secs(125)), "2 min 05 s");
        assert_eq!(kib(1025), "2 KiB");
    }
}
