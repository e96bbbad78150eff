//! Budgets: what is held, what is spent, when a period ends.

use super::*;

#[test]
fn money_is_held_until_it_is_known_what_was_spent() {
    let mut limiter = limiter(vec![limit(key(), BUDGET, 100)]);
    assert!(is_granted(&limiter.lease(UnixMillis(0), &asks_money(1, Some(60)))));
    let Grant::Denied(denial) = limiter.lease(UnixMillis(1), &asks_money(2, Some(41))) else {
        panic!("more than is left");
    };
    assert_eq!((denial.refusal.kind, denial.refusal.limit), (BUDGET, 100));
    // There is room when the day is over, if nothing else happens.
    assert_eq!(denial.refusal.retry_after_ms, Some(86_399_999));
    assert_eq!(denial.standing.budget.unwrap().remaining, 40);
    limiter.settle(UnixMillis(2), &spends(1, 12));
    let usage = limiter.usage(UnixMillis(3)).limits.pop().unwrap();
    assert_eq!((usage.used, usage.held, usage.unsettled), (12, 0, 0));
    assert!(is_granted(&limiter.lease(UnixMillis(4), &asks_money(3, Some(88)))));
}

#[test]
fn what_nobody_can_price_is_refused_by_an_enforced_budget_alone() {
    let none = || asks_money(1, None);
    let mut strict = limiter(vec![limit(key(), BUDGET, 100)]);
    let Grant::Denied(denial) = strict.lease(UnixMillis(0), &none()) else { panic!("let in") };
    assert_eq!(denial.refusal.retry_after_ms, None);
    let mut trial = limiter(vec![Limit { shadow: true, ..limit(key(), BUDGET, 100) }]);
    let Grant::Granted(share) = trial.lease(UnixMillis(0), &none()) else { panic!("refused") };
    assert_eq!(share.shadowed.len(), 1);
    assert!(is_granted(&limiter(Vec::new()).lease(UnixMillis(0), &none())));
}

#[test]
fn no_lease_outlives_the_period_that_it_counts_in() {
    let mut limiter = limiter(vec![limit(key(), BUDGET, 100)]);
    let midnight = 86_400_000;
    let Grant::Granted(share) = limiter.lease(UnixMillis(midnight - 300), &asks_money(1, Some(60)))
    else {
        panic!("refused");
    };
    assert_eq!((share.life_ms, share.expires_at), (300, UnixMillis(midnight)));
    // The new day has a budget of its own, and the old call counts in the old one.
    assert!(is_granted(&limiter.lease(UnixMillis(midnight), &asks_money(2, Some(100)))));
    limiter.settle(UnixMillis(midnight + 1), &spends(1, 50));
    assert_eq!(limiter.usage(UnixMillis(midnight + 2)).limits.pop().unwrap().used, 100);
}

#[test]
fn a_holder_gets_an_eighth_of_what_is_left_and_a_hundredth_of_a_budget() {
    let limits = vec![limit(key(), PER_MINUTE, 81), limit(key(), BUDGET, 10_000)];
    let mut limiter = limiter(limits);
    let extra = Need { micros: Some(500), requests: 50, slots: 50, tokens: 7 };
    // A hundredth is less than another such call needs: then it gets none of anything.
    let large = Ask { extra, ..asks_money(9, Some(101)) };
    let Grant::Granted(share) = limiter.lease(UnixMillis(0), &large) else { panic!("refused") };
    assert_eq!(share.extra, Need::default());
    limiter.cancel(&lease_id(9));
    let ask = Ask { extra, ..asks_money(1, Some(100)) };
    let Grant::Granted(share) = limiter.lease(UnixMillis(0), &ask) else { panic!("refused") };
    assert_eq!(share.extra, Need { micros: Some(100), requests: 10, slots: 50, tokens: 7 });
    assert_eq!(share.standing.requests.unwrap().remaining, 70);
    // What it neither spends nor needs comes back with the final report.
    let running = Running { for_ms: 1_000, micros: 90, slots: 1, tokens: 0 };
    let spent = Spent { micros: 4, requests: 2, ..Spent::default() };
    let report =
        SettleRequest { running: Some(running), ..SettleRequest::of_one(lease_id(1), spent) };
    assert_eq!(limiter.settle(UnixMillis(1), &report), Settled::Applied);
    let used = |limiter: &mut Limiter| -> Vec<u64> {
        limiter.usage(UnixMillis(2)).limits.into_iter().map(|usage| usage.used).collect()
    };
    assert_eq!(used(&mut limiter), [94, 2]);
    let spent = Spent { micros: 30, ..spent };
    let last = SettleRequest { seq: 2, ..SettleRequest::of_one(lease_id(1), spent) };
    assert_eq!(limiter.settle(UnixMillis(3), &last), Settled::Applied);
    assert_eq!(used(&mut limiter), [30, 2]);
}

