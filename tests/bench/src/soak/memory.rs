//! What the runtime holds, every ten seconds, and whether that grows.

use std::{
    fs,
    time::{Duration, Instant},
};

use serde::Serialize;

use crate::limits::{caller::count, part::Part};

const EVERY: Duration = Duration::from_secs(10);
/// The part of the time at whose end the runtime counts as warm: code is compiled, copies and pools are filled, and
/// heaps and the wasm memories, which never shrink, have the size that this load needs.
const WARM: f64 = 1.0 / 3.0;
/// Memory is flat if it grows by less than this part of its median from then to the end.
const FLAT: f64 = 0.05;

/// The memory of a process at a moment, in KiB.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Sample {
    /// Since the first call.
    at_s: f64,
    /// What is its own: neither shared nor of a file.
    anonymous_kib: u64,
    /// Its part of what it shares, and all that it does not.
    pss_kib: u64,
    /// All that it has in memory.
    rss_kib: u64,
}

/// Looks until the time is over, or the process is gone.
pub(crate) async fn watch(pid: u32, duration: Duration) -> Vec<Sample> {
    let began = Instant::now();
    let mut samples = Vec::new();
    let mut due = began;
    while began.elapsed() < duration {
        let Some(sample) = sample(pid, began) else { break };
        if samples.len() % 6 == 0 {
            println!("  {:.0} s: {} MiB", sample.at_s, sample.pss_kib / 1024);
        }
        samples.push(sample);
        due += EVERY;
        tokio::time::sleep_until(due.into()).await;
    }
    samples
}

fn sample(pid: u32, began: Instant) -> Option<Sample> {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let at_s = began.elapsed().as_secs_f64();
    Some(Sample {
        at_s,
        anonymous_kib: line(&text, "Pss_Anon:")?,
        pss_kib: line(&text, "Pss:")?,
        rss_kib: line(&text, "Rss:")?,
    })
}

fn line(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Whether it is flat, and the figures.
pub(crate) fn part(samples: &[Sample], calls: usize) -> Part {
    let mut part = Part::new("memory");
    let total = samples.last().map_or(0.0, |sample| sample.at_s);
    let warm: Vec<_> = samples.iter().filter(|sample| sample.at_s >= total * WARM).collect();
    let points: Vec<_> =
        warm.iter().map(|sample| (sample.at_s, mib(sample.anonymous_kib))).collect();
    let (Some(slope), Some(middle)) =
        (slope(&points), median(points.iter().map(|p| p.1).collect()))
    else {
        part.promise("memory is flat", false, format!("{} samples tell nothing", points.len()));
        return part;
    };
    let stretch = total * (1.0 - WARM);
    let growth = slope * stretch;
    let most = middle * FLAT;
    part.promise(
        format!("memory of its own grows by less than {} % once it is warm", FLAT * 100.0),
        growth < most,
        format!(
            "{growth:+.1} MiB in {:.1} minutes, of {middle:.0} MiB; {most:.1} would be too much",
            stretch / 60.0
        ),
    );
    let of = |pick: fn(&Sample) -> u64| samples.iter().map(pick).map(mib).collect::<Vec<_>>();
    let first = of(|sample| sample.pss_kib).first().copied().unwrap_or(0.0);
    part.figure("PSS at the beginning", first, "MiB");
    part.figure("PSS, median", median(of(|sample| sample.pss_kib)).unwrap_or(0.0), "MiB");
    part.figure("PSS, most", of(|sample| sample.pss_kib).into_iter().fold(0.0, f64::max), "MiB");
    part.figure("RSS, most", of(|sample| sample.rss_kib).into_iter().fold(0.0, f64::max), "MiB");
    part.figure("own memory, median once warm", middle, "MiB");
    part.figure("own memory, slope once warm", slope * 60.0 * 1024.0, "KiB a minute");
    let a_call = growth * 1024.0 * 1024.0 / (count(calls) * (1.0 - WARM)).max(1.0);
    part.figure("the same by call", a_call, "bytes");
    part
}

/// The slope of Theil and Sen: the median of those of all pairs, which no outlier and no saw's tooth moves much.
fn slope(points: &[(f64, f64)]) -> Option<f64> {
    let mut slopes = Vec::new();
    for (place, (x, y)) in points.iter().enumerate() {
        for (later, value) in points.iter().skip(place + 1) {
            slopes.push((value - y) / (later - x));
        }
    }
    median(slopes)
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
fn mib(kib: u64) -> f64 {
    kib as f64 / 1024.0
}

#[cfg(test)]
mod tests {
    use super::{Sample, line, part, slope};

    fn samples(own: impl Fn(u32) -> u64) -> Vec<Sample> {
        let at = |n: u32| Sample {
            at_s: f64::from(n) * 10.0,
            anonymous_kib: own(n),
            pss_kib: own(n),
            rss_kib: own(n),
        };
        (0..180).map(at).collect()
    }

    #[test]
    fn a_saw_is_flat_and_a_ramp_is_not() {
        let saw = samples(|n| 300_000 + u64::from(n % 7) * 5_000);
        assert_eq!(part(&saw, 1_000).broken(), 0);
        let warming = samples(|n| 200_000 + u64::from(n.min(50)) * 2_000);
        assert_eq!(part(&warming, 1_000).broken(), 0);
        let ramp = samples(|n| 300_000 + u64::from(n) * 200 + u64::from(n % 7) * 5_000);
        assert_eq!(part(&ramp, 1_000).broken(), 1);
        assert_eq!(part(&[], 0).broken(), 1);
    }

    #[test]
    fn one_outlier_moves_no_slope() {
        let mut points: Vec<_> = (0..50).map(|n| (f64::from(n), f64::from(n) * 2.0)).collect();
        points[49].1 = 1e9;
        assert_eq!(slope(&points), Some(2.0));
        assert_eq!(slope(&points[..1]), None);
    }

    #[test]
    fn lines_are_told_apart() {
        let text = "Rss:   100 kB\nPss:    90 kB\nPss_Anon:   80 kB\n";
        assert_eq!([line(text, "Pss:"), line(text, "Pss_Anon:")], [Some(90), Some(80)]);
    }
}
