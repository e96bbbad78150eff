//! Copies of the configuration, old and new, and what was leased under them.

use super::*;

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
