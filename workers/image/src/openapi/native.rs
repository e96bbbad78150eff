//! `POST /image/generate`, described.

use de_core::{
    ids::{AssetId, InstanceId, JobId, ProjectId},
    openapi::{
        operation::{Answer, Operation, Speaks},
        shape::Shape,
    },
    time::Timestamp,
};
use http::Method;
use serde_json::json;
use utoipa::ToSchema;

use super::{buys, of_call};

/// A call in our own protocol. Fields that are not here are refused by name; null counts as absent.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes what `ImageRequest::parse` reads")]
struct GenerateImagesRequest {
    /// What shall be seen.
    #[schema(min_length = 1, pattern = "\\S")]
    prompt: String,
    /// The model or an alias of it; without one the instance's default for images serves.
    #[schema(min_length = 1, pattern = "\\S")]
    model_id: Option<String>,
    /// The same as `model_id`.
    #[schema(min_length = 1, pattern = "\\S")]
    model: Option<String>,
    /// Settings of the model.
    options: Option<ImageOptions>,
    /// May repeat the instance of the key.
    instance_id: Option<InstanceId>,
    /// May repeat the project of the key.
    project_id: Option<ProjectId>,
}

/// Settings of the model. Each has its own: those that most have are here, others go by the names that the model's
/// vendor or mapping has for them. What a model lacks is refused, unless its row says to leave it out.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `ImageRequest::parse` reads")]
struct ImageOptions {
    /// How many pictures.
    #[schema(minimum = 1, maximum = 10)]
    num_images: Option<u64>,
    /// Width and height in pixels: `1024x1024`. Where a vendor knows shapes alone, that of it.
    size: Option<String>,
    /// Width to height: `16:9`. Instead of `size`.
    aspect_ratio: Option<String>,
    /// How good, in the vendor's words: `low`, `high`, …
    quality: Option<String>,
    /// A style, in the vendor's words.
    style: Option<String>,
    /// What shall not be seen.
    negative_prompt: Option<String>,
    /// For pictures that can be had again.
    seed: Option<i64>,
    /// `png`, `jpeg`, `webp`.
    output_format: Option<String>,
    /// `opaque` or `transparent`.
    background: Option<String>,
}

/// What was made.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the handler writes")]
struct GeneratedImages {
    /// Always true: a failure has another form.
    success: bool,
    /// A link to the first picture, signed and good for a day.
    image_url: String,
    /// The pictures.
    images: Vec<GeneratedImage>,
    /// The path of the first one.
    r2_path: String,
    /// How they came about.
    metadata: GeneratedImageMetadata,
    /// What is missing among them, for a person: pictures that the vendor holds back are billed all the same.
    notices: Vec<String>,
    /// The job that made them.
    job_id: JobId,
    /// The id of the request.
    request_id: String,
    /// When it was answered.
    timestamp: Timestamp,
}

/// One picture.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the handler writes")]
struct GeneratedImage {
    /// A signed link to it, for whoever has it.
    url: String,
    /// When the link ends.
    url_expires_at: Timestamp,
    /// Its asset.
    asset_id: AssetId,
    /// In pixels, read from its bytes.
    width: Option<u32>,
    /// In pixels, read from its bytes.
    height: Option<u32>,
    /// `png`, `jpeg`, `webp`, …
    format: String,
    /// Read from its bytes: `image/png`.
    content_type: String,
    /// How many bytes it has.
    size_bytes: u64,
    /// The prompt as the vendor rewrote it.
    revised_prompt: Option<String>,
    /// What it could be made from again.
    seed: Option<u64>,
}

/// How pictures came about.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the handler writes")]
struct GeneratedImageMetadata {
    /// Who served it.
    provider: Option<String>,
    /// The model that answered.
    model: Option<String>,
    /// Of the first one, read from its bytes: `1024x1024`.
    dimensions: Option<String>,
    /// Of the first one.
    format: String,
    /// How long it took.
    generation_time_ms: i64,
    /// What all of them cost in micro-dollars; null if they have no price.
    cost_micros: Option<i64>,
}

pub(super) fn operation() -> Operation {
    let generate =
        Operation::new(Method::POST, "/image/generate", "generateImages", "Makes pictures")
            .notes("In our own protocol. The pictures are kept, and linked to.")
            .speaks(Speaks::NativeCall)
            .body(
                Shape::of::<GenerateImagesRequest>(),
                json!({
                    "model_id": "gpt-image-2",
                    "prompt": "A red kite over dunes",
                    "options": {"aspect_ratio": "1:1", "quality": "low"},
                }),
            )
            .answers(of_call(Answer::json(
                200,
                "The pictures.",
                Shape::shown::<GeneratedImages>(),
            )));
    buys(generate)
}
