//! What a mapping does as a whole: parse, gather, render, read.

mod bounds;
mod examples;
mod facts;
mod keys;
mod parse;
mod pictures;
mod poll;
mod property;
mod receive;
mod render;

use serde_json::{Map, Value, json};

use super::encode::RenderedBody;
use super::render::RenderedRequest;
use super::variables::Reserved;
use super::{AuthScheme, PayloadMapping, ProviderRules};

/// A provider whose key travels as a bearer token, under a base path.
fn provider() -> ProviderRules {
    ProviderRules {
        allowed_hosts: vec!["cdn.vendor.test".into(), "vendor.test:8443".into()],
        auth: AuthScheme::Bearer,
        base_url: "https://api.vendor.test/v1/".parse().unwrap(),
        mapping_sees_key: false,
    }
}

/// Parses a mapping that must be right.
fn parse(mapping: Value) -> PayloadMapping {
    PayloadMapping::parse(&mapping, &provider()).unwrap_or_else(|issues| {
        panic!("{}", issues.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    })
}

fn object(value: Value) -> Map<String, Value> {
    value.as_object().expect("an object").clone()
}

/// Renders with options alone.
fn render(mapping: Value, options: Value) -> Result<RenderedRequest, String> {
    let mapping = parse(mapping);
    let gathered = mapping.variables(Reserved::default(), &object(options));
    let (variables, _) = gathered.map_err(|errors| format!("{errors:?}"))?;
    mapping.render(&variables).map_err(|error| error.to_string())
}

/// Renders a body with options alone; a string is the error's message.
fn body(body: Value, options: Value) -> Value {
    let maps = json!({"ratios": {"1:1": "SQUARE", "16:9": {"w": 16, "h": 9}}});
    let mapping = json!({"endpoint": "/x", "body": body, "maps": maps, "unknown_options": "drop"});
    match render(mapping, options) {
        Ok(RenderedRequest { body: RenderedBody::Json { value, .. }, .. }) => value,
        Ok(other) => panic!("{other:?}"),
        Err(error) => Value::String(error),
    }
}
