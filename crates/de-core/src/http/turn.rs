//! How a call that buys begins, and how it ends: its turn under its `Idempotency-Key`, and its place in the books.
//!
//! Every authenticated call leaves exactly one receipt, whatever becomes of it. One that was answered before
//! shows the receipt that it has. A call that is answered at once takes a [`Turn`]; one that becomes a job only
//! claims its key, as the job opens the books ([`crate::jobs::front`]).

use std::{sync::Arc, time::Duration};

use axum::response::Response;

use super::{
    context::Context,
    error::ApiError,
    extract::Incoming,
    once::{self, Begun, Question, Ticket},
};
use crate::{
    auth::Scope,
    books::{Asked, Books, Outlay},
    caller::Caller,
    ports::Platform,
};

/// How long a call may take before it sends, while it holds the claim on its key: what it waits for until then
/// has deadlines of a few seconds.
pub const HOLD: Duration = Duration::from_secs(30);

/// What a call is, before it is read.
#[derive(Clone, Copy, Debug)]
pub struct Entrance<'a> {
    /// As [`Question::digest`]; `None` also if no key wants it.
    pub digest: Option<[u8; 32]>,
    /// As [`Question::hold`].
    pub hold: Duration,
    /// What kind of work it is in the books: `text`, `audio`, …
    pub modality: &'static str,
    /// The route: `POST /v1/audio/speech`.
    pub operation: &'static str,
    /// What the caller must be allowed to get the answer of a call that was made before.
    pub scope: Scope,
    /// The body, in bytes.
    pub size_bytes: usize,
    /// What else makes the call: variable parts of the path, the query.
    pub subject: &'a str,
}

/// Whose turn it is.
pub enum Taken {
    /// This request's.
    Mine(Turn),
    /// Nobody's: the call was made before, and this is its answer.
    Replayed(Response),
}

/// A call that is this request's to make.
pub struct Turn {
    /// Its place in the books.
    pub books: Arc<Books>,
    context: Context,
    /// There if it came with a key.
    pub ticket: Option<Ticket>,
}

impl Entrance<'_> {
    /// Looks whether the call was made before, and opens it in the books if it was not. It is open there until
    /// its answer closes it, or [`Turn::end`] is told of a failure.
    ///
    /// # Errors
    /// As [`Entrance::claim`].
    pub async fn take(
        &self,
        platform: &Platform,
        caller: &Caller,
        incoming: &Incoming,
    ) -> Result<Taken, ApiError> {
        let ticket = match self.claim(platform, caller, incoming).await? {
            Begun::Call(ticket) => ticket,
            Begun::Replayed(response) => return Ok(Taken::Replayed(response)),
        };
        let context = incoming.context.clone();
        let books = Arc::new(self.open(platform, caller, &context));
        Ok(Taken::Mine(Turn { books, context, ticket }))
    }

    /// Looks whether the call was made before, and opens nothing in the books if it was not.
    ///
    /// # Errors
    /// Those of [`once::begin`]; the refusal is in the books.
    pub async fn claim(
        &self,
        platform: &Platform,
        caller: &Caller,
        incoming: &Incoming,
    ) -> Result<Begun, ApiError> {
        let question = Question {
            digest: self.digest,
            hold: self.hold,
            route: self.operation,
            scope: self.scope,
            subject: self.subject,
        };
        let begun = once::begin(platform, caller, incoming, question).await;
        if let Err(refusal) = &begun {
            self.refuse(platform, caller, &incoming.context, refusal);
        }
        begun
    }

    /// Writes a call into the books that is not made.
    pub fn refuse(
        &self,
        platform: &Platform,
        caller: &Caller,
        context: &Context,
        error: &ApiError,
    ) {
        self.open(platform, caller, context).fail(error);
    }

    fn open(&self, platform: &Platform, caller: &Caller, context: &Context) -> Books {
        let Self { modality, operation, size_bytes, .. } = *self;
        Books::open(platform, context, caller, Asked { modality, operation, size_bytes })
    }
}

impl Turn {
    /// Ends the call: a failure closes its books, and what is kept under its key goes by what it may have cost.
    ///
    /// # Errors
    /// The answer's own.
    pub async fn end(self, answered: Result<Response, ApiError>) -> Result<Response, ApiError> {
        self.close(&answered);
        let outlay = self.books.outlay();
        self.tell(answered, outlay).await
    }

    /// Ends a call that costs nothing, however often it is made: a failure is not kept.
    ///
    /// # Errors
    /// The answer's own.
    pub async fn end_free(
        self,
        answered: Result<Response, ApiError>,
    ) -> Result<Response, ApiError> {
        self.close(&answered);
        self.tell(answered, Outlay::Nothing).await
    }

    /// One that is answered is closed by its answer.
    fn close(&self, answered: &Result<Response, ApiError>) {
        if let Err(error) = answered {
            self.books.fail(error);
        }
    }

    async fn tell(
        self,
        answered: Result<Response, ApiError>,
        outlay: Outlay,
    ) -> Result<Response, ApiError> {
        match self.ticket {
            Some(ticket) => ticket.end(&self.context, answered, outlay).await,
            None => answered,
        }
    }
}
