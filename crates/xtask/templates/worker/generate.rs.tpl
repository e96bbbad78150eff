//! `POST /generate`: our own protocol.

use axum::response::Response;
use de_core::{
    auth::Scope,
    caller::Tenant,
    http::error::{ApiError, Code},
};

/// Lets in who may, and says that there is nothing yet.
///
/// What takes its place opens `Books` before it reads a body, so that the call leaves one receipt, and reaches
/// vendors by `exchange` alone.
pub(crate) async fn generate(Tenant(caller): Tenant) -> Result<Response, ApiError> {
    caller.require(Scope::{{Scope}})?;
    let message = "POST /generate of the {{name}} worker is not written yet";
    let place = "it belongs into workers/{{name}}/src/generate.rs";
    Err(ApiError::new(Code::NotImplemented, message).because(place))
}
