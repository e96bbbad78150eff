use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use super::{pages, root};

/// What the pages name because it answers 501.
const NOT_BUILT: [&str; 1] = ["POST /v1/images/variations"];

const METHODS: [&str; 5] = ["DELETE", "GET", "PATCH", "POST", "PUT"];

/// Every operation of the description, as `GET /v1/jobs/{}`.
fn described() -> BTreeSet<String> {
    let text = fs::read_to_string(root().join("docs/openapi.json")).unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    let mut found = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        let methods = METHODS.iter().filter(|method| !operations[method.to_lowercase()].is_null());
        found.extend(methods.map(|method| format!("{method} {}", anonymous(path))));
    }
    found
}

/// A path in which every part that stands for something is `{}`.
fn anonymous(path: &str) -> String {
    let parts = path.split('/').map(|part| if part.starts_with('{') { "{}" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

/// Whether an operation is one of those: any word may stand where they have `{}`.
fn is_one_of(described: &BTreeSet<String>, operation: &str) -> bool {
    let fits = |known: &String| {
        let mut parts = known.split('/').zip(operation.split('/'));
        known.split('/').count() == operation.split('/').count()
            && parts.all(|(known, part)| known == "{}" || known == part)
    };
    described.iter().any(fits)
}

/// The operations below `/v1` that a piece of code names: `GET /v1/jobs/{id}?limit=`, and what follows it.
fn named(code: &str) -> Option<String> {
    let (method, rest) = code.split_once(' ')?;
    let path = rest.split([' ', '?', '#']).next().filter(|path| path.starts_with("/v1/"))?;
    // It stands for the paths of several resources.
    if path.contains('<') {
        return None;
    }
    METHODS.contains(&method).then(|| format!("{method} {}", anonymous(path)))
}

#[test]
fn routes_in_the_pages_are_routes_that_there_are() {
    let described = described();
    let mut count = 0;
    let mut unknown = Vec::new();
    for page in pages() {
        for operation in page.code_lines().iter().filter_map(|line| named(line)) {
            count += 1;
            if !NOT_BUILT.contains(&operation.as_str()) && !is_one_of(&described, &operation) {
                unknown.push(format!("{}: {operation}", page.name));
            }
        }
    }
    assert!(unknown.is_empty(), "docs/openapi.json does not know\n{}", unknown.join("\n"));
    assert!(count > 50, "only {count} routes were found");
}

#[test]
fn a_route_is_read_out_of_code() {
    assert_eq!(named("GET /v1/jobs/{id}?status="), Some("GET /v1/jobs/{}".to_owned()));
    assert_eq!(named("DELETE /v1/jobs/$JOB"), Some("DELETE /v1/jobs/$JOB".to_owned()));
    assert_eq!(named("POST /v1/<resource>"), None);
    assert_eq!(named("GET /health"), None);
    assert_eq!(named("see /v1/jobs"), None);
    let described = described();
    assert!(is_one_of(&described, "DELETE /v1/jobs/$JOB"));
    assert!(!is_one_of(&described, "DELETE /v1/jobs"));
    assert!(!is_one_of(&described, "DELETE /v1/jobs/$JOB/events"));
}
