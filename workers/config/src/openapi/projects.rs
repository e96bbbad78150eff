//! `/v1/projects`, described.

use de_core::{
    ids::{InstanceId, ProjectId},
    openapi::{
        document::Tag,
        operation::{Answer, Operation},
        shape::Shape,
    },
    store::Activity,
};
use http::Method;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::{
    Kind, by_status,
    values::{Description, Name},
};
use crate::projects::{Project, ResponseCache};

pub(super) const TAG: Tag = Tag { about: "What keys of programs belong to.", name: "projects" };

const KIND: Kind = Kind {
    ids: ["getProject", "createProject", "updateProject", "deleteProject", "listProjects"],
    one: "a project",
    many: "projects",
    path: "/v1/projects",
};

/// A new project.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes what the handler reads")]
struct NewProject {
    /// Where it stands; fixed from then on.
    instance_id: InstanceId,
    /// For people.
    name: Name,
    /// For people.
    description: Option<Description>,
    /// Whatever its owner keeps with it, at most 16 KiB of JSON.
    settings: Option<Map<String, Value>>,
    /// Whether prompts and replies may be kept, as those of responses are for `previous_response_id`; false
    /// unless given.
    retain_content: Option<bool>,
    /// Whether answers of text models are kept to be given once more; only where a call asks for it unless given.
    response_cache: Option<ResponseCache>,
    /// Keys of a suspended project are refused; `active` unless given.
    status: Option<Activity>,
}

/// Changes of a project.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes what the handler reads")]
struct ProjectChanges {
    /// For people.
    #[schema(nullable = false)]
    name: Option<Name>,
    /// For people; null: none.
    description: Option<Description>,
    /// Whatever its owner keeps with it, at most 16 KiB of JSON; null: nothing. The whole is replaced.
    settings: Option<Map<String, Value>>,
    /// Whether prompts and replies may be kept, as those of responses are for `previous_response_id`; null: no.
    retain_content: Option<bool>,
    /// Whether answers of text models are kept to be given once more; null: only where a call asks for it.
    response_cache: Option<ResponseCache>,
    /// Keys of a suspended project are refused; null: `active`.
    status: Option<Activity>,
}

pub(super) fn operations() -> Vec<Operation> {
    let row = Shape::shown::<Project>;
    let list = by_status(KIND.list(row().page("ProjectList"))).query(
        "instance_id",
        Shape::of::<InstanceId>(),
        "Only those of this instance.",
    );
    let clear = Operation::new(
        Method::DELETE,
        "/v1/projects/{id}/response-cache",
        "clearResponseCache",
        "Gives up the answers that are kept for a project",
    )
    .notes("None of them is given once this has answered. What is asked from then on is kept anew.")
    .id::<ProjectId>("id", "Its id.")
    .changes()
    .answers(Answer::empty(204, "They are given no more."));
    vec![
        list,
        KIND.create(
            Shape::of::<NewProject>(),
            json!({
                "instance_id": "inst_dev",
                "name": "Search",
                "description": "Answers the questions of the shop's customers.",
                "settings": {"colour": "teal"},
                "response_cache": {"ttl_s": 3_600},
            }),
            row(),
        ),
        KIND.read::<ProjectId>(row()),
        KIND.update::<ProjectId>(
            Shape::of::<ProjectChanges>(),
            json!({"name": "Search and advice", "description": null}),
            row(),
        ),
        KIND.delete::<ProjectId>(),
        clear,
    ]
}
