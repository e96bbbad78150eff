//! How a changed deployable gets its calls: in shares, at once, and back where its new version is not well.

use serde_json::json;

use super::world::{Scripted, World};

#[test]
fn a_changed_worker_gets_calls_in_shares_and_the_others_stay() {
    let world = World::new();
    world.deploy("production", "one", &Scripted::there()).unwrap();
    world.edit_config("environments.jsonc", "\"rollout_pause_s\": 20", "\"rollout_pause_s\": 0");
    world.change("text", "second");
    let before = world.count();
    world.deploy("production", "two", &Scripted::away()).unwrap();
    let changes = world.changes(before);
    let words = |line: &String| line.split(' ').take(2).collect::<Vec<_>>().join(" ");
    assert_eq!(
        changes.iter().map(words).collect::<Vec<_>>(),
        ["versions upload", "versions deploy", "triggers deploy", "versions deploy"]
    );
    assert!(changes[1].contains("@10% ") && changes[1].contains("@90% "), "{}", changes[1]);
    assert!(changes[3].contains("@100% "), "{}", changes[3]);
    assert_eq!(
        (world.serving("de-text"), world.serving("de-config")),
        ("two".to_owned(), "one".to_owned())
    );
}

/// Deploys another code of a worker and of the front door, where something is amiss with the worker's new version.
#[track_caller]
fn gets_no_further(worker: &str, amiss: &str, problem: &str) {
    let world = World::new();
    let on_account = format!("de-{worker}");
    world.deploy("production", "one", &Scripted::there()).unwrap();
    world.edit_config("environments.jsonc", "\"rollout_pause_s\": 20", "\"rollout_pause_s\": 0");
    world.change(worker, "second");
    world.change("config", "second");
    world.put(amiss, json!(on_account));
    let refusal = world.deploy("production", "two", &Scripted::away()).unwrap_err().to_string();
    for part in
        [&format!("stopped at `{worker}`"), "the former version serves all calls again", problem]
    {
        assert!(refusal.contains(part), "{part}: {refusal}");
    }
    assert_eq!(
        (world.serving(&on_account), world.serving("de-config")),
        ("one".to_owned(), "one".to_owned())
    );
    let state = world.state();
    assert_eq!(state["workers"][&on_account]["serving"].as_array().unwrap().len(), 1);
}

#[test]
fn a_new_version_that_is_not_ready_gets_no_further() {
    gets_no_further("text", "unready", "text was not ready: 503");
}

#[test]
fn a_new_limiter_by_which_the_front_door_is_not_ready_gets_no_further() {
    gets_no_further("rate-limiter", "unready", "rate-limiter was not ready: 503");
}

#[test]
fn a_new_version_that_nobody_has_seen_gets_no_further() {
    gets_no_further("text", "unseen", "the new version was not seen");
}

/// A world in which a rollout of a worker's second version was broken off, and could go on now.
fn broken_off(worker: &str) -> World {
    let world = World::new();
    world.deploy("production", "one", &Scripted::there()).unwrap();
    world.edit_config("environments.jsonc", "\"rollout_pause_s\": 20", "\"rollout_pause_s\": 0");
    world.change(worker, "second");
    world.break_at("triggers deploy", "before");
    world.deploy("production", "two", &Scripted::away()).unwrap_err();
    world.put("break", json!(null));
    world
}

#[test]
fn a_rollout_that_was_broken_off_goes_on_with_what_it_uploaded() {
    let world = broken_off("text");
    let before = world.count();
    world.deploy("production", "two", &Scripted::away()).unwrap();
    assert!(world.changes(before).iter().all(|line| !line.starts_with("versions upload")));
    assert_eq!(world.serving("de-text"), "two");
}

#[test]
fn secrets_reach_a_rollout_that_was_broken_off() {
    let world = broken_off("config");
    world.put("superadmin", json!(true));
    let before = world.count();
    world.deploy("production", "two", &Scripted::away()).unwrap();
    // It would give all calls to a version that is watched still.
    let changes = world.changes(before);
    assert!(changes.iter().all(|line| !line.starts_with("secret bulk")), "{changes:?}");
    let state = world.state();
    let serving = state["workers"]["de-config"]["serving"].as_array().unwrap();
    assert_eq!((serving.len(), world.serving("de-config").as_str()), (1, "two"));
    assert!(!serving[0]["bindings"].to_string().contains("DE_BOOTSTRAP_TOKEN"), "{serving:?}");
}

#[test]
fn new_migrations_of_objects_are_deployed_at_once() {
    let world = World::new();
    world.deploy("production", "one", &Scripted::there()).unwrap();
    let one = "[{ \"tag\": \"v1\", \"new_sqlite_classes\": [\"Job\"] }]";
    world.edit_config("render.jsonc", one, "[{ \"tag\": \"v1\", \"new_sqlite_classes\": [\"Job\"] }, { \"tag\": \"v2\", \"new_sqlite_classes\": [\"Queue\"] }]");
    let before = world.count();
    world.deploy("production", "two", &Scripted::away()).unwrap();
    let changes = world.changes(before);
    assert_eq!(changes.len(), 1, "{changes:?}");
    assert!(changes[0].starts_with("deploy --config render "), "{changes:?}");
}
