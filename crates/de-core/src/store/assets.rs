//! Assets, and objects that belong to none: not yet, or no more.

use serde::Deserialize;
use serde_json::Value;

use super::{json_arg, json_text_or_null, pages::PageQuery, statement};
use crate::{
    ids::{
        ApiKeyId, AssetId, InstanceId, JobId, ModelId, OrganizationId, ProjectId, ProviderId,
        ReceiptId, RequestId, UserId,
    },
    media::MediaKind,
    money::Micros,
    ports::{Arg, Statement},
    time::UnixMillis,
};

/// How many expired assets or stray objects a page has at most: as many as one call to R2 removes is 1,000, and a
/// cron has little time.
pub const OVER_AT_ONCE: usize = 200;

/// An asset, as it is in D1.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub struct AssetRow {
    /// The key that asked for it.
    pub api_key_id: Option<ApiKeyId>,
    /// What the bytes are: `image/png`.
    pub content_type: String,
    /// What its maker cost, if that is known.
    pub cost_micros: Option<Micros>,
    /// When it was stored.
    pub created_at: UnixMillis,
    /// How long it plays.
    pub duration_ms: Option<u64>,
    /// When it goes; `None`: never by itself.
    pub expires_at: Option<UnixMillis>,
    /// What a file of it is called at its end: `png`.
    pub extension: String,
    /// In pixels.
    pub height: Option<u32>,
    /// Its id.
    pub id: AssetId,
    /// Whose it is.
    pub instance_id: InstanceId,
    /// The job that made it.
    pub job_id: Option<JobId>,
    /// Image, audio or video.
    pub kind: MediaKind,
    /// The model that made it.
    pub model_id: Option<ModelId>,
    /// Whose it is.
    pub organization_id: OrganizationId,
    /// Where it stands in the list: what cursors are made of.
    pub place: String,
    /// Whose it is, if a project's.
    pub project_id: Option<ProjectId>,
    /// Who made it.
    pub provider_id: Option<ProviderId>,
    /// The call in the books.
    pub receipt_id: Option<ReceiptId>,
    /// The request that asked for it, in the caller's word.
    pub request_id: Option<RequestId>,
    /// Of all bytes, in hexadecimal.
    pub sha256: String,
    /// Of all bytes.
    pub size_bytes: u64,
    /// Licence and attribution of what was taken over.
    #[serde(deserialize_with = "json_text_or_null")]
    pub source: Option<Value>,
    /// Where the bytes are in R2.
    pub storage_key: String,
    /// The person that asked for it.
    pub user_id: Option<UserId>,
    /// In pixels.
    pub width: Option<u32>,
}

macro_rules! columns {
    () => {
        "id, organization_id, instance_id, project_id, job_id, receipt_id, storage_key, content_type,
         kind, extension, sha256, size_bytes, width, height, duration_ms, model_id, provider_id,
         request_id, api_key_id, user_id, cost_micros, source, created_at, expires_at,
         created_at || '/' || id AS place"
    };
}

/// An asset to be.
#[derive(Clone, Debug)]
pub struct NewAsset<'a> {
    /// See [`AssetRow`].
    pub api_key_id: Option<&'a ApiKeyId>,
    /// See [`AssetRow`].
    pub content_type: &'a str,
    /// See [`AssetRow`]. One that no database holds is left out.
    pub cost_micros: Option<Micros>,
    /// See [`AssetRow`].
    pub duration_ms: Option<u64>,
    /// See [`AssetRow`].
    pub extension: &'a str,
    /// See [`AssetRow`].
    pub height: Option<u32>,
    /// See [`AssetRow`].
    pub id: &'a AssetId,
    /// See [`AssetRow`].
    pub instance_id: &'a InstanceId,
    /// See [`AssetRow`].
    pub job_id: Option<&'a JobId>,
    /// See [`AssetRow`].
    pub kind: MediaKind,
    /// See [`AssetRow`].
    pub model_id: Option<&'a ModelId>,
    /// See [`AssetRow`].
    pub organization_id: &'a OrganizationId,
    /// See [`AssetRow`].
    pub project_id: Option<&'a ProjectId>,
    /// See [`AssetRow`].
    pub provider_id: Option<&'a ProviderId>,
    /// See [`AssetRow`].
    pub receipt_id: Option<&'a ReceiptId>,
    /// See [`AssetRow`].
    pub request_id: Option<&'a RequestId>,
    /// See [`AssetRow`].
    pub sha256: &'a str,
    /// See [`AssetRow`].
    pub size_bytes: u64,
    /// See [`AssetRow`].
    pub source: Option<&'a Value>,
    /// See [`AssetRow`].
    pub storage_key: &'a str,
    /// See [`AssetRow`].
    pub user_id: Option<&'a UserId>,
    /// See [`AssetRow`].
    pub width: Option<u32>,
}

