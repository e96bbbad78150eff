//! What the limits promise, case by case; `model` has any interleaving.

use super::{
    wire::{Running, SettleRequest, Settled},
    *,
};

mod alerts;
mod counts;
mod kept;
mod model;
mod refusals;
mod tidying;
mod trim;
mod zone;

const KEY: &str = "key_1";

fn scope(kind: ScopeKind, id: &str) -> Scope {
    Scope::new(kind, id)
}

fn key() -> Scope {
    scope(ScopeKind::Key, KEY)
}

fn limit(scope: Scope, kind: Kind, max: u64) -> Limit {
    Limit::new(scope, kind, max)
}

fn policy(limits: Vec<Limit>) -> Policy {
    Policy { catalogue_epoch: 1, limits, tenant_epoch: 1, ..Policy::default() }
}

fn limiter(limits: Vec<Limit>) -> Limiter {
    let mut limiter = Limiter::default();
    limiter.set_policy(UnixMillis(0), policy(limits));
    limiter
}

fn lease_id(number: usize) -> LeaseId {
    LeaseId::parse(&format!("lease_{number}")).unwrap()
}

fn ask(number: usize, tokens: u64) -> Ask {
    Ask {
        deadline_ms: None,
        epochs: Epochs { catalogue: 1, tenant: 1 },
        lease_id: lease_id(number),
        extra: Need::default(),
        need: Need { micros: Some(0), requests: 1, slots: 0, tokens },
        news: Vec::new(),
        scopes: vec![key()],
    }
}

fn report(number: usize, seq: u64, requests: u64, tokens: u64) -> SettleRequest {
    let spent = Spent { requests, tokens, ..Spent::default() };
    SettleRequest { seq, ..SettleRequest::of_one(lease_id(number), spent) }
}

fn is_granted(grant: &Grant) -> bool {
    matches!(grant, Grant::Granted(_))
}

#[track_caller]
fn denial(grant: Grant) -> Denial {
    match grant {
        Grant::Denied(denial) => denial,
        other => panic!("not denied: {other:?}"),
    }
}

#[track_caller]
fn share(grant: Grant) -> Share {
    match grant {
        Grant::Granted(share) => share,
        other => panic!("not granted: {other:?}"),
    }
}

const PER_MINUTE: Kind = Kind::Requests(Span::Minute);
const TOKENS: Kind = Kind::Tokens(Span::Minute);

#[test]
fn c14_exactly_five_of_twenty_pass() {
    let mut limiter = limiter(vec![limit(key(), PER_MINUTE, 5)]);
    let at_once = (0..20).filter(|n| is_granted(&limiter.lease(UnixMillis(500), &ask(*n, 0))));
    assert_eq!(at_once.count(), 5);

    // Then somebody tries twice a second: never more than five in any 60 s, and five again within 60 s
    // + one bucket + one lease.
    let mut let_in = vec![500; 5];
    for (number, now) in (1_000..600_000).step_by(500).enumerate() {
        let fifth_last = let_in[let_in.len() - 5];
        if is_granted(&limiter.lease(UnixMillis(now), &ask(100 + number, 0))) {
            assert!(now - fifth_last >= 60_000);
            let_in.push(now);
        } else {
            assert!(now - fifth_last < 60_000 + 1_000 + LEASE_MS);
        }
    }
    assert!(let_in.len() >= 5 * 9);
}

#[test]
fn c16_zero_lets_nothing_in_and_absent_lets_everything_in() {
    let mut none = limiter(vec![limit(key(), PER_MINUTE, 0)]);
    let refused = denial(none.lease(UnixMillis(0), &ask(1, 0))).refusal;
    assert_eq!((refused.limit, refused.retry_after_ms), (0, None));

    let mut absent = limiter(Vec::new());
    assert!((0..10_000).all(|n| is_granted(&absent.lease(UnixMillis(0), &ask(n, u64::MAX)))));
    assert_eq!(share(absent.lease(UnixMillis(0), &ask(1, 0))).standing, Standings::default());
}

