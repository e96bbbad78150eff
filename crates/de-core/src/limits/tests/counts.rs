//! What operators see of the limits, and which of two decides.

use super::*;
use crate::{
    circuit::{Failed, Key, News},
    ids::{ModelId, ProviderId},
    model::{CircuitBreaker, ErrorClass},
};

#[test]
fn the_instances_circuits_are_kept_beside_its_limits() {
    let mut limiter = limiter(Vec::new());
    let key = Key {
        model_id: ModelId::parse("small").unwrap(),
        provider_id: ProviderId::parse("openai").unwrap(),
    };
    for id in 1..=3 {
        let failed = Failed { ago_ms: 0, asked_ms: None, class: ErrorClass::Error, id, took_ms: 0 };
        let news = News {
            breaker: CircuitBreaker { failures: 3, open_ms: 10_000, window_ms: 60_000 },
            failures: vec![failed],
            key: key.clone(),
            probe: None,
            served: false,
        };
        limiter.circuits().hear(UnixMillis(0), &[news]);
    }
    let open: Vec<Key> =
        limiter.usage(UnixMillis(1)).circuits.into_iter().map(|open| open.key).collect();
    assert_eq!(open, [key]);
}

#[test]
fn the_limiter_above_is_named_by_the_policy() {
    let above = OrganizationId::parse("org_1").unwrap();
    let mut limiter = limiter(Vec::new());
    assert_eq!(limiter.above(), None);
    let newer = Policy { above: Some(above.clone()), ..of_epoch(2) };
    limiter.set_policy(UnixMillis(1), newer);
    assert_eq!(limiter.above(), Some(&above));
}

#[test]
fn what_happened_is_counted() {
    let trial = Limit { shadow: true, ..limit(key(), PER_MINUTE, 1) };
    let mut limiter = limiter(vec![limit(key(), PER_MINUTE, 3), trial]);
    for number in 0..4 {
        limiter.lease(UnixMillis(0), &ask(number, 0));
    }
    let old = Ask { epochs: Epochs::default(), ..ask(9, 0) };
    assert!(matches!(limiter.lease(UnixMillis(0), &old), Grant::Stale { .. }));
    for seq in [1, 1, 2] {
        limiter.settle(UnixMillis(1), &report(1, seq, 1, 0));
    }
    let Counts { denied, granted, reports, shadowed, stale, .. } = limiter.counts();
    assert_eq!((granted, shadowed, denied, stale, reports), (3, 2, 1, 1, 3));
}

#[test]
fn a_limit_that_stays_counts_on_under_a_newer_policy() {
    let limits = || vec![limit(key(), PER_MINUTE, 2)];
    let mut limiter = limiter(limits());
    assert!(is_granted(&limiter.lease(UnixMillis(0), &ask(1, 0))));
    limiter.set_policy(UnixMillis(1), Policy { tenant_epoch: 2, ..policy(limits()) });
    assert_eq!(used(&mut limiter, 2), 1);
}

#[test]
fn of_two_enforced_limits_the_tighter_is_named_and_the_other_is_no_trial() {
    for limits in [[10, 5], [5, 10]] {
        let mut limiter = limiter(limits.map(|max| limit(key(), TOKENS, max)).to_vec());
        assert_eq!(denial(limiter.lease(UnixMillis(0), &ask(1, 20))).refusal.limit, 5);
        assert_eq!(share(limiter.lease(UnixMillis(0), &ask(2, 5))).shadowed, []);
    }
}

#[test]
fn of_two_limits_on_trial_one_is_told_of() {
    let trial = |max| Limit { shadow: true, ..limit(key(), PER_MINUTE, max) };
    let mut limiter = limiter(vec![trial(1), trial(0)]);
    limiter.lease(UnixMillis(0), &ask(1, 0));
    let shadowed = share(limiter.lease(UnixMillis(0), &ask(2, 0))).shadowed;
    assert_eq!(shadowed.iter().map(|refusal| refusal.limit).collect::<Vec<_>>(), [0]);
}

