//! The whole description.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{
    failures, headers,
    operation::Operation,
    shape::{Shape, require_all},
};
use crate::{http::error::Code, ids::InstanceId, receipt::Attempt, store::pages};

/// A group of operations.
#[derive(Clone, Copy, Debug)]
pub struct Tag {
    /// What it holds.
    pub about: &'static str,
    /// Its name.
    pub name: &'static str,
}

/// All operations, in the order in which they were added.
#[derive(Debug, Default)]
pub struct Document {
    operations: Vec<Operation>,
    tags: Vec<Tag>,
}

impl Document {
    /// Adds a group and its operations.
    pub fn add(&mut self, tags: &[Tag], operations: Vec<Operation>) {
        self.tags.extend(tags);
        self.operations.extend(operations);
    }

    /// The document as JSON. `about` says what the whole is.
    #[must_use]
    pub fn json(&self, about: &str) -> Value {
        let mut paths = Map::new();
        for operation in &self.operations {
            let item = paths.entry(operation.path.clone()).or_insert_with(|| json!({}));
            if let Some(item) = item.as_object_mut() {
                let method = operation.method.as_str().to_ascii_lowercase();
                item.insert(method, operation.json());
            }
        }
        let tags: Vec<Value> = self
            .tags
            .iter()
            .map(|tag| json!({"name": tag.name, "description": tag.about}))
            .collect();
        let mut document = json!({
            "openapi": "3.1.1",
            "info": {
                "title": "Distributed Electrons",
                "version": env!("CARGO_PKG_VERSION"),
                "description": about,
                "license": {"name": "MIT", "identifier": "MIT"},
            },
            "servers": [{"url": "/", "description": "The front door that serves this document."}],
            "security": [{"bearer": []}, {"apiKey": []}, {"elevenLabsKey": []}, {"session": []}],
            "tags": tags,
            "paths": paths,
        });
        let components = self.components(&document);
        if let Some(members) = document.as_object_mut() {
            members.insert("components".to_owned(), components);
        }
        document
    }

    fn components(&self, document: &Value) -> Value {
        let mut schemas = BTreeMap::new();
        let mut responses = BTreeMap::new();
        let mut parameters = BTreeMap::new();
        let mut codes = vec![Code::MethodNotAllowed, Code::RouteNotFound];
        // What the shared parameters and failures name.
        for shape in [Shape::of::<InstanceId>(), Shape::of::<Attempt>()] {
            schemas.extend(shape.named);
        }
        for operation in &self.operations {
            codes.extend(&operation.codes);
            schemas.extend(operation.named.clone());
            for status in operation.failing() {
                let name = failures::name(operation.speaks, status);
                let made = failures::component(operation.speaks, status);
                responses.insert(name, made);
            }
            for name in &operation.parameters {
                let made = paging(name).or_else(|| headers::parameter(name));
                parameters.extend(made.map(|made| ((*name).to_owned(), made)));
            }
        }
        schemas.extend(failures::envelopes(&codes));
        for name in self.operations.iter().flat_map(|operation| &operation.shown) {
            schemas.get_mut(name).into_iter().for_each(require_all);
        }
        let mut components = json!({
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A key: `de_live_…`, `de_test_…` of a project, `de_admin_…` of a person.",
                },
                "apiKey": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "x-api-key",
                    "description": "The same key, where Anthropic's clients send it.",
                },
                "elevenLabsKey": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "xi-api-key",
                    "description": "The same key, where ElevenLabs' clients send it.",
                },
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": "__Host-de_session",
                    "description": "A log-in of a browser. What changes something has to come from one of our own \
                        pages. On a development stack the name of the cookie ends in its port.",
                },
            },
            "parameters": parameters,
            "responses": responses,
            "schemas": schemas,
        });
        keep_what_is_used(document, &mut components);
        components
    }
}

/// The parameters of every list.
fn paging(name: &str) -> Option<Value> {
    match name {
        "cursor" => Some(json!({
            "name": "cursor",
            "in": "query",
            "description": "The `next_cursor` of the page before.",
            "schema": {"type": "string"},
        })),
        "limit" => Some(json!({
            "name": "limit",
            "in": "query",
            "description": "How many rows a page has at most.",
            "schema": {
                "type": "integer", "minimum": 1, "maximum": pages::MOST, "default": pages::USUAL,
            },
        })),
        _ => None,
    }
}

/// Leaves out what nothing refers to, and adds the headers that something does.
fn keep_what_is_used(document: &Value, components: &mut Value) {
    let mut used = Vec::new();
    let mut rest = references(document);
    let mut found = Map::new();
    while let Some(place) = rest.pop() {
        if used.contains(&place) {
            continue;
        }
        if let Some(name) = place.strip_prefix("#/components/headers/") {
            found.extend(headers::component(name).map(|made| (name.to_owned(), made)));
        }
        let pointer = place.trim_start_matches("#/components");
        rest.extend(components.pointer(pointer).map(references).unwrap_or_default());
        used.push(place);
    }
    for kind in ["parameters", "responses", "schemas"] {
        let named = components.get_mut(kind).and_then(Value::as_object_mut);
        if let Some(named) = named {
            named.retain(|name, _| used.contains(&format!("#/components/{kind}/{name}")));
        }
    }
    found.sort_keys();
    if let Some(components) = components.as_object_mut() {
        components.insert("headers".to_owned(), found.into());
    }
}

/// Every `$ref` in a value.
fn references(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().flat_map(references).collect(),
        Value::Object(members) => {
            let own = members.get("$ref").and_then(Value::as_str).map(str::to_owned);
            own.into_iter().chain(members.values().flat_map(references)).collect()
        }
        _ => Vec::new(),
    }
}
