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
        Limiter::restore(leases, &buckets, &[])
    }
}

/// One call that was let in: what a plain list knows of it.
#[derive(Clone, Debug)]
struct Call {
    /// When it really began: at any time of the lease.
    began_at: i64,
    need: Need,
    /// What it has spent, once it has ended; of one that vanished nobody ever knows.
    spent: Option<Spent>,
}

/// One lease, as its holder sees it.
#[derive(Clone, Debug)]
struct Held {
    calls: Vec<Call>,
    /// Of the policy that it was granted under: who lowers a limit waits for the leases of before.
    epoch: u64,
    /// What the calls to come may spend.
    left: Need,
    is_final: bool,
    number: usize,
    scopes: Vec<Scope>,
    seq: u64,
    until: i64,
}

impl Held {
    fn counts_for(call: &Call, kind: Kind) -> u64 {
        let need = (call.need.tokens, call.need.micros.unwrap_or(0));
        let (tokens, micros) = match call.spent {
            // What goes beyond the ceiling is nothing that a limit could have prevented.
            Some(spent) => (spent.tokens.min(need.0), spent.micros.min(need.1)),
            None => need,
        };
        match kind {
            Kind::Budget(_) => micros,
            Kind::Concurrent => u64::from(call.spent.is_none()),
            Kind::Requests(_) => 1,
            Kind::Tokens(_) => tokens,
        }
    }

