//! How much a holder remembers of what is over.

use super::*;

fn key_of(number: usize) -> Key {
    let scope = Scope::new(ScopeKind::Key, &format!("key_{number}"));
    Key::new(&InstanceId::parse("inst_1").unwrap(), vec![scope])
}

fn granted(holder: &mut Holder, key: &Key, number: usize, at: UnixMillis) {
    let share = Share {
        expires_at: at.plus(LIFE_MS),
        extra: Need::default(),
        life_ms: LIFE_MS,
        standing: Standings::default(),
        shadowed: Vec::new(),
    };
    let granted = Granted {
        asked_at: at,
        deadline: at.plus(60_000),
        epochs: EPOCHS,
        lease_id: LeaseId::parse(&format!("lease_{number}")).unwrap(),
        need: NEED,
        share,
    };
    holder.granted(key, granted);
}

fn asks(holder: &mut Holder, key: &Key, at: UnixMillis) {
    let take = holder.take(at, key, EPOCHS, NEED, at.plus(60_000));
    assert!(matches!(take, Take::Ask { .. }), "{take:?}");
}

#[test]
fn scopes_without_leases_are_forgotten_when_there_are_many() {
    let mut holder = Holder::default();
    let now = UnixMillis(0);
    let busy = key_of(0);
    granted(&mut holder, &busy, 0, now);
    for number in 1..IDLE_POOLS {
        asks(&mut holder, &key_of(number), now);
    }
    assert_eq!(holder.pools.len(), IDLE_POOLS);
    asks(&mut holder, &key_of(IDLE_POOLS), now);
    let known: Vec<_> = holder.pools.keys().cloned().collect();
    assert_eq!(known, [busy, key_of(IDLE_POOLS)]);
}

#[test]
fn leases_whose_calls_never_end_are_forgotten_after_an_hour_when_there_are_many() {
    let mut holder = Holder::default();
    for number in 0..OLD_LEASES {
        granted(&mut holder, &key(), number, UnixMillis(0));
    }
    let an_hour_later = UnixMillis(LIFE_MS + FORGET_MS);
    granted(&mut holder, &key(), OLD_LEASES, an_hour_later.plus(-1));
    assert_eq!(holder.len(), OLD_LEASES + 1);
    granted(&mut holder, &key(), OLD_LEASES + 1, an_hour_later);
    assert_eq!(holder.len(), 2);
}

#[test]
fn it_is_looked_for_them_once_there_are_as_many_as_that() {
    let mut holder = Holder::default();
    for number in 0..OLD_LEASES {
        granted(&mut holder, &key(), number, UnixMillis(0));
    }
    granted(&mut holder, &key(), OLD_LEASES, UnixMillis(LIFE_MS + FORGET_MS));
    assert_eq!(holder.len(), 1);
}

#[test]
fn a_few_are_remembered_however_old() {
    let mut holder = Holder::default();
    granted(&mut holder, &key(), 0, UnixMillis(0));
    granted(&mut holder, &key(), 1, UnixMillis(10 * FORGET_MS));
    assert_eq!(holder.len(), 2);
}

#[test]
fn a_quiet_time_makes_calls_at_once_be_expected_no_more() {
    let mut pair = Pair::new(Vec::new());
    let calls: Vec<_> = (0..40).map(|_| pair.begin().unwrap()).collect();
    let busy = pair.holder.pools[&key()].at_once;
    assert!(busy >= 8, "{busy}");
    let mut last = busy;
    for _ in 0..10 {
        pair.now += 2_001;
        pair.begin().unwrap();
        let at_once = pair.holder.pools[&key()].at_once;
        assert_eq!(at_once, (last - last / 4).max(1));
        last = at_once;
    }
    drop(calls);
}
