//! `deploy`: the order of what it does, and what is left when it is broken off.

use std::collections::BTreeSet;

use serde_json::json;

use super::world::{Scripted, World};
use crate::deploy::account;
use crate::deploy::args::DeployWish;
use crate::deploy::perform;
use crate::deploy::release::Release;
use crate::deploy::services;
use crate::deploy::web::Web;
use crate::files;

#[test]
fn a_fresh_account_gets_everything_in_an_order_that_breaks_no_binding() {
    let world = World::new();
    let person = Scripted::there();
    world.deploy("production", "one", &person).unwrap();
    let changes = world.changes(0);
    let short: Vec<String> =
        changes.iter().map(|line| line.split(" --tag").next().unwrap().to_owned()).collect();
    let sql = short
        .iter()
        .position(|line| line.starts_with("d1 execute de --remote --yes --file"))
        .unwrap();
    assert_eq!(
        short[..sql],
        [
            "r2 bucket create de-assets",
            "kv namespace create de-cache",
            "d1 create de",
            "d1 migrations apply de --remote --config config",
            "secret bulk --name de-text",
            "secret bulk --name de-image",
            "secret bulk --name de-audio",
            "secret bulk --name de-stock-media",
            "secret bulk --name de-render",
            "secret bulk --name de-config",
        ]
    );
    // The stand-in refuses a worker that is bound to one that is not there.
    let deployed: Vec<&str> =
        short[sql + 1..].iter().filter_map(|line| line.strip_prefix("deploy --config ")).collect();
    assert_eq!(deployed.len(), services::workers().count() + services::pages().count());
    assert_eq!((deployed[0], deployed[6]), ("rate-limiter", "config"));
    assert_eq!(&deployed[7..], ["admin-panel", "monitoring", "image-testing", "text-testing"]);

    // One master key for all who open vendors' keys; no secret in any argument, and each is shown.
    let account = world.account();
    let secrets = |worker: &str| account["workers"][worker]["secrets"].as_object().unwrap().clone();
    let master = secrets("de-config")["DE_MASTER_KEY_V1"].as_str().unwrap().to_owned();
    let token = secrets("de-config")["DE_BOOTSTRAP_TOKEN"].as_str().unwrap().to_owned();
    for worker in ["de-text", "de-image", "de-audio", "de-stock-media", "de-render"] {
        assert_eq!(secrets(worker)["DE_MASTER_KEY_V1"], *master, "{worker}");
    }
    assert!(secrets("de-rate-limiter").is_empty());
    let calls = account["calls"].to_string();
    let shown = person.shown();
    for secret in [&master, &token] {
        assert!(
            secret.len() >= 44
                && shown.contains(secret.as_str())
                && !calls.contains(secret.as_str())
        );
    }
    assert!(!world.layout.deploy().join("production/secrets.json").exists());

    assert_eq!(account["workers"]["de-config"]["triggers"]["hosts"], json!(["api.example.com"]));
    assert_eq!(account["workers"]["de-config"]["triggers"]["crons"], json!(["* * * * *"]));
    assert_eq!(
        account["workers"]["de-text"]["triggers"],
        json!({ "crons": [], "hosts": [], "workers_dev": false })
    );
    let page = world.layout.deploy().join("production/pages/admin-panel");
    assert!(files::read(&page.join("_headers")).unwrap().contains("https://api.example.com\n"));
    let html = files::read(&page.join("index.html")).unwrap();
    assert_eq!(
        html,
        "<meta content=\"https://api.example.com\"><meta content=\"https://admin.example.com\">"
    );
    assert!(!page.join("manifest.json").exists());
}

#[test]
fn a_second_run_changes_nothing_and_needs_no_domain_again() {
    let world = World::new();
    world.deploy("production", "one", &Scripted::there()).unwrap();
    let (before, state) = (world.count(), world.state());
    let person = Scripted::away();
    world.deploy_to("production", "two", None, &person).unwrap();
    assert_eq!(world.changes(before), Vec::<String>::new());
    assert_eq!(world.state(), state);
    assert_eq!(person.shown(), "");
}

