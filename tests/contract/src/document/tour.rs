//! Sends the example of every operation, in an order that makes sense, and notes the answers: they are the
//! examples of answers.

use std::collections::BTreeMap;

use de_testkit::client::TestResponse;
use http::Method;
use serde_json::Value;

use super::{
    catalogue::{Catalogue, Operation},
    world::World,
};

/// More rows of a list than this say nothing new.
const SHOWN_ROWS: usize = 2;

/// Answers whose body is no example to anyone.
const UNSHOWN: [&str; 1] = ["getOpenApi"];

/// An operation and its answer.
pub struct Stop<'a> {
    /// What was asked.
    pub operation: &'a Operation,
    /// What was answered.
    pub response: TestResponse,
}

/// Walks through all operations of a document.
///
/// # Panics
/// If there is no answer.
pub async fn tour(catalogue: &Catalogue) -> Vec<Stop<'_>> {
    let world = World::new().await;
    let mut made = BTreeMap::new();
    let mut stops = Vec::new();
    for operation in itinerary(catalogue) {
        let path = path(catalogue, operation, &made);
        let key = world.key(operation).expose();
        let mut request = world.front.request(operation.method.clone(), &path);
        if operation.value["x-open"].is_null() {
            request = request.header("authorization", &format!("Bearer {key}"));
        }
        let body = &operation.value["requestBody"]["content"]["application/json"]["example"];
        if !body.is_null() {
            request = request.json(body);
        }
        let response = request.send().await.unwrap();
        if operation.method == Method::POST && response.status == 201 {
            let row = response.json();
            let id = ["id", "model_id"].iter().find_map(|name| row[*name].as_str());
            if let (Some(id), false) = (id, operation.path.contains('{')) {
                made.insert(operation.path.clone(), id.to_owned());
            }
        }
        stops.push(Stop { operation, response });
    }
    stops
}

/// Makes everything, looks at it, changes it, and removes it from below.
fn itinerary(catalogue: &Catalogue) -> Vec<&Operation> {
    let phase = |operation: &Operation| match operation.method.as_str() {
        "POST" if !operation.path.contains('{') => 0,
        "PUT" => 1,
        "GET" => 2,
        "PATCH" => 3,
        "DELETE" => 5,
        _ => 4,
    };
    let mut all: Vec<(usize, &Operation)> = catalogue.operations.iter().enumerate().collect();
    let last = all.len();
    all.sort_by_key(|(index, operation)| {
        let phase = phase(operation);
        (phase, if phase == 5 { last - index } else { *index })
    });
    all.into_iter().map(|(_, operation)| operation).collect()
}

/// The path with something in each of its variable parts; of a list the first row only.
fn path(catalogue: &Catalogue, operation: &Operation, made: &BTreeMap<String, String>) -> String {
    let mut path = operation.path.clone();
    for (name, parameter) in parameters(catalogue, operation, "path") {
        let variable = format!("{{{name}}}");
        let before = operation.path.split(&format!("/{variable}")).next().unwrap_or_default();
        let schema = catalogue.resolve(&parameter["schema"]);
        let usual = schema["examples"][0].as_str().or(schema["enum"][0].as_str());
        let own = made.get(before).map(String::as_str);
        let value = own.or_else(|| seeded(&name)).or(usual).unwrap_or("unknown");
        path = path.replace(&variable, value);
    }
    let is_list = parameters(catalogue, operation, "query").iter().any(|(name, _)| name == "limit");
    if is_list {
        path.push_str("?limit=1");
    }
    path
}

/// What is there from the beginning.
fn seeded(name: &str) -> Option<&'static str> {
    match name {
        "instance_id" => Some("inst_dev"),
        "provider_id" => Some("openai"),
        "worker" => Some("text"),
        _ => None,
    }
}

/// The parameters of an operation, of one kind.
#[must_use]
pub fn parameters<'a>(
    catalogue: &'a Catalogue,
    operation: &'a Operation,
    place: &str,
) -> Vec<(String, &'a Value)> {
    let all = operation.value["parameters"].as_array().into_iter().flatten();
    let all = all.map(|parameter| catalogue.resolve(parameter));
    all.filter(|parameter| parameter["in"] == place)
        .map(|parameter| (parameter["name"].as_str().unwrap().to_owned(), parameter))
        .collect()
}

/// The document with the answers of the tour as examples.
#[must_use]
pub fn with_examples(mut document: Value, stops: &[Stop<'_>]) -> Value {
    for Stop { operation, response } in stops {
        let kind = response.header("content-type").split(';').next().unwrap_or_default();
        let method = operation.method.as_str().to_lowercase();
        let answer = &mut document["paths"][&operation.path][method]["responses"]
            [response.status.to_string()];
        let media = answer.get_mut("content").and_then(|content| content.get_mut(kind));
        let Some(media) = media else { continue };
        if UNSHOWN.contains(&operation.id.as_str()) {
            continue;
        }
        media["example"] = if kind == "application/json" {
            shortened(response.json())
        } else {
            response.text().into()
        };
    }
    document
}

fn shortened(mut body: Value) -> Value {
    if let Some(Value::Array(rows)) = body.get_mut("data") {
        rows.truncate(SHOWN_ROWS);
    }
    body
}
