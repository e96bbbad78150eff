//! Sees a request to its end, whichever that is, and has its one line written there.
//!
//! A request is over when its answer's head is out and nothing of it is left: no call in the books, no stream. Whoever
//! comes last writes: here, or the books (`crate::books`).

use std::{
    pin::Pin,
    task::{self, Poll},
};

use axum::{
    body::{Body, Bytes},
    extract::{MatchedPath, Request},
};
use http::StatusCode;
use http_body::{Body as _, Frame, SizeHint};

use super::{Service, context::Context, error::ApiError};
use crate::{
    log::{Ending, Event, Level, LogLine},
    otlp::{self, Over},
    ports::Platform,
};

/// One request that is watched. Dropped before its head, it is one whose caller has left.
pub(super) struct Watch {
    context: Context,
    /// Whether its body is watched, so that its end is the request's.
    has_body: bool,
    is_headed: bool,
    platform: Platform,
}

impl Watch {
    /// Begins the line with what is known of a request that has come.
    pub(super) fn begin(service: &Service, context: &Context, request: &Request) -> Self {
        let route = request.extensions().get::<MatchedPath>();
        context.note(|line| {
            line.event = Event::Request;
            service.name.clone_into(&mut line.service);
            line.request_id = Some(context.request_id().as_str().to_owned());
            line.trace_id = Some(context.trace().id.to_string());
            line.span_id = Some(context.trace().span.to_string());
            line.parent_span_id = context.trace().parent.map(|parent| parent.to_string());
            line.method = Some(request.method().as_str().to_owned());
            line.route = route.map(|route| route.as_str().to_owned());
        });
        if let Some(tell) = otlp::begin(&service.platform, context.started(), context.trace()) {
            context.is_told_on(tell);
        }
        Self {
            context: context.clone(),
            has_body: false,
            is_headed: false,
            platform: service.platform.clone(),
        }
    }

    /// Notes what the answer's head says; `goes_on`: its body is still to come, and is watched by [`Watch::over`].
    pub(super) fn head(&mut self, status: StatusCode, failure: Option<&ApiError>, goes_on: bool) {
        self.is_headed = true;
        self.context.note(|line| {
            line.status = Some(status.as_u16());
            let Some(error) = failure else { return };
            line.level = error.level();
            line.error_code = Some(error.code().as_str().to_owned());
            if let Some(cause) = error.cause() {
                line.cause = Some(cause.to_owned());
            }
        });
        self.write(self.context.headed(goes_on));
    }

    /// The same body, watched to its end.
    pub(super) fn over(mut self, body: Body) -> Body {
        self.has_body = true;
        self.context.note(|line| line.streamed = Some(true));
        Body::new(Watched { body, is_whole: false, watch: self })
    }

    fn write(&self, line: Option<LogLine>) {
        if let Some(line) = line {
            write(&self.platform, &self.context, line);
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if self.has_body {
            return self.write(self.context.over());
        }
        if self.is_headed {
            return;
        }
        self.context.note(|line| {
            line.status = Some(crate::books::CLIENT_LEFT);
            line.outcome = Some(Ending::Cancelled);
        });
        self.write(self.context.headed(false));
    }
}

/// Writes the line of a request that is over.
pub(crate) fn write(platform: &Platform, context: &Context, mut line: LogLine) {
    let took = platform.clock.now().since(context.started());
    line.duration_ms = Some(took);
    let status = line.status.unwrap_or(0);
    let outcome = *line.outcome.get_or_insert(match status {
        crate::books::CLIENT_LEFT => Ending::Cancelled,
        400.. => Ending::Failed,
        _ => Ending::Ok,
    });
    // The head was good, the end was not.
    if outcome == Ending::Cut && line.level == Level::Info {
        line.level = Level::Warn;
    }
    let (method, route) = (line.method.as_deref().unwrap_or_default(), line.route.as_deref());
    let route = route.unwrap_or("what is no route");
    let early = match outcome {
        Ending::Cut => ", and broke off",
        Ending::Cancelled => ", and its caller left",
        Ending::Failed | Ending::Ok => "",
    };
    line.message = format!("{method} {route} answered {status} in {took} ms{early}");
    if let Some((tell, attempts)) = context.teller() {
        // Who waits for it is gone only with the runtime.
        drop(tell.send(Over { attempts, line: line.clone() }));
    }
    platform.log.write(line);
}

/// A body whose end has to be known.
struct Watched {
    body: Body,
    is_whole: bool,
    watch: Watch,
}

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut task::Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        match &frame {
            Poll::Ready(None) => self.is_whole = true,
            Poll::Ready(Some(Err(_))) => {
                self.is_whole = true;
                self.watch.context.note(|line| line.outcome = Some(Ending::Cut));
            }
            Poll::Ready(Some(Ok(_))) | Poll::Pending => {}
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Watched {
    /// Its watch is dropped next, and writes.
    fn drop(&mut self) {
        if !self.is_whole && !self.body.is_end_stream() {
            self.watch.context.note(|line| line.outcome = Some(Ending::Cancelled));
        }
    }
}
