//! `rollback`, `status`, `destroy` and `secrets rotate` of what is deployed.

use std::cell::Cell;

use serde_json::json;

use super::world::{Scripted, World};
use crate::deploy::args::{DestroyWish, RollbackWish};
use crate::deploy::rotate::Deployed;
use crate::deploy::{Site, destroy, rollback, status};
use crate::failure::Failure;
use crate::secrets::{Place, rotate};

fn back(to: Option<&str>) -> RollbackWish {
    RollbackWish {
        environment: "production".to_owned(),
        from: None,
        to: to.map(str::to_owned),
        yes: true,
    }
}

fn gone(confirm: Option<&str>, with_content: bool) -> DestroyWish {
    DestroyWish {
        confirm: confirm.map(str::to_owned),
        environment: "staging".to_owned(),
        with_content,
    }
}

/// Destroys; whether a backup was made before comes back.
fn destroyed(site: &Site<'_>, wish: &DestroyWish) -> Result<bool, Failure> {
    let made = Cell::new(false);
    destroy::run(site, wish, || {
        made.set(true);
        Ok(())
    })?;
    Ok(made.get())
}

/// Two releases, of which the second changed three workers.
fn two_releases() -> World {
    let world = World::new();
    world.edit_config("environments.jsonc", "\"rollout\": [10, 100]", "\"rollout\": [100]");
    world.deploy("production", "one", &Scripted::there()).unwrap();
    for worker in ["rate-limiter", "text", "config"] {
        world.change(worker, "second");
    }
    world.deploy("production", "two", &Scripted::away()).unwrap();
    world
}

#[test]
fn the_last_release_goes_back_from_the_front_door_on() {
    let world = two_releases();
    let before = world.count();
    let person = Scripted::away();
    rollback::run(&world.site("production", &person), &back(None)).unwrap();
    let workers: Vec<String> = world
        .changes(before)
        .iter()
        .map(|line| {
            assert!(line.starts_with("rollback "), "{line}");
            line.split(' ').nth(3).unwrap().to_owned()
        })
        .collect();
    assert_eq!(workers, ["de-config", "de-text", "de-rate-limiter"]);
    assert!(workers.iter().all(|worker| world.serving(worker) == "one"));
    // Nothing is older than that.
    let refusal =
        rollback::run(&world.site("production", &person), &back(None)).unwrap_err().to_string();
    assert!(refusal.contains("there is no former release"), "{refusal}");
    // And forward again, by name.
    rollback::run(&world.site("production", &person), &back(Some("two"))).unwrap_err();
    world.deploy("production", "three", &person).unwrap();
    assert_eq!(world.serving("de-config"), "three");
}

#[test]
fn a_rollback_that_fails_in_the_middle_says_how_to_go_on() {
    let world = two_releases();
    let person = Scripted::away();
    world.break_at("rollback version", "before");
    let refusal =
        rollback::run(&world.site("production", &person), &back(None)).unwrap_err().to_string();
    assert!(
        refusal.contains("stopped at `config`")
            && refusal.contains("--env production --to one again"),
        "{refusal}"
    );
    world.put("break", json!(null));
    rollback::run(&world.site("production", &person), &back(Some("one"))).unwrap();
    assert_eq!(world.serving("de-text"), "one");
}

#[test]
fn a_release_that_serves_nowhere_is_not_rolled_back_and_one_that_nobody_could_ask_of_is_told() {
    let world = two_releases();
    let person = Scripted::away();
    let of = |from: &str| RollbackWish { from: Some(from.to_owned()), ..back(None) };
    let before = world.count();
    rollback::run(&world.site("production", &person), &of("three")).unwrap();
    assert_eq!(world.changes(before), Vec::<String>::new());
    world.break_at("deployments status --name de-text", "before");
    rollback::run(&world.site("production", &person), &of("two")).unwrap_err();
    assert_eq!(world.changes(before), Vec::<String>::new());
    world.put("break", json!(null));
    rollback::run(&world.site("production", &person), &of("two")).unwrap();
    assert_eq!(
        (world.serving("de-config"), world.serving("de-text")),
        ("one".to_owned(), "one".to_owned())
    );
}