#[test]
fn c16_tokens_are_reserved_and_settled() {
    let mut limiter = limiter(vec![limit(key(), TOKENS, 1_000)]);
    assert!(is_granted(&limiter.lease(UnixMillis(0), &ask(1, 900))));
    let refused = denial(limiter.lease(UnixMillis(0), &ask(2, 200))).refusal;
    assert_eq!((refused.kind, &refused.scope, refused.limit), (TOKENS, &key(), 1_000));
    assert_eq!(limiter.settle(UnixMillis(100), &report(1, 1, 1, 12)), Settled::Applied);
    assert!(is_granted(&limiter.lease(UnixMillis(200), &ask(3, 988))));
    assert!(!is_granted(&limiter.lease(UnixMillis(200), &ask(4, 1))));
}

#[test]
fn more_than_was_reserved_is_booked_in_full() {
    let mut limiter = limiter(vec![limit(key(), TOKENS, 1_000)]);
    limiter.lease(UnixMillis(0), &ask(1, 100));
    assert_eq!(limiter.settle(UnixMillis(100), &report(1, 1, 1, 1_500)), Settled::OverCeiling);
    let standing = denial(limiter.lease(UnixMillis(200), &ask(2, 1))).standing;
    assert_eq!(standing.tokens.unwrap().remaining, 0);
}

#[test]
fn a_repeated_ask_gets_the_same_answer_and_debits_nothing() {
    let mut limiter = limiter(vec![limit(key(), PER_MINUTE, 2)]);
    let first = limiter.lease(UnixMillis(0), &ask(1, 0));
    assert_eq!(limiter.lease(UnixMillis(900), &ask(1, 0)), first);
    assert!(is_granted(&limiter.lease(UnixMillis(900), &ask(2, 0))));
    let refused = limiter.lease(UnixMillis(900), &ask(3, 0));
    assert_eq!(limiter.lease(UnixMillis(1_500), &ask(3, 0)), refused);
    assert_eq!((limiter.counts().granted, limiter.counts().denied), (2, 1));
}

#[test]
fn a_call_that_never_began_is_given_back() {
    let mut limiter = limiter(vec![limit(key(), PER_MINUTE, 1)]);
    limiter.lease(UnixMillis(0), &ask(1, 0));
    limiter.settle(UnixMillis(2_000), &report(1, 1, 0, 0));
    assert!(is_granted(&limiter.lease(UnixMillis(2_000), &ask(2, 0))));
}

#[test]
fn a_report_counts_once_and_only_the_last_gives_back() {
    let mut limiter = limiter(vec![limit(key(), TOKENS, 100)]);
    limiter.lease(UnixMillis(0), &ask(1, 100));
    let running = SettleRequest { is_final: false, ..report(1, 1, 1, 10) };
    assert_eq!(limiter.settle(UnixMillis(1), &running), Settled::Applied);
    assert!(!is_granted(&limiter.lease(UnixMillis(2), &ask(2, 1))));
    assert_eq!(limiter.settle(UnixMillis(3), &report(1, 3, 1, 30)), Settled::Applied);
    assert_eq!(limiter.settle(UnixMillis(4), &report(1, 2, 1, 0)), Settled::Repeated);
    assert_eq!(limiter.settle(UnixMillis(4), &report(1, 4, 1, 0)), Settled::Repeated);
    assert_eq!(limiter.settle(UnixMillis(4), &report(9, 1, 1, 0)), Settled::Unknown);
    assert!(!is_granted(&limiter.lease(UnixMillis(5), &ask(3, 71))));
    assert!(is_granted(&limiter.lease(UnixMillis(5), &ask(4, 70))));
}

