//! What a holder does with its leases, and how often it asks.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::{
    limits::{Kind, Limit, Limiter, Period, Policy, ScopeKind, Span, wire::Ask, wire::Grant},
    receipt::Receipt,
};

mod memory;
mod shares;

fn key() -> Key {
    Key::new(&InstanceId::parse("inst_1").unwrap(), vec![Scope::new(ScopeKind::Key, "key_1")])
}

/// Longer than a lease lives.
const LIFE_MS: i64 = 2_000;
const EPOCHS: Epochs = Epochs { catalogue: 1, tenant: 1 };
const NEED: Need = Need { micros: Some(10), requests: 1, slots: 1, tokens: 100 };

fn receipt(number: u64) -> Receipt {
    let json = include_str!("../../../fixtures/receipt.json");
    let receipt: Receipt = serde_json::from_str(json).unwrap();
    Receipt {
        receipt_id: crate::ids::ReceiptId::parse(&format!("rcpt_{number}")).unwrap(),
        ..receipt
    }
}

fn ended(number: u64) -> Ended {
    let spent = Spent { micros: 4, requests: 1, tokens: 30, unsettled_micros: 0 };
    Ended { receipt: receipt(number), spent, spent_at_model: spent }
}

/// One holder and its Limiter, without a way between them that takes time.
struct Pair {
    asks: u64,
    holder: Holder,
    /// Leases whose keepers have not begun.
    kept: Vec<LeaseId>,
    limiter: Limiter,
    now: i64,
    reports: u64,
    settled: BTreeSet<String>,
}

impl Pair {
    fn new(limits: Vec<Limit>) -> Self {
        let mut limiter = Limiter::default();
        let policy = Policy { catalogue_epoch: 1, limits, tenant_epoch: 1, ..Policy::default() };
        limiter.set_policy(UnixMillis(0), policy);
        let settled = BTreeSet::new();
        Self {
            asks: 0,
            holder: Holder::default(),
            kept: Vec::new(),
            limiter,
            now: 1_000_000,
            reports: 0,
            settled,
        }
    }

    fn now(&self) -> UnixMillis {
        UnixMillis(self.now)
    }

    fn begin(&mut self) -> Option<CallId> {
        let (now, deadline) = (self.now(), self.now().plus(60_000));
        match self.holder.take(now, &key(), EPOCHS, NEED, deadline) {
            Take::Share(taken) => Some(taken.call),
            Take::Stale(epochs) => panic!("stale: {epochs:?}"),
            Take::Ask { extra } => {
                self.asks += 1;
                let lease_id = LeaseId::parse(&format!("lease_{}", self.asks)).unwrap();
                let ask = Ask {
                    deadline_ms: Some(60_000),
                    epochs: EPOCHS,
                    extra,
                    lease_id: lease_id.clone(),
                    need: NEED,
                    news: Vec::new(),
                    scopes: key().scopes().to_vec(),
                };
                let Grant::Granted(share) = self.limiter.lease(now, &ask) else { return None };
                if share.extra.requests > 0 {
                    self.kept.push(lease_id.clone());
                }
                let granted = Granted {
                    asked_at: now,
                    deadline,
                    epochs: EPOCHS,
                    lease_id,
                    need: NEED,
                    share,
                };
                Some(self.holder.granted(&key(), granted))
            }
        }
    }

    /// What the keeper of a lease does now; `None` when it is done.
    fn keep(&mut self, lease_id: &LeaseId) -> Option<i64> {
        loop {
            match self.holder.keep(self.now(), lease_id) {
                Next::Done => return None,
                Next::Send(report) => self.send(&report),
                Next::Wait(ms) => return Some(ms),
                Next::Write(_) => panic!("a keeper writes nothing"),
            }
        }
    }

    fn send(&mut self, report: &SettleRequest) {
        self.reports += 1;
        self.settled.extend(report.receipts.iter().map(|kept| kept.receipt_id.to_string()));
        self.limiter.settle(self.now(), report);
        self.holder.sent(self.now(), &report.lease_id, report.seq, true);
    }

    fn end(&mut self, call: &CallId) {
        self.holder.end(self.now(), call, ended(call.number));
    }

    /// What a call that has ended does now; `None` when it is done.
    fn step(&mut self, call: &CallId) -> Option<i64> {
        loop {
            match self.holder.next(self.now(), call) {
                Next::Done => return None,
                Next::Send(report) => self.send(&report),
                Next::Wait(ms) => return Some(ms),
                Next::Write(_) => panic!("the Limiter took all"),
            }
        }
    }
}

fn per_minute(max: u64) -> Limit {
    Limit::new(Scope::new(ScopeKind::Key, "key_1"), Kind::Requests(Span::Minute), max)
}

