//! Sends the example of every operation, in an order that makes sense, and notes the answers: they are the
//! examples of answers.

use std::{collections::BTreeMap, time::Duration};

use de_testkit::client::TestResponse;
use serde_json::Value;

use super::{
    catalogue::{Catalogue, Operation},
    world::World,
};

/// More rows of a list than this say nothing new.
const SHOWN_ROWS: usize = 2;

/// Nor do more lines of a text.
const SHOWN_LINES: usize = 40;

/// Answers whose body is no example to anyone.
const UNSHOWN: [&str; 1] = ["getOpenApi"];

/// An operation and its answer.
pub struct Stop<'a> {
    /// What was asked.
    pub operation: &'a Operation,
    /// What was answered.
    pub response: TestResponse,
}

/// What was made on the way: ids by the path that lists them.
#[derive(Clone, Debug, Default)]
pub struct Made(BTreeMap<String, String>);

/// Walks through all operations of a document.
///
/// # Panics
/// If there is no answer.
pub async fn tour(catalogue: &Catalogue) -> Vec<Stop<'_>> {
    let world = World::new().await;
    let mut made = Made::default();
    let mut stops = Vec::new();
    for operation in itinerary(catalogue) {
        let response = made.visit(&world, catalogue, operation).await;
        stops.push(Stop { operation, response });
    }
    stops
}

/// Makes one of everything that can be made.
///
/// # Panics
/// If it is not made.
pub async fn settle(world: &World, catalogue: &Catalogue) -> Made {
    let mut made = Made::default();
    for operation in itinerary(catalogue).into_iter().filter(|operation| phase(operation) < LOOK) {
        let response = made.visit(world, catalogue, operation).await;
        assert!(response.status < 300, "{}: {}", operation.id, response.text());
    }
    made
}

/// Makes everything, looks at it, changes it, and removes it from below.
fn itinerary(catalogue: &Catalogue) -> Vec<&Operation> {
    let mut all: Vec<(usize, &Operation)> = catalogue.operations.iter().enumerate().collect();
    let last = all.len();
    all.sort_by_key(|(index, operation)| {
        let phase = phase(operation);
        (phase, if phase == REMOVE { last - index } else { *index })
    });
    all.into_iter().map(|(_, operation)| operation).collect()
}

/// When everything that can be made is there.
const LOOK: usize = 2;
/// When everything is looked at and changed.
const REMOVE: usize = 5;

/// What makes a job that a vendor may call for.
const ORDER_OF_RENDER: &str = "createRender";

/// What is kept, though it is not called made.
const RESPONSE: &str = "createResponse";

/// What shows changes, each of which can then be shown by itself.
const CHANGES: &str = "listAuditEvents";

/// What makes a delivery, though it is not called that.
const TEST_OF_WEBHOOK: &str = "testWebhook";

fn phase(operation: &Operation) -> usize {
    match operation.method.as_str() {
        // What it leaves is there to be looked at.
        "POST" if operation.id == TEST_OF_WEBHOOK => 1,
        "POST" if !operation.path.contains('{') => 0,
        "PUT" => 1,
        "GET" => LOOK,
        "PATCH" => 3,
        "DELETE" => REMOVE,
        _ => 4,
    }
}

impl Made {
    /// Sends the example of an operation, and notes what it makes.
    async fn visit(
        &mut self,
        world: &World,
        catalogue: &Catalogue,
        operation: &Operation,
    ) -> TestResponse {
        let unclaimed = World::unclaimed_for(operation).await;
        let world = unclaimed.as_ref().unwrap_or(world);
        let path = self.path(catalogue, operation);
        // A render that stays on its way can be cancelled.
        let is_render = operation.id == ORDER_OF_RENDER;
        world.test.jobs.set_holding(is_render);
        let mut request = world.client(operation).request(operation.method.clone(), &path);
        let body = world.example(operation);
        if !body.is_null() {
            request = request.json(&body);
        } else if let Some((kind, form)) = form(operation) {
            request = request.header("content-type", kind).body(form);
        }
        let response = request.send().await.unwrap();
        if response.status == 201 && phase(operation) == 0 {
            let row = response.json();
            let id = ["id", "model_id"].iter().find_map(|name| row[*name].as_str());
            self.0.extend(id.map(|id| (operation.path.clone(), id.to_owned())));
        }
        if is_render && let Some(id) = response.json()["render_id"].as_str() {
            self.0.insert("/render/render".to_owned(), id.to_owned());
            self.0.insert("/render/render/callbacks".to_owned(), world.callback_token(id));
            // Its share holds no change of the configuration up any more.
            world.test.clock.advance(Duration::from_secs(10));
        }
        if operation.id == RESPONSE {
            let made = response.json()["id"].as_str().map(str::to_owned);
            self.0.extend(made.map(|id| (operation.path.clone(), id)));
        }
        if operation.id == CHANGES {
            let made = response.json()["data"][0]["id"].as_str().map(str::to_owned);
            self.0.extend(made.map(|id| (operation.path.clone(), id)));
        }
        if operation.id == TEST_OF_WEBHOOK {
            let made = response.json()["id"].as_str().map(str::to_owned);
            self.0.extend(made.map(|id| ("/v1/webhooks/{id}/deliveries".to_owned(), id)));
        }
        response
    }

