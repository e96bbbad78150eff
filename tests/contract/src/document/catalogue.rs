//! The operations of the committed document, found by what is asked.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex},
};

use http::Method;
use jsonschema::Validator;
use serde_json::Value;

/// The committed document, read.
pub struct Catalogue {
    /// The whole.
    pub document: Value,
    /// Its operations, in its order.
    pub operations: Vec<Operation>,
    compiled: Mutex<HashMap<String, Arc<Validator>>>,
}

/// One operation.
#[derive(Clone, Debug)]
pub struct Operation {
    /// `listProjects`.
    pub id: String,
    /// GET, POST, …
    pub method: Method,
    /// `/v1/projects/{id}`.
    pub path: String,
    /// As the document has it.
    pub value: Value,
}

/// The committed document.
#[must_use]
pub fn committed() -> &'static Catalogue {
    static CATALOGUE: LazyLock<Catalogue> =
        LazyLock::new(|| Catalogue::of(serde_json::from_str(super::COMMITTED).unwrap()));
    &CATALOGUE
}

impl Catalogue {
    /// Reads a document.
    ///
    /// # Panics
    /// If it is none.
    #[must_use]
    pub fn of(document: Value) -> Self {
        let mut operations = Vec::new();
        for (path, item) in document["paths"].as_object().into_iter().flatten() {
            for (method, value) in item.as_object().unwrap() {
                operations.push(Operation {
                    id: value["operationId"].as_str().unwrap().to_owned(),
                    method: method.to_uppercase().parse().unwrap(),
                    path: path.clone(),
                    value: value.clone(),
                });
            }
        }
        Self { compiled: Mutex::default(), document, operations }
    }

    /// The operation that a request is, if it is described. `path` may have a query.
    ///
    /// A worker's own host has its native paths without its name.
    #[must_use]
    pub fn find(&self, method: &Method, path: &str) -> Option<&Operation> {
        let path = path.split('?').next().unwrap_or_default();
        let on_worker = format!("/text{path}");
        // An id with a slash may stand there plain.
        let ways = [(path, false), (&on_worker, false), (path, true)];
        ways.into_iter().find_map(|(path, whole)| {
            let fits = |operation: &&Operation| {
                operation.method == *method && fits(&operation.path, path, whole)
            };
            let mut found: Vec<&Operation> = self.operations.iter().filter(fits).collect();
            // `/v1/models/{id}` before `/{worker}/health`.
            found.sort_by_key(|operation| operation.path.matches('{').count());
            found.first().copied()
        })
    }

    /// The operation of this id.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn by_id(&self, id: &str) -> &Operation {
        let found = self.operations.iter().find(|operation| operation.id == id);
        found.unwrap_or_else(|| panic!("no operation is called {id}"))
    }

    /// What checks bodies of a place in the document, made once.
    ///
    /// # Panics
    /// If a schema there is none.
    pub fn validator(&self, place: &str, make: impl FnOnce() -> Validator) -> Arc<Validator> {
        let mut compiled = self.compiled.lock().unwrap();
        compiled.entry(place.to_owned()).or_insert_with(|| Arc::new(make())).clone()
    }

    /// What a value is: itself, or what it refers to.
    ///
    /// # Panics
    /// If it refers to nothing.
    #[must_use]
    pub fn resolve<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value["$ref"].as_str() {
            None => value,
            Some(place) => {
                let found = self.document.pointer(place.trim_start_matches('#'));
                self.resolve(found.unwrap_or_else(|| panic!("nothing is at {place}")))
            }
        }
    }
}

/// Whether a path is one of a template; `whole`: its variable part at the end may have slashes.
fn fits(template: &str, path: &str, whole: bool) -> bool {
    let steps: Vec<&str> = path.split('/').collect();
    let parts: Vec<&str> = template.split('/').collect();
    let is_variable = |part: &str| part.starts_with('{');
    let enough = if whole && parts.last().is_some_and(|part| is_variable(part)) {
        steps.len() >= parts.len()
    } else {
        steps.len() == parts.len()
    };
    enough
        && parts
            .iter()
            .zip(&steps)
            .all(|(part, step)| if is_variable(part) { !step.is_empty() } else { part == step })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_operations() {
        let rows = [
            ("GET", "/v1/projects?limit=1", Some("listProjects")),
            ("GET", "/v1/projects/proj_dev", Some("getProject")),
            ("POST", "/v1/api-keys/key_1/rotate", Some("rotateApiKey")),
            ("GET", "/v1/models/groq/openai/gpt-oss-120b", Some("getModel")),
            ("POST", "/generate", Some("generateText")),
            ("GET", "/text/health", Some("getWorkerHealth")),
            ("GET", "/v1/nothing", None),
            ("GET", "/v1/requests/events?follow=false", Some("followRequests")),
            ("GET", "/v1/requests/rcpt_1", Some("getRequest")),
            ("PUT", "/v1/projects", None),
        ];
        for (method, path, expected) in rows {
            let found = committed().find(&method.parse().unwrap(), path);
            assert_eq!(found.map(|found| found.id.as_str()), expected, "{method} {path}");
        }
    }
}
