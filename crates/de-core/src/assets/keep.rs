//! Takes bytes in: checks what they are by the first of them, writes them to R2, and makes the row.
//!
//! Memory stays flat: of a stream, the first and the last [`HEAD_BYTES`] are held, and what the writer holds; of one
//! that comes once only, up to [`HELD_BYTES`] besides.

use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Datelike, Utc};

use super::{Deposit, Form, KeepError, in_time};
use crate::{
    ids::{AssetId, InstanceId},
    media::{Extent, HEAD_BYTES},
    ports::{BlobWriter, InboundBody, Platform, PortError, Stored, random, row, rows},
    store::assets::{self, AssetRow, NewAsset},
    time::UnixMillis,
};

/// When an object that became nobody's goes: no upload takes so long.
pub(super) const STRAY_MS: i64 = 24 * 3_600 * 1_000;

/// The most that is held of a stream that comes once only, until it is stored. Sound of a quarter of an hour as MP3 is
/// less, and an isolate, which other jobs share, has 128 MB.
const HELD_BYTES: usize = 16 * 1024 * 1024;

/// The most that is handed to a writer at once.
const PIECE_BYTES: usize = 1024 * 1024;

/// How long a writer of a stream that comes once only may take for a piece: who hangs has failed, and the stream goes
/// on without it.
const STALLED: Duration = Duration::from_secs(30);

/// How long clearing away may take. What it does not get done is left to the cron.
const CLEARING: Duration = Duration::from_secs(5);

/// Keeps bytes that are at hand.
///
/// Under an id that was given, it is safe to repeat: what was kept before is returned as it is.
///
/// # Errors
/// [`KeepError`]; nothing stays of it, but see [`Keeper::finish`].
pub async fn bytes(
    platform: &Platform,
    deposit: Deposit,
    bytes: Bytes,
    within: Duration,
) -> Result<AssetRow, KeepError> {
    if let Some(kept) = before(platform, &deposit).await? {
        return Ok(kept);
    }
    let mut keeper = Keeper::new(platform, deposit);
    keeper.whole = Some(bytes.clone());
    let started = platform.clock.now();
    let written = in_time(platform, within, keeper.write(bytes)).await;
    end(keeper, written, left(within, started, platform.clock.now())).await
}

/// Keeps a stream to its end.
///
/// As [`bytes`]; a stream of which nothing is needed is dropped, which closes its connection.
///
/// # Errors
/// [`KeepError`]; nothing stays of it, but see [`Keeper::finish`].
pub async fn stream(
    platform: &Platform,
    deposit: Deposit,
    mut body: Box<dyn InboundBody>,
    within: Duration,
) -> Result<AssetRow, KeepError> {
    if let Some(kept) = before(platform, &deposit).await? {
        return Ok(kept);
    }
    let mut keeper = Keeper::new(platform, deposit);
    let started = platform.clock.now();
    let pumped = in_time(platform, within, async {
        let broken = |err: PortError| KeepError::Broken { message: err.to_string() };
        while let Some(chunk) = body.chunk().await.map_err(broken)? {
            keeper.write(chunk).await?;
        }
        Ok(())
    });
    let pumped = pumped.await;
    let left = left(within, started, platform.clock.now());
    end(keeper, pumped, left).await
}

/// A stream that was not kept.
#[derive(Debug)]
pub struct Missed {
    /// Why.
    pub error: KeepError,
    /// All that came, where that is whole and another try of [`bytes`] may keep it.
    pub whole: Option<Bytes>,
}

