//! From the runtime's request to a router and back, and what runs at its time without a request.

use std::{
    future::Future,
    sync::{Arc, Once},
};

use axum::{Router, body::Body};
use bytes::Bytes;
use de_core::ports::{Departure, Platform, Relay};
use http_body::Body as _;
use http_body_util::BodyExt;
use tower_service::Service;
use wasm_bindgen::{JsCast, JsValue};
use worker::{Context, Env, ScheduleContext, State, send::SendWrapper};

use crate::{
    answers::EdgeAnswers,
    background::{EdgeBackground, Occasion},
    blobs::EdgeBlobs,
    body::RequestBody,
    brake::EdgeBrake,
    cache::EdgeCache,
    claims::EdgeClaims,
    clock::EdgeClock,
    database::EdgeDatabase,
    departure::EdgeDeparture,
    entropy::EdgeEntropy,
    fetch::EdgeFetch,
    jobs::EdgeJobs,
    limiter::EdgeLimiter,
    log::EdgeLog,
    peers::{EdgePeers, JsRequest},
    relay::JsBody,
    settings, written,
};

/// Serves one request: builds the platform, calls the router, hands the answer to the runtime.
///
/// # Errors
/// Only if the runtime refuses the answer; a handler's failure is an answer of its own.
pub async fn serve(
    request: web_sys::Request,
    env: Env,
    context: Context,
    service: &'static str,
    router: fn(Platform) -> Router,
) -> worker::Result<web_sys::Response> {
    report_panics();
    #[cfg(feature = "faults")]
    if let Some(answer) = crate::faults::answer(&env, &request.method(), &request.url()).await {
        return Ok(answer?.into());
    }
    let departure = EdgeDeparture::of(&request);
    let occasion = Occasion::Request(Arc::new(context));
    let mut router = router(platform(env, service, occasion.clone(), departure.clone()));
    let request = read(request, departure.clone())?;
    let answer: Result<_, std::convert::Infallible> = router.call(request).await;
    match answer {
        Ok(response) => write(response, &occasion, departure).await,
        Err(never) => match never {},
    }
}

/// Runs a job whose time has come, on the same platform as a request.
///
/// The runtime hears of no failure: the job itself logs what went wrong, and is called again at its next
/// time.
pub async fn scheduled<F: Future<Output = ()>>(
    env: Env,
    context: ScheduleContext,
    service: &'static str,
    job: fn(Platform) -> F,
) {
    report_panics();
    let occasion = Occasion::Schedule(SendWrapper::new(context));
    job(platform(env, service, occasion, EdgeDeparture::never())).await;
}

/// The same platform for an event of a Durable Object: there is no client that could leave.
#[must_use]
pub fn object_platform(env: &Env, service: &'static str, state: &State) -> Platform {
    report_panics();
    platform(env.clone(), service, Occasion::object(state), EdgeDeparture::never())
}

/// Chains a readable stack in front of the hook of the `worker` crate, which must stay.
fn report_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let theirs = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            console_error_panic_hook::hook(panic);
            theirs(panic);
        }));
    });
}

fn platform(
    env: Env,
    service: &'static str,
    occasion: Occasion,
    departure: EdgeDeparture,
) -> Platform {
    let settings = settings::settings(&env, service);
    let env = Arc::new(env);
    Platform {
        answers: Arc::new(EdgeAnswers {
            background: EdgeBackground(occasion.clone()),
            cache: EdgeCache(env.clone()),
            settings: settings.clone(),
        }),
        background: Arc::new(EdgeBackground(occasion.clone())),
        blobs: Arc::new(EdgeBlobs {
            departure: departure.clone(),
            env: env.clone(),
            occasion: occasion.clone(),
        }),
        brake: Arc::new(EdgeBrake(env.clone())),
        cache: Arc::new(EdgeCache(env.clone())),
        circuits: settings::circuits(),
        claims: Arc::new(EdgeClaims(env.clone())),
        clock: Arc::new(EdgeClock),
        database: Arc::new(EdgeDatabase(env.clone())),
        entropy: Arc::new(EdgeEntropy),
        fetch: Arc::new(EdgeFetch { departure, occasion }),
        jobs: Arc::new(EdgeJobs(env.clone())),
        limiter: Arc::new(EdgeLimiter(env.clone())),
        log: Arc::new(EdgeLog),
        memory: settings::memory(),
        peers: Arc::new(EdgePeers(env)),
        refusals: settings::refusals(),
        settings,
        shares: settings::shares(),
    }
}

