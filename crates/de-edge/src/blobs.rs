//! R2: objects are read by the platform's own streams, and written in parts of equal size.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use de_core::ports::{Blob, BlobRange, BlobWriter, Blobs, PortError, Stored};
use js_sys::Uint8Array;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::{ResponseInit, WritableStream, WritableStreamDefaultWriter};
use worker::{
    Bucket, Env, HttpMetadata, MultipartUpload, Range, ResponseBody, UploadedPart,
    crypto::{DigestStream, DigestStreamAlgorithm},
    send::{SendFuture, SendWrapper},
};

use crate::{background::Occasion, bindings::ASSETS, body, departure::EdgeDeparture, fetch};

/// All parts of an upload but the last have one size, and at least 5 MiB:
/// <https://developers.cloudflare.com/r2/objects/upload-objects/#multipart-upload>. Two of them are in
/// memory at a time.
const PART: usize = 8 * 1024 * 1024;

pub(crate) struct EdgeBlobs {
    /// When the client of this request goes away.
    pub(crate) departure: EdgeDeparture,
    pub(crate) env: Arc<Env>,
    pub(crate) occasion: Occasion,
}

impl EdgeBlobs {
    fn bucket(&self) -> Result<Bucket, PortError> {
        self.env.bucket(ASSETS).map_err(|_| PortError::Unbound { port: "blobs" })
    }
}

#[async_trait]
impl Blobs for EdgeBlobs {
    async fn delete(&self, keys: &[String]) -> Result<(), PortError> {
        let bucket = self.bucket()?;
        let keys: Vec<String> = keys.to_vec();
        if keys.is_empty() {
            return Ok(());
        }
        SendFuture::new(async move { bucket.delete_multiple(keys).await }).await.map_err(failed)
    }

    async fn read(&self, key: &str, range: Option<BlobRange>) -> Result<Option<Blob>, PortError> {
        #[cfg(feature = "faults")]
        SendFuture::new(crate::faults::pass("blobs")).await?;
        let bucket = self.bucket()?;
        let (departure, occasion) = (self.departure.clone(), self.occasion.clone());
        SendFuture::new(async move {
            let get = bucket.get(key);
            let get = match range {
                Some(BlobRange { length, offset }) => {
                    get.range(Range::OffsetWithLength { offset, length })
                }
                None => get,
            };
            let Some(object) = get.execute().await.map_err(failed)? else { return Ok(None) };
            let size_bytes = object.size();
            let Some(body) = object.body() else { return Ok(None) };
            let ResponseBody::Stream(stream) = body.response_body().map_err(failed)? else {
                return Err(refused("an object came without a stream"));
            };
            let response = web_sys::Response::new_with_opt_readable_stream_and_init(
                Some(&stream),
                &ResponseInit::new(),
            );
            let response = response.map_err(|err| refused(&body::text(&err)))?;
            let body = fetch::body_of(response, departure, occasion)?;
            Ok(Some(Blob { body, size_bytes }))
        })
        .await
    }

    async fn size(&self, key: &str) -> Result<Option<u64>, PortError> {
        let bucket = self.bucket()?;
        let head = SendFuture::new(async { bucket.head(key).await }).await;
        Ok(head.map_err(failed)?.map(|object| object.size()))
    }

    async fn writer(
        &self,
        key: &str,
        content_type: &str,
    ) -> Result<Box<dyn BlobWriter>, PortError> {
        let digest = DigestStream::new(DigestStreamAlgorithm::Sha256);
        let stream: &WritableStream = digest.raw().unchecked_ref();
        let digesting = stream.get_writer().map_err(|err| refused(&body::text(&err)))?;
        Ok(Box::new(EdgeWriter(SendWrapper::new(Writing {
            bucket: self.bucket()?,
            content_type: content_type.to_owned(),
            digest,
            digesting,
            held: BytesMut::new(),
            key: key.to_owned(),
            size_bytes: 0,
            upload: None,
        }))))
    }
}