fn budget(max: u64) -> Limit {
    Limit::new(Scope::new(ScopeKind::Key, "key_1"), Kind::Budget(Period::Total), max)
}

#[test]
fn a_quiet_call_is_one_ask_and_one_report() {
    let mut pair = Pair::new(vec![per_minute(1_000)]);
    for _ in 0..5 {
        let call = pair.begin().unwrap();
        assert_eq!((pair.holder.len(), pair.holder.is_empty()), (1, false));
        pair.now += 200;
        pair.end(&call);
        assert_eq!(pair.step(&call), None);
        assert_eq!((pair.holder.len(), pair.holder.is_empty()), (0, true));
        pair.now += LIFE_MS;
    }
    assert_eq!((pair.asks, pair.reports, pair.settled.len()), (5, 5, 5));
}

#[test]
fn a_lease_that_is_used_up_before_its_time_is_followed_by_one_twice_as_large() {
    let mut pair = Pair::new(vec![per_minute(100_000)]);
    let calls: Vec<_> = (0..40).map(|_| pair.begin().unwrap()).collect();
    // 1, 1 + 1, 1 + 2, 1 + 4, …
    assert_eq!(pair.asks, 7);
    for call in &calls {
        pair.end(call);
    }
    // Whoever comes first reports for all of its lease; the last lease has something left, and gathers.
    let waiting: Vec<_> = calls.iter().filter_map(|call| pair.step(call)).collect();
    assert_eq!((pair.settled.len(), waiting), (37, vec![GATHER_MS; 3]));
    pair.now += GATHER_MS;
    assert_eq!(pair.step(&calls[38]), None);
    assert_eq!(pair.settled.len(), 40);
    // Its keeper gives back what is left, when its life ends.
    let last = calls[39].lease_id.clone();
    assert_eq!(pair.keep(&last), Some(1_500));
    pair.now += 1_500;
    assert_eq!(pair.keep(&last), None);
    assert!(pair.holder.is_empty());
    let used = pair.limiter.usage(pair.now()).limits.pop().unwrap();
    assert_eq!((used.used, used.held), (40, 0));
}

#[test]
fn one_that_is_half_unused_is_followed_by_one_half_as_large() {
    let mut pair = Pair::new(vec![per_minute(100_000)]);
    let calls: Vec<_> = (0..40).map(|_| pair.begin().unwrap()).collect();
    assert_eq!(pair.holder.pools[&key()].ahead, 32);
    pair.now += 2_001;
    let next = pair.begin().unwrap();
    assert_eq!(pair.holder.pools[&key()].ahead, 16);
    drop((calls, next));
}

#[test]
fn no_call_begins_after_the_life_of_its_lease_or_under_an_older_copy() {
    let mut pair = Pair::new(Vec::new());
    let first = pair.begin().unwrap();
    let second = pair.begin().unwrap();
    assert!(first.lease_id != second.lease_id);
    let take = |pair: &mut Pair, epochs| {
        pair.holder.take(UnixMillis(pair.now), &key(), epochs, NEED, UnixMillis(9_000_000))
    };
    let older = Epochs { catalogue: 1, tenant: 0 };
    assert_eq!(take(&mut pair, older), Take::Stale(EPOCHS));
    let newer = Epochs { catalogue: 2, tenant: 1 };
    assert!(matches!(take(&mut pair, newer), Take::Ask { .. }));
    let mut late = pair.holder.clone();
    let at = |ms: i64| UnixMillis(1_000_000 + ms);
    assert!(matches!(late.take(at(2_000), &key(), EPOCHS, NEED, at(9_000)), Take::Ask { .. }));
    assert!(matches!(late.take(at(1_999), &key(), EPOCHS, NEED, at(9_000)), Take::Ask { .. }));
    assert!(matches!(pair.holder.take(at(1_999), &key(), EPOCHS, NEED, at(9_000)), Take::Share(_)));
}

#[test]
fn money_and_tokens_are_spent_only_as_far_as_they_were_granted() {
    // At most a hundredth of the budget ahead: four of these calls.
    let mut pair = Pair::new(vec![budget(4_000)]);
    let calls: Vec<_> = (0..60).map(|_| pair.begin().unwrap()).collect();
    let mut by_lease = BTreeMap::<_, usize>::new();
    for call in &calls {
        *by_lease.entry(call.lease_id.clone()).or_default() += 1;
    }
    assert!(by_lease.values().all(|calls| *calls <= 5), "{by_lease:?}");
    // A call without a price does not begin under a share of a budget.
    let free = Need { micros: None, ..NEED };
    let now = pair.now();
    assert!(matches!(pair.holder.take(now, &key(), EPOCHS, free, now), Take::Ask { .. }));
}

