//! `/v1/users`, described.

use de_core::{
    http::error::Code,
    ids::{InstanceId, OrganizationId, UserId},
    openapi::{document::Tag, operation::Operation, shape::Shape},
    store::Activity,
};
use serde_json::json;
use utoipa::ToSchema;

use super::{
    Kind, by_status,
    values::{EmailAddress, Name, Role},
};
use crate::users::User;

pub(super) const TAG: Tag = Tag { about: "Persons, and what they are.", name: "users" };

const KIND: Kind = Kind {
    ids: ["getUser", "createUser", "updateUser", "deleteUser", "listUsers"],
    one: "a person",
    many: "persons",
    path: "/v1/users",
};

/// A new person.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes what the handler reads")]
struct NewUser {
    /// Whose person it is; fixed from then on.
    organization_id: OrganizationId,
    /// Kept in lower case. No two persons of the service have the same.
    email: EmailAddress,
    /// For people.
    name: Option<Name>,
    /// What the person is; `user` unless given.
    role: Option<Role>,
    /// Keys and log-ins of a suspended person are refused; `active` unless given.
    status: Option<Activity>,
}

/// Changes of a person.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes what the handler reads")]
struct UserChanges {
    /// Kept in lower case. No two persons of the service have the same.
    #[schema(nullable = false)]
    email: Option<EmailAddress>,
    /// For people; null: none.
    name: Option<Name>,
    /// What the person is; null: `user`. Nobody makes someone more than they are themselves. Whoever becomes more
    /// than they were loses the keys and log-ins that they had: others may hold them.
    role: Option<Role>,
    /// Whether their keys and log-ins are refused; null: `active`.
    status: Option<Activity>,
}

pub(super) fn operations() -> Vec<Operation> {
    let row = Shape::shown::<User>;
    let text = Shape::plain(json!({"type": "string"}));
    let list = by_status(KIND.list(row().page("UserList")))
        .query("organization_id", Shape::of::<OrganizationId>(), "Only those of this organization.")
        .query("role", Shape::of::<Role>(), "Only those that are this.")
        .query("email", text, "Only the one with this address.")
        .query(
            "instance_id",
            Shape::of::<InstanceId>(),
            "Only those of the organization of this instance, to whom who owns it may give grants.",
        )
        .fails(&[Code::NotFound]);
    vec![
        list,
        KIND.create(
            Shape::of::<NewUser>(),
            json!({"organization_id": "org_dev", "email": "ada@example.com", "name": "Ada"}),
            row(),
        ),
        KIND.read::<UserId>(row()),
        KIND.update::<UserId>(
            Shape::of::<UserChanges>(),
            json!({"name": "Ada Lovelace", "role": "admin"}),
            row(),
        ),
        KIND.delete::<UserId>(),
    ]
}