#[test]
fn another_database_or_cache_gets_the_catalogue_too() {
    let world = World::new();
    world.edit_config("environments.jsonc", "\"rollout\": [10, 100]", "\"rollout\": [100]");
    world.deploy("production", "one", &Scripted::there()).unwrap();
    let executed =
        |world: &World, name: &str| world.account()["databases"][name]["executed"].clone();
    assert_eq!(executed(&world, "de"), 1);
    // The first of three environments in the file is `dev`: each gets another database.
    world.edit_config("environments.jsonc", "\"database\": \"de\"", "\"database\": \"de-2\"");
    let before = world.count();
    world.deploy("production", "two", &Scripted::away()).unwrap();
    assert_eq!(executed(&world, "de-2"), 1);
    let changes = world.changes(before);
    let told = |part: &str| changes.iter().filter(|line| line.starts_with(part)).count();
    assert_eq!(told("d1 execute de-2 --remote --yes --file"), 1, "{changes:?}");
    assert_eq!(told("deploy --config "), services::workers().count(), "{changes:?}");
    assert_eq!(world.serving("de-text"), "two");
    let before = world.count();
    world.deploy("production", "three", &Scripted::away()).unwrap();
    assert_eq!(world.changes(before), Vec::<String>::new());
    // After a restore in place the database is the same, and the cache another: docs/backup-and-restore.md.
    world.edit_config("environments.jsonc", "\"cache\": \"de-cache\"", "\"cache\": \"de-cache-2\"");
    world.deploy("production", "four", &Scripted::away()).unwrap();
    assert_eq!(executed(&world, "de-2"), 2);
}

#[test]
fn a_run_that_was_broken_off_anywhere_is_ended_by_the_next() {
    let whole = World::new();
    whole.deploy("staging", "one", &Scripted::there()).unwrap();
    let expected = whole.state();
    for (call, when) in [
        ("d1 create", "after"),
        ("d1 migrations apply", "after"),
        ("secret bulk --name de-text-staging", "after"),
        ("secret bulk --name de-config-staging", "before"),
        ("d1 execute de-staging --remote --yes", "after"),
        ("deploy --config config", "after"),
        ("deploy --config monitoring", "after"),
    ] {
        let world = World::new();
        world.break_at(call, when);
        let first = Scripted::there();
        let refusal = world.deploy("staging", "one", &first).unwrap_err().to_string();
        assert!(
            refusal.contains("run cargo xtask deploy --env staging again"),
            "{call}: {refusal}"
        );
        assert!(refusal.starts_with("stopped at `"), "{call}: {refusal}");
        world.put("break", json!(null));
        let second = Scripted::there();
        world.deploy("staging", "one", &second).unwrap();
        assert_eq!(world.state(), expected, "{call} {when}");
        // Who has the key has the same one, and it was shown in one of the two runs.
        let account = world.account();
        let values: BTreeSet<String> = account["workers"]
            .as_object()
            .unwrap()
            .values()
            .filter_map(|worker| {
                worker["secrets"].get("DE_MASTER_KEY_V1")?.as_str().map(str::to_owned)
            })
            .collect();
        assert_eq!(values.len(), 1, "{call} {when}");
        let shown = first.shown() + &second.shown();
        assert_eq!(shown.matches(values.first().unwrap().as_str()).count(), 1, "{call} {when}");
    }
}

#[test]
fn a_first_run_that_was_broken_off_elsewhere_is_ended_here() {
    let world = World::new();
    world.break_at("secret bulk --name de-audio-staging", "after");
    world.deploy("staging", "one", &Scripted::there()).unwrap_err();
    world.put("break", json!(null));
    // Another clone, or after `cargo clean`.
    files::remove(&world.layout.deploy().join("staging")).unwrap();
    let person = Scripted::there();
    world.deploy("staging", "one", &person).unwrap();
    let account = world.account();
    let keys = |worker: &str| account["workers"][worker]["secrets"].as_object().unwrap().clone();
    for worker in ["text", "image", "audio", "stock-media", "render", "config"] {
        let mut has = keys(&format!("de-{worker}-staging"));
        has.remove("DE_BOOTSTRAP_TOKEN");
        assert_eq!(has.keys().collect::<Vec<_>>(), ["DE_MASTER_KEY_V2"], "{worker}");
        assert_eq!(has["DE_MASTER_KEY_V2"], keys("de-config-staging")["DE_MASTER_KEY_V2"]);
    }
    let shown = keys("de-config-staging")["DE_MASTER_KEY_V2"].as_str().unwrap().to_owned();
    assert!(person.shown().contains(&shown));
}

#[test]
fn two_environments_side_by_side_do_not_touch_each_other() {
    let world = World::new();
    world.deploy("staging", "one", &Scripted::there()).unwrap();
    let staging = world.state();
    world.deploy("production", "one", &Scripted::there()).unwrap();
    let both = world.state();
    for (name, worker) in staging["workers"].as_object().unwrap() {
        assert_eq!(&both["workers"][name], worker, "{name}");
    }
    assert_eq!(
        both["workers"].as_object().unwrap().len(),
        2 * staging["workers"].as_object().unwrap().len()
    );
    assert_eq!(both["databases"]["de-staging"], staging["databases"]["de-staging"]);
    let account = world.account();
    let master = |worker: &str| account["workers"][worker]["secrets"]["DE_MASTER_KEY_V1"].clone();
    assert_ne!(master("de-config"), master("de-config-staging"));
}

