//! Holds answers against the document: status, headers, type and body are all described, or the test fails.

use de_testkit::client::{Asked, TestResponse};
use jsonschema::Validator;
use serde_json::Value;

use super::{
    catalogue::{Catalogue, Operation, committed},
    closed::closed,
};

/// Headers that say something of what was asked: who sends one has described it.
const TELLING: [&str; 11] = [
    "age",
    "deprecation",
    "etag",
    "idempotency-replayed",
    "location",
    "ratelimit",
    "ratelimit-policy",
    "request-id",
    "retry-after",
    "set-cookie",
    "sunset",
];

/// Checks an answer, if what was asked is an operation of the committed document.
///
/// # Panics
/// If the document does not describe such an answer.
pub fn answer(asked: &Asked, response: &TestResponse) {
    let catalogue = committed();
    let Some(operation) = catalogue.find(&asked.method, &asked.path) else { return };
    let wrong = wrong(catalogue, operation, response);
    assert!(
        wrong.is_empty(),
        "{} {} answered what docs/openapi.json does not describe:\n  {}\n{} {}",
        asked.method,
        asked.path,
        wrong.join("\n  "),
        response.status,
        response.text()
    );
}

/// What is not as the operation says.
#[must_use]
pub fn wrong(catalogue: &Catalogue, operation: &Operation, response: &TestResponse) -> Vec<String> {
    let described = &operation.value["responses"][response.status.to_string()];
    if described.is_null() {
        return vec![format!("the status {}", response.status)];
    }
    let described = catalogue.resolve(described);
    let mut wrong = headers(catalogue, described, response);
    if !response.broken {
        wrong.extend(body(catalogue, operation, described, response));
    }
    if response.status >= 400 {
        wrong.extend(code(operation, &response.json()));
    }
    wrong
}

fn headers(catalogue: &Catalogue, described: &Value, response: &TestResponse) -> Vec<String> {
    let mut wrong = Vec::new();
    let named: Vec<(String, &Value)> = described["headers"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, header)| (name.to_ascii_lowercase(), catalogue.resolve(header)))
        .collect();
    for (name, header) in &named {
        if header["required"] == true && response.header(name).is_empty() {
            wrong.push(format!("without the header {name}"));
        }
    }
    for name in response.headers.keys().map(http::HeaderName::as_str) {
        let tells = ["x-de-", "x-ratelimit-"].iter().any(|prefix| name.starts_with(prefix))
            || TELLING.contains(&name);
        if tells && !named.iter().any(|(known, _)| known == name) {
            wrong.push(format!("the header {name}"));
        }
    }
    wrong
}

fn body(
    catalogue: &Catalogue,
    operation: &Operation,
    described: &Value,
    response: &TestResponse,
) -> Vec<String> {
    let Some(content) = described["content"].as_object() else {
        let empty = response.body.is_empty();
        return if empty { Vec::new() } else { vec!["a body".to_owned()] };
    };
    let kind = response.header("content-type").split(';').next().unwrap_or_default().trim();
    let Some(media) = content.get(kind) else {
        // Bytes of any type: nothing can be said of them here.
        let is_any = content.contains_key("*/*");
        return if is_any { Vec::new() } else { vec![format!("the type {kind:?}")] };
    };
    let place = format!("{} {} {kind}", operation.id, response.status);
    if kind == "text/event-stream" {
        let schema = &media["x-event-schema"];
        let validator = catalogue.validator(&place, || compile(&closed(catalogue, schema)));
        return events(&validator, response);
    }
    if ["text/csv", "text/plain"].contains(&kind) {
        return Vec::new();
    }
    let Ok(read) = serde_json::from_slice::<Value>(&response.body) else {
        return vec!["a body that is no JSON".to_owned()];
    };
    let schema = &media["schema"];
    faults(&catalogue.validator(&place, || compile(&closed(catalogue, schema))), &read)
}

/// What is wrong with the events of a stream.
fn events(validator: &Validator, response: &TestResponse) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut nonsense = false;
    let mut failed = false;
    for event in response.events().iter().filter(|event| event.data != "[DONE]") {
        match serde_json::from_str::<Value>(&event.data) {
            Ok(read) => {
                failed |= !read["error"].is_null();
                wrong.extend(faults(validator, &read));
            }
            Err(_) => nonsense = true,
        }
    }
    // A relayed stream passes the vendor's nonsense on, and then says that it was some.
    if nonsense && !failed {
        wrong.push("events that are no JSON".to_owned());
    }
    wrong
}

/// What is wrong with a value, each with its place.
#[must_use]
pub fn faults(validator: &Validator, value: &Value) -> Vec<String> {
    let faults = validator.iter_errors(value);
    faults.map(|fault| format!("{}: {fault}", fault.instance_path())).collect()
}

/// A failure has a code that the operation lists, where its envelope has a place for codes.
fn code(operation: &Operation, body: &Value) -> Option<String> {
    let told = body["error_code"].as_str().or(body["error"]["code"].as_str())?;
    let told = told.to_ascii_uppercase();
    let listed = operation.value["x-error-codes"].as_array().into_iter().flatten();
    let known = listed.filter_map(Value::as_str).any(|code| code == told);
    (!known).then(|| format!("the code {told}"))
}

/// Compiles a schema that stands alone.
///
/// # Panics
/// If it is none.
#[must_use]
pub fn compile(schema: &Value) -> Validator {
    let options = jsonschema::draft202012::options().should_validate_formats(true);
    options.build(schema).unwrap_or_else(|err| panic!("no schema: {err}: {schema}"))
}
