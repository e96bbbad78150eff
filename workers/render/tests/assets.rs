//! Assets over doubles: who may see what, and how bytes are answered.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    missing_docs,
    reason = "tests: what does not hold ends them"
)]

use std::time::Duration;

use de_core::{
    assets::{Deposit, Owner, Promise, Provenance, keep, link},
    ids::{InstanceId, OrganizationId, ProjectId},
    media::MediaKind,
    ports::{Arg, Database, Settings, Statement},
    store::assets::AssetRow,
};
use de_testkit::{
    client::{TestClient, TestResponse},
    clock::FakeClock,
    platform::{START, TestPlatform},
};
use http::Method;
use serde_json::{Value, json};

const BASE: &str = "https://gateway.example";

/// 1,280 × 720, and something behind it.
const PNG: &[u8] =
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x05\0\0\0\x02\xd0\x08\x02\0\0\0 and what else is in it";

struct Gallery {
    config: TestClient,
    render: TestClient,
    test: TestPlatform,
}

impl Gallery {
    async fn open() -> Self {
        let builder = TestPlatform::builder().clock(FakeClock::at(START));
        let test = builder.public_base(BASE.to_owned()).build().await.unwrap();
        let admin = test.tenant.admin_key.expose();
        let config = TestClient::of_router(de_config::router(test.another_isolate()));
        let render = TestClient::of_router(de_render::router(test.another_isolate()));
        Self { config: config.with_key(admin).unwrap(), render, test }
    }

    /// Keeps the image for a project, as its key would.
    async fn keep(&self, project: Option<&ProjectId>) -> AssetRow {
        let tenant = &self.test.tenant.tenant;
        let owner = Owner {
            api_key_id: None,
            instance_id: tenant.instance_id.clone(),
            organization_id: tenant.organization_id.clone(),
            project_id: project.cloned(),
            user_id: None,
        };
        self.keep_for(owner, MediaKind::Image, PNG).await
    }

    async fn keep_for(&self, owner: Owner, kind: MediaKind, bytes: &'static [u8]) -> AssetRow {
        let deposit = Deposit {
            cap_bytes: None,
            id: None,
            owner,
            promise: Promise::Kind(kind),
            provenance: Provenance::default(),
        };
        let within = Duration::from_secs(5);
        keep::bytes(&self.test.platform, deposit, bytes.into(), within).await.unwrap()
    }

    async fn kept(&self) -> AssetRow {
        self.keep(Some(&self.test.tenant.tenant.project_id)).await
    }

    /// The render worker with the key of the project.
    fn client(&self) -> TestClient {
        self.render.clone().with_key(self.test.tenant.client_key.expose()).unwrap()
    }

    /// The render worker with the key of who operates the service, acting for the instance.
    fn admin(&self) -> TestClient {
        let client = self.render.clone().with_key(self.test.tenant.admin_key.expose()).unwrap();
        let instance = self.test.tenant.tenant.instance_id.as_str();
        client.with_header("x-instance-id", instance).unwrap()
    }

    /// The render worker with a new key.
    async fn with_key(&self, body: Value) -> TestClient {
        let made = self.made("/v1/api-keys", body).await;
        self.render.clone().with_key(made["secret"].as_str().unwrap()).unwrap()
    }

    async fn made(&self, path: &str, body: Value) -> Value {
        let answer = self.config.post(path, &body).await.unwrap();
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.json()
    }

    /// Another tenant, with a project.
    async fn neighbour(&self) -> Owner {
        let id = |row: &Value| row["id"].as_str().unwrap().to_owned();
        let body = json!({"name": "Next", "billing_email": "next@example.com"});
        let organization = id(&self.made("/v1/organizations", body).await);
        let body =
            json!({"organization_id": organization, "name": "Next", "environment": "development"});
        let instance = id(&self.made("/v1/instances", body).await);
        let body = json!({"instance_id": instance, "name": "Next"});
        let project = id(&self.made("/v1/projects", body).await);
        Owner {
            api_key_id: None,
            instance_id: InstanceId::parse(&instance).unwrap(),
            organization_id: OrganizationId::parse(&organization).unwrap(),
            project_id: Some(ProjectId::parse(&project).unwrap()),
            user_id: None,
        }
    }