#[test]
fn every_scope_and_kind_must_have_room_and_the_longest_wait_is_named() {
    let instance = scope(ScopeKind::Instance, "inst_1");
    let hour = Kind::Requests(Span::Hour);
    let mut limiter = limiter(vec![limit(key(), PER_MINUTE, 1), limit(instance.clone(), hour, 1)]);
    let both = |number| Ask { scopes: vec![key(), instance.clone(), key()], ..ask(number, 0) };
    let standing = share(limiter.lease(UnixMillis(0), &both(1))).standing;
    assert_eq!(standing.requests.unwrap().remaining, 0);
    let refused = denial(limiter.lease(UnixMillis(0), &both(2))).refusal;
    assert_eq!((refused.scope, refused.kind), (instance, hour));
    // Debited at 2 s, so the bucket is the first minute, and leaves 60 minutes after its end.
    assert_eq!(refused.retry_after_ms, Some(3_660_000));
}

#[test]
fn the_tightest_limits_stand_in_the_headers() {
    let project = scope(ScopeKind::Project, "proj_1");
    let mut limiter = limiter(vec![
        limit(key(), PER_MINUTE, 100),
        limit(project.clone(), PER_MINUTE, 10),
        limit(key(), TOKENS, 1_000),
    ]);
    let ask = Ask { scopes: vec![key(), project.clone()], ..ask(1, 300) };
    let standing = share(limiter.lease(UnixMillis(0), &ask)).standing;
    let requests = standing.requests.unwrap();
    assert_eq!((requests.scope, requests.limit, requests.remaining), (project, 10, 9));
    assert_eq!(requests.reset_ms, 63_000);
    assert_eq!(standing.tokens.unwrap().remaining, 700);
}

#[test]
fn a_limit_on_trial_counts_and_refuses_nothing() {
    let mut limiter = limiter(vec![Limit { shadow: true, ..limit(key(), PER_MINUTE, 1) }]);
    assert_eq!(share(limiter.lease(UnixMillis(0), &ask(1, 0))).shadowed, []);
    let second = share(limiter.lease(UnixMillis(0), &ask(2, 0)));
    assert_eq!(second.shadowed.len(), 1);
    assert_eq!(second.standing, Standings::default());
    assert_eq!(limiter.counts().shadowed, 1);
}

#[test]
fn of_two_limits_for_the_same_thing_the_tighter_decides_and_counts_once() {
    let mut limiter = limiter(vec![
        limit(key(), PER_MINUTE, 5),
        limit(key(), PER_MINUTE, 2),
        Limit { shadow: true, ..limit(key(), PER_MINUTE, 1) },
    ]);
    assert_eq!(
        (0..9).filter(|n| is_granted(&limiter.lease(UnixMillis(0), &ask(*n, 0)))).count(),
        2
    );
}

#[test]
fn slots_are_held_until_the_call_ends_or_its_time_is_up() {
    let mut limiter = limiter(vec![limit(key(), Kind::Concurrent, 2)]);
    let call = |number| Ask {
        deadline_ms: Some(60_000),
        need: Need { micros: Some(0), requests: 1, slots: 1, tokens: 0 },
        ..ask(number, 0)
    };
    assert!(is_granted(&limiter.lease(UnixMillis(0), &call(1))));
    assert!(is_granted(&limiter.lease(UnixMillis(0), &call(2))));
    let refused = denial(limiter.lease(UnixMillis(0), &call(3))).refusal;
    assert_eq!(refused.retry_after_ms, Some(SLOT_RETRY_MS));
    limiter.settle(UnixMillis(10), &report(1, 1, 1, 0));
    assert!(is_granted(&limiter.lease(UnixMillis(10), &call(4))));
    // The second one runs longer than it said, and says so; the fourth vanishes.
    let longer = SettleRequest {
        is_final: false,
        running: Some(Running { for_ms: 60_000, ..Running::default() }),
        ..report(2, 1, 1, 0)
    };
    limiter.settle(UnixMillis(80_000), &longer);
    assert!(!is_granted(&limiter.lease(UnixMillis(90_009), &call(5))));
    assert!(is_granted(&limiter.lease(UnixMillis(90_010), &call(6))));
    assert!(!is_granted(&limiter.lease(UnixMillis(90_010), &call(7))));
    assert!(is_granted(&limiter.lease(UnixMillis(170_000), &call(8))));
}

