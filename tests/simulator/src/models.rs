//! The models that the simulator knows, and what each of them can do.
//!
//! Limits and capabilities are those of the vendors' lists as of 2026-11; what a list leaves open is
//! decided from the vendor's pages. Retired models stay known, to be refused as the vendor does.

use crate::config::Vendor;
use crate::openai_effort::{self, Efforts};

/// A model of one vendor.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) vendor: Vendor,
    /// What callers write.
    pub(crate) id: &'static str,
    /// What the reply calls it: the dated snapshot, where the vendor has one.
    pub(crate) snapshot: &'static str,
    pub(crate) kind: ModelKind,
    /// The most tokens of one answer.
    pub(crate) max_output: u64,
    pub(crate) traits: Traits,
}

/// What a model makes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum ModelKind {
    Embedding,
    Image,
    Speech,
    Text,
    Transcription,
}

/// Where models differ in what they take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Traits {
    /// Anthropic: thinking within a budget of tokens is taken.
    pub(crate) budget: bool,
    /// Anthropic: an effort is taken, and thinking that is adaptive.
    pub(crate) effort: bool,
    /// Google, before its 2.5: penalties are taken, and probabilities told.
    pub(crate) early: bool,
    /// OpenAI: how hard it thinks, if it does; what it takes depends on that.
    pub(crate) efforts: Option<&'static Efforts>,
    /// `tool_choice` may demand a tool.
    pub(crate) forced_tools: bool,
    /// Google, from its third generation on: thinking has levels, the signatures of calls must come back, JSON
    /// may be asked for beside tools, and there is one answer to a question.
    pub(crate) levels: bool,
    /// The messages may end with the assistant's turn.
    pub(crate) prefill: bool,
    /// OpenAI: `max_tokens` is refused, `reasoning_effort` is taken. Others: it thinks, if it is asked to.
    pub(crate) reasoning: bool,
    pub(crate) retired: bool,
    /// Temperature and its kin are taken; at OpenAI what [`Traits::efforts`] says goes before it.
    pub(crate) sampling: bool,
    /// Anthropic: the role `system` may stand between other turns.
    pub(crate) system_turns: bool,
    /// Anthropic: thinking cannot be turned off.
    pub(crate) thinks_always: bool,
}

const PLAIN: Traits = Traits {
    budget: true,
    early: false,
    effort: false,
    efforts: None,
    forced_tools: true,
    levels: false,
    prefill: true,
    reasoning: false,
    retired: false,
    sampling: true,
    system_turns: false,
    thinks_always: false,
};

const fn reasoning(efforts: &'static Efforts) -> Traits {
    Traits { efforts: Some(efforts), reasoning: true, ..PLAIN }
}

const CLAUDE_5_5: Traits = Traits {
    budget: false,
    effort: true,
    forced_tools: false,
    prefill: false,
    reasoning: true,
    sampling: false,
    system_turns: true,
    thinks_always: true,
    ..PLAIN
};

const GEMINI_3: Traits = Traits { levels: true, reasoning: true, sampling: false, ..PLAIN };

const RETIRED: Traits = Traits { retired: true, ..PLAIN };

const fn model(vendor: Vendor, id: &'static str, max_output: u64, traits: Traits) -> Model {
    Model { id, kind: ModelKind::Text, max_output, snapshot: id, traits, vendor }
}

const fn dated(id: &'static str, snapshot: &'static str) -> Model {
    Model { snapshot, ..model(Vendor::OpenAi, id, 16_384, PLAIN) }
}

const fn media(vendor: Vendor, kind: ModelKind, id: &'static str, traits: Traits) -> Model {
    Model { kind, ..model(vendor, id, 0, traits) }
}