/// Makes the row of an object that was written: two statements for one batch, the first of which brings the
/// [`AssetRow`].
///
/// A project or job whose row has gone is not named. It goes when its instance says so (`retention_days`). A conflict
/// says `assets.id`: it was kept before.
#[must_use]
pub fn insert(new: &NewAsset<'_>, now: UnixMillis) -> [Statement; 2] {
    let row = statement(
        concat!(
            "INSERT INTO assets (id, organization_id, instance_id, project_id, job_id, receipt_id,
               storage_key, content_type, kind, extension, sha256, size_bytes, width, height,
               duration_ms, model_id, provider_id, request_id, api_key_id, user_id, cost_micros, source,
               created_at, expires_at)
             VALUES (?1, ?2, ?3, (SELECT id FROM projects WHERE id = ?4),
               (SELECT id FROM jobs WHERE id = ?5), ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17,
               ?18, ?19, ?20, ?21, ?22, ?23,
               (SELECT CAST(?23 AS INTEGER) + retention_days * 86400000 FROM instances WHERE id = ?3))
             RETURNING ",
            columns!()
        ),
        [
            new.id.as_str().into(),
            new.organization_id.as_str().into(),
            new.instance_id.as_str().into(),
            new.project_id.map(ProjectId::as_str).into(),
            new.job_id.map(JobId::as_str).into(),
            new.receipt_id.map(ReceiptId::as_str).into(),
            new.storage_key.into(),
            new.content_type.into(),
            new.kind.as_str().into(),
            new.extension.into(),
            new.sha256.into(),
            number(Some(new.size_bytes)),
            number(new.width),
            number(new.height),
            number(new.duration_ms),
            new.model_id.map(ModelId::as_str).into(),
            new.provider_id.map(ProviderId::as_str).into(),
            new.request_id.map(RequestId::as_str).into(),
            new.api_key_id.map(ApiKeyId::as_str).into(),
            new.user_id.map(UserId::as_str).into(),
            new.cost_micros.and_then(Micros::if_plausible).map(|cost| cost.0).into(),
            new.source.map_or(Arg::Null, json_arg),
            now.into(),
        ],
    );
    [row, forget_stray(&[new.storage_key.to_owned()])]
}

fn number<T: TryInto<i64>>(number: Option<T>) -> Arg {
    number.and_then(|number| number.try_into().ok()).into()
}

/// Finds an asset, whoever's it is: at most one [`AssetRow`].
#[must_use]
pub fn find(id: &AssetId) -> Statement {
    statement(concat!("SELECT ", columns!(), " FROM assets WHERE id = ?1"), [id.as_str().into()])
}

/// Which assets are wanted.
#[derive(Clone, Copy, Debug)]
pub struct AssetQuery<'a> {
    /// Whose.
    pub instance: &'a InstanceId,
    /// Made by this job.
    pub job: Option<&'a JobId>,
    /// Of this kind.
    pub kind: Option<MediaKind>,
    /// Of this project.
    pub project: Option<&'a ProjectId>,
}

