//! Parsing a mapping: the request half, and what both halves share.

use std::collections::BTreeSet;

use serde_json::Value;

use super::body::Node;
use super::declare;
use super::endpoint::Endpoint;
use super::example::Example;
use super::filter::{Filter, Maps};
use super::issue::{Issues, MappingFault, MappingIssue, at};
use super::members::{Members, expect};
use super::poll;
use super::receive;
use super::render::{BodyKind, Field, Head, is_header_text};
use super::template::{Part, Slot, Template};
use super::{AuthScheme, PayloadMapping, ProviderRules, ReplyKind};

/// The largest mapping, as compact JSON.
pub(crate) const MAX_BYTES: usize = 64 << 10;
/// The deepest mapping.
pub(crate) const MAX_LEVELS: usize = 32;
/// The most placeholders in one mapping.
pub(crate) const MAX_PLACEHOLDERS: usize = 256;

const KNOWN: &str = "endpoint, method, query, headers, body_kind, body, defaults, variables, maps, \
                     unknown_options, response, response_mapping, error_mapping, examples";

/// Headers that frame the message or name its sender: the exchange's, never a mapping's.
const FORBIDDEN_HEADERS: [&str; 15] = [
    "connection",
    "content-encoding",
    "content-length",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
];

/// Where a template stands: it decides which names may stand in it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Place {
    Body,
    Endpoint,
    Header,
    Query,
}

/// What compiling gathers on its way.
pub(crate) struct Compiler<'a> {
    /// How many `$do` the present template stands in.
    pub(crate) each_depth: usize,
    pub(crate) issues: Issues,
    pub(crate) maps: &'a Maps,
    placeholders: usize,
    provider: &'a ProviderRules,
    pub(crate) used: BTreeSet<String>,
}

/// Parses a whole mapping.
pub(crate) fn mapping(
    value: &Value,
    provider: &ProviderRules,
) -> Result<PayloadMapping, Vec<MappingIssue>> {
    let mut issues = Issues::default();
    // The limits first: nothing below recurses deeper or longer than they allow.
    if depth(value, MAX_LEVELS + 1) > MAX_LEVELS {
        issues.add("", MappingFault::TooDeep { limit: MAX_LEVELS });
        return Err(issues.into_list());
    }
    let size_bytes = value.to_string().len();
    if size_bytes > MAX_BYTES {
        issues.add("", MappingFault::TooLarge { size_bytes, limit: MAX_BYTES });
        return Err(issues.into_list());
    }
    let Some(root) = Members::closed(value, "", KNOWN, &mut issues) else {
        return Err(issues.into_list());
    };
    let maps = maps(&root, &mut issues);
    let mut rules = declare::rules(&root, &mut issues);
    let received = receive::parse(&root, &maps, &mut issues);
    let examples = Example::parse_all(&root, &mut issues);

    let mut compiler = Compiler {
        each_depth: 0,
        issues,
        maps: &maps,
        placeholders: 0,
        provider,
        used: BTreeSet::new(),
    };
    let endpoint = compiler.endpoint(&root);
    let query = compiler.fields(&root, Place::Query);
    let mut headers = compiler.fields(&root, Place::Header);
    let body = root.get("body").filter(|body| !body.is_null());
    let body_kind = body_kind(&root, body.is_some(), &mut compiler.issues);
    let content_type = take_content_type(&mut headers, body_kind, &mut compiler.issues);
    let method = method(&root, http::Method::POST, &mut compiler.issues);
    if method == http::Method::GET && body_kind != BodyKind::None {
        let fault = MappingFault::Declaration { reason: "a GET has no body" };
        compiler.issues.add(&root.at("method"), fault);
    }
    let body = body.map(|body| {
        let pointer = root.at("body");
        if matches!(body_kind, BodyKind::Form | BodyKind::Multipart) {
            expect(body, &pointer, "an object", Value::as_object, &mut compiler.issues);
        }
        Node::compile(body, &pointer, &mut compiler)
    });
    let poll = (received.kind == ReplyKind::Poll)
        .then(|| poll::parse::poll(&root, &received.failure, &mut compiler))
        .flatten();
    let Compiler { mut issues, used, placeholders, .. } = compiler;
    if placeholders > MAX_PLACEHOLDERS {
        let limit = MAX_PLACEHOLDERS;
        issues.add("", MappingFault::TooManyPlaceholders { count: placeholders, limit });
    }
    rules.used = used;
    let Some(endpoint) = endpoint else { return Err(issues.into_list()) };
    issues.or(PayloadMapping {
        auth: provider.auth.clone(),
        body,
        body_kind,
        content_type,
        examples,
        failure: received.failure,
        head: Head { endpoint, headers, method, query },
        maps,
        poll,
        reply_content_type: received.content_type,
        reply_kind: received.kind,
        response_mapping: received.mapping,
        rules,
        stream: received.stream,
    })
}