#[test]
fn without_a_domain_it_finds_its_part_of_workers_dev() {
    let world = World::new();
    world.break_at("d1 migrations apply", "before");
    world.deploy_to("staging", "one", None, &Scripted::there()).unwrap_err();
    world.put("break", json!(null));
    // The page that went ahead is there by now, and is asked.
    world.deploy_to("staging", "one", None, &Scripted::there()).unwrap();
    let account = world.account();
    let bindings =
        account["workers"]["de-text-staging"]["versions"][0]["resources"]["bindings"].to_string();
    assert!(bindings.contains("https://de-config-staging.acme.workers.dev"), "{bindings}");
    assert!(
        bindings.contains(
            "https://de-admin-panel-staging.acme.workers.dev,https://de-monitoring-staging.acme"
        ),
        "{bindings}"
    );
    let headers = world.layout.deploy().join("staging/pages/admin-panel/_headers");
    assert!(
        files::read(&headers).unwrap().contains("https://de-config-staging.acme.workers.dev\n")
    );
    assert_eq!(account["workers"]["de-text-staging"]["triggers"]["workers_dev"], false);
}

#[test]
fn secrets_are_not_made_where_nobody_sees_them() {
    let mut world = World::new();
    let refusal = world.deploy("staging", "one", &Scripted::away()).unwrap_err().to_string();
    assert!(
        !refusal.contains("stopped at") && refusal.contains("no terminal to show them on"),
        "{refusal}"
    );
    // Before anything was made.
    assert_eq!(world.changes(0), Vec::<String>::new());
    let master = "Zm9yIHRlc3RzIGFsb25lLCAzMiBieXRlcyBvZiBpdCE=".to_owned();
    world.given.insert("DE_MASTER_KEY_V1".to_owned(), master.clone());
    world.given.insert(
        "DE_BOOTSTRAP_TOKEN".to_owned(),
        "bG9uZyBlbm91Z2gsIGFuZCBmb3IgdGVzdHMgYWxvbmU".to_owned(),
    );
    let person = Scripted::away();
    world.deploy("staging", "one", &person).unwrap();
    assert_eq!(
        world.account()["workers"]["de-text-staging"]["secrets"]["DE_MASTER_KEY_V1"],
        *master
    );
    assert_eq!(person.shown(), "");
}

#[test]
fn a_new_worker_that_opens_keys_stops_a_run_before_anything_is_done() {
    let mut world = World::new();
    world.deploy("staging", "one", &Scripted::there()).unwrap();
    world.put("superadmin", json!(true));
    let mut account = world.account();
    account["workers"].as_object_mut().unwrap().remove("de-render-staging");
    account["databases"]["de-staging"]["migrations"].as_array_mut().unwrap().pop();
    world.put("workers", account["workers"].clone());
    world.put("databases", account["databases"].clone());
    let before = world.count();
    let refusal = world.deploy("staging", "two", &Scripted::away()).unwrap_err().to_string();
    assert!(refusal.contains("set DE_MASTER_KEY_V1 in the environment"), "{refusal}");
    assert_eq!(world.changes(before), Vec::<String>::new());
    let master = account["workers"]["de-text-staging"]["secrets"]["DE_MASTER_KEY_V1"].clone();
    world.given.insert("DE_MASTER_KEY_V1".to_owned(), master.as_str().unwrap().to_owned());
    world.deploy("staging", "two", &Scripted::away()).unwrap();
    assert_eq!(
        world.account()["workers"]["de-render-staging"]["secrets"]["DE_MASTER_KEY_V1"],
        master
    );
}

#[test]
fn the_bootstrap_token_goes_once_there_is_a_superadmin() {
    let world = World::new();
    world.deploy("staging", "one", &Scripted::there()).unwrap();
    world.put("superadmin", json!(true));
    world.deploy("staging", "one", &Scripted::away()).unwrap();
    let secrets =
        world.account()["workers"]["de-config-staging"]["secrets"].as_object().unwrap().clone();
    assert_eq!(secrets.keys().collect::<Vec<_>>(), ["DE_MASTER_KEY_V1"]);
}

#[test]
fn variables_of_access_stay_until_they_are_given_anew() {
    let mut world = World::new();
    let deployed = |world: &World| {
        let account = world.account();
        let versions =
            account["workers"]["de-config-staging"]["versions"].as_array().unwrap().clone();
        versions.last().unwrap()["resources"]["bindings"]
            .to_string()
            .contains("team.cloudflareaccess.com")
    };
    world.given.insert("DE_ACCESS_TEAM_DOMAIN".to_owned(), "team.cloudflareaccess.com".to_owned());
    world.deploy("staging", "one", &Scripted::there()).unwrap();
    world.given.clear();
    world.change("config", "second");
    world.deploy("staging", "two", &Scripted::away()).unwrap();
    assert!(deployed(&world));
    world.given.insert("DE_ACCESS_TEAM_DOMAIN".to_owned(), String::new());
    world.deploy("staging", "three", &Scripted::away()).unwrap();
    assert!(!deployed(&world));
}