#[test]
fn an_old_copy_is_refused_and_a_newer_one_needs_a_newer_policy() {
    let mut limiter = Limiter::default();
    assert_eq!(limiter.lease(UnixMillis(0), &ask(1, 0)), Grant::NeedsPolicy);
    let epochs = Epochs { catalogue: 5, tenant: 5 };
    let with = |epochs: Epochs| Policy {
        above: None,
        catalogue_epoch: epochs.catalogue,
        limits: Vec::new(),
        tenant_epoch: epochs.tenant,
        time_zone: None,
    };
    assert_eq!(limiter.set_policy(UnixMillis(0), with(epochs)), Some(UnixMillis(0)));
    let with_copy =
        |tenant, number| Ask { epochs: Epochs { catalogue: 5, tenant }, ..ask(number, 0) };
    assert_eq!(limiter.lease(UnixMillis(0), &with_copy(4, 1)), Grant::Stale { epochs });
    assert_eq!(limiter.lease(UnixMillis(0), &with_copy(6, 2)), Grant::NeedsPolicy);
    assert!(is_granted(&limiter.lease(UnixMillis(0), &with_copy(5, 3))));
    // Older policies bounce off, also when the present one was dropped.
    assert_eq!(limiter.set_policy(UnixMillis(0), with(Epochs { catalogue: 5, tenant: 4 })), None);
    limiter.drop_policy(Epochs { catalogue: 0, tenant: 7 });
    assert_eq!(limiter.set_policy(UnixMillis(0), with(Epochs { catalogue: 5, tenant: 6 })), None);
    assert_eq!(limiter.lease(UnixMillis(0), &with_copy(6, 4)), Grant::NeedsPolicy);
    // The lease that was granted under the old policy ends two seconds after its grant.
    let newer = with(Epochs { catalogue: 5, tenant: 7 });
    assert_eq!(limiter.set_policy(UnixMillis(500), newer.clone()), Some(UnixMillis(2_000)));
    // Told once more, it is still not over; then it is.
    assert_eq!(limiter.set_policy(UnixMillis(600), newer.clone()), Some(UnixMillis(2_000)));
    assert_eq!(limiter.set_policy(UnixMillis(2_000), newer), Some(UnixMillis(2_000)));
}

/// A policy with no limits, of that epoch of the tenant.
fn of_epoch(tenant_epoch: u64) -> Policy {
    Policy { tenant_epoch, ..policy(Vec::new()) }
}

fn asks_under(tenant: u64, number: usize) -> Ask {
    Ask { epochs: Epochs { catalogue: 1, tenant }, ..ask(number, 0) }
}

#[test]
fn old_leases_are_waited_for_whoever_brings_the_new_policy() {
    let mut limiter = limiter(Vec::new());
    assert!(is_granted(&limiter.lease(UnixMillis(100), &asks_under(1, 1))));
    assert_eq!(limiter.older_leases_end(), None);
    limiter.drop_policy(Epochs { catalogue: 1, tenant: 2 });
    assert_eq!(limiter.older_leases_end(), Some(UnixMillis(2_100)));
    // A call that came in meanwhile has read the new policy first, and goes on under it.
    assert_eq!(limiter.set_policy(UnixMillis(300), of_epoch(2)), Some(UnixMillis(2_100)));
    assert!(is_granted(&limiter.lease(UnixMillis(400), &asks_under(2, 2))));
    // Whoever dropped the old one comes second, and waits for the old lease, not for the new one.
    assert_eq!(limiter.set_policy(UnixMillis(500), of_epoch(2)), Some(UnixMillis(2_100)));
    // So does who drops what is new already.
    limiter.drop_policy(Epochs { catalogue: 1, tenant: 2 });
    assert_eq!(limiter.set_policy(UnixMillis(600), of_epoch(2)), Some(UnixMillis(2_100)));
    // A still newer policy makes the second lease an old one too.
    assert_eq!(limiter.set_policy(UnixMillis(700), of_epoch(3)), Some(UnixMillis(2_400)));
}

