//! Parsing `response` where its kind is `poll`.

use serde_json::Value;

use super::Poll;
use crate::mapping::ReplyKind;
use crate::mapping::failure::Failure;
use crate::mapping::issue::MappingFault;
use crate::mapping::members::Members;
use crate::mapping::parse::{Compiler, Place, method};
use crate::mapping::receive::Reader;
use crate::mapping::render::Head;
use crate::mapping::reply::Source;

/// Between two polls, in milliseconds: the smallest, the usual, the largest.
const EVERY_MS: (u64, u64, u64) = (250, 2_000, 60_000);
/// For the whole job, in milliseconds; the largest is a day.
const TIMEOUT_MS: (u64, u64, u64) = (1_000, 600_000, 86_400_000);

const KNOWN: &str = "kind, endpoint, method, query, headers, every_ms, timeout_ms, status, done, \
                     failed, failed_if, progress, error, result, result_request, cancel";

/// What a conversation says: nothing that the address of a job is made of.
const CONVERSATION: [&str; 4] = ["messages", "system", "user_prompt", "user_text"];

/// Parses how a job is followed. `failure` is the mapping's own `error_mapping`.
pub(crate) fn poll(
    root: &Members<'_>,
    failure: &Failure,
    compiler: &mut Compiler<'_>,
) -> Option<Poll> {
    let at = root.at("response");
    let members = Members::closed(root.get("response")?, &at, KNOWN, &mut compiler.issues)?;
    let mapped = root.get("response_mapping");
    if mapped.and_then(Value::as_object).is_none_or(|fields| !fields.contains_key("job_id")) {
        let fault = MappingFault::Missing { name: "job_id" };
        compiler.issues.add(&root.at("response_mapping"), fault);
    }
    let every_ms = bounded(&members, "every_ms", EVERY_MS, compiler);
    let timeout_ms = bounded(&members, "timeout_ms", TIMEOUT_MS, compiler);
    if timeout_ms < every_ms {
        let reason = "timeout_ms is below every_ms: the job would never be asked about";
        compiler.issues.add(&members.at("timeout_ms"), MappingFault::Declaration { reason });
    }
    let status = required(&members, "status", compiler);
    let done = words(&members, "done", compiler);
    let failed = members.texts("failed", &mut compiler.issues);
    if failed.iter().any(|word| done.contains(word)) {
        let reason = "a status cannot mean both done and failed";
        compiler.issues.add(&members.at("failed"), MappingFault::Declaration { reason });
    }
    let failure = error(&members, failure, compiler);
    let mut reader = Reader { issues: &mut compiler.issues, maps: compiler.maps };
    let failed_if =
        members.get("failed_if").and_then(|when| reader.when(when, &members.at("failed_if")));
    let progress = members
        .get("progress")
        .and_then(|progress| reader.source(progress, &members.at("progress")));
    let result = members.get("result");
    let result =
        result.map(|result| reader.mapping(result, &members.at("result"), ReplyKind::Json));
    if result.is_none() {
        compiler.issues.add(&members.pointer, MappingFault::Missing { name: "result" });
    }

    let before = std::mem::take(&mut compiler.used);
    let request = head(&members, http::Method::GET, compiler);
    let result_request = inner(&members, "result_request", http::Method::GET, compiler);
    let cancel = inner(&members, "cancel", http::Method::POST, compiler);
    let mut names = std::mem::replace(&mut compiler.used, before);
    names.remove("job_id");
    compiler.used.extend(names.iter().cloned());
    Some(Poll {
        cancel,
        done,
        every_ms,
        failed,
        failed_if,
        failure,
        names,
        progress,
        request: request?,
        result: result?,
        result_request,
        status: status?,
        timeout_ms,
    })
}

/// Reads a number between bounds; the usual one if it is absent or a fault.
fn bounded(
    members: &Members<'_>,
    name: &str,
    (min, usual, max): (u64, u64, u64),
    compiler: &mut Compiler<'_>,
) -> u64 {
    let Some(value) = members.get(name) else { return usual };
    match value.as_u64().filter(|number| (min..=max).contains(number)) {
        Some(number) => number,
        None => {
            compiler.issues.add(&members.at(name), MappingFault::OutOfBounds { min, max });
            usual
        }
    }
}

fn required(
    members: &Members<'_>,
    name: &'static str,
    compiler: &mut Compiler<'_>,
) -> Option<Source> {
    let Some(value) = members.get(name) else {
        compiler.issues.add(&members.pointer, MappingFault::Missing { name });
        return None;
    };
    let mut reader = Reader { issues: &mut compiler.issues, maps: compiler.maps };
    reader.source(value, &members.at(name))
}

/// Reads a list of words, at least one.
fn words(members: &Members<'_>, name: &'static str, compiler: &mut Compiler<'_>) -> Vec<String> {
    let words = members.texts(name, &mut compiler.issues);
    let is_list = members.get(name).is_none_or(Value::is_array);
    if words.is_empty() && is_list {
        compiler.issues.add(&members.pointer, MappingFault::Missing { name });
    }
    words
}

/// Where a failed job tells why; the codes and their meaning are the mapping's own.
fn error(members: &Members<'_>, failure: &Failure, compiler: &mut Compiler<'_>) -> Failure {
    let Some(value) = members.get("error") else { return failure.clone() };
    let at = members.at("error");
    let open = Members::closed(value, &at, "message, code", &mut compiler.issues);
    let Some(open) = open else { return failure.clone() };
    let mut reader = Reader { issues: &mut compiler.issues, maps: compiler.maps };
    let mut source = |name: &str| reader.source(open.get(name)?, &open.at(name));
    Failure { message: source("message"), code: source("code"), ..failure.clone() }
}

fn inner(
    members: &Members<'_>,
    name: &str,
    usual: http::Method,
    compiler: &mut Compiler<'_>,
) -> Option<Head> {
    const KNOWN: &str = "endpoint, method, query, headers";
    let value = members.get(name)?;
    let inner = Members::closed(value, &members.at(name), KNOWN, &mut compiler.issues)?;
    head(&inner, usual, compiler)
}

/// Parses a request about a job: it names the job, and nothing of the conversation.
fn head(members: &Members<'_>, usual: http::Method, compiler: &mut Compiler<'_>) -> Option<Head> {
    let before = std::mem::take(&mut compiler.used);
    let endpoint = compiler.endpoint(members);
    let query = compiler.fields(members, Place::Query);
    let headers = compiler.fields(members, Place::Header);
    let method = method(members, usual, &mut compiler.issues);
    let names = std::mem::replace(&mut compiler.used, before);
    if endpoint.is_some() && !names.contains("job_id") {
        let reason = "a request about a job has {job_id} in its endpoint, query or headers";
        compiler.issues.add(&members.pointer, MappingFault::Declaration { reason });
    }
    for name in CONVERSATION.into_iter().filter(|name| names.contains(*name)) {
        let fault = MappingFault::Name { name: name.to_owned() };
        compiler.issues.add(&members.pointer, fault);
    }
    compiler.used.extend(names);
    Some(Head { endpoint: endpoint?, headers, method, query })
}
