//! What a row says of a lease when the object that kept it begins anew.

use super::*;

fn stands(limiter: &mut Limiter) -> (u64, u64, u64) {
    let usage = limiter.usage(UnixMillis(2)).limits.pop().unwrap();
    (usage.used, usage.held, usage.unsettled)
}

#[test]
fn what_a_lease_has_reported_is_not_held_again_after_a_restart() {
    let budget = || vec![limit(key(), BUDGET, 100)];
    let mut before = limiter(budget());
    before.lease(UnixMillis(0), &asks_money(1, Some(60)));
    let soon = SettleRequest { is_final: false, ..spends(1, 12) };
    assert_eq!(before.settle(UnixMillis(1), &soon), Settled::Applied);
    assert_eq!(stands(&mut before), (60, 48, 0));
    let row = serde_json::to_string(before.lease_row(&lease_id(1)).unwrap()).unwrap();
    let mut after = Limiter::restore(vec![serde_json::from_str(&row).unwrap()], &[], &[]);
    after.set_policy(UnixMillis(2), policy(budget()));
    assert_eq!(stands(&mut after), (60, 48, 0));
}
