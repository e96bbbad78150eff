//! What a caller asks for, whatever protocol it spoke.

use std::sync::Arc;

use de_core::{
    ceiling::TextSize,
    chat::{ChatCall, Document, DocumentSource, Image, OwnWord, Part, Source, Weight},
    expected::Expected,
    http::error::ApiError,
    json::verbatim::Verbatim,
    model::Protocol,
    registry::Model,
};

/// A call for text, read and checked.
#[derive(Clone)]
pub(crate) struct Ask {
    /// In the canonical form.
    pub(crate) call: ChatCall,
    /// What the answer has to be, if it is JSON.
    pub(crate) expected: Option<Expected>,
    /// Whether a stream shall tell its usage, where the protocol leaves that to the caller.
    pub(crate) include_usage: bool,
    /// The instance that the body names.
    pub(crate) instance_id: Option<String>,
    /// The model or alias; absent where the instance's default shall serve.
    pub(crate) model: Option<String>,
    /// The project that the body names.
    pub(crate) project_id: Option<String>,
    /// The caller's own body, where its protocol is one that vendors speak too.
    pub(crate) raw: Option<Verbatim>,
}

/// The protocol that a caller speaks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Wire {
    Anthropic,
    Native,
    OpenAi,
    Responses,
}

impl Wire {
    /// All of them.
    pub(crate) const ALL: [Self; 4] =
        [Self::Anthropic, Self::Native, Self::OpenAi, Self::Responses];

    /// The vendors' protocol that it is, if any.
    pub(crate) fn protocol(self) -> Option<Protocol> {
        match self {
            Self::Anthropic => Some(Protocol::AnthropicMessages),
            Self::Native => None,
            Self::OpenAi => Some(Protocol::OpenaiChat),
            Self::Responses => Some(Protocol::OpenaiResponses),
        }
    }
}

/// A route: what it is called in the books, and how it reads a body.
pub(crate) struct Route {
    pub(crate) operation: &'static str,
    pub(crate) read: fn(Verbatim) -> Result<Ask, ApiError>,
    pub(crate) wire: Wire,
}

impl Ask {
    /// The service tier that the caller names: it may raise the price.
    pub(crate) fn service_tier(&self) -> Option<&str> {
        self.raw.as_ref()?.get("service_tier")?.as_str()
    }

    /// A field that makes the vendor do, and bill, what has no price here: its own tools, such as searches
    /// of the web, which it bills by the use, and speeds and regions that it bills at a multiple.
    pub(crate) fn unpriced_field(&self) -> Option<String> {
        // A saved prompt may bring tools along.
        let tools = ["/tools", "/web_search_options", "/mcp_servers", "/container", "/prompt"];
        let of_tools = |word: &&OwnWord| {
            word.weight != Weight::Hint
                && tools.iter().any(|place| word.issue.pointer.starts_with(place))
        };
        if let Some(word) = self.call.own_words.iter().find(of_tools) {
            return Some(word.issue.pointer.clone());
        }
        // <https://docs.anthropic.com/en/docs/about-claude/pricing>
        let usual = [("speed", "standard"), ("inference_geo", "global")];
        let raw = self.raw.as_ref()?;
        let dearer = usual.into_iter().find(|(name, usual)| {
            raw.get(name).is_some_and(|value| !value.is_null() && value.as_str() != Some(usual))
        });
        dearer.map(|(name, _)| format!("/{name}"))
    }

    /// The data of pictures that stand in the body itself, in bytes of base64.
    fn picture_bytes(&self) -> usize {
        let size = |image: &Image| match &image.source {
            Source::Inline { base64, .. } => base64.len(),
            Source::Url(_) => 0,
        };
        self.pieces().filter_map(picture).map(size).sum()
    }

    /// Lets go of what none of these models is sent: of the caller's own body where each is written anew, and of the
    /// data of pictures and files where each is sent that body. Both may be most of a call, and the vendor's answer
    /// can be long in coming.
    pub(crate) fn let_go(&mut self, wire: Wire, models: &[Arc<Model>]) {
        let relays = |model: &Arc<Model>| wire.protocol() == Some(model.config.protocol);
        let Some(raw) = &mut self.raw else { return };
        if !models.iter().any(relays) {
            *raw = raw.without(&["input", "messages"]);
        } else if models.iter().all(relays) {
            let parts = self.call.messages.iter_mut().flat_map(|message| &mut message.parts);
            parts.for_each(empty);
        }
    }

