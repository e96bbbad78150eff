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
    .query("target_id", text(), "Only those of the row with this id.")
    .query(
        "action",
        Shape::plain(json!({"type": "string", "examples": ["project.update", "project"]})),
        "Only those where this was done; without a verb, all that was done to rows of this kind.",
    )
    .query("actor_id", text(), "Only those that this person or key made.")
    .query(
        "request_id",
        Shape::plain(json!({"type": "string", "pattern": "^[A-Za-z0-9._-]{1,128}$"})),
        "Only those that the request with this `X-Request-ID` asked for.",
    )
    .paged()
    .fails(&[de_core::http::error::Code::NotFound])
    .answers(Answer::json(200, "A page.", page));
    let read =
        Operation::new(Method::GET, "/v1/audit-events/{id}", "getAuditEvent", "Shows a change")
            .path_part("id", text(), "Its id.")
            .answers(Answer::json(200, "As it was recorded.", Shape::shown::<AuditEvent>()));
    vec![list, read]
}

fn text() -> Shape {
    Shape::plain(json!({"type": "string"}))
}
