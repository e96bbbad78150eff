//! The control plane, asked over HTTP with a key.

use std::time::Duration;

use de_core::{protocols::FieldIssue, secret::Secret};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};
use ureq::http::{Method, Request, Response};
use url::{Host, Url};

/// How long one answer may take: saving waits for every Limiter concerned.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often a request is sent before it is given up.
const TRIES: u32 = 4;
/// The longest wait that `Retry-After` may ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(90);
/// The largest answer that is read.
const CAP: u64 = 32 << 20;
/// The largest page of a list.
const PAGE: u32 = 200;
/// What stands in a path or a query as it is.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Why a gateway cannot be asked at an address.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
pub enum AddressError {
    /// It is no address of an origin.
    #[error("`{0}` is no address; expected is the front door's: https://api.example.com")]
    Malformed(String),
    /// A key would go over the net in clear.
    #[error("`{0}` is not encrypted: a key goes over http:// to this machine alone")]
    Plain(String),
    /// The key cannot be a header.
    #[error("the API key has a character that no header may have")]
    Key,
}

/// Why a request has no good answer.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// Nothing came back, or nothing that can be read.
    #[error("{method} {path}: {problem}")]
    Lost {
        /// What was asked.
        method: &'static str,
        /// Where.
        path: String,
        /// Why nothing came.
        problem: String,
    },
    /// The gateway says no.
    #[error("{method} {path} is refused: {refusal}")]
    Refused {
        /// What was asked.
        method: &'static str,
        /// Where.
        path: String,
        /// In whose words.
        refusal: Box<Refusal>,
    },
}

/// What a refusal says.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{status} {code} {message}")]
pub struct Refusal {
    /// `CONFLICT`, `FORBIDDEN`, …; empty if the answer is not one of the gateway's.
    pub code: String,
    /// What else it says.
    pub details: Value,
    /// What is wrong with the body, by JSON Pointers into it.
    pub fields: Vec<FieldIssue>,
    /// For people.
    pub message: String,
    /// 400 to 599.
    pub status: u16,
}

/// A good answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its JSON; null if it has none.
    pub body: Value,
    /// The state of the row, for `If-Match`.
    pub etag: Option<String>,
    /// Whether it was given before, under the same `Idempotency-Key`.
    pub is_replayed: bool,
    /// 200 to 299.
    pub status: u16,
}

/// Who is asked, and with which key.
pub struct Gateway {
    agent: ureq::Agent,
    base: String,
    bearer: String,
}