    /// All parts of all turns, those within results too.
    fn pieces(&self) -> impl Iterator<Item = &Part> {
        let parts = self.call.messages.iter().flat_map(|message| &message.parts);
        parts.flat_map(|part| {
            let inner = match part {
                Part::ToolResult { content, .. } => content.as_slice(),
                _ => &[],
            };
            std::iter::once(part).chain(inner)
        })
    }

    /// What bounds the tokens of one try at a model.
    pub(crate) fn size(&self, body_bytes: usize, output_bound: u64, model: &Model) -> TextSize {
        let context = model.config.context_window.unwrap_or(1 << 20);
        let pictures = self.pieces().filter_map(picture).count();
        let pictures = u64::try_from(pictures).unwrap_or(u64::MAX);
        // Documents, sounds and what a vendor's own tools fetch: nobody knows before the vendor has read it.
        let unread =
            |part: &Part| matches!(part, Part::Audio(_) | Part::Document(_) | Part::Sealed(_));
        let opaque = self.pieces().any(unread)
            || self.call.own_words.iter().any(|word| {
                let places = [
                    "/messages",
                    "/input",
                    "/previous_response_id",
                    "/prompt",
                    "/system",
                    "/tools",
                ];
                word.weight != Weight::Hint
                    && places.iter().any(|place| word.issue.pointer.starts_with(place))
            });
        let attachment_tokens = if opaque {
            context
        } else {
            pictures.saturating_mul(picture_tokens(model.config.protocol)).min(context)
        };
        let messages = self.call.messages.len() + self.call.system.len();
        // A body holds all text, and more than its text: schemas, names, escapes. Only the data of
        // pictures in it is no text.
        let text_bytes = body_bytes.saturating_sub(self.picture_bytes());
        TextSize {
            attachment_tokens,
            choices: self.call.n.unwrap_or(1),
            messages: u64::try_from(messages).unwrap_or(u64::MAX),
            output_bound,
            text_bytes: u64::try_from(text_bytes).unwrap_or(u64::MAX),
            tools: u64::try_from(self.call.tools.len()).unwrap_or(u64::MAX),
        }
    }
}

/// Takes the data out of a part that stands in the body itself.
fn empty(part: &mut Part) {
    match part {
        Part::Audio(audio) => audio.base64 = "".into(),
        Part::Document(Document { source: DocumentSource::File(source), .. })
        | Part::Image(Image { source, .. }) => {
            if let Source::Inline { base64, .. } = source {
                *base64 = "".into();
            }
        }
        Part::ToolResult { content, .. } => content.iter_mut().for_each(empty),
        Part::CacheMark(_)
        | Part::Citation(_)
        | Part::Document(_)
        | Part::Refusal(_)
        | Part::Sealed(_)
        | Part::Text(_)
        | Part::Thinking { .. }
        | Part::ToolCall(_) => {}
    }
}

fn picture(part: &Part) -> Option<&Image> {
    if let Part::Image(image) = part { Some(image) } else { None }
}

/// The most tokens that one picture may cost.
///
/// OpenAI bills by tiles of 512 pixels, up to 8 of them, and GPT-4o mini at 5,667 tokens a tile:
/// <https://platform.openai.com/docs/guides/images-vision>. Anthropic scales down to some 4,800:
/// <https://docs.anthropic.com/en/docs/build-with-claude/vision>. Gemini takes 1,120 at its usual resolution, and
/// 2,240 at its highest: <https://ai.google.dev/gemini-api/docs/media-resolution>; its older models cut tiles,
/// and say of no picture that it is more than this: <https://ai.google.dev/gemini-api/docs/tokens>.
fn picture_tokens(protocol: Protocol) -> u64 {
    match protocol {
        Protocol::AnthropicMessages => 5_000,
        Protocol::Gemini => 4_096,
        Protocol::OpenaiChat | Protocol::OpenaiResponses => 50_000,
        // Only their context bounds the others.
        _ => u64::MAX,
    }
}
