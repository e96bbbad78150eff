//! One origin for everything: requests go on to the worker of their modality, by service binding.
//!
//! `/v1/*` keeps its path. The native paths of a worker carry its name: `/text/generate`.

use axum::{Router, body::Body, extract::Request, response::Response, routing::any};
use de_core::{
    http::{
        REQUEST_ID,
        context::Context,
        error::{ApiError, Code},
    },
    ports::{Platform, PortError},
};
use de_services::{Reach, WORKERS, Worker};
use http::{HeaderValue, Uri, uri::PathAndQuery};

/// Adds the routes of the other workers.
pub(crate) fn routes(mut routes: Router) -> Router {
    for Worker { name: worker, reach, .. } in WORKERS {
        let Reach::Called { paths, .. } = reach else { continue };
        for path in *paths {
            let as_it_is = move |platform: Platform, context: Context, request: Request| {
                forward(platform, context, worker, request)
            };
            routes = routes
                .route(path, any(as_it_is))
                .route(&format!("{path}/{{*rest}}"), any(as_it_is));
        }
        let without_name = move |platform: Platform, context: Context, request: Request| async move {
            forward(platform, context, worker, stripped(request, worker)?).await
        };
        routes = routes.route(&format!("/{worker}/{{*rest}}"), any(without_name));
    }
    routes
}

/// The same request as the worker sees it on its own host.
fn stripped(mut request: Request, worker: &str) -> Result<Request, ApiError> {
    let target = request.uri().path_and_query().map_or("/", PathAndQuery::as_str);
    let rest = target.strip_prefix('/').and_then(|path| path.strip_prefix(worker));
    let rest = rest.unwrap_or("/").to_owned();
    let mut parts = request.uri().clone().into_parts();
    let bad =
        |err: String| ApiError::new(Code::RouteNotFound, "there is no such path").because(err);
    parts.path_and_query = Some(PathAndQuery::try_from(rest).map_err(|err| bad(err.to_string()))?);
    *request.uri_mut() = Uri::from_parts(parts).map_err(|err| bad(err.to_string()))?;
    Ok(request)
}

async fn forward(
    platform: Platform,
    context: Context,
    worker: &'static str,
    mut request: Request,
) -> Result<Response<Body>, ApiError> {
    // One id in both logs, and the caller gets it back.
    if let Ok(id) = HeaderValue::from_str(context.request_id().as_str()) {
        request.headers_mut().insert(REQUEST_ID, id);
    }
    context.note(|line| line.forwarded_to = Some(worker.to_owned()));
    context.trace().hand_on(request.headers_mut());
    platform.peers.forward(worker, request).await.map_err(|err| match &err {
        PortError::Unbound { .. } => {
            let message = format!("the {worker} worker is not deployed here");
            ApiError::new(Code::NotImplemented, message).because(err.to_string())
        }
        _ => ApiError::internal(err.to_string()),
    })
}