    fn report(&mut self, is_final: bool) -> SettleRequest {
        self.seq += 1;
        self.is_final |= is_final;
        let ended = self.calls.iter().filter_map(|call| call.spent);
        let spent = ended.fold(Spent::default(), |sum, one| Spent {
            micros: sum.micros + one.micros,
            requests: sum.requests,
            tokens: sum.tokens + one.tokens,
            unsettled_micros: sum.unsettled_micros + one.unsettled_micros,
        });
        let under_way = self.calls.iter().filter(|call| call.spent.is_none());
        let running = under_way.fold(Running::default(), |sum, call| Running {
            for_ms: 1_000_000_000,
            micros: sum.micros + call.need.micros.unwrap_or(0),
            slots: sum.slots + 1,
            tokens: sum.tokens + call.need.tokens,
        });
        SettleRequest {
            is_final: self.is_final,
            running: Some(running).filter(|running| running.slots > 0),
            seq: self.seq,
            spent: Spent { requests: u64::try_from(self.calls.len()).unwrap(), ..spent },
            ..report(self.number, 0, 0, 0)
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Ask { begins_after: i64, extra: u64, key: usize, lost: bool, micros: u64, tokens: u64 },
    Begin { which: prop::sample::Index },
    End { call: prop::sample::Index, micros: u64, tokens: u64, which: prop::sample::Index },
    Forget,
    Push { max: u64 },
    Repeat { which: prop::sample::Index },
    Report { last: bool, which: prop::sample::Index },
    Restart,
    Wait { ms: i64 },
}

fn step() -> impl Strategy<Value = Step> {
    let index = any::<prop::sample::Index>;
    let ask = (0..=LEASE_MS, 0_u64..8, 0_usize..3, prop::bool::weighted(0.1), 0_u64..30, 0_u64..40)
        .prop_map(|(begins_after, extra, key, lost, micros, tokens)| Step::Ask {
            begins_after,
            extra,
            key,
            lost,
            micros,
            tokens,
        });
    let end = (index(), 0_u64..40, 0_u64..50, index())
        .prop_map(|(call, micros, tokens, which)| Step::End { call, micros, tokens, which });
    let report = (any::<bool>(), index()).prop_map(|(last, which)| Step::Report { last, which });
    let wait = prop_oneof![
        4 => 0_i64..3_000,
        2 => 0_i64..60_000,
        1 => Just(61_000),
        1 => 0_i64..8_000_000,
        1 => 0_i64..200_000_000,
    ];
    prop_oneof![
        12 => ask,
        6 => index().prop_map(|which| Step::Begin { which }),
        8 => end,
        1 => Just(Step::Forget),
        1 => (0_u64..8).prop_map(|max| Step::Push { max }),
        2 => index().prop_map(|which| Step::Repeat { which }),
        8 => report,
        1 => Just(Step::Restart),
        6 => wait.prop_map(|ms| Step::Wait { ms }),
    ]
}

fn world_limits(max: u64) -> Vec<Limit> {
    let instance = || scope(ScopeKind::Instance, "inst_1");
    let of_key = |key: &str| scope(ScopeKind::Key, key);
    vec![
        limit(instance(), Kind::Requests(Span::Minute), 4 * max + 2),
        limit(instance(), Kind::Tokens(Span::Hour), 400),
        limit(instance(), Kind::Requests(Span::Day), 90),
        limit(instance(), Kind::Concurrent, 30),
        limit(instance(), Kind::Budget(Period::Total), 2_000),
        limit(of_key("key_0"), Kind::Requests(Span::Minute), max),
        limit(of_key("key_0"), Kind::Budget(Period::Day), 150),
        limit(of_key("key_1"), Kind::Tokens(Span::Minute), 40 * max),
        limit(of_key("key_1"), Kind::Budget(Period::Week), 60 * max),
        Limit { shadow: true, ..limit(of_key("key_2"), PER_MINUTE, 1) },
        Limit { shadow: true, ..limit(of_key("key_2"), Kind::Budget(Period::Day), 1) },
    ]
}

const ZONE: &str = "Europe/Berlin";

fn world_policy(limits: &[Limit], epoch: u64) -> Policy {
    let time_zone = Some(ZONE.to_owned());
    Policy { tenant_epoch: epoch, time_zone, ..policy(limits.to_vec()) }
}

/// What counts against a limit when a call begins, by a plain list.
fn counted(world: &[Held], limit: &Limit, at: i64) -> u64 {
    let calendar = Calendar::of(ZONE).unwrap();
    let is_in = |began_at: i64| match (limit.kind.span(), limit.kind.period()) {
        (Some(span), _) => began_at > at.saturating_sub(span.length_ms()),
        (None, Some(period)) => {
            let now = calendar.stretch(period, UnixMillis(at));
            calendar.stretch(period, UnixMillis(began_at)) == now
        }
        (None, None) => true,
    };
    let held = world.iter().filter(|held| held.scopes.contains(&limit.scope));
    let calls = held.flat_map(|held| &held.calls).filter(|call| is_in(call.began_at));
    calls.map(|call| Held::counts_for(call, limit.kind)).sum()
}

/// Whether no enforced limit is passed by the call of a lease that began just now.
#[track_caller]
fn check(world: &[Held], limits: &[Limit], held: &Held, at: i64) {
    let needs = held.calls.last().unwrap().need;
    for limit in limits.iter().filter(|limit| !limit.shadow) {
        // A call that needs none passes a limit that was lowered under its use.
        let counts = needs.of(limit.kind).unwrap() > 0;
        if counts && held.scopes.contains(&limit.scope) {
            let used = counted(world, limit, at);
            assert!(used <= limit.max, "{limit:?} passed: {used}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn no_limit_is_ever_passed(steps in prop::collection::vec(step(), 1..250)) {
        // A Friday, close to midnight in Berlin.
        let mut now = 1_795_819_000_000_i64;
        let mut limits = world_limits(5);
        let mut epoch = 1;
        let mut limiter = Limiter::default();
        limiter.set_policy(UnixMillis(now), world_policy(&limits, epoch));
        let mut kept = Kept::default();
        let mut world = Vec::<Held>::new();
        let mut answers = Vec::<(Ask, Grant)>::new();
        let mut number = 0;
        for step in steps {
            let time = UnixMillis(now);
            match step {
                Step::Ask { begins_after, extra, key, lost, micros, tokens } => {
                    number += 1;
                    let scopes = vec![
                        scope(ScopeKind::Instance, "inst_1"),
                        scope(ScopeKind::Key, &format!("key_{key}")),
                    ];
                    let need = Need { micros: Some(micros), requests: 1, slots: 1, tokens };
                    let more = Need {
                        micros: Some(micros * extra),
                        requests: extra,
                        slots: extra,
                        tokens: tokens * extra,
                    };
                    let epochs = Epochs { catalogue: 1, tenant: epoch };
                    let ask = Ask {
                        deadline_ms: Some(1_000_000_000), epochs, extra: more, need,
                        scopes: scopes.clone(), ..ask(number, 0)
                    };
                    let fork = limiter.clone();
                    let grant = limiter.lease(time, &ask);
                    kept.keep(&limiter, &ask.lease_id);
                    match &grant {
                        // The caller never began, but may not be able to say so.
                        Grant::Granted(_) if lost => {}
                        Grant::Granted(share) => {
                            prop_assert!(share.life_ms > 0 && share.life_ms <= LEASE_MS);
                            let began_at = now + begins_after.min(share.life_ms - 1);
                            let call = Call { began_at, need, spent: None };
                            world.push(Held {
                                calls: vec![call],
                                epoch,
                                left: share.extra,
                                is_final: false,
                                number,
                                scopes,
                                seq: 0,
                                until: now + share.life_ms,
                            });
                            check(&world, &limits, world.last().unwrap(), began_at);
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
                Step::Begin { which } => {
                    if !world.is_empty() {
                        let place = which.index(world.len());
                        let held = &mut world[place];
                        let need = held.calls[0].need;
                        let left = held.left;
                        let fits = left.requests >= 1
                            && left.slots >= 1
                            && left.tokens >= need.tokens
                            && left.micros.unwrap_or(0) >= need.micros.unwrap_or(0);
                        if fits && now < held.until && !held.is_final {
                            held.left = Need {
                                micros: left.micros.map(|micros| micros - need.micros.unwrap_or(0)),
                                requests: left.requests - 1,
                                slots: left.slots - 1,
                                tokens: left.tokens - need.tokens,
                            };
                            held.calls.push(Call { began_at: now, need, spent: None });
                            if held.epoch == epoch {
                                check(&world, &limits, &world[place], now);
                            }
                        }
                    }
                }
                Step::End { call, micros, tokens, which } => {
                    if !world.is_empty() {
                        let place = which.index(world.len());
                        let calls = &mut world[place].calls;
                        let place = call.index(calls.len());
                        let call = &mut calls[place];
                        if call.spent.is_none() {
                            // Some part of the money is of a try that nobody knows of.
                            let unsettled_micros = micros % 3;
                            let micros = micros.min(call.need.micros.unwrap_or(0));
                            let unsettled_micros = unsettled_micros.min(call.need.micros.unwrap_or(0) - micros);
                            call.spent = Some(Spent { micros, requests: 1, tokens, unsettled_micros });
                        }
                    }
                }
                Step::Forget => kept.forget(time, limiter.forget(time)),
                Step::Push { max } => {
                    limits = world_limits(max);
                    epoch += 1;
                    prop_assert!(limiter.set_policy(time, world_policy(&limits, epoch)).is_some());
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
                Step::Report { last, which } => {
                    if !world.is_empty() {
                        let place = which.index(world.len());
                        let report = world[place].report(last);
                        limiter.settle(time, &report);
                        kept.keep(&limiter, &report.lease_id);
                        // Twice changes nothing.
                        let again = limiter.settle(time, &report);
                        prop_assert!(matches!(again, Settled::Repeated | Settled::Unknown));
                    }
                }
                Step::Restart => {
                    limiter = kept.restore();
                    prop_assert!(limiter.set_policy(time, world_policy(&limits, epoch)).is_some());
                }
                Step::Wait { ms } => now += ms,
            }
            for usage in limiter.usage(UnixMillis(now)).limits {
                let parts = usage.held.saturating_add(usage.unsettled);
                prop_assert!(parts <= usage.used, "{:?}", usage);
            }
        }
        // When all have reported for the last time, the books are the sum of the receipts: nothing is
        // held, and nothing is lost, but for the grants whose answers were lost.
        let time = UnixMillis(now);
        let lost = |ask: &Ask| world.iter().all(|held| lease_id(held.number) != ask.lease_id);
        let lost: Vec<_> = answers.iter().filter(|(ask, grant)| is_granted(grant) && lost(ask)).map(|(ask, _)| ask.clone()).collect();
        for ask in lost {
            limiter.settle(time, &SettleRequest::of_one(ask.lease_id, Spent::default()));
        }
        for held in &mut world {
            for call in held.calls.iter_mut().filter(|call| call.spent.is_none()) {
                call.spent = Some(Spent::default());
            }
            let report = held.report(true);
            limiter.settle(time, &report);
        }
        let calendar = Calendar::of(ZONE).unwrap();
        for usage in limiter.usage(time).limits {
            let Some(period) = usage.limit.kind.period() else { continue };
            let now = calendar.stretch(period, time);
            let held = world.iter().filter(|held| held.scopes.contains(&usage.limit.scope));
            let calls = held.flat_map(|held| &held.calls);
            let spent = calls
                .filter(|call| calendar.stretch(period, UnixMillis(call.began_at)) == now)
                .map(|call| call.spent.map_or(0, |spent| spent.micros + spent.unsettled_micros));
            prop_assert_eq!(usage.used, spent.sum::<u64>(), "{:?}", usage.limit);
            prop_assert_eq!(usage.held, 0);
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
        calls in prop::collection::vec((any::<i64>(), any::<u64>(), any::<[u64; 4]>(), any::<bool>()), 1..60),
    ) {
        let budget = |period| Limit {
            terms: Terms { alerts: vec![0, 50, 255], release_after_h: Some(1) },
            ..limit(key(), Kind::Budget(period), 1 << 52)
        };
        let mut limiter = limiter(vec![
            limit(key(), PER_MINUTE, u64::MAX),
            limit(key(), Kind::Tokens(Span::Day), u64::MAX),
            limit(key(), Kind::Concurrent, 1 << 50),
            budget(Period::Day),
            budget(Period::Total),
        ]);
        for (number, (now, deadline, amounts, last)) in calls.into_iter().enumerate() {
            let now = UnixMillis(now);
            let [requests, slots, tokens, micros] = amounts;
            let need = Need { micros: Some(micros), requests, slots, tokens };
            let deadline_ms = Some(deadline);
            limiter.lease(now, &Ask { deadline_ms, extra: need, need, ..ask(number, 0) });
            let running = Running { for_ms: deadline, micros, slots, tokens };
            let spent = Spent { micros, requests, tokens, unsettled_micros: deadline };
            let report = SettleRequest { spent, ..report(number, requests, slots, tokens) };
            limiter.settle(now, &SettleRequest { is_final: last, running: Some(running), ..report });
            limiter.usage(now);
            limiter.take_alerts();
            limiter.forget(now);
        }
    }
}
