//! Brings the results home: into our own store, as assets.
//!
//! The asset of a result has an id made of the job's id and its place, so that a step that is done again
//! keeps nothing twice.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use url::Url;

use super::{Running, SOUND};
use crate::{
    assets::{self, Deposit, KeepError, Owner, Promise, Provenance, keep::Missed},
    books::Outcome,
    http::error::{ApiError, Code},
    ids::AssetId,
    jobs::{Output, Pending, Record, Stage, Work},
    media::{MediaKind, RawAudio},
    money::Micros,
    ports::{InboundBody, Platform},
    registry::Model,
    store::assets::AssetRow,
};

/// How often a result is fetched that may still come.
const TRIES: u32 = 6;
/// How long one try may take, for a picture or sound and for a film.
const PATIENCE: Duration = Duration::from_secs(120);
const FILM_PATIENCE: Duration = Duration::from_secs(600);

/// Why a result is not here.
#[derive(Debug, thiserror::Error)]
pub(super) enum Lost {
    #[error(transparent)]
    Kept(#[from] KeepError),
    #[error("it is not the base64 that it should be")]
    NotBase64,
    #[error("it has no address that can be read")]
    NoAddress,
}

impl Lost {
    /// Whether another try may help.
    fn is_for_now(&self) -> bool {
        matches!(self, Self::Kept(err) if err.may_pass())
    }

    /// What the job's caller is told. The vendor has made it and is paid: asked again, it would make another.
    pub(super) fn into_error(self) -> ApiError {
        match self {
            Self::Kept(err) => ApiError::from(err).for_good(),
            Self::NotBase64 | Self::NoAddress => {
                let message = format!("what the provider made cannot be read: {self}");
                ApiError::new(Code::ProviderMalformed, message).with("reason", "unreadable")
            }
        }
    }
}

/// What is needed to keep the results of a job.
pub(super) struct Bringing<'a> {
    cost: Option<Micros>,
    platform: &'a Platform,
    record: &'a Record,
}

/// A result that is to be kept.
struct Wanted<'a> {
    /// Its place among the results of the job.
    index: usize,
    promise: Promise,
    revised_prompt: Option<String>,
    role: &'a str,
    seed: Option<u64>,
}

impl<'a> Bringing<'a> {
    /// `cost` is what all of it costs.
    pub(super) fn of(platform: &'a Platform, record: &'a Record, cost: Option<Micros>) -> Self {
        Self { cost, platform, record }
    }

    /// Keeps a result that is at hand, and nowhere else: what may pass is waited for. `stumbles` are failures in a
    /// row, of this result and those before it.
    pub(super) async fn at_hand(
        &self,
        part: &Pending,
        bytes: Bytes,
        stumbles: &mut u32,
    ) -> Result<Output, Lost> {
        let wanted = self.wanted(part);
        loop {
            let deposit = self.deposit(&wanted);
            match assets::keep::bytes(self.platform, deposit, bytes.clone(), PATIENCE).await {
                Err(err) if err.may_pass() && self.waits(stumbles).await => {}
                Err(err) => return Err(err.into()),
                Ok(row) => {
                    *stumbles = 0;
                    return Ok(output(&row, wanted));
                }
            }
        }
    }

    /// Waits before another try after a failure, longer each time. False: it was the last one.
    async fn waits(&self, stumbles: &mut u32) -> bool {
        if stumbles.saturating_add(1) >= TRIES {
            return false;
        }
        self.platform.clock.sleep(Duration::from_secs(1 << *stumbles)).await;
        *stumbles += 1;
        true
    }

    /// Keeps sound as it comes from a model; what was paid for comes once, so what may pass is waited for here too.
    /// `raw` is what it is, if it has no head.
    pub(super) async fn sound(
        &self,
        model: &Model,
        body: Box<dyn InboundBody>,
        raw: Option<RawAudio>,
    ) -> Result<Output, Lost> {
        let promise = raw.map_or(Promise::Kind(MediaKind::Audio), Promise::Raw);
        let wanted = Wanted { index: 0, promise, revised_prompt: None, role: "audio", seed: None };
        let patience = Duration::from_millis(model.deadlines().total_ms).max(PATIENCE);
        let (platform, deposit) = (self.platform, self.deposit(&wanted));
        let kept = assets::keep::stream_once(platform, deposit, body, patience.min(self.left()));
        let (mut error, bytes) = match kept.await {
            Ok(row) => return Ok(output(&row, wanted)),
            Err(Missed { error, whole: Some(bytes) }) => (error, bytes),
            Err(Missed { error, whole: None }) => return Err(error.into()),
        };
        let mut stumbles = 0;
        while error.may_pass() && !self.left().is_zero() && self.waits(&mut stumbles).await {
            let (deposit, patience) = (self.deposit(&wanted), PATIENCE.min(self.left()));
            match assets::keep::bytes(platform, deposit, bytes.clone(), patience).await {
                Ok(row) => return Ok(output(&row, wanted)),
                Err(err) => error = err,
            }
        }
        Err(error.into())
    }

    /// What is left of the time for a sound: its call began when the record became `submitting`, and the alarm with
    /// it.
    fn left(&self) -> Duration {
        let spent = self.platform.clock.now().since(self.record.updated_at);
        SOUND.saturating_sub(Duration::from_millis(u64::try_from(spent).unwrap_or(0)))
    }

