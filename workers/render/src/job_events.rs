//! `GET /v1/jobs/{id}/events`: each change of a job as it comes, until it is over.
//!
//! Follows <https://html.spec.whatwg.org/multipage/server-sent-events.html>: the id of an event is the job's
//! revision, so a reader that lost the line goes on after what it has seen.

use std::time::Duration;

use async_trait::async_trait;
use axum::response::{IntoResponse, Response};
use de_core::{
    caller::{Caller, Tenant},
    http::{
        error::ApiError,
        extract::{Incoming, PathText},
        telling::{self, Telling, WAITING},
    },
    ids::JobId,
    jobs::View,
    ports::{Platform, PortError},
    time::UnixMillis,
};
use http::StatusCode;

use crate::jobs::{find, own, shown};

/// How long the line is silent at most. A comment then shows that it lives, and whether anyone is there.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// How long one line lasts. Readers of events come again by themselves.
const LONGEST_MS: i64 = 30 * 60 * 1_000;
/// How long a reader may go on reading before it is asked anew whether they may.
const RECHECK_MS: i64 = 60 * 1_000;
/// Looks in a row without an answer, before the line ends.
const TRIES: u32 = 3;

/// Tells how a job goes.
pub(crate) async fn events(
    platform: Platform,
    Tenant(caller): Tenant,
    PathText(id): PathText,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let caller = caller.current(&platform).await?;
    let view = own(&platform, &caller, &id).await?;
    let seen = incoming.headers.get("last-event-id").and_then(|value| value.to_str().ok());
    let seen: u64 = seen.and_then(|text| text.parse().ok()).unwrap_or(0);
    if view.is_over() && seen >= view.revision {
        // There is nothing more to tell: readers do not come again after this.
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let now = platform.clock.now();
    let reader = Reader {
        caller,
        checked_at: now,
        ends_at: now.plus(LONGEST_MS),
        id: view.id.clone(),
        next: Some(view),
        platform,
        seen,
        stumbles: 0,
    };
    Ok(telling::events(reader))
}

/// One reader, and what it has seen.
struct Reader {
    caller: Caller,
    /// When the reader was known to be let in.
    checked_at: UnixMillis,
    ends_at: UnixMillis,
    id: JobId,
    /// What may be told next.
    next: Option<View>,
    platform: Platform,
    seen: u64,
    stumbles: u32,
}

#[async_trait]
impl Telling for Reader {
    async fn next(mut self) -> Option<(String, Option<Self>)> {
        let now = self.platform.clock.now();
        if now.since(self.checked_at) >= RECHECK_MS {
            // A reader who still may comes again, and hears why not if not. The Limiter is not asked: it knows of
            // no time that is over, and of nobody from elsewhere who operates the service.
            self.caller = self.caller.as_of_now(&self.platform).await.ok()?;
            self.checked_at = now;
        }
        let view = match self.next.take() {
            Some(view) => view,
            None => match self.look().await {
                Ok(Some(view)) => view,
                // It was not over, and nobody knows it any more.
                Ok(None) => return None,
                Err(_) if self.stumbles < TRIES => {
                    self.stumbles += 1;
                    self.platform.clock.sleep(HEARTBEAT).await;
                    return Some((WAITING.to_owned(), Some(self)));
                }
                Err(_) => return None,
            },
        };
        self.stumbles = 0;
        let is_over = view.is_over();
        if view.revision <= self.seen && !is_over {
            let goes_on = self.platform.clock.now() < self.ends_at;
            return Some((WAITING.to_owned(), goes_on.then_some(self)));
        }
        self.seen = view.revision;
        let job = shown(&self.platform, &view).ok()?;
        let text = format!("id: {}\nevent: job\ndata: {job}\n\n", view.revision);
        Some((text, (!is_over).then_some(self)))
    }
}

impl Reader {
    /// Waits for a change, as long as a heartbeat. An object that has forgotten the job has its end in a row.
    async fn look(&self) -> Result<Option<View>, PortError> {
        match self.platform.jobs.watch(&self.id, self.seen, HEARTBEAT).await? {
            Some(view) => Ok(Some(view)),
            None => Ok(find(&self.platform, &self.id).await.ok().flatten()),
        }
    }
}