#[test]
fn a_lost_call_holds_its_money_until_its_budget_lets_it_go() {
    let terms = Terms { alerts: Vec::new(), release_after_h: Some(2) };
    let letting_go = Limit { terms, ..limit(key(), Kind::Budget(Period::Month), 100) };
    let mut limiter = limiter(vec![letting_go, limit(key(), Kind::Budget(Period::Total), 100)]);
    limiter.lease(UnixMillis(0), &asks_money(1, Some(60)));
    let unsettled = |limiter: &mut Limiter, at| -> Vec<(u64, u64)> {
        let limits = limiter.usage(UnixMillis(at)).limits;
        limits.into_iter().map(|usage| (usage.used, usage.unsettled)).collect()
    };
    assert_eq!(unsettled(&mut limiter, 50_000), [(60, 0), (60, 0)]);
    assert_eq!(unsettled(&mut limiter, 700_000), [(60, 60), (60, 60)]);
    assert_eq!(limiter.lost(UnixMillis(700_000)), [lease_id(1)]);
    let hours = 3_600_000;
    assert!(limiter.forget(UnixMillis(hours)).released.is_empty());
    let gone = limiter.forget(UnixMillis(2 * hours + LEASE_MS));
    assert_eq!(gone.released.len(), 1);
    assert_eq!(gone.changed, [lease_id(1)]);
    assert_eq!(unsettled(&mut limiter, 3 * hours), [(0, 0), (60, 60)]);
    // Once is enough, in the next life too.
    let kept = limiter.lease_row(&lease_id(1)).unwrap().clone();
    let limits = limiter.policy.clone().unwrap();
    let mut limiter = Limiter::restore(vec![kept], &[], &[]);
    limiter.set_policy(UnixMillis(3 * hours), limits);
    assert!(limiter.forget(UnixMillis(4 * hours)).released.is_empty());
    assert_eq!(unsettled(&mut limiter, 4 * hours), [(0, 0), (60, 60)]);
    // A receipt that comes after all is booked in both.
    limiter.settle(UnixMillis(5 * hours), &spends(1, 45));
    assert_eq!(unsettled(&mut limiter, 5 * hours), [(45, 0), (45, 0)]);
}

#[test]
fn a_budget_is_told_of_once_a_percent_and_period() {
    let terms = Terms { alerts: vec![50, 80, 100], release_after_h: None };
    let mut limiter = limiter(vec![Limit { terms, ..limit(key(), BUDGET, 100) }]);
    let told = |limiter: &mut Limiter| -> Vec<(u8, u64)> {
        let alerts = limiter.take_alerts();
        alerts.into_iter().map(|alert| (alert.percent, alert.spent_micros)).collect()
    };
    // What is held is not spent.
    limiter.lease(UnixMillis(0), &asks_money(1, Some(90)));
    limiter.settle(UnixMillis(1), &spends(1, 49));
    assert_eq!(told(&mut limiter), []);
    limiter.lease(UnixMillis(2), &asks_money(2, Some(40)));
    limiter.settle(UnixMillis(3), &spends(2, 31));
    assert_eq!(told(&mut limiter), [(50, 80), (80, 80)]);
    // A call that has no room is what someone has to act upon.
    assert!(!is_granted(&limiter.lease(UnixMillis(4), &asks_money(3, Some(21)))));
    assert_eq!(told(&mut limiter), [(100, 100)]);
    assert!(!is_granted(&limiter.lease(UnixMillis(5), &asks_money(4, Some(21)))));
    assert_eq!(told(&mut limiter), []);
    // One that would never fit is not.
    let day = 86_400_000;
    assert!(!is_granted(&limiter.lease(UnixMillis(day), &asks_money(5, Some(101)))));
    assert_eq!(told(&mut limiter), []);
    // The next day begins anew.
    limiter.lease(UnixMillis(day + 1), &asks_money(6, Some(60)));
    limiter.settle(UnixMillis(day + 2), &spends(6, 60));
    assert_eq!(told(&mut limiter), [(50, 60)]);
}

