//! What a request that may hold a claim says to its object, until it has said how it ended.

use std::time::Duration;

use futures_channel::oneshot;

use crate::{
    http::error::{ApiError, Code},
    idempotency::{
        Token,
        wire::{Ask, End, Found, Reply, Sending},
    },
    log::LogLine,
    ports::{Platform, PortError, claims::told},
};

/// A claim, and who asks for it.
pub(super) struct Held {
    pub(super) platform: Platform,
    holder: Token,
    name: String,
}

/// How a call ended.
pub(super) enum Finale {
    End(End),
    /// With a reply to be kept, and someone who waits for that.
    Reply {
        reply: Reply,
        tell: oneshot::Sender<()>,
    },
}

/// Waits for the end of a call and tells its claim. Whoever ends without a word has left.
pub(super) async fn see_off(held: std::sync::Arc<Held>, ended: oneshot::Receiver<Finale>) {
    match ended.await.unwrap_or(Finale::End(End::Left)) {
        Finale::End(end) => held.end(end).await,
        Finale::Reply { reply, tell } => {
            held.finish(reply).await;
            // Who does not wait any more need not know.
            tell.send(()).unwrap_or_default();
        }
    }
}

impl Held {
    pub(super) fn new(platform: &Platform, name: String, holder: Token) -> Self {
        Self { platform: platform.clone(), holder, name }
    }

    /// Asks for the claim.
    pub(super) async fn claim(self: &std::sync::Arc<Self>, ask: &Ask) -> Result<Found, ApiError> {
        let claims = &self.platform.claims;
        let found = told(&*self.platform.clock, || claims.claim(&self.name, ask.clone())).await;
        found.map_err(|err| {
            // It may be ours all the same: then the next one shall not have to wait.
            let held = self.clone();
            self.platform.background.spawn(Box::pin(async move { held.end(End::Left).await }));
            unavailable(&err)
        })
    }

    /// Says that something is sent next; `false` if it must not be.
    pub(super) async fn sent(&self, hold_ms: i64) -> Result<bool, ApiError> {
        let sending = || Sending { hold_ms, holder: self.holder };
        let claims = &self.platform.claims;
        let taken = told(&*self.platform.clock, || claims.sent(&self.name, sending())).await;
        taken.map_err(|err| unavailable(&err))
    }

    pub(super) async fn end(&self, end: End) {
        let claims = &self.platform.claims;
        let told = told(&*self.platform.clock, || claims.end(&self.name, self.holder, end)).await;
        if let Err(err) = told {
            self.warn("a claim was not told how its call ended", &err);
        }
    }

    pub(super) async fn finish(&self, reply: Reply) {
        let claims = &self.platform.claims;
        let kept =
            told(&*self.platform.clock, || claims.finish(&self.name, self.holder, reply.clone()))
                .await;
        if let Err(err) = kept {
            self.warn("a reply could not be kept", &err);
        }
    }

    fn warn(&self, what: &str, err: &PortError) {
        self.platform.log.write(LogLine::error(what).because(err));
    }
}

fn unavailable(err: &PortError) -> ApiError {
    let message = "the Idempotency-Key cannot be looked up right now; nothing was sent";
    ApiError::new(Code::LimiterUnavailable, message)
        .retry_after(Duration::from_secs(1))
        .because(err.to_string())
}
