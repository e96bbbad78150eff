//! R2 in memory.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
};

use async_trait::async_trait;
use bytes::Bytes;
use de_core::ports::{
    Blob, BlobRange, BlobWriter, Blobs, InboundBody, Meter, PortError, Relay, RelayDeadlines,
    Stored,
};
use sha2::{Digest, Sha256};

use crate::{
    background::TokioBackground,
    lock,
    relay::{self, Ahead},
};

/// Objects by key.
#[derive(Default)]
pub struct MemoryBlobs {
    breaks: Arc<AtomicBool>,
    breaks_left: Arc<AtomicU32>,
    failing_reads: AtomicU32,
    failing_writes: Arc<AtomicU32>,
    fails: AtomicBool,
    objects: Arc<Mutex<HashMap<String, Object>>>,
}

#[derive(Clone)]
struct Object {
    bytes: Bytes,
    content_type: String,
}

impl MemoryBlobs {
    /// Puts an object there.
    pub fn put(&self, key: &str, bytes: Bytes) {
        let object = Object { bytes, content_type: "application/octet-stream".to_owned() };
        lock(&self.objects).insert(key.to_owned(), object);
    }

    /// All keys, sorted.
    #[must_use]
    pub fn keys(&self) -> Vec<String> {
        let mut keys: Vec<String> = lock(&self.objects).keys().cloned().collect();
        keys.sort();
        keys
    }

    /// The content type that an object was written with.
    #[must_use]
    pub fn content_type(&self, key: &str) -> Option<String> {
        lock(&self.objects).get(key).map(|object| object.content_type.clone())
    }

    /// Makes every call fail, or work again.
    pub fn set_failing(&self, fails: bool) {
        self.fails.store(fails, Ordering::SeqCst);
    }

    /// Makes the next reads fail, each of them once.
    pub fn fail_reads(&self, times: u32) {
        self.failing_reads.store(times, Ordering::SeqCst);
    }

    /// Makes the next writes fail, each of them once.
    pub fn fail_writes(&self, times: u32) {
        self.failing_writes.store(times, Ordering::SeqCst);
    }

    /// How many of these have not come yet.
    #[must_use]
    pub fn writes_to_fail(&self) -> u32 {
        self.failing_writes.load(Ordering::SeqCst)
    }

    /// Makes every object break off before its end while it is read, or come whole again.
    pub fn set_breaking(&self, breaks: bool) {
        self.breaks.store(breaks, Ordering::SeqCst);
    }

    /// Makes the next reads break off after a first piece, each of them once.
    pub fn break_off(&self, times: u32) {
        self.breaks_left.store(times, Ordering::SeqCst);
    }

    fn works(&self) -> Result<(), PortError> {
        if self.fails.load(Ordering::SeqCst) { Err(failed("it is down")) } else { Ok(()) }
    }
}

fn failed(message: &str) -> PortError {
    PortError::Failed { port: "blobs", message: message.to_owned() }
}

#[async_trait]
impl Blobs for MemoryBlobs {
    async fn delete(&self, keys: &[String]) -> Result<(), PortError> {
        self.works()?;
        if keys.len() > 1_000 {
            return Err(failed("more than 1,000 keys"));
        }
        let mut objects = lock(&self.objects);
        for key in keys {
            objects.remove(key);
        }
        Ok(())
    }

    async fn read(&self, key: &str, range: Option<BlobRange>) -> Result<Option<Blob>, PortError> {
        self.works()?;
        let less = |left: u32| left.checked_sub(1);
        if self.failing_reads.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less).is_ok() {
            return Err(failed("a test makes this read fail"));
        }
        let Some(object) = lock(&self.objects).get(key).cloned() else { return Ok(None) };
        let size_bytes = object.bytes.len() as u64;
        let bytes = match range {
            None => object.bytes,
            Some(BlobRange { length, offset }) => {
                let end = offset.checked_add(length).filter(|end| *end <= size_bytes);
                let (Ok(from), Some(Ok(to))) = (usize::try_from(offset), end.map(usize::try_from))
                else {
                    return Err(failed("the range is outside of the object"));
                };
                object.bytes.slice(from..to)
            }
        };
        Ok(Some(Blob {
            body: Box::new(MemoryBody {
                ahead: Ahead::default(),
                breaks: self.breaks.clone(),
                breaks_left: self.breaks_left.clone(),
                bytes,
                has_begun: false,
            }),
            size_bytes,
        }))
    }

    async fn size(&self, key: &str) -> Result<Option<u64>, PortError> {
        self.works()?;
        Ok(lock(&self.objects).get(key).map(|object| object.bytes.len() as u64))
    }

    async fn writer(
        &self,
        key: &str,
        content_type: &str,
    ) -> Result<Box<dyn BlobWriter>, PortError> {
        self.works()?;
        Ok(Box::new(MemoryWriter {
            bytes: Vec::new(),
            content_type: content_type.to_owned(),
            failing: self.failing_writes.clone(),
            key: key.to_owned(),
            objects: self.objects.clone(),
        }))
    }
}