    /// The path of a signed link, as its answer has it.
    async fn link(&self, row: &AssetRow) -> String {
        let shown = self.client().get(&format!("/v1/assets/{}", row.id)).await.unwrap();
        assert_eq!(shown.status, 200, "{}", shown.text());
        shown.json()["url"].as_str().unwrap().strip_prefix(BASE).unwrap().to_owned()
    }
}

#[track_caller]
fn is_missing(answer: &TestResponse) {
    let told = (answer.status, answer.json()["error"].clone());
    assert_eq!(told, (404, json!("there is no such asset")), "{}", answer.text());
}

async fn asked(client: &TestClient, path: &str, headers: &[(&str, &str)]) -> TestResponse {
    let request = client.request(Method::GET, path);
    let request =
        headers.iter().fold(request, |request, (name, value)| request.header(name, value));
    request.send().await.unwrap()
}

#[tokio::test]
async fn whoever_has_the_link_has_the_bytes_until_it_ends() {
    let gallery = Gallery::open().await;
    let row = gallery.kept().await;
    let link = gallery.link(&row).await;
    let answer = gallery.render.get(&link).await.unwrap();
    assert_eq!((answer.status, &answer.body[..]), (200, PNG));
    let file = format!("inline; filename=\"{}.png\"", row.id);
    for (name, expected) in [
        ("accept-ranges", "bytes"),
        ("cache-control", "private, max-age=86400, immutable"),
        ("content-disposition", file.as_str()),
        ("content-length", &PNG.len().to_string()),
        ("content-security-policy", "sandbox; default-src 'none'"),
        ("content-type", "image/png"),
        ("cross-origin-resource-policy", "cross-origin"),
        ("etag", &format!("\"{}\"", row.sha256)),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(answer.header(name), expected, "{name}");
    }
    gallery.test.clock.advance(link::LIFE - Duration::from_secs(1));
    assert_eq!(gallery.render.get(&link).await.unwrap().status, 200);
    gallery.test.clock.advance(Duration::from_secs(1));
    is_missing(&gallery.render.get(&link).await.unwrap());
}

#[tokio::test]
async fn a_link_that_is_not_ours_leads_nowhere() {
    let gallery = Gallery::open().await;
    let (row, other) = (gallery.kept().await, gallery.kept().await);
    let link = gallery.link(&row).await;
    let (path, query) = link.split_once('?').unwrap();
    let (expires, signature) = query.split_once('&').unwrap();
    let foreign = Settings {
        master_keys: vec![(1, de_core::secret::Secret::new("someone else's".to_owned()))],
        ..Settings::default()
    };
    let forged = link::sign(&foreign, &row.id, START.plus(60_000)).unwrap();
    for bad in [
        format!("/assets/{}?{query}", other.id),
        format!("{path}?expires=9999999999&{signature}"),
        format!("{path}?{expires}&signature=v1.AAAA"),
        format!("{path}?{expires}&signature=v2{}", &signature[12..]),
        format!("{path}?{forged}"),
        format!("/assets/asset_unknown?{query}"),
        format!("/assets/asset_..%2F..%2Fetc?{query}"),
    ] {
        let answer = gallery.render.get(&bad).await.unwrap();
        let told = if bad.contains("etc") { 401 } else { 404 };
        assert_eq!(answer.status, told, "{bad}: {}", answer.text());
    }
    // Without any word of who asks.
    assert_eq!(gallery.render.get(path).await.unwrap().status, 401);
    let stranger =
        gallery.render.clone().with_key(gallery.test.tenant.stranger_key.expose()).unwrap();
    assert_eq!(stranger.get(path).await.unwrap().status, 401);
    let posted = gallery.render.request(Method::POST, path).send().await.unwrap();
    assert_eq!((posted.status, posted.header("allow")), (405, "GET,HEAD"));
}

