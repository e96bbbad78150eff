//! `POST /v1/images/generations` and `/v1/images/edits`, described: what we read ourselves. Other members of a body
//! are settings of the model.
//!
//! Follows <https://platform.openai.com/docs/api-reference/images>.

use de_core::openapi::{
    operation::{Answer, Operation, Speaks},
    shape::Shape,
};
use http::Method;
use serde_json::json;
use utoipa::ToSchema;

use super::{buys, of_call};

/// A call in OpenAI's protocol. Null counts as absent.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `ImagesRequest::parse` reads")]
struct CreateImagesRequest {
    /// What shall be seen.
    #[schema(min_length = 1, pattern = "\\S")]
    prompt: String,
    /// The model or an alias of it; without one the instance's default for images serves.
    #[schema(min_length = 1, pattern = "\\S")]
    model: Option<String>,
    /// How many.
    #[schema(minimum = 1, maximum = 10)]
    n: Option<u64>,
    /// `auto`, or width and height in pixels: `1024x1024`.
    size: Option<String>,
    /// How good, in the vendor's words: `low`, `high`, …
    quality: Option<String>,
    /// `url` or `b64_json`. Without it, as the model's own API has it: GPT image models answer with the pictures, others
    /// with links.
    response_format: Option<ImageForm>,
    /// A style, in the vendor's words.
    style: Option<String>,
    /// `opaque` or `transparent`.
    background: Option<String>,
    /// `png`, `jpeg`, `webp`.
    output_format: Option<String>,
    /// For JPEG and WebP.
    #[schema(minimum = 0, maximum = 100)]
    output_compression: Option<u64>,
    /// How strict the vendor is.
    moderation: Option<String>,
    /// Only false: pictures are not streamed.
    stream: Option<bool>,
    /// The caller's own mark for its end user.
    user: Option<String>,
}

/// How pictures are answered.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `ImagesRequest::parse` reads")]
enum ImageForm {
    /// In the answer.
    #[serde(rename = "b64_json")]
    Base64,
    /// Linked to.
    #[serde(rename = "url")]
    Url,
}

/// A call in OpenAI's protocol, as a form with files. What a file is, its bytes say.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `ImagesRequest::of_form` reads")]
struct EditImagesForm {
    /// The picture to change; several of them as `image[]`, up to 16. All files together may have 32 MiB.
    #[schema(format = Binary)]
    image: Option<String>,
    /// Which part of the first one may change: where it is transparent.
    #[schema(format = Binary)]
    mask: Option<String>,
    /// What shall be seen.
    #[schema(min_length = 1, pattern = "\\S")]
    prompt: String,
    /// As without files.
    model: Option<String>,
    /// As without files.
    n: Option<u64>,
    /// As without files.
    size: Option<String>,
    /// As without files.
    quality: Option<String>,
    /// As without files.
    response_format: Option<ImageForm>,
    /// As without files.
    background: Option<String>,
    /// As without files.
    output_format: Option<String>,
    /// As without files.
    output_compression: Option<u64>,
    /// As without files.
    user: Option<String>,
}

/// What was made.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the handler writes")]
struct CreatedImages {
    /// When, in seconds since 1970.
    created: i64,
    /// The pictures. Those that the vendor holds back are not among them.
    data: Vec<CreatedImage>,
    /// As it was asked for.
    #[schema(nullable = false)]
    background: Option<String>,
    /// Read from the bytes of the first one.
    output_format: String,
    /// As it was asked for.
    #[schema(nullable = false)]
    quality: Option<String>,
    /// Read from the bytes of the first one.
    #[schema(nullable = false)]
    size: Option<String>,
    /// What was counted; absent if the vendor counts no tokens.
    #[schema(nullable = false)]
    usage: Option<ImagesUsage>,
}

/// One picture.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the handler writes")]
struct CreatedImage {
    /// The picture in base64.
    #[schema(nullable = false)]
    b64_json: Option<String>,
    /// A link to it, signed and good for a day.
    #[schema(nullable = false)]
    url: Option<String>,
    /// The prompt as the vendor rewrote it.
    #[schema(nullable = false)]
    revised_prompt: Option<String>,
}

/// What was counted, in tokens.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the handler writes")]
struct ImagesUsage {
    /// Read.
    input_tokens: u64,
    /// Of what.
    input_tokens_details: ImagesUsageDetails,
    /// Made.
    output_tokens: u64,
    /// Of what.
    output_tokens_details: ImagesUsageDetails,
    /// All of them.
    total_tokens: u64,
}

/// Tokens by what they are of.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the handler writes")]
struct ImagesUsageDetails {
    /// Of pictures.
    image_tokens: u64,
    /// Of text.
    text_tokens: u64,
}

pub(super) fn operations() -> Vec<Operation> {
    let answer = || of_call(Answer::json(200, "The pictures.", Shape::open::<CreatedImages>()));
    let create = Operation::new(
        Method::POST,
        "/v1/images/generations",
        "createImages",
        "Makes pictures in OpenAI's protocol",
    )
    .notes(
        "The model may be of any vendor. Members that are not here are settings of the model, which takes, refuses or \
         leaves out each by name.",
    )
    .body(
        Shape::open::<CreateImagesRequest>(),
        json!({
            "model": "gpt-image-2", "prompt": "A red kite over dunes", "n": 1, "quality": "low",
            "response_format": "url",
        }),
    )
    .answers(answer());
    let edit = Operation::new(
        Method::POST,
        "/v1/images/edits",
        "editImages",
        "Makes pictures of others in OpenAI's protocol",
    )
    .notes("As without files, in a form.")
    .form(
        Shape::open::<EditImagesForm>(),
        json!({
            "model": "gpt-image-2", "prompt": "Make the kite blue", "quality": "low",
            "response_format": "url", "image": "@kite.png",
        }),
    )
    .answers(answer());
    [create, edit].map(|one| buys(one.speaks(Speaks::OpenAi))).into()
}
