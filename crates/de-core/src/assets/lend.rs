//! Files that came with a call rest in R2 until their job has sent them on. They are no assets: nobody can ask
//! for them.

use bytes::Bytes;

use super::keep::{STRAY_MS, storage_key};
use crate::{
    calls::File,
    ids::InstanceId,
    ports::{Platform, PortError, put, random},
    store::assets,
};

/// Puts the bytes of files away: each has a `storage_key` then, and no bytes.
///
/// Whoever has the job removes them at its end; should nobody, the cron does, a day later.
///
/// # Errors
/// [`PortError`] of the database or of R2; those that are away already go by the cron.
pub async fn put_away(
    platform: &Platform,
    instance: &InstanceId,
    files: Vec<&mut File>,
) -> Result<(), PortError> {
    for file in files {
        let now = platform.clock.now();
        let uuid = uuid::Builder::from_random_bytes(random(&*platform.entropy)).into_uuid();
        let key = storage_key(instance, now, uuid);
        let due_at = now.plus(STRAY_MS);
        platform.database.batch(vec![assets::stray(&key, due_at)]).await?;
        let bytes = std::mem::replace(&mut file.bytes, Bytes::new());
        put(&*platform.blobs, &key, &file.content_type, bytes).await?;
        file.storage_key = Some(key);
    }
    Ok(())
}

/// Removes them, where no job has come of it. What is left goes by the cron.
pub async fn take_back(platform: &Platform, keys: &[String]) {
    if keys.is_empty() || platform.blobs.delete(keys).await.is_err() {
        return;
    }
    // Without its object, a row costs the cron one look.
    drop(platform.database.batch(vec![assets::forget_stray(keys)]).await);
}