#[tokio::test]
async fn a_key_of_the_same_tenant_needs_no_link() {
    let gallery = Gallery::open().await;
    let row = gallery.kept().await;
    let path = format!("/assets/{}", row.id);
    let answer = gallery.client().get(&path).await.unwrap();
    assert_eq!((answer.status, &answer.body[..]), (200, PNG));
    assert_eq!(answer.header("cache-control"), "private, no-cache");
    assert_eq!(answer.header("cross-origin-resource-policy"), "same-site");
    // A link that has ended does not shut out who may see it anyway.
    let ended = link::sign(&gallery.test.platform.settings, &row.id, START).unwrap();
    let answer = gallery.client().get(&format!("{path}?{ended}")).await.unwrap();
    assert_eq!(answer.status, 200);
    // A person need not name the instance.
    let admin = gallery.render.clone().with_key(gallery.test.tenant.admin_key.expose()).unwrap();
    assert_eq!(admin.get(&path).await.unwrap().status, 200);
}

#[tokio::test]
async fn nobody_sees_what_is_of_another_tenant() {
    let gallery = Gallery::open().await;
    let owner = gallery.neighbour().await;
    let scopes = json!(["audio", "image", "render", "stock", "text"]);
    let project = owner.project_id.clone().unwrap();
    let body = json!({"project_id": project, "name": "k", "scopes": scopes});
    let neighbour = gallery.with_key(body).await;
    let theirs = gallery.keep_for(owner, MediaKind::Image, PNG).await;
    let ours = gallery.kept().await;
    // Another project of the same instance is as foreign.
    let instance = gallery.test.tenant.tenant.instance_id.as_str();
    let sibling = gallery.made("/v1/projects", json!({"instance_id": instance, "name": "S"})).await;
    let body = json!({"project_id": sibling["id"], "name": "k", "scopes": scopes});
    let sibling = gallery.with_key(body).await;
    let of_nobody = gallery.keep(None).await;
    for (client, foreign) in [
        (&neighbour, &ours),
        (&gallery.client(), &theirs),
        (&sibling, &ours),
        (&sibling, &of_nobody),
        (&gallery.admin(), &theirs),
    ] {
        let path = format!("/v1/assets/{}", foreign.id);
        is_missing(&client.get(&path).await.unwrap());
        let deleted = client.request(Method::DELETE, &path).send().await.unwrap();
        is_missing(&deleted);
        let listed = client.get("/v1/assets").await.unwrap();
        assert!(!listed.text().contains(foreign.id.as_str()), "{}", foreign.id);
    }
    for (client, foreign) in [(&neighbour, &ours), (&gallery.client(), &theirs), (&sibling, &ours)]
    {
        is_missing(&client.get(&format!("/assets/{}", foreign.id)).await.unwrap());
    }
    let named = neighbour.get(&format!("/v1/assets?project_id={}", ours.project_id.unwrap())).await;
    assert_eq!(named.unwrap().status, 403);
    assert_eq!(gallery.test.blobs.keys().len(), 3, "nothing was deleted");
}

