//! A mapping's own examples: what it says it does, checked when it is saved.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::PayloadMapping;
use super::issue::{Issues, MappingFault, MappingIssue, at};
use super::members::Members;
use super::poll::{Heard, Polling, Step};
use super::preview::{gather, show};
use super::stream::{MappedDelta, MappedUsage};
use super::variables::same;

/// Differences that one example shows at most.
const SHOWN: usize = 20;
/// Characters of a value that a difference shows.
const SHOWN_VALUE: usize = 120;

/// One example, each half of which may be absent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Example {
    /// The data of a stream's events, each JSON or a text.
    events: Option<Vec<Value>>,
    input: Map<String, Value>,
    output: Option<Value>,
    /// What the vendor answers after the first reply, where it is polled.
    poll: Vec<Polled>,
    request: Option<Map<String, Value>>,
    response: Option<Value>,
    response_headers: Vec<(String, String)>,
    status: u16,
}

/// One answer to a poll, and the request that it answers where the example names it.
#[derive(Clone, Debug, Default)]
struct Polled {
    request: Option<Map<String, Value>>,
    response: Value,
    response_headers: Vec<(String, String)>,
}

impl Example {
    pub(crate) fn parse_all(root: &Members<'_>, issues: &mut Issues) -> Vec<Self> {
        let list = root.optional("examples", "a list", Value::as_array, issues);
        let list = list.into_iter().flatten().enumerate();
        list.filter_map(|(index, value)| {
            Self::parse(value, &at(&root.at("examples"), index), issues)
        })
        .collect()
    }

    fn parse(value: &Value, pointer: &str, issues: &mut Issues) -> Option<Self> {
        const KNOWN: &str =
            "name, input, request, response, response_headers, status, events, poll, output";
        let members = Members::closed(value, pointer, KNOWN, issues)?;
        members.text("name", issues);
        let poll = members.optional("poll", "a list", Value::as_array, issues);
        let poll = poll.into_iter().flatten().enumerate();
        let poll = poll.filter_map(|(index, value)| {
            Polled::parse(value, &at(&members.at("poll"), index), issues)
        });
        let poll = poll.collect();
        let status = members.optional("status", "a status", Value::as_u64, issues);
        Some(Self {
            events: members.optional("events", "a list", Value::as_array, issues).cloned(),
            input: object(&members, "input", issues).unwrap_or_default(),
            output: members.get("output").cloned(),
            poll,
            request: request(&members, issues),
            response: members.get("response").cloned(),
            response_headers: headers(&members, issues),
            status: status.and_then(|status| u16::try_from(status).ok()).unwrap_or(200),
        })
    }

    fn check(&self, mapping: &PayloadMapping) -> Vec<String> {
        let mut diff = Vec::new();
        if let Some(expected) = &self.request {
            match self.request(mapping) {
                Ok(found) => compare_request("request", expected, found, mapping, &mut diff),
                Err(reason) => diff.push(format!("request: {reason}")),
            }
        }
        if let Some(expected) = &self.output {
            match self.output(mapping, &mut diff) {
                Ok(found) => compare("output", expected, &found, &mut diff),
                Err(reason) => diff.push(format!("output: {reason}")),
            }
        }
        diff
    }

    fn request(&self, mapping: &PayloadMapping) -> Result<super::preview::PreviewRequest, String> {
        let (variables, _) = gather(mapping, &self.input).map_err(|errors| {
            errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
        })?;
        let request = mapping.render(&variables).map_err(|error| error.to_string())?;
        Ok(show(&request))
    }

    fn output(&self, mapping: &PayloadMapping, diff: &mut Vec<String>) -> Result<Value, String> {
        if let Some(events) = &self.events {
            return stream_output(events, mapping);
        }
        if !self.poll.is_empty() && mapping.poll.is_none() {
            return Err("poll: this mapping polls nothing".to_owned());
        }
        let body = self.response.as_ref().unwrap_or(&Value::Null);
        if self.status >= 400 {
            return Ok(json!({ "error": mapping.error(body) }));
        }
        if mapping.poll.is_some() {
            return self.job(mapping, body, diff);
        }
        let reply = mapping.reply(self.status, &self.response_headers, body);
        let reply = reply.map_err(|error| error.to_string())?;
        serde_json::to_value(reply).map_err(|error| error.to_string())
    }

    /// Follows a job through its replies, as far as they go.
    fn job(
        &self,
        mapping: &PayloadMapping,
        body: &Value,
        diff: &mut Vec<String>,
    ) -> Result<Value, String> {
        let variables = gather(mapping, &self.input).map(|(variables, _)| variables);
        let polling = Polling::new(Arc::new(mapping.clone()), &variables.unwrap_or_default());
        let polling = polling.map_err(|error| error.to_string())?;
        let Some(mut polling) = polling else { return Ok(Value::Null) };
        let mut heard = |body: &Value, headers: &[(String, String)]| {
            let step = polling.heard(&Heard { asked_ms: None, body, headers });
            step.map_err(|error| error.to_string())
        };
        let mut step = heard(body, &self.response_headers)?;
        for (index, polled) in self.poll.iter().enumerate() {
            let Step::Wait(wait) = &step else {
                return Err(format!("poll/{index} is left: the job has ended before it"));
            };
            if let Some(expected) = &polled.request {
                let place = format!("poll/{index}/request");
                compare_request(&place, expected, show(&wait.request), mapping, diff);
            }
            step = heard(&polled.response, &polled.response_headers)?;
        }
        match step {
            Step::Done(reply) => serde_json::to_value(reply).map_err(|error| error.to_string()),
            Step::Failed(error) => Ok(json!({ "error": error })),
            Step::Wait(wait) => {
                let mut output = Map::new();
                output.insert("waiting".to_owned(), true.into());
                output.extend(wait.status.map(|status| ("status".to_owned(), status.into())));
                let progress =
                    wait.progress.map(|progress| ("progress".to_owned(), json!(progress)));
                output.extend(progress);
                Ok(Value::Object(output))
            }
        }
    }
}

