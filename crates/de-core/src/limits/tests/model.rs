//! The promise of the limits under any interleaving, against a plain list of what was let in.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// What the object does around the pure part: it keeps rows, and loses its memory now and then.
#[derive(Default)]
struct Kept {
    buckets: BTreeMap<(Scope, Kind, i64), Bucket>,
    leases: BTreeMap<LeaseId, String>,
}

impl Kept {
    fn keep(&mut self, limiter: &Limiter, lease_id: &LeaseId) {
        if let Some(lease) = limiter.lease_row(lease_id) {
            self.leases.insert(lease_id.clone(), serde_json::to_string(lease).unwrap());
        }
    }

    fn forget(&mut self, now: UnixMillis, gone: Forgotten) {
        for lease_id in gone.leases {
            self.leases.remove(&lease_id);
        }
        for bucket in gone.buckets {
            let key = (bucket.scope.clone(), bucket.kind, bucket.index);
            let row = self.buckets.entry(key).or_insert(Bucket { amount: 0, ..bucket.clone() });
            row.amount += bucket.amount;
        }
        self.buckets.retain(|_, bucket| bucket.leaves_at > now);
    }

    fn restore(&self) -> Limiter {
        let leases = self.leases.values().map(|json| serde_json::from_str(json).unwrap()).collect();
        let buckets: Vec<_> = self.buckets.values().cloned().collect();
        Limiter::restore(leases, &buckets)
    }
}

/// One call that was let in: what a plain list knows of it.
#[derive(Clone, Debug)]
struct Admission {
    /// When the caller really began: at any time of the lease.
    began_at: i64,
    need: Need,
    number: usize,
    scopes: Vec<Scope>,
    spent: Option<Spent>,
}

