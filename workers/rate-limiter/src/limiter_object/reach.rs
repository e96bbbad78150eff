//! Waiting, and calls out of the object: each has a deadline.

use std::{future::Future, pin::pin, time::Duration};

use de_core::ids::OrganizationId;
use de_edge::bindings::LIMITER;
use futures_util::future::{Either, select};
use serde::de::DeserializeOwned;
use wasm_bindgen::JsValue;
use worker::{Delay, Env, Headers, Method, Request, RequestInit};

use super::Failure;

/// How long another Limiter may take.
const LIMITER_MS: u64 = 1_500;

pub(super) async fn sleep(duration_ms: i64) {
    if let Ok(millis @ 1..) = u64::try_from(duration_ms) {
        Delay::from(Duration::from_millis(millis)).await;
    }
}

/// Waits for something at most so long, then lets go of it.
pub(super) async fn within<T>(
    after_ms: u64,
    what: &'static str,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    match select(pin!(work), Delay::from(Duration::from_millis(after_ms))).await {
        Either::Left((done, _)) => done,
        Either::Right(_) => Err(Failure::TimedOut { after_ms, what }),
    }
}

/// Posts to the Limiter of an organization.
pub(super) async fn limiter<T: DeserializeOwned>(
    env: &Env,
    organization: &OrganizationId,
    path: &str,
    body: &str,
) -> Result<T, Failure> {
    let what = "the organization's limiter";
    let call = async {
        let headers = Headers::new();
        headers.set("content-type", "application/json")?;
        let mut init = RequestInit::new();
        init.with_method(Method::Post).with_headers(headers);
        init.with_body(Some(JsValue::from_str(body)));
        let request = Request::new_with_init(&format!("http://limiter{path}"), &init)?;
        let stub = env.durable_object(LIMITER)?.get_by_name(organization.as_str())?;
        let mut reply = stub.fetch_with_request(request).await?;
        let status = reply.status_code();
        let bytes = reply.bytes().await?;
        if status == 200 {
            return super::from_json(&bytes);
        }
        let message = String::from_utf8_lossy(&bytes).into_owned();
        Err(Failure::Unexpected { message, status, what })
    };
    within(LIMITER_MS, what, call).await
}
