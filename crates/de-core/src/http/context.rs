//! What is known of one request while it runs: its id, its envelope, the fields of its log line.

use std::sync::{Arc, Mutex};

use axum::extract::FromRequestParts;
use futures_channel::oneshot;
use http::{HeaderMap, request::Parts};

use super::error::{ApiError, Code};
use crate::{
    ids::RequestId,
    log::LogLine,
    money::Micros,
    otlp::Over,
    receipt::{Attempt, Receipt},
    time::UnixMillis,
    trace::Trace,
};

/// In whose form a failure is told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Envelope {
    /// `{"type": "error", "error": {…}, "request_id"}`.
    Anthropic,
    /// `{"detail": {"type", "code", "status", "message", "request_id", "param"}}`.
    ElevenLabs,
    /// Ours: `{"error", "error_code", "request_id", "details"}`.
    Native,
    /// `{"error": {"message", "type", "param", "code"}}`.
    OpenAi,
}

impl Envelope {
    /// The form that the path's own protocol has, under the front door or on a worker's host.
    #[must_use]
    pub fn of(path: &str, headers: &HeaderMap) -> Self {
        let openai = ["chat/", "completions", "embeddings", "images/", "audio/", "responses"];
        let voices = |path: &str| path == "voices" || path.starts_with("voices/");
        if path.split_once("/v2/").is_some_and(|(_, rest)| voices(rest)) {
            return Self::ElevenLabs;
        }
        let Some((_, rest)) = path.split_once("/v1/") else { return Self::Native };
        if voices(rest) || rest.starts_with("text-to-speech/") {
            return Self::ElevenLabs;
        }
        let models = rest == "models" || rest.starts_with("models/");
        let messages = rest == "messages" || rest.starts_with("messages/");
        if messages || (models && headers.contains_key("anthropic-version")) {
            Self::Anthropic
        } else if models || openai.iter().any(|prefix| rest.starts_with(prefix)) {
            Self::OpenAi
        } else {
            Self::Native
        }
    }
}

/// One request. Clones share what was noted.
#[derive(Clone)]
pub struct Context {
    ends_at: Option<UnixMillis>,
    envelope: Envelope,
    noted: Arc<Mutex<Noted>>,
    request_id: RequestId,
    started: UnixMillis,
    trace: Arc<Trace>,
}

#[derive(Default)]
struct Noted {
    allows_origin: bool,
    /// The tries at vendors, if somebody is told of them.
    attempts: Vec<Attempt>,
    headers: HeaderMap,
    line: LogLine,
    marks: Marks,
    /// Calls in the books that have no end yet.
    open: u32,
    stage: Stage,
    /// Who tells a collector of the request when it is over.
    tell: Option<oneshot::Sender<Over>>,
}

/// How far a request's line is.
#[derive(Clone, Copy, Default, Eq, PartialEq)]
enum Stage {
    /// Its answer's head is still to come.
    #[default]
    Running,
    /// Its head is out, and the rest is under way.
    Headed,
    /// It is written: once is enough.
    Written,
}

/// What the parts of a request took, in milliseconds, as far as it came to them.
#[derive(Clone, Copy, Default)]
struct Marks {
    auth: Option<i64>,
    job: Option<i64>,
    limit: Option<i64>,
    upstream: Option<i64>,
    /// When the first vendor was to be asked.
    upstream_since: Option<UnixMillis>,
}

impl Context {
    /// A request that begins now, in a trace that begins with it.
    #[must_use]
    pub fn new(request_id: RequestId, envelope: Envelope, started: UnixMillis) -> Self {
        // Whoever has random bytes says so by [`Context::within`].
        let trace = Arc::new(Trace::root([0; 24]));
        Self { ends_at: None, envelope, noted: Arc::default(), request_id, started, trace }
    }

    /// The same in this place of a trace.
    #[must_use]
    pub fn within(self, trace: Trace) -> Self {
        Self { trace: Arc::new(trace), ..self }
    }

    /// The same, whose calls of vendors end by then, whatever their models' rows allow.
    #[must_use]
    pub fn until(self, ends_at: UnixMillis) -> Self {
        Self { ends_at: Some(ends_at), ..self }
    }

    /// When its calls of vendors end, whatever their models' rows allow; `None`: the rows say it alone.
    #[must_use]
    pub fn ends_at(&self) -> Option<UnixMillis> {
        self.ends_at
    }

