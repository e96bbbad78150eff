//! `/v1/limits`, described.

use de_core::{
    ids::{InstanceId, OrganizationId},
    openapi::{
        document::Tag,
        operation::{Answer, Operation},
        shape::Shape,
    },
};
use http::Method;
use serde_json::json;
use utoipa::ToSchema;

use super::values::{LimitAmount, LimitScope};
use crate::limits::Limits;

pub(super) const TAG: Tag = Tag {
    about: "How many calls and tokens in a rolling window, and how many calls at once.",
    name: "limits",
};

/// Changes of the limits of one scope. What is named is set, null removes it, the rest stays.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes what the handler reads")]
struct LimitChanges {
    /// Calls in any rolling minute.
    requests_per_minute: Option<LimitAmount>,
    /// Calls in any rolling hour.
    requests_per_hour: Option<LimitAmount>,
    /// Calls in any rolling day.
    requests_per_day: Option<LimitAmount>,
    /// Tokens, read and made, in any rolling minute.
    tokens_per_minute: Option<LimitAmount>,
    /// Tokens, read and made, in any rolling hour.
    tokens_per_hour: Option<LimitAmount>,
    /// Tokens, read and made, in any rolling day.
    tokens_per_day: Option<LimitAmount>,
    /// Calls that run at once.
    concurrent: Option<LimitAmount>,
    /// Whether all limits of this scope are counted and shown, but not enforced; null: no.
    shadow: Option<bool>,
}

/// Where limits or budgets hold, as a path names it.
pub(super) fn of_scope(operation: Operation) -> Operation {
    let id = json!({
        "type": "string", "minLength": 1, "maxLength": 100, "examples": ["proj_dev"],
    });
    operation
        .path_part("scope", Shape::of::<LimitScope>(), "What they hold for.")
        .path_part("id", Shape::plain(id), "The id of that; a slash in it is percent-encoded.")
        .query(
            "instance_id",
            Shape::of::<InstanceId>(),
            "In which instance: required for a model, a provider, and the key of a person, which stand in \
             several.",
        )
}

/// Lists limits or budgets.
pub(super) fn list(operation: Operation) -> Operation {
    operation
        .query(
            "organization_id",
            Shape::of::<OrganizationId>(),
            "Only those of this organization. Who operates the service must name this or the instance.",
        )
        .query("instance_id", Shape::of::<InstanceId>(), "Only those in this instance.")
        .query("scope", Shape::of::<LimitScope>(), "Only those of this kind of scope.")
        .query("scope_id", Shape::plain(json!({"type": "string"})), "Only those of this scope.")
        .paged()
}

pub(super) fn operations() -> Vec<Operation> {
    let row = Shape::shown::<Limits>;
    let one = "/v1/limits/{scope}/{id}";
    let page = Answer::json(200, "A page.", row().page("LimitsList"));
    let all = Operation::new(Method::GET, "/v1/limits", "listLimits", "Lists limits")
        .notes(
            "By scope, and only what the holder of the key may see: a program its own key and project, a person \
             what stands in instances on which they have a grant, an administrator all of the organization. What \
             model configs say is shown with a model that has limits here.",
        )
        .answers(page);
    let read = Operation::new(Method::GET, one, "getLimits", "Shows the limits of a scope")
        .notes("Also where none is set.")
        .answers(Answer::json(200, "As they are.", row()).headers(&["ETag"]));
    let put = Operation::new(Method::PUT, one, "putLimits", "Sets limits of a scope")
        .notes("What is named is set, null removes it, the rest stays. A lower one holds once this has answered.")
        .guarded()
        .changes()
        .body(
            Shape::of::<LimitChanges>(),
            json!({"requests_per_minute": 600, "tokens_per_day": 50_000_000, "concurrent": 40}),
        )
        .answers(Answer::json(200, "As they are now.", row()).headers(&["ETag"]));
    let delete =
        Operation::new(Method::DELETE, one, "deleteLimits", "Removes all limits of a scope")
            .guarded()
            .changes()
            .answers(Answer::empty(204, "They are gone."));
    vec![list(all), of_scope(read), of_scope(put), of_scope(delete)]
}
