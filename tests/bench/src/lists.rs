//! How long the lists of the control plane take where there is much to list.
//!
//! The rows are those of `lists.sql`: 10,000 keys, 1,000 models, 1,000 each of organizations, instances and
//! persons, 10,000 changes. Each list is asked for its first page, for one from the middle, and through each
//! filter that matters, by who operates the service and by an administrator of the tenant that has most of it.

use std::{fmt::Write as _, time::Instant};

use de_core::{
    ids::{OrganizationId, UserId},
    ports::Statement,
    store::{Viewer, api_keys, audit, models},
};
use de_testkit::database::SqliteDatabase;
use serde::Serialize;
use serde_json::{Value, json};

use crate::{failure::Failure, gateway::Gateway};

/// What a list may take, in milliseconds.
const AIM_MS: f64 = 50.0;
/// The largest page.
const PAGE: usize = 200;

/// One list, asked for in one way.
#[derive(Debug, Serialize)]
pub(crate) struct Line {
    path: String,
    viewer: &'static str,
    rows: usize,
    p50_ms: f64,
    p95_ms: f64,
    most_ms: f64,
}

/// Measures all of them, `rounds` times 20 requests each.
///
/// # Errors
/// `Request`, and `List` for an answer that is not a page.
pub(crate) async fn measure(
    gateway: &Gateway,
    client: &reqwest::Client,
    rounds: usize,
) -> Result<Vec<Line>, Failure> {
    let admin = administrator(gateway, client).await?;
    let viewers = [("superadmin", gateway.admin_key.as_str()), ("admin", admin.as_str())];
    let mut lines = Vec::new();
    for (viewer, key) in viewers {
        let asker = Asker { client, gateway, key };
        let keys = asker.middle("/v1/api-keys").await?;
        let models = asker.middle("/v1/model-configs").await?;
        let events = asker.middle("/v1/audit-events").await?;
        for path in [
            "/v1/api-keys".to_owned(),
            format!("/v1/api-keys?limit={PAGE}"),
            keys,
            "/v1/api-keys?project_id=proj_bench0050".to_owned(),
            "/v1/model-configs".to_owned(),
            models,
            "/v1/model-configs?type=text&provider_id=openai&status=deprecated".to_owned(),
            "/v1/model-configs?type=video".to_owned(),
            "/v1/organizations".to_owned(),
            "/v1/instances".to_owned(),
            "/v1/projects".to_owned(),
            "/v1/users".to_owned(),
            "/v1/audit-events".to_owned(),
            events,
            "/v1/audit-events?target_id=key_bench005000".to_owned(),
        ] {
            asker.ask(&path).await?;
            let mut times = Vec::new();
            let mut rows = 0;
            for _ in 0..rounds * 20 {
                let started = Instant::now();
                rows = asker.ask(&path).await?.rows;
                times.push(started.elapsed().as_secs_f64() * 1e3);
            }
            times.sort_by(f64::total_cmp);
            let at = |percent: usize| times.get((times.len() - 1) * percent / 100).copied();
            let (p50_ms, p95_ms, most_ms) = (at(50), at(95), at(100));
            let figure = Option::unwrap_or_default;
            lines.push(Line {
                path,
                viewer,
                rows,
                p50_ms: figure(p50_ms),
                p95_ms: figure(p95_ms),
                most_ms: figure(most_ms),
            });
        }
    }
    Ok(lines)
}

/// Who asks for lists.
struct Asker<'a> {
    client: &'a reqwest::Client,
    gateway: &'a Gateway,
    key: &'a str,
}

/// A page, as far as it matters here.
struct Page {
    next: Option<String>,
    rows: usize,
}

