//! The commands against a stand-in for wrangler at the boundary of the process, and a server on this machine.

mod backup;
mod deploy;
mod rollout;
mod undo;
mod world;

use super::{FAULT, can_fail_on_demand, not_failing_on_demand, services};
use crate::build::Purpose;
use crate::files;

#[test]
fn what_can_fail_on_demand_is_told_from_what_cannot() {
    let source = world::clone().root.join("crates/de-edge/src/faults.rs");
    assert!(
        files::read(&source).unwrap().contains(FAULT),
        "the words that give it away are others now"
    );
    assert!(can_fail_on_demand(format!("\0asm…{FAULT}…").as_bytes()));
    assert!(!can_fail_on_demand(b"\0asm"));
}

#[test]
fn each_worker_is_looked_at() {
    let world = world::World::new();
    let all: Vec<&str> = services::workers().collect();
    assert_eq!(not_failing_on_demand(&world.layout, Purpose::Deployment).unwrap(), all);
    world.change("render", FAULT);
    let safe = not_failing_on_demand(&world.layout, Purpose::Deployment).unwrap();
    assert!(safe.len() == all.len() - 1 && !safe.contains(&"render"), "{safe:?}");
    not_failing_on_demand(&world.layout, Purpose::Local).unwrap_err();
}
