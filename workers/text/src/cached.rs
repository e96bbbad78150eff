//! What the response cache does for one call. Where it is off, nothing is looked up and nothing said.

use std::sync::atomic::AtomicI64;

use axum::response::Response;
use de_core::{
    admission::AtHand,
    books::{Books, Outcome},
    caller::Caller,
    http::{context::Context, error::ApiError, extract::Incoming, turn::Turn},
    response_cache::{
        self, Answer, Keeper, Looked, Lookup, Terms, Wish, flight::Waits, place::Asked,
    },
};
use serde_json::{Map, Value};

use crate::ask::Route;

/// The cache of one call.
pub(crate) struct Cached {
    /// Whether the caller says what it wants.
    is_asked: bool,
    lookup: Option<Lookup>,
    /// What the caller is told if a vendor answers.
    word: Option<&'static str>,
}

/// What there was.
pub(crate) enum Found {
    /// The answer.
    Answer(Answer),
    /// No answer; it is to be kept, if the cache is on.
    Nothing(Option<Keeper>),
}

impl Cached {
    /// Reads what the caller and their project want.
    ///
    /// # Errors
    /// `INVALID_REQUEST` for a header that says nothing that we know.
    pub(crate) fn of(
        caller: &Caller,
        turn: &Turn<'_>,
        route: &Route,
        body: &Map<String, Value>,
    ) -> Result<Self, ApiError> {
        let Incoming { context, departure, headers } = turn.incoming;
        let wish = Wish::of(headers)?;
        if Terms::of(wish, caller.key()).is_none() {
            let is_asked = wish.is_some();
            return Ok(Self { is_asked, lookup: None, word: is_asked.then_some("off") });
        }
        let asked = Asked::of(route.operation, headers, body);
        let waits = Waits {
            departure: departure.clone(),
            may: turn.ticket.is_none(),
            since: context.started(),
            waited_ms: AtomicI64::new(0),
        };
        let lookup = Some(Lookup::new(turn.platform, wish, asked, waits));
        Ok(Self { is_asked: wish.is_some(), lookup, word: Some("miss") })
    }

    /// Leaves the call alone: its answer is for this call only.
    pub(crate) fn off(&mut self) {
        self.lookup = None;
        self.word = self.is_asked.then_some("off");
    }

    /// Where admission looks.
    pub(crate) fn lookup(&self) -> Option<&dyn AtHand> {
        self.lookup.as_ref().map(|lookup| lookup as &dyn AtHand)
    }

    /// What admission has found.
    pub(crate) fn looked(&mut self) -> Found {
        match self.lookup.as_ref().map(Lookup::looked) {
            Some(Looked::Hit(answer)) => Found::Answer(answer),
            Some(Looked::Miss(keeper)) => Found::Nothing(Some(keeper)),
            Some(Looked::Off) => {
                // It was turned off while the call came in.
                self.word = self.is_asked.then_some("off");
                Found::Nothing(None)
            }
            None => Found::Nothing(None),
        }
    }

    /// Tells what the cache came to, where a vendor answers.
    pub(crate) fn tell(&self, context: &Context) {
        if let Some(word) = self.word {
            context.tell(response_cache::HEADER, word);
            context.note(|line| line.cache = Some(word.to_owned()));
        }
    }
}

/// Gives an answer that was kept, and closes the books: it costs nothing.
pub(crate) fn give(answer: Answer, context: &Context, books: &Books) -> Response {
    books.kept_answer();
    books.sent(answer.size_bytes());
    books.close(Outcome::Ok, 200);
    answer.into_response(context)
}
