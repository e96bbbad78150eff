//! `/v1/bootstrap`, described.

use de_core::{
    http::error::Code,
    openapi::{
        operation::{Answer, Operation},
        shape::Shape,
    },
};
use http::Method;
use serde_json::json;
use utoipa::ToSchema;

use super::{
    sessions::REFUSED,
    values::{EmailAddress, Name},
};
use crate::bootstrap::Bootstrapped;

/// Who operates the service from now on.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes what the handler reads")]
struct Bootstrap {
    /// The secret `DE_BOOTSTRAP_TOKEN` of the deployment.
    #[schema(min_length = 1, max_length = 500)]
    token: String,
    /// The name of their organization.
    organization: Name,
    /// Their address.
    email: EmailAddress,
    /// For people; the address unless given.
    name: Option<Name>,
}

pub(super) fn operation() -> Operation {
    Operation::new(
        Method::POST,
        "/v1/bootstrap",
        "bootstrap",
        "Makes the first who operates the service",
    )
    .notes("Once: not where there is someone already. `Idempotency-Key` is refused.")
    .body(
        Shape::of::<Bootstrap>(),
        json!({
            "token": "the DE_BOOTSTRAP_TOKEN of the deployment",
            "organization": "Example Ltd",
            "email": "root@example.com",
        }),
    )
    .changes()
    .fails(&REFUSED)
    .fails(&[Code::Conflict])
    .answers(
        Answer::json(201, "They are made.", Shape::shown::<Bootstrapped>()).headers(&["Location"]),
    )
}
