//! Bodies as JSON: capped, strict, and refused with the place of the fault.

use std::pin::pin;

use axum::extract::{FromRequest, FromRequestParts, Path, Request, rejection::PathRejection};
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, header, request::Parts};
use http_body_util::{BodyExt, Limited};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::{
    context::Context,
    error::{ApiError, Code},
    once,
};
use crate::{
    json::{self, verbatim::Verbatim},
    ports::{Departure, Platform},
};

/// The largest body of a generation route. It stands in memory three or four times while it is read, rewritten and
/// sent (`workers/text/tests/memory.rs`), and twice more in JavaScript, as it comes and as it goes: of more than this
/// an isolate of 128 MB could not hold one.
const GENERATION_CAP: usize = 20 * 1024 * 1024;
/// The largest body of the control plane.
const ADMIN_CAP: usize = 1024 * 1024;

/// The body of a generation route: read, and perhaps no JSON object of at most 20 MiB.
///
/// It never refuses by itself: a call that comes with a key has a receipt, also if its body is bad.
pub struct Body {
    digest: Option<[u8; 32]>,
    object: Result<Verbatim, ApiError>,
    size_bytes: usize,
}

impl Body {
    /// Its members, in the caller's order.
    ///
    /// # Errors
    /// `INVALID_REQUEST` with line and column, `BODY_TOO_LARGE`, `UNSUPPORTED_MEDIA_TYPE`.
    pub fn into_object(self) -> Result<Map<String, Value>, ApiError> {
        self.object.map(Verbatim::into_members)
    }

    /// The same with the text that it came in, to be sent on.
    ///
    /// # Errors
    /// As [`Body::into_object`].
    pub fn into_verbatim(self) -> Result<Verbatim, ApiError> {
        self.object
    }

    /// SHA-256 of its bytes as they came; `None` without an `Idempotency-Key`, or if it was not read to its
    /// end.
    #[must_use]
    pub fn digest(&self) -> Option<[u8; 32]> {
        self.digest
    }

    /// As it came, in bytes; 0 if it was not read to its end.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        self.size_bytes
    }
}

/// What a generation route wants to know of a request beside its body.
pub struct Incoming {
    /// Its id, envelope and notes.
    pub context: Context,
    /// When the client goes away, where the host can tell.
    pub departure: Option<Departure>,
    /// Its headers.
    pub headers: HeaderMap,
}

impl Incoming {
    /// The fallbacks that the caller names ([`crate::admission::Wanted::fallbacks`]).
    #[must_use]
    pub fn fallbacks(&self) -> Option<&str> {
        self.headers.get("x-de-fallback").and_then(|value| value.to_str().ok())
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Incoming {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let context = Context::from_request_parts(parts, state).await?;
        let departure = parts.extensions.get::<Departure>().cloned();
        Ok(Self { context, departure, headers: parts.headers.clone() })
    }
}

/// The platform of this request, which [`service`](super::service) has put there.
impl<S: Send + Sync> FromRequestParts<S> for Platform {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let missing = || ApiError::internal("a handler stands outside of its service");
        parts.extensions.get::<Self>().cloned().ok_or_else(missing)
    }
}

/// The one variable part of a path, percent-decoded.
pub struct PathText(pub String);

impl<S: Send + Sync> FromRequestParts<S> for PathText {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let read = Path::from_request_parts(parts, state).await;
        read.map(|Path(text)| Self(text)).map_err(|err| not_text(&err))
    }
}

/// The two variable parts of a path, percent-decoded.
pub struct PathTexts(pub String, pub String);

impl<S: Send + Sync> FromRequestParts<S> for PathTexts {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let read = Path::from_request_parts(parts, state).await;
        read.map(|Path((first, second))| Self(first, second)).map_err(|err| not_text(&err))
    }
}

fn not_text(err: &PathRejection) -> ApiError {
    let message = "the path is not percent-encoded UTF-8";
    ApiError::new(Code::InvalidRequest, message).because(err.to_string())
}

/// A JSON object of at most 1 MiB: what the control plane takes.
pub struct AdminBody(pub Map<String, Value>);