struct EdgeWriter(SendWrapper<Writing>);

struct Writing {
    bucket: Bucket,
    content_type: String,
    digest: DigestStream,
    digesting: WritableStreamDefaultWriter,
    /// Not sent yet, less than a part.
    held: BytesMut,
    key: String,
    size_bytes: u64,
    /// Begun when there is more than one part.
    upload: Option<(MultipartUpload, Vec<UploadedPart>)>,
}

impl Writing {
    async fn write(&mut self, bytes: Bytes) -> Result<(), PortError> {
        self.size_bytes = self.size_bytes.saturating_add(bytes.len() as u64);
        self.held.extend_from_slice(&bytes);
        while self.held.len() >= PART {
            let part = self.held.split_to(PART);
            // So that nothing of the part is kept by what follows it.
            self.held = BytesMut::from(&*self.held);
            self.send(&part).await?;
        }
        Ok(())
    }

    async fn send(&mut self, part: &[u8]) -> Result<(), PortError> {
        #[cfg(feature = "faults")]
        crate::faults::pass("blobs").await?;
        self.digest(part).await?;
        if self.upload.is_none() {
            let begin = self.bucket.create_multipart_upload(self.key.clone());
            let upload = begin.http_metadata(self.metadata()).execute().await.map_err(failed)?;
            self.upload = Some((upload, Vec::new()));
        }
        let Some((upload, sent)) = &mut self.upload else { return Ok(()) };
        let number = u16::try_from(sent.len() + 1).map_err(|_| refused("it has too many parts"))?;
        sent.push(upload.upload_part(number, part.to_vec()).await.map_err(failed)?);
        Ok(())
    }

    async fn digest(&self, part: &[u8]) -> Result<(), PortError> {
        let written = self.digesting.write_with_chunk(&Uint8Array::from(part));
        JsFuture::from(written).await.map_err(|err| refused(&body::text(&err)))?;
        Ok(())
    }

    async fn finish(mut self) -> Result<Stored, PortError> {
        let last = std::mem::take(&mut self.held);
        if self.upload.is_some() {
            if !last.is_empty() {
                self.send(&last).await?;
            }
        } else {
            #[cfg(feature = "faults")]
            crate::faults::pass("blobs").await?;
            self.digest(&last).await?;
            let put = self.bucket.put(self.key.clone(), last.to_vec());
            put.http_metadata(self.metadata()).execute().await.map_err(failed)?;
        }
        if let Some((upload, sent)) = self.upload.take() {
            upload.complete(sent).await.map_err(failed)?;
        }
        let closed = JsFuture::from(self.digesting.close()).await;
        closed.map_err(|err| refused(&body::text(&err)))?;
        let digest = self.digest.digest().await.map_err(failed)?.to_vec();
        let sha256 =
            <[u8; 32]>::try_from(digest).map_err(|_| refused("the digest is no SHA-256"))?;
        Ok(Stored { sha256, size_bytes: self.size_bytes })
    }

    /// What cannot be taken back now is taken back by the bucket itself, seven days later.
    async fn abort(self) {
        if let Some((upload, _)) = &self.upload {
            drop(upload.abort().await);
        }
    }

    fn metadata(&self) -> HttpMetadata {
        let content_type = Some(self.content_type.clone());
        HttpMetadata { content_type, ..HttpMetadata::default() }
    }
}

#[async_trait]
impl BlobWriter for EdgeWriter {
    async fn abort(self: Box<Self>) {
        SendFuture::new(self.0.0.abort()).await;
    }

    async fn finish(self: Box<Self>) -> Result<Stored, PortError> {
        SendFuture::new(self.0.0.finish()).await
    }

    async fn write(&mut self, bytes: Bytes) -> Result<(), PortError> {
        SendFuture::new(self.0.write(bytes)).await
    }
}

fn failed(err: worker::Error) -> PortError {
    refused(&err.to_string())
}

fn refused(message: &str) -> PortError {
    PortError::Failed { port: "blobs", message: message.to_owned() }
}
