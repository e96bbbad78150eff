//! `/v1/sessions`, described.

use de_core::{
    http::error::Code,
    ids::{SessionId, UserId},
    openapi::{
        document::Tag,
        operation::{Answer, Operation},
        shape::Shape,
    },
};
use http::Method;
use serde_json::json;
use utoipa::ToSchema;

use crate::sessions::SessionShown;

pub(super) const TAG: Tag =
    Tag { about: "Log-ins of browsers, and the first of all.", name: "sessions" };

/// What whoever comes without a session is told where their proof does not do.
pub(super) const REFUSED: [Code; 6] = [
    Code::Forbidden,
    Code::InvalidApiKey,
    Code::KeyExpired,
    Code::MissingAuth,
    Code::OriginNotAllowed,
    Code::RateLimitExceeded,
];

/// What somebody logs in with.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes what the handler reads")]
struct LogIn {
    /// The key of a person. Without it, Cloudflare Access has to say who it is.
    #[schema(min_length = 1, max_length = 200, pattern = "^[ -~]+$")]
    key: Option<String>,
}

pub(super) fn operations() -> Vec<Operation> {
    let row = Shape::shown::<SessionShown>;
    let create = Operation::new(Method::POST, "/v1/sessions", "createSession", "Logs in")
        .notes(
            "With the key of a person, or by what Cloudflare Access says in its own header. The cookie is in this \
             answer, and nowhere else. `Idempotency-Key` is refused.",
        )
        .optional_body(Shape::of::<LogIn>(), json!({"key": "de_admin_..."}))
        .changes()
        .fails(&REFUSED)
        .answers(
            Answer::json(201, "The session has begun.", row()).headers(&["Location", "Set-Cookie"]),
        );
    let list = Operation::new(Method::GET, "/v1/sessions", "listSessions", "Lists log-ins")
        .notes("The newest first: one's own that hold, or another person's.")
        .query("user_id", Shape::of::<UserId>(), "Those of this person.")
        .paged()
        .answers(Answer::json(200, "A page.", row().page("SessionList")));
    let id = "Its id; `current` is the one that asks.";
    let either = |operation: Operation| operation.path_part("id", current_or_id(), id);
    let read = Operation::new(Method::GET, "/v1/sessions/{id}", "getSession", "Shows a log-in")
        .notes("The one that asks needs no scope for that.")
        .answers(Answer::json(200, "As it is.", row()));
    let gone = Answer::empty(204, "It is over.").headers(&["Set-Cookie"]);
    let delete = Operation::new(Method::DELETE, "/v1/sessions/{id}", "deleteSession", "Logs out")
        .notes(
            "Nothing is admitted with it once this has answered. The one that asks needs no scope for that: \
             whoever is logged in may log out.",
        )
        .changes()
        .fails(&[Code::Conflict])
        .answers(gone);
    vec![create, list, either(read), either(delete)]
}

fn current_or_id() -> Shape {
    let current = json!({"type": "string", "enum": ["current"]});
    Shape::either([Shape::of::<SessionId>(), Shape::plain(current)])
}
