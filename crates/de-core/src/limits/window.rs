//! What counts against a limit over time: a ring of buckets, each of which leaves at its time.

use std::collections::BTreeMap;

use super::{
    calendar::Calendar,
    policy::{Kind, Period, Span},
};
use crate::time::UnixMillis;

/// How a limit divides time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Ruler {
    /// A bucket a period of the calendar, named by its first moment, which leaves with its end.
    Calendar(Calendar, Period),
    /// Equal buckets, each of which leaves when all of it lies outside of the rolling window.
    Rolling(Span),
}

impl Ruler {
    /// How a kind of limit divides time; `None` for what runs at once.
    pub(super) fn of(kind: Kind, calendar: Calendar) -> Option<Self> {
        match kind {
            Kind::Budget(period) => Some(Self::Calendar(calendar, period)),
            Kind::Concurrent => None,
            Kind::Requests(span) | Kind::Tokens(span) => Some(Self::Rolling(span)),
        }
    }

    /// The bucket of a lease that ends then. A lease never outlives the period that it was granted in.
    pub(super) fn bucket(self, ends_at: UnixMillis) -> Place {
        match self {
            Self::Calendar(calendar, period) => {
                let stretch = calendar.stretch(period, ends_at.plus(-1));
                Place { index: stretch.starts_at.0, leaves_at: stretch.ends_at }
            }
            Self::Rolling(span) => {
                let index = ends_at.0.div_euclid(span.bucket_ms());
                let end = index.saturating_add(1).saturating_mul(span.bucket_ms());
                Place { index, leaves_at: UnixMillis(end.saturating_add(span.length_ms())) }
            }
        }
    }
}

/// A bucket.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Place {
    pub(super) index: i64,
    /// From when on it counts no more.
    pub(super) leaves_at: UnixMillis,
}

/// Debits by bucket, as far as they still count.
///
/// In a rolling window a debit counts from its time until its whole bucket lies outside, so the sum is never
/// less than that of the exact window, and more by at most one bucket. Debits may lie a little in the
/// future. Only buckets that hold something are kept: an idle window is empty, a busy one has about as
/// many as the window has steps.
#[derive(Clone, Debug, Default)]
pub(super) struct Window {
    buckets: BTreeMap<i64, Held>,
    sum: u64,
}

#[derive(Clone, Copy, Debug)]
struct Held {
    amount: u64,
    leaves_at: UnixMillis,
}

impl Window {
    /// Drops what has left the window.
    pub(super) fn advance(&mut self, now: UnixMillis) {
        while let Some(first) = self.buckets.first_entry() {
            if first.get().leaves_at > now {
                break;
            }
            self.sum = self.sum.saturating_sub(first.remove().amount);
        }
    }

    pub(super) fn add(&mut self, place: Place, amount: u64) {
        if amount > 0 {
            let Place { index, leaves_at } = place;
            let empty = Held { amount: 0, leaves_at };
            let bucket = self.buckets.entry(index).or_insert(empty);
            bucket.amount = bucket.amount.saturating_add(amount);
            self.sum = self.sum.saturating_add(amount);
        }
    }

    /// Gives back into the bucket that was debited; nowhere, if it is gone.
    pub(super) fn take_back(&mut self, place: Place, amount: u64) {
        if let Some(bucket) = self.buckets.get_mut(&place.index) {
            let amount = amount.min(bucket.amount);
            bucket.amount -= amount;
            if bucket.amount == 0 {
                self.buckets.remove(&place.index);
            }
            self.sum = self.sum.saturating_sub(amount);
        }
    }

    pub(super) fn sum(&self) -> u64 {
        self.sum
    }

    pub(super) fn is_empty(&self) -> bool {
        self.buckets.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.buckets.len()
    }