    /// The caller's id, or ours.
    #[must_use]
    pub fn request_id(&self) -> &RequestId {
        &self.request_id
    }

    /// Its place in a trace.
    #[must_use]
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// In whose form a failure is told.
    #[must_use]
    pub fn envelope(&self) -> Envelope {
        self.envelope
    }

    /// When it came.
    #[must_use]
    pub fn started(&self) -> UnixMillis {
        self.started
    }

    /// Adds to the log line: never a key, a prompt or a reply.
    pub fn note(&self, add: impl FnOnce(&mut LogLine)) {
        self.with(|noted| add(&mut noted.line));
    }

    /// Adds a header to the answer, whether it succeeds or fails.
    pub fn tell(&self, name: http::HeaderName, value: &str) {
        if let Ok(value) = http::HeaderValue::from_str(value) {
            self.with(|noted| drop(noted.headers.insert(name, value)));
        }
    }

    /// Adds what the call cost to the answer's headers, where that is known.
    pub fn tell_cost(&self, cost: Option<Micros>) {
        if let Some(cost) = cost {
            self.tell(http::HeaderName::from_static("x-de-cost-micros"), &cost.0.to_string());
        }
    }

    /// Adds to `x-de-warnings` of the answer, behind what stands there: a place, and what is wrong with it.
    pub fn warn(&self, place: &str, reason: &str) {
        const NAME: http::HeaderName = http::HeaderName::from_static("x-de-warnings");
        let told =
            self.headers_told().get(NAME).and_then(|told| told.to_str().ok()).map(str::to_owned);
        let before = told.map_or_else(String::new, |told| format!("{told}; "));
        self.tell(NAME, &format!("{before}{place}: {reason}"));
    }

    /// The headers told so far.
    #[must_use]
    pub fn headers_told(&self) -> HeaderMap {
        self.noted.lock().map(|noted| noted.headers.clone()).unwrap_or_default()
    }

    /// Records that a page of the request's origin may read the answer.
    pub fn allow_origin(&self) {
        self.with(|noted| noted.allows_origin = true);
    }

    pub(super) fn allows_origin(&self) -> bool {
        self.noted.lock().is_ok_and(|noted| noted.allows_origin)
    }

    /// Notes that it is known who calls; the first time counts.
    pub fn authenticated(&self, now: UnixMillis) {
        let took = now.since(self.started);
        self.with(|noted| {
            noted.marks.auth.get_or_insert(took);
        });
    }

    /// Notes how long the job took that was waited for, from its order to its end.
    pub fn waited_for_job(&self, took_ms: i64) {
        self.with(|noted| noted.marks.job = Some(took_ms));
    }

    /// Notes how long it took to find the model and to ask the limits.
    pub fn limited(&self, took_ms: i64) {
        self.with(|noted| noted.marks.limit = Some(noted.marks.limit.unwrap_or(0) + took_ms));
    }

    /// Notes that vendors are asked from now on; the first one counts.
    pub fn asks(&self, now: UnixMillis) {
        self.with(|noted| {
            noted.marks.upstream_since.get_or_insert(now);
        });
    }

    /// Notes that a vendor has answered, or will not any more; the last one counts.
    pub fn answered(&self, now: UnixMillis) {
        self.with(|noted| {
            noted.marks.upstream = noted.marks.upstream_since.map(|since| now.since(since));
        });
    }

    /// `Server-Timing`: what the parts took until here; `None` if it came to none of them.
    ///
    /// Follows <https://www.w3.org/TR/server-timing/>.
    pub(super) fn timing(&self) -> Option<String> {
        let mut noted = self.noted.lock().ok()?;
        let Noted { line, marks, .. } = &mut *noted;
        let Marks { auth, job, limit, upstream, .. } = *marks;
        (line.auth_ms, line.limit_ms) = (auth, limit);
        line.upstream_ms = line.upstream_ms.or(upstream);
        let parts = [("auth", auth), ("limit", limit), ("upstream", upstream), ("job", job)];
        let mut text = String::new();
        for (name, took) in parts {
            let Some(took) = took else { continue };
            let before = if text.is_empty() { "" } else { ", " };
            text.push_str(&format!("{before}{name};dur={took}"));
        }
        (!text.is_empty()).then_some(text)
    }