impl Polled {
    fn parse(value: &Value, pointer: &str, issues: &mut Issues) -> Option<Self> {
        const KNOWN: &str = "request, response, response_headers";
        let members = Members::closed(value, pointer, KNOWN, issues)?;
        if members.get("response").is_none() {
            issues.add(pointer, MappingFault::Missing { name: "response" });
        }
        Some(Self {
            request: request(&members, issues),
            response: members.get("response")?.clone(),
            response_headers: headers(&members, issues),
        })
    }
}

fn object(members: &Members<'_>, name: &str, issues: &mut Issues) -> Option<Map<String, Value>> {
    members.optional(name, "an object", Value::as_object, issues).cloned()
}

fn request(members: &Members<'_>, issues: &mut Issues) -> Option<Map<String, Value>> {
    const KNOWN: &str = "method, url, headers, body";
    let value = members.get("request")?;
    Members::closed(value, &members.at("request"), KNOWN, issues).map(|open| open.map.clone())
}

fn headers(members: &Members<'_>, issues: &mut Issues) -> Vec<(String, String)> {
    let headers = object(members, "response_headers", issues).unwrap_or_default().into_iter();
    let text = |value: Value| value.as_str().unwrap_or_default().to_owned();
    headers.map(|(name, value)| (name, text(value))).collect()
}

/// Runs all examples.
pub(crate) fn check(mapping: &PayloadMapping) -> Vec<MappingIssue> {
    let mut issues = Issues::default();
    for (index, example) in mapping.examples.iter().enumerate() {
        let mut diff = example.check(mapping);
        if !diff.is_empty() {
            diff.truncate(SHOWN);
            let fault = MappingFault::Example { diff: diff.join("\n") };
            issues.add(&at("/examples", index), fault);
        }
    }
    issues.into_list()
}

/// A stream's events as one output: text joined, counts overlaid, the last finish reason.
fn stream_output(events: &[Value], mapping: &PayloadMapping) -> Result<Value, String> {
    let mut text = String::new();
    let mut output = Map::new();
    let mut usage = MappedUsage::default();
    for event in events {
        let data = match event {
            Value::String(data) => data.clone(),
            event => event.to_string(),
        };
        for delta in mapping.event(&data).map_err(|error| error.to_string())? {
            match delta {
                MappedDelta::Done => drop(output.insert("done".to_owned(), true.into())),
                MappedDelta::Error(error) => drop(output.insert("error".to_owned(), json!(error))),
                MappedDelta::Finish(reason) => {
                    output.insert("finish_reason".to_owned(), reason.into());
                }
                MappedDelta::Text(piece) => text.push_str(&piece),
                MappedDelta::Usage(counts) => usage.overlay(counts),
            }
        }
    }
    output.insert("text".to_owned(), text.into());
    output.insert("usage".to_owned(), json!(usage));
    Ok(Value::Object(output))
}

/// Compares the members that the example names; a URL may be written from the base URL on.
fn compare_request(
    place: &str,
    expected: &Map<String, Value>,
    found: super::preview::PreviewRequest,
    mapping: &PayloadMapping,
    diff: &mut Vec<String>,
) {
    for (name, expected) in expected {
        let found = match name.as_str() {
            "method" => Value::from(found.method.as_str()),
            "url" if expected.as_str().is_some_and(|url| url.starts_with('/')) => {
                let path = found.url.split("://").last().unwrap_or_default();
                let path = path.find('/').and_then(|start| path.get(start..)).unwrap_or_default();
                path.strip_prefix(mapping.head.endpoint.base_path()).unwrap_or(path).into()
            }
            "url" => Value::from(found.url.as_str()),
            "headers" => Value::Object(found.headers.clone()),
            _ => found.body.clone().unwrap_or(Value::Null),
        };
        compare(&format!("{place}/{name}"), expected, &found, diff);
    }
}

/// Lists the differences of two values by the place where they stand.
fn compare(place: &str, expected: &Value, found: &Value, diff: &mut Vec<String>) {
    if diff.len() >= SHOWN {
        return;
    }
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => {
            for (name, value) in expected {
                let place = at(place, name);
                match found.get(name) {
                    Some(found) => compare(&place, value, found, diff),
                    None => diff.push(format!("{place}: expected {}, is absent", shown(value))),
                }
            }
            for (name, value) in found.iter().filter(|(name, _)| !expected.contains_key(*name)) {
                diff.push(format!("{}: expected nothing, is {}", at(place, name), shown(value)));
            }
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            for (index, (expected, found)) in left.iter().zip(right).enumerate() {
                compare(&at(place, index), expected, found, diff);
            }
        }
        _ if same(expected, found) => {}
        _ => diff.push(format!("{place}: expected {}, is {}", shown(expected), shown(found))),
    }
}

fn shown(value: &Value) -> String {
    let text = value.to_string();
    let cut: String = text.chars().take(SHOWN_VALUE).collect();
    if cut.len() < text.len() { format!("{cut}…") } else { cut }
}