impl Compiler<'_> {
    /// Compiles a text and checks every name in it.
    pub(crate) fn template(&mut self, text: &str, pointer: &str, place: Place) -> Option<Template> {
        let template = match Template::compile(text) {
            Ok(template) => template,
            Err(fault) => {
                self.issues.add(pointer, fault);
                return None;
            }
        };
        for slot in template.slots() {
            self.placeholders += 1;
            self.check(slot, pointer, place);
        }
        Some(template)
    }

    fn check(&mut self, slot: &Slot, pointer: &str, place: Place) {
        let name = &slot.name;
        match name.as_str() {
            "api_key" => {
                let sees = self.provider.mapping_sees_key;
                let plain = slot.hint.is_none()
                    && slot.filters.is_empty()
                    && slot.members.is_empty()
                    && !slot.optional;
                if !sees || !matches!(place, Place::Header | Place::Query) {
                    self.issues.add(pointer, MappingFault::KeyNotAllowed);
                } else if !plain {
                    self.issues.add(pointer, MappingFault::KeyMisused);
                }
            }
            "index" | "item" if self.each_depth == 0 => {
                self.issues.add(pointer, MappingFault::OutsideEach { name: name.clone() });
            }
            "index" | "item" => {}
            _ => drop(self.used.insert(name.clone())),
        }
        for filter in &slot.filters {
            if let Filter::Map { name } = filter
                && !self.maps.contains_key(name)
            {
                self.issues.add(pointer, MappingFault::UnknownMap { name: name.clone() });
            }
        }
    }

    /// Compiles what must be one placeholder; `None` if it is absent or a fault.
    pub(crate) fn lone(&mut self, value: Option<&Value>, pointer: &str) -> Option<Slot> {
        let text = expect(value?, pointer, "a placeholder", Value::as_str, &mut self.issues)?;
        match self.template(text, pointer, Place::Body)? {
            Template::Lone(slot) => Some(slot),
            Template::Fixed(_) | Template::Mixed(_) => {
                self.issues.add(pointer, MappingFault::NotLone);
                None
            }
        }
    }

    pub(crate) fn endpoint(&mut self, root: &Members<'_>) -> Option<Endpoint> {
        let pointer = root.at("endpoint");
        if root.get("endpoint").is_none() {
            self.issues.add(&root.pointer, MappingFault::Missing { name: "endpoint" });
        }
        let text = root.text("endpoint", &mut self.issues)?;
        let template = self.template(text, &pointer, Place::Endpoint)?;
        Endpoint::parse(text, template, self.provider)
            .map_err(|fault| self.issues.add(&pointer, fault))
            .ok()
    }

    pub(crate) fn fields(&mut self, root: &Members<'_>, place: Place) -> Vec<Field> {
        let member = if place == Place::Header { "headers" } else { "query" };
        let Some(value) = root.get(member) else { return Vec::new() };
        let pointer = root.at(member);
        let Some(members) = Members::open(value, &pointer, &mut self.issues) else {
            return Vec::new();
        };
        let mut fields = Vec::new();
        for (name, value) in members.map {
            let pointer = at(&pointer, name);
            let text = super::filter::scalar_text(value);
            let Some(text) = text else {
                expect(value, &pointer, "text", |_| None::<()>, &mut self.issues);
                continue;
            };
            let name =
                if place == Place::Header { name.to_ascii_lowercase() } else { name.clone() };
            match covered(&name, &text, place, &self.provider.auth) {
                Covered::Same => continue,
                Covered::Other if !self.provider.mapping_sees_key => {
                    let what = if place == Place::Header { "header" } else { "query parameter" };
                    self.issues.add(&pointer, MappingFault::AuthCovered { what });
                    continue;
                }
                Covered::No | Covered::Other => {}
            }
            if place == Place::Header && !is_settable(&name) {
                self.issues.add(&pointer, MappingFault::Header { name });
                continue;
            }
            if let Some(template) = self.template(&text, &pointer, place) {
                fields.extend(self.field(name, template, &pointer, place));
            }
        }
        fields
    }

    fn field(
        &mut self,
        name: String,
        template: Template,
        pointer: &str,
        place: Place,
    ) -> Option<Field> {
        let mut before = template.into_parts();
        let literal_fits = |part: &Part| match part {
            Part::Literal(text) => is_header_text(text),
            Part::Slot(_) => true,
        };
        if place == Place::Header && !before.iter().all(literal_fits) {
            self.issues.add(pointer, MappingFault::HeaderValue);
            return None;
        }
        let is_key = |part: &Part| matches!(part, Part::Slot(slot) if slot.name == "api_key");
        let after = before.iter().position(is_key).map(|position| {
            let after = before.split_off(position + 1);
            before.pop();
            after
        });
        if after.as_ref().is_some_and(|after| after.iter().any(is_key)) {
            self.issues.add(pointer, MappingFault::KeyMisused);
            return None;
        }
        Some(Field { name, before, after })
    }
}

/// How a header or query parameter relates to the provider's auth scheme.
enum Covered {
    No,
    /// Its name, but another value.
    Other,
    /// Exactly what the exchange adds.
    Same,
}

