//! An answer on its way to the caller, told with what the gateway knows of its conversation, and kept.
//!
//! Vendors and dialects say that nothing is stored and that nothing came before. Where we keep conversations,
//! that is put right in every place that holds the response, and the turn is kept before its last event leaves:
//! whoever has heard the end can go on from it.

use std::sync::Arc;

use axum::{body::Body, response::Response};
use bytes::Bytes;
use futures_util::StreamExt;
use http_body_util::BodyExt;
use serde_json::{Map, Value};

use super::{Turn, keep};
use crate::{
    http::context::Context,
    ids::ProjectId,
    json,
    log::LogLine,
    ports::Platform,
    protocols::openai_responses::listed,
    sse::{Boundary, Decoder, Event, MAX_EVENT_BYTES, encode},
};

/// What is told of a turn that is too large.
const TOO_LARGE: &str = "this turn or its conversation is larger than what is kept, so no later call can name this \
                         response or its items: send the items themselves, as clients do with store: false";

/// What is known of a conversation, and what becomes of its next turn.
#[derive(Clone)]
pub struct Telling {
    /// The call.
    pub context: Context,
    /// The caller's own input.
    pub input: Value,
    /// Whether the turn would be kept, and is too large for it.
    pub is_too_large: bool,
    /// Whose project keeps the turn; `None`: it is not kept.
    pub keeper: Option<ProjectId>,
    /// Where it is kept.
    pub platform: Platform,
    /// The response that it goes on from.
    pub previous_id: Option<String>,
}

impl Telling {
    /// Whether an answer differs from what the vendor's or the dialect's is.
    #[must_use]
    pub fn changes(&self) -> bool {
        self.keeper.is_some() || self.previous_id.is_some()
    }

    /// Tells a whole answer, or a stream as it comes. What is no response goes on as it is.
    pub async fn answer(self, response: Response, streams: bool) -> Response {
        if self.is_too_large {
            self.tell_unkept();
        }
        if !self.changes() {
            return response;
        }
        let (parts, body) = response.into_parts();
        if streams {
            return Response::from_parts(parts, self.stream(body));
        }
        let bytes = body.collect().await.map(|all| all.to_bytes()).unwrap_or_default();
        let bytes = match json::object(&bytes) {
            Ok(whole) => Bytes::from(Value::Object(self.ended(whole).await).to_string()),
            Err(_) => bytes,
        };
        Response::from_parts(parts, Body::from(bytes))
    }

    /// Says that the turn is not kept, and why. Whoever does not look at `store` goes on from it, and fails then.
    fn tell_unkept(&self) {
        self.context.warn("store", TOO_LARGE);
    }

    fn stream(self, body: Body) -> Body {
        let state = Rewriting {
            boundary: Boundary::default(),
            current: Vec::new(),
            idle: false,
            source: body.into_data_stream(),
            telling: Arc::new(self),
        };
        let stream = futures_util::stream::unfold(Some(state), |state| async move {
            let mut state = state?;
            loop {
                match state.source.next().await {
                    Some(Ok(chunk)) => {
                        let out = state.push(&chunk).await;
                        if !out.is_empty() {
                            return Some((Ok(Bytes::from(out)), Some(state)));
                        }
                    }
                    Some(Err(err)) => return Some((Err(err), None)),
                    None => {
                        let rest = core::mem::take(&mut state.current);
                        let out = state.telling.event(rest).await;
                        return (!out.is_empty()).then(|| (Ok(Bytes::from(out)), None));
                    }
                }
            }
        });
        Body::from_stream(stream)
    }

    /// Puts right what a response says of its conversation.
    fn put_right(&self, response: &mut Map<String, Value>, is_kept: bool) {
        response.insert("store".to_owned(), is_kept.into());
        response.insert("previous_response_id".to_owned(), self.previous_id.clone().into());
    }

    /// A response that has ended well: put right, and kept.
    async fn ended(&self, mut response: Map<String, Value>) -> Map<String, Value> {
        self.put_right(&mut response, self.keeper.is_some());
        let Some(project) = &self.keeper else { return response };
        let id = response.get("id").and_then(Value::as_str).unwrap_or_default();
        let made = id.split_once('_').map_or(id, |(_, rest)| rest);
        let turn = Turn { input: listed(&self.input, made), response };
        let kept = keep(&self.platform, project, self.previous_id.as_deref(), &turn).await;
        let is_kept = match kept {
            Ok(is_kept) => {
                if !is_kept {
                    // Of a stream the headers are gone: there the last event alone says it.
                    self.tell_unkept();
                }
                is_kept
            }
            Err(err) => {
                let line = LogLine::error("a turn of a conversation could not be kept");
                self.platform.log.write(line.because(&err));
                false
            }
        };
        let mut response = turn.response;
        self.put_right(&mut response, is_kept);
        response
    }

    /// One event as it is told.
    async fn event(&self, block: Vec<u8>) -> Vec<u8> {
        let Some(event) = with_response(&block) else { return block };
        let Ok(mut data) = json::object(event.data.as_bytes()) else { return block };
        let kind = data.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
        let Some(Value::Object(mut response)) = data.get_mut("response").map(Value::take) else {
            return block;
        };
        if matches!(kind.as_str(), "response.completed" | "response.incomplete") {
            response = self.ended(response).await;
        } else {
            let failed = kind == "response.failed";
            self.put_right(&mut response, self.keeper.is_some() && !failed);
        }
        data.insert("response".to_owned(), Value::Object(response));
        encode(Some(&kind), &Value::Object(data).to_string()).into_bytes()
    }
}

/// A stream of events, of which those are rewritten that hold the response.
struct Rewriting<S> {
    boundary: Boundary,
    /// The current event so far.
    current: Vec<u8>,
    /// An event was too long to look into: everything passes.
    idle: bool,
    source: S,
    telling: Arc<Telling>,
}

impl<S> Rewriting<S> {
    /// Takes a piece of the stream, and gives the events that are whole by now.
    async fn push(&mut self, chunk: &Bytes) -> Vec<u8> {
        if self.idle {
            return chunk.to_vec();
        }
        let (mut rest, mut out) = (chunk.clone(), Vec::new());
        while let Some(end) = self.boundary.find(&rest) {
            self.current.extend_from_slice(&rest.split_to(end));
            let block = core::mem::take(&mut self.current);
            out.extend(self.telling.event(block).await);
        }
        self.current.extend_from_slice(&rest);
        if self.current.len() > MAX_EVENT_BYTES {
            self.idle = true;
            out.append(&mut self.current);
        }
        out
    }
}

/// The event of a block, if it may hold the response. A look at the text spares reading every event: within a
/// text a quote would have a backslash before it.
fn with_response(block: &[u8]) -> Option<Event> {
    const NAME: &[u8] = b"\"response\":";
    block.windows(NAME.len()).any(|window| window == NAME).then_some(())?;
    let mut decoder = Decoder::default();
    let event = decoder.push(block).pop().or_else(|| decoder.finish());
    event?.ok()
}
