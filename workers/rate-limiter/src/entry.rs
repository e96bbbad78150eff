//! What the runtime calls.

use worker::{Context, Env, Result, event};

#[event(fetch)]
async fn fetch(request: web_sys::Request, env: Env, context: Context) -> Result<web_sys::Response> {
    de_edge::serve::serve(request, env, context, crate::NAME, crate::router).await
}
