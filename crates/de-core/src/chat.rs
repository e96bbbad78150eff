//! The canonical conversation: what every text protocol can be translated to and from.
//!
//! It holds what the chat protocols share. What only one of them knows travels in
//! [`ChatCall::extra`], and is sent on only where caller and vendor speak the same protocol.

use serde_json::{Map, Value};

use crate::{protocols::FieldIssue, receipt::Usage};

/// One request for a reply.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChatCall {
    /// Members of the caller's own protocol that have no place here, by name.
    pub extra: Map<String, Value>,
    /// −2 to 2; OpenAI's own.
    pub frequency_penalty: Option<f64>,
    /// Turns, oldest first; never a system prompt.
    pub messages: Vec<Message>,
    /// Upper bound of completion tokens, at least 1.
    pub max_output_tokens: Option<u64>,
    /// How many answers; OpenAI's own, absent means 1.
    pub n: Option<u64>,
    /// Whether several tools may be called at once.
    pub parallel_tool_calls: Option<bool>,
    /// −2 to 2; OpenAI's own.
    pub presence_penalty: Option<f64>,
    /// How hard a reasoning model thinks: `low`, `medium`, `high`, …
    pub reasoning_effort: Option<String>,
    /// Where the request says what only its own protocol can say (a sound, a vendor's own tool), which
    /// stands nowhere else here: a relay carries it, any other vendor refuses with these issues.
    pub relay_only: Vec<FieldIssue>,
    /// What form the answer must have.
    pub response_format: Option<ResponseFormat>,
    /// For answers that can be had again; OpenAI's own.
    pub seed: Option<i64>,
    /// Texts that end the answer.
    pub stop: Vec<String>,
    /// Whether the answer comes as a stream.
    pub stream: bool,
    /// System prompt, its blocks in order.
    pub system: Vec<String>,
    /// 0 to 2 (OpenAI), 0 to 1 (Anthropic).
    pub temperature: Option<f64>,
    /// Which tools must, may or must not be called.
    pub tool_choice: Option<ToolChoice>,
    /// What the model may call.
    pub tools: Vec<Tool>,
    /// Anthropic's own.
    pub top_k: Option<u64>,
    /// 0 to 1.
    pub top_p: Option<f64>,
    /// The caller's own mark for its end user.
    pub user: Option<String>,
}

/// One turn.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Content in order.
    pub parts: Vec<Part>,
    /// Who speaks.
    pub role: Role,
}

/// Who speaks. A tool's result is a [`Part::ToolResult`] in a user's turn.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Role {
    /// The model.
    Assistant,
    /// The caller.
    User,
}

/// One piece of a turn.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// A picture.
    Image(Image),
    /// The model declined, in its words.
    Refusal(String),
    /// What the model thought, with the vendor's seal.
    Thinking {
        /// The vendor's signature, needed to send it back.
        signature: Option<String>,
        /// The thought.
        text: String,
    },
    /// Plain text.
    Text(String),
    /// The model asks for a tool.
    ToolCall(ToolCall),
    /// What the tool said.
    ToolResult {
        /// Text of the result.
        content: String,
        /// The id of the call.
        id: String,
        /// Whether the tool failed.
        is_error: bool,
    },
}

/// A picture in a prompt.
#[derive(Clone, Debug, PartialEq)]
pub enum Image {
    /// Bytes in base64 with their media type.
    Inline {
        /// Base64, standard alphabet.
        base64: String,
        /// `image/png`.
        media_type: String,
    },
    /// An address that the vendor fetches.
    Url(String),
}

/// A call that the model asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolCall {
    /// JSON text, as the model wrote it: it need not be valid.
    pub arguments: String,
    /// The vendor's id for it.
    pub id: String,
    /// The tool.
    pub name: String,
}

/// Something that the model may call.
#[derive(Clone, Debug, PartialEq)]
pub struct Tool {
    /// What it does.
    pub description: Option<String>,
    /// The tool.
    pub name: String,
    /// JSON Schema of its arguments.
    pub parameters: Value,
    /// Whether arguments must follow the schema to the letter.
    pub strict: Option<bool>,
}

/// Which tools may be called.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ToolChoice {
    /// The model decides.
    Auto,
    /// None.
    None,
    /// At least one.
    Required,
    /// This one.
    Tool(String),
}

/// What form the answer must have.
#[derive(Clone, Debug, PartialEq)]
pub enum ResponseFormat {
    /// Any JSON object.
    JsonObject,
    /// JSON that follows a schema.
    JsonSchema {
        /// OpenAI wants a name.
        name: String,
        /// JSON Schema.
        schema: Value,
        /// Whether to the letter.
        strict: Option<bool>,
    },
}

/// One answer, whole.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChatReply {
    /// Answers; more than one only if `n` asked for them.
    pub choices: Vec<Choice>,
    /// The vendor's id of the answer.
    pub id: String,
    /// The model, as the vendor names it.
    pub model: String,
    /// The service tier that really served, in the vendor's word: `priority`. It sets the price.
    pub service_tier: Option<String>,
    /// What the vendor counted; `None` if it did not say.
    pub usage: Option<Usage>,
}

/// One of the answers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Choice {
    /// Why it ended.
    pub finish: Finish,
    /// Content in order.
    pub parts: Vec<Part>,
    /// The stop text that was met, if the vendor says which.
    pub stop_sequence: Option<String>,
}

impl ChatReply {
    /// The text of the first answer, its text parts joined.
    #[must_use]
    pub fn text(&self) -> String {
        let parts = self.choices.first().map(|choice| choice.parts.as_slice()).unwrap_or_default();
        parts
            .iter()
            .filter_map(|part| if let Part::Text(text) = part { Some(text.as_str()) } else { None })
            .collect()
    }
}

/// Why an answer ended.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Finish {
    /// Refused for safety.
    ContentFilter,
    /// The bound of output or context was met.
    Length,
    /// The model was done.
    #[default]
    Stop,
    /// It wants tools called.
    ToolCalls,
    /// A word that we do not know, as the vendor wrote it.
    Unknown(String),
}

/// One step of a streamed answer. Any chunking of the vendor's bytes gives the same deltas.
#[derive(Clone, Debug, PartialEq)]
pub enum Delta {
    /// The answer ended for this reason.
    Finish {
        /// Which answer, from 0.
        choice: u32,
        /// Why.
        finish: Finish,
        /// The stop text that was met, if the vendor says which.
        stop_sequence: Option<String>,
    },
    /// The model declined, in its words.
    Refusal {
        /// Which answer.
        choice: u32,
        /// More of the words.
        text: String,
    },
    /// The service tier that really serves, in the vendor's word: the last one told holds.
    ServiceTier(String),
    /// The answer begins.
    Start {
        /// The vendor's id of the answer.
        id: String,
        /// The model, as the vendor names it.
        model: String,
    },
    /// More text.
    Text {
        /// Which answer.
        choice: u32,
        /// The text.
        text: String,
    },
    /// More thoughts.
    Thinking {
        /// Which answer.
        choice: u32,
        /// The vendor's seal, in the last one.
        signature: Option<String>,
        /// The text.
        text: String,
    },
    /// More of a tool call.
    ToolCall {
        /// More of the JSON text.
        arguments: String,
        /// Which answer.
        choice: u32,
        /// In the first part only.
        id: Option<String>,
        /// Which call of this answer, from 0.
        index: u32,
        /// In the first part only.
        name: Option<String>,
    },
    /// What the vendor has counted so far: merge by the larger count, never add.
    Usage(Usage),
}
