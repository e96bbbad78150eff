//! R2 in memory.

use std::{collections::HashMap, sync::Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use de_core::ports::{Blobs, PortError};

use crate::lock;

/// Objects by key.
#[derive(Default)]
pub struct MemoryBlobs {
    objects: Mutex<HashMap<String, Bytes>>,
}

impl MemoryBlobs {
    /// Puts an object there.
    pub fn put(&self, key: &str, bytes: Bytes) {
        lock(&self.objects).insert(key.to_owned(), bytes);
    }

    /// All keys, sorted.
    #[must_use]
    pub fn keys(&self) -> Vec<String> {
        let mut keys: Vec<String> = lock(&self.objects).keys().cloned().collect();
        keys.sort();
        keys
    }
}

#[async_trait]
impl Blobs for MemoryBlobs {
    async fn size(&self, key: &str) -> Result<Option<u64>, PortError> {
        Ok(lock(&self.objects).get(key).map(|bytes| bytes.len() as u64))
    }
}
