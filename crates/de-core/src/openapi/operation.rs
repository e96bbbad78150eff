//! One operation: who may, what goes in, what comes out.

use http::Method;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::{failures, headers, shape::Shape};
use crate::{
    auth::{Scope, access::Permission},
    http::error::Code,
};

/// In whose form failures are told.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Speaks {
    /// Anthropic's, of calls to vendors.
    Anthropic,
    /// ElevenLabs', of calls to vendors and of looks at what they have.
    ElevenLabs,
    /// Ours.
    #[default]
    Native,
    /// Ours, of calls to vendors: they tell of receipt, model and limits.
    NativeCall,
    /// OpenAI's, of calls to vendors.
    OpenAi,
    /// OpenAI's, or Anthropic's for who sends `anthropic-version`.
    OpenAiOrAnthropic,
}

/// An operation, described.
///
/// What each part brings along is noted with it: a body may be refused as too large, a key as unknown.
#[derive(Clone, Debug)]
pub struct Operation {
    pub(super) codes: Vec<Code>,
    pub(super) method: Method,
    pub(super) named: Vec<(String, Value)>,
    pub(super) parameters: Vec<&'static str>,
    pub(super) path: String,
    pub(super) shown: Vec<String>,
    pub(super) speaks: Speaks,
    answers: Map<String, Value>,
    body: Option<Value>,
    extensions: Vec<(&'static str, Value)>,
    id: &'static str,
    is_open: bool,
    notes: Option<String>,
    own_parameters: Vec<Value>,
    summary: String,
    tag: &'static str,
}

/// A successful answer, described.
#[derive(Clone, Debug)]
pub struct Answer {
    content: Map<String, Value>,
    headers: Vec<&'static str>,
    named: Vec<(String, Value)>,
    shown: Vec<String>,
    status: u16,
    summary: String,
}

impl Answer {
    /// One without a body.
    #[must_use]
    pub fn empty(status: u16, summary: &str) -> Self {
        Self {
            content: Map::new(),
            headers: vec!["X-Request-ID", "x-de-trace-id", "Server-Timing"],
            named: Vec::new(),
            shown: Vec::new(),
            status,
            summary: summary.to_owned(),
        }
    }

    /// One with a JSON body.
    #[must_use]
    pub fn json(status: u16, summary: &str, shape: Shape) -> Self {
        let mut answer = Self::empty(status, summary);
        answer.named = shape.named;
        answer.shown = shape.shown;
        answer.content.insert("application/json".to_owned(), json!({"schema": shape.schema}));
        answer
    }

    /// One with bytes of a type that its head tells.
    #[must_use]
    pub fn bytes(status: u16, summary: &str) -> Self {
        let mut answer = Self::empty(status, summary);
        answer.content.insert("*/*".to_owned(), json!({"schema": {}}));
        answer
    }

    /// The same, or as plain text.
    #[must_use]
    pub fn or_text(mut self, summary: &str) -> Self {
        let content = json!({"schema": {"type": "string", "description": summary}});
        self.content.insert("text/plain".to_owned(), content);
        self
    }

    /// The same, or as a table.
    #[must_use]
    pub fn or_csv(mut self, summary: &str) -> Self {
        let content = json!({"schema": {"type": "string", "description": summary}});
        self.content.insert("text/csv".to_owned(), content);
        self
    }

    /// The same, or as server-sent events: the data of each is JSON of this shape, but for a last
    /// `[DONE]` where the protocol has one.
    #[must_use]
    pub fn or_events(mut self, summary: &str, shape: Shape) -> Self {
        self.named.extend(shape.named);
        self.shown.extend(shape.shown);
        let content = json!({
            "schema": {"type": "string", "description": summary},
            "x-event-schema": shape.schema,
        });
        self.content.insert("text/event-stream".to_owned(), content);
        self
    }

    /// The same with headers.
    #[must_use]
    pub fn headers(mut self, names: &[&'static str]) -> Self {
        self.headers.extend(names);
        self
    }

    /// The same with what tells how the tightest limits stand.
    #[must_use]
    pub fn limits(self) -> Self {
        self.headers(&headers::LIMITS)
    }

    /// The same with what tells what of the request was left out.
    #[must_use]
    pub fn left_out(self) -> Self {
        self.headers(&headers::LEFT_OUT)
    }
}

impl Operation {
    /// An operation on a path of the front door, by an id that is its name in clients: `listProjects`.
    #[must_use]
    pub fn new(method: Method, path: &str, id: &'static str, summary: impl Into<String>) -> Self {
        Self {
            answers: Map::new(),
            body: None,
            codes: vec![Code::InternalError],
            extensions: Vec::new(),
            id,
            is_open: false,
            method,
            named: Vec::new(),
            notes: None,
            own_parameters: Vec::new(),
            parameters: vec!["X-Request-ID", "traceparent", "tracestate"],
            path: path.to_owned(),
            shown: Vec::new(),
            speaks: Speaks::Native,
            summary: summary.into(),
            tag: "",
        }
    }