#[test]
fn a_limit_that_was_away_counts_on_where_it_was() {
    let budget = || vec![limit(key(), BUDGET, 100)];
    let mut limiter = limiter(budget());
    limiter.lease(UnixMillis(0), &asks_money(1, Some(60)));
    limiter.settle(UnixMillis(1), &spends(1, 60));
    limiter.forget(UnixMillis(70_000));
    limiter.set_policy(UnixMillis(70_001), of_epoch(2));
    limiter.set_policy(UnixMillis(70_002), Policy { tenant_epoch: 3, ..policy(budget()) });
    assert_eq!(limiter.usage(UnixMillis(70_003)).limits.pop().unwrap().used, 60);
}

/// Objects keep these numbers as JavaScript has them.
#[test]
fn what_is_kept_of_a_budget_without_end_is_a_safe_integer() {
    let mut limiter = limiter(vec![limit(key(), Kind::Budget(Period::Total), 100)]);
    limiter.lease(UnixMillis(0), &asks_money(1, Some(60)));
    limiter.settle(UnixMillis(1), &spends(1, 60));
    let bucket = limiter.forget(UnixMillis(70_000)).buckets.pop().unwrap();
    assert_eq!((bucket.amount, bucket.index), (60, 0));
    assert_eq!(bucket.leaves_at, UnixMillis(9_007_199_254_740_991));
}

#[test]
fn a_limit_that_returns_counts_each_lease_once() {
    let budget = |amount| vec![limit(key(), BUDGET, amount)];
    let mut limiter = limiter(budget(100));
    limiter.lease(UnixMillis(0), &asks_money(1, Some(30)));
    limiter.lease(UnixMillis(1), &asks_money(2, Some(40)));
    limiter.settle(UnixMillis(2), &spends(1, 20));
    limiter.set_policy(UnixMillis(3), of_epoch(2));
    // What is reported while it is away is known when it returns.
    limiter.settle(UnixMillis(4), &spends(2, 10));
    limiter.set_policy(UnixMillis(5), Policy { tenant_epoch: 3, ..policy(budget(100)) });
    assert_eq!(used(&mut limiter, 6), 30);
}

#[test]
fn what_was_spent_in_the_last_period_raises_nothing_in_this_one() {
    let terms = Terms { alerts: vec![50], release_after_h: None };
    let mut limiter = limiter(vec![Limit { terms, ..limit(key(), BUDGET, 100) }]);
    let midnight = 86_400_000;
    limiter.lease(UnixMillis(midnight - 5_000), &asks_money(1, Some(90)));
    limiter.lease(UnixMillis(midnight - 4_000), &asks_money(2, Some(5)));
    limiter.settle(UnixMillis(midnight - 3_000), &spends(1, 49));
    limiter.settle(UnixMillis(midnight + 5_000), &spends(2, 5));
    assert!(limiter.take_alerts().is_empty());
}

#[test]
fn a_limit_on_trial_is_evaluated_beside_an_enforced_one() {
    let trial = Limit { shadow: true, ..limit(key(), PER_MINUTE, 1) };
    for limits in [
        vec![limit(key(), PER_MINUTE, 5), trial.clone()],
        vec![trial.clone(), limit(key(), PER_MINUTE, 5)],
    ] {
        let mut limiter = limiter(limits);
        assert!(is_granted(&limiter.lease(UnixMillis(0), &ask(1, 0))));
        let Grant::Granted(share) = limiter.lease(UnixMillis(1), &ask(2, 0)) else {
            panic!("the trial refuses");
        };
        assert_eq!(share.shadowed.len(), 1);
        assert_eq!(share.shadowed[0].limit, 1);
        assert_eq!(used(&mut limiter, 2), 2);
    }
}
