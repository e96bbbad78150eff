//! The only place that picks a failure's status, and writes it in each protocol's envelope.
//!
//! A failure has two messages: one for the caller, and a cause for the log.

use std::time::Duration;

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde_json::{Map, Value, json};

use super::context::{Context, Envelope};
use crate::{
    auth::vault::VaultError,
    log::Level,
    ports::PortError,
    protocols::{FieldIssue, anthropic_messages, elevenlabs_speech, openai_chat},
};

/// How many wrong fields an answer names, at most.
const SHOWN_ISSUES: usize = 100;

/// What went wrong, as a program may branch on it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Code {
    /// Every model that was to be tried failed.
    AllProvidersFailed,
    /// The body is larger than we take.
    BodyTooLarge,
    /// A budget has no room for what the call may cost.
    BudgetExceeded,
    /// The client went away before it had an answer.
    ClientLeft,
    /// Someone else has this id, or was first.
    Conflict,
    /// The vendor refused for safety.
    ContentRefused,
    /// The caller may not do this.
    Forbidden,
    /// The `Idempotency-Key` came with another request before.
    IdempotencyMismatch,
    /// The same request is being served, under the same `Idempotency-Key`.
    InProgress,
    /// Our fault; the log has the cause.
    InternalError,
    /// The key is not one of ours, or revoked.
    InvalidApiKey,
    /// The request makes no sense.
    InvalidRequest,
    /// The model did not answer with the JSON that was expected of it.
    JsonValidationFailed,
    /// The key's time is over.
    KeyExpired,
    /// The Limiter did not answer.
    LimiterUnavailable,
    /// This path has no such method.
    MethodNotAllowed,
    /// The instance has no key for the provider.
    MissingApiKey,
    /// No key came with the request.
    MissingAuth,
    /// The model cannot do this kind of work.
    ModelCapability,
    /// The key may not call this model.
    ModelNotAllowed,
    /// No such model for this caller.
    ModelNotFound,
    /// No such thing for this caller.
    NotFound,
    /// Named and designed, not built.
    NotImplemented,
    /// The page's origin is not one that the key or the session allows.
    OriginNotAllowed,
    /// Whether the vendor has done it, and billed it, is not known; it is not done again.
    OutcomeUnknown,
    /// Someone else has changed it since the caller read it.
    PreconditionFailed,
    /// The vendor refused our key.
    ProviderAuth,
    /// The vendor failed.
    ProviderError,
    /// The vendor's answer is not what its pages say.
    ProviderMalformed,
    /// The vendor said slow down.
    ProviderRateLimit,
    /// The vendor did not answer in time.
    ProviderTimeout,
    /// The vendor could not be reached.
    ProviderUnavailable,
    /// The range is beyond the end of the bytes.
    RangeNotSatisfiable,
    /// A limit of ours is used up.
    RateLimitExceeded,
    /// No such path.
    RouteNotFound,
    /// The browser has to log in again.
    SessionExpired,
    /// The body is of a type that we do not read.
    UnsupportedMediaType,
    /// Fields are wrong; details name them.
    ValidationError,
}