    /// The group that it belongs to.
    #[must_use]
    pub fn tag(mut self, tag: &'static str) -> Self {
        self.tag = tag;
        self
    }

    /// More about it than its summary says.
    #[must_use]
    pub fn notes(mut self, text: impl Into<String>) -> Self {
        self.notes = Some(text.into());
        self
    }

    /// In whose form it fails.
    #[must_use]
    pub fn speaks(mut self, speaks: Speaks) -> Self {
        self.speaks = speaks;
        self
    }

    /// Wants no key.
    #[must_use]
    pub fn open(mut self) -> Self {
        self.is_open = true;
        self.extensions.push(("x-open", true.into()));
        self
    }

    /// Wants a key whose holder has this permission.
    #[must_use]
    pub fn permission(mut self, permission: Permission) -> Self {
        self.extensions.push(("x-permission", kebab(&format!("{permission:?}")).into()));
        self.keyed()
    }

    /// Wants a key with this scope; `None`: any key.
    #[must_use]
    pub fn scope(mut self, scope: Option<Scope>) -> Self {
        self.extensions.push(("x-scope", scope.map_or("any", Scope::as_str).into()));
        self.keyed()
    }

    /// A key may name an instance that is not there for it.
    fn keyed(self) -> Self {
        self.header("X-Instance-ID").fails(&[
            Code::Forbidden,
            Code::InvalidApiKey,
            Code::KeyExpired,
            Code::MissingAuth,
            Code::NotFound,
            Code::OriginNotAllowed,
            Code::RateLimitExceeded,
            Code::SessionExpired,
        ])
    }

    /// The variable part of the path.
    #[must_use]
    pub fn id<T: ToSchema>(self, name: &str, about: &str) -> Self {
        self.path_part(name, Shape::of::<T>(), about)
    }

    /// The variable part of the path, of any shape.
    #[must_use]
    pub fn path_part(mut self, name: &str, shape: Shape, about: &str) -> Self {
        self.named.extend(shape.named);
        self.own_parameters.push(json!({
            "name": name,
            "in": "path",
            "required": true,
            "description": about,
            "schema": shape.schema,
        }));
        self.fails(&[Code::InvalidRequest])
    }

    /// A part of the path that is one of a few words.
    #[must_use]
    pub fn word(mut self, name: &str, words: &[&str], about: &str) -> Self {
        self.own_parameters.push(json!({
            "name": name,
            "in": "path",
            "required": true,
            "description": about,
            "schema": {"type": "string", "enum": words},
        }));
        self.fails(&[Code::RouteNotFound])
    }

    /// A parameter of the query.
    #[must_use]
    pub fn query(mut self, name: &str, shape: Shape, about: &str) -> Self {
        self.named.extend(shape.named);
        self.own_parameters.push(json!({
            "name": name,
            "in": "query",
            "description": about,
            "schema": shape.schema,
        }));
        self.fails(&[Code::InvalidRequest, Code::ValidationError])
    }

    /// `?limit=` and `?cursor=`.
    #[must_use]
    pub fn paged(mut self) -> Self {
        self.parameters.extend(["limit", "cursor"]);
        self.fails(&[Code::InvalidRequest, Code::ValidationError])
    }

    /// A header of the request, of those that are described once.
    #[must_use]
    pub fn header(mut self, name: &'static str) -> Self {
        self.parameters.push(name);
        self
    }

    /// Takes an `Idempotency-Key`.
    #[must_use]
    pub fn once(self) -> Self {
        self.header("Idempotency-Key").fails(&[
            Code::Conflict,
            Code::IdempotencyMismatch,
            Code::InvalidRequest,
        ])
    }

    /// Buys something, at most once under an `Idempotency-Key`.
    #[must_use]
    pub fn bought_once(self) -> Self {
        self.header("Idempotency-Key").fails(&[
            Code::IdempotencyMismatch,
            Code::InProgress,
            Code::InvalidRequest,
            Code::LimiterUnavailable,
            Code::OutcomeUnknown,
        ])
    }

    /// Takes an `If-Match`.
    #[must_use]
    pub fn guarded(self) -> Self {
        self.header("If-Match").fails(&[Code::Conflict, Code::PreconditionFailed])
    }

    /// Changes the configuration: every limiter is told before it answers.
    #[must_use]
    pub fn changes(self) -> Self {
        self.fails(&[Code::LimiterUnavailable])
    }

    /// A JSON body, with an example that works on the development stack.
    #[must_use]
    pub fn body(mut self, shape: Shape, example: Value) -> Self {
        self.named.extend(shape.named);
        self.body = Some(json!({
            "required": true,
            "content": {"application/json": {"schema": shape.schema, "example": example}},
        }));
        self.fails(&[
            Code::BodyTooLarge,
            Code::InvalidRequest,
            Code::UnsupportedMediaType,
            Code::ValidationError,
        ])
    }

