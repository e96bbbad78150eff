//! One scripted answer: a head, then pieces of a body with pauses and faults between them.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use de_core::ports::{Background, Inbound, InboundBody, Meter, PortError, Relay, RelayDeadlines};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use tokio::time::sleep;

use super::{CloseOnDrop, failed};
use crate::relay::{self, Ahead};

/// What a vendor answers.
#[derive(Clone, Debug)]
pub struct Answer {
    head_after: Option<Duration>,
    headers: HeaderMap,
    pieces: VecDeque<Piece>,
    /// `None`: no connection comes about.
    status: Option<u16>,
    /// Nothing is sent.
    unsendable: bool,
}

#[derive(Clone, Debug)]
enum Piece {
    Break,
    Bytes(Bytes),
    Hang,
    Pause(Duration),
}

impl Answer {
    /// An answer with this status, and no body yet.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self {
            head_after: None,
            headers: HeaderMap::new(),
            pieces: VecDeque::new(),
            status: Some(status),
            unsendable: false,
        }
    }

    /// 200 without a body yet.
    #[must_use]
    pub fn ok() -> Self {
        Self::status(200)
    }

    /// A whole JSON answer.
    #[must_use]
    pub fn json(status: u16, body: &Value) -> Self {
        Self::status(status).header("content-type", "application/json").chunk(body.to_string())
    }

    /// 200 and an open stream of events: add them with [`Answer::event`].
    #[must_use]
    pub fn events() -> Self {
        Self::ok().header("content-type", "text/event-stream")
    }

    /// No connection.
    #[must_use]
    pub fn refused() -> Self {
        Self { status: None, ..Self::ok() }
    }

    /// The platform does not send the request at all.
    #[must_use]
    pub fn unsendable() -> Self {
        Self { unsendable: true, ..Self::refused() }
    }

    /// Adds a header. One that HTTP does not allow is left out.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.append(HeaderName::from_static(name), value);
        }
        self
    }

    /// Keeps the head back for a while.
    #[must_use]
    pub fn head_after(mut self, pause: Duration) -> Self {
        self.head_after = Some(pause);
        self
    }

    /// Adds bytes, in one chunk.
    #[must_use]
    pub fn chunk(self, bytes: impl Into<Bytes>) -> Self {
        self.piece(Piece::Bytes(bytes.into()))
    }

    /// Adds an event with this data, in one chunk.
    #[must_use]
    pub fn event(self, data: &str) -> Self {
        self.chunk(format!("data: {data}\n\n"))
    }

    /// Adds an event with a name, in one chunk.
    #[must_use]
    pub fn named_event(self, name: &str, data: &str) -> Self {
        self.chunk(format!("event: {name}\ndata: {data}\n\n"))
    }

    /// Adds a pause.
    #[must_use]
    pub fn pause(self, pause: Duration) -> Self {
        self.piece(Piece::Pause(pause))
    }

    /// Ends by a broken connection.
    #[must_use]
    pub fn break_off(self) -> Self {
        self.piece(Piece::Break)
    }

    /// Never ends.
    #[must_use]
    pub fn hang(self) -> Self {
        self.piece(Piece::Hang)
    }

    /// The body alone, for tests of what reads bodies.
    #[must_use]
    pub fn into_body(self, background: Arc<dyn Background>) -> Box<dyn InboundBody> {
        let ahead = Ahead::default();
        Box::new(ScriptedBody { ahead, background, open: None, pieces: self.pieces })
    }

    pub(super) async fn play(
        self,
        open: CloseOnDrop,
        background: Arc<dyn Background>,
    ) -> Result<Inbound, PortError> {
        if let Some(pause) = self.head_after {
            sleep(pause).await;
        }
        if self.unsendable {
            let message = "a header is not ASCII".to_owned();
            return Err(PortError::Unsendable { port: "fetch", message });
        }
        let Some(status) = self.status else { return Err(failed("connection refused")) };
        let ahead = Ahead::default();
        let body = ScriptedBody { ahead, background, open: Some(open), pieces: self.pieces };
        Ok(Inbound { body: Box::new(body), headers: self.headers, status })
    }

    fn piece(mut self, piece: Piece) -> Self {
        self.pieces.push_back(piece);
        self
    }
}

struct ScriptedBody {
    ahead: Ahead,
    background: Arc<dyn Background>,
    open: Option<CloseOnDrop>,
    pieces: VecDeque<Piece>,
}

impl ScriptedBody {
    async fn next(&mut self) -> Result<Option<Bytes>, PortError> {
        // A piece is taken when it is over: who gives up waiting and asks again, waits again.
        loop {
            match self.pieces.front() {
                None => {
                    self.open = None;
                    return Ok(None);
                }
                Some(Piece::Break) => {
                    self.open = None;
                    return Err(failed("connection reset by peer"));
                }
                Some(Piece::Bytes(bytes)) => {
                    let bytes = bytes.clone();
                    self.pieces.pop_front();
                    return Ok(Some(bytes));
                }
                Some(Piece::Hang) => std::future::pending().await,
                Some(Piece::Pause(pause)) => {
                    sleep(*pause).await;
                    self.pieces.pop_front();
                }
            }
        }
    }
}

#[async_trait]
impl InboundBody for ScriptedBody {
    async fn ahead(&mut self) -> Result<Option<Bytes>, PortError> {
        let bytes = self.next().await?;
        Ok(self.ahead.looked(bytes))
    }

    async fn chunk(&mut self) -> Result<Option<Bytes>, PortError> {
        match self.ahead.given() {
            Some(bytes) => Ok(Some(bytes)),
            None => self.next().await,
        }
    }

    fn pass(self: Box<Self>) -> Relay {
        relay::pass(self)
    }

    fn relay(self: Box<Self>, deadlines: RelayDeadlines, meter: Box<dyn Meter>) -> Relay {
        let background = self.background.clone();
        relay::relay(self, deadlines, meter, background)
    }
}