#[test]
fn an_old_lease_that_is_settled_is_not_waited_for() {
    let mut limiter = limiter(Vec::new());
    limiter.lease(UnixMillis(100), &asks_under(1, 1));
    limiter.drop_policy(Epochs { catalogue: 1, tenant: 2 });
    limiter.settle(UnixMillis(200), &report(1, 1, 1, 0));
    assert_eq!(limiter.older_leases_end(), None);
    assert_eq!(limiter.set_policy(UnixMillis(300), of_epoch(2)), Some(UnixMillis(300)));
}

#[test]
fn leases_of_an_earlier_life_count_as_old() {
    let mut limiter = limiter(Vec::new());
    limiter.lease(UnixMillis(100), &asks_under(1, 1));
    let lease = limiter.lease_row(&lease_id(1)).unwrap().clone();
    let mut limiter = Limiter::restore(vec![lease], &[], &[]);
    assert_eq!(limiter.older_leases_end(), Some(UnixMillis(2_100)));
    assert_eq!(limiter.set_policy(UnixMillis(300), of_epoch(1)), Some(UnixMillis(2_100)));
}

#[test]
fn a_restored_one_has_nothing_to_tidy_before_it_knows_its_limits() {
    let mut limiter = limiter(vec![limit(key(), PER_MINUTE, 5)]);
    limiter.lease(UnixMillis(0), &ask(1, 0));
    assert!(!limiter.waits_for_policy());
    let lease = limiter.lease_row(&lease_id(1)).unwrap().clone();
    let mut limiter = Limiter::restore(vec![lease], &[], &[]);
    let later = UnixMillis(100_000_000);
    assert_eq!(limiter.forget(later), Forgotten::default());
    assert_eq!(limiter.tidy_at(later), None);
    assert!(limiter.waits_for_policy());
    limiter.set_policy(later, policy(vec![limit(key(), PER_MINUTE, 5)]));
    assert!(!limiter.waits_for_policy() && limiter.tidy_at(later).is_some());
    assert_eq!(limiter.forget(later).leases, [lease_id(1)]);
    assert_eq!(limiter.tidy_at(later), None);
    assert!(!Limiter::restore(Vec::new(), &[], &[]).waits_for_policy());
}

#[test]
fn a_new_limit_counts_the_calls_that_are_remembered() {
    let mut limiter = limiter(Vec::new());
    assert!((0..3).all(|n| is_granted(&limiter.lease(UnixMillis(0), &ask(n, 0)))));
    limiter.set_policy(UnixMillis(10), policy(vec![limit(key(), PER_MINUTE, 4)]));
    assert_eq!(
        (5..9).filter(|n| is_granted(&limiter.lease(UnixMillis(20), &ask(*n, 0)))).count(),
        1
    );
}

#[test]
fn a_refusal_from_above_takes_the_debit_back() {
    let mut limiter = limiter(vec![limit(key(), PER_MINUTE, 1)]);
    assert!(is_granted(&limiter.lease(UnixMillis(0), &ask(1, 0))));
    let above = scope(ScopeKind::Organization, "org_1");
    let refusal = Refusal { kind: PER_MINUTE, limit: 9, retry_after_ms: Some(5), scope: above };
    let denial = Denial { refusal, standing: Standings::default() };
    limiter.withdraw(UnixMillis(1), &lease_id(1), denial.clone());
    assert_eq!(limiter.lease(UnixMillis(2), &ask(1, 0)), Grant::Denied(denial));
    assert!(is_granted(&limiter.lease(UnixMillis(2), &ask(2, 0))));
}

#[test]
fn idle_scopes_keep_nothing() {
    let day = Kind::Requests(Span::Day);
    let limits = (0..100).map(|n| limit(scope(ScopeKind::Key, &format!("key_{n}")), day, 9));
    let mut limiter = limiter(limits.collect());
    for number in 0..100 {
        let scopes = vec![scope(ScopeKind::Key, &format!("key_{number}"))];
        limiter.lease(UnixMillis(0), &Ask { scopes, ..ask(number, 1) });
    }
    assert_eq!((limiter.counts().leases, limiter.counts().window_buckets), (100, 100));
    let gone = limiter.forget(UnixMillis(86_400_000 + 900_000));
    assert_eq!((gone.leases.len(), gone.buckets.len()), (100, 0));
    assert_eq!((limiter.counts().leases, limiter.counts().window_buckets), (0, 0));
    assert!(limiter.windows.is_empty() && limiter.held.is_empty());
}