/// A JSON object of at most 1 MiB; no body at all is one without members.
pub struct OptionalBody(pub Map<String, Value>);

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let is_once = request.headers().contains_key(once::HEADER);
        Ok(match read(request, GENERATION_CAP).await {
            Ok(bytes) => Self {
                digest: is_once.then(|| Sha256::digest(&bytes).into()),
                size_bytes: bytes.len(),
                object: Verbatim::parse(bytes).map_err(|err| refused(&err)),
            },
            Err(err) => Self { digest: None, object: Err(err), size_bytes: 0 },
        })
    }
}

impl<S: Send + Sync> FromRequest<S> for AdminBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let bytes = read(request, ADMIN_CAP).await?;
        Ok(Self(object(&bytes)?))
    }
}

impl<S: Send + Sync> FromRequest<S> for OptionalBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let bytes = read(request, ADMIN_CAP).await?;
        Ok(Self(if bytes.is_empty() { Map::new() } else { object(&bytes)? }))
    }
}

/// All of a body of the control plane.
pub(super) async fn whole(headers: &HeaderMap, body: axum::body::Body) -> Result<Bytes, ApiError> {
    collect(headers, body, ADMIN_CAP).await
}

async fn read(request: Request, cap: usize) -> Result<Bytes, ApiError> {
    let (head, body) = request.into_parts();
    media_type(&head.headers)?;
    collect(&head.headers, body, cap).await
}

async fn collect(
    headers: &HeaderMap,
    body: axum::body::Body,
    cap: usize,
) -> Result<Bytes, ApiError> {
    let too_large = || {
        let message = format!("the body is larger than {} MiB", cap / 1024 / 1024);
        ApiError::new(Code::BodyTooLarge, message).with("limit_bytes", cap)
    };
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|n| n.to_str().ok());
    let announced = announced.and_then(|n| n.parse::<usize>().ok()).unwrap_or(0);
    if announced > cap {
        return Err(too_large());
    }
    match gathered(Limited::new(body, cap), announced).await {
        Ok(all) => Ok(all),
        Err(err) if err.is::<http_body_util::LengthLimitError>() => Err(too_large()),
        Err(err) => {
            let message = "the body broke off before its end";
            Err(ApiError::new(Code::InvalidRequest, message).because(err.to_string()))
        }
    }
}

/// As much of a body has come before its announced length is believed: who announces much and sends nothing shall not
/// fill the memory.
const BELIEVED: usize = 1024 * 1024;

/// All of a body. One that comes in one piece is not copied, and of one in many no piece is held beside the whole.
async fn gathered(
    body: Limited<axum::body::Body>,
    announced: usize,
) -> Result<Bytes, Box<dyn std::error::Error + Send + Sync>> {
    let mut body = pin!(body);
    let (mut first, mut all) = (None::<Bytes>, BytesMut::new());
    while let Some(frame) = body.frame().await {
        let Ok(piece) = frame?.into_data() else { continue };
        if all.is_empty() {
            match first.take() {
                None => {
                    first = Some(piece);
                    continue;
                }
                Some(first) => all.extend_from_slice(&first),
            }
        }
        let length = all.len().saturating_add(piece.len());
        if all.capacity() < length && length >= BELIEVED && length <= announced {
            all.reserve(announced.saturating_sub(all.len()));
        }
        all.extend_from_slice(&piece);
    }
    Ok(first.unwrap_or_else(|| all.freeze()))
}

/// JSON under any of its names; a request that names nothing is taken at its word.
fn media_type(headers: &HeaderMap) -> Result<(), ApiError> {
    let Some(given) = headers.get(header::CONTENT_TYPE) else { return Ok(()) };
    let given = given.to_str().unwrap_or_default();
    let essence = given.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if essence == "application/json" || essence.ends_with("+json") {
        return Ok(());
    }
    let message = format!("the content type is {essence:?}; send application/json");
    Err(ApiError::new(Code::UnsupportedMediaType, message))
}

fn object(bytes: &[u8]) -> Result<Map<String, Value>, ApiError> {
    json::object(bytes).map_err(|err| refused(&err))
}

fn refused(err: &json::JsonError) -> ApiError {
    ApiError::new(Code::InvalidRequest, format!("the body is not valid JSON: {err}"))
        .with("line", err.line)
        .with("column", err.column)
}
