//! `/v1/audit-events`, described.

use de_core::{
    ids::OrganizationId,
    openapi::{
        document::Tag,
        operation::{Answer, Operation},
        shape::Shape,
    },
};
use http::Method;
use serde_json::json;

use crate::audit_events::AuditEvent;

pub(super) const TAG: Tag = Tag { about: "Who changed what.", name: "audit-events" };

pub(super) fn operations() -> Vec<Operation> {
    let page = Shape::shown::<AuditEvent>().page("AuditEventList");
    let list = Operation::new(
        Method::GET,
        "/v1/audit-events",
        "listAuditEvents",
        "Lists the changes",
    )
    .notes(
        "The newest first: those of one's own organization; of all for who operates the service.",
    )
    .query("organization_id", Shape::of::<OrganizationId>(), "Only those of this organization.")
    .query(
        "target_id",
        Shape::plain(json!({"type": "string"})),
        "Only those of the row with this id.",
    )
    .paged()
    .fails(&[de_core::http::error::Code::NotFound])
    .answers(Answer::json(200, "A page.", page));
    vec![list]
}
