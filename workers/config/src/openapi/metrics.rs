//! `/v1/metrics`, described.

use de_core::{
    ids::{InstanceId, OrganizationId},
    openapi::{
        document::Tag,
        operation::{Answer, Operation},
        shape::Shape,
    },
};
use http::Method;

pub(super) const TAG: Tag = Tag { about: "What calls came to, for Prometheus.", name: "metrics" };

pub(super) fn operations() -> Vec<Operation> {
    let text = "The text format of Prometheus, version 0.0.4: counters and histograms by `instance_id`, `model_id` and \
                `provider_id`.";
    let read = Operation::new(
        Method::GET,
        "/v1/metrics",
        "getMetrics",
        "Tells counters and histograms",
    )
    .notes("Of all time, and of what the holder of the key may see. At most 2,000 series of calls.")
    .query("instance_id", Shape::of::<InstanceId>(), "Only those on this instance.")
    .query("organization_id", Shape::of::<OrganizationId>(), "Only those of this organization.")
    .answers(Answer::empty(200, "The metrics.").or_text(text));
    vec![read]
}
