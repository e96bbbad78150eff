//! `/render/render`, described.

use std::collections::BTreeMap;

use de_core::{
    auth::Scope,
    http::error::Code,
    ids::{AssetId, InstanceId, JobId, ProjectId},
    openapi::{
        operation::{Answer, Operation, Speaks},
        shape::Shape,
    },
    time::Timestamp,
};
use http::Method;
use serde_json::{Value, json};
use utoipa::ToSchema;

/// A film to be put together. Fields that are not here are refused by name; null counts as absent.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes what `RenderRequest::parse` reads")]
struct RenderRequest {
    /// What is seen and heard, and when.
    timeline: RenderTimeline,
    /// What becomes of it; without it, MP4 in `hd` with 25 frames a second.
    output: Option<RenderOutput>,
    /// What stands in place of `{{find}}` in any text of the edit.
    #[schema(max_items = 500)]
    merge: Option<Vec<RenderMerge>>,
    /// A public https address that is told of the end, once, by a signed message: see `callback_secret`.
    #[schema(max_length = 2_000, example = "https://hooks.example.com/renders")]
    callback_url: Option<String>,
    /// The model or an alias of it; without one the instance's default for video serves.
    #[schema(min_length = 1)]
    model_id: Option<String>,
    /// The same as `model_id`.
    #[schema(min_length = 1)]
    model: Option<String>,
    /// May repeat the instance of the key.
    instance_id: Option<InstanceId>,
    /// May repeat the project of the key.
    project_id: Option<ProjectId>,
}

/// Tracks of clips in the form of Shotstack's edit, and what lies under them.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes what `RenderRequest::parse` reads")]
struct RenderTimeline {
    /// The first one is on top. Together they have at most 1,000 clips: each has `asset`, `start` and `length` in
    /// seconds, and what Shotstack's pages list besides.
    #[schema(min_items = 1, max_items = 100)]
    tracks: Vec<BTreeMap<String, Value>>,
    /// `{"src", "effect", "volume"}`.
    soundtrack: Option<BTreeMap<String, Value>>,
    /// `#000000`.
    #[schema(max_length = 200)]
    background: Option<String>,
    /// `[{"src"}]`.
    #[schema(max_items = 50)]
    fonts: Option<Vec<BTreeMap<String, Value>>>,
    /// Whether sources that were fetched before may serve again.
    cache: Option<bool>,
}

/// What becomes of a film. The members are Shotstack's; `resolution` may be `720` or `480`, too.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `RenderRequest::parse` reads")]
struct RenderOutput {
    /// `mp4`, `gif`, `mp3`, `jpg` or `png`.
    format: Option<String>,
    /// `preview`, `mobile`, `sd`, `hd`, `1080`, `4k`, `720` (which is `hd`) or `480`. Not beside `size`.
    resolution: Option<String>,
    /// `verylow`, `low`, `medium`, `high` or `veryhigh`.
    quality: Option<String>,
    /// 12, 15, 23.976, 24, 25, 29.97, 30, 48, 50, 59.94 or 60.
    fps: Option<f64>,
    /// `size`, `aspectRatio`, `range`, `poster`, `thumbnail`, `mute`, `repeat`, `scaleTo`, `destinations`.
    #[serde(flatten)]
    others: BTreeMap<String, Value>,
}

/// A text that is filled in.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes what `RenderRequest::parse` reads")]
struct RenderMerge {
    /// What stands between the braces.
    #[schema(max_length = 200)]
    find: String,
    /// A text, a number or a boolean.
    replace: Value,
}

/// A film that was ordered.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the handler writes")]
struct RenderOrdered {
    /// Always true: a failure has another form.
    success: bool,
    /// The render, which is the job.
    render_id: JobId,
    /// The same.
    job_id: JobId,
    /// `queued`, unless the same order was made before.
    status: String,
    /// Where to ask for it.
    status_url: String,
    /// What signs the message to `callback_url`, as webhooks are signed; in this answer and nowhere else. Null
    /// without such an address.
    #[schema(required)]
    callback_secret: Option<String>,
    /// How it is made.
    metadata: RenderOrderedMetadata,
    /// The id of the request.
    request_id: String,
    /// When it was answered.
    timestamp: Timestamp,
}

/// How a film is made.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the handler writes")]
struct RenderOrderedMetadata {
    /// Who is asked first.
    #[schema(required)]
    provider: Option<String>,
    /// The model that is asked first.
    #[schema(required)]
    model: Option<String>,
    /// `mp4`.
    format: String,
    /// By name, or `{"width", "height"}`; null for sound.
    #[schema(required)]
    resolution: Option<Value>,
}

