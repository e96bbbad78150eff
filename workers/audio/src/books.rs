//! A call's place in the books, and what holds for all calls here.

use std::sync::Arc;

use axum::response::Response;
use de_core::{
    auth::Scope,
    books::{Arrival, Asked, Books, CLIENT_LEFT, Outcome},
    caller::Caller,
    http::{
        error::{ApiError, Code},
        extract::Incoming,
    },
    ports::Platform,
};

/// Opens a call: every authenticated one leaves exactly one receipt, whatever becomes of it.
pub(crate) fn open(
    platform: &Platform,
    caller: &Caller,
    incoming: &Incoming,
    operation: &'static str,
    size_bytes: usize,
) -> Arc<Books> {
    let what = Asked { modality: "audio", operation, size_bytes };
    let arrival = Arrival::of(platform, &incoming.context, caller, what);
    Arc::new(Books::open(platform, arrival, incoming.context.started()))
}

/// Closes a call that failed; one that is answered is closed by its answer.
pub(crate) fn closed(
    books: &Books,
    answered: Result<Response, ApiError>,
) -> Result<Response, ApiError> {
    if let Err(error) = &answered {
        match error.code() {
            Code::ClientLeft => books.close(Outcome::Cancelled, CLIENT_LEFT),
            code => books.close(Outcome::Failed(code), code.status().as_u16()),
        }
    }
    answered
}

/// The caller as they may go on: a person is asked for again, since the body may have been long in
/// coming, and a copy that lacks the scope may be old.
pub(crate) async fn let_on(platform: &Platform, mut caller: Caller) -> Result<Caller, ApiError> {
    if caller.key().user_id.is_some() {
        caller = caller.renewed(platform, caller.epochs()).await?;
    }
    if let Err(refusal) = caller.require(Scope::Audio) {
        caller = caller.fresher(platform).await?.ok_or(refusal)?;
        caller.require(Scope::Audio)?;
    }
    Ok(caller)
}

/// Refuses what nothing here could keep: a purchase that is not made twice.
pub(crate) fn no_idempotency_key(incoming: &Incoming) -> Result<(), ApiError> {
    if !incoming.headers.contains_key("idempotency-key") {
        return Ok(());
    }
    let message = "Idempotency-Key is not supported for audio yet; leave the header out";
    Err(ApiError::new(Code::InvalidRequest, message))
}