    /// The path with something in each of its variable parts; of a list the first row only.
    #[must_use]
    pub fn path(&self, catalogue: &Catalogue, operation: &Operation) -> String {
        let mut path = operation.path.clone();
        for (name, parameter) in parameters(catalogue, operation, "path") {
            let variable = format!("{{{name}}}");
            let before = operation.path.split(&format!("/{variable}")).next().unwrap_or_default();
            let schema = catalogue.resolve(&parameter["schema"]);
            let usual = schema["examples"][0].as_str().or(schema["enum"][0].as_str());
            let before = if operation.id == "cancelJob" { "/render/render" } else { before };
            let own = self.0.get(before).map(String::as_str);
            let value = own.or_else(|| seeded(&name)).or(usual).unwrap_or("unknown");
            path = path.replace(&variable, value);
        }
        let query = parameters(catalogue, operation, "query");
        if query.iter().any(|(name, _)| name == "limit") {
            path.push_str("?limit=1");
        }
        if ["listBudgets", "listLimits", "listProviderKeys"].contains(&operation.id.as_str()) {
            // All of them would be too many for who operates the service.
            path.push_str("&instance_id=inst_dev");
        }
        if ["getProviderHealth", "listProviderHealth"].contains(&operation.id.as_str()) {
            path.push_str("?instance_id=inst_dev");
        }
        ending(operation, path)
    }
}

/// The same path, so that the answer has an end: nobody here waits for what may come.
#[must_use]
pub fn ending(operation: &Operation, path: String) -> String {
    if operation.id != "followRequests" {
        return path;
    }
    let path = path.replace("follow=", "follows=");
    let sign = if path.contains('?') { '&' } else { '?' };
    format!("{path}{sign}follow=false")
}

/// The example of an operation's body as a form, if it takes one: its content type and its bytes.
fn form(operation: &Operation) -> Option<(&'static str, Vec<u8>)> {
    let media = &operation.value["requestBody"]["content"]["multipart/form-data"];
    let fields = media["example"].as_object()?;
    let mut form = Vec::new();
    for (name, value) in fields {
        for value in value.as_array().unwrap_or(&vec![value.clone()]) {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let (name, file) = (format!("name=\"{name}\""), text.strip_prefix('@'));
            let head = file.map_or(name.clone(), |file| format!("{name}; filename=\"{file}\""));
            let content = file.map_or(text.clone().into_bytes(), sample);
            let head = format!("--b\r\nContent-Disposition: form-data; {head}\r\n\r\n");
            form.extend_from_slice(head.as_bytes());
            form.extend_from_slice(&content);
            form.extend_from_slice(b"\r\n");
        }
    }
    form.extend_from_slice(b"--b--\r\n");
    Some(("multipart/form-data; boundary=b", form))
}

/// A file of the kind that its name says: a picture, or a second of silence.
fn sample(name: &str) -> Vec<u8> {
    if name.ends_with(".png") {
        return b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x04\0\0\0\x04\0\x08\x02\0\0\0".to_vec();
    }
    let mut wav = b"RIFF\x64\x1f\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x40\x1f\0\0\x01\0\x08\0data\x40\x1f\0\0".to_vec();
    wav.resize(wav.len() + 8_000, 0x80);
    wav
}

/// What is there from the beginning.
fn seeded(name: &str) -> Option<&'static str> {
    match name {
        "instance_id" => Some("inst_dev"),
        "provider_id" => Some("openai"),
        "version" => Some("1"),
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
            let text = response.text();
            let lines: Vec<&str> = text.split_inclusive('\n').take(SHOWN_LINES).collect();
            lines.concat().into()
        };
    }
    document
}

/// Shorter where it is long, and without the ends of keys: no tool shall take them for someone's.
fn shortened(mut body: Value) -> Value {
    if let Some(Value::Array(rows)) = body.get_mut("data") {
        rows.truncate(SHOWN_ROWS);
    }
    mask(&mut body);
    body
}

fn mask(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(mask),
        Value::Object(members) => members.values_mut().for_each(mask),
        Value::String(text) => {
            let kinds = ["de_admin_", "de_live_", "de_test_", "whsec_"];
            let kind = kinds.into_iter().find(|kind| text.starts_with(kind) && text != kind);
            if let Some(kind) = kind {
                *text = format!("{kind}...");
            }
        }
        _ => {}
    }
}
