//! `Idempotency-Key`: what was made once is answered once more, and not made again.
//!
//! The answer is kept in the batch that makes the row, so there is no state between: either both are there or
//! neither. It rests sealed, because it may show a secret.
//! Follows <https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/>.

use axum::response::Response;
use de_core::{
    auth::{
        api_key::digest,
        vault::{self, Kind},
    },
    http::{
        error::{ApiError, Code},
        extract::Incoming,
        once::{self, HEADER, REPLAYED},
    },
    ports::{Platform, Statement, rows},
    secret::Secret,
    store::idempotency::{self, KeptReply, Place},
    time::UnixMillis,
};
use http::HeaderValue;
use serde_json::{Map, Value};

use super::{Created, Request};

/// How long an answer is kept: a day.
const KEPT_MS: i64 = 24 * 60 * 60 * 1_000;

/// A creation, and the caller's key for it if there is one.
pub(crate) struct Once(Option<Asked>);

struct Asked {
    body_digest: String,
    now: UnixMillis,
    place: Place,
}

/// What to do with a creation.
pub(crate) enum Begun {
    /// It was done before: this is its answer.
    Again(Response),
    /// Do it, and hand this on to [`Request::create`].
    New(Once),
}

impl Once {
    /// Looks whether this was asked for before. `route` names operation and place: `POST /v1/projects`.
    ///
    /// # Errors
    /// `INVALID_REQUEST` for a key that is none or comes twice, `IDEMPOTENCY_MISMATCH` if it came with another body.
    pub(crate) async fn begin(
        request: &Request<'_>,
        route: impl Into<String>,
        body: &Map<String, Value>,
    ) -> Result<Begun, ApiError> {
        let Some(key) = once::key(request.headers)? else { return Ok(Begun::New(Self(None))) };
        let holder = request.allowed.caller().key().who();
        let asked = Asked {
            body_digest: digest(&Value::Object(body.clone()).to_string()),
            now: request.platform.clock.now(),
            place: Place {
                holder: holder.to_owned(),
                key_digest: digest(key),
                route: route.into(),
            },
        };
        let asked = Self(Some(asked));
        Ok(match asked.kept(request.platform).await? {
            Some(answer) => Begun::Again(answer),
            None => Begun::New(asked),
        })
    }

    /// Whether the caller sent a key.
    fn asked(&self) -> Option<&Asked> {
        self.0.as_ref()
    }

    /// The statements that keep an answer, for the batch that makes what it tells of.
    pub(crate) fn keep(
        &self,
        platform: &Platform,
        made: &Created,
    ) -> Result<Vec<Statement>, ApiError> {
        let Some(asked) = self.asked() else { return Ok(Vec::new()) };
        let bad = |cause: String| ApiError::internal(format!("an answer to keep: {cause}"));
        let reply = serde_json::to_string(made).map_err(|err| bad(err.to_string()))?;
        let sealed = vault::seal_for(
            &platform.settings,
            &*platform.entropy,
            Kind::Reply,
            &asked.bound(),
            &Secret::new(reply),
        );
        let sealed = sealed.map_err(|err| bad(err.to_string()))?;
        let Asked { body_digest, now, place } = asked;
        Ok(vec![
            idempotency::expire(place, *now),
            idempotency::insert(place, body_digest, &sealed, *now, now.plus(KEPT_MS)),
        ])
    }

    /// The answer that was given before, if there was one.
    ///
    /// # Errors
    /// `IDEMPOTENCY_MISMATCH` if it was to another body.
    pub(crate) async fn kept(&self, platform: &Platform) -> Result<Option<Response>, ApiError> {
        let Some(asked) = self.asked() else { return Ok(None) };
        let found = idempotency::find(&asked.place, asked.now);
        let found: Vec<KeptReply> = rows(&*platform.database, found).await?;
        let Some(kept) = found.into_iter().next() else { return Ok(None) };
        if kept.body_digest != asked.body_digest {
            let message = "this Idempotency-Key was used for another request";
            return Err(ApiError::new(Code::IdempotencyMismatch, message));
        }
        let bad = |cause: String| ApiError::internal(format!("a kept answer: {cause}"));
        let text = vault::open_for(&platform.settings, Kind::Reply, &asked.bound(), &kept.reply)
            .map_err(|err| bad(err.to_string()))?;
        let made: Created =
            serde_json::from_str(text.expose()).map_err(|err| bad(err.to_string()))?;
        let mut response = made.response();
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
        Ok(Some(response))
    }
}

impl Asked {
    fn bound(&self) -> String {
        let Place { holder, key_digest, route } = &self.place;
        bound(holder, route, key_digest)
    }
}

/// What a sealed answer is bound to: it opens for no other question.
pub(crate) fn bound(holder: &str, route: &str, key_digest: &str) -> String {
    format!("{holder}/{route}/{key_digest}")
}

/// Refuses the header where it would be a promise that is not kept.
pub(crate) fn no_idempotency_key(incoming: &Incoming) -> Result<(), ApiError> {
    if incoming.headers.contains_key(HEADER) {
        let message = "Idempotency-Key is not supported here";
        return Err(ApiError::new(Code::InvalidRequest, message));
    }
    Ok(())
}
