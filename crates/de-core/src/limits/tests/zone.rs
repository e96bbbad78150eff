//! A change of the organization's time zone.

use super::*;

fn at(text: &str) -> UnixMillis {
    UnixMillis::parse_rfc3339(text).unwrap()
}

/// As `docs/limits-and-budgets.md` says it.
#[test]
fn what_was_spent_counts_until_its_period_ends_by_the_zone_of_then() {
    let mut limiter = limiter(vec![limit(key(), BUDGET, 100)]);
    let noon = at("2026-11-26T12:00:00Z");
    assert!(is_granted(&limiter.lease(noon, &asks_money(1, Some(60)))));
    limiter.settle(noon.plus(1), &spends(1, 60));
    let moved = Policy {
        tenant_epoch: 2,
        time_zone: Some("America/New_York".to_owned()),
        ..policy(vec![limit(key(), BUDGET, 100)])
    };
    limiter.set_policy(noon.plus(2), moved);
    let mut used = |text: &str| limiter.usage(at(text)).limits.pop().unwrap().used;
    assert_eq!(used("2026-11-26T23:59:59.999Z"), 60);
    // In New York the day has five hours left.
    assert_eq!(used("2026-11-27T00:00:00Z"), 0);
}
