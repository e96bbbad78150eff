//! `/v1/services`, described.

use de_core::openapi::{
    document::Tag,
    operation::{Answer, Operation},
    shape::Shape,
};
use http::Method;

use crate::services::Service;

pub(super) const TAG: Tag = Tag { about: "What is deployed.", name: "services" };

pub(super) fn operations() -> Vec<Operation> {
    let page = Shape::shown::<Service>().page("ServiceList");
    let list = Operation::new(
        Method::GET,
        "/v1/services",
        "listServices",
        "Lists the workers, and whether each is ready",
    )
    .notes("All of them are asked just now. There are no filters, and one page.")
    .fails(&[de_core::http::error::Code::ValidationError])
    .answers(Answer::json(200, "All of them.", page));
    vec![list]
}
