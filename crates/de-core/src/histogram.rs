//! How long calls took, counted by fixed bounds, so that counts of any spans of time add up.
//!
//! [`BOUNDS_MS`] grow by √2 from 40 ms to 21.8 min: each doubling has two buckets. The first bucket is all
//! that took 40 ms or less, the last all that took more than 21.8 min.
//!
//! A percentile is found by nearest rank and placed within its bucket as if calls lay there evenly on a
//! logarithmic scale. The true one lies in the same bucket, so a percentile is never off by more than a
//! factor of √2, above 40 ms and below 21.8 min; where calls spread over several buckets it is off by a few
//! percent. Below 40 ms it is off by less than 40 ms. Above 21.8 min it is told as 21.8 min: at least that.

use serde::Deserialize;

/// How many buckets there are.
pub const BUCKETS: usize = 32;

/// The longest time of each bucket but the last, in milliseconds. The columns of `usage_sums` are counted by
/// these: they never change.
pub const BOUNDS_MS: [i64; BUCKETS - 1] = [
    40, 57, 80, 113, 160, 226, 320, 453, 640, 905, 1_280, 1_810, 2_560, 3_620, 5_120, 7_241,
    10_240, 14_482, 20_480, 28_963, 40_960, 57_926, 81_920, 115_852, 163_840, 231_705, 327_680,
    463_410, 655_360, 926_819, 1_310_720,
];

/// Counts by bucket.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
pub struct Histogram([u64; BUCKETS]);

impl Histogram {
    /// Counts as they were read, by bucket; `None` if there are not [`BUCKETS`] of them.
    #[must_use]
    pub fn of(counts: &[u64]) -> Option<Self> {
        counts.try_into().ok().map(Self)
    }

    /// Counts one time.
    pub fn record(&mut self, millis: i64) {
        let bucket = BOUNDS_MS.partition_point(|bound| *bound < millis);
        if let Some(count) = self.0.get_mut(bucket) {
            *count = count.saturating_add(1);
        }
    }

    /// Adds the counts of another one.
    pub fn add(&mut self, other: &Self) {
        for (count, more) in self.0.iter_mut().zip(other.0) {
            *count = count.saturating_add(more);
        }
    }

    /// How many times were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.iter().copied().fold(0, u64::saturating_add)
    }

    /// How many took so long or less, for each of [`BOUNDS_MS`] in order.
    pub fn cumulative(&self) -> impl Iterator<Item = (i64, u64)> + '_ {
        let mut sum = 0_u64;
        BOUNDS_MS.iter().zip(self.0).map(move |(bound, count)| {
            sum = sum.saturating_add(count);
            (*bound, sum)
        })
    }

    /// The time that `percent` of 100 calls took or less, in milliseconds; `None` if nothing was counted.
    #[must_use]
    pub fn percentile(&self, percent: u64) -> Option<u64> {
        let all = self.count();
        if all == 0 {
            return None;
        }
        let rank = all.saturating_mul(percent).div_ceil(100).clamp(1, all);
        let mut before = 0_u64;
        for (index, count) in self.0.iter().copied().enumerate() {
            if before.saturating_add(count) >= rank {
                return Some(place(index, rank - before, count));
            }
            before = before.saturating_add(count);
        }
        None
    }
}

/// Where the call of a rank, 1 to `count`, lies within a bucket.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "bounds are small and positive; of counts only the ratio matters"
)]
fn place(bucket: usize, rank: u64, count: u64) -> u64 {
    let bound = |index: usize| BOUNDS_MS.get(index).map(|bound| *bound as f64);
    let low = bucket.checked_sub(1).and_then(bound);
    let part = (rank as f64 - 0.5) / count as f64;
    let millis = match (low, bound(bucket)) {
        (Some(low), Some(high)) => low * (high / low).powf(part),
        (None, Some(high)) => high * part,
        (Some(low), None) => low,
        (None, None) => 0.0,
    };
    millis.round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(times: &[i64]) -> Histogram {
        let mut made = Histogram::default();
        times.iter().for_each(|time| made.record(*time));
        made
    }

    /// By nearest rank, of the times themselves.
    fn exact(times: &[i64], percent: usize) -> i64 {
        let mut sorted = times.to_vec();
        sorted.sort_unstable();
        sorted[(sorted.len() * percent).div_ceil(100).max(1) - 1]
    }

    /// Rows outlive a deploy: with other bounds, what they count would mean something else.
    #[test]
    fn bounds_grow_by_the_root_of_two() {
        for (index, bound) in BOUNDS_MS.iter().enumerate() {
            let expected = 40.0 * 2_f64.powf(index as f64 / 2.0);
            assert!((*bound as f64 - expected).abs() <= 0.5, "{bound} is not {expected}");
        }
    }

    #[test]
    fn a_bound_belongs_to_the_bucket_below_it() {
        for (index, bound) in BOUNDS_MS.iter().enumerate() {
            assert_eq!(of(&[*bound]).0[index], 1, "{bound}");
            assert_eq!(of(&[*bound + 1]).0[index + 1], 1, "{bound}");
        }
        assert_eq!(of(&[0]).0[0], 1);
    }

    #[test]
    fn counts_of_two_spans_are_those_of_both_together() {
        let (one, other) = ([3, 77, 5_000, 2_000_000], [80, 81, 41]);
        let mut sum = of(&one);
        sum.add(&of(&other));
        assert_eq!(sum, of(&[one.as_slice(), other.as_slice()].concat()));
        assert_eq!(sum.count(), 7);
        assert_eq!(sum.cumulative().take(3).collect::<Vec<_>>(), [(40, 1), (57, 2), (80, 4)]);
        assert_eq!(sum.cumulative().last(), Some((1_310_720, 6)));
    }

    #[test]
    fn a_percentile_lies_in_the_bucket_of_the_true_one() {
        // Evenly, on a logarithmic scale, in two clusters far apart, and all the same.
        let even: Vec<i64> = (1..=10_000).map(|n| 50 + n).collect();
        let log: Vec<i64> = (0..5_000).map(|n| (60.0 * 1.002_f64.powi(n)) as i64).collect();
        let clusters: Vec<i64> = (0..100).map(|n| if n < 90 { 120 } else { 30_000 }).collect();
        let same = vec![1_300; 50];
        for (times, is_spread) in [(even, true), (log, true), (clusters, false), (same, false)] {
            let made = of(&times);
            for percent in [1, 50, 95, 99, 100] {
                let (told, truth) =
                    (made.percentile(percent).unwrap(), exact(&times, percent as usize));
                let ratio = told as f64 / truth as f64;
                let allowed = if is_spread { 1.06 } else { 2_f64.sqrt() + 0.01 };
                assert!(ratio < allowed && ratio > 1.0 / allowed, "p{percent}: {told} for {truth}");
            }
        }
    }

    #[test]
    fn ends_are_told_as_they_are() {
        assert_eq!(of(&[]).percentile(50), None);
        assert_eq!(of(&[20]).percentile(50), Some(20));
        assert_eq!(of(&[9_000_000]).percentile(99), Some(1_310_720));
        assert_eq!(Histogram::of(&[0; 31]), None);
    }
}
