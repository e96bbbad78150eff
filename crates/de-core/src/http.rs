//! What every worker's HTTP has in common: request id, envelope, CORS, headers, one log line.
//!
//! A worker hands [`service`] its routes and gets back what workerd and the tests both call.

pub mod asset;
pub mod context;
pub mod error;
pub mod extract;
pub mod filters;
pub mod health;
pub mod limits;
pub mod once;
pub mod prefer;
pub mod routes;
pub mod telling;
pub mod turn;
pub mod unsupported;
pub mod upload;
pub(crate) mod watch;

use std::{any::TypeId, cell::RefCell, collections::BTreeMap};

use axum::{
    Extension, Router,
    body::Body,
    extract::Request,
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
};
use http::{HeaderName, HeaderValue, Method, StatusCode, header};

use self::{
    context::{Context, Envelope},
    error::{ApiError, Code},
    watch::Watch,
};
use crate::{
    auth::origins,
    ids::RequestId,
    ports::{Platform, Relay, Settings, random},
    trace::{TRACE_ID, Trace},
};

/// The header that carries the request's id, both ways.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What took how long, as browsers show it.
const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// Whose pages may have an answer in them without reading it.
pub const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// What a page may read of our answers: ids, limits, and what happened.
const EXPOSED: &str = "x-request-id, x-de-trace-id, x-de-receipt, x-de-model, x-de-provider, x-de-attempts, \
     x-de-cache, x-de-cost-micros, x-de-dropped, x-de-estimated, age, x-de-max-tokens, x-de-warnings, idempotency-replayed, etag, location, preference-applied, retry-after, ratelimit, ratelimit-policy, server-timing, \
     x-ratelimit-limit-requests, x-ratelimit-remaining-requests, x-ratelimit-reset-requests, \
     x-ratelimit-limit-tokens, x-ratelimit-remaining-tokens, x-ratelimit-reset-tokens";

const TRUE: HeaderValue = HeaderValue::from_static("true");

/// Which worker this is; health and the log line name it.
#[derive(Clone)]
struct Service {
    name: &'static str,
    platform: Platform,
}

/// Dresses a worker's routes: `/health`, `/ready`, 404, 405, and all that this module is for.
///
/// The routes are put together once a thread. Every request has a platform of its own, which comes with it: as the
/// routes' state it would have each of them made anew for each request.
pub fn service<R>(name: &'static str, platform: Platform, routes: R) -> Router
where
    R: FnOnce(Router) -> Router + 'static,
{
    let service = Service { name, platform };
    Router::new().fallback_service(assembled(name, routes)).layer(Extension(service))
}

/// The routes of a worker, of which none knows a platform.
fn assembled<R>(name: &'static str, routes: R) -> Router
where
    R: FnOnce(Router) -> Router + 'static,
{
    thread_local! {
        static KNOWN: RefCell<BTreeMap<(TypeId, &'static str), Router>> = RefCell::default();
    }
    let assemble = || {
        routes(health::routes(name))
            .fallback(unknown_route)
            .method_not_allowed_fallback(wrong_method)
            .layer(from_fn(around))
    };
    // A closure that holds nothing makes the same routes each time; any other may not.
    if size_of::<R>() > 0 {
        return assemble();
    }
    let key = (TypeId::of::<R>(), name);
    let known = KNOWN.with_borrow(|known| known.get(&key).cloned());
    known.unwrap_or_else(|| {
        let made = assemble();
        KNOWN.with_borrow_mut(|known| known.insert(key, made.clone()));
        made
    })
}

async fn unknown_route(request: Request) -> ApiError {
    let path = request.uri().path();
    ApiError::new(Code::RouteNotFound, format!("there is no {} {path}", request.method()))
}

async fn wrong_method(request: Request) -> ApiError {
    let path = request.uri().path();
    ApiError::new(Code::MethodNotAllowed, format!("{path} does not take {}", request.method()))
}

/// Runs around every request.
async fn around(
    Extension(service): Extension<Service>,
    mut request: Request,
    next: Next,
) -> Response {
    let platform = &service.platform;
    let started = platform.clock.now();
    let given = request.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok());
    let request_id = given
        .and_then(|id| RequestId::parse(id).ok())
        .unwrap_or_else(|| RequestId::make(started, random(&*platform.entropy)));
    let envelope = Envelope::of(request.uri().path(), request.headers());
    let origin = request.headers().get(header::ORIGIN).cloned();
    let mut trace = Trace::of(request.headers(), random(&*platform.entropy));
    if let Some(collector) = platform.settings.collector.as_ref().filter(|_| trace.is_root()) {
        trace.sample(collector.share);
    }
    let context = Context::new(request_id, envelope, started).within(trace);
    let mut watch = Watch::begin(&service, &context, &request);

    if request.method() == Method::OPTIONS {
        let response = preflight(&request, &context, &platform.settings);
        watch.head(response.status(), None, false);
        return response;
    }
    request.extensions_mut().insert(context.clone());
    request.extensions_mut().insert(service.platform.clone());
    let mut response = next.run(request).await;
    let failure = response.extensions_mut().remove::<ApiError>();
    if let Some(error) = &failure {
        let allow = response.headers().get(header::ALLOW).cloned();
        response = error.render(&context);
        if let Some(allow) = allow {
            response.headers_mut().insert(header::ALLOW, allow);
        }
    }
    if failure.is_none() {
        response.headers_mut().extend(context.headers_told());
    }
    if let Some(timing) = context.timing().and_then(|timing| HeaderValue::try_from(timing).ok()) {
        response.headers_mut().insert(SERVER_TIMING, timing);
    }
    dress(response.headers_mut(), &context, &platform.settings);
    allow_origin(response.headers_mut(), origin, &context, &platform.settings);
    // The books tell when a call's answer is over, and the platform's own bodies nobody sees the end of.
    let is_told = context.is_open() || response.extensions().get::<Relay>().is_some();
    let is_stream = !is_told && http_body::Body::size_hint(response.body()).exact().is_none();
    watch.head(response.status(), failure.as_ref(), is_stream);
    if is_stream { response.map(|body| watch.over(body)) } else { response }
}

/// Answers what a browser asks before it sends. The call itself decides: the key comes with it.
///
/// Only our own pages may send a cookie with it.
fn preflight(request: &Request, context: &Context, settings: &Settings) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    dress(headers, context, settings);
    let asked = header::ACCESS_CONTROL_REQUEST_HEADERS;
    if let Some(origin) = request.headers().get(header::ORIGIN) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        if origins::header_is_ours(settings, origin) {
            headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, TRUE);
        }
        let methods = HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE");
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
        if let Some(names) = request.headers().get(asked) {
            headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, names.clone());
        }
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
        headers.insert(header::VARY, HeaderValue::from_static("Origin"));
    }
    response
}

