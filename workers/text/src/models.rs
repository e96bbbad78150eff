//! `GET /v1/models`: what a key may call, in OpenAI's shape, or in Anthropic's for its SDKs.
//!
//! Follows <https://platform.openai.com/docs/api-reference/models> and
//! <https://platform.claude.com/docs/en/api/models-list>.

use axum::{
    Json,
    extract::Query,
    response::{IntoResponse, Response},
};
use de_core::{
    caller::Tenant,
    http::{
        error::ApiError,
        extract::{Incoming, PathText},
    },
    model::Status,
    ports::Platform,
    protocols::FieldIssue,
};
use serde_json::{Value, json};

use crate::offered::{self, Offered};

/// Models of a page in Anthropic's shape: the usual number and the largest.
const PAGE: usize = 20;
const LARGEST_PAGE: usize = 1_000;

/// Lists the models that the key may call. Deprecated ones work, and are not offered unless
/// `?include=deprecated` asks for them, or Anthropic's `?lifecycle=deprecated`.
pub(crate) async fn list(
    platform: Platform,
    Tenant(caller): Tenant,
    Query(query): Query<Vec<(String, String)>>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let anthropic = is_anthropic(&incoming);
    let asked = Asked::read(&query, anthropic).map_err(|issues| ApiError::fields(&issues))?;
    let caller = caller.current(&platform).await?;
    let mut models = offered::all(&platform, &caller).await?;
    models.retain(|one| if one.is_deprecated() { asked.deprecated } else { asked.active });
    let body = if anthropic {
        let (page, has_more) = asked.page(&models);
        let [first, last] =
            [page.first(), page.last()].map(|end| end.map(|model| &model.row.model_id));
        json!({
            "first_id": first,
            "has_more": has_more,
            "last_id": last,
            "data": page.iter().map(of_anthropic).collect::<Vec<_>>(),
        })
    } else {
        json!({"object": "list", "data": models.iter().map(of_openai).collect::<Vec<_>>()})
    };
    Ok(Json(body).into_response())
}

/// What a query asks for. SDKs send parameters of their own, which are not ours to refuse.
struct Asked {
    active: bool,
    after: Option<String>,
    before: Option<String>,
    deprecated: bool,
    limit: usize,
}

impl Asked {
    fn read(query: &[(String, String)], anthropic: bool) -> Result<Self, Vec<FieldIssue>> {
        let mut issues = Vec::new();
        let mut wrong = |name: &str, reason: &str| {
            issues.push(FieldIssue { pointer: format!("?{name}"), reason: reason.to_owned() });
        };
        let text = |name: &str| {
            query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
        };
        let mut asked =
            Self { active: true, after: None, before: None, deprecated: false, limit: PAGE };
        match text("include") {
            None => {}
            Some("deprecated") => asked.deprecated = true,
            Some(_) => wrong("include", "expected deprecated"),
        }
        if anthropic {
            asked.after = text("after_id").map(str::to_owned);
            asked.before = text("before_id").map(str::to_owned);
            if asked.after.is_some() && asked.before.is_some() {
                wrong("before_id", "give after_id or before_id, not both");
            }
            match text("limit").map(str::parse) {
                None => {}
                Some(Ok(limit)) if (1..=LARGEST_PAGE).contains(&limit) => asked.limit = limit,
                Some(_) => wrong("limit", "expected a number from 1 to 1000"),
            }
            let stages: Vec<&str> = query
                .iter()
                .filter(|(name, _)| name == "lifecycle" || name == "lifecycle[]")
                .flat_map(|(_, value)| value.split(','))
                .collect();
            if stages.iter().any(|stage| !["active", "deprecated", "retired"].contains(stage)) {
                wrong("lifecycle", "expected active, deprecated or retired");
            } else if !stages.is_empty() {
                asked.active = stages.contains(&"active");
                asked.deprecated |= stages.contains(&"deprecated");
            }
        }
        if issues.is_empty() { Ok(asked) } else { Err(issues) }
    }

    /// A page of models, which are in the order of their ids, and whether more lie beyond it. An id that is
    /// none of them has its place in that order all the same.
    fn page<'a>(&self, models: &'a [Offered]) -> (&'a [Offered], bool) {
        let place = |id: &str, is_after: bool| {
            models.partition_point(|model| {
                let known = model.row.model_id.as_str();
                if is_after { known <= id } else { known < id }
            })
        };
        let (start, end, has_more) = match (&self.after, &self.before) {
            (_, Some(before)) => {
                let end = place(before, false);
                let start = end.saturating_sub(self.limit);
                (start, end, start > 0)
            }
            (after, None) => {
                let start = after.as_deref().map_or(0, |after| place(after, true));
                let end = start.saturating_add(self.limit).min(models.len());
                (start, end, end < models.len())
            }
        };
        (models.get(start..end).unwrap_or_default(), has_more)
    }
}

/// Shows one model, by its id or an alias: whatever a call may name. Either may have slashes, plain or
/// percent-encoded, and the answer has the model's own id.
pub(crate) async fn read(
    platform: Platform,
    Tenant(caller): Tenant,
    PathText(id): PathText,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let caller = caller.current(&platform).await?;
    let model = offered::named(&platform, &caller, &id).await?;
    let shown = if is_anthropic(&incoming) { of_anthropic(&model) } else { of_openai(&model) };
    Ok(Json(shown).into_response())
}

fn is_anthropic(incoming: &Incoming) -> bool {
    incoming.headers.contains_key("anthropic-version")
}

fn of_anthropic(model: &Offered) -> Value {
    let Offered { config, row } = model;
    // Both are told of deprecated models only, whatever is announced.
    let deprecated_at = config.deprecated_since().filter(|_| model.is_deprecated());
    let retires_at = config.deprecation_date.filter(|_| model.is_deprecated());
    let lifecycle = if model.is_deprecated() { "deprecated" } else { "active" };
    let shown = json!({
        "type": "model",
        "id": row.model_id.as_str(),
        "display_name": config.display_name,
        "created_at": row.created_at.rfc3339(),
        "lifecycle": lifecycle,
        "deprecated_at": deprecated_at.map(|at| at.rfc3339()),
        "retires_at": retires_at.map(|date| date.begins_at().rfc3339()),
        "max_input_tokens": config.context_window,
        "max_tokens": config.max_output_tokens,
        // What these models can do is told by `GET /v1/capabilities`; most of them are of no line of Anthropic's.
        "capabilities": null,
        "line": null,
    });
    with_status(shown, config.status)
}

fn of_openai(model: &Offered) -> Value {
    let Offered { config, row } = model;
    let shown = json!({
        "id": row.model_id.as_str(),
        "object": "model",
        "created": row.created_at.0 / 1_000,
        "owned_by": config.provider_id.as_str(),
        "shutdown_date": config.deprecation_date,
    });
    with_status(shown, config.status)
}

/// What is not simply active says so, in a member that neither vendor has.
fn with_status(mut shown: Value, status: Status) -> Value {
    if let (Some(members), true) = (shown.as_object_mut(), status != Status::Active) {
        members.insert("status".to_owned(), status.as_str().into());
    }
    shown
}
