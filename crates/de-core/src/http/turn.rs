//! How a call that buys begins, and how it ends: its turn under its `Idempotency-Key`, and its place in the books.
//!
//! Every authenticated call stands in exactly one receipt, whatever becomes of it; refused ones beyond the first share
//! theirs ([`crate::books::Refusals`]). One that was answered before shows the receipt that it has. A call that is
//! answered at once takes a [`Turn`], and is let in, sent and answered by it; one that becomes a job only claims its key,
//! as the job opens the books ([`crate::jobs::claimed`]).

use std::{sync::Arc, time::Duration};

use axum::{body::Body as HttpBody, response::Response};
use bytes::Bytes;
use http::{HeaderValue, header};

use super::{
    context::Context,
    error::ApiError,
    extract::{Body, Incoming},
    once::{self, Begun, Question, Ticket},
};
use crate::{
    admission::{self, Admitted, Wanted},
    auth::Scope,
    books::{Asked, Books, Outcome, Outlay},
    caller::Caller,
    exchange::{BeforeSend, Job},
    ports::Platform,
    protocols::Draft,
    registry::Model,
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
pub enum Taken<'a> {
    /// This request's.
    Mine(Turn<'a>),
    /// Nobody's: the call was made before, and this is its answer.
    Replayed(Response),
}

/// A call that is this request's to make: what its route has at hand until it is answered.
pub struct Turn<'a> {
    /// Its place in the books.
    pub books: Arc<Books>,
    /// The request, beside its body.
    pub incoming: &'a Incoming,
    /// The outside world.
    pub platform: &'a Platform,
    /// There if it came with a key.
    pub ticket: Option<Ticket>,
}

impl Entrance<'static> {
    /// A route of which nothing was read yet: what it is called in the books, what kind of work it is there, and what
    /// the caller must be allowed.
    #[must_use]
    pub fn new(operation: &'static str, modality: &'static str, scope: Scope) -> Self {
        Self { digest: None, hold: HOLD, modality, operation, scope, size_bytes: 0, subject: "" }
    }
}

impl Entrance<'_> {
    /// The same for a call with this body.
    #[must_use]
    pub fn with_body(self, body: &Body) -> Self {
        Self { digest: body.digest(), size_bytes: body.size_bytes(), ..self }
    }

    /// Refuses a caller who may not use the route, before anything of the call is read.
    ///
    /// # Errors
    /// As [`Caller::entitled`]; the refusal is in the books.
    pub async fn entitled(
        &self,
        platform: &Platform,
        caller: Caller,
        incoming: &Incoming,
    ) -> Result<Caller, ApiError> {
        let may = caller.clone().entitled(platform, self.scope).await;
        if let Err(refusal) = &may {
            self.refuse(platform, &caller, &incoming.context, refusal);
        }
        may
    }

    /// Looks whether the call was made before, and opens it in the books if it was not. It is open there until
    /// its answer closes it, or [`Turn::end`] is told of a failure.
    ///
    /// # Errors
    /// As [`Entrance::claim`].
    pub async fn take<'a>(
        &self,
        platform: &'a Platform,
        caller: &Caller,
        incoming: &'a Incoming,
    ) -> Result<Taken<'a>, ApiError> {
        let ticket = match self.claim(platform, caller, incoming).await? {
            Begun::Call(ticket) => ticket,
            Begun::Replayed(response) => return Ok(Taken::Replayed(response)),
        };
        let turn = self.take_without_key(platform, caller, incoming);
        Ok(Taken::Mine(Turn { ticket, ..turn }))
    }

    /// The turn of a call that buys nothing: an `Idempotency-Key` means nothing to it.
    #[must_use]
    pub fn take_without_key<'a>(
        &self,
        platform: &'a Platform,
        caller: &Caller,
        incoming: &'a Incoming,
    ) -> Turn<'a> {
        let books = Arc::new(self.open(platform, caller, &incoming.context));
        Turn { books, incoming, platform, ticket: None }
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

impl Turn<'_> {
    /// Lets the call in: finds its models, reserves its share.
    ///
    /// # Errors
    /// Those of [`admission::admit`].
    pub async fn admit(&self, caller: Caller, wanted: &Wanted<'_>) -> Result<Admitted, ApiError> {
        admission::admit(self.platform, &self.incoming.context, &self.books, caller, wanted).await
    }

    /// What the exchange is to do: to ask the models that were let in for a whole answer. `draft` writes the request
    /// for one of them.
    pub fn job<'j>(
        &'j self,
        admitted: &'j Admitted,
        draft: &'j (dyn Fn(&Model) -> Result<Draft, ApiError> + Send + Sync),
    ) -> Job<'j> {
        Job {
            before_send: self.ticket.as_ref().map(|ticket| ticket as &dyn BeforeSend),
            books: &self.books,
            context: &self.incoming.context,
            departure: self.incoming.departure.as_ref(),
            draft,
            holder: (&admitted.caller).into(),
            models: &admitted.models,
            need: admitted.need,
            platform: self.platform,
            routes: &admitted.routes,
            gathers: None,
            streamed: false,
        }
    }

    /// Closes the call with a whole answer, whose head tells its cost.
    pub fn answer(&self, content_type: &'static str, body: Bytes) -> Response {
        self.incoming.context.tell_cost(self.books.cost());
        self.books.sent(body.len());
        self.books.close(Outcome::Ok, 200);
        let mut response = Response::new(HttpBody::from(body));
        let content_type = HeaderValue::from_static(content_type);
        response.headers_mut().insert(header::CONTENT_TYPE, content_type);
        response
    }

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
            Some(ticket) => ticket.end(&self.incoming.context, answered, outlay).await,
            // Without a key the same call would be bought anew.
            None if outlay != Outlay::Nothing => answered.map_err(ApiError::for_good),
            None => answered,
        }
    }
}
