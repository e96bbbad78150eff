//! The objects that keep claims on `Idempotency-Key`s.

use std::time::Duration;

use async_trait::async_trait;

use super::{Clock, PortError};
use crate::idempotency::{
    Token,
    wire::{Ask, End, Found, Reply, Sending},
};

/// The objects that keep claims on `Idempotency-Key`s, each by a name of ours. Every call has a deadline
/// of its own, and is safe to repeat.
#[async_trait]
pub trait Claims: Send + Sync {
    /// Asks for a claim. One round trip, and one to the blobs where a long reply is found.
    ///
    /// # Errors
    /// [`PortError`] if the object does not answer: whether the asker holds the claim is not known.
    async fn claim(&self, name: &str, ask: Ask) -> Result<Found, PortError>;

    /// Tells that a holder is done, without a reply that is kept.
    ///
    /// # Errors
    /// [`PortError`] if the object does not answer: repeat it.
    async fn end(&self, name: &str, holder: Token, end: End) -> Result<(), PortError>;

    /// Hands over the reply, of at most [`crate::idempotency::REPLY_CAP`] bytes. `false` if the claim is not
    /// this holder's any more.
    ///
    /// # Errors
    /// [`PortError`] if the object does not answer: repeat it.
    async fn finish(&self, name: &str, holder: Token, reply: Reply) -> Result<bool, PortError>;

    /// Tells that something that may be billed is sent next. `false`: the claim is not this holder's, and
    /// nothing may be sent.
    ///
    /// # Errors
    /// [`PortError`] if the object does not answer: nothing may be sent, and whether the claim says so is not
    /// known.
    async fn sent(&self, name: &str, sending: Sending) -> Result<bool, PortError>;
}

/// How often an object is told something before it is given up, and how long between.
const TRIES: u32 = 2;
const PAUSE: Duration = Duration::from_millis(250);

/// Tells an object something, once more if it does not answer.
///
/// # Errors
/// That of the last try.
pub(crate) async fn told<T, F: Future<Output = Result<T, PortError>>>(
    clock: &dyn Clock,
    tell: impl Fn() -> F,
) -> Result<T, PortError> {
    let mut tries = 1;
    loop {
        match tell().await {
            Err(_) if tries < TRIES => {
                tries += 1;
                clock.sleep(PAUSE).await;
            }
            told => return told,
        }
    }
}
