//! Answers that hold the pictures themselves: written as they are read from R2, so that ten of them need no
//! more memory than a piece of one.

use std::{collections::VecDeque, io};

use axum::{body::Body, response::Response};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use de_core::{
    http::error::ApiError,
    ports::{BlobRange, Blobs, InboundBody, Platform, PortError},
};
use http::{HeaderValue, header};
use serde_json::{Map, Value};

use crate::pictures::Picture;

/// `{…about, "data": [{"b64_json": …}, …], "usage": …}`.
///
/// # Errors
/// `INTERNAL_ERROR` if the first picture is not there. Should a later one not be, or one not be read to its end
/// though it is opened again, the answer breaks off.
pub(crate) async fn answer(
    platform: &Platform,
    about: Map<String, Value>,
    pictures: Vec<Picture>,
    usage: Option<Value>,
) -> Result<Response, ApiError> {
    let mut head = Value::Object(about).to_string();
    // Open again at its end: more members follow.
    head.pop();
    head.push_str(if head.len() > 1 { ",\"data\":[" } else { "\"data\":[" });
    let tail = match usage {
        Some(usage) => format!("],\"usage\":{usage}}}"),
        None => "]}".to_owned(),
    };
    let mut writing = Writing {
        head: head.into_bytes(),
        left: pictures.into(),
        open: None,
        platform: platform.clone(),
        tail: Some(tail),
    };
    writing.next_picture().await.map_err(|err| ApiError::internal(err.to_string()))?;
    let stream = futures_util::stream::unfold(Some(writing), |writing| async move {
        let mut writing = writing?;
        match writing.piece().await {
            Ok(Some(piece)) => Some((Ok(piece), Some(writing))),
            Ok(None) => None,
            Err(err) => Some((Err(err), None)),
        }
    });
    let mut response = Response::new(Body::from_stream(stream));
    let kind = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    Ok(response)
}

struct Writing {
    /// What is to be written before the next bytes of a picture.
    head: Vec<u8>,
    left: VecDeque<Picture>,
    open: Option<Open>,
    platform: Platform,
    tail: Option<String>,
}

/// How often a picture is opened again that breaks off while it is read. The head of the answer is sent by then, and
/// whoever orders again what broke off pays for it again.
const REOPENED: u32 = 3;

/// A picture that is being read.
struct Open {
    body: Box<dyn InboundBody>,
    /// So many bytes were read.
    read: u64,
    /// So often it was opened again.
    reopened: u32,
    /// Up to two bytes that make no whole group of base64 yet.
    rest: Vec<u8>,
    size_bytes: u64,
    storage_key: String,
}

impl Open {
    /// The next bytes of the picture; `None` at its end. One that breaks off is read on from there.
    async fn chunk(&mut self, blobs: &dyn Blobs) -> Result<Option<Bytes>, PortError> {
        loop {
            let error = match self.body.chunk().await {
                Ok(Some(chunk)) => {
                    let length = u64::try_from(chunk.len()).unwrap_or(u64::MAX);
                    self.read = self.read.saturating_add(length);
                    return Ok(Some(chunk));
                }
                // All of it is here, also if its end was not told.
                _ if self.read >= self.size_bytes => return Ok(None),
                Ok(None) => {
                    let message = "a picture ended before its end".to_owned();
                    PortError::Failed { port: "blobs", message }
                }
                Err(error) => error,
            };
            self.reopen(blobs, error).await?;
        }
    }

    /// Opens the picture where reading it has stopped with that error.
    async fn reopen(&mut self, blobs: &dyn Blobs, mut error: PortError) -> Result<(), PortError> {
        let length = self.size_bytes.saturating_sub(self.read);
        let range = BlobRange { length, offset: self.read };
        while self.reopened < REOPENED {
            self.reopened += 1;
            match blobs.read(&self.storage_key, Some(range)).await {
                Ok(Some(blob)) => {
                    self.body = blob.body;
                    return Ok(());
                }
                // It was deleted meanwhile.
                Ok(None) => return Err(error),
                Err(err) => error = err,
            }
        }
        Err(error)
    }
}

impl Writing {
    /// The next bytes of the answer; `None` at its end.
    async fn piece(&mut self) -> Result<Option<Bytes>, io::Error> {
        let mut out = std::mem::take(&mut self.head);
        loop {
            let Some(open) = &mut self.open else {
                let Some(tail) = self.tail.take() else {
                    return Ok((!out.is_empty()).then(|| out.into()));
                };
                out.extend_from_slice(tail.as_bytes());
                return Ok(Some(out.into()));
            };
            let chunk = open.chunk(&*self.platform.blobs).await;
            match chunk.map_err(io::Error::other)? {
                Some(chunk) => {
                    open.rest.extend_from_slice(&chunk);
                    let whole = open.rest.len() / 3 * 3;
                    let rest = open.rest.split_off(whole);
                    let group = std::mem::replace(&mut open.rest, rest);
                    if !group.is_empty() {
                        out.extend_from_slice(STANDARD.encode(group).as_bytes());
                        return Ok(Some(out.into()));
                    }
                }
                None => {
                    out.extend_from_slice(STANDARD.encode(&open.rest).as_bytes());
                    out.extend_from_slice(b"\"}");
                    self.open = None;
                    if !self.left.is_empty() {
                        out.push(b',');
                        self.next_picture().await?;
                        out.append(&mut self.head);
                    }
                }
            }
        }
    }

    /// Opens the next picture, and writes what stands before it.
    async fn next_picture(&mut self) -> Result<(), io::Error> {
        let Some(picture) = self.left.pop_front() else { return Ok(()) };
        let read = self.platform.blobs.read(&picture.storage_key, None).await;
        let Some(blob) = read.map_err(io::Error::other)? else {
            return Err(io::Error::other("a picture of a job has no bytes"));
        };
        self.head.push(b'{');
        if let Some(prompt) = &picture.output.revised_prompt {
            let prompt = Value::from(prompt.as_str());
            self.head.extend_from_slice(format!("\"revised_prompt\":{prompt},").as_bytes());
        }
        self.head.extend_from_slice(b"\"b64_json\":\"");
        self.open = Some(Open {
            body: blob.body,
            read: 0,
            reopened: 0,
            rest: Vec::new(),
            size_bytes: blob.size_bytes,
            storage_key: picture.storage_key,
        });
        Ok(())
    }
}
