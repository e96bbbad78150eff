//! What Shotstack refuses in an order, and how it says so.

use serde_json::{Map, Value, json};

use crate::endpoint::{Incoming, Reply, prompt_of};
use crate::schema::shotstack::{RATES, RENDER, TRANSITIONS};
use crate::schema::{self, Finding, Problem, Segment};

/// Members that hold words of the author's own.
const TEXTS: [&str; 4] = ["html", "replace", "text", "title"];

/// Members that hold an address.
const ADDRESSES: [&str; 2] = ["callback", "src"];

/// Reads the order, or refuses it.
pub(super) fn body(incoming: &Incoming<'_>) -> Result<Map<String, Value>, Reply> {
    let refuse = |message: &str| invalid(message, &[], "any.invalid");
    if !incoming.is_json() {
        return Err(refuse("The body must be application/json."));
    }
    let value: Value = serde_json::from_slice(incoming.body)
        .map_err(|error| refuse(&format!("The body is no valid JSON: {error}.")))?;
    let Value::Object(body) = value else {
        return Err(refuse("\"value\" must be of type object"));
    };
    schema::check(&body, RENDER).map_err(|finding| misfit(&finding))?;
    let output = body.get("output").and_then(Value::as_object);
    let given = |name: &str| output.and_then(|output| output.get(name));
    if given("resolution").is_some() && given("size").is_some() {
        let message = "\"output\" contains a conflict between \"resolution\" and \"size\"";
        return Err(invalid(message, &[json!("output")], "object.oxor"));
    }
    if given("fps").and_then(Value::as_f64).is_some_and(|rate| !RATES.contains(&rate)) {
        let message = format!("\"output.fps\" must be one of {RATES:?}");
        return Err(invalid(&message, &[json!("output"), json!("fps")], "any.only"));
    }
    strings(&Value::Object(body.clone()), &mut Vec::new(), &mut |path, text| {
        let name = path.last().and_then(Value::as_str).unwrap_or_default();
        if ADDRESSES.contains(&name) && !is_address(text) {
            return Err(invalid(
                &format!("\"{}\" must be a valid uri", joined(path)),
                path,
                "string.uri",
            ));
        }
        let inner = path.iter().rev().nth(1).and_then(Value::as_str) == Some("transition");
        if inner && !is_transition(text) {
            let message = format!("\"{}\" must be one of {TRANSITIONS:?}", joined(path));
            return Err(invalid(&message, path, "any.only"));
        }
        Ok(())
    })?;
    Ok(body)
}

/// All texts that are meant for people, in their order.
pub(super) fn texts(body: &Map<String, Value>) -> String {
    let mut found: Vec<String> = Vec::new();
    let all = strings(&Value::Object(body.clone()), &mut Vec::new(), &mut |path, text| {
        if path.last().and_then(Value::as_str).is_some_and(|name| TEXTS.contains(&name)) {
            found.push(text.to_owned());
        }
        Ok(())
    });
    debug_assert!(all.is_ok(), "nothing is refused here");
    prompt_of(&found.iter().map(String::as_str).collect::<Vec<_>>())
}

fn invalid(message: &str, path: &[Value], kind: &str) -> Reply {
    let detail = json!({ "message": message, "path": path, "type": kind });
    let response = json!({ "error": "ValidationError", "message": message, "details": [detail] });
    let body = json!({ "success": false, "message": "Bad Request", "response": response });
    Reply::json(400, &body)
}

fn misfit(finding: &Finding) -> Reply {
    let place = finding.bracketed();
    let (kind, said) = match &finding.problem {
        Problem::Choice { allowed, .. } => ("any.only", format!("must be one of {allowed:?}")),
        Problem::Entries { got, least, .. } if got < least => {
            ("array.min", format!("must contain at least {least} items"))
        }
        Problem::Entries { most, .. } => {
            ("array.max", format!("must contain less than or equal to {most} items"))
        }
        Problem::Length { got: 0, .. } => ("string.empty", "is not allowed to be empty".to_owned()),
        Problem::Length { most, .. } => {
            ("string.max", format!("length must be less than or equal to {most} characters long"))
        }
        Problem::Missing => ("any.required", "is required".to_owned()),
        Problem::Name { .. } => ("string.pattern.base", "fails to match the pattern".to_owned()),
        Problem::Range { got, least, .. } if got.parse::<f64>().is_ok_and(|got| got < *least) => {
            ("number.min", format!("must be greater than or equal to {least}"))
        }
        Problem::Range { most, .. } => {
            ("number.max", format!("must be less than or equal to {most}"))
        }
        Problem::Type { expected, .. } => (
            "any.type",
            format!("must be a {}", expected.join(" or ").replace("decimal", "number")),
        ),
        Problem::Unknown => ("object.unknown", "is not allowed".to_owned()),
    };
    let path: Vec<Value> = finding
        .path
        .iter()
        .map(|segment| match segment {
            Segment::Index(index) => json!(index),
            Segment::Key(key) => json!(key),
        })
        .collect();
    invalid(&format!("\"{place}\" {said}"), &path, kind)
}

type Look<'a> = dyn FnMut(&[Value], &str) -> Result<(), Reply> + 'a;

/// Shows every text and where it stands.
fn strings(value: &Value, path: &mut Vec<Value>, look: &mut Look<'_>) -> Result<(), Reply> {
    match value {
        Value::Array(values) => {
            for (index, value) in values.iter().enumerate() {
                path.push(json!(index));
                strings(value, path, look)?;
                path.pop();
            }
        }
        Value::Object(members) => {
            for (name, value) in members {
                path.push(json!(name));
                strings(value, path, look)?;
                path.pop();
            }
        }
        Value::String(text) => look(path, text)?,
        Value::Bool(_) | Value::Null | Value::Number(_) => {}
    }
    Ok(())
}

/// `timeline.tracks[0].clips[0].asset.src`.
fn joined(path: &[Value]) -> String {
    let mut text = String::new();
    for segment in path {
        match segment.as_str() {
            None => text.push_str(&format!("[{segment}]")),
            Some(name) if text.is_empty() => text.push_str(name),
            Some(name) => text.push_str(&format!(".{name}")),
        }
    }
    text
}

/// A place that is filled in by `merge`, another clip, or an address of the web.
fn is_address(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    text.starts_with("alias://")
        || text.contains("{{")
        || rest.is_some_and(|rest| !rest.is_empty() && !rest.contains(char::is_whitespace))
}

fn is_transition(text: &str) -> bool {
    let bare = text.strip_suffix("Slow").or_else(|| text.strip_suffix("Fast"));
    TRANSITIONS.contains(&text)
        || bare.is_some_and(|bare| TRANSITIONS.contains(&bare) && !matches!(bare, "none" | "zoom"))
}