    /// Notes that a call of this request is in the books: the line waits for its end.
    pub(crate) fn opened(&self) {
        self.with(|noted| noted.open = noted.open.saturating_add(1));
    }

    /// Notes the end of a call in the books, and returns the line if the request has no other end to wait for.
    pub(crate) fn closed(&self, receipt: &Receipt) -> Option<LogLine> {
        self.ended(|noted| {
            noted.line.take(receipt);
            if noted.tell.is_some() {
                noted.attempts.extend(receipt.attempts.iter().cloned());
            }
        })
    }

    /// Has somebody told of the request when it is over.
    pub(super) fn is_told_on(&self, tell: oneshot::Sender<Over>) {
        self.with(|noted| noted.tell = Some(tell));
    }

    /// Who is to be told, once, and of which tries.
    pub(super) fn teller(&self) -> Option<(oneshot::Sender<Over>, Vec<Attempt>)> {
        let mut noted = self.noted.lock().ok()?;
        let tell = noted.tell.take()?;
        Some((tell, std::mem::take(&mut noted.attempts)))
    }

    /// Notes that somebody else closes a call: a job.
    pub(crate) fn handed_over(&self) -> Option<LogLine> {
        self.ended(|_| ())
    }

    fn ended(&self, add: impl FnOnce(&mut Noted)) -> Option<LogLine> {
        let mut noted = self.noted.lock().ok()?;
        noted.open = noted.open.saturating_sub(1);
        add(&mut noted);
        (noted.stage == Stage::Headed && noted.open == 0).then(|| noted.written())
    }

    /// Notes that the answer's head is ready, and returns the line if there is nothing else to wait for.
    pub(super) fn headed(&self, waits: bool) -> Option<LogLine> {
        let mut noted = self.noted.lock().ok()?;
        if noted.stage != Stage::Running {
            return None;
        }
        noted.stage = Stage::Headed;
        (noted.open == 0 && !waits).then(|| noted.written())
    }

    /// Whether a call in the books has no end yet.
    pub(super) fn is_open(&self) -> bool {
        self.noted.lock().is_ok_and(|noted| noted.open > 0)
    }

    /// The line of a request whose answer is over, unless it is written.
    pub(super) fn over(&self) -> Option<LogLine> {
        let mut noted = self.noted.lock().ok()?;
        (noted.stage == Stage::Headed).then(|| noted.written())
    }

    fn with(&self, change: impl FnOnce(&mut Noted)) {
        if let Ok(mut noted) = self.noted.lock() {
            change(&mut noted);
        }
    }
}

impl Noted {
    fn written(&mut self) -> LogLine {
        self.stage = Stage::Written;
        std::mem::take(&mut self.line)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Context {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let missing = || ApiError::new(Code::InternalError, "something went wrong");
        parts.extensions.get::<Self>().cloned().ok_or_else(missing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_speaks_the_protocol_of_its_path() {
        let mut anthropic = HeaderMap::new();
        anthropic.insert("anthropic-version", http::HeaderValue::from_static("2023-06-01"));
        let none = HeaderMap::new();
        let rows = [
            ("/generate", &none, Envelope::Native),
            ("/v1/chat/completions", &none, Envelope::OpenAi),
            ("/text/v1/chat/completions", &none, Envelope::OpenAi),
            ("/v1/messages", &none, Envelope::Anthropic),
            ("/v1/models", &none, Envelope::OpenAi),
            ("/v1/models/gpt-4o", &anthropic, Envelope::Anthropic),
            ("/v1/model-configs", &none, Envelope::Native),
            ("/v1/organizations", &none, Envelope::Native),
            ("/v1/audio/speech", &none, Envelope::OpenAi),
            ("/v1/text-to-speech/a", &none, Envelope::ElevenLabs),
            ("/audio/v1/text-to-speech/a/stream", &none, Envelope::ElevenLabs),
            ("/v1/voices", &none, Envelope::ElevenLabs),
            ("/v2/voices", &none, Envelope::ElevenLabs),
            ("/v2/voices-of-mine", &none, Envelope::Native),
            ("/voices", &none, Envelope::Native),
        ];
        for (path, headers, expected) in rows {
            assert_eq!(Envelope::of(path, headers), expected, "{path}");
        }
    }
}