impl Code {
    /// All of them.
    const ALL: &'static [Self] = &[
        Self::AllProvidersFailed,
        Self::BodyTooLarge,
        Self::BudgetExceeded,
        Self::ClientLeft,
        Self::Conflict,
        Self::ContentRefused,
        Self::Forbidden,
        Self::IdempotencyMismatch,
        Self::InternalError,
        Self::InvalidApiKey,
        Self::InvalidRequest,
        Self::JsonValidationFailed,
        Self::KeyExpired,
        Self::LimiterUnavailable,
        Self::MethodNotAllowed,
        Self::MissingApiKey,
        Self::MissingAuth,
        Self::ModelCapability,
        Self::ModelNotAllowed,
        Self::ModelNotFound,
        Self::NotFound,
        Self::NotImplemented,
        Self::OriginNotAllowed,
        Self::OutcomeUnknown,
        Self::PreconditionFailed,
        Self::ProviderAuth,
        Self::ProviderError,
        Self::ProviderMalformed,
        Self::ProviderRateLimit,
        Self::ProviderTimeout,
        Self::ProviderUnavailable,
        Self::RangeNotSatisfiable,
        Self::RateLimitExceeded,
        Self::RouteNotFound,
        Self::SessionExpired,
        Self::UnsupportedMediaType,
        Self::ValidationError,
    ];

    /// As native envelopes and the log spell it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.row().1
    }

    /// Reads the spelling of [`Code::as_str`]: of a failure that was kept.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == word)
    }

    /// The status, decided here and nowhere else.
    #[must_use]
    pub fn status(self) -> StatusCode {
        self.row().0
    }

    fn row(self) -> (StatusCode, &'static str) {
        use StatusCode as S;
        match self {
            Self::AllProvidersFailed => (S::BAD_GATEWAY, "ALL_PROVIDERS_FAILED"),
            Self::BodyTooLarge => (S::PAYLOAD_TOO_LARGE, "BODY_TOO_LARGE"),
            Self::BudgetExceeded => (S::PAYMENT_REQUIRED, "BUDGET_EXCEEDED"),
            // Nobody reads it: log and receipt show 499, as many servers' logs do.
            Self::ClientLeft => (S::from_u16(499).unwrap_or(S::REQUEST_TIMEOUT), "CLIENT_LEFT"),
            Self::Conflict => (S::CONFLICT, "CONFLICT"),
            Self::ContentRefused => (S::UNPROCESSABLE_ENTITY, "CONTENT_REFUSED"),
            Self::Forbidden => (S::FORBIDDEN, "FORBIDDEN"),
            Self::IdempotencyMismatch => (S::CONFLICT, "IDEMPOTENCY_MISMATCH"),
            Self::InProgress => (S::CONFLICT, "IN_PROGRESS"),
            Self::InternalError => (S::INTERNAL_SERVER_ERROR, "INTERNAL_ERROR"),
            Self::InvalidApiKey => (S::UNAUTHORIZED, "INVALID_API_KEY"),
            Self::InvalidRequest => (S::BAD_REQUEST, "INVALID_REQUEST"),
            Self::JsonValidationFailed => (S::UNPROCESSABLE_ENTITY, "JSON_VALIDATION_FAILED"),
            Self::KeyExpired => (S::UNAUTHORIZED, "KEY_EXPIRED"),
            Self::LimiterUnavailable => (S::SERVICE_UNAVAILABLE, "LIMITER_UNAVAILABLE"),
            Self::MethodNotAllowed => (S::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED"),
            Self::MissingApiKey => (S::SERVICE_UNAVAILABLE, "MISSING_API_KEY"),
            Self::MissingAuth => (S::UNAUTHORIZED, "MISSING_AUTH"),
            Self::ModelCapability => (S::BAD_REQUEST, "MODEL_CAPABILITY"),
            Self::ModelNotAllowed => (S::FORBIDDEN, "MODEL_NOT_ALLOWED"),
            Self::ModelNotFound => (S::NOT_FOUND, "MODEL_NOT_FOUND"),
            Self::NotFound => (S::NOT_FOUND, "NOT_FOUND"),
            Self::NotImplemented => (S::NOT_IMPLEMENTED, "NOT_IMPLEMENTED"),
            Self::OutcomeUnknown => (S::CONFLICT, "OUTCOME_UNKNOWN"),
            Self::OriginNotAllowed => (S::FORBIDDEN, "ORIGIN_NOT_ALLOWED"),
            Self::PreconditionFailed => (S::PRECONDITION_FAILED, "PRECONDITION_FAILED"),
            Self::ProviderAuth => (S::BAD_GATEWAY, "PROVIDER_AUTH"),
            Self::ProviderError => (S::BAD_GATEWAY, "PROVIDER_ERROR"),
            Self::ProviderMalformed => (S::BAD_GATEWAY, "PROVIDER_MALFORMED"),
            Self::ProviderRateLimit => (S::TOO_MANY_REQUESTS, "PROVIDER_RATE_LIMIT"),
            Self::ProviderTimeout => (S::GATEWAY_TIMEOUT, "PROVIDER_TIMEOUT"),
            Self::ProviderUnavailable => (S::SERVICE_UNAVAILABLE, "PROVIDER_UNAVAILABLE"),
            Self::RangeNotSatisfiable => (S::RANGE_NOT_SATISFIABLE, "RANGE_NOT_SATISFIABLE"),
            Self::RateLimitExceeded => (S::TOO_MANY_REQUESTS, "RATE_LIMIT_EXCEEDED"),
            Self::RouteNotFound => (S::NOT_FOUND, "ROUTE_NOT_FOUND"),
            Self::SessionExpired => (S::UNAUTHORIZED, "SESSION_EXPIRED"),
            Self::UnsupportedMediaType => (S::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE"),
            Self::ValidationError => (S::BAD_REQUEST, "VALIDATION_ERROR"),
        }
    }
}

/// A failure on its way to the caller.
#[derive(Clone, Debug)]
pub struct ApiError(Box<Failure>);

#[derive(Clone, Debug)]
struct Failure {
    cause: Option<String>,
    code: Code,
    details: Map<String, Value>,
    for_good: bool,
    message: String,
    retry_after: Option<Duration>,
}

impl ApiError {
    /// A failure with a message for the caller.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        let message = message.into();
        Self(Box::new(Failure {
            cause: None,
            code,
            details: Map::new(),
            for_good: false,
            message,
            retry_after: None,
        }))
    }

    /// Our own fault: the caller learns nothing of the cause.
    pub fn internal(cause: impl Into<String>) -> Self {
        let told = "something went wrong on our side; the request id finds it in our log";
        Self::new(Code::InternalError, told).because(cause)
    }

    /// Wrong fields, all of them at once.
    #[must_use]
    pub fn fields(issues: &[FieldIssue]) -> Self {
        Self::of_fields(Code::ValidationError, issues)
    }

    /// What is asked of a model that cannot do it, all of it at once.
    #[must_use]
    pub fn beyond(model: &str, issues: &[FieldIssue]) -> Self {
        Self::of_fields(Code::ModelCapability, issues).with("model", model)
    }

    fn of_fields(code: Code, issues: &[FieldIssue]) -> Self {
        let message = match issues {
            [only] => format!("{}: {}", only.pointer, only.reason),
            [first, rest @ ..] => {
                format!("{}: {} (and {} more)", first.pointer, first.reason, rest.len())
            }
            [] => "the request is not valid".to_owned(),
        };
        let entry = |issue: &FieldIssue| json!({"field": issue.pointer, "reason": issue.reason});
        Self::new(code, message)
            .with("fields", issues.iter().take(SHOWN_ISSUES).map(entry).collect::<Vec<_>>())
    }

    /// Adds what only the log may have.
    #[must_use]
    pub fn because(mut self, cause: impl Into<String>) -> Self {
        self.0.cause = Some(cause.into());
        self
    }

    /// Adds a detail for the caller.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.details.insert(name.to_owned(), value.into());
        self
    }

    /// The same with its fields (`field`, `fields`) named as a caller's body has them, also where the message begins
    /// with the first of them; all else stays.
    #[must_use]
    pub fn renamed(mut self, name: impl Fn(&str) -> String) -> Self {
        let Failure { details, message, .. } = &mut *self.0;
        if let Some(Value::String(field)) = details.get_mut("field") {
            *field = name(field);
        }
        let fields = details.get_mut("fields").and_then(Value::as_array_mut);
        for (place, entry) in fields.into_iter().flatten().enumerate() {
            let Some(Value::String(field)) = entry.get_mut("field") else { continue };
            let renamed = name(field);
            if place == 0
                && let Some(rest) = message.strip_prefix(field.as_str())
                && rest.starts_with(": ")
            {
                *message = format!("{renamed}{rest}");
            }
            *field = renamed;
        }
        self
    }

    /// Says when another try makes sense.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.0.retry_after = Some(wait);
        self
    }

    /// When another try makes sense, if that was said.
    #[must_use]
    pub(crate) fn asked_wait(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Says that the same request will fail again, whatever its status suggests.
    #[must_use]
    pub fn for_good(mut self) -> Self {
        self.0.for_good = true;
        self
    }

    /// Whether a client may send the same request again by itself.
    ///
    /// Not where it may have been billed without an answer, nor where only an operator can help.
    pub(crate) fn may_repeat(&self) -> bool {
        !self.0.for_good
            && !matches!(
                self.0.code,
                Code::IdempotencyMismatch
                    | Code::MissingApiKey
                    | Code::NotImplemented
                    | Code::OutcomeUnknown
                    | Code::ProviderAuth
                    | Code::ProviderMalformed
                    | Code::ProviderTimeout
            )
    }

    /// What went wrong.
    #[must_use]
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// What the caller is told.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Particulars for the caller.
    #[must_use]
    pub fn details(&self) -> &Map<String, Value> {
        &self.0.details
    }

    /// For the log only.
    #[must_use]
    pub fn cause(&self) -> Option<&str> {
        self.0.cause.as_deref()
    }

    /// `error` means someone must act, `warn` that we coped.
    #[must_use]
    pub fn level(&self) -> Level {
        match self.0.code {
            Code::InternalError | Code::LimiterUnavailable | Code::MissingApiKey => Level::Error,
            Code::ProviderAuth => Level::Error,
            code if code.status().is_server_error() => Level::Warn,
            _ => Level::Info,
        }
    }

    /// The answer, in the form of the request's protocol.
    #[must_use]
    pub fn render(&self, context: &Context) -> Response {
        let mut response = Response::new(Body::from(self.body(context).to_string()));
        *response.status_mut() = self.0.code.status();
        let headers = response.headers_mut();
        headers.extend(context.headers_told());
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(wait) = self.0.retry_after {
            // Rounded up: never too early.
            let seconds = wait.as_millis().div_ceil(1000).max(1);
            headers.insert(
                header::RETRY_AFTER,
                HeaderValue::from(u64::try_from(seconds).unwrap_or(u64::MAX)),
            );
        }
        if self.0.code.status() == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if !self.may_repeat() {
            // The official SDKs of OpenAI and Anthropic obey it; without it they would buy again.
            let name = HeaderName::from_static("x-should-retry");
            headers.insert(name, HeaderValue::from_static("false"));
        }
        response
    }

    /// The body of the answer; the same stands inside streams.
    #[must_use]
    pub fn body(&self, context: &Context) -> Value {
        let request_id = context.request_id().as_str();
        let details = (!self.0.details.is_empty()).then(|| Value::Object(self.0.details.clone()));
        let mut body = match context.envelope() {
            Envelope::Native => json!({
                "error": self.0.message,
                "error_code": self.0.code.as_str(),
                "request_id": request_id,
            }),
            Envelope::OpenAi => {
                let kind = openai_chat::error_type(self.0.code.status().as_u16());
                let code = self.0.code.as_str().to_ascii_lowercase();
                json!({"error": {"message": self.0.message, "type": kind, "param": self.param(), "code": code}})
            }
            Envelope::ElevenLabs => {
                let code = self.0.code.as_str().to_ascii_lowercase();
                json!({"detail": {
                    "type": elevenlabs_speech::error_type(self.0.code.status().as_u16()),
                    "code": code,
                    "status": code,
                    "message": self.0.message,
                    "request_id": request_id,
                    "param": self.param(),
                }})
            }
            Envelope::Anthropic => json!({
                "type": "error",
                "error": {
                    "type": anthropic_messages::error_type(self.0.code.status().as_u16()),
                    "message": self.0.message,
                },
                "request_id": request_id,
            }),
        };
        let place = match context.envelope() {
            Envelope::ElevenLabs => body.get_mut("detail").and_then(Value::as_object_mut),
            Envelope::Native => body.as_object_mut(),
            Envelope::Anthropic | Envelope::OpenAi => {
                body.get_mut("error").and_then(Value::as_object_mut)
            }
        };
        if let (Some(place), Some(details)) = (place, details) {
            place.insert("details".to_owned(), details);
        }
        body
    }

    /// The first wrong field in OpenAI's spelling: `messages[0].role`.
    fn param(&self) -> Option<String> {
        let first = self.0.details.get("fields").and_then(|fields| fields.get(0)?.get("field"));
        let pointer = first.or_else(|| self.0.details.get("field"))?.as_str()?;
        let mut param = String::new();
        for step in pointer.split('/').skip(1) {
            if step.bytes().all(|c| c.is_ascii_digit()) {
                param.push_str(&format!("[{step}]"));
            } else {
                if !param.is_empty() {
                    param.push('.');
                }
                param.push_str(step);
            }
        }
        (!param.is_empty()).then_some(param)
    }
}

/// The body stays empty here: only the layer around all routes knows the request's envelope.
impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.0.code.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<PortError> for ApiError {
    fn from(error: PortError) -> Self {
        match &error {
            PortError::Conflict { .. } => {
                Self::new(Code::Conflict, "something with this id exists")
                    .because(error.to_string())
            }
            PortError::Failed { .. }
            | PortError::Malformed { .. }
            | PortError::TimedOut { .. }
            | PortError::Unsendable { .. }
            | PortError::Unbound { .. } => Self::internal(error.to_string()),
        }
    }
}

/// What we keep cannot be opened or signed: an operator has to mend the master keys.
impl From<VaultError> for ApiError {
    fn from(error: VaultError) -> Self {
        Self::internal(error.to_string())
    }
}
