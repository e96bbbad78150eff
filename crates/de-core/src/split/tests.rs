use std::collections::BTreeMap;

use super::*;

const CALLS: u64 = 20_000;

/// A stream of bytes that its seed decides: SplitMix64.
struct Seeded(std::sync::Mutex<u64>);

impl Entropy for Seeded {
    fn fill(&self, bytes: &mut [u8]) {
        let mut state = self.0.lock().unwrap();
        for chunk in bytes.chunks_mut(8) {
            *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut word = *state;
            word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            chunk.copy_from_slice(&(word ^ (word >> 31)).to_le_bytes()[..chunk.len()]);
        }
    }
}

fn id(id: &str) -> ModelId {
    ModelId::parse(id).unwrap()
}

fn order(seed: Seed, weights: &[(&str, u64)]) -> Vec<String> {
    let ids: Vec<ModelId> = weights.iter().map(|(name, _)| id(name)).collect();
    let models: Vec<(&ModelId, u64)> =
        ids.iter().zip(weights).map(|(id, (_, weight))| (id, *weight)).collect();
    seed.order(&models).into_iter().map(|place| ids[place].to_string()).collect()
}

fn of_user(user: u64) -> Seed {
    let instance = InstanceId::parse("inst_019ab0c7d3f87c1e9a4b2c6d8e0f1a2b").unwrap();
    Seed::common(&instance, &id("smart"), Sticky::User, &format!("user {user}"))
}

/// How often each comes first, of a thousand.
fn parts(
    seeds: impl Fn(u64) -> Seed,
    weights: &[(&str, u64)],
    without: &str,
) -> BTreeMap<String, u64> {
    let mut parts = BTreeMap::new();
    for call in 0..CALLS {
        let first = order(seeds(call), weights).into_iter().find(|id| id != without).unwrap();
        *parts.entry(first).or_insert(0) += 1;
    }
    parts.values_mut().for_each(|count| *count = *count * 1_000 / CALLS);
    parts
}

#[track_caller]
fn near(parts: &BTreeMap<String, u64>, expected: &[(&str, u64)]) {
    assert_eq!(parts.len(), expected.len(), "{parts:?}");
    for (id, part) in expected {
        // Four times the deviation of a half: sqrt(20,000 / 4) / 20,000 is 3.5 of a thousand.
        assert!(parts[*id].abs_diff(*part) <= 14, "{id} {parts:?}");
    }
}

#[test]
fn each_serves_as_often_as_its_weight_says() {
    let entropy = Seeded(7.into());
    let random = |_| Seed::new(&entropy);
    let weights = [("a", 90), ("b", 10)];
    near(&parts(random, &weights, ""), &[("a", 900), ("b", 100)]);
    near(&parts(of_user, &weights, ""), &[("a", 900), ("b", 100)]);
    // What one that is not asked leaves goes to the others by their weights.
    let weights = [("a", 600), ("b", 300), ("c", 100), ("never", 0)];
    near(&parts(random, &weights, ""), &[("a", 600), ("b", 300), ("c", 100)]);
    near(&parts(random, &weights, "a"), &[("b", 750), ("c", 250)]);
    near(&parts(of_user, &weights, "c"), &[("a", 667), ("b", 333)]);
    let equal: Vec<(String, u64)> = (0..16).map(|place| (format!("m{place}"), 1_000)).collect();
    let equal: Vec<(&str, u64)> = equal.iter().map(|(id, weight)| (id.as_str(), *weight)).collect();
    let even: Vec<(&str, u64)> = equal.iter().map(|(id, _)| (*id, 62)).collect();
    near(&parts(random, &equal, ""), &even);
}

#[test]
fn the_same_users_get_the_same_model_and_few_of_them_move_with_a_weight() {
    let (before, after) = ([("a", 90), ("b", 10)], [("b", 20), ("a", 90)]);
    let mut moved = 0;
    for user in 0..CALLS {
        let (was, is) = (order(of_user(user), &before), order(of_user(user), &after));
        assert_eq!(was, order(of_user(user), &before));
        // None of those that the one had whose weight grew.
        assert!(was == is || (was[0] == "a" && is[0] == "b"), "{was:?} {is:?}");
        moved += u64::from(was != is);
    }
    // From 10 of 100 to 20 of 110: as many as have to, and no other.
    let must = CALLS * (20 * 100 - 10 * 110) / (100 * 110);
    assert!(moved.abs_diff(must) < CALLS / 70, "{moved} {must}");
}

#[test]
fn one_that_is_shut_moves_its_own_users_and_no_other() {
    let weights = [("a", 500), ("b", 300), ("c", 200)];
    for user in 0..2_000 {
        let order_of = |weights: &[(&str, u64)]| order(of_user(user), weights);
        let (all, without) = (order_of(&weights), order_of(&[weights[0], weights[2]]));
        let left: Vec<String> = all.iter().filter(|id| *id != "b").cloned().collect();
        assert_eq!(without, left);
    }
}

/// Callers keep their model from one version to the next: caches of prompts are lost with another order.
#[test]
fn the_order_is_stable() {
    let weights = [("a", 1), ("b", 1), ("c", 2)];
    let orders: Vec<String> = (0..6).map(|user| order(of_user(user), &weights).concat()).collect();
    assert_eq!(orders, ["bca", "cba", "cab", "cba", "cab", "cba"]);
}

#[test]
fn where_a_word_ends_is_part_of_it() {
    let instance = InstanceId::parse("inst_019ab0c7d3f87c1e9a4b2c6d8e0f1a2b").unwrap();
    let seed = |asked: &str, user: &str| Seed::common(&instance, &id(asked), Sticky::User, user);
    assert_ne!(seed("ab", "c"), seed("a", "bc"));
    assert_ne!(seed("a", "b"), Seed::common(&instance, &id("a"), Sticky::Conversation, "b"));
}
