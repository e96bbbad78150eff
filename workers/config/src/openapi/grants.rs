//! What persons may do on instances, described.

use de_core::{
    ids::{InstanceId, UserId},
    openapi::{
        document::Tag,
        operation::{Answer, Operation},
        shape::Shape,
    },
};
use http::Method;
use serde_json::json;
use utoipa::ToSchema;

use super::values::GrantRole;
use crate::grants::UserGrant;

pub(super) const TAG: Tag = Tag { about: "What persons may do on instances.", name: "grants" };

/// What a person shall be able to do on an instance.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes what the handler reads")]
struct Grant {
    /// Each does what those before it do, in the order `readonly`, `user`, `admin`, `owner`.
    role: GrantRole,
}

pub(super) fn operations() -> Vec<Operation> {
    let row = Shape::shown::<UserGrant>;
    let page = || Answer::json(200, "A page.", row().page("UserGrantList"));
    let one = "/v1/users/{id}/grants/{instance_id}";
    let of_both = |operation: Operation| {
        operation
            .id::<UserId>("id", "The person.")
            .id::<InstanceId>("instance_id", "The instance.")
            .changes()
            .fails(&[de_core::http::error::Code::Conflict])
    };
    let of_user = Operation::new(
        Method::GET,
        "/v1/users/{id}/grants",
        "listGrantsOfUser",
        "Lists what a person may do",
    )
    .notes("By instance. Of others, an administrator sees what it is in their own organization.")
    .id::<UserId>("id", "The person.")
    .paged()
    .answers(page());
    let of_instance = Operation::new(
        Method::GET,
        "/v1/instances/{id}/grants",
        "listGrantsOnInstance",
        "Lists who has a grant on an instance",
    )
    .notes(
        "By person. Who may act there without one is not among them: administrators of its organization, and who \
         operates the service.",
    )
    .id::<InstanceId>("id", "The instance.")
    .paged()
    .answers(page());
    let put = Operation::new(Method::PUT, one, "putGrant", "Gives a person a grant")
        .notes("Instead of the one that they may have there.")
        .guarded()
        .body(Shape::of::<Grant>(), json!({"role": "admin"}))
        .answers(Answer::json(200, "It is another one now.", row()).headers(&["ETag"]))
        .answers(Answer::json(201, "It is given.", row()).headers(&["ETag"]));
    let delete = Operation::new(Method::DELETE, one, "deleteGrant", "Takes a grant away")
        .notes("Nothing is admitted by it once this has answered.")
        .guarded()
        .answers(Answer::empty(204, "It is gone."));
    vec![of_user, of_instance, of_both(put), of_both(delete)]
}