    /// Fetches what is still at the vendor.
    async fn link(&self, pending: &Pending) -> Result<Output, Lost> {
        let url = Url::parse(&pending.url).map_err(|_| Lost::NoAddress)?;
        let wanted = self.wanted(pending);
        let is_film = wanted.promise.kind() == MediaKind::Video;
        let patience = if is_film { FILM_PATIENCE } else { PATIENCE };
        let deposit = self.deposit(&wanted);
        let row = assets::fetch::result(self.platform, deposit, &url, patience).await?;
        Ok(output(&row, wanted))
    }

    fn wanted<'b>(&self, part: &'b Pending) -> Wanted<'b> {
        let kind = match part.role.as_str() {
            "audio" => MediaKind::Audio,
            "video" => self.film_kind(),
            _ => MediaKind::Image,
        };
        Wanted {
            index: part.index,
            promise: Promise::Kind(kind),
            revised_prompt: part.revised_prompt.clone(),
            role: &part.role,
            seed: part.seed,
        }
    }

    /// What a render makes: its format may be one of a picture or of sound.
    fn film_kind(&self) -> MediaKind {
        let Work::Render(call) = &self.record.order.work else { return MediaKind::Video };
        let format = call.edit.get("output").and_then(|output| output.get("format"));
        match format.and_then(serde_json::Value::as_str) {
            Some("bmp" | "gif" | "jpg" | "png") => MediaKind::Image,
            Some("mp3") => MediaKind::Audio,
            _ => MediaKind::Video,
        }
    }

    fn deposit(&self, wanted: &Wanted<'_>) -> Deposit {
        let order = &self.record.order;
        let served_by = self.record.served_by.as_ref();
        let job = self.record.id.as_str().trim_start_matches("job_");
        Deposit {
            cap_bytes: None,
            id: AssetId::parse(&format!("asset_{job}-{}", wanted.index)).ok(),
            owner: Owner {
                api_key_id: order.api_key_id.clone(),
                instance_id: order.instance_id.clone(),
                organization_id: order.organization_id.clone(),
                project_id: order.project_id.clone(),
                user_id: order.user_id.clone(),
            },
            promise: wanted.promise,
            provenance: Provenance {
                cost_micros: self.cost,
                job_id: Some(self.record.id.clone()),
                model_id: served_by.map(|by| by.model_id.clone()),
                provider_id: served_by.map(|by| by.provider_id.clone()),
                receipt_id: Some(order.books.receipt().receipt_id.clone()),
                request_id: Some(order.request_id.clone()),
                source: None,
            },
        }
    }
}

fn output(row: &AssetRow, wanted: Wanted<'_>) -> Output {
    Output {
        asset_id: row.id.clone(),
        content_type: row.content_type.clone(),
        duration_ms: row.duration_ms,
        expires_at: row.expires_at.map(Into::into),
        height: row.height,
        revised_prompt: wanted.revised_prompt,
        role: wanted.role.to_owned(),
        seed: wanted.seed,
        sha256: row.sha256.clone(),
        size_bytes: row.size_bytes,
        width: row.width,
    }
}

/// Whether a result is what was ordered. Without its film, a still of it is nothing.
pub(super) fn is_main(role: &str) -> bool {
    !["poster", "thumbnail"].contains(&role)
}

/// What a job has come to that has no result and no better reason.
pub(super) fn nothing() -> ApiError {
    ApiError::new(Code::ProviderMalformed, "the provider made nothing")
}

impl Running<'_> {
    /// Fetches the next result.
    pub(super) async fn copy(&self, record: &mut Record) {
        let Stage::Copying { mut outputs, mut pending, mut notices } = record.stage.clone() else {
            return;
        };
        let model: Option<Arc<Model>> = match self.served(record).await {
            Ok(model) => Some(model),
            // Without it the price is not known. That is no reason to leave the results where they are.
            Err(error) if error.code() == Code::ModelNotFound => None,
            Err(error) if self.may_stumble(record) => return self.stumble(record, &error),
            Err(_) => None,
        };
        let books = self.books(record, model);
        let mut lost = None;
        if !pending.is_empty() {
            let next = pending.remove(0);
            let bringing = Bringing::of(self.platform, record, books.cost());
            match bringing.link(&next).await {
                Ok(output) => outputs.push(output),
                Err(err) if err.is_for_now() && self.may_stumble(record) => {
                    return self.stumble(record, &err.into_error());
                }
                Err(err) => {
                    let error = err.into_error();
                    notices.push(format!("{}: {}", next.role, error.message()));
                    lost = Some(error);
                }
            }
        }
        let is_whole = outputs.iter().any(|output| is_main(&output.role));
        if !is_whole && !pending.iter().any(|pending| is_main(&pending.role)) {
            return self.fail(record, &books, &lost.unwrap_or_else(nothing));
        }
        let now = self.platform.clock.now();
        if !pending.is_empty() {
            record.to(Stage::Copying { outputs, pending, notices }, now);
            return;
        }
        self.end(record, &books, Stage::Succeeded { outputs, notices }, Outcome::Ok);
    }

    /// Whether a result has another try.
    fn may_stumble(&self, record: &Record) -> bool {
        record.stumbles.saturating_add(1) < TRIES
    }
}