fn read(
    request: web_sys::Request,
    departure: EdgeDeparture,
) -> worker::Result<http::Request<Body>> {
    let body = Body::new(RequestBody::new(&request));
    let mut builder = http::Request::builder().method(&*request.method()).uri(request.url());
    if let Some(headers) = builder.headers_mut() {
        for entry in request.headers().entries() {
            let pair: js_sys::Array = entry?.unchecked_into();
            let (name, value) = (pair.get(0).as_string(), pair.get(1).as_string());
            let (Some(name), Some(value)) = (name, value) else { continue };
            // The runtime hands header bytes over as Latin-1: what is not visible ASCII stays opaque. So does
            // what it could not read: as a letter, one such key would pass for another.
            let value = value.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(0xff));
            let value = http::HeaderValue::from_bytes(&value.collect::<Vec<_>>());
            if let (Ok(name), Ok(value)) = (http::HeaderName::from_bytes(name.as_bytes()), value) {
                headers.append(name, value);
            }
        }
    }
    let failed = |err: http::Error| worker::Error::RustError(err.to_string());
    let mut read = builder.body(body).map_err(failed)?;
    read.extensions_mut().insert(Departure(Arc::new(departure)));
    read.extensions_mut().insert(JsRequest(Arc::new(SendWrapper::new(request))));
    Ok(read)
}

async fn write(
    mut response: http::Response<Body>,
    occasion: &Occasion,
    departure: EdgeDeparture,
) -> worker::Result<web_sys::Response> {
    let relay = response.extensions_mut().remove::<Relay>();
    if let Some(relay) = relay {
        let (mut head, _) = response.into_parts();
        // axum measured the empty body that stands in for the stream.
        if head.headers.get(http::header::CONTENT_LENGTH).is_some_and(|length| length == "0") {
            head.headers.remove(http::header::CONTENT_LENGTH);
        }
        let init = init(&head)?;
        let stream = relay.0.downcast_ref::<JsBody>().map(|body| (*body.0).clone());
        let made = web_sys::Response::new_with_opt_readable_stream_and_init(stream.as_ref(), &init);
        return Ok(made?);
    }
    if response.body().size_hint().exact().is_none() {
        let (head, body) = response.into_parts();
        let init = init(&head)?;
        let stream = written::stream(occasion, departure, body)?;
        let made = web_sys::Response::new_with_opt_readable_stream_and_init(Some(&stream), &init);
        return Ok(made?);
    }
    // A body that is there already: one copy, and no stream around it.
    let (head, body) = response.into_parts();
    let bytes = body.collect().await.map(|all| all.to_bytes()).unwrap_or_else(|_| Bytes::new());
    let init = init(&head)?;
    if bytes.is_empty() {
        return Ok(web_sys::Response::new_with_opt_str_and_init(None, &init)?);
    }
    let array = js_sys::Uint8Array::from(bytes.as_ref());
    Ok(web_sys::Response::new_with_opt_buffer_source_and_init(Some(&array), &init)?)
}

fn init(head: &http::response::Parts) -> Result<web_sys::ResponseInit, JsValue> {
    let headers = web_sys::Headers::new()?;
    for (name, value) in &head.headers {
        if let Ok(value) = value.to_str() {
            headers.append(name.as_str(), value)?;
        }
    }
    let init = web_sys::ResponseInit::new();
    init.set_status(head.status.as_u16());
    init.set_headers(&headers);
    Ok(init)
}
