//! What the limits promise, case by case; `model` has any interleaving.

mod alerts;
mod counts;
mod epochs;
mod kept;
mod model;
mod money;
mod refusals;
mod tidying;
mod trim;
mod zone;

use super::{
    wire::{Running, SettleRequest, Settled},
    *,
};

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

/// A policy with no limits, of that epoch of the tenant.
fn of_epoch(tenant_epoch: u64) -> Policy {
    Policy { tenant_epoch, ..policy(Vec::new()) }
}

fn used(limiter: &mut Limiter, at: i64) -> u64 {
    limiter.usage(UnixMillis(at)).limits.pop().unwrap().used
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