#[test]
fn the_account_must_be_clear() {
    let world = World::new();
    let person = Scripted::away();
    let wrangler = || world.site("staging", &person).wrangler;
    assert_eq!(account::choose(wrangler(), None).unwrap().1, "Acme");
    world.put("accounts", json!([{ "id": "a1", "name": "Acme" }, { "id": "a2", "name": "Beta" }]));
    let refusal = account::choose(wrangler(), None).unwrap_err().to_string();
    assert!(
        refusal.contains("set CLOUDFLARE_ACCOUNT_ID to one of them:\n  a1  Acme\n  a2  Beta"),
        "{refusal}"
    );
    assert_eq!(account::choose(wrangler(), Some("a2")).unwrap().1, "Beta");
    world.put("accounts", json!(null));
    let refusal = account::choose(wrangler(), Some("a2")).unwrap_err().to_string();
    assert!(refusal.contains("nobody is logged in"), "{refusal}");
}

#[test]
fn nothing_is_done_without_a_yes_or_with_ports_of_the_machine_itself() {
    let mut world = World::new();
    let release = Release { tag: "one".to_owned() };
    let wish = DeployWish { environment: "staging".to_owned(), ..DeployWish::default() };
    for (person, expected) in
        [(Scripted::away(), "say --yes"), (Scripted::says("no"), "nothing was deployed")]
    {
        let refusal = perform::run(&world.site("staging", &person), &wish, &release, || Ok(()))
            .unwrap_err()
            .to_string();
        assert!(refusal.contains(expected), "{refusal}");
    }
    world.given.insert("DE_LOOPBACK_PORTS".to_owned(), "9001".to_owned());
    let refusal = world.deploy("staging", "one", &Scripted::there()).unwrap_err().to_string();
    assert!(refusal.contains("DE_LOOPBACK_PORTS"), "{refusal}");
    assert_eq!(world.changes(0), Vec::<String>::new());
}

#[test]
fn hosts_that_have_another_use_are_taken_only_when_that_is_said() {
    let mut world = World::new();
    world.resolving.push("admin-staging.example.com".to_owned());
    let refusal = world.deploy("staging", "one", &Scripted::there()).unwrap_err().to_string();
    assert!(refusal.contains("in use already: admin-staging.example.com"), "{refusal}");
    assert_eq!(world.changes(0), Vec::<String>::new());
    // The other environment's hosts are others, and once it is there they are its own.
    world.deploy("production", "one", &Scripted::there()).unwrap();
    world.resolving.push("admin.example.com".to_owned());
    world.edit_config("environments.jsonc", "\"rollout\": [10, 100]", "\"rollout\": [100]");
    world.change("text", "second");
    world.deploy("production", "two", &Scripted::away()).unwrap();
    let wish = DeployWish {
        domain: Some("example.com".to_owned()),
        environment: "staging".to_owned(),
        take_hosts: true,
        yes: true,
        ..DeployWish::default()
    };
    let (person, release) = (Scripted::there(), Release { tag: "one".to_owned() });
    perform::run(&world.site("staging", &person), &wish, &release, || Ok(())).unwrap();
}

#[test]
fn a_change_of_domain_that_was_broken_off_finds_its_own_hosts() {
    let mut world = World::new();
    world.deploy("production", "one", &Scripted::there()).unwrap();
    world.edit_config("environments.jsonc", "\"rollout_pause_s\": 20", "\"rollout_pause_s\": 0");
    let to = |world: &World| {
        world.deploy_to("production", "one", Some("example.org"), &Scripted::away())
    };
    // The front door's host is attached, and a tenth of the calls go to the version that names it.
    world.break_at("triggers deploy --config config", "after");
    to(&world).unwrap_err();
    world.put("break", json!(null));
    world.resolving.push("api.example.org".to_owned());
    to(&world).unwrap();
    let config = &world.account()["workers"]["de-config"];
    assert_eq!(config["triggers"]["hosts"], json!(["api.example.org"]));
}

#[test]
fn hosts_are_looked_up_by_node() {
    let world = World::new();
    let person = Scripted::away();
    let web = Web { resolving: None, ..world.site("staging", &person).web };
    // A name's answer is the machine's; that of an address is the same everywhere.
    assert_eq!(web.resolving(&["127.0.0.1"]).unwrap(), ["127.0.0.1"]);
}
