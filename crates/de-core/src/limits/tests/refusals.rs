//! How long a refusal is remembered, and how many of them.

use super::*;

#[test]
fn every_refusal_is_repeated_for_the_life_of_a_lease() {
    let mut limiter = limiter(vec![limit(key(), PER_MINUTE, 1)]);
    limiter.lease(UnixMillis(0), &ask(1, 0));
    let first = limiter.lease(UnixMillis(10), &ask(2, 0));
    let second = limiter.lease(UnixMillis(20), &ask(3, 0));
    assert!(first != second, "they wait for the same moment, from another one on");
    assert_eq!(limiter.lease(UnixMillis(2_009), &ask(2, 0)), first);
    assert_eq!(limiter.lease(UnixMillis(2_009), &ask(3, 0)), second);
    assert_eq!(limiter.counts().denied, 2);
    // Then it is decided anew.
    let again = denial(limiter.lease(UnixMillis(2_010), &ask(2, 0))).refusal;
    assert_eq!(again.retry_after_ms, Some(63_000 - 2_010));
    assert_eq!(limiter.counts().denied, 3);
}

#[test]
fn asks_that_their_reports_have_overtaken_are_known_for_four_lives_of_a_lease() {
    let mut limiter = limiter(Vec::new());
    for number in [1, 2] {
        let nothing = SettleRequest::of_one(lease_id(number), Spent::default());
        limiter.settle(UnixMillis(0), &nothing);
    }
    for number in [1, 2] {
        assert_eq!(limiter.lease(UnixMillis(7_999), &ask(number, 0)), Grant::NeedsPolicy);
    }
    assert!(is_granted(&limiter.lease(UnixMillis(8_000), &ask(1, 0))));
}
