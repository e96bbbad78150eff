//! The requests for pictures and speech: OpenAI images, Ideogram (legacy and v3), ElevenLabs.

use crate::schema::{Field, Kind, TEXT, optional, required};

const FLAG: Kind = Kind::Bool;
const MANY: usize = usize::MAX;

/// `POST /images/generations` with a GPT image model, and `POST /images/edits` beside its files.
/// Follows <https://platform.openai.com/docs/api-reference/images/create>.
pub(crate) const OPENAI_IMAGE: &[Field] = &[
    required("prompt", Kind::Text(1, 32_000)),
    optional("model", TEXT),
    optional("background", Kind::Choice(&["auto", "opaque", "transparent"])),
    optional("moderation", Kind::Choice(&["auto", "low"])),
    optional("n", Kind::Integer(1, 10)),
    optional("output_compression", Kind::Integer(0, 100)),
    optional("output_format", Kind::Choice(&["png", "jpeg", "webp"])),
    optional("partial_images", Kind::Integer(0, 3)),
    optional("quality", Kind::Choice(&["auto", "low", "medium", "high", "xhigh", "max"])),
    optional("safety_identifier", Kind::Text(0, 128)),
    optional("size", TEXT),
    optional("stream", FLAG),
    optional("user", TEXT),
];

/// The same with the retired DALL·E 3.
pub(crate) const DALL_E_3: &[Field] = &[
    required("prompt", Kind::Text(1, 4_000)),
    optional("model", TEXT),
    optional("n", Kind::Integer(1, 1)),
    optional("quality", Kind::Choice(&["standard", "hd"])),
    optional("response_format", Kind::Choice(&["url", "b64_json"])),
    optional("size", Kind::Choice(&["1024x1024", "1792x1024", "1024x1792"])),
    optional("style", Kind::Choice(&["vivid", "natural"])),
    optional("user", TEXT),
];

const SEED: Kind = Kind::Integer(0, 2_147_483_647);
const PER_CALL: Kind = Kind::Integer(1, 8);
const MAGIC: Kind = Kind::Choice(&["AUTO", "ON", "OFF"]);
const PROMPT: Field = required("prompt", Kind::Text(1, 10_000));

/// `POST /generate` at Ideogram. Follows <https://developer.ideogram.ai/api-reference>.
pub(crate) const IDEOGRAM_LEGACY: &[Field] = &[required(
    "image_request",
    Kind::Object(&[
        PROMPT,
        optional(
            "aspect_ratio",
            Kind::Choice(&[
                "ASPECT_1_1",
                "ASPECT_16_9",
                "ASPECT_9_16",
                "ASPECT_10_16",
                "ASPECT_16_10",
                "ASPECT_3_2",
                "ASPECT_2_3",
                "ASPECT_4_3",
                "ASPECT_3_4",
                "ASPECT_1_3",
                "ASPECT_3_1",
            ]),
        ),
        optional("color_palette", Kind::Map(&Kind::Any, MANY)),
        optional("magic_prompt_option", MAGIC),
        optional(
            "model",
            Kind::Choice(&[
                "V_1",
                "V_1_TURBO",
                "V_2",
                "V_2_TURBO",
                "V_2A",
                "V_2A_TURBO",
                "V_3",
                "AUTO",
            ]),
        ),
        optional("negative_prompt", TEXT),
        optional("num_images", PER_CALL),
        optional("resolution", TEXT),
        optional("seed", SEED),
        optional(
            "style_type",
            Kind::Choice(&[
                "AUTO",
                "GENERAL",
                "REALISTIC",
                "DESIGN",
                "RENDER_3D",
                "ANIME",
                "FICTION",
                "CUSTOM",
                "STYLIZED",
            ]),
        ),
    ]),
)];

/// `POST /v1/ideogram-v3/generate`, as JSON or, beside its files, as a form.
pub(crate) const IDEOGRAM_V3: &[Field] = &[
    PROMPT,
    optional(
        "aspect_ratio",
        Kind::Choice(&[
            "1x1", "16x9", "9x16", "4x3", "3x4", "3x2", "2x3", "4x5", "5x4", "16x10", "10x16",
            "1x2", "2x1", "1x3", "3x1",
        ]),
    ),
    optional("color_palette", Kind::Map(&Kind::Any, MANY)),
    optional("magic_prompt", MAGIC),
    optional("negative_prompt", TEXT),
    optional("num_images", PER_CALL),
    optional(
        "rendering_speed",
        Kind::Choice(&["FLASH", "TURBO", "BALANCED", "DEFAULT", "QUALITY"]),
    ),
    optional("resolution", TEXT),
    optional("seed", SEED),
    optional("style_codes", Kind::List(&TEXT, 1, MANY)),
    optional("style_preset", TEXT),
    optional(
        "style_type",
        Kind::Choice(&["AUTO", "GENERAL", "REALISTIC", "DESIGN", "FICTION", "STYLIZED", "CUSTOM"]),
    ),
];

const SHARE: Kind = Kind::Number(0.0, 1.0);

/// `POST /v1/text-to-speech/{voice_id}` at ElevenLabs.
/// Follows <https://elevenlabs.io/docs/api-reference/text-to-speech/convert>.
pub(crate) const ELEVENLABS: &[Field] = &[
    required("text", TEXT),
    optional("apply_language_text_normalization", FLAG),
    optional("apply_text_normalization", Kind::Choice(&["auto", "on", "off"])),
    optional("language_code", TEXT),
    optional("model_id", TEXT),
    optional("next_request_ids", Kind::List(&TEXT, 0, 3)),
    optional("next_text", TEXT),
    optional("previous_request_ids", Kind::List(&TEXT, 0, 3)),
    optional("previous_text", TEXT),
    optional(
        "pronunciation_dictionary_locators",
        Kind::List(
            &Kind::Object(&[
                required("pronunciation_dictionary_id", TEXT),
                optional("version_id", TEXT),
            ]),
            0,
            3,
        ),
    ),
    optional("seed", Kind::Integer(0, 4_294_967_295)),
    optional(
        "voice_settings",
        Kind::Object(&[
            optional("clone_strength", SHARE),
            optional("similarity_boost", SHARE),
            // The vendor's bounds are not documented: these are wider than those of its pages.
            optional("speed", Kind::Number(0.25, 4.0)),
            optional("stability", SHARE),
            optional("style", SHARE),
            optional("use_speaker_boost", FLAG),
        ]),
    ),
];
