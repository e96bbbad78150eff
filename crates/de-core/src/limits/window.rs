//! A rolling window as a ring of buckets: what was debited when, to one bucket's accuracy.

use std::collections::BTreeMap;

use super::policy::Span;
use crate::time::UnixMillis;

/// Debits by bucket, as far as they still count.
///
/// A debit counts from its time until its whole bucket lies outside of the window, so the sum is never
/// less than that of the exact window, and more by at most one bucket. Debits may lie a little in the
/// future. Only buckets that hold something are kept: an idle window is empty, a busy one has about as
/// many as the window has steps.
#[derive(Clone, Debug)]
pub(super) struct Window {
    buckets: BTreeMap<i64, u64>,
    span: Span,
    sum: u64,
}

impl Window {
    pub(super) fn new(span: Span) -> Self {
        Self { buckets: BTreeMap::new(), span, sum: 0 }
    }

    /// The bucket of a point in time.
    pub(super) fn index(span: Span, at: UnixMillis) -> i64 {
        at.0.div_euclid(span.bucket_ms())
    }

    /// From when on a bucket counts no more.
    pub(super) fn leaves_at(span: Span, index: i64) -> UnixMillis {
        let end = index.saturating_add(1).saturating_mul(span.bucket_ms());
        UnixMillis(end.saturating_add(span.length_ms()))
    }

    /// Drops what has left the window.
    pub(super) fn advance(&mut self, now: UnixMillis) {
        while let Some(first) = self.buckets.first_entry() {
            if Self::leaves_at(self.span, *first.key()) > now {
                break;
            }
            self.sum = self.sum.saturating_sub(first.remove());
        }
    }

    pub(super) fn add(&mut self, index: i64, amount: u64) {
        if amount > 0 {
            let bucket = self.buckets.entry(index).or_default();
            *bucket = bucket.saturating_add(amount);
            self.sum = self.sum.saturating_add(amount);
        }
    }

    /// Gives back into the bucket that was debited; nowhere, if it is gone.
    pub(super) fn take_back(&mut self, index: i64, amount: u64) {
        if let Some(bucket) = self.buckets.get_mut(&index) {
            let amount = amount.min(*bucket);
            *bucket -= amount;
            if *bucket == 0 {
                self.buckets.remove(&index);
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
        for (index, amount) in &self.buckets {
            if left <= allowed {
                break;
            }
            left = left.saturating_sub(*amount);
            at = Self::leaves_at(self.span, *index);
        }
        Some(at)
    }

    /// When the window will be empty, if nothing else happens; `None` if it is.
    pub(super) fn empty_at(&self) -> Option<UnixMillis> {
        self.buckets.last_key_value().map(|(index, _)| Self::leaves_at(self.span, *index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minute() -> Window {
        Window::new(Span::Minute)
    }

    fn at(ms: i64) -> i64 {
        Window::index(Span::Minute, UnixMillis(ms))
    }

    #[test]
    fn a_debit_leaves_with_its_bucket() {
        let mut window = minute();
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
        let mut window = minute();
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
        let mut window = minute();
        window.add(at(0), 2);
        window.take_back(at(5_000), 2);
        assert_eq!(window.sum(), 2);
        window.take_back(at(0), 9);
        assert!(window.is_empty() && window.sum() == 0);
    }

    #[test]
    fn no_clock_makes_it_panic() {
        for span in [Span::Day, Span::Hour, Span::Minute] {
            let mut window = Window::new(span);
            for time in [i64::MIN, -1, 0, i64::MAX] {
                window.add(Window::index(span, UnixMillis(time)), u64::MAX);
                window.advance(UnixMillis(time));
                let _ = (window.free_at(1, u64::MAX), window.empty_at(), window.len());
            }
            window.advance(UnixMillis(i64::MAX));
            window.advance(UnixMillis(i64::MIN));
        }
    }
}
