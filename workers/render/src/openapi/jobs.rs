//! `/v1/jobs`, described.

use de_core::{
    http::error::Code,
    ids::{
        ApiKeyId, AssetId, InstanceId, JobId, ModelId, OrganizationId, ProjectId, ProviderId,
        ReceiptId, RequestId, UserId,
    },
    jobs::Fault,
    openapi::{
        operation::{Answer, Operation},
        shape::Shape,
    },
    receipt::Usage,
    time::Timestamp,
};
use http::Method;
use serde_json::json;
use utoipa::ToSchema;

use crate::jobs::{MODALITIES, STATES};

/// A piece of work: what is known of it, and what it has made so far.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the handlers write")]
pub(super) struct Job {
    /// Its id.
    id: JobId,
    /// `queued`, `submitting` (the order is on its way), `running` (the vendor has it), `copying` (the results are on
    /// their way into our own store), `succeeded`, `failed` or `cancelled`.
    status: String,
    /// `audio`, `image` or `video`.
    modality: String,
    /// The route that ordered it: `POST /render`.
    operation: String,
    /// How far it is, in percent; null where the vendor does not tell.
    #[schema(required)]
    progress: Option<u8>,
    /// What it has made and is kept, each with a signed link.
    outputs: Vec<JobOutput>,
    /// What is missing among its outputs, for a person.
    notices: Vec<String>,
    /// What of the order was left out, by its place in our own words, as `options/style`; known once somebody serves
    /// it.
    dropped: Vec<String>,
    /// Why each of `dropped` was left out, where the call or the model's row wants that told (`warn`).
    warnings: Vec<String>,
    /// Why it came to nothing; null unless it has failed.
    #[schema(required)]
    error: Option<Fault>,
    /// Who serves it; null until that is known.
    #[schema(required)]
    model_id: Option<ModelId>,
    /// Who serves it; null until that is known.
    #[schema(required)]
    provider_id: Option<ProviderId>,
    /// The vendor's id of it, while it runs.
    #[schema(required)]
    provider_job_id: Option<String>,
    /// The vendor's word for its state, while it runs.
    #[schema(required)]
    provider_status: Option<String>,
    /// How many requests were sent to order it.
    attempts: u64,
    /// What it costs, in micro-dollars; null until it is over, and if it has no price.
    #[schema(required)]
    cost_micros: Option<i64>,
    /// What was used; null until it is over.
    #[schema(required)]
    usage: Option<Usage>,
    /// Its receipt.
    receipt_id: ReceiptId,
    /// The request that ordered it.
    request_id: RequestId,
    /// Whose organization.
    organization_id: OrganizationId,
    /// Whose instance.
    instance_id: InstanceId,
    /// The project of the key that ordered it; null for a person's.
    #[schema(required)]
    project_id: Option<ProjectId>,
    /// The key that ordered it; null for a session.
    #[schema(required)]
    api_key_id: Option<ApiKeyId>,
    /// The person who ordered it; null for a project's key.
    #[schema(required)]
    user_id: Option<UserId>,
    /// Counts its changes.
    revision: u64,
    /// When it was ordered.
    created_at: Timestamp,
    /// When it changed last.
    updated_at: Timestamp,
    /// When it was over; null until then.
    #[schema(required)]
    finished_at: Option<Timestamp>,
}

/// Something that a job has made.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the handlers write")]
pub(super) struct JobOutput {
    /// Its asset.
    asset_id: AssetId,
    /// A signed link to the bytes, for whoever has it. Ask for the job again to have a new one.
    url: String,
    /// When the link ends: 24 hours from now, or with its asset; in messages of webhooks seven days from the job's end.
    url_expires_at: Timestamp,
    /// When its asset is deleted by itself; null: never.
    #[schema(required)]
    expires_at: Option<Timestamp>,
    /// `image`, `audio`, `video`, or of a film `poster`, `thumbnail`.
    role: String,
    /// Read from its bytes: `image/png`.
    content_type: String,
    /// How large it is.
    size_bytes: u64,
    /// Of its bytes, in hexadecimal digits.
    sha256: String,
    /// In pixels; null for sound, and where the bytes do not tell.
    #[schema(required)]
    width: Option<u32>,
    /// In pixels; null for sound, and where the bytes do not tell.
    #[schema(required)]
    height: Option<u32>,
    /// How long it is; null for pictures, and where the bytes do not tell.
    #[schema(required)]
    duration_ms: Option<u64>,
    /// The prompt as the vendor rewrote it; null if it did not.
    #[schema(required)]
    revised_prompt: Option<String>,
    /// What it could be made from again; null if the vendor does not tell.
    #[schema(required)]
    seed: Option<u64>,
}

/// A page of jobs.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the handler writes")]
struct JobPage {
    /// The newest first.
    data: Vec<Job>,
    /// What `?cursor=` has to be for the next page; null after the last one.
    #[schema(required)]
    next_cursor: Option<String>,
}

pub(super) fn operations() -> Vec<Operation> {
    let asks = |operation: Operation| operation.scope(None).fails(&[Code::LimiterUnavailable]);
    let one_of = |words: &[&str]| Shape::plain(json!({"type": "string", "enum": words}));
    let list = Operation::new(Method::GET, "/v1/jobs", "listJobs", "Lists jobs")
        .notes(
            "The newest first. A project's key sees its project's, a person's all of the instance. A list may be some \
             seconds late; a job by itself is not.",
        )
        .query("status", one_of(&STATES), "In this state.")
        .query("modality", one_of(&MODALITIES), "Of this modality.")
        .query("project_id", Shape::of::<ProjectId>(), "Of this project.")
        .paged()
        .answers(Answer::json(200, "The jobs.", Shape::shown::<JobPage>()));
    let read = Operation::new(Method::GET, "/v1/jobs/{id}", "getJob", "Shows a job")
        .notes("As it is now, with links to what it has made that are good for 24 hours.")
        .id::<JobId>("id", "Its id.")
        .answers(Answer::json(200, "The job.", Shape::shown::<Job>()));
    let cancel = Operation::new(Method::DELETE, "/v1/jobs/{id}", "cancelJob", "Cancels a job")
        .notes(
            "It ends as soon as it can be stopped: at once if nothing was sent yet; with the vendor's own cancellation, \
             where it has one, once the order is known there. An order that is on its way to a vendor that answers with \
             the result cannot be stopped, nor results that are being copied: such a job goes on to its end. What the \
             vendor may bill is in the receipt. The key needs the scope that the job was ordered with.",
        )
        .id::<JobId>("id", "Its id.")
        .fails(&[Code::Conflict])
        .answers(Answer::json(202, "The job as it is now.", Shape::shown::<Job>()));
    let events = Operation::new(
        Method::GET,
        "/v1/jobs/{id}/events",
        "followJob",
        "Follows a job to its end",
    )
    .notes(
        "An event `job` now and at each change, whose data is the job and whose id is its `revision`; comments between \
         show that the line lives. The last event is the job's end. `Last-Event-ID` goes on after what was seen; once \
         the end was, the answer is 204. A line lasts half an hour at most: come again.",
    )
    .id::<JobId>("id", "Its id.")
    .answers(Answer::empty(200, "The changes.").or_events("Events `job`.", Shape::shown::<Job>()))
    .answers(Answer::empty(204, "You have seen the end."));
    [list, read, cancel, events].map(asks).into()
}
