//! An asset as answers have it.

use serde::Serialize;
use serde_json::Value;

use super::link;
use crate::{
    auth::vault::VaultError,
    ids::{ApiKeyId, AssetId, JobId, ModelId, ProjectId, ProviderId, ReceiptId, RequestId, UserId},
    media::MediaKind,
    money::Micros,
    ports::Settings,
    store::assets::AssetRow,
    time::{Timestamp, UnixMillis},
};

/// An asset: what it is, where it is for a day, and who made it at what cost.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
pub struct Asset {
    /// Its id.
    pub id: AssetId,
    /// A signed link to the bytes, for whoever has it. It ends; ask for the asset again to have a new one.
    pub url: String,
    /// When the link ends: after 24 hours, or with the asset.
    pub url_expires_at: Timestamp,
    /// What the bytes are, read from them: `image/png`.
    pub content_type: String,
    /// `image`, `audio` or `video`.
    pub kind: MediaKind,
    /// How many bytes there are.
    pub size_bytes: u64,
    /// The SHA-256 of the bytes, in hexadecimal.
    pub sha256: String,
    /// In pixels; null for sound, and where the bytes do not tell.
    pub width: Option<u32>,
    /// In pixels; null for sound, and where the bytes do not tell.
    pub height: Option<u32>,
    /// How long it plays, in milliseconds; null for images, and where the bytes do not tell.
    pub duration_ms: Option<u64>,
    /// The model that made it; null for what was taken over.
    pub model_id: Option<ModelId>,
    /// The provider that it came from.
    pub provider_id: Option<ProviderId>,
    /// The project that it belongs to; null for what a person's key made.
    pub project_id: Option<ProjectId>,
    /// The job that made it.
    pub job_id: Option<JobId>,
    /// The call in the books.
    pub receipt_id: Option<ReceiptId>,
    /// The request that asked for it.
    pub request_id: Option<RequestId>,
    /// The key that asked for it; null for a session.
    pub api_key_id: Option<ApiKeyId>,
    /// The person that asked for it; null for a project's key.
    pub user_id: Option<UserId>,
    /// What the call that made it cost, in micro-dollars; null where that was not known when it was stored.
    #[cfg_attr(not(target_family = "wasm"), schema(value_type = Option<i64>))]
    pub cost_micros: Option<Micros>,
    /// Of what was taken over: where it is from, its licence and whom to name.
    pub source: Option<Value>,
    /// When it was stored.
    pub created_at: Timestamp,
    /// When it is deleted by itself; null: never.
    pub expires_at: Option<Timestamp>,
}

impl Asset {
    /// Shows a row, with a link that is good from now on.
    ///
    /// # Errors
    /// [`VaultError::NoMasterKey`].
    pub fn of(settings: &Settings, row: &AssetRow, now: UnixMillis) -> Result<Self, VaultError> {
        let link = link::make(settings, &row.id, now, link::LIFE, row.expires_at)?;
        let row = row.clone();
        Ok(Self {
            id: row.id,
            url: link.url,
            url_expires_at: link.expires_at.into(),
            content_type: row.content_type,
            kind: row.kind,
            size_bytes: row.size_bytes,
            sha256: row.sha256,
            width: row.width,
            height: row.height,
            duration_ms: row.duration_ms,
            model_id: row.model_id,
            provider_id: row.provider_id,
            project_id: row.project_id,
            job_id: row.job_id,
            receipt_id: row.receipt_id,
            request_id: row.request_id,
            api_key_id: row.api_key_id,
            user_id: row.user_id,
            cost_micros: row.cost_micros,
            source: row.source,
            created_at: row.created_at.into(),
            expires_at: row.expires_at.map(Into::into),
        })
    }
}
