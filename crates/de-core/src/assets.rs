//! What stays of paid work: images, sounds and videos in R2, each with a row that says whose it is.
//!
//! [`keep`] takes bytes in, [`fetch`] what a vendor left at an address of its own. A link to an asset is signed and
//! ends ([`link`]); [`shown`] is how answers have an asset.
//!
//! Storage keys, `{instance}/{year}/{month}/{uuid}`, are made by us and told to nobody. The row of a key in
//! `stray_objects` is written before its object and removed with the batch that makes the asset, so whatever
//! breaks in between is cleared away by the cron.

pub mod fetch;
pub mod keep;
pub mod lend;
pub mod link;
pub mod shown;

use std::{pin::pin, time::Duration};

use futures_util::future::{Either, select};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    caller::Caller,
    guard::Refusal,
    http::error::{ApiError, Code},
    ids::{
        ApiKeyId, AssetId, InstanceId, JobId, ModelId, OrganizationId, ProjectId, ProviderId,
        ReceiptId, RequestId, UserId,
    },
    media::{Extent, Measures, MediaError, MediaKind, MediaType, RawAudio},
    money::Micros,
    ports::{Platform, PortError},
};

/// Whose an asset becomes, and who asked for it. Jobs keep it as JSON.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Owner {
    /// The key that asked; `None` for a session.
    pub api_key_id: Option<ApiKeyId>,
    /// Whose it is.
    pub instance_id: InstanceId,
    /// Whose it is.
    pub organization_id: OrganizationId,
    /// Whose it is, if the key was a project's.
    pub project_id: Option<ProjectId>,
    /// The person that asked; `None` for a project's key.
    pub user_id: Option<UserId>,
}

impl Owner {
    /// What a caller's asset is.
    #[must_use]
    pub fn of(caller: &Caller) -> Self {
        let key = caller.key();
        Self {
            api_key_id: key.api_key_id.clone(),
            instance_id: caller.instance_id().clone(),
            organization_id: caller.organization_id().clone(),
            project_id: key.project_id.clone(),
            user_id: key.user_id.clone(),
        }
    }
}

/// Where an asset comes from, as far as that is known. Jobs keep it as JSON.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Provenance {
    /// What it cost, if that is known when it is kept.
    pub cost_micros: Option<Micros>,
    /// The job that made it. It is named if its row is in the table by then.
    pub job_id: Option<JobId>,
    /// The model that made it.
    pub model_id: Option<ModelId>,
    /// Who made it.
    pub provider_id: Option<ProviderId>,
    /// The call in the books.
    pub receipt_id: Option<ReceiptId>,
    /// The request, in the caller's word.
    pub request_id: Option<RequestId>,
    /// Licence and attribution of what was taken over.
    pub source: Option<Value>,
}

/// What the bytes are said to be. They are held to it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Promise {
    /// Any type of this kind that is kept.
    Kind(MediaKind),
    /// Samples without a head.
    Raw(RawAudio),
}

impl Promise {
    /// Image, audio or video.
    #[must_use]
    pub fn kind(self) -> MediaKind {
        match self {
            Self::Kind(kind) => kind,
            Self::Raw(_) => MediaKind::Audio,
        }
    }
}

/// All that is to be known of bytes beside the bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Deposit {
    /// The most bytes that are taken, if that is less than what the kind may have.
    pub cap_bytes: Option<u64>,
    /// The id that it gets, for who may have to do it again: what is kept under it is not kept twice. `None`: a
    /// new one.
    pub id: Option<AssetId>,
    /// Whose it becomes.
    pub owner: Owner,
    /// What it is said to be.
    pub promise: Promise,
    /// Where it comes from.
    pub provenance: Provenance,
}

impl Deposit {
    /// The most bytes that are taken.
    #[must_use]
    pub fn cap_bytes(&self) -> u64 {
        let most = self.promise.kind().cap_bytes();
        self.cap_bytes.map_or(most, |cap| cap.min(most))
    }
}