#[tokio::test]
async fn parts_and_conditions_are_honoured() {
    let gallery = Gallery::open().await;
    let row = gallery.kept().await;
    let link = gallery.link(&row).await;
    let render = &gallery.render;
    let size = PNG.len();
    let part = asked(render, &link, &[("range", "bytes=1-3")]).await;
    assert_eq!((part.status, &part.body[..]), (206, &b"PNG"[..]));
    assert_eq!(part.header("content-range"), format!("bytes 1-3/{size}"));
    assert_eq!(part.header("content-length"), "3");
    let end = asked(render, &link, &[("range", "bytes=-2")]).await;
    assert_eq!((end.status, &end.body[..]), (206, &b"it"[..]));
    let beyond = asked(render, &link, &[("range", "bytes=5000-")]).await;
    assert_eq!(
        (beyond.status, &beyond.json()["error_code"]),
        (416, &json!("RANGE_NOT_SATISFIABLE"))
    );
    assert_eq!(beyond.header("content-range"), format!("bytes */{size}"));
    let several = asked(render, &link, &[("range", "bytes=0-1,5-6")]).await;
    assert_eq!((several.status, several.body.len()), (200, size));
    let etag = format!("\"{}\"", row.sha256);
    let known = asked(render, &link, &[("if-none-match", &etag)]).await;
    assert_eq!((known.status, known.body.len(), known.header("etag")), (304, 0, etag.as_str()));
    let known = asked(render, &link, &[("if-modified-since", &row.created_at.http_date())]).await;
    assert_eq!(known.status, 304);
    let other = [("if-range", "\"x\""), ("range", "bytes=1-3")];
    assert_eq!(asked(render, &link, &other).await.status, 200);
    assert_eq!(asked(render, &link, &[("if-match", "\"x\"")]).await.status, 412);
    let head = render.request(Method::HEAD, &link).send().await.unwrap();
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("content-length"), size.to_string());
    assert_eq!(head.header("content-type"), "image/png");
}

#[tokio::test]
async fn an_asset_tells_what_it_is_and_who_made_it() {
    let gallery = Gallery::open().await;
    let row = gallery.kept().await;
    let shown = gallery.client().get(&format!("/v1/assets/{}", row.id)).await.unwrap().json();
    let expected = json!({
        "id": row.id, "url": shown["url"], "url_expires_at": "2026-11-26T12:00:00.000Z",
        "content_type": "image/png", "kind": "image", "size_bytes": PNG.len(), "sha256": row.sha256,
        "width": 1280, "height": 720, "duration_ms": null, "model_id": null, "provider_id": null,
        "project_id": gallery.test.tenant.tenant.project_id, "job_id": null, "receipt_id": null,
        "request_id": null, "api_key_id": null, "user_id": null, "cost_micros": null, "source": null,
        "created_at": "2026-11-25T12:00:00.000Z", "expires_at": null,
    });
    assert_eq!(shown, expected);
}

#[tokio::test]
async fn lists_go_by_page_kind_and_job() {
    let gallery = Gallery::open().await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        gallery.test.clock.advance(Duration::from_millis(1));
        ids.insert(0, gallery.kept().await.id.to_string());
    }
    let client = gallery.client();
    let first = client.get("/v1/assets?limit=2&kind=image").await.unwrap().json();
    let seen = |page: &Value| -> Vec<String> {
        let rows = page["data"].as_array().unwrap();
        rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(seen(&first), ids[..2]);
    let next = format!("/v1/assets?limit=2&cursor={}", first["next_cursor"].as_str().unwrap());
    let next = client.get(&next).await.unwrap().json();
    assert_eq!((seen(&next), &next["next_cursor"]), (ids[2..].to_vec(), &Value::Null));
    for none in ["kind=audio", "job_id=job_1"] {
        let page = client.get(&format!("/v1/assets?{none}")).await.unwrap().json();
        assert_eq!(page["data"], json!([]), "{none}");
    }
    let wrong = client.get("/v1/assets?kind=text&job_id=x&colour=red").await.unwrap();
    assert_eq!(wrong.status, 400);
    assert_eq!(wrong.json()["details"]["fields"].as_array().unwrap().len(), 3);
    let admin = gallery.render.clone().with_key(gallery.test.tenant.admin_key.expose()).unwrap();
    assert_eq!(admin.get("/v1/assets").await.unwrap().status, 400, "which instance?");
    assert_eq!(seen(&gallery.admin().get("/v1/assets").await.unwrap().json()).len(), 3);
}