/// Lists assets that have not expired, the newest first: [`AssetRow`]s for [`PageQuery::page`], by their `place`.
///
/// A cursor that is not one of this list begins at the end, so it finds nothing.
#[must_use]
pub fn list(query: AssetQuery<'_>, page: &PageQuery, now: UnixMillis) -> Statement {
    macro_rules! select {
        ($narrow:literal) => {
            concat!(
                "SELECT ",
                columns!(),
                " FROM assets WHERE ",
                $narrow,
                " AND created_at <= CAST(?5 AS INTEGER)
                  AND (created_at < CAST(?5 AS INTEGER) OR id < ?6)
                  AND (expires_at IS NULL OR expires_at > CAST(?7 AS INTEGER))
                  ORDER BY created_at DESC, id DESC LIMIT CAST(?8 AS INTEGER)"
            )
        };
    }
    let sql = if query.job.is_some() {
        select!(
            "job_id = ?2 AND +instance_id = ?1 AND (?3 IS NULL OR +project_id = ?3)
             AND (?4 IS NULL OR kind = ?4)"
        )
    } else if query.project.is_some() {
        select!(
            "project_id = ?3 AND +instance_id = ?1 AND ?2 IS NULL AND (?4 IS NULL OR kind = ?4)"
        )
    } else {
        select!("instance_id = ?1 AND ?2 IS NULL AND ?3 IS NULL AND (?4 IS NULL OR kind = ?4)")
    };
    // Later than anything, and a letter after that of `asset_`.
    let (millis, id): (i64, &str) = match page.after.as_deref() {
        None => (1 << 52, "b"),
        Some(place) => match place.split_once('/') {
            Some((millis, id)) => (millis.parse().unwrap_or(0), id),
            None => (0, ""),
        },
    };
    statement(
        sql,
        [
            query.instance.as_str().into(),
            query.job.map(JobId::as_str).into(),
            query.project.map(ProjectId::as_str).into(),
            query.kind.map(MediaKind::as_str).into(),
            millis.into(),
            id.into(),
            now.into(),
            page.rows_to_read().into(),
        ],
    )
}

/// Where an object is that may go, and whose it is.
#[derive(Clone, Debug, Deserialize)]
pub struct OverRow {
    /// Of an asset; `None`: of nobody.
    pub id: Option<AssetId>,
    /// Where the bytes are in R2.
    pub storage_key: String,
}

/// The assets that have expired: at most [`OVER_AT_ONCE`] [`OverRow`]s.
#[must_use]
pub fn expired(now: UnixMillis) -> Statement {
    statement(
        "SELECT id, storage_key FROM assets WHERE expires_at <= CAST(?1 AS INTEGER)
         ORDER BY expires_at LIMIT 200",
        [now.into()],
    )
}

/// Removes the rows of assets whose objects have gone: one row each.
#[must_use]
pub fn delete(ids: &[AssetId]) -> Statement {
    statement(
        "DELETE FROM assets WHERE id IN (SELECT value FROM json_each(?1)) RETURNING 1 AS removed",
        [json_arg(ids)],
    )
}

/// Notes an object that is about to be written and belongs to nobody yet; it goes when it is due.
#[must_use]
pub fn stray(storage_key: &str, due_at: UnixMillis) -> Statement {
    statement(
        "INSERT INTO stray_objects (storage_key, due_at) VALUES (?1, ?2)",
        [storage_key.into(), due_at.into()],
    )
}

/// The objects of nobody that are due: at most [`OVER_AT_ONCE`] [`OverRow`]s.
#[must_use]
pub fn due_strays(now: UnixMillis) -> Statement {
    statement(
        "SELECT NULL AS id, storage_key FROM stray_objects WHERE due_at <= CAST(?1 AS INTEGER)
         ORDER BY due_at LIMIT 200",
        [now.into()],
    )
}

/// Forgets objects of nobody: they have gone, or belong to someone.
#[must_use]
pub fn forget_stray(storage_keys: &[String]) -> Statement {
    statement(
        "DELETE FROM stray_objects WHERE storage_key IN (SELECT value FROM json_each(?1))
         RETURNING 1 AS removed",
        [json_arg(storage_keys)],
    )
}

/// Notes the objects of an instance that is about to go with all its assets.
#[must_use]
pub fn leave_by_instance(instance: &InstanceId) -> Statement {
    statement(
        "INSERT INTO stray_objects (storage_key, due_at)
         SELECT storage_key, 0 FROM assets WHERE instance_id = ?1 ON CONFLICT DO NOTHING",
        [instance.as_str().into()],
    )
}

/// Notes the objects of an organization that is about to go with all its assets.
#[must_use]
pub fn leave_by_organization(organization: &OrganizationId) -> Statement {
    statement(
        "INSERT INTO stray_objects (storage_key, due_at)
         SELECT storage_key, 0 FROM assets WHERE organization_id = ?1 ON CONFLICT DO NOTHING",
        [organization.as_str().into()],
    )
}
