//! What becomes of an item that is taken over.

use de_core::{
    auth::Scope,
    auth::api_key::{ApiKey, KeyKind},
    ports::Database,
    store::tenants::{self, KeyHolder, NewKey},
};
use de_testkit::{entropy::SeededEntropy, fetch::Answer, platform::START};
use serde_json::{Value, json};

use crate::library::{Library, PNG, file, pexels_photo};

fn photo() -> Value {
    json!({"provider": "pexels", "kind": "image", "id": "7"})
}

/// That nothing was kept.
#[track_caller]
fn nothing_stays(library: &Library) {
    assert_eq!(library.test.blobs.keys(), Vec::<String>::new());
    let dump = library.test.database.dump().unwrap();
    assert!(!dump.lines().any(|line| line.starts_with("assets ")), "{dump}");
}

#[tokio::test(start_paused = true)]
async fn an_item_becomes_an_asset_with_its_licence() {
    let library = Library::new().await;
    library.test.fetch.answer(Answer::json(200, &pexels_photo(7)));
    library.test.fetch.answer(file(PNG));
    let answer = library.post("/import", &photo()).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let asset = answer.json();
    assert_eq!(answer.header("location"), format!("/v1/assets/{}", asset["id"].as_str().unwrap()));
    assert_eq!((&asset["content_type"], &asset["kind"]), (&json!("image/png"), &json!("image")));
    assert_eq!((&asset["width"], &asset["height"]), (&json!(1280), &json!(720)));
    assert_eq!((&asset["provider_id"], &asset["model_id"]), (&json!("pexels"), &Value::Null));
    assert_eq!((&asset["project_id"], &asset["cost_micros"]), (&json!("proj_dev"), &json!(0)));
    assert_eq!(
        asset["source"],
        json!({
            "provider": "pexels", "kind": "photos", "id": "7", "title": "Sea",
            "page_url": "https://www.pexels.com/photo/7/",
            "file_url": "https://images.pexels.com/7.jpeg", "quality": "original",
            "author": {"name": "Ana", "url": "https://www.pexels.com/@ana"},
            "license": {"name": "Pexels License", "url": "https://www.pexels.com/license/"},
            "attribution": "Photo by Ana on Pexels: https://www.pexels.com/photo/7/",
        })
    );
    // The key goes to the vendor's own host, and not to where its file is.
    let sent = library.sent();
    let asked: Vec<(&str, &str)> =
        sent.iter().map(|sent| (sent.url.as_str(), sent.header("authorization"))).collect();
    assert_eq!(
        asked,
        [
            ("https://api.pexels.com/v1/photos/7", "test-pexels-key-0001"),
            ("https://images.pexels.com/7.jpeg", ""),
        ]
    );
    let receipt = library.receipt(&answer).await;
    assert_eq!(
        (&receipt["operation"], &receipt["http_status"]),
        (&json!("POST /import"), &json!(201))
    );
    assert_eq!(asset["receipt_id"], receipt["receipt_id"]);
    assert_eq!(library.test.blobs.keys().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_item_is_taken_over_once_under_one_key() {
    let library = Library::new().await;
    let client = library.client.clone().with_header("idempotency-key", "import-7").unwrap();
    // A failure is not kept: nothing was bought.
    library.test.fetch.answer(Answer::json(200, &pexels_photo(7)));
    library.test.fetch.answer(Answer::status(403));
    let failed = client.post("/import", &photo()).await.unwrap();
    Library::failed(&failed, 502, "PROVIDER_ERROR");
    library.test.background.join_all().await;
    library.test.fetch.answer(Answer::json(200, &pexels_photo(7)));
    library.test.fetch.answer(file(PNG));
    let first = client.post("/import", &photo()).await.unwrap();
    assert_eq!(first.status, 201, "{}", first.text());
    library.test.background.join_all().await;
    let again = client.post("/import", &photo()).await.unwrap();
    assert_eq!((again.status, again.header("idempotency-replayed")), (201, "true"));
    assert_eq!((again.json(), again.header("location")), (first.json(), first.header("location")));
    assert_eq!((library.sent().len(), library.test.blobs.keys().len()), (4, 1));
    let other = json!({"provider": "pexels", "kind": "image", "id": "8"});
    let other = client.post("/import", &other).await.unwrap();
    Library::failed(&other, 409, "IDEMPOTENCY_MISMATCH");
}

#[tokio::test(start_paused = true)]
async fn a_file_is_named_by_width_or_by_the_vendors_word() {
    let library = Library::new().await;
    for (named, expected) in [
        (json!("medium"), "https://images.pexels.com/7.jpeg?h=350"),
        (json!(467), "https://images.pexels.com/7.jpeg?h=350"),
        (json!(4000), "https://images.pexels.com/7.jpeg"),
    ] {
        library.test.fetch.answer(Answer::json(200, &pexels_photo(7)));
        library.test.fetch.answer(file(PNG));
        let mut body = photo();
        body["file"] = named;
        let answer = library.post("/import", &body).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        assert_eq!(library.sent().last().unwrap().url.as_str(), expected);
    }
    library.test.fetch.answer(Answer::json(200, &pexels_photo(7)));
    let mut body = photo();
    body["file"] = json!("huge");
    let refused = Library::failed(&library.post("/import", &body).await, 400, "VALIDATION_ERROR");
    let reason = refused["details"]["fields"][0]["reason"].as_str().unwrap();
    assert_eq!(reason, "this item has no such file; there are original (4000), medium (467)");
}

#[tokio::test(start_paused = true)]
async fn what_the_vendor_has_not_is_not_found() {
    let library = Library::new().await;
    library.test.fetch.answer(Answer::json(404, &json!({"status": 404, "code": "Not Found"})));
    Library::failed(&library.post("/import", &photo()).await, 404, "NOT_FOUND");
    let pixabay = json!({"provider": "pixabay", "kind": "video", "id": 7});
    library.test.fetch.answer(Answer::status(400).chunk("[ERROR 400] \"id\" is invalid."));
    Library::failed(&library.post("/import", &pixabay).await, 404, "NOT_FOUND");
    library.test.fetch.answer(Answer::json(200, &json!({"total": 0, "totalHits": 0, "hits": []})));
    Library::failed(&library.post("/import", &pixabay).await, 404, "NOT_FOUND");
    // An item that cannot be had.
    let mut without = pexels_photo(7);
    without["src"] = json!({});
    library.test.fetch.answer(Answer::json(200, &without));
    Library::failed(&library.post("/import", &photo()).await, 404, "NOT_FOUND");
    let asked = library.sent().len();
    for id in ["../v1/curated", "7?x=1", "", "%37", "x"] {
        let mut body = photo();
        body["id"] = json!(id);
        Library::failed(&library.post("/import", &body).await, 400, "VALIDATION_ERROR");
    }
    assert_eq!(library.sent().len(), asked, "nobody is asked for what can be no id");
    nothing_stays(&library);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_not_what_it_claims_leaves_nothing() {
    let library = Library::new().await;
    let page = "<!doctype html><title>Sorry</title>".repeat(100);
    let rows = [
        (file(page.as_bytes()), "PROVIDER_MALFORMED"),
        (Answer::status(403), "PROVIDER_ERROR"),
        (file(PNG).break_off(), "PROVIDER_ERROR"),
        (file(PNG).header("content-length", "99999999999"), "PROVIDER_MALFORMED"),
        (
            Answer::status(302).header("location", "http://169.254.169.254/latest/meta-data"),
            "PROVIDER_MALFORMED",
        ),
        (Answer::status(302).header("location", "https://127.0.0.1/"), "PROVIDER_MALFORMED"),
    ];
    for (answer, code) in rows {
        library.test.fetch.answer(Answer::json(200, &pexels_photo(7)));
        library.test.fetch.answer(answer);
        Library::failed(&library.post("/import", &photo()).await, 502, code);
        nothing_stays(&library);
    }
    // Nor does one whose address is none.
    let mut item = pexels_photo(7);
    item["src"]["original"] = json!("http://[");
    library.test.fetch.answer(Answer::json(200, &item));
    Library::failed(&library.post("/import", &photo()).await, 502, "PROVIDER_MALFORMED");
    nothing_stays(&library);
}

#[tokio::test(start_paused = true)]
async fn a_person_may_name_a_project_of_the_instance_and_no_other() {
    let library = Library::new().await;
    let tenant = &library.test.tenant.tenant;
    let made = ApiKey::make(KeyKind::Admin, &SeededEntropy::new(77));
    let key = NewKey {
        allowed_models: None,
        digest: &made.key.digest,
        expires_at: None,
        holder: KeyHolder::User(&tenant.user_id),
        id: &made.key.id,
        kind: KeyKind::Admin,
        last_four: "0000",
        name: "Stock",
        revoked_at: None,
        scopes: &[Scope::Stock],
    };
    library.test.database.batch(vec![tenants::put_key(&key, START)]).await.unwrap();
    library.test.sql("INSERT INTO organizations (id, name, created_at, updated_at) VALUES ('org_b', 'B', 0, 0)", &[]).await;
    library
        .test
        .sql(
            "INSERT INTO instances (id, organization_id, name, environment, created_at, updated_at)
             VALUES ('inst_b', 'org_b', 'B', 'development', 0, 0)",
            &[],
        )
        .await;
    library
        .test
        .sql(
            "INSERT INTO projects (id, instance_id, name, created_at, updated_at)
             VALUES ('proj_b', 'inst_b', 'B', 0, 0)",
            &[],
        )
        .await;
    let person = library.isolate().with_key(made.secret.expose()).unwrap();
    let person = person.with_header("x-instance-id", tenant.instance_id.as_str()).unwrap();
    for foreign in ["proj_b", "proj_nobody", "../x"] {
        let mut body = photo();
        body["project_id"] = json!(foreign);
        Library::failed(&person.post("/import", &body).await.unwrap(), 404, "NOT_FOUND");
    }
    for (named, expected) in
        [(json!(tenant.project_id.as_str()), json!("proj_dev")), (Value::Null, Value::Null)]
    {
        library.test.fetch.answer(Answer::json(200, &pexels_photo(7)));
        library.test.fetch.answer(file(PNG));
        let mut body = photo();
        body["project_id"] = named;
        let answer = person.post("/import", &body).await.unwrap();
        assert_eq!(answer.status, 201, "{}", answer.text());
        assert_eq!(answer.json()["project_id"], expected);
    }
}
