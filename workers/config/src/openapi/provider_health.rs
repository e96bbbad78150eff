//! `/v1/providers/{id}/health` and `/v1/provider-health`, described.

use de_core::{
    http::error::Code,
    ids::{InstanceId, ProviderId},
    openapi::{
        operation::{Answer, Operation},
        shape::Shape,
    },
};
use http::Method;

use crate::provider_health::{ProviderHealth, ProviderHealths};

pub(super) fn operations() -> Vec<Operation> {
    let one = Operation::new(
        Method::GET,
        "/v1/providers/{id}/health",
        "getProviderHealth",
        "Tells how a vendor did lately",
    )
    .notes(
        "By what calls of one instance in the last 15 minutes left in the books; nothing is tried.",
    )
    .id::<ProviderId>("id", "Its id.")
    .query(
        "instance_id",
        Shape::of::<InstanceId>(),
        "The instance whose calls are looked at. A program need not name its own.",
    )
    .answers(Answer::json(200, "How it did.", Shape::shown::<ProviderHealth>()));
    let all = Operation::new(
        Method::GET,
        "/v1/provider-health",
        "listProviderHealth",
        "Tells how the vendors of an instance did lately",
    )
    .notes(
        "By what calls of one instance in the last 15 minutes left in the books; nothing is tried. Those that were \
         tried, or have a model whose circuit is open: of all others there is nothing to tell.",
    )
    .query(
        "instance_id",
        Shape::of::<InstanceId>(),
        "The instance whose calls are looked at. A program need not name its own.",
    )
    .fails(&[Code::NotFound, Code::ValidationError])
    .answers(Answer::json(200, "How they did.", Shape::shown::<ProviderHealths>()));
    vec![one, all]
}