impl Asker<'_> {
    async fn ask(&self, path: &str) -> Result<Page, Failure> {
        let asking = |source| Failure::Request { what: format!("asking for {path}"), source };
        let url = format!("{}{path}", self.gateway.base);
        let response = self.client.get(url).bearer_auth(self.key).send().await.map_err(asking)?;
        let status = response.status().as_u16();
        let text = response.text().await.map_err(asking)?;
        let body: Value = serde_json::from_str(&text).unwrap_or_default();
        let rows = body.get("data").and_then(Value::as_array).map(Vec::len);
        let (200, Some(rows)) = (status, rows) else {
            return Err(Failure::List { path: path.to_owned(), status, body: text });
        };
        let next = body.get("next_cursor").and_then(Value::as_str).map(str::to_owned);
        Ok(Page { next, rows })
    }

    /// A page from the middle of a list: walked to in the largest steps.
    async fn middle(&self, path: &str) -> Result<String, Failure> {
        let mut cursors = Vec::new();
        let mut at = format!("{path}?limit={PAGE}");
        while let Some(next) = self.ask(&at).await?.next {
            at = format!("{path}?limit={PAGE}&cursor={next}");
            cursors.push(next);
        }
        let middle = cursors.get(cursors.len() / 2);
        Ok(middle.map_or_else(|| path.to_owned(), |cursor| format!("{path}?cursor={cursor}")))
    }
}

/// A key of an administrator of the tenant, made by the API.
async fn administrator(gateway: &Gateway, client: &reqwest::Client) -> Result<String, Failure> {
    let make = async |resource: &str, body: Value| {
        let what = || format!("making one of {resource}");
        let asking = |source| Failure::Request { what: what(), source };
        let url = format!("{}/v1/{resource}", gateway.base);
        let response = client.post(url).bearer_auth(&gateway.admin_key).json(&body).send().await;
        let text = response.map_err(asking)?.text().await.map_err(asking)?;
        serde_json::from_str::<Value>(&text).map_err(|source| Failure::Json { source })
    };
    let person = json!({
        "organization_id": "org_dev", "email": "bench-admin@example.com", "name": "Bench", "role": "admin",
    });
    let person = make("users", person).await?;
    let key = json!({"user_id": person.get("id"), "scopes": ["read"]});
    let key = make("api-keys", key).await?;
    let secret = key.get("secret").and_then(Value::as_str).map(str::to_owned);
    secret.ok_or_else(|| Failure::List {
        path: "/v1/users, then /v1/api-keys".to_owned(),
        status: 0,
        body: format!("{person} {key}"),
    })
}

/// The table, in Markdown, with how many are over the aim.
pub(crate) fn table(lines: &[Line]) -> String {
    let mut table = String::from(
        "| list | asked by | rows | p50 ms | p95 ms | slowest ms |\n| --- | --- | --- | --- | --- | --- |\n",
    );
    for Line { path, viewer, rows, p50_ms, p95_ms, most_ms } in lines {
        // A cursor says nothing to a reader.
        let path = match path.split_once("cursor=") {
            Some((before, _)) => format!("{before}cursor=…"),
            None => path.clone(),
        };
        // Writing to a String cannot fail.
        let _written = writeln!(
            table,
            "| `{path}` | {viewer} | {rows} | {p50_ms:.1} | {p95_ms:.1} | {most_ms:.1} |"
        );
    }
    let over = lines.iter().filter(|line| line.p95_ms > AIM_MS).count();
    let _written = writeln!(table, "\n{over} of {} have a p95 over {AIM_MS} ms.", lines.len());
    table
}

/// How SQLite finds the rows of the largest lists, for whoever asks.
///
/// # Errors
/// `Plan` if a query does not compile.
pub(crate) fn plans() -> Result<String, Failure> {
    let failed = |problem: String| Failure::Plan { problem };
    let database = SqliteDatabase::migrated().map_err(|err| failed(err.to_string()))?;
    let organization = OrganizationId::parse("org_dev").map_err(|err| failed(err.to_string()))?;
    let user = UserId::parse("user_dev").map_err(|err| failed(err.to_string()))?;
    let viewer = Viewer::Person { organization: Some(&organization), user: &user };
    let keys = api_keys::ApiKeyQuery::default();
    let model =
        models::ModelQuery { organization: Some(&organization), ..models::ModelQuery::default() };
    let changes =
        audit::AuditQuery { organization: Some(&organization), ..audit::AuditQuery::default() };
    let queries: [(&str, Statement); 4] = [
        ("keys, superadmin", api_keys::list(&keys, Viewer::Everything)),
        ("keys, admin", api_keys::list(&keys, viewer)),
        ("models", models::list(&model)),
        ("changes", audit::list(&changes)),
    ];
    let mut text = String::new();
    for (what, statement) in queries {
        let lines = database.plan(&statement).map_err(|err| failed(err.to_string()))?;
        let _written = writeln!(text, "{what}:\n  {}", lines.join("\n  "));
    }
    Ok(text)
}