#[tokio::test]
async fn who_may_make_may_delete() {
    let gallery = Gallery::open().await;
    let row = gallery.kept().await;
    let link = gallery.link(&row).await;
    let path = format!("/v1/assets/{}", row.id);
    let project = gallery.test.tenant.tenant.project_id.as_str();
    let body = json!({"project_id": project, "name": "reader", "scopes": ["read", "text"]});
    let reader = gallery.with_key(body).await;
    assert_eq!(reader.get(&path).await.unwrap().status, 200);
    let refused = reader.request(Method::DELETE, &path).send().await.unwrap();
    assert_eq!((refused.status, &refused.json()["error_code"]), (403, &json!("FORBIDDEN")));
    // Bytes that cannot be deleted keep their row.
    gallery.test.blobs.set_failing(true);
    let failed = gallery.client().request(Method::DELETE, &path).send().await.unwrap();
    assert_eq!(failed.status, 500);
    gallery.test.blobs.set_failing(false);
    assert_eq!(gallery.render.get(&link).await.unwrap().status, 200);
    let deleted = gallery.client().request(Method::DELETE, &path).send().await.unwrap();
    assert_eq!((deleted.status, deleted.body.len()), (204, 0));
    assert_eq!(gallery.test.blobs.keys(), Vec::<String>::new());
    is_missing(&gallery.render.get(&link).await.unwrap());
    is_missing(&gallery.client().get(&path).await.unwrap());
    is_missing(&gallery.client().request(Method::DELETE, &path).send().await.unwrap());
}

#[tokio::test]
async fn an_asset_that_has_expired_is_gone_before_the_cron_comes() {
    let gallery = Gallery::open().await;
    let sql = "UPDATE instances SET retention_days = 1 WHERE id = ?1";
    let args = vec![Arg::from(gallery.test.tenant.tenant.instance_id.as_str())];
    gallery.test.database.batch(vec![Statement { args, sql }]).await.unwrap();
    gallery.test.clock.advance(Duration::from_millis(500));
    let row = gallery.kept().await;
    let path = format!("/v1/assets/{}", row.id);
    gallery.test.clock.advance(Duration::from_secs(43_200));
    let shown = gallery.client().get(&path).await.unwrap().json();
    assert_eq!(shown["expires_at"], "2026-11-26T12:00:00.500Z");
    assert_eq!(shown["url_expires_at"], "2026-11-26T12:00:00.000Z", "no link outlives its asset");
    gallery.test.clock.advance(Duration::from_secs(43_200));
    is_missing(&gallery.client().get(&path).await.unwrap());
    is_missing(&gallery.client().get(&format!("/assets/{}", row.id)).await.unwrap());
    let listed = gallery.client().get("/v1/assets").await.unwrap();
    assert_eq!(listed.json()["data"], json!([]));
}

#[tokio::test]
async fn a_key_that_was_withdrawn_sees_nothing_more() {
    let gallery = Gallery::open().await;
    let row = gallery.kept().await;
    let path = format!("/assets/{}", row.id);
    let project = gallery.test.tenant.tenant.project_id.as_str();
    let body = json!({"project_id": project, "name": "short", "scopes": ["image"]});
    let made = gallery.made("/v1/api-keys", body).await;
    let client = gallery.render.clone().with_key(made["secret"].as_str().unwrap()).unwrap();
    assert_eq!(client.get(&path).await.unwrap().status, 200);
    let key = format!("/v1/api-keys/{}", made["id"].as_str().unwrap());
    let deleted = gallery.config.request(Method::DELETE, &key).send().await.unwrap();
    assert_eq!(deleted.status, 204, "{}", deleted.text());
    for path in [path, "/v1/assets".to_owned(), format!("/v1/assets/{}", row.id)] {
        assert_eq!(client.get(&path).await.unwrap().status, 401, "{path}");
    }
}