#[test]
fn a_period_shows_its_end_and_what_is_total_has_none() {
    let total = Kind::Budget(Period::Total);
    let mut limiter = limiter(vec![limit(key(), BUDGET, 100), limit(key(), total, 100)]);
    limiter.lease(UnixMillis(5), &asks_money(1, Some(60)));
    let usage = limiter.usage(UnixMillis(6)).limits;
    let shown: Vec<_> =
        usage.iter().map(|usage| (usage.limit.kind, usage.starts_at, usage.ends_at)).collect();
    let day = (BUDGET, Some(UnixMillis(0)), Some(UnixMillis(86_400_000)));
    assert_eq!(shown, [day, (total, None, None)]);
}

#[test]
fn a_budget_without_end_never_says_when_to_come_back() {
    let mut limiter = limiter(vec![limit(key(), Kind::Budget(Period::Total), 100)]);
    assert!(is_granted(&limiter.lease(UnixMillis(0), &asks_money(1, Some(60)))));
    let refused = denial(limiter.lease(UnixMillis(1), &asks_money(2, Some(60)))).refusal;
    assert_eq!(refused.retry_after_ms, None);
}

#[test]
fn what_has_left_the_window_is_neither_used_nor_held() {
    let mut limiter = limiter(vec![limit(key(), PER_MINUTE, 5)]);
    limiter.lease(UnixMillis(0), &ask(1, 0));
    // It counts at two seconds: in the third bucket, which is gone a minute after its end.
    for (at, expected) in [(62_999, (1, 1)), (63_000, (0, 0))] {
        let usage = limiter.usage(UnixMillis(at)).limits.pop().unwrap();
        assert_eq!((usage.used, usage.held), expected, "{at}");
    }
}

#[test]
fn slots_are_counted_by_what_a_lease_holds_of_them() {
    let mut limiter = limiter(vec![limit(key(), Kind::Concurrent, 5)]);
    let need = Need { micros: None, requests: 1, slots: 3, tokens: 0 };
    limiter.lease(UnixMillis(0), &Ask { need, deadline_ms: Some(60_000), ..ask(1, 0) });
    assert_eq!(used(&mut limiter, 1), 3);
    let report_with = |seq, slots| {
        let running = Running { for_ms: 60_000, slots, ..Running::default() };
        SettleRequest { running: Some(running), ..report(1, seq, 1, 0) }
    };
    limiter.settle(UnixMillis(2), &report_with(1, 2));
    assert_eq!(used(&mut limiter, 3), 2);
    // What runs without a slot holds none.
    limiter.settle(UnixMillis(4), &report_with(2, 0));
    assert_eq!(used(&mut limiter, 5), 0);
    assert_eq!(limiter.lease_row(&lease_id(1)).unwrap().slot_until, None);
}

#[test]
fn calls_under_way_hold_their_tokens_after_the_last_one_has_begun() {
    let mut limiter = limiter(vec![limit(key(), TOKENS, 1_000)]);
    limiter.lease(UnixMillis(0), &ask(1, 900));
    let running = Running { for_ms: 1_000, tokens: 300, ..Running::default() };
    let last = SettleRequest { running: Some(running), ..report(1, 1, 1, 50) };
    limiter.settle(UnixMillis(1), &last);
    assert_eq!(used(&mut limiter, 2), 350);
}

#[test]
fn what_serves_no_second_call_is_not_given_ahead() {
    let need = Need { micros: Some(10), requests: 1, slots: 2, tokens: 10 };
    let enough = Need { micros: Some(10), requests: 1, slots: 2, tokens: 10 };
    for (extra, given) in [
        (enough, enough),
        (Need { micros: Some(9), ..enough }, Need::default()),
        (Need { slots: 1, ..enough }, Need::default()),
        (Need { tokens: 9, ..enough }, Need::default()),
        (Need { requests: 0, ..enough }, Need::default()),
    ] {
        let mut limiter = limiter(Vec::new());
        let ask = Ask { extra, need, ..ask(1, 0) };
        assert_eq!(share(limiter.lease(UnixMillis(0), &ask)).extra, given, "{extra:?}");
    }
}

#[test]
fn a_lease_tells_whom_it_counts_for() {
    let mut limiter = limiter(Vec::new());
    limiter.lease(UnixMillis(0), &ask(1, 0));
    assert_eq!(limiter.lease_row(&lease_id(1)).unwrap().scopes(), [key()]);
}
