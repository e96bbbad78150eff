//! Objects by key, read and written piece by piece.

use async_trait::async_trait;
use bytes::Bytes;

use super::{InboundBody, PortError};

/// R2: bytes by key. Keys are made by us.
#[async_trait]
pub trait Blobs: Send + Sync {
    /// Removes objects; those that are not there are no failure. At most 1,000 keys. Safe to repeat.
    ///
    /// # Errors
    /// [`PortError::Failed`]: some of them may be gone.
    async fn delete(&self, keys: &[String]) -> Result<(), PortError>;

    /// An object, or a part of it; `None` if absent.
    ///
    /// A range that the object does not reach is the caller's to prevent: its size is known by then.
    ///
    /// # Errors
    /// [`PortError::Failed`].
    async fn read(&self, key: &str, range: Option<BlobRange>) -> Result<Option<Blob>, PortError>;

    /// Size in bytes, or `None` if absent.
    ///
    /// # Errors
    /// [`PortError::Failed`].
    async fn size(&self, key: &str) -> Result<Option<u64>, PortError>;

    /// Begins an object of any length. It is there, whole, once its writer has finished; before that, and
    /// if the writer is dropped, there is none.
    ///
    /// # Errors
    /// [`PortError::Failed`].
    async fn writer(&self, key: &str, content_type: &str)
    -> Result<Box<dyn BlobWriter>, PortError>;
}

/// A part of an object.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct BlobRange {
    /// How many bytes, at least one.
    pub length: u64,
    /// Where it begins.
    pub offset: u64,
}

/// An object that is read.
pub struct Blob {
    /// Its bytes, or those of the range.
    pub body: Box<dyn InboundBody>,
    /// Its whole size in bytes, whatever the range.
    pub size_bytes: u64,
}

/// An object on its way in. It keeps a few MiB in memory at most, however long the object is.
#[async_trait]
pub trait BlobWriter: Send {
    /// Takes back what was written: there will be no object.
    async fn abort(self: Box<Self>);

    /// Makes the object.
    ///
    /// # Errors
    /// [`PortError::Failed`]: there is no object, or there is one that nobody was told of.
    async fn finish(self: Box<Self>) -> Result<Stored, PortError>;

    /// Adds bytes.
    ///
    /// # Errors
    /// [`PortError::Failed`]: abort it.
    async fn write(&mut self, bytes: Bytes) -> Result<(), PortError>;
}

/// An object that was written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Stored {
    /// Of all its bytes.
    pub sha256: [u8; 32],
    /// How many there are.
    pub size_bytes: u64,
}

/// Writes bytes that are at hand as one object.
///
/// # Errors
/// Those of [`Blobs::writer`] and [`BlobWriter`].
pub async fn put(
    blobs: &dyn Blobs,
    key: &str,
    content_type: &str,
    bytes: Bytes,
) -> Result<Stored, PortError> {
    let mut writer = blobs.writer(key, content_type).await?;
    if let Err(err) = writer.write(bytes).await {
        writer.abort().await;
        return Err(err);
    }
    writer.finish().await
}