/// Keeps a stream that comes once only, as a vendor was paid for it.
///
/// As [`stream`]; but where storing fails for now, it is read to its end all the same, and handed back.
///
/// # Errors
/// [`Missed`], with all that came if it is at most [`HELD_BYTES`].
pub async fn stream_once(
    platform: &Platform,
    deposit: Deposit,
    mut body: Box<dyn InboundBody>,
    within: Duration,
) -> Result<AssetRow, Missed> {
    let (mut keeper, mut trouble) = match before(platform, &deposit).await {
        Ok(Some(kept)) => return Ok(kept),
        Ok(None) => (Some(Keeper::new(platform, deposit)), None),
        Err(err) => (None, Some(err)),
    };
    let started = platform.clock.now();
    let mut held = Held::default();
    let pumped = in_time(platform, within, async {
        let broken = |err: PortError| KeepError::Broken { message: err.to_string() };
        while let Some(chunk) = body.chunk().await.map_err(broken)? {
            held.take(&chunk);
            if let Some(open) = &mut keeper
                && let Err(err) = in_time(platform, STALLED, open.write(chunk)).await
            {
                if let Some(open) = keeper.take() {
                    open.abort().await;
                }
                trouble = Some(err);
            }
            // What cannot be stored, now or later, need not come.
            match trouble.take() {
                Some(err) if err.may_pass() && held.is_whole() => trouble = Some(err),
                Some(err) => return Err(err),
                None => {}
            }
        }
        Ok(())
    });
    let pumped = pumped.await;
    if let Err(error) = pumped {
        if let Some(keeper) = keeper {
            keeper.abort().await;
        }
        return Err(Missed { error, whole: None });
    }
    let error = match (keeper, trouble) {
        (Some(keeper), _) => {
            let left = left(within, started, platform.clock.now());
            match in_time(platform, left, keeper.finish()).await {
                Ok(row) => return Ok(row),
                Err(err) => err,
            }
        }
        (None, Some(err)) => err,
        (None, None) => PortError::Failed { port: "blobs", message: "no writer".to_owned() }.into(),
    };
    let whole = if error.may_pass() { held.whole() } else { None };
    Err(Missed { error, whole })
}

/// What has come of a stream, as long as it is not too much to hold.
#[derive(Default)]
struct Held {
    is_too_large: bool,
    pieces: Vec<Bytes>,
    size_bytes: usize,
}

impl Held {
    fn take(&mut self, piece: &Bytes) {
        self.size_bytes = self.size_bytes.saturating_add(piece.len());
        self.is_too_large |= self.size_bytes > HELD_BYTES;
        if self.is_too_large {
            self.pieces.clear();
        } else {
            self.pieces.push(piece.clone());
        }
    }

    fn is_whole(&self) -> bool {
        !self.is_too_large
    }

    fn whole(self) -> Option<Bytes> {
        if self.is_too_large {
            return None;
        }
        let mut all = Vec::with_capacity(self.size_bytes);
        for piece in self.pieces {
            all.extend_from_slice(&piece);
        }
        Some(all.into())
    }
}

/// What is left of a time.
pub(super) fn left(within: Duration, started: UnixMillis, now: UnixMillis) -> Duration {
    let gone = u64::try_from(now.since(started)).unwrap_or(0);
    within.saturating_sub(Duration::from_millis(gone))
}

async fn end(
    keeper: Keeper,
    written: Result<(), KeepError>,
    within: Duration,
) -> Result<AssetRow, KeepError> {
    let platform = keeper.platform.clone();
    match written {
        Ok(()) => in_time(&platform, within, keeper.finish()).await,
        Err(err) => {
            keeper.abort().await;
            Err(err)
        }
    }
}

/// What was kept under the same id.
pub(super) async fn before(
    platform: &Platform,
    deposit: &Deposit,
) -> Result<Option<AssetRow>, KeepError> {
    let Some(id) = &deposit.id else { return Ok(None) };
    let mut found: Vec<AssetRow> = rows(&*platform.database, assets::find(id)).await?;
    match found.pop() {
        Some(row) if row.instance_id == deposit.owner.instance_id => Ok(Some(row)),
        Some(_) => Err(PortError::Conflict { constraint: "assets.id".to_owned() }.into()),
        None => Ok(None),
    }
}

