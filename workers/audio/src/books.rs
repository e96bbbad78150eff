//! A call's turn under its `Idempotency-Key`, and its place in the books.

use std::{sync::Arc, time::Duration};

use axum::response::Response;
use de_core::{
    auth::Scope,
    books::{Asked, Books},
    caller::Caller,
    http::{
        context::Context,
        error::ApiError,
        extract::Incoming,
        once::{self, Begun, Question, Ticket},
    },
    ports::Platform,
};

/// How long a call may take before it sends, while it holds the claim on its key: what it waits for until
/// then has deadlines of a few seconds.
const HOLD: Duration = Duration::from_secs(30);

/// What a call is, before it is read.
pub(crate) struct Entrance<'a> {
    /// Of the body; `None` if it could not be read, or if no key wants it.
    pub(crate) digest: Option<[u8; 32]>,
    /// The route: `POST /v1/audio/speech`.
    pub(crate) operation: &'static str,
    /// The body, in bytes.
    pub(crate) size_bytes: usize,
    /// What else makes the call: variable parts of the path, the query.
    pub(crate) subject: &'a str,
}

/// Whose turn it is.
pub(crate) enum Turn {
    /// This request's, if it may have one. The ticket is there if it came with a key.
    Mine(Result<Option<Ticket>, ApiError>),
    /// It was made before.
    Replayed(Response),
}

/// Looks whether a call was made before.
pub(crate) async fn turn(
    platform: &Platform,
    caller: &Caller,
    incoming: &Incoming,
    entrance: &Entrance<'_>,
) -> Turn {
    let question = Question {
        digest: entrance.digest,
        hold: HOLD,
        route: entrance.operation,
        scope: Scope::Audio,
        subject: entrance.subject,
    };
    match once::begin(platform, caller, incoming, question).await {
        Ok(Begun::Replayed(response)) => Turn::Replayed(response),
        Ok(Begun::Call(ticket)) => Turn::Mine(Ok(ticket)),
        Err(refusal) => Turn::Mine(Err(refusal)),
    }
}

/// Opens a call: every authenticated one leaves exactly one receipt, whatever becomes of it.
pub(crate) fn open(
    platform: &Platform,
    caller: &Caller,
    context: &Context,
    entrance: &Entrance<'_>,
) -> Arc<Books> {
    let Entrance { operation, size_bytes, .. } = *entrance;
    let what = Asked { modality: "audio", operation, size_bytes };
    Arc::new(Books::open(platform, context, caller, what))
}

/// Closes a call that failed; one that is answered is closed by its answer.
pub(crate) fn close(books: &Books, answered: &Result<Response, ApiError>) {
    if let Err(error) = answered {
        books.fail(error);
    }
}