#[test]
fn secrets_are_changed_after_a_rollback_too() {
    let mut world = two_releases();
    rollback::run(&world.site("production", &Scripted::away()), &back(None)).unwrap();
    // The first superadmin is there, so the token has to go; it must not bring the second release back.
    world.put("superadmin", json!(true));
    world.given.insert("DE_API_KEY".to_owned(), "de_admin_1".to_owned());
    let person = Scripted::there();
    let refusal = Deployed::find(&world.site("production", &person)).map(drop).unwrap_err();
    assert!(
        refusal.to_string().contains("worker does not serve, since it was rolled back"),
        "{refusal}"
    );
    let before = world.count();
    world.change("text", "first");
    world.change("config", "first");
    world.deploy("production", "one-again", &Scripted::away()).unwrap();
    let changes = world.changes(before);
    assert!(changes[0].starts_with("versions secret bulk --name de-config"), "{changes:?}");
    assert!(changes.iter().all(|line| !line.starts_with("secret bulk")), "{changes:?}");
    let config = &world.account()["workers"]["de-config"];
    let newest = config["versions"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(
        config["deployments"].as_array().unwrap().last().unwrap()["versions"][0]["version_id"],
        newest["id"]
    );
    assert!(!newest["resources"]["bindings"].to_string().contains("DE_BOOTSTRAP_TOKEN"));
    assert_eq!(world.serving("de-text"), "one-again");
    // All that serves is the newest now, also what had not changed: nothing is left to do, and secrets can be changed.
    let before = world.count();
    world.deploy("production", "one-again", &Scripted::away()).unwrap();
    assert_eq!(world.changes(before), Vec::<String>::new());
    Deployed::find(&world.site("production", &person)).map(drop).unwrap();
}

#[test]
fn nobody_goes_back_to_before_a_new_master_key() {
    let world = two_releases();
    let mut account = world.account();
    for worker in account["workers"].as_object_mut().unwrap().values_mut() {
        let last = worker["versions"].as_array_mut().unwrap().last_mut().unwrap();
        last["resources"]["bindings"]
            .as_array_mut()
            .unwrap()
            .push(json!({"name": "DE_MASTER_KEY_V2", "type": "secret_text"}));
    }
    world.put("workers", account["workers"].clone());
    let before = world.count();
    let refusal = rollback::run(&world.site("production", &Scripted::away()), &back(None))
        .unwrap_err()
        .to_string();
    assert!(refusal.contains("the master key changed since release one"), "{refusal}");
    assert!(refusal.contains("git checkout one"), "{refusal}");
    assert_eq!(world.changes(before), Vec::<String>::new());
}

#[test]
fn status_tells_what_is_missing_and_changes_nothing() {
    let world = World::new();
    let person = Scripted::away();
    let refusal = status::run(&world.site("production", &person)).unwrap_err().to_string();
    assert!(refusal.contains("cargo xtask deploy --env production"), "{refusal}");
    world.deploy("production", "one", &Scripted::there()).unwrap();
    world.put("superadmin", json!(true));
    let before = world.count();
    status::run(&world.site("production", &person)).unwrap();
    let mut account = world.account();
    account["databases"]["de"]["migrations"].as_array_mut().unwrap().pop();
    account["workers"]["de-text"]["secrets"] = json!({});
    account["workers"].as_object_mut().unwrap().remove("de-render");
    world.put("databases", account["databases"].clone());
    world.put("workers", account["workers"].clone());
    let refusal = status::run(&world.site("production", &person)).unwrap_err().to_string();
    for part in [
        "render is not deployed",
        "1 migrations are pending",
        "text lacks DE_MASTER_KEY_V1",
        "render is ready (https://api.example.com/render/ready): 503",
    ] {
        assert!(refusal.contains(part), "{part}: {refusal}");
    }
    assert_eq!(world.changes(before), Vec::<String>::new());
}

#[test]
fn nothing_is_destroyed_without_its_name() {
    let world = World::new();
    world.deploy("staging", "one", &Scripted::there()).unwrap();
    let state = world.state();
    for (person, wish, expected) in [
        (Scripted::away(), gone(None, true), "say --confirm staging"),
        (Scripted::away(), gone(Some("production"), true), "`production` is not `staging`"),
        (Scripted::says("yes"), gone(None, true), "`yes` is not `staging`"),
    ] {
        let refusal = destroyed(&world.site("staging", &person), &wish).unwrap_err().to_string();
        assert!(refusal.contains(expected), "{refusal}");
        assert_eq!(world.state(), state);
    }
}

#[test]
fn who_serves_goes_first_and_the_database_last() {
    let world = World::new();
    world.deploy("staging", "one", &Scripted::there()).unwrap();
    world.deploy("production", "one", &Scripted::there()).unwrap();
    let before = world.count();
    destroyed(&world.site("staging", &Scripted::says("staging")), &gone(None, false)).unwrap();
    let changes = world.changes(before);
    assert_eq!(changes.len(), 12, "{changes:?}");
    assert!(
        changes[0].contains("de-text-testing-staging")
            && changes[4].contains("--name de-config-staging --force")
    );
    assert!(
        changes[10].contains("de-rate-limiter-staging")
            && changes[11].contains("id-of-de-cache-staging")
    );
    // What people made stays until it is said.
    let state = world.state();
    assert!(
        state["databases"]["de-staging"].is_object()
            && state["buckets"].to_string().contains("de-assets-staging")
    );
    world.put("full", json!(true));
    let refusal =
        destroyed(&world.site("staging", &Scripted::away()), &gone(Some("staging"), true))
            .unwrap_err()
            .to_string();
    assert!(refusal.contains("a bucket must be empty before it goes"), "{refusal}");
    assert!(world.state()["databases"]["de-staging"].is_object());
    world.put("full", json!(false));
    destroyed(&world.site("staging", &Scripted::away()), &gone(Some("staging"), true)).unwrap();
    let state = world.state();
    assert_eq!(state["buckets"], json!(["de-assets"]));
    assert_eq!(state["databases"].as_object().unwrap().keys().collect::<Vec<_>>(), ["de"]);
    assert_eq!(state["workers"].as_object().unwrap().len(), 11);
}

#[test]
fn a_master_key_is_changed_in_all_workers() {
    let mut world = World::new();
    world.deploy("production", "one", &Scripted::there()).unwrap();
    let before = world.count();
    let away = Scripted::away();
    let refused = |world: &World, person: &Scripted| {
        Deployed::find(&world.site("production", person)).map(drop).unwrap_err().to_string()
    };
    assert!(refused(&world, &away).contains("run this from a terminal"));
    assert!(refused(&world, &Scripted::there()).contains("set DE_API_KEY"));
    world.given.insert("DE_API_KEY".to_owned(), "de_admin_1".to_owned());
    // Broken off when half of the workers have it, it goes on with the same key.
    world.break_at("secret bulk --name de-audio", "after");
    let person = Scripted::there();
    let site = world.site("production", &person);
    rotate(&mut Deployed::find(&site).unwrap()).unwrap_err();
    world.put("break", json!(null));
    let site = world.site("production", &person);
    let mut place = Deployed::find(&site).unwrap();
    assert_eq!(place.versions(), [1, 2]);
    assert_eq!(rotate(&mut place).unwrap(), 2);
    place.show().unwrap();
    let account = world.account();
    let mut values = Vec::new();
    for worker in ["de-config", "de-text", "de-image", "de-audio", "de-stock-media", "de-render"] {
        let secrets = account["workers"][worker]["secrets"].as_object().unwrap();
        let names: Vec<&String> =
            secrets.keys().filter(|name| name.starts_with("DE_MASTER")).collect();
        assert_eq!(names, ["DE_MASTER_KEY_V2"], "{worker}");
        values.push(secrets["DE_MASTER_KEY_V2"].as_str().unwrap().to_owned());
    }
    values.dedup();
    assert_eq!(values.len(), 1);
    assert!(
        person.shown().contains(&values[0]) && !account["calls"].to_string().contains(&values[0])
    );
    // Each worker had both before any lost the old one, and the front door got the new one last.
    let calls =
        account["calls"].as_array().unwrap()[before..].iter().filter(|call| call[1].is_string());
    let told: Vec<String> = calls
        .map(|call| {
            format!(
                "{} {}",
                call[0].as_str().unwrap().rsplit(' ').next().unwrap(),
                call[1].as_str().unwrap()
            )
        })
        .collect();
    let place = |line: &str| {
        told.iter().position(|one| one == line).unwrap_or_else(|| panic!("{line} in {told:?}"))
    };
    assert!(place("de-render +DE_MASTER_KEY_V2") < place("de-config +DE_MASTER_KEY_V2"));
    assert!(place("de-config +DE_MASTER_KEY_V2") < place("de-text -DE_MASTER_KEY_V1"));
}

#[test]
fn a_backup_is_offered_before_the_database_goes() {
    let world = World::new();
    world.deploy("staging", "one", &Scripted::there()).unwrap();
    let answers = |second: &'static str| {
        let person = Scripted::there();
        *person.answers.lock().unwrap() = vec![second, "staging"];
        person
    };
    let state = world.state();
    let refusal = destroyed(&world.site("staging", &answers("maybe")), &gone(None, true))
        .unwrap_err()
        .to_string();
    assert!(refusal.contains("neither yes nor no"), "{refusal}");
    assert_eq!(world.state(), state);
    assert!(destroyed(&world.site("staging", &answers("yes")), &gone(None, true)).unwrap());
    assert!(world.state()["databases"].as_object().unwrap().is_empty());
}

#[test]
fn a_database_that_outlived_its_workers_gets_no_other_master_key() {
    let mut world = World::new();
    world.deploy("staging", "one", &Scripted::there()).unwrap();
    world.put("superadmin", json!(true));
    destroyed(&world.site("staging", &Scripted::away()), &gone(Some("staging"), false)).unwrap();
    let refusal = world.deploy("staging", "two", &Scripted::there()).unwrap_err().to_string();
    assert!(refusal.contains("would open nothing that is in it"), "{refusal}");
    world.given.insert(
        "DE_MASTER_KEY_V1".to_owned(),
        "Zm9yIHRlc3RzIGFsb25lLCAzMiBieXRlcyBvZiBpdCE=".to_owned(),
    );
    world.deploy("staging", "two", &Scripted::there()).unwrap();
}
