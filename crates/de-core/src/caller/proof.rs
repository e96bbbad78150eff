//! What a request proves itself by: a key, else the cookie of a session.

use std::sync::Arc;

use http::{HeaderMap, header};

use crate::{
    auth::{
        Scope,
        api_key::{ApiKey, KeyKind},
        session::{cookie, cookie_name, digest_of},
    },
    http::error::{ApiError, Code},
    limits::Epochs,
    ports::{Platform, Settings, rows},
    snapshot,
    store::{self, access::AccessRow},
};

/// A key or a cookie of our form, by its digest.
#[derive(Clone)]
pub(super) enum Proof {
    /// The key of a person.
    Person { digest: String },
    /// The key of a project.
    Project { digest: String },
    /// A browser's session.
    Session { digest: String },
}

impl Proof {
    /// Finds it. A key counts before a cookie, which browsers send unasked.
    pub(super) fn of(headers: &HeaderMap, settings: &Settings) -> Result<Self, ApiError> {
        if let Some(text) = presented(headers) {
            return Self::of_key(text);
        }
        let Some(value) = cookie(headers, &cookie_name(settings)) else {
            let missing = "no key: send `Authorization: Bearer <key>` or `x-api-key: <key>`";
            return Err(ApiError::new(Code::MissingAuth, missing));
        };
        let digest = digest_of(value).ok_or_else(session_over)?;
        Ok(Self::Session { digest })
    }

    /// Reads a key.
    pub(super) fn of_key(text: &str) -> Result<Self, ApiError> {
        let ApiKey { digest, kind, .. } = ApiKey::parse(text).map_err(|_| unknown_key())?;
        Ok(match kind {
            KeyKind::Admin => Self::Person { digest },
            KeyKind::Live | KeyKind::Test => Self::Project { digest },
        })
    }

    /// Whether it came as a cookie.
    pub(super) fn is_cookie(&self) -> bool {
        matches!(self, Self::Session { .. })
    }

    /// Whether a copy of its row will do: a Limiter is asked whether that still holds. Of persons none is.
    pub(super) fn has_copies(&self) -> bool {
        matches!(self, Self::Project { .. })
    }

    /// Its row, perhaps a copy not older than `floor`.
    pub(super) async fn read(
        &self,
        platform: &Platform,
        floor: Epochs,
    ) -> Result<Arc<AccessRow>, ApiError> {
        match self {
            Self::Person { .. } | Self::Session { .. } => self.read_now(platform).await,
            Self::Project { digest } => {
                snapshot::access(platform, digest, floor).await?.ok_or_else(unknown_key)
            }
        }
    }

    /// Its row from the database, in place of all copies.
    pub(super) async fn read_anew(&self, platform: &Platform) -> Result<Arc<AccessRow>, ApiError> {
        match self {
            Self::Person { .. } | Self::Session { .. } => self.read_now(platform).await,
            Self::Project { digest } => {
                snapshot::access_anew(platform, digest).await?.ok_or_else(unknown_key)
            }
        }
    }

    /// Its row from the database.
    pub(super) async fn read_now(&self, platform: &Platform) -> Result<Arc<AccessRow>, ApiError> {
        match self {
            Self::Person { digest } | Self::Project { digest } => {
                snapshot::access_now(platform, digest).await?.ok_or_else(unknown_key)
            }
            Self::Session { digest } => {
                let found = rows(&*platform.database, store::sessions::access(digest)).await?;
                found.into_iter().next().map(of_session).ok_or_else(session_over)
            }
        }
    }
}

/// What a session may: as much as the key that made it. One with the scope `admin` can make itself keys for
/// everything, so nothing is kept from its sessions either.
fn of_session(mut row: AccessRow) -> Arc<AccessRow> {
    if row.scopes.contains(&Scope::Admin) {
        row.allowed_models = None;
        row.scopes = Scope::ALL.to_vec();
    }
    Arc::new(row)
}

/// The key as each family of SDKs sends it.
fn presented(headers: &HeaderMap) -> Option<&str> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let bearer = text(header::AUTHORIZATION.as_str()).and_then(|value| {
        let (scheme, key) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
    });
    bearer
        .or_else(|| text("x-api-key"))
        .or_else(|| text("xi-api-key"))
        .filter(|key| !key.is_empty())
}

pub(super) fn unknown_key() -> ApiError {
    ApiError::new(Code::InvalidApiKey, "the key is not valid")
}

/// Whether it ended, was revoked, or never was one of ours is not told.
pub(super) fn session_over() -> ApiError {
    ApiError::new(Code::SessionExpired, "the session is over; log in again")
}
