//! Who is told of a budget, and how often.

use super::*;

const DAY_MS: i64 = 86_400_000;

fn told_at(percents: &[u8], max: u64) -> Limit {
    let terms = Terms { alerts: percents.to_vec(), release_after_h: None };
    Limit { terms, ..limit(key(), BUDGET, max) }
}

/// Spends so much at a time, in one call.
fn spend(limiter: &mut Limiter, number: usize, at: i64, micros: u64) {
    let grant = limiter.lease(UnixMillis(at), &asks_money(number, Some(micros)));
    assert!(is_granted(&grant), "{grant:?}");
    limiter.settle(UnixMillis(at + 1), &spends(number, micros));
}

/// The id is the key of a kept row and of what is sent: another one would be told a second time.
#[test]
fn an_alert_is_named_by_its_budget_period_and_percent() {
    let mut limiter = limiter(vec![told_at(&[50], 100)]);
    spend(&mut limiter, 1, DAY_MS, 60);
    let ids: Vec<String> = limiter.take_alerts().iter().map(Alert::id).collect();
    assert_eq!(ids, ["key:key_1/budget_per_day/86400000/50"]);
}

#[test]
fn what_was_told_before_a_restart_is_not_told_again() {
    let mut limiter = limiter(vec![told_at(&[50], 100)]);
    spend(&mut limiter, 1, 0, 60);
    let raised = limiter.take_alerts();
    assert_eq!(raised.len(), 1);
    let lease = limiter.lease_row(&lease_id(1)).unwrap().clone();
    let limits = limiter.policy.clone().unwrap();
    let mut limiter = Limiter::restore(vec![lease], &[], &raised);
    limiter.set_policy(UnixMillis(10), limits);
    spend(&mut limiter, 2, 3_000, 10);
    assert_eq!(limiter.take_alerts(), []);
}

#[test]
fn what_was_told_is_known_to_the_end_of_its_period() {
    let mut limiter = limiter(vec![told_at(&[50], 100)]);
    spend(&mut limiter, 1, 0, 60);
    assert_eq!(limiter.take_alerts().len(), 1);
    limiter.forget(UnixMillis(DAY_MS - 100));
    spend(&mut limiter, 2, DAY_MS - 100, 10);
    assert_eq!(limiter.take_alerts(), []);
}

#[test]
fn nobody_is_told_of_a_budget_of_nothing() {
    let mut limiter = limiter(vec![told_at(&[50, 100], 0)]);
    spend(&mut limiter, 1, 0, 0);
    assert_eq!(limiter.take_alerts(), []);
}
