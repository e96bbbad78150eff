//! What OpenAI keeps of responses: `GET|DELETE /responses/{id}`, `GET /responses/{id}/input_items`.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use crate::endpoint::{Incoming, Plan, Reply};
use crate::openai_errors::{self, refuse};
use crate::query::Pairs;

/// How many responses are kept; the oldest go first.
const MOST_RESPONSES: usize = 1_000;

/// The responses that were kept, as they are unless the caller says `store: false`.
#[derive(Default)]
pub(crate) struct Responses {
    kept: Mutex<VecDeque<Stored>>,
}

/// A response with what it answered.
pub(crate) struct Stored {
    /// All items up to its end, those of the responses before it included.
    pub(crate) all: Vec<Value>,
    pub(crate) id: String,
    /// The items of its own input.
    pub(crate) input: Vec<Value>,
    pub(crate) response: Value,
}

impl Responses {
    pub(crate) fn keep(&self, stored: Stored) {
        let mut kept = self.kept();
        if kept.len() >= MOST_RESPONSES {
            kept.pop_front();
        }
        kept.push_back(stored);
    }

    pub(crate) fn with<T>(&self, id: &str, read: impl FnOnce(&Stored) -> T) -> Option<T> {
        self.kept().iter().find(|stored| stored.id == id).map(read)
    }

    /// One item of any response.
    pub(crate) fn item(&self, id: &str) -> Option<Value> {
        let kept = self.kept();
        let items = kept.iter().flat_map(|stored| &stored.all);
        items.into_iter().find(|item| item.get("id").and_then(Value::as_str) == Some(id)).cloned()
    }

    fn forget(&self, id: &str) -> bool {
        let mut kept = self.kept();
        let before = kept.len();
        kept.retain(|stored| stored.id != id);
        kept.len() < before
    }

    /// A panic elsewhere leaves nothing half written here, so a poisoned lock is still good.
    fn kept(&self) -> MutexGuard<'_, VecDeque<Stored>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `GET /v1/responses/{id}`.
pub(crate) fn get(incoming: &Incoming<'_>) -> Result<Plan, Reply> {
    openai_errors::authenticate(incoming)?;
    let id = id_of(incoming);
    let response = incoming.responses.with(id, |stored| stored.response.clone());
    response.map(Plan::fixed).ok_or_else(|| not_found(id))
}

/// `DELETE /v1/responses/{id}`.
pub(crate) fn delete(incoming: &Incoming<'_>) -> Result<Plan, Reply> {
    openai_errors::authenticate(incoming)?;
    let id = id_of(incoming);
    if !incoming.responses.forget(id) {
        return Err(not_found(id));
    }
    Ok(Plan::fixed(json!({ "id": id, "object": "response", "deleted": true })))
}

/// `GET /v1/responses/{id}/input_items`, the newest first unless `order=asc` says otherwise.
pub(crate) fn input_items(incoming: &Incoming<'_>) -> Result<Plan, Reply> {
    openai_errors::authenticate(incoming)?;
    let id = id_of(incoming);
    let query = Pairs::of(incoming);
    let invalid = |name: &str| {
        refuse(400, Some("invalid_value"), Some(name), &format!("Invalid value for '{name}'."))
    };
    query.only(&["after", "include", "limit", "order"]).map_err(|_| invalid("query"))?;
    let order = query.choice("order", &["asc", "desc"]).map_err(|_| invalid("order"))?;
    let limit = query.text("limit").map_or(Ok(20), str::parse::<usize>);
    let limit =
        limit.ok().filter(|limit| (1..=100).contains(limit)).ok_or_else(|| invalid("limit"))?;
    let mut items = incoming.responses.with(id, |stored| stored.input.clone());
    let mut items = items.take().ok_or_else(|| not_found(id))?;
    if order != Some("asc") {
        items.reverse();
    }
    let id_of =
        |item: &Value| item.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
    if let Some(after) = query.text("after") {
        let at =
            items.iter().position(|item| id_of(item) == after).ok_or_else(|| invalid("after"))?;
        items.drain(..=at);
    }
    let has_more = items.len() > limit;
    items.truncate(limit);
    Ok(Plan::fixed(json!({
        "object": "list",
        "first_id": items.first().map(id_of),
        "last_id": items.last().map(id_of),
        "has_more": has_more,
        "data": items,
    })))
}

fn not_found(id: &str) -> Reply {
    refuse(404, None, None, &format!("Response with id '{id}' not found."))
}

/// The third segment: `/v1/responses/{id}`.
fn id_of<'a>(incoming: &Incoming<'a>) -> &'a str {
    incoming.path.split('/').nth(3).unwrap_or_default()
}