fn covered(name: &str, text: &str, place: Place, auth: &AuthScheme) -> Covered {
    let (same_name, same_value) = match (auth, place) {
        (AuthScheme::Bearer, Place::Header) => {
            let value = text.split_once(' ').is_some_and(|(scheme, key)| {
                scheme.eq_ignore_ascii_case("bearer") && key.trim() == "{api_key}"
            });
            (name == "authorization", value)
        }
        (AuthScheme::Header { name: header }, Place::Header) => {
            (name.eq_ignore_ascii_case(header), text.trim() == "{api_key}")
        }
        (AuthScheme::Query { name: parameter }, Place::Query) => {
            (name == parameter, text == "{api_key}")
        }
        _ => (false, false),
    };
    match (same_name, same_value) {
        (false, _) => Covered::No,
        (true, false) => Covered::Other,
        (true, true) => Covered::Same,
    }
}

fn is_settable(name: &str) -> bool {
    http::HeaderName::from_bytes(name.as_bytes()).is_ok()
        && !FORBIDDEN_HEADERS.contains(&name)
        && !name.starts_with("sec-")
        && !name.starts_with("cf-")
        && !name.starts_with("x-forwarded-")
}

/// Takes `content-type` out of the headers: it comes with the body.
fn take_content_type(headers: &mut Vec<Field>, kind: BodyKind, issues: &mut Issues) -> String {
    let (plain, name) = match kind {
        BodyKind::Form => ("application/x-www-form-urlencoded", "form"),
        BodyKind::Json | BodyKind::None => ("application/json", "json"),
        BodyKind::Multipart => ("multipart/form-data", "multipart"),
    };
    let Some(position) = headers.iter().position(|field| field.name == "content-type") else {
        return plain.to_owned();
    };
    let field = headers.remove(position);
    let written = match field.before.as_slice() {
        [Part::Literal(text)] => text.clone(),
        _ => String::new(),
    };
    let media_type = written.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let fits = match kind {
        BodyKind::Json => media_type == plain || media_type.ends_with("+json"),
        BodyKind::None => true,
        BodyKind::Form | BodyKind::Multipart => media_type == plain,
    };
    if !fits {
        let fault = MappingFault::ContentType { found: written, kind: name };
        issues.add("/headers/content-type", fault);
        return plain.to_owned();
    }
    if kind == BodyKind::Json { written } else { plain.to_owned() }
}

fn body_kind(root: &Members<'_>, has_body: bool, issues: &mut Issues) -> BodyKind {
    const ALLOWED: &str = "json, form, multipart, none";
    let kind = match root.text("body_kind", issues) {
        None if has_body => BodyKind::Json,
        None | Some("none") => BodyKind::None,
        Some("json") => BodyKind::Json,
        Some("form") => BodyKind::Form,
        Some("multipart") => BodyKind::Multipart,
        Some(other) => {
            let fault = MappingFault::NotOneOf { found: other.to_owned(), allowed: ALLOWED };
            issues.add(&root.at("body_kind"), fault);
            BodyKind::Json
        }
    };
    if kind == BodyKind::None && has_body {
        let fault = MappingFault::Declaration { reason: "body_kind none has no body" };
        issues.add(&root.at("body"), fault);
    }
    if kind != BodyKind::None && !has_body {
        issues.add("", MappingFault::Missing { name: "body" });
    }
    kind
}

/// The method of a request; `usual` where none is said.
pub(crate) fn method(root: &Members<'_>, usual: http::Method, issues: &mut Issues) -> http::Method {
    const ALLOWED: &str = "GET, POST, PUT, PATCH, DELETE";
    match root.text("method", issues) {
        None => usual,
        Some("POST") => http::Method::POST,
        Some("GET") => http::Method::GET,
        Some("PUT") => http::Method::PUT,
        Some("PATCH") => http::Method::PATCH,
        Some("DELETE") => http::Method::DELETE,
        Some(other) => {
            let fault = MappingFault::NotOneOf { found: other.to_owned(), allowed: ALLOWED };
            issues.add(&root.at("method"), fault);
            usual
        }
    }
}

fn maps(root: &Members<'_>, issues: &mut Issues) -> Maps {
    let mut maps = Maps::new();
    let Some(value) = root.get("maps") else { return maps };
    let pointer = root.at("maps");
    let Some(members) = Members::open(value, &pointer, issues) else { return maps };
    for (name, rows) in members.map {
        if let Some(rows) = Members::open(rows, &at(&pointer, name), issues) {
            maps.insert(name.clone(), rows.map.clone());
        }
    }
    maps
}

/// The depth of a value, counted no further than `stop`.
fn depth(value: &Value, stop: usize) -> usize {
    if stop == 0 {
        return 0;
    }
    let below = |value: &Value| depth(value, stop - 1);
    match value {
        Value::Array(items) => 1 + items.iter().map(below).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(below).max().unwrap_or(0),
        Value::Bool(_) | Value::Null | Value::Number(_) | Value::String(_) => 0,
    }
}