#[test]
fn receipts_of_a_busy_lease_are_gathered() {
    let mut pair = Pair::new(Vec::new());
    let calls: Vec<_> = (0..30).map(|_| pair.begin().unwrap()).collect();
    let of_last: Vec<_> = calls.iter().filter(|call| call.lease_id == calls[29].lease_id).collect();
    pair.end(of_last[0]);
    assert_eq!(pair.step(of_last[0]), Some(GATHER_MS));
    pair.now += 300;
    pair.end(of_last[1]);
    assert_eq!(pair.step(of_last[1]), Some(200));
    assert_eq!(pair.reports, 0);
    pair.now += 200;
    assert_eq!(pair.step(of_last[1]), None);
    assert_eq!((pair.reports, pair.settled.len()), (1, 2));
    assert_eq!(pair.step(of_last[0]), None);
    assert_eq!(pair.reports, 1);
}

#[test]
fn a_report_that_does_not_arrive_is_tried_again_and_then_the_receipts_are_written() {
    let mut pair = Pair::new(Vec::new());
    let call = pair.begin().unwrap();
    pair.end(&call);
    for pause in [Some(RETRY_MS), None] {
        let Next::Send(report) = pair.holder.next(pair.now(), &call) else {
            panic!("nothing sent")
        };
        assert_eq!(report.receipts.len(), 1);
        // While it is on its way, nobody else sends it; if its sender is gone, somebody does.
        assert_eq!(pair.holder.next(pair.now(), &call), Next::Wait(LOOK_MS));
        assert_eq!(pair.holder.sent(pair.now(), &report.lease_id, report.seq, false), pause);
    }
    let Next::Write(receipts) = pair.holder.next(pair.now(), &call) else { panic!("not written") };
    assert_eq!(receipts.len(), 1);
    pair.holder.written(pair.now(), &call.lease_id, &receipts);
    // What it spent is still to be told, and what is left to be given back: that is tried for longer.
    let pauses: Vec<_> = (0..PATIENT_TRIES)
        .map(|_| {
            let Next::Send(report) = pair.holder.next(pair.now(), &call) else {
                panic!("given up")
            };
            assert!(report.is_final && report.receipts.is_empty());
            assert_eq!(report.spent.micros, 4);
            pair.holder.sent(pair.now(), &report.lease_id, report.seq, false).unwrap()
        })
        .collect();
    assert_eq!(pauses, [250, 500, 1_000, 2_000, 4_000, 8_000, 16_000]);
    assert_eq!(pair.holder.next(pair.now(), &call), Next::Done);
    assert!(pair.holder.is_empty());
}

#[test]
fn what_is_left_of_a_lease_is_given_back_while_its_calls_run_on() {
    let mut pair = Pair::new(vec![per_minute(100_000)]);
    let calls: Vec<_> = (0..4).map(|_| pair.begin().unwrap()).collect();
    let lease_id = calls[3].lease_id.clone();
    let now = pair.now();
    assert_eq!(pair.holder.keep(now, &lease_id), Next::Wait(2_000));
    pair.now += 2_000;
    let now = pair.now();
    let Next::Send(report) = pair.holder.keep(now, &lease_id) else { panic!("nothing given back") };
    assert!(report.is_final && report.running.is_some_and(|running| running.slots == 1));
    pair.send(&report);
    assert_eq!(pair.keep(&lease_id), None);
    // The call reports for itself, when it ends.
    pair.end(&calls[3]);
    assert_eq!(pair.step(&calls[3]), None);
    assert!(pair.settled.contains(&format!("rcpt_{}", calls[3].number)));
}

#[test]
fn a_report_whose_sender_vanished_is_sent_by_another_call() {
    let mut pair = Pair::new(Vec::new());
    let calls: Vec<_> = (0..4).map(|_| pair.begin().unwrap()).collect();
    let [one, other] = [&calls[1], &calls[2]];
    assert_eq!(one.lease_id, other.lease_id);
    pair.end(one);
    pair.end(other);
    assert!(matches!(pair.holder.next(pair.now(), one), Next::Send(_)));
    assert_eq!(pair.holder.next(pair.now(), other), Next::Wait(LOOK_MS));
    pair.now += UNDER_WAY_MS;
    assert_eq!(pair.step(other), None);
    assert_eq!(pair.settled.len(), 2);
}

#[test]
fn the_headers_count_what_the_holder_may_still_spend_as_free() {
    let mut pair = Pair::new(vec![per_minute(900)]);
    for _ in 0..8 {
        pair.begin().unwrap();
    }
    let now = pair.now();
    let Take::Share(taken) = pair.holder.take(now, &key(), EPOCHS, NEED, now) else {
        panic!("nothing at hand")
    };
    assert_eq!(taken.standing.requests.unwrap().remaining, 900 - 9);
}

