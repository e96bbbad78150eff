//! Models as files: out, and in again.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what does not hold ends the test"
)]

use de_contract::{
    control::Control,
    life::{Life, fields, own, path, whole},
    wait::unique,
};
use serde_json::{Value, json};

async fn exported(control: &Control, path: &str) -> Value {
    let file = control.get(path).await.is(200);
    assert!(file.header("content-disposition").starts_with("attachment; filename=\""));
    file.json()
}

#[tokio::test]
async fn f08_what_is_exported_is_imported_as_it_was() {
    let life = Life::ready().await;
    let tenant = life.control.tenant().await;
    let (mut files, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = life.control.get(&format!("/v1/model-configs?limit=100{cursor}")).await;
        let page = page.is(200).json();
        for model in page["data"].as_array().unwrap() {
            let id = model["model_id"].as_str().unwrap();
            // Those of the seeds: others come and go while this runs.
            if model["display_name"] != "A model of the contract suite"
                && !id.starts_with("contract")
            {
                files.push(exported(&life.control, &format!("{}/export", path(id))).await);
            }
        }
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert!(files.len() > 40, "{}", files.len());
    for file in &files {
        for name in ["version", "organization_id", "created_at", "updated_at"] {
            assert_eq!(file.get(name), None, "{file}");
        }
    }
    let import = format!("/v1/model-configs/import?{}", own(&tenant));
    let bundle = json!({"models": files});
    let told = life.control.post(&format!("{import}&dry_run=true"), &bundle).await.is(200).json();
    assert_eq!(told["dry_run"], true);
    let outcomes = |told: &Value, outcome: &str| {
        told["models"].as_array().unwrap().iter().all(|model| model["outcome"] == outcome)
    };
    assert!(outcomes(&told, "create"), "{told}");
    let done = life.control.post(&import, &bundle).await.is(201).json();
    assert!(outcomes(&done, "create"), "{done}");
    for file in &files {
        let id = file["model_id"].as_str().unwrap();
        let again = format!("{}/export?{}", path(id), own(&tenant));
        assert_eq!(exported(&life.control, &again).await, *file);
    }
    let again = life.control.post(&import, &bundle).await.is(200).json();
    assert!(outcomes(&again, "unchanged"), "{again}");
}

#[tokio::test]
async fn an_import_is_all_or_nothing() {
    let life = Life::ready().await;
    let tenant = life.control.tenant().await;
    let import = format!("/v1/model-configs/import?{}", own(&tenant));
    let (first, second) = (whole(json!({})), whole(json!({})));
    let id = first["model_id"].as_str().unwrap();
    let place = format!("{}?{}", path(id), own(&tenant));
    let mut wrong = second.clone();
    wrong["fallbacks"] = json!(["nobody"]);
    let file = json!({"models": [first, wrong, first, {"model_id": "x"}]});
    let told = life.control.post(&format!("{import}&dry_run=true"), &file).await.is(200).json();
    let outcomes: Vec<&str> = told["models"]
        .as_array()
        .unwrap()
        .iter()
        .map(|model| model["outcome"].as_str().unwrap())
        .collect();
    assert_eq!(outcomes, ["create", "refused", "refused", "refused"]);
    assert_eq!(told["models"][1]["issues"][0]["field"], "/models/1/fallbacks/0");
    let refused = life.control.post(&import, &file).await.fails(400, "VALIDATION_ERROR");
    assert_eq!(refused["details"]["models"][0]["outcome"], "create", "{refused}");
    assert!(fields(&refused).contains(&"/models/3/display_name".to_owned()), "{refused}");
    life.control.get(&place).await.fails(404, "MODEL_NOT_FOUND");
    // Models of one file may name each other.
    let mut leaning = second.clone();
    leaning["fallbacks"] = json!([id]);
    life.control.post(&import, &json!({"models": [leaning, first]})).await.is(201);
    let made = life.control.get(&place).await.is(200).json();
    assert_eq!(made["organization_id"], tenant.organization.as_str());
    let mut changed = first.clone();
    changed["display_name"] = "Changed".into();
    let told = life.control.post(&import, &changed).await.is(201).json();
    assert_eq!(
        (&told["models"][0]["outcome"], &told["models"][0]["version"]),
        (&json!("update"), &json!(2))
    );
    // Names may change hands within one file.
    let alias = unique("hands");
    let (mut one, mut two) = (changed.clone(), second.clone());
    one["aliases"] = json!([alias]);
    life.control.post(&import, &json!({"models": [one, two]})).await.is(201);
    one["aliases"] = json!([]);
    two["aliases"] = json!([alias]);
    life.control.post(&import, &json!({"models": [two, one]})).await.is(201);
    // Each model's own trail has it.
    let trail = format!("/v1/audit-events?target_id={id}&{}", own(&tenant));
    let trail = life.control.get(&trail).await.is(200).json();
    let actions: Vec<&str> = trail["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["action"].as_str().unwrap())
        .collect();
    assert_eq!(actions.last(), Some(&"model-config.create"));
    assert!(
        actions.len() > 1
            && actions.iter().rev().skip(1).all(|action| *action == "model-config.update")
    );
    let many: Vec<Value> = (0..101).map(|_| json!({})).collect();
    let refused = life.control.post(&import, &json!({"models": many})).await;
    assert_eq!(fields(&refused.fails(400, "VALIDATION_ERROR")), ["/models"]);
}

#[tokio::test]
async fn what_the_original_exported_is_imported_with_its_provider() {
    let life = Life::ready().await;
    let tenant = life.control.tenant().await;
    let import = format!("/v1/model-configs/import?{}", own(&tenant));
    let id = unique("original");
    let row = json!({
        "config_id": "0b6f", "model_id": id, "provider_id": "acme", "display_name": "Old image",
        "description": null, "capabilities": {"image": true, "text": false},
        "pricing": {"currency": "USD", "cost_per_image": 0.08},
        "rate_limits": {"rpm": 100, "tpm": 50_000, "concurrent_requests": 10},
        "payload_mapping": {
            "endpoint": "https://api.acme.example/generate", "method": "POST",
            "headers": {"Authorization": "Bearer {api_key}", "Content-Type": "application/json"},
            "body": {"prompt": "{user_prompt}"}, "response_mapping": {"image_url": "$.data[0].url"},
            "defaults": {},
        },
        "status": "active", "created_at": "2025-12-01 10:00:00", "updated_at": "2025-12-01 10:00:00",
    });
    let file = json!({"configs": [row], "total": 1});
    let refused = life.control.post(&import, &file).await.fails(400, "VALIDATION_ERROR");
    assert_eq!(fields(&refused), ["/configs/0/provider_id"]);
    let acme = |base: &str| json!({"id": "acme", "display_name": "Acme", "base_url": base, "auth": {"kind": "bearer"}});
    let with = |base: &str| json!({"models": [row], "providers": [acme(base)]});
    let refused = life.control.post(&import, &with("http://169.254.169.254")).await;
    let refused = refused.fails(400, "VALIDATION_ERROR");
    assert!(fields(&refused).contains(&"/providers/0/base_url".to_owned()), "{refused}");
    life.control.post(&import, &with("https://api.acme.example")).await.is(201);
    let place = format!("{}?{}", path(&id), own(&tenant));
    let made = life.control.get(&place).await.is(200).json();
    assert_eq!(
        (&made["protocol"], &made["pricing"]["image_micros"]),
        (&json!("mapped"), &json!(80_000))
    );
    // A provider that is there is not moved by a file.
    let refused = life.control.post(&import, &with("https://elsewhere.example")).await;
    assert!(fields(&refused.fails(400, "VALIDATION_ERROR")).contains(&"/providers/0".to_owned()));
    life.control.get(&path(&id)).await.fails(404, "MODEL_NOT_FOUND");
}

#[tokio::test]
async fn s01_no_file_puts_a_provider_in_the_place_of_another() {
    let life = Life::ready().await;
    let tenant = life.control.tenant().await;
    let import = format!("/v1/model-configs/import?{}", own(&tenant));
    let with = |id: &str, base: &str| {
        let provider =
            json!({"id": id, "display_name": "Acme", "base_url": base, "auth": {"kind": "bearer"}});
        json!({"models": [], "providers": [provider]})
    };
    // A shared one is what the organization sees: its own would come before that.
    let moved = with("openai", "https://elsewhere.example/v1");
    for query in ["&dry_run=true", ""] {
        let answer = life.control.post(&format!("{import}{query}"), &moved).await;
        let told = if query.is_empty() {
            answer.fails(400, "VALIDATION_ERROR")["details"].clone()
        } else {
            answer.is(200).json()
        };
        assert_eq!(told["providers"][0]["outcome"], "refused", "{told}");
    }
    let list = format!("/v1/providers?owner=own&organization_id={}", tenant.organization);
    assert_eq!(life.control.get(&list).await.is(200).json()["data"], json!([]));
    // One that comes in is on record, with the place that keys go to.
    let id = unique("acme");
    life.control.post(&import, &with(&id, "https://api.acme.example/v1")).await.is(201);
    let events = format!("/v1/audit-events?target_id={id}");
    let events = life.control.get(&events).await.is(200).json();
    let [event] = events["data"].as_array().unwrap().as_slice() else { panic!("{events}") };
    assert_eq!(event["action"], "provider.create");
    assert_eq!(event["organization_id"], tenant.organization.as_str());
    assert_eq!(event["after"]["base_url"], "https://api.acme.example/v1");
    let made = format!("/v1/providers/{id}?organization_id={}", tenant.organization);
    let made = life.control.get(&made).await.is(200).json();
    let same = |name: &str| assert_eq!(event["after"][name], made[name], "{name}");
    made.as_object().unwrap().keys().for_each(|name| same(name));
}
