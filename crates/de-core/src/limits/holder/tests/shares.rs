//! What may begin under a lease, and what its reports tell.

use super::*;
use crate::limits::wire::Standing;

const NOW: UnixMillis = UnixMillis(1_000_000);

/// A holder with one lease that has so much ahead, and that of its budget and tokens is counted or not.
fn with_lease(ahead: Need, budget: bool, tokens: bool) -> (Holder, CallId) {
    let mut holder = Holder::default();
    let call = grant(&mut holder, 1, ahead, budget, tokens);
    (holder, call)
}

fn grant(holder: &mut Holder, number: u64, ahead: Need, budget: bool, tokens: bool) -> CallId {
    let standing = |kind, counts: bool| {
        let scope = Scope::new(ScopeKind::Key, "key_1");
        counts.then_some(Standing { kind, limit: 9_000, remaining: 100, reset_ms: 0, scope })
    };
    let standing = Standings {
        budget: standing(Kind::Budget(Period::Day), budget),
        requests: None,
        tokens: standing(Kind::Tokens(Span::Minute), tokens),
    };
    let share = Share {
        expires_at: NOW.plus(LIFE_MS),
        extra: ahead,
        life_ms: LIFE_MS,
        standing,
        shadowed: Vec::new(),
    };
    let granted = Granted {
        asked_at: NOW,
        deadline: NOW.plus(60_000),
        epochs: EPOCHS,
        lease_id: LeaseId::parse(&format!("lease_{number}")).unwrap(),
        need: NEED,
        share,
    };
    holder.granted(&key(), granted)
}

fn take(holder: &mut Holder, need: Need) -> Option<CallId> {
    match holder.take(NOW, &key(), EPOCHS, need, NOW.plus(60_000)) {
        Take::Share(taken) => Some(taken.call),
        Take::Ask { .. } => None,
        Take::Stale(epochs) => panic!("stale: {epochs:?}"),
    }
}

fn need(micros: Option<u64>, slots: u64, tokens: u64) -> Need {
    Need { micros, requests: 1, slots, tokens }
}

#[test]
fn what_a_limit_counts_is_never_passed_and_what_none_counts_is_no_obstacle() {
    let ahead = need(Some(10), 1, 100);
    for (budget, tokens, asked, begins) in [
        (true, true, need(Some(10), 1, 100), true),
        (true, true, need(Some(11), 1, 100), false),
        (true, true, need(Some(10), 2, 100), false),
        (true, true, need(Some(10), 1, 101), false),
        (true, true, need(None, 1, 100), false),
        (true, true, need(Some(0), 1, 100), true),
        (true, false, need(Some(10), 1, 101), true),
        (true, false, need(Some(11), 1, 101), false),
        (false, true, need(Some(11), 1, 100), true),
        (false, true, need(None, 1, 100), true),
        (false, true, need(Some(11), 1, 101), false),
    ] {
        let (mut holder, _) = with_lease(ahead, budget, tokens);
        let taken = take(&mut holder, asked).is_some();
        assert_eq!(taken, begins, "{asked:?} of a budget {budget}, of tokens {tokens}");
    }
    // Nothing of a budget is left: what costs nothing begins all the same.
    let (mut holder, _) = with_lease(Need { micros: Some(0), ..ahead }, true, true);
    assert!(take(&mut holder, need(Some(0), 1, 1)).is_some());
}

#[test]
fn a_call_that_was_refused_begins_under_what_another_was_granted_meanwhile() {
    let (mut holder, _) = with_lease(NEED, true, true);
    let refused =
        |holder: &mut Holder, now| holder.take_refused(now, &key(), EPOCHS, NEED, NOW.plus(60_000));
    let Some(Take::Share(taken)) = refused(&mut holder, NOW) else { panic!("stays refused") };
    assert_eq!(taken.call.lease_id.as_str(), "lease_1");
    assert_eq!(refused(&mut holder, NOW), None);
    let (mut holder, _) = with_lease(NEED, true, true);
    assert_eq!(refused(&mut holder, NOW.plus(LIFE_MS)), None);
}

#[test]
fn a_lease_that_is_given_back_leaves_the_others_at_hand() {
    let mut holder = Holder::default();
    let first = grant(&mut holder, 1, Need::default(), true, true);
    grant(&mut holder, 2, NEED, true, true);
    holder.end(NOW, &first, ended(1));
    let Next::Send(report) = holder.next(NOW, &first) else { panic!("not reported") };
    holder.sent(NOW, &report.lease_id, report.seq, true);
    assert_eq!(holder.next(NOW, &first), Next::Done);
    assert_eq!(holder.len(), 1);
    assert_eq!(take(&mut holder, NEED).unwrap().lease_id.as_str(), "lease_2");
}

