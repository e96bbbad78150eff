//! The runtime's way in.

use worker::{Context, Env, ScheduleContext, ScheduledEvent, event};

#[event(fetch)]
async fn fetch(
    request: web_sys::Request,
    env: Env,
    context: Context,
) -> worker::Result<web_sys::Response> {
    de_edge::serve::serve(request, env, context, crate::NAME, crate::router).await
}

/// There is one time only, every minute, so that the event says nothing new.
#[event(scheduled)]
async fn scheduled(_event: ScheduledEvent, env: Env, context: ScheduleContext) {
    de_edge::serve::scheduled(env, context, crate::NAME, crate::scheduled::run).await;
}