/// Bytes on their way in, for who has them piece by piece: [`Keeper::write`] all, then [`Keeper::finish`].
///
/// Whoever drops it before, or gets an error, has kept nothing; [`Keeper::abort`] clears away at once what the
/// cron would a day later.
pub struct Keeper {
    deposit: Deposit,
    /// The first [`HEAD_BYTES`].
    head: Vec<u8>,
    object: Option<Object>,
    platform: Platform,
    size_bytes: u64,
    /// The last [`HEAD_BYTES`], and up to as many before.
    tail: Vec<u8>,
    /// All, if all was at hand.
    whole: Option<Bytes>,
}

/// An object that is being written.
struct Object {
    form: Form,
    storage_key: String,
    writer: Box<dyn BlobWriter>,
}

impl Keeper {
    /// Begins. Nothing is written before [`HEAD_BYTES`] are there, or the end.
    #[must_use]
    pub fn new(platform: &Platform, deposit: Deposit) -> Self {
        Self {
            deposit,
            head: Vec::new(),
            object: None,
            platform: platform.clone(),
            size_bytes: 0,
            tail: Vec::new(),
            whole: None,
        }
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// [`KeepError::NotMedia`], [`KeepError::TooLarge`], [`KeepError::NotStored`]: abort it.
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), KeepError> {
        let cap_bytes = self.deposit.cap_bytes();
        self.size_bytes += bytes.len() as u64;
        if self.size_bytes > cap_bytes {
            return Err(KeepError::TooLarge { cap_bytes });
        }
        if let Some(object) = &mut self.object {
            keep_tail(&mut self.tail, &bytes);
            return Ok(object.writer.write(bytes).await?);
        }
        let of_head = if self.whole.is_some() { bytes.len().min(HEAD_BYTES) } else { bytes.len() };
        self.head.extend_from_slice(bytes.get(..of_head).unwrap_or_default());
        if self.head.len() >= HEAD_BYTES {
            self.begin().await?;
        }
        Ok(())
    }

    /// Makes the asset.
    ///
    /// # Errors
    /// As [`Keeper::write`]. After [`KeepError::NotStored`] it may be kept all the same, if the database's answer
    /// was lost: under an id that was given, another try finds it.
    pub async fn finish(mut self) -> Result<AssetRow, KeepError> {
        if self.object.is_none()
            && let Err(err) = self.begin().await
        {
            self.abort().await;
            return Err(err);
        }
        let Some(Object { form, storage_key, writer }) = self.object.take() else {
            return Err(PortError::Failed { port: "blobs", message: "no writer".to_owned() }.into());
        };
        let stored = match writer.finish().await {
            Ok(stored) => stored,
            Err(err) => {
                clear(&self.platform, storage_key).await;
                return Err(err.into());
            }
        };
        let kept = self.record(form, &storage_key, &stored).await?;
        // Another row won. After an error the row may be there all the same: the batch that makes it makes the
        // object no stray, so the cron knows what to clear away, and we do not.
        if kept.storage_key != storage_key {
            clear(&self.platform, storage_key).await;
        }
        Ok(kept)
    }

    /// Takes back all that was written.
    pub async fn abort(self) {
        let Some(Object { storage_key, writer, .. }) = self.object else { return };
        let clearing = async {
            writer.abort().await;
            let forget = assets::forget_stray(&[storage_key]);
            self.platform.database.batch(vec![forget]).await?;
            Ok(())
        };
        // What is left of it goes by the cron.
        drop(in_time(&self.platform, CLEARING, clearing).await);
    }

