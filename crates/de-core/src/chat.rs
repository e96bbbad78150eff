//! The canonical conversation: what every text protocol can be translated to and from.
//!
//! It holds what the chat protocols share. What only one of them knows is named in [`ChatCall::extra`] and
//! [`ChatCall::own_words`], and is sent on only where caller and vendor speak the same protocol.
//!
//! Marks follow what they mark: a [`Part::CacheMark`] ends the prefix that shall be cached, a
//! [`Part::Citation`] and a [`Part::Sealed`] belong to the part before them.

mod parts;
mod reply;

use serde_json::{Map, Value};

pub use self::{
    parts::{
        Audio, Citation, CitedPlace, CitedUnit, Document, DocumentSource, Image, Part, Seal,
        Source, ToolCall, text_of,
    },
    reply::{ChatReply, Choice, Delta, Finish, TokenLogprob},
};
use crate::protocols::FieldIssue;

/// One request for a reply.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChatCall {
    /// Members of the caller's own protocol that have no place here, by name.
    pub extra: Map<String, Value>,
    /// −2 to 2; OpenAI's own.
    pub frequency_penalty: Option<f64>,
    /// How many alternatives are told beside each token and its probability, 0 to 20; `None`: no
    /// probabilities are told.
    pub logprobs: Option<u64>,
    /// Turns, oldest first. System texts that stand before all turns are in [`ChatCall::system`].
    pub messages: Vec<Message>,
    /// Upper bound of completion tokens, at least 1.
    pub max_output_tokens: Option<u64>,
    /// How many answers; OpenAI's own, absent means 1.
    pub n: Option<u64>,
    /// Members that both of OpenAI's protocols have under one name with one meaning, as they came:
    /// `metadata`, `service_tier`, `store`, `verbosity`, … Other vendors have no word for them.
    pub openai: Map<String, Value>,
    /// What only the caller's own protocol can say, which stands nowhere else here: a relay carries it.
    pub own_words: Vec<OwnWord>,
    /// Whether several tools may be called at once.
    pub parallel_tool_calls: Option<bool>,
    /// −2 to 2; OpenAI's own.
    pub presence_penalty: Option<f64>,
    /// How a reasoning model thinks.
    pub reasoning: Reasoning,
    /// What form the answer must have.
    pub response_format: Option<ResponseFormat>,
    /// For answers that can be had again; OpenAI's own.
    pub seed: Option<i64>,
    /// Texts that end the answer.
    pub stop: Vec<String>,
    /// Whether the answer comes as a stream.
    pub stream: bool,
    /// System prompt, its blocks in order.
    pub system: Vec<Instruction>,
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

/// Something that only the caller's own protocol can say.
#[derive(Clone, Debug, PartialEq)]
pub struct OwnWord {
    /// Where it stands in the caller's request, and why no other protocol can carry it.
    pub issue: FieldIssue,
    /// What becomes of the call at a vendor that speaks another protocol.
    pub weight: Weight,
}

/// How much it matters that a vendor cannot be told something.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Weight {
    /// The answer would be to another question: the call is refused, whatever the model's row says.
    Essential,
    /// The answer is the same without it: it is left out, and named.
    Hint,
    /// The answer may be another one without it: what happens is `on_unsupported`'s to say.
    Setting,
}

/// How a reasoning model thinks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reasoning {
    /// The most tokens that it may think, at least 1.
    pub budget_tokens: Option<u64>,
    /// How hard: `none`, `minimal`, `low`, `medium`, `high`, `xhigh`, `max`.
    pub effort: Option<String>,
    /// Whether it thinks at all; `None` leaves that to effort, budget and model.
    pub is_on: Option<bool>,
    /// Whether its thoughts, or a summary of them, are told; `None` leaves that to the vendor.
    pub is_shown: Option<bool>,
}

impl Reasoning {
    /// Whether the caller says that it shall not think.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.is_on == Some(false) || self.effort.as_deref() == Some("none")
    }

    /// How hard, in the words of effort: the caller's own, else told from the budget.
    #[must_use]
    pub fn effort(&self) -> Option<&str> {
        match (&self.effort, self.budget_tokens) {
            (Some(word), _) => Some(word),
            (None, Some(budget)) => Some(match budget {
                ..=4_095 => "low",
                4_096..=16_383 => "medium",
                16_384.. => "high",
            }),
            (None, None) => None,
        }
    }

    /// The most tokens that it may think: the caller's own number, else told from the effort. Never more
    /// than `most`.
    #[must_use]
    pub fn budget(&self, most: u64) -> Option<u64> {
        let budget = match (self.budget_tokens, self.effort.as_deref()) {
            (Some(budget), _) => budget,
            (None, Some("minimal")) => 1_024,
            (None, Some("low")) => 2_048,
            (None, Some("medium")) => 8_192,
            (None, Some("high")) => 16_384,
            (None, Some("xhigh" | "max")) => 32_768,
            (None, Some(_) | None) => return None,
        };
        Some(budget.min(most))
    }

    /// Whether the caller says anything about it.
    #[must_use]
    pub fn is_asked_for(&self) -> bool {
        *self != Self::default()
    }
}

/// A block of the system prompt.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Instruction {
    /// Whether the prompt up to here shall be cached, and for how long.
    pub cache: Option<CacheTtl>,
    /// The text.
    pub text: String,
}

impl Instruction {
    /// The texts among parts, a block each; a mark for the cache belongs to the text before it. What a system prompt
    /// cannot have is left out.
    #[must_use]
    pub fn blocks(parts: Vec<Part>) -> Vec<Self> {
        let mut blocks: Vec<Self> = Vec::new();
        for part in parts {
            match part {
                Part::Text(text) => blocks.push(Self { cache: None, text }),
                Part::CacheMark(ttl) => {
                    if let Some(block) = blocks.last_mut() {
                        block.cache = Some(ttl);
                    }
                }
                _ => {}
            }
        }
        blocks
    }
}

impl From<&str> for Instruction {
    fn from(text: &str) -> Self {
        Self { cache: None, text: text.to_owned() }
    }
}

/// How long a cached prefix of a prompt lives.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum CacheTtl {
    /// Five minutes, the usual.
    #[default]
    FiveMinutes,
    /// An hour.
    OneHour,
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
    /// Who operates it, in the middle of the conversation: its parts are texts and cache marks.
    System,
    /// The caller.
    User,
}

/// Something that the model may call.
#[derive(Clone, Debug, PartialEq)]
pub struct Tool {
    /// Whether the tools up to here shall be cached, and for how long.
    pub cache: Option<CacheTtl>,
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