    /// A form with files, with an example that works on the development stack. In that, a text that begins
    /// with `@` is the name of a file.
    #[must_use]
    pub fn form(mut self, shape: Shape, example: Value) -> Self {
        self.named.extend(shape.named);
        self.body = Some(json!({
            "required": true,
            "content": {"multipart/form-data": {"schema": shape.schema, "example": example}},
        }));
        self.fails(&[
            Code::BodyTooLarge,
            Code::InvalidRequest,
            Code::UnsupportedMediaType,
            Code::ValidationError,
        ])
    }

    /// The same for a body that may be left out.
    #[must_use]
    pub fn optional_body(self, shape: Shape, example: Value) -> Self {
        let mut operation = self.body(shape, example);
        if let Some(body) = operation.body.as_mut().and_then(Value::as_object_mut) {
            body.insert("required".to_owned(), false.into());
        }
        operation
    }

    /// Takes no body, or an empty object.
    #[must_use]
    pub fn without_body(self) -> Self {
        let empty = json!({"type": "object", "maxProperties": 0});
        self.optional_body(Shape::plain(empty), json!({}))
    }

    /// How it answers when all is well.
    #[must_use]
    pub fn answers(mut self, answer: Answer) -> Self {
        self.named.extend(answer.named);
        self.shown.extend(answer.shown);
        let mut described = json!({
            "description": answer.summary,
            "headers": headers::of_answer(&answer.headers),
        });
        if let (Some(members), false) = (described.as_object_mut(), answer.content.is_empty()) {
            members.insert("content".to_owned(), answer.content.into());
        }
        self.answers.insert(answer.status.to_string(), described);
        self
    }

    /// What may go wrong, beside what its parts bring along.
    #[must_use]
    pub fn fails(mut self, codes: &[Code]) -> Self {
        for code in codes.iter().filter(|code| !self.codes.contains(code)).collect::<Vec<_>>() {
            self.codes.push(*code);
        }
        self
    }

    /// The method.
    #[must_use]
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The path, as OpenAPI writes it: `/v1/projects/{id}`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The statuses that it fails with, in order.
    pub(super) fn failing(&self) -> Vec<u16> {
        let mut statuses: Vec<u16> = self.codes.iter().map(|code| code.status().as_u16()).collect();
        statuses.sort_unstable();
        statuses.dedup();
        statuses
    }

    /// As it stands in the document.
    pub(super) fn json(&self) -> Value {
        let mut answers = self.answers.clone();
        for status in self.failing() {
            let here = self.codes.iter().filter(|code| code.status().as_u16() == status);
            let here: Vec<Code> = here.copied().collect();
            let failure = failures::reference_of(self.speaks, status, &sorted(&here));
            // What answers 503 when all is well (`/ready`) has said what that means.
            answers.entry(status.to_string()).or_insert(failure);
        }
        answers.sort_keys();
        let reference = |name: &&str| json!({"$ref": format!("#/components/parameters/{name}")});
        let mut parameters = self.own_parameters.clone();
        parameters.extend(self.parameters.iter().map(reference));
        let mut json = json!({
            "operationId": self.id,
            "tags": [self.tag],
            "summary": self.summary,
            "description": self.notes,
            "parameters": parameters,
            "requestBody": self.body,
            "responses": answers,
        });
        if let Some(members) = json.as_object_mut() {
            members.retain(|_, value| !value.is_null());
            if self.is_open {
                members.insert("security".to_owned(), json!([]));
            }
            for (name, value) in &self.extensions {
                members.insert((*name).to_owned(), value.clone());
            }
            members.insert("x-error-codes".to_owned(), json!(sorted(&self.codes)));
        }
        json
    }
}

/// Codes in the order of their words.
pub(super) fn sorted(codes: &[Code]) -> Vec<&'static str> {
    let mut words: Vec<&str> = codes.iter().map(|code| code.as_str()).collect();
    words.sort_unstable();
    words.dedup();
    words
}

/// `ProjectRead` as `project-read`.
fn kebab(name: &str) -> String {
    let mut text = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !text.is_empty() {
            text.push('-');
        }
        text.push(letter.to_ascii_lowercase());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_are_written_with_dashes() {
        assert_eq!(kebab("ProviderKeyReseal"), "provider-key-reseal");
    }

    #[test]
    fn each_part_brings_its_failures() {
        let operation = Operation::new(Method::POST, "/v1/things", "createThing", "Makes a thing")
            .permission(Permission::ProjectWrite)
            .once()
            .body(Shape::plain(json!({"type": "object"})), json!({}));
        assert_eq!(operation.failing(), [400, 401, 403, 404, 409, 413, 415, 429, 500]);
        assert_eq!(operation.json()["x-permission"], "project-write");
    }
}
