//! Pictures, described: one call in two protocols, at the paths of the front door.

mod native;
mod openai;

use de_core::{
    auth::Scope,
    http::error::Code,
    ids::JobId,
    openapi::{
        document::{Document, Tag},
        operation::{Answer, Operation},
        shape::Shape,
    },
    time::Timestamp,
};
use utoipa::ToSchema;

/// The operations and where the worker itself has them; the front door has a name in front of one.
///
/// Each is `METHOD /path` on the worker's own host. Tests hold it against the router.
pub const ROUTES: [(&str, &str); 3] = [
    ("POST /generate", "POST /image/generate"),
    ("POST /v1/images/generations", "POST /v1/images/generations"),
    ("POST /v1/images/edits", "POST /v1/images/edits"),
];

const IMAGES: Tag = Tag {
    about: "Pictures of models of any vendor, in our own protocol or OpenAI's. Each call is a job: what it has made is kept.",
    name: "images",
};

/// Adds the operations of the image worker.
pub fn describe(document: &mut Document) {
    let mut operations = openai::operations();
    operations.insert(0, native::operation());
    let operations = operations.into_iter().map(|operation| operation.tag(IMAGES.name));
    document.add(&[IMAGES], operations.collect());
}

/// A job that goes on: the caller asked not to wait.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `prefer::accepted` writes")]
struct JobAccepted {
    /// Always true: a failure has another form.
    success: bool,
    /// The job.
    job_id: JobId,
    /// Where it stands: `queued`, most often.
    status: String,
    /// Where to look for it, as `Location`.
    status_url: String,
    /// The id of the request.
    request_id: String,
    /// When it was answered.
    timestamp: Timestamp,
}

/// What a call brings along, whatever protocol it speaks.
fn buys(operation: Operation) -> Operation {
    let accepted =
        Answer::json(202, "The job, for who prefers not to wait.", Shape::shown::<JobAccepted>());
    let accepted = accepted
        .headers(&["Idempotency-Replayed", "Location", "Preference-Applied", "x-de-receipt"])
        .limits();
    let operation = operation.scope(Some(Scope::Image)).bought_once().answers(accepted);
    let operation = operation.header("Prefer").header("x-de-fallback");
    operation.header("x-de-on-unsupported").buys_of_model().fails(&[Code::Conflict])
}

/// An answer to one, with what its headers tell.
fn of_call(answer: Answer) -> Answer {
    answer.headers(&["Idempotency-Replayed"]).of_call().left_out()
}
