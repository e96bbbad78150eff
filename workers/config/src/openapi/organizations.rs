//! `/v1/organizations`, described.

use std::collections::BTreeSet;

use de_core::{
    ids::OrganizationId,
    openapi::{document::Tag, operation::Operation, shape::Shape},
    store::Activity,
};
use serde_json::json;
use utoipa::ToSchema;

use super::{
    Kind, by_status,
    values::{EmailAddress, EmailDomain, Name, TimeZone},
};
use crate::organizations::Organization;

pub(super) const TAG: Tag = Tag { about: "Who pays.", name: "organizations" };

const KIND: Kind = Kind {
    ids: [
        "getOrganization",
        "createOrganization",
        "updateOrganization",
        "deleteOrganization",
        "listOrganizations",
    ],
    one: "an organization",
    many: "organizations",
    path: "/v1/organizations",
};

/// A new organization.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes what the handler reads")]
struct NewOrganization {
    /// For people.
    name: Name,
    /// Where bills go.
    billing_email: Option<EmailAddress>,
    /// The domains of the e-mail addresses that its own administrators may give; any unless given.
    #[schema(max_items = 100)]
    email_domains: Option<BTreeSet<EmailDomain>>,
    /// Its days and months begin there; `UTC` unless given.
    time_zone: Option<TimeZone>,
    /// Keys of a suspended organization are refused; `active` unless given.
    status: Option<Activity>,
}

/// Changes of an organization.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes what the handler reads")]
struct OrganizationChanges {
    /// For people.
    #[schema(nullable = false)]
    name: Option<Name>,
    /// Where bills go; null: nowhere.
    billing_email: Option<EmailAddress>,
    /// The domains of the e-mail addresses that its own administrators may give; null: any. Only who operates the
    /// service says so.
    #[schema(max_items = 100)]
    email_domains: Option<BTreeSet<EmailDomain>>,
    /// Its days and months begin there; null: `UTC`.
    time_zone: Option<TimeZone>,
    /// Whether its keys are refused. Only who operates the service says so, and not of their own; null: `active`.
    status: Option<Activity>,
}

pub(super) fn operations() -> Vec<Operation> {
    let row = Shape::shown::<Organization>;
    vec![
        by_status(KIND.list(row().page("OrganizationList"))),
        KIND.create(
            Shape::of::<NewOrganization>(),
            json!({
                "name": "Example Ltd",
                "billing_email": "bills@example.com",
                "time_zone": "Europe/Berlin",
            }),
            row(),
        ),
        KIND.read::<OrganizationId>(row()),
        KIND.update::<OrganizationId>(
            Shape::of::<OrganizationChanges>(),
            json!({"name": "Example and Sons Ltd", "billing_email": null}),
            row(),
        ),
        KIND.delete::<OrganizationId>(),
    ]
}