/// Proof of how often a Limiter is asked: calls of one tenant at one isolate, in virtual time. Answers how
/// many hops there were a request.
fn hops(per_second: u64, seconds: i64, latency_ms: i64) -> f64 {
    let mut pair = Pair::new(vec![per_minute(10_000_000), budget(1_000_000_000)]);
    let started = pair.now;
    // What happens when: a call begins, ends, or looks again, as the keeper of a lease does.
    enum Event {
        Begins,
        Ends(CallId),
        Keeps(LeaseId),
        Looks(CallId),
    }
    let mut events = BTreeMap::<(i64, u64), Event>::new();
    let mut order = 0;
    let mut put = |events: &mut BTreeMap<(i64, u64), Event>, at: i64, event| {
        order += 1;
        events.insert((at, order), event);
    };
    let total = per_second * u64::try_from(seconds).unwrap();
    for call in 0..total {
        // Not in step with anything.
        let jitter = i64::try_from(call * 7_919 % 13).unwrap();
        let at = i64::try_from(call * 1_000 / per_second).unwrap();
        put(&mut events, started + at + jitter, Event::Begins);
    }
    while let Some(((at, _), event)) = events.pop_first() {
        pair.now = at;
        match event {
            Event::Begins => {
                let call = pair.begin().unwrap();
                let jitter = i64::try_from(call.number * 31 % 50).unwrap();
                put(&mut events, at + latency_ms + jitter, Event::Ends(call));
                for lease_id in std::mem::take(&mut pair.kept) {
                    put(&mut events, at, Event::Keeps(lease_id));
                }
            }
            Event::Keeps(lease_id) => {
                if let Some(ms) = pair.keep(&lease_id) {
                    put(&mut events, at + ms, Event::Keeps(lease_id));
                }
            }
            Event::Ends(call) => {
                pair.end(&call);
                put(&mut events, at, Event::Looks(call));
            }
            Event::Looks(call) => {
                if let Some(ms) = pair.step(&call) {
                    put(&mut events, at + ms, Event::Looks(call));
                }
            }
        }
    }
    assert_eq!(u64::try_from(pair.settled.len()).unwrap(), total, "every receipt is kept");
    assert!(pair.holder.is_empty(), "every lease is given back");
    for usage in pair.limiter.usage(UnixMillis(pair.now)).limits {
        let expected = match usage.limit.kind {
            Kind::Budget(_) => 4 * total,
            _ => usage.used,
        };
        assert_eq!((usage.used, usage.held, usage.unsettled), (expected, 0, 0));
    }
    #[expect(clippy::cast_precision_loss, reason = "small counts")]
    let hops = (pair.asks + pair.reports) as f64 / total as f64;
    hops
}

#[test]
fn hops_a_request_are_two_when_quiet_and_almost_none_when_busy() {
    // Calls that hardly overlap, and calls that do.
    for latency_ms in [5, 200, 2_000] {
        let measured = [1, 10, 100, 1_000].map(|per_second| hops(per_second, 20, latency_ms));
        println!("hops a request at 1, 10, 100, 1,000 a second of {latency_ms} ms: {measured:.3?}");
        assert!(measured[0] <= 2.0, "{measured:?}");
        assert!(measured[1] <= 1.0, "{measured:?}");
        assert!(measured[2] <= 0.1, "{measured:?}");
        assert!(measured[3] <= 0.1, "{measured:?}");
    }
}

#[test]
fn a_budget_that_is_spent_by_shares_is_told_of() {
    let terms = crate::limits::Terms { alerts: vec![50, 80], release_after_h: None };
    let mut pair = Pair::new(vec![Limit { terms, ..budget(200) }]);
    let mut told = Vec::new();
    // Calls one after the other, each of which looks again when it was told to.
    let mut looks = Vec::<(i64, CallId)>::new();
    for round in 0..70 {
        pair.now += 150;
        if round < 45
            && let Some(call) = pair.begin()
        {
            pair.now += 150;
            pair.end(&call);
            looks.push((pair.now, call));
        }
        for (at, call) in std::mem::take(&mut looks) {
            let next =
                if at <= pair.now { pair.step(&call).map(|ms| pair.now + ms) } else { Some(at) };
            looks.extend(next.map(|at| (at, call)));
        }
        for lease_id in pair.kept.clone() {
            pair.keep(&lease_id);
        }
        let alerts = pair.limiter.take_alerts().into_iter();
        told.extend(alerts.map(|alert| (alert.percent, alert.spent_micros)));
    }
    assert_eq!(told.iter().map(|(percent, _)| *percent).collect::<Vec<_>>(), [50, 80], "{told:?}");
}