    /// When `need` more will fit under `max`, if nothing else happens; `None` if it never does.
    pub(super) fn free_at(&self, need: u64, max: u64) -> Option<UnixMillis> {
        let allowed = max.checked_sub(need)?;
        let mut left = self.sum;
        let mut at = UnixMillis(i64::MIN);
        for bucket in self.buckets.values() {
            if left <= allowed {
                break;
            }
            left = left.saturating_sub(bucket.amount);
            at = bucket.leaves_at;
        }
        Some(at)
    }

    /// When the window will be empty, if nothing else happens; `None` if it is.
    pub(super) fn empty_at(&self) -> Option<UnixMillis> {
        self.buckets.last_key_value().map(|(_, bucket)| bucket.leaves_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Place {
        Ruler::Rolling(Span::Minute).bucket(UnixMillis(ms))
    }

    #[test]
    fn a_debit_leaves_with_its_bucket() {
        let mut window = Window::default();
        window.add(at(1_500), 2);
        window.add(at(2_000), 3);
        window.advance(UnixMillis(61_999));
        assert_eq!(window.sum(), 5);
        window.advance(UnixMillis(62_000));
        assert_eq!(window.sum(), 3);
        window.advance(UnixMillis(63_000));
        assert!(window.is_empty() && window.sum() == 0);
    }

    #[test]
    fn room_comes_when_enough_buckets_have_left() {
        let mut window = Window::default();
        window.add(at(0), 2);
        window.add(at(5_000), 3);
        assert_eq!(window.free_at(1, 5), Some(UnixMillis(61_000)));
        assert_eq!(window.free_at(3, 5), Some(UnixMillis(66_000)));
        assert_eq!(window.free_at(5, 5), Some(UnixMillis(66_000)));
        assert_eq!(window.free_at(6, 5), None);
        assert_eq!(window.empty_at(), Some(UnixMillis(66_000)));
    }

    #[test]
    fn a_credit_goes_to_its_own_bucket_or_nowhere() {
        let mut window = Window::default();
        window.add(at(0), 2);
        window.take_back(at(5_000), 2);
        assert_eq!(window.sum(), 2);
        window.take_back(at(0), 9);
        assert!(window.is_empty() && window.sum() == 0);
    }

    #[test]
    fn nothing_takes_no_bucket() {
        let mut window = Window::default();
        window.add(at(0), 2);
        window.add(at(5_000), 0);
        assert_eq!((window.len(), window.empty_at()), (1, Some(UnixMillis(61_000))));
        window.add(at(5_000), 1);
        assert_eq!((window.len(), window.empty_at()), (2, Some(UnixMillis(66_000))));
    }

    #[test]
    fn a_period_leaves_as_a_whole() {
        let month = Ruler::Calendar(Calendar::default(), Period::Month);
        let time = |text: &str| UnixMillis::parse_rfc3339(text).unwrap();
        let mut window = Window::default();
        window.add(month.bucket(time("2026-11-01T00:00:02Z")), 2);
        // A lease that ends with the month is of the month.
        window.add(month.bucket(time("2026-12-01T00:00:00Z")), 3);
        assert_eq!(window.len(), 1);
        window.advance(time("2026-11-30T23:59:59.999Z"));
        assert_eq!(window.sum(), 5);
        assert_eq!(window.free_at(5, 5), Some(time("2026-12-01T00:00:00Z")));
        window.advance(time("2026-12-01T00:00:00Z"));
        assert!(window.is_empty());
    }

    #[test]
    fn no_clock_makes_it_panic() {
        let calendar = Period::ALL.map(|period| Ruler::Calendar(Calendar::default(), period));
        let rolling = [Span::Day, Span::Hour, Span::Minute].map(Ruler::Rolling);
        for ruler in calendar.into_iter().chain(rolling) {
            let mut window = Window::default();
            for time in [i64::MIN, -1, 0, i64::MAX] {
                window.add(ruler.bucket(UnixMillis(time)), u64::MAX);
                window.advance(UnixMillis(time));
                let _ = (window.free_at(1, u64::MAX), window.empty_at(), window.len());
            }
            window.advance(UnixMillis(i64::MAX));
            window.advance(UnixMillis(i64::MIN));
        }
    }
}