    /// Sees what it is, and begins the object with what there is.
    async fn begin(&mut self) -> Result<(), KeepError> {
        let form = Form::of(self.deposit.promise, &self.head)?;
        let now = self.platform.clock.now();
        let uuid = uuid::Builder::from_random_bytes(random(&*self.platform.entropy)).into_uuid();
        let storage_key = storage_key(&self.deposit.owner.instance_id, now, uuid);
        let stray = assets::stray(&storage_key, now.plus(STRAY_MS));
        self.platform.database.batch(vec![stray]).await?;
        let writer = self.platform.blobs.writer(&storage_key, form.content_type()).await?;
        let object = self.object.insert(Object { form, storage_key, writer });
        let mut first = match &self.whole {
            Some(whole) => whole.clone(),
            None => Bytes::copy_from_slice(&self.head),
        };
        keep_tail(&mut self.tail, &self.head);
        self.head.truncate(HEAD_BYTES);
        // A writer holds what is no part yet: piece by piece that is one part, never all of it once more.
        while !first.is_empty() {
            let piece = first.split_to(first.len().min(PIECE_BYTES));
            object.writer.write(piece).await?;
        }
        Ok(())
    }

    /// Makes the row; what was kept under the same id in the meantime is as good.
    async fn record(
        &mut self,
        form: Form,
        storage_key: &str,
        stored: &Stored,
    ) -> Result<AssetRow, KeepError> {
        let Self { deposit, platform, .. } = self;
        let measures = form.measure(&match &self.whole {
            Some(whole) => Extent::whole(whole),
            None => Extent::ends(&self.head, &self.tail, stored.size_bytes),
        });
        let now = platform.clock.now();
        let id = deposit.id.clone();
        let id = id.unwrap_or_else(|| AssetId::make(now, random(&*platform.entropy)));
        let (owner, provenance) = (&deposit.owner, &deposit.provenance);
        let new = NewAsset {
            api_key_id: owner.api_key_id.as_ref(),
            content_type: form.content_type(),
            cost_micros: provenance.cost_micros,
            duration_ms: measures.duration_ms,
            extension: form.extension(),
            height: measures.height,
            id: &id,
            instance_id: &owner.instance_id,
            job_id: provenance.job_id.as_ref(),
            kind: form.kind(),
            model_id: provenance.model_id.as_ref(),
            organization_id: &owner.organization_id,
            project_id: owner.project_id.as_ref(),
            provider_id: provenance.provider_id.as_ref(),
            receipt_id: provenance.receipt_id.as_ref(),
            request_id: provenance.request_id.as_ref(),
            sha256: &hex(&stored.sha256),
            size_bytes: stored.size_bytes,
            source: provenance.source.as_ref(),
            storage_key,
            user_id: owner.user_id.as_ref(),
            width: measures.width,
        };
        match platform.database.batch(assets::insert(&new, now).into()).await {
            Ok(answers) => {
                let made = answers.into_iter().next().unwrap_or_default().pop();
                let missing = || PortError::Malformed {
                    port: "database",
                    message: "no row of the asset".to_owned(),
                };
                Ok(row(made.ok_or_else(missing)?)?)
            }
            Err(err @ PortError::Conflict { .. }) => {
                before(platform, deposit).await?.ok_or_else(|| err.into())
            }
            Err(err) => Err(err.into()),
        }
    }
}

/// Removes an object that became nobody's. What is left of it goes by the cron.
async fn clear(platform: &Platform, storage_key: String) {
    let keys = [storage_key];
    let clearing = async {
        platform.blobs.delete(&keys).await?;
        platform.database.batch(vec![assets::forget_stray(&keys)]).await?;
        Ok(())
    };
    drop(in_time(platform, CLEARING, clearing).await);
}

/// Adds bytes to the end and lets those before go, now and then.
fn keep_tail(tail: &mut Vec<u8>, bytes: &[u8]) {
    let last = bytes.len().saturating_sub(HEAD_BYTES);
    tail.extend_from_slice(bytes.get(last..).unwrap_or_default());
    if tail.len() > 2 * HEAD_BYTES {
        tail.drain(..tail.len() - HEAD_BYTES);
    }
}

/// `inst_…/2026/11/…`: nothing that a caller wrote.
pub(super) fn storage_key(instance: &InstanceId, now: UnixMillis, uuid: uuid::Uuid) -> String {
    let date = DateTime::<Utc>::from_timestamp_millis(now.0).unwrap_or_default();
    format!("{instance}/{:04}/{:02}/{uuid}", date.year(), date.month())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
