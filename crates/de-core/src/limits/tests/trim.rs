//! A grant that a Limiter above has cut down.

use super::*;

fn extra(micros: u64, requests: u64, slots: u64, tokens: u64) -> Need {
    Need { micros: Some(micros), requests, slots, tokens }
}

fn above(extra: Need, life_ms: i64) -> Share {
    Share {
        expires_at: UnixMillis(9_999),
        extra,
        life_ms,
        standing: Standings::default(),
        shadowed: Vec::new(),
    }
}

/// With one lease of two calls' need and as much ahead, of limits that count all of it.
fn with_extra(ahead: Need) -> (Limiter, Share) {
    let limits = vec![
        limit(key(), BUDGET, 100_000),
        limit(key(), Kind::Concurrent, 1_000),
        limit(key(), PER_MINUTE, 1_000),
        limit(key(), TOKENS, 10_000),
    ];
    let mut limiter = limiter(limits);
    let need = Need { micros: Some(10), requests: 1, slots: 1, tokens: 5 };
    let ask = Ask { deadline_ms: Some(60_000), extra: ahead, need, ..ask(1, 0) };
    let share = share(limiter.lease(UnixMillis(1_000), &ask));
    assert_eq!(share.extra, ahead);
    (limiter, share)
}

fn all_used(limiter: &mut Limiter) -> Vec<u64> {
    limiter.usage(UnixMillis(1_001)).limits.iter().map(|usage| usage.used).collect()
}

#[test]
fn of_each_kind_no_more_is_left_than_the_one_above_has_granted() {
    let (mut limiter, _) = with_extra(extra(100, 10, 10, 50));
    assert_eq!(all_used(&mut limiter), [110, 11, 11, 55]);
    let theirs = above(extra(40, 20, 3, 20), LEASE_MS);
    let trimmed = limiter.trim(UnixMillis(1_001), &lease_id(1), &theirs).unwrap();
    assert_eq!(trimmed.extra, extra(40, 10, 3, 20));
    assert_eq!(all_used(&mut limiter), [50, 4, 11, 25]);
    // What it holds is what comes back.
    limiter.cancel(&lease_id(1));
    assert_eq!(all_used(&mut limiter), [0, 0, 0, 0]);
}

#[test]
fn nothing_from_above_leaves_what_the_call_needs() {
    let (mut limiter, _) = with_extra(extra(100, 10, 10, 50));
    let theirs = above(Need::default(), LEASE_MS);
    limiter.trim(UnixMillis(1_001), &lease_id(1), &theirs);
    assert_eq!(all_used(&mut limiter), [10, 1, 1, 5]);
}

#[test]
fn the_shorter_life_holds_from_the_same_grant_on() {
    for (life_ms, expected) in [(300, 300), (LEASE_MS, LEASE_MS), (9_000, LEASE_MS)] {
        let (mut limiter, share) = with_extra(extra(100, 10, 10, 50));
        assert_eq!((share.life_ms, share.expires_at), (LEASE_MS, UnixMillis(3_000)));
        let theirs = above(share.extra, life_ms);
        let trimmed = limiter.trim(UnixMillis(1_001), &lease_id(1), &theirs).unwrap();
        let until = UnixMillis(1_000 + expected);
        assert_eq!((trimmed.life_ms, trimmed.expires_at), (expected, until), "{life_ms}");
        // A repeated ask hears the same.
        let ask = Ask { extra: share.extra, ..ask(1, 0) };
        assert_eq!(limiter.lease(UnixMillis(1_002), &ask), Grant::Granted(trimmed));
    }
}

#[test]
fn the_headers_tell_the_tighter_of_both() {
    let standing = |remaining, id: &str| {
        let scope = scope(ScopeKind::Organization, id);
        Some(wire::Standing { kind: BUDGET, limit: 9_000, remaining, reset_ms: 0, scope })
    };
    let (mut limiter, share) = with_extra(extra(100, 10, 10, 50));
    let theirs = Standings {
        budget: standing(7, "org_1"),
        requests: standing(8_000, "org_1"),
        tokens: None,
    };
    let theirs = Share { standing: theirs, ..above(share.extra, LEASE_MS) };
    let told = limiter.trim(UnixMillis(1_001), &lease_id(1), &theirs).unwrap().standing;
    assert_eq!(told.budget, standing(7, "org_1"));
    assert_eq!((told.requests, told.tokens), (share.standing.requests, share.standing.tokens));
}