/// Why nothing was kept.
#[derive(Clone, Debug, thiserror::Error)]
pub enum KeepError {
    /// The connection to the vendor broke, or never came about.
    #[error("the bytes broke off: {message}")]
    Broken {
        /// For the log only.
        message: String,
    },
    /// The vendor points to where nobody may be sent.
    #[error("the bytes may not be fetched: {0}")]
    Forbidden(#[from] Refusal),
    /// Not what was promised, or nothing that is kept.
    #[error(transparent)]
    NotMedia(MediaError),
    /// Our own side failed.
    #[error("the bytes were not stored: {0}")]
    NotStored(#[from] PortError),
    /// The vendor answered without the bytes.
    #[error("the bytes were answered with {status}")]
    Status {
        /// 100 to 599.
        status: u16,
    },
    /// More than is taken.
    #[error("more than {cap_bytes} bytes")]
    TooLarge {
        /// The most that is taken.
        cap_bytes: u64,
    },
    /// Not in time.
    #[error("the bytes were not there within {within_ms} ms")]
    TimedOut {
        /// How long was waited.
        within_ms: u64,
    },
}

impl From<MediaError> for KeepError {
    fn from(error: MediaError) -> Self {
        match error {
            MediaError::TooLarge { cap_bytes } => Self::TooLarge { cap_bytes },
            MediaError::Empty | MediaError::NotListed { .. } | MediaError::OtherKind { .. } => {
                Self::NotMedia(error)
            }
        }
    }
}

impl KeepError {
    /// Whether the same may succeed a moment later.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Broken { .. } | Self::NotStored(_) | Self::TimedOut { .. } => true,
            Self::Status { status } => matches!(status, 408 | 425 | 429 | 500..),
            Self::Forbidden(_) | Self::NotMedia(_) | Self::TooLarge { .. } => false,
        }
    }
}

/// What a caller is told, with the reason in `details.reason` as a word.
impl From<KeepError> for ApiError {
    fn from(error: KeepError) -> Self {
        let cause = error.to_string();
        let (code, reason, message) = match &error {
            KeepError::NotStored(_) => return Self::internal(cause),
            KeepError::Broken { .. } => (
                Code::ProviderError,
                "broken",
                "the provider's file broke off before its end".to_owned(),
            ),
            KeepError::Forbidden(_) => (
                Code::ProviderMalformed,
                "forbidden_address",
                "the provider's file is at an address that is not called".to_owned(),
            ),
            KeepError::NotMedia(media) => (
                Code::ProviderMalformed,
                "not_media",
                format!("the provider's file is not taken: {media}"),
            ),
            KeepError::Status { status } => (
                Code::ProviderError,
                "status",
                format!("the provider answered {status} in place of its file"),
            ),
            KeepError::TooLarge { cap_bytes } => (
                Code::ProviderMalformed,
                "too_large",
                format!("the provider's file has more than {cap_bytes} bytes"),
            ),
            KeepError::TimedOut { .. } => (
                Code::ProviderTimeout,
                "timed_out",
                "the provider's file did not come in time".to_owned(),
            ),
        };
        Self::new(code, message).with("reason", reason).because(cause)
    }
}

/// What bytes turned out to be.
#[derive(Clone, Copy, Debug)]
enum Form {
    Media(MediaType),
    Raw(RawAudio),
}

impl Form {
    fn of(promise: Promise, head: &[u8]) -> Result<Self, MediaError> {
        match promise {
            Promise::Kind(kind) => crate::media::expect(kind, head).map(Self::Media),
            Promise::Raw(raw) => raw.expect(head).map(Self::Raw),
        }
    }

    fn kind(self) -> MediaKind {
        match self {
            Self::Media(media) => media.kind(),
            Self::Raw(_) => MediaKind::Audio,
        }
    }

    fn content_type(self) -> &'static str {
        match self {
            Self::Media(media) => media.content_type(),
            Self::Raw(raw) => raw.content_type(),
        }
    }

    fn extension(self) -> &'static str {
        match self {
            Self::Media(media) => media.extension(),
            Self::Raw(raw) => raw.extension(),
        }
    }

    fn measure(self, bytes: &Extent<'_>) -> Measures {
        match self {
            Self::Media(media) => crate::media::measure(media, bytes),
            Self::Raw(raw) => raw.measure(bytes),
        }
    }
}

/// Waits for work, but not longer than that.
async fn in_time<T>(
    platform: &Platform,
    within: Duration,
    work: impl Future<Output = Result<T, KeepError>> + Send,
) -> Result<T, KeepError> {
    match select(pin!(work), platform.clock.sleep(within)).await {
        Either::Left((done, _)) => done,
        Either::Right(_) => {
            let within_ms = u64::try_from(within.as_millis()).unwrap_or(u64::MAX);
            Err(KeepError::TimedOut { within_ms })
        }
    }
}