/// A film on its way, or done.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the handler writes")]
struct Render {
    /// False if it has come to nothing.
    success: bool,
    /// The render, which is the job.
    render_id: JobId,
    /// The same.
    job_id: JobId,
    /// `queued`, `fetching`, `rendering`, `saving`, `done` or `failed`; `failed` also where it was cancelled.
    status: String,
    /// In percent, guessed from the state; null if it has come to nothing.
    #[schema(required, maximum = 100)]
    progress: Option<u8>,
    /// A signed link to the film, good for 24 hours; null until it is done.
    #[schema(required)]
    url: Option<String>,
    /// When the link ends.
    #[schema(required)]
    url_expires_at: Option<Timestamp>,
    /// A signed link to a still, if one was ordered.
    #[schema(required)]
    poster: Option<String>,
    /// A signed link to a small still, if one was ordered.
    #[schema(required)]
    thumbnail: Option<String>,
    /// Why it came to nothing, for a person; null otherwise.
    #[schema(required)]
    error: Option<String>,
    /// The same as a code: `PROVIDER_ERROR`.
    #[schema(required)]
    error_code: Option<String>,
    /// What is missing of it, for a person.
    notices: Vec<String>,
    /// What of the order was left out, by its place, once somebody serves it.
    dropped: Vec<String>,
    /// Why, where the call or the model's row wants that told.
    warnings: Vec<String>,
    /// How it came about.
    metadata: RenderMetadata,
    /// When it was ordered.
    created_at: Timestamp,
    /// When it was over; null until then.
    #[schema(required)]
    finished_at: Option<Timestamp>,
    /// The id of the request.
    request_id: String,
    /// When it was answered.
    timestamp: Timestamp,
}

/// How a film came about; what is read from its bytes is null until it is done.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the handler writes")]
struct RenderMetadata {
    /// Who serves it; null until that is known.
    #[schema(required)]
    provider: Option<String>,
    /// The model that serves it; null until that is known.
    #[schema(required)]
    model: Option<String>,
    /// The film, as `GET /v1/assets/{id}` shows it.
    #[schema(required)]
    asset_id: Option<AssetId>,
    /// Read from its bytes.
    #[schema(required)]
    content_type: Option<String>,
    /// In pixels.
    #[schema(required)]
    width: Option<u32>,
    /// In pixels.
    #[schema(required)]
    height: Option<u32>,
    /// How long it is.
    #[schema(required)]
    duration_ms: Option<u64>,
    /// How large it is.
    #[schema(required)]
    size_bytes: Option<u64>,
    /// What it cost, in micro-dollars; null until it is over.
    #[schema(required)]
    cost_micros: Option<i64>,
}

pub(super) fn operations() -> Vec<Operation> {
    let clip = json!({
        "asset": {"type": "image", "src": "https://example.com/a.jpg"}, "start": 0, "length": 2,
    });
    let example = json!({
        "timeline": {"tracks": [{"clips": [clip]}]},
        "output": {"format": "mp4", "resolution": "sd"},
    });
    let order = Operation::new(Method::POST, "/render/render", "createRender", "Orders a film")
        .notes(
            "The edit is checked before anything is bought: each fault is told with its place and with what is allowed \
             there. Sources must be public https addresses. It answers at once; the film becomes an asset.",
        )
        .scope(Some(Scope::Render))
        .speaks(Speaks::NativeCall)
        .bought_once()
        .header("x-de-fallback")
        .header("x-de-on-unsupported")
        .body(Shape::of::<RenderRequest>(), example)
        .fails(&[
            Code::BudgetExceeded,
            Code::MissingApiKey,
            Code::ModelCapability,
            Code::ModelNotAllowed,
            Code::ModelNotFound,
            Code::NotImplemented,
            Code::ProviderUnavailable,
        ])
        .answers(
            Answer::json(202, "It is ordered.", Shape::shown::<RenderOrdered>()).headers(&[
                "Location",
                "x-de-receipt",
                "Idempotency-Replayed",
                "Deprecation",
                "Sunset",
            ]).limits(),
        );
    let read = Operation::new(Method::GET, "/render/render/{id}", "getRender", "Shows a render")
        .scope(None)
        .id::<JobId>("id", "Its id.")
        .fails(&[Code::LimiterUnavailable])
        .answers(Answer::json(200, "The render.", Shape::shown::<Render>()));
    let cancel =
        Operation::new(Method::DELETE, "/render/render/{id}", "cancelRender", "Cancels a render")
            .notes("As `DELETE /v1/jobs/{id}`. Shotstack has no cancellation: it may make and bill it all the same.")
            .scope(Some(Scope::Render))
            .id::<JobId>("id", "Its id.")
            .fails(&[Code::Conflict, Code::LimiterUnavailable])
            .answers(Answer::json(202, "The render as it is now.", Shape::shown::<Render>()));
    let token = Shape::plain(json!({"type": "string"}));
    let callback = Operation::new(
        Method::POST,
        "/render/render/callbacks/{token}",
        "hearOfRender",
        "Takes a vendor's word that something has happened",
    )
    .notes("It is not believed: the vendor is asked. Its body is not read.")
    .open()
    .path_part("token", token, "Known to the vendor of one job.")
    .optional_body(
        Shape::plain(json!({})),
        json!({"type": "edit", "action": "render", "status": "done"}),
    )
    .fails(&[Code::NotFound])
    .answers(Answer::empty(204, "The job asks its vendor now."));
    vec![order, read, cancel, callback]
}
