//! Which leases are lost, and when there is something to forget.

use super::*;

#[test]
fn only_money_of_one_call_that_nobody_has_reported_is_lost() {
    let mut limiter = limiter(vec![limit(key(), BUDGET, 1_000)]);
    let extra = Need { micros: Some(10), requests: 1, slots: 1, tokens: 0 };
    let asks = [
        asks_money(1, Some(10)),
        asks_money(2, Some(10)),
        asks_money(3, Some(0)),
        Ask { extra, ..asks_money(4, Some(10)) },
    ];
    for ask in &asks {
        assert!(is_granted(&limiter.lease(UnixMillis(0), ask)));
    }
    assert_eq!(limiter.lease_row(&lease_id(4)).unwrap().need.requests, 2);
    limiter.settle(UnixMillis(1), &spends(2, 4));
    assert_eq!(limiter.lost(UnixMillis(LEASE_MS + SLOT_MS)), [lease_id(1)]);
}

#[test]
fn what_is_lost_is_looked_for_when_that_is_known() {
    let mut limiter = limiter(vec![limit(key(), BUDGET, 1_000)]);
    limiter.lease(UnixMillis(0), &asks_money(1, Some(10)));
    let lost_at = UnixMillis(LEASE_MS + SLOT_MS);
    assert_eq!(limiter.lost(lost_at.plus(-1)), []);
    assert_eq!(limiter.lost(lost_at), [lease_id(1)]);
    assert_eq!(limiter.tidy_at(UnixMillis(0)), Some(lost_at));
    // Once it was looked for, the next time is that of everything else.
    assert_eq!(limiter.tidy_at(lost_at), Some(lost_at.plus(Span::Day.bucket_ms())));
}

#[test]
fn money_held_without_a_receipt_keeps_its_lease_as_long_as_it_counts() {
    let mut limiter = limiter(vec![limit(key(), BUDGET, 100)]);
    limiter.lease(UnixMillis(0), &asks_money(1, Some(60)));
    let spent = Spent { micros: 5, requests: 1, tokens: 0, unsettled_micros: 20 };
    limiter.settle(UnixMillis(1), &SettleRequest::of_one(lease_id(1), spent));
    limiter.lease(UnixMillis(2), &asks_money(2, Some(5)));
    limiter.settle(UnixMillis(3), &spends(2, 5));
    assert_eq!(limiter.forget(UnixMillis(100_000)).leases, [lease_id(2)]);
    let usage = limiter.usage(UnixMillis(100_001)).limits.pop().unwrap();
    assert_eq!((usage.used, usage.unsettled), (30, 20));
    assert_eq!(limiter.forget(UnixMillis(86_400_000)).leases, [lease_id(1)]);
}

#[test]
fn what_a_forgotten_lease_has_not_spent_leaves_no_row() {
    let mut limiter = limiter(vec![limit(key(), BUDGET, 100), limit(key(), PER_MINUTE, 9)]);
    limiter.lease(UnixMillis(0), &asks_money(1, Some(60)));
    limiter.settle(UnixMillis(1), &spends(1, 0));
    let gone = limiter.forget(UnixMillis(70_000));
    assert_eq!((gone.leases, gone.buckets), (vec![lease_id(1)], Vec::new()));
}