/// All models.
pub(crate) const MODELS: &[Model] = &[
    dated("gpt-4o", "gpt-4o-2024-08-06"),
    dated("gpt-4o-2024-08-06", "gpt-4o-2024-08-06"),
    dated("gpt-4o-mini", "gpt-4o-mini-2024-07-18"),
    dated("gpt-4o-mini-2024-07-18", "gpt-4o-mini-2024-07-18"),
    // It takes tools in chat completions while it thinks, which later ones do not.
    model(
        Vendor::OpenAi,
        "gpt-5-mini",
        128_000,
        Traits { reasoning: true, sampling: false, ..PLAIN },
    ),
    model(Vendor::OpenAi, "gpt-5.4-mini", 128_000, reasoning(&openai_effort::AT_WILL)),
    model(Vendor::OpenAi, "gpt-6-astra", 128_000, reasoning(&openai_effort::ALWAYS)),
    model(Vendor::OpenAi, "gpt-6-luna", 128_000, reasoning(&openai_effort::USUALLY)),
    model(Vendor::OpenAi, "gpt-6.1-sol", 128_000, reasoning(&openai_effort::ALWAYS)),
    model(
        Vendor::OpenAi,
        "gpt-6.1-terra",
        128_000,
        reasoning(&openai_effort::USUALLY_WITHOUT_CHAT_TOOLS),
    ),
    media(Vendor::OpenAi, ModelKind::Image, "gpt-image-2", PLAIN),
    media(Vendor::OpenAi, ModelKind::Image, "gpt-image-2.5-flare", PLAIN),
    media(Vendor::OpenAi, ModelKind::Image, "gpt-image-2.5-sunburst", PLAIN),
    media(Vendor::OpenAi, ModelKind::Image, "dall-e-3", RETIRED),
    media(Vendor::OpenAi, ModelKind::Speech, "tts-1", PLAIN),
    media(Vendor::OpenAi, ModelKind::Speech, "gpt-4o-mini-tts", PLAIN),
    media(Vendor::OpenAi, ModelKind::Transcription, "gpt-transcribe", PLAIN),
    media(Vendor::OpenAi, ModelKind::Transcription, "gpt-4o-mini-transcribe", PLAIN),
    media(Vendor::OpenAi, ModelKind::Transcription, "whisper-1", PLAIN),
    media(Vendor::OpenAi, ModelKind::Embedding, "text-embedding-3-large", PLAIN),
    media(Vendor::OpenAi, ModelKind::Embedding, "text-embedding-3-small", PLAIN),
    model(Vendor::Anthropic, "claude-opus-5-5", 128_000, CLAUDE_5_5),
    model(Vendor::Anthropic, "claude-sonnet-5-5", 128_000, CLAUDE_5_5),
    model(
        Vendor::Anthropic,
        "claude-haiku-5-5",
        128_000,
        Traits { forced_tools: true, thinks_always: false, ..CLAUDE_5_5 },
    ),
    model(
        Vendor::Anthropic,
        "claude-sonnet-4-6",
        128_000,
        Traits { effort: true, prefill: false, reasoning: true, ..PLAIN },
    ),
    model(Vendor::Anthropic, "claude-haiku-4-5", 64_000, Traits { reasoning: true, ..PLAIN }),
    model(
        Vendor::Anthropic,
        "claude-sonnet-4-20250514",
        64_000,
        Traits { reasoning: true, ..RETIRED },
    ),
    model(Vendor::Anthropic, "claude-3-5-haiku-20241022", 8_192, RETIRED),
    model(Vendor::Google, "gemini-4-argon", 1_048_576, Traits { sampling: true, ..GEMINI_3 }),
    model(Vendor::Google, "gemini-3.8-flash", 65_536, GEMINI_3),
    model(Vendor::Google, "gemini-3.5-flash-lite", 65_536, GEMINI_3),
    model(Vendor::Google, "gemini-2.5-flash", 65_536, Traits { reasoning: true, ..PLAIN }),
    model(Vendor::Google, "gemini-2.0-flash", 8_192, Traits { early: true, ..RETIRED }),
    media(Vendor::Google, ModelKind::Embedding, "gemini-embedding-2", PLAIN),
    media(Vendor::Google, ModelKind::Image, "gemini-3-pro-image", PLAIN),
    media(Vendor::Google, ModelKind::Image, "gemini-3.1-flash-image", PLAIN),
    media(Vendor::Fal, ModelKind::Image, "fal-ai/flux/dev", PLAIN),
    model(Vendor::Groq, "openai/gpt-oss-120b", 65_536, PLAIN),
    model(Vendor::Groq, "qwen/qwen3.8-27b", 16_384, PLAIN),
    media(Vendor::Groq, ModelKind::Transcription, "whisper-large-v3-turbo", PLAIN),
    model(Vendor::Mistral, "mistral-large-4", 1_048_576, PLAIN),
    model(Vendor::Mistral, "mistral-small-latest", 262_144, PLAIN),
    media(Vendor::Mistral, ModelKind::Embedding, "mistral-embed", PLAIN),
    model(Vendor::DeepSeek, "deepseek-v4-pro", 393_216, PLAIN),
    model(Vendor::DeepSeek, "deepseek-flash", 393_216, PLAIN),
    model(Vendor::Together, "zai-org/GLM-5.3", 128_000, PLAIN),
    model(Vendor::Together, "Qwen/Qwen3.7-Plus", 1_000_000, PLAIN),
    model(Vendor::Replicate, "meta/meta-llama-3-8b-instruct", 4_096, PLAIN),
    media(Vendor::ElevenLabs, ModelKind::Speech, "eleven_v4", PLAIN),
    media(Vendor::ElevenLabs, ModelKind::Speech, "eleven_v4_turbo", PLAIN),
    media(Vendor::ElevenLabs, ModelKind::Speech, "eleven_multilingual_v2", PLAIN),
    media(Vendor::ElevenLabs, ModelKind::Speech, "eleven_flash_v2_5", PLAIN),
    media(Vendor::ElevenLabs, ModelKind::Transcription, "scribe_v2", PLAIN),
];

/// Finds a model by vendor, kind and id, retired ones included.
pub(crate) fn find(vendor: Vendor, kind: ModelKind, id: &str) -> Option<&'static Model> {
    MODELS.iter().find(|model| model.vendor == vendor && model.kind == kind && model.id == id)
}

/// What the vendor lists: all of its models that are not retired.
pub(crate) fn listed(vendor: Vendor) -> impl Iterator<Item = &'static Model> {
    MODELS.iter().filter(move |model| model.vendor == vendor && !model.traits.retired)
}