struct MemoryWriter {
    bytes: Vec<u8>,
    content_type: String,
    failing: Arc<AtomicU32>,
    key: String,
    objects: Arc<Mutex<HashMap<String, Object>>>,
}

#[async_trait]
impl BlobWriter for MemoryWriter {
    async fn abort(self: Box<Self>) {}

    async fn finish(self: Box<Self>) -> Result<Stored, PortError> {
        let Self { bytes, content_type, key, objects, .. } = *self;
        let sha256 = Sha256::digest(&bytes).into();
        let size_bytes = bytes.len() as u64;
        lock(&objects).insert(key, Object { bytes: bytes.into(), content_type });
        Ok(Stored { sha256, size_bytes })
    }

    async fn write(&mut self, bytes: Bytes) -> Result<(), PortError> {
        let one_less = |left: u32| left.checked_sub(1);
        if self.failing.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).is_ok() {
            return Err(failed("it takes nothing now"));
        }
        self.bytes.extend_from_slice(&bytes);
        Ok(())
    }
}

/// The pieces that a body comes in, in bytes: more than one for most objects.
const PIECE: usize = 64 * 1024;

struct MemoryBody {
    ahead: Ahead,
    breaks: Arc<AtomicBool>,
    breaks_left: Arc<AtomicU32>,
    bytes: Bytes,
    has_begun: bool,
}

impl MemoryBody {
    fn next(&mut self) -> Result<Option<Bytes>, PortError> {
        if self.bytes.len() <= PIECE && self.breaks.load(Ordering::SeqCst) {
            return Err(failed("it broke off"));
        }
        let less = |left: u32| left.checked_sub(1);
        if std::mem::replace(&mut self.has_begun, true)
            && self.breaks_left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less).is_ok()
        {
            return Err(failed("a test makes it break off"));
        }
        if self.bytes.is_empty() {
            return Ok(None);
        }
        Ok(Some(self.bytes.split_to(self.bytes.len().min(PIECE))))
    }
}

#[async_trait]
impl InboundBody for MemoryBody {
    async fn ahead(&mut self) -> Result<Option<Bytes>, PortError> {
        let bytes = self.next()?;
        Ok(self.ahead.looked(bytes))
    }

    async fn chunk(&mut self) -> Result<Option<Bytes>, PortError> {
        self.ahead.given().map_or_else(|| self.next(), |bytes| Ok(Some(bytes)))
    }

    fn pass(self: Box<Self>) -> Relay {
        relay::pass(self)
    }

    fn relay(self: Box<Self>, deadlines: RelayDeadlines, meter: Box<dyn Meter>) -> Relay {
        relay::relay(self, deadlines, meter, Arc::new(TokioBackground::new()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_object_is_there_when_its_writer_has_finished() {
        let blobs = MemoryBlobs::default();
        let mut writer = blobs.writer("a", "image/png").await.unwrap();
        writer.write("one ".into()).await.unwrap();
        writer.write("two".into()).await.unwrap();
        assert_eq!(blobs.size("a").await.unwrap(), None);
        let stored = writer.finish().await.unwrap();
        assert_eq!(stored.size_bytes, 7);
        assert_eq!(stored.sha256, <[u8; 32]>::from(Sha256::digest("one two")));
        let part = BlobRange { length: 3, offset: 4 };
        let blob = blobs.read("a", Some(part)).await.unwrap().unwrap();
        assert_eq!(blob.size_bytes, 7);
        assert_eq!(blob.body.whole(10).await.unwrap().unwrap(), "two");
        assert_eq!(blobs.content_type("a").as_deref(), Some("image/png"));
        drop(blobs.writer("b", "image/png").await.unwrap());
        blobs.delete(&["a".to_owned(), "nothing".to_owned()]).await.unwrap();
        assert_eq!(blobs.keys(), Vec::<String>::new());
    }
}