impl Gateway {
    /// The gateway at an origin, to be asked with this key.
    ///
    /// # Errors
    /// [`AddressError`] if the key must not or cannot be sent there.
    pub fn at(base: &str, key: &Secret) -> Result<Self, AddressError> {
        let malformed = || AddressError::Malformed(base.to_owned());
        let address = Url::parse(base).map_err(|_| malformed())?;
        let is_bare = address.path() == "/"
            && address.query().is_none()
            && address.fragment().is_none()
            && address.username().is_empty()
            && address.password().is_none();
        let host = address.host().filter(|_| is_bare).ok_or_else(malformed)?;
        let is_here = match host {
            Host::Domain(name) => name == "localhost",
            Host::Ipv4(address) => address.is_loopback(),
            Host::Ipv6(address) => address.is_loopback(),
        };
        match address.scheme() {
            "https" => {}
            "http" if is_here => {}
            "http" => return Err(AddressError::Plain(base.to_owned())),
            _ => return Err(malformed()),
        }
        if key.expose().is_empty() || !key.expose().bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(AddressError::Key);
        }
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(PATIENCE))
            .user_agent("distributed-electrons");
        Ok(Self {
            agent: config.build().into(),
            base: base.trim_end_matches('/').to_owned(),
            bearer: format!("Bearer {}", key.expose()),
        })
    }

    /// Reads.
    ///
    /// # Errors
    /// [`GatewayError`].
    pub fn get(&self, path: &str) -> Result<Answer, GatewayError> {
        self.ask(&Method::GET, path, &[], None)
    }

    /// Reads, where nothing may be.
    ///
    /// # Errors
    /// [`GatewayError`], but for 404.
    pub fn find(&self, path: &str) -> Result<Option<Answer>, GatewayError> {
        match self.get(path) {
            Ok(answer) => Ok(Some(answer)),
            Err(GatewayError::Refused { refusal, .. }) if refusal.status == 404 => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads every page of a list. `query` is what narrows it: `organization_id=org_1`, or nothing.
    ///
    /// # Errors
    /// [`GatewayError`].
    pub fn list(&self, path: &str, query: &str) -> Result<Vec<Value>, GatewayError> {
        self.list_with(path, query, &[])
    }

    /// The same with more headers.
    ///
    /// # Errors
    /// [`GatewayError`].
    pub fn list_with(
        &self,
        path: &str,
        query: &str,
        headers: &[(&str, &str)],
    ) -> Result<Vec<Value>, GatewayError> {
        let mut all = Vec::new();
        let mut cursor = String::new();
        loop {
            let and = if query.is_empty() { "" } else { "&" };
            let page = format!("{path}?limit={PAGE}{and}{query}{cursor}");
            let mut body = self.ask(&Method::GET, &page, headers, None)?.body;
            let Some(Value::Array(rows)) = body.get_mut("data").map(Value::take) else {
                let problem = "the answer is no list".to_owned();
                return Err(GatewayError::Lost { method: "GET", path: page, problem });
            };
            all.extend(rows);
            match body.get("next_cursor").and_then(Value::as_str) {
                Some(next) => cursor = format!("&cursor={}", plain(next)),
                None => return Ok(all),
            }
        }
    }

    /// Makes something, once under this `Idempotency-Key` if there is one.
    ///
    /// # Errors
    /// [`GatewayError`].
    pub fn post(
        &self,
        path: &str,
        body: &Value,
        once: Option<&str>,
    ) -> Result<Answer, GatewayError> {
        let headers: Vec<(&str, &str)> =
            once.into_iter().map(|once| ("idempotency-key", once)).collect();
        self.ask(&Method::POST, path, &headers, Some(body))
    }

    /// Asks for work that takes no body.
    ///
    /// # Errors
    /// [`GatewayError`].
    pub fn run(&self, path: &str) -> Result<Answer, GatewayError> {
        self.ask(&Method::POST, path, &[], None)
    }

    /// Puts something into its place, over the state that `etag` names.
    ///
    /// # Errors
    /// [`GatewayError`].
    pub fn put(
        &self,
        path: &str,
        body: &Value,
        etag: Option<&str>,
    ) -> Result<Answer, GatewayError> {
        self.ask(&Method::PUT, path, &over(etag), Some(body))
    }

    /// Changes fields, over the state that `etag` names.
    ///
    /// # Errors
    /// [`GatewayError`].
    pub fn patch(
        &self,
        path: &str,
        body: &Value,
        etag: Option<&str>,
    ) -> Result<Answer, GatewayError> {
        self.ask(&Method::PATCH, path, &over(etag), Some(body))
    }

    /// Removes.
    ///
    /// # Errors
    /// [`GatewayError`].
    pub fn delete(&self, path: &str, etag: Option<&str>) -> Result<Answer, GatewayError> {
        self.ask(&Method::DELETE, path, &over(etag), None)
    }

    /// Reads the bytes of a file of this gateway, and hands them to `take` piece by piece.
    ///
    /// # Errors
    /// [`GatewayError`]; what `take` says is the problem of a `Lost`.
    pub fn bytes(
        &self,
        path: &str,
        take: impl FnOnce(&mut dyn std::io::Read) -> std::io::Result<()>,
    ) -> Result<(), GatewayError> {
        let mut answer = self.send(&Method::GET, path, &[], None)?;
        if answer.status().as_u16() != 200 {
            return Told::read("GET", path, answer)?.judge("GET", path).map(|_answer| ());
        }
        take(&mut answer.body_mut().as_reader()).map_err(|error| lost("GET", path, &error))
    }

    /// Asks, again where that is safe and may help. A repetition is safe: what makes something has a key,
    /// and what changes something names the state that it changes, or says the same once more.
    fn ask(
        &self,
        method: &Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Answer, GatewayError> {
        let is_once = headers.iter().any(|(name, _)| *name == "idempotency-key");
        let is_safe = *method != Method::POST || is_once || path.contains("dry_run=true");
        let mut tried = 1;
        loop {
            let told = self.send(method, path, headers, body);
            let told = told.and_then(|answer| Told::read(word(method), path, answer));
            let wait = match &told {
                Err(_) => is_safe.then(|| pause(tried)),
                // It is in the database, and who was not told yet is told within a minute. Under its key the
                // same request is answered as it should have been, with the secret if it has one.
                Ok(told) if told.is_saved() => is_once.then(|| pause(tried)),
                Ok(told) => told.wait(tried).filter(|_| is_safe),
            };
            match wait.filter(|_| tried < TRIES) {
                Some(wait) => std::thread::sleep(wait),
                None => return told?.judge(word(method), path),
            }
            tried += 1;
        }
    }

    fn send(
        &self,
        method: &Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Response<ureq::Body>, GatewayError> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header("accept", "application/json")
            .header("authorization", &self.bearer);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let failed = |problem: &dyn std::fmt::Display| lost(word(method), path, problem);
        match body {
            None => {
                let request = request.body(()).map_err(|error| failed(&error))?;
                self.agent.run(request).map_err(|error| failed(&error))
            }
            Some(body) => {
                let request = request.header("content-type", "application/json");
                let request = request.body(body.to_string()).map_err(|error| failed(&error))?;
                self.agent.run(request).map_err(|error| failed(&error))
            }
        }
    }
}

/// An answer, good or bad.
struct Told {
    body: Value,
    etag: Option<String>,
    is_replayed: bool,
    retry_after: Option<Duration>,
    status: u16,
}

impl Told {
    fn read(
        method: &'static str,
        path: &str,
        mut answer: Response<ureq::Body>,
    ) -> Result<Self, GatewayError> {
        let header = |name: &str| {
            answer.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
        };
        let (etag, replayed) = (header("etag"), header("idempotency-replayed"));
        let seconds = header("retry-after").and_then(|text| text.parse().ok());
        let status = answer.status().as_u16();
        let text = answer.body_mut().with_config().limit(CAP).read_to_string();
        let text = text.map_err(|error| lost(method, path, &error))?;
        Ok(Self {
            body: serde_json::from_str(&text).unwrap_or_default(),
            etag,
            is_replayed: replayed.as_deref() == Some("true"),
            retry_after: seconds.map(Duration::from_secs),
            status,
        })
    }

    fn is_saved(&self) -> bool {
        self.status == 503 && self.body.pointer("/details/saved") == Some(&Value::Bool(true))
    }

    /// How long to wait before asking the same again; none if the answer is final.
    fn wait(&self, tried: u32) -> Option<Duration> {
        let may_pass = matches!(self.status, 429 | 502 | 503 | 504);
        let wait = self.retry_after.unwrap_or_else(|| pause(tried));
        (may_pass && wait <= LONGEST_WAIT).then_some(wait)
    }

    fn judge(self, method: &'static str, path: &str) -> Result<Answer, GatewayError> {
        let is_saved = self.is_saved();
        let Self { body, etag, is_replayed, status, .. } = self;
        if (200..300).contains(&status) {
            return Ok(Answer { body, etag, is_replayed, status });
        }
        if is_saved {
            return Ok(Answer { body: Value::Null, etag: None, is_replayed, status: 200 });
        }
        let refusal = Box::new(Refusal::read(status, &body));
        Err(GatewayError::Refused { method, path: path.to_owned(), refusal })
    }
}

impl Refusal {
    fn read(status: u16, body: &Value) -> Self {
        let text =
            |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
        let details = body.get("details").cloned().unwrap_or_default();
        let fields = details.get("fields").and_then(Value::as_array);
        let fields = fields.into_iter().flatten().map(|field| FieldIssue {
            pointer: text(field.get("field")),
            reason: text(field.get("reason")),
        });
        let fields = fields.collect();
        let message = text(body.get("error"));
        let message = if message.is_empty() {
            "the answer is not one of this gateway: is the address right?".to_owned()
        } else {
            message
        };
        Self { code: text(body.get("error_code")), fields, message, status, details }
    }
}

/// A word as it stands in a path or a query.
#[must_use]
pub fn plain(word: &str) -> String {
    utf8_percent_encode(word, PLAIN).to_string()
}

/// The members of an object; none of what is no object.
#[must_use]
pub fn members(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

/// A text member of a row; empty if it has none.
#[must_use]
pub fn text<'a>(row: &'a Value, name: &str) -> &'a str {
    row.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn over(etag: Option<&str>) -> Vec<(&str, &str)> {
    etag.into_iter().map(|etag| ("if-match", etag)).collect()
}

fn lost(method: &'static str, path: &str, problem: &dyn std::fmt::Display) -> GatewayError {
    GatewayError::Lost { method, path: path.to_owned(), problem: problem.to_string() }
}

fn word(method: &Method) -> &'static str {
    match method.as_str() {
        "DELETE" => "DELETE",
        "PATCH" => "PATCH",
        "POST" => "POST",
        "PUT" => "PUT",
        _ => "GET",
    }
}

/// Longer each time.
fn pause(tried: u32) -> Duration {
    Duration::from_millis(250 * (1 << tried.min(6)))
}

#[cfg(test)]
pub(crate) mod tests;