/// The headers of every answer.
fn dress(headers: &mut http::HeaderMap, context: &Context, settings: &Settings) {
    if settings.public_base.as_deref().is_some_and(|base| base.starts_with("https://")) {
        let for_a_year = HeaderValue::from_static("max-age=31536000; includeSubDomains");
        headers.insert(header::STRICT_TRANSPORT_SECURITY, for_a_year);
    }
    let fixed =
        [(header::X_CONTENT_TYPE_OPTIONS, "nosniff"), (header::REFERRER_POLICY, "no-referrer")];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // What a link alone opens may stand in pages of any site, and says so itself.
    headers.entry(RESOURCE_POLICY).or_insert(HeaderValue::from_static("same-site"));
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if let Ok(id) = HeaderValue::try_from(context.trace().id.to_string()) {
        headers.insert(TRACE_ID, id);
    }
    if let Ok(id) = HeaderValue::from_str(context.request_id().as_str()) {
        let name = HeaderName::from_static("request-id");
        match context.envelope() {
            // Where Anthropic's SDKs look for it.
            Envelope::Anthropic => drop(headers.insert(name, id.clone())),
            // ElevenLabs' own, if it has answered: a later call may name it as one that went before.
            Envelope::ElevenLabs => drop(headers.entry(name).or_insert_with(|| id.clone())),
            Envelope::Native | Envelope::OpenAi => {}
        }
        headers.insert(REQUEST_ID, id);
    }
}

/// Lets a page read the answer, if its origin is one that the caller's instance lists, or one of ours: those
/// read failures too, and may call with a cookie.
fn allow_origin(
    headers: &mut http::HeaderMap,
    origin: Option<HeaderValue>,
    context: &Context,
    settings: &Settings,
) {
    let Some(origin) = origin else { return };
    // The worker behind the front door may have said so already.
    headers.insert(header::VARY, HeaderValue::from_static("Origin"));
    let is_ours = origins::header_is_ours(settings, &origin);
    if is_ours {
        headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, TRUE);
    }
    if is_ours || context.allows_origin() {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        let names = HeaderValue::from_static(EXPOSED);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, names);
    }
}

/// An answer whose body the platform sends by its own means.
pub fn relayed(mut head: Response, relay: Relay) -> Response {
    head.extensions_mut().insert(relay);
    *head.body_mut() = Body::empty();
    head
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_are_put_together_once_and_never_mixed_up() {
        use std::{cell::Cell, rc::Rc};

        thread_local! { static MADE: Cell<u32> = const { Cell::new(0) }; }
        let count = |routes: Router| {
            MADE.set(MADE.get() + 1);
            routes
        };
        for _ in 0..3 {
            let _routes = assembled("first", count);
        }
        assert_eq!(MADE.get(), 1);
        let _routes = assembled("second", count);
        assert_eq!(MADE.get(), 2);
        let made = Rc::new(Cell::new(0));
        for _ in 0..3 {
            let made = made.clone();
            let _routes = assembled("first", move |routes| {
                made.set(made.get() + 1);
                routes
            });
        }
        assert_eq!(made.get(), 3);
    }
}