#[test]
fn a_call_whose_receipt_is_kept_leaves_the_lease_to_those_that_run() {
    let (mut holder, first) = with_lease(NEED, true, true);
    let second = take(&mut holder, NEED).unwrap();
    holder.end(NOW, &first, ended(1));
    let later = NOW.plus(GATHER_MS);
    let Next::Send(report) = holder.next(later, &first) else { panic!("not reported") };
    holder.sent(later, &report.lease_id, report.seq, true);
    assert_eq!(holder.next(later, &first), Next::Done);
    assert_eq!(holder.len(), 1);
    holder.end(later, &second, ended(2));
    let Next::Send(report) = holder.next(later, &second) else { panic!("its receipt is lost") };
    assert_eq!((report.receipts.len(), report.spent.requests, report.running), (1, 2, None));
}

fn spent(micros: u64, tokens: u64, unsettled_micros: u64) -> Spent {
    Spent { micros, requests: 1, tokens, unsettled_micros }
}

fn end(holder: &mut Holder, call: &CallId, spent: Spent, spent_at_model: Spent) {
    let ended = Ended { receipt: receipt(call.number), spent, spent_at_model };
    holder.end(NOW, call, ended);
}

#[test]
fn the_next_call_spends_what_the_last_one_has_left_in_every_scope() {
    // The lease has nothing ahead but a call; what the first one leaves is all that there is.
    let ahead = need(Some(0), 0, 0);
    for (at_caller, at_model, left) in [
        (spent(4, 30, 0), spent(4, 30, 0), (6, 70)),
        (spent(4, 30, 0), spent(7, 60, 0), (3, 40)),
        (spent(7, 60, 0), spent(4, 30, 0), (3, 40)),
        // What may have been billed is gone as well.
        (spent(4, 30, 5), spent(4, 30, 0), (1, 70)),
    ] {
        let (micros, tokens) = left;
        for (asked, begins) in [
            (need(Some(micros), 1, tokens), true),
            (need(Some(micros + 1), 1, tokens), false),
            (need(Some(micros), 1, tokens + 1), false),
        ] {
            let (mut holder, call) = with_lease(ahead, true, true);
            end(&mut holder, &call, at_caller, at_model);
            assert_eq!(take(&mut holder, asked).is_some(), begins, "{asked:?} of {left:?}");
        }
    }
}

#[test]
fn a_report_counts_the_calls_that_have_begun_and_tells_apart_what_the_model_was_spared() {
    let ahead = Need { micros: Some(20), requests: 2, slots: 2, tokens: 200 };
    for (at_model, told) in [(spent(4, 30, 0), None), (spent(1, 30, 0), Some(1))] {
        let (mut holder, first) = with_lease(ahead, true, true);
        let second = take(&mut holder, NEED).unwrap();
        end(&mut holder, &first, spent(4, 30, 0), at_model);
        let Next::Send(report) = holder.keep(NOW.plus(LIFE_MS), &second.lease_id) else {
            panic!("nothing given back")
        };
        assert_eq!((report.spent.requests, report.spent.micros), (2, 4));
        let of_model = report.spent_at_model.map(|spent| (spent.requests, spent.micros));
        assert_eq!(of_model, told.map(|micros| (2, micros)));
    }
}

/// What calls spend of their bounds is asked for, and their bounds for those that run at once.
#[test]
fn less_is_asked_for_ahead_when_calls_spend_less_than_their_bounds() {
    let mut pair = Pair::new(Vec::new());
    for _ in 0..40 {
        pair.begin().unwrap();
    }
    let pool = pair.holder.pools.get_mut(&key()).unwrap();
    let bounds = pool.extra(NEED);
    let calls = bounds.requests;
    assert_eq!((bounds.micros, bounds.tokens), (Some(10 * calls), 100 * calls));
    pool.at_once = 1;
    for _ in 0..100 {
        pool.learn_spending(NEED, spent(2, 10, 0));
    }
    // A fifth, a tenth, and one call's bound. The mean is rounded upwards: by a hundredth at most.
    let extra = pool.extra(NEED);
    let micros = 2 * calls + 10..=2 * calls + 10 + calls / 10 + 1;
    let tokens = 10 * calls + 100..=10 * calls + 100 + calls + 1;
    assert!(micros.contains(&extra.micros.unwrap()) && tokens.contains(&extra.tokens), "{extra:?}");
    // What has no bound teaches nothing.
    pool.learn_spending(need(Some(0), 1, 0), spent(0, 0, 0));
    assert_eq!(pool.extra(NEED), extra);
}
