//! The runtime's way in.

use worker::{Context, Env, event};

#[event(fetch)]
async fn fetch(
    request: web_sys::Request,
    env: Env,
    context: Context,
) -> worker::Result<web_sys::Response> {
    de_edge::serve::serve(request, env, context, crate::NAME, crate::router).await
}
