//! `/v1/openapi.json`, described by itself.

use de_core::openapi::{
    document::Tag,
    operation::{Answer, Operation},
    shape::Shape,
};
use http::Method;
use serde_json::json;

pub(super) const TAG: Tag = Tag { about: "This description.", name: "openapi" };

pub(super) fn operations() -> Vec<Operation> {
    let document = Shape::plain(json!({
        "type": "object",
        "description": "An OpenAPI document of version 3.1.",
        "additionalProperties": true,
    }));
    let read = Operation::new(
        Method::GET,
        "/v1/openapi.json",
        "getOpenApi",
        "Describes every operation that is built",
    )
    .header("If-None-Match")
    .answers(Answer::json(200, "The document.", document).headers(&["ETag", "Cache-Control"]))
    .answers(Answer::empty(304, "It is still the one of the `ETag`.").headers(&["ETag"]));
    vec![read]
}