impl Admission {
    fn counts_for(&self, kind: Kind) -> u64 {
        let booked = match self.spent {
            // What goes beyond the ceiling is nothing that a limit could have prevented.
            Some(spent) => (spent.requests, spent.tokens.min(self.need.tokens)),
            None => (self.need.requests, self.need.tokens),
        };
        match kind {
            Kind::Concurrent => u64::from(self.spent.is_none()),
            Kind::Requests(_) => booked.0,
            Kind::Tokens(_) => booked.1,
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Ask { begins_after: i64, key: usize, lost: bool, tokens: u64 },
    Forget,
    Push { max: u64 },
    Repeat { which: prop::sample::Index },
    Restart,
    Settle { began: bool, last: bool, tokens: u64, which: prop::sample::Index },
    Wait { ms: i64 },
}

fn step() -> impl Strategy<Value = Step> {
    let index = any::<prop::sample::Index>;
    let ask = (0..=LEASE_MS, 0_usize..3, prop::bool::weighted(0.1), 0_u64..40).prop_map(
        |(begins_after, key, lost, tokens)| Step::Ask { begins_after, key, lost, tokens },
    );
    let settle = (prop::bool::weighted(0.9), any::<bool>(), 0_u64..50, index())
        .prop_map(|(began, last, tokens, which)| Step::Settle { began, last, tokens, which });
    let wait = prop_oneof![0_i64..3_000, 0_i64..60_000, Just(61_000), 0_i64..8_000_000];
    prop_oneof![
        12 => ask,
        1 => Just(Step::Forget),
        1 => (0_u64..8).prop_map(|max| Step::Push { max }),
        2 => index().prop_map(|which| Step::Repeat { which }),
        1 => Just(Step::Restart),
        5 => settle,
        6 => wait.prop_map(|ms| Step::Wait { ms }),
    ]
}

fn world_limits(max: u64) -> Vec<Limit> {
    let instance = || scope(ScopeKind::Instance, "inst_1");
    vec![
        limit(instance(), Kind::Requests(Span::Minute), max + 2),
        limit(instance(), Kind::Tokens(Span::Hour), 200),
        limit(instance(), Kind::Requests(Span::Day), 60),
        limit(instance(), Kind::Concurrent, 30),
        limit(scope(ScopeKind::Key, "key_0"), Kind::Requests(Span::Minute), max),
        limit(scope(ScopeKind::Key, "key_1"), Kind::Tokens(Span::Minute), 10 * max),
        Limit { shadow: true, ..limit(scope(ScopeKind::Key, "key_2"), PER_MINUTE, 1) },
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn no_rolling_window_is_ever_passed(steps in prop::collection::vec(step(), 1..250)) {
        let mut now = 1_000_000_i64;
        let mut limits = world_limits(5);
        let mut epoch = 1;
        let mut limiter = limiter(limits.clone());
        let mut kept = Kept::default();
        let mut world = Vec::<Admission>::new();
        let mut answers = Vec::<(Ask, Grant)>::new();
        let mut number = 0;
        for step in steps {
            let time = UnixMillis(now);
            match step {
                Step::Ask { begins_after, key, lost, tokens } => {
                    number += 1;
                    let scopes = vec![
                        scope(ScopeKind::Instance, "inst_1"),
                        scope(ScopeKind::Key, &format!("key_{key}")),
                    ];
                    let need = Need { requests: 1, slots: 1, tokens };
                    let epochs = Epochs { catalogue: 1, tenant: epoch };
                    let ask = Ask {
                        deadline_ms: Some(1_000_000_000), epochs, need, scopes: scopes.clone(),
                        ..ask(number, 0)
                    };
                    let fork = limiter.clone();
                    let grant = limiter.lease(time, &ask);
                    kept.keep(&limiter, &ask.lease_id);
                    match &grant {
                        Grant::Granted(_) => {
                            let call = Admission {
                                began_at: now + begins_after, need, number, scopes,
                                spent: None,
                            };
                            world.push(call.clone());
                            if lost {
                                // The caller never began, but may not be able to say so.
                                world.pop();
                            }
                            for limit in limits.iter().filter(|l| !l.shadow) {
                                // A call that needs none passes a limit that was lowered under its use.
                                let counts = need.of(limit.kind) > 0;
                                if counts && call.scopes.contains(&limit.scope) {
                                    let span = limit.kind.span().map_or(i64::MAX, Span::length_ms);
                                    let from = call.began_at.saturating_sub(span);
                                    let used: u64 = world.iter()
                                        .filter(|a| a.began_at > from && a.scopes.contains(&limit.scope))
                                        .map(|a| a.counts_for(limit.kind))
                                        .sum();
                                    prop_assert!(used <= limit.max, "{limit:?} passed: {used}");
                                }
                            }
                        }
                        Grant::Denied(denial) => {
                            // Come back when told: never too early. A millisecond before: no room yet.
                            if let Some(wait) = denial.refusal.retry_after_ms
                                && denial.refusal.kind != Kind::Concurrent
                            {
                                let at = |ms: i64| {
                                    let mut later = fork.clone();
                                    let other = Ask { lease_id: lease_id(999_999), ..ask.clone() };
                                    later.lease(UnixMillis(now + ms), &other)
                                };
                                prop_assert!(is_granted(&at(wait)) || matches!(
                                    at(wait), Grant::Denied(d) if d.refusal.kind == Kind::Concurrent
                                ));
                                prop_assert!(!is_granted(&at(wait - 1)));
                            }
                        }
                        Grant::NeedsPolicy | Grant::Stale { .. } => prop_assert!(false, "{grant:?}"),
                    }
                    answers.push((ask, grant));
                }
                Step::Forget => kept.forget(time, limiter.forget(time)),
                Step::Push { max } => {
                    limits = world_limits(max);
                    epoch += 1;
                    let policy = Policy { tenant_epoch: epoch, ..policy(limits.clone()) };
                    prop_assert!(limiter.set_policy(time, policy).is_some());
                }
                Step::Repeat { which } => {
                    if !answers.is_empty() {
                        let (ask, grant) = which.get(&answers).clone();
                        let before = limiter.counts();
                        if limiter.lease_row(&ask.lease_id).is_some() {
                            prop_assert_eq!(limiter.lease(time, &ask), grant);
                            prop_assert_eq!(limiter.counts(), before);
                        }
                    }
                }
                Step::Restart => {
                    limiter = kept.restore();
                    let policy = Policy { tenant_epoch: epoch, ..policy(limits.clone()) };
                    prop_assert!(limiter.set_policy(time, policy).is_some());
                }
                Step::Settle { began, last, tokens, which } => {
                    if !world.is_empty() {
                        let place = which.index(world.len());
                        let call = &mut world[place];
                        let report = SettleRequest {
                            is_final: last, ..report(call.number, 1, u64::from(began), tokens)
                        };
                        let known = limiter.settle(time, &report);
                        kept.keep(&limiter, &report.lease_id);
                        // Twice changes nothing.
                        let again = limiter.settle(time, &report);
                        prop_assert!(matches!(again, Settled::Repeated | Settled::Unknown));
                        if last && matches!(known, Settled::Applied | Settled::OverCeiling) {
                            call.spent = Some(report.spent);
                        }
                    }
                }
                Step::Wait { ms } => now += ms,
            }
        }
        // In the end everything that is over time is free again.
        let longest = Span::Day.length_ms() + Span::Day.bucket_ms() + LEASE_MS;
        let later = UnixMillis(now + longest.max(2_000_000_000));
        let mut free = ask(1_000_000, 1);
        free.epochs.tenant = epoch;
        free.scopes = vec![scope(ScopeKind::Instance, "inst_1")];
        prop_assert!(is_granted(&limiter.lease(later, &free)));
    }

    #[test]
    fn no_clock_and_no_amount_makes_it_panic(
        calls in prop::collection::vec((any::<i64>(), any::<u64>(), any::<[u64; 3]>(), any::<bool>()), 1..60),
    ) {
        let mut limiter = limiter(vec![
            limit(key(), PER_MINUTE, u64::MAX),
            limit(key(), Kind::Tokens(Span::Day), u64::MAX),
            limit(key(), Kind::Concurrent, 1 << 50),
        ]);
        for (number, (now, deadline, amounts, last)) in calls.into_iter().enumerate() {
            let now = UnixMillis(now);
            let need = Need { requests: amounts[0], slots: amounts[1], tokens: amounts[2] };
            let deadline_ms = Some(deadline);
            limiter.lease(now, &Ask { deadline_ms, need, ..ask(number, 0) });
            let report = report(number, amounts[0], amounts[1], amounts[2]);
            limiter.settle(now, &SettleRequest { is_final: last, running_ms: deadline_ms, ..report });
            limiter.forget(now);
        }
    }
}