/// Live objects hold these rows: a change needs a reader for the old form first.
#[test]
fn kept_rows_are_stable() {
    let mut limiter = limiter(vec![limit(key(), PER_MINUTE, 5)]);
    limiter.lease(UnixMillis(0), &ask(1, 7));
    let json = serde_json::to_string(limiter.lease_row(&lease_id(1)).unwrap()).unwrap();
    let before_money = json.replace(r#""micros":0,"#, "");
    assert!(serde_json::from_str::<Lease>(&before_money).is_ok());
    assert_eq!(
        json,
        r#"{"done":false,"ends_at":2000,"lease_id":"lease_1","need":{"micros":0,"requests":1,"slots":0,"tokens":7},"booked":{"requests":1,"tokens":7},"scopes":["key:key_1"],"seq":0,"share":{"expires_at":2000,"life_ms":2000,"standing":{"requests":{"kind":"requests_per_minute","limit":5,"remaining":4,"reset_ms":63000,"scope":"key:key_1"},"tokens":null}},"slot_until":null}"#
    );
    let day = vec![limit(key(), Kind::Requests(Span::Day), 5)];
    limiter.set_policy(UnixMillis(0), policy(day));
    limiter.settle(UnixMillis(0), &report(1, 1, 1, 7));
    let gone = limiter.forget(UnixMillis(70_000));
    assert_eq!(
        serde_json::to_string(&gone.buckets).unwrap(),
        r#"[{"amount":1,"index":0,"kind":"requests_per_day","leaves_at":87300000,"scope":"key:key_1"}]"#
    );
}

const BUDGET: Kind = Kind::Budget(Period::Day);

fn asks_money(number: usize, micros: Option<u64>) -> Ask {
    let need = Need { micros, requests: 1, slots: 1, tokens: 0 };
    Ask { need, deadline_ms: Some(60_000), ..ask(number, 0) }
}

fn spends(number: usize, micros: u64) -> SettleRequest {
    let spent = Spent { micros, requests: 1, ..Spent::default() };
    SettleRequest::of_one(lease_id(number), spent)
}

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

fn used(limiter: &mut Limiter, at: i64) -> u64 {
    limiter.usage(UnixMillis(at)).limits.pop().unwrap().used
}

#[test]
fn a_grant_from_above_that_comes_after_its_holder_gave_up_changes_nothing() {
    let mut limiter = limiter(vec![limit(key(), BUDGET, 100)]);
    let Grant::Granted(share) = limiter.lease(UnixMillis(0), &asks_money(1, Some(60))) else {
        panic!("refused");
    };
    let nothing = SettleRequest::of_one(lease_id(1), Spent::default());
    assert_eq!(limiter.settle(UnixMillis(2_000), &nothing), Settled::Applied);
    assert_eq!(limiter.trim(UnixMillis(2_001), &lease_id(1), &share), None);
    assert_eq!(used(&mut limiter, 2_002), 0);
}

#[test]
fn an_ask_that_its_own_last_report_has_overtaken_is_not_granted() {
    let mut limiter = limiter(vec![limit(key(), BUDGET, 100)]);
    let nothing = SettleRequest::of_one(lease_id(1), Spent::default());
    assert_eq!(limiter.settle(UnixMillis(0), &nothing), Settled::Unknown);
    assert_eq!(limiter.lease(UnixMillis(10), &asks_money(1, Some(60))), Grant::NeedsPolicy);
    assert_eq!(used(&mut limiter, 11), 0);
    // Every other ask is.
    assert!(is_granted(&limiter.lease(UnixMillis(12), &asks_money(2, Some(60)))));
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
