//! The canonical conversation: what every text protocol can be translated to and from.
//!
//! It holds what the chat protocols share. What only one of them knows is named in [`ChatCall::extra`] and
//! [`ChatCall::own_words`], and is sent on only where caller and vendor speak the same protocol.
//!
//! Marks follow what they mark: a [`Part::CacheMark`] ends the prefix that shall be cached, a
//! [`Part::Citation`] and a [`Part::Sealed`] belong to the part before them.

use serde_json::{Map, Value};

use crate::{model::Protocol, protocols::FieldIssue, receipt::Usage};

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

/// One piece of a turn.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// A sound.
    Audio(Audio),
    /// The prompt up to here shall be cached.
    CacheMark(CacheTtl),
    /// What the text before it rests on.
    Citation(Citation),
    /// A document to read.
    Document(Document),
    /// A picture.
    Image(Image),
    /// The model declined, in its words.
    Refusal(String),
    /// A thought that only its vendor can read, or that vendor's seal on the text before it.
    Sealed(Seal),
    /// What the model thought, with the vendor's seal.
    Thinking {
        /// The vendor's signature, needed to send it back.
        seal: Option<Seal>,
        /// The thought.
        text: String,
    },
    /// Plain text.
    Text(String),
    /// The model asks for a tool.
    ToolCall(ToolCall),
    /// What the tool said.
    ToolResult {
        /// The result: texts, pictures and documents.
        content: Vec<Part>,
        /// The id of the call.
        id: String,
        /// Whether the tool failed.
        is_error: bool,
    },
}

/// The texts of parts, joined.
#[must_use]
pub fn text_of<'a>(parts: impl IntoIterator<Item = &'a Part>) -> String {
    let texts = parts.into_iter();
    texts
        .filter_map(|part| if let Part::Text(text) = part { Some(text.as_str()) } else { None })
        .collect()
}

/// Bytes in a prompt, or where they are.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
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

/// A picture in a prompt.
#[derive(Clone, Debug, PartialEq)]
pub struct Image {
    /// How closely it is looked at: `low`, `high`, `auto`, `original`; OpenAI's own.
    pub detail: Option<String>,
    /// Its bytes.
    pub source: Source,
}

impl From<Source> for Image {
    fn from(source: Source) -> Self {
        Self { detail: None, source }
    }
}

/// A sound in a prompt.
#[derive(Clone, Debug, PartialEq)]
pub struct Audio {
    /// Base64, standard alphabet.
    pub base64: String,
    /// `wav` or `mp3`.
    pub format: String,
}

/// A document in a prompt.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// What the model shall know of it and not cite; Anthropic's own.
    pub context: Option<String>,
    /// Whether answers shall cite it; Anthropic's own.
    pub is_cited: bool,
    /// Its title or the name of its file.
    pub name: Option<String>,
    /// What it says.
    pub source: DocumentSource,
}

impl Document {
    /// Its plain text, under its name, for vendors that take texts alone.
    #[must_use]
    pub fn as_text(&self, text: &str) -> String {
        let heads = [self.name.as_deref(), self.context.as_deref()];
        let heads: Vec<&str> =
            heads.into_iter().flatten().filter(|head| !head.is_empty()).collect();
        if heads.is_empty() { text.to_owned() } else { format!("{}\n\n{text}", heads.join("\n")) }
    }
}

/// What a document says, or where it is.
#[derive(Clone, Debug, PartialEq)]
pub enum DocumentSource {
    /// A file: mostly `application/pdf`.
    File(Source),
    /// Plain text.
    Text(String),
}

/// What a piece of an answer rests on.
#[derive(Clone, Debug, PartialEq)]
pub struct Citation {
    /// The words that are cited.
    pub cited_text: Option<String>,
    /// Where they stand.
    pub place: CitedPlace,
    /// The piece of the answer that rests on it, in characters of the answer's whole text, if told.
    pub span: Option<(u64, u64)>,
    /// The title of what is cited.
    pub title: Option<String>,
}

/// Where cited words stand.
#[derive(Clone, Debug, PartialEq)]
pub enum CitedPlace {
    /// In a document of the prompt.
    Document {
        /// The first unit.
        from: u64,
        /// Which document, from 0.
        index: u64,
        /// The unit after the last.
        to: u64,
        /// What is counted.
        unit: CitedUnit,
    },
    /// On a page.
    Web {
        /// The vendor's own mark, needed to send the citation back.
        mark: Option<String>,
        /// The page.
        url: String,
    },
}

/// What the place in a cited document counts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CitedUnit {
    /// Blocks of its content, from 0.
    Blocks,
    /// Characters, from 0.
    Characters,
    /// Pages, from 1.
    Pages,
}

/// Words that only the vendor that wrote them can read: signatures of thoughts, thoughts that were hidden.
///
/// They go back to no other vendor. In another protocol they carry the name of their maker, so that a
/// caller who keeps them can send them back through it.
#[derive(Clone, Debug, PartialEq)]
pub struct Seal {
    /// As the vendor wrote it.
    pub data: String,
    /// The protocol of the vendor that wrote it.
    pub maker: Protocol,
    /// The id of the provider that the vendor is; `None` where only the vendor's own words came, which do not
    /// tell.
    pub provider: Option<String>,
}

impl Seal {
    /// A seal as its vendor wrote it.
    #[must_use]
    pub fn of(maker: Protocol, data: String) -> Self {
        Self { data, maker, provider: None }
    }

    /// How it is told to a caller of the protocol `teller`, if a model of `provider` answered: as it is, or as
    /// [`Seal::marked`].
    #[must_use]
    pub fn told_in(&self, teller: Protocol, provider: &str) -> String {
        if self.maker == teller { self.data.clone() } else { self.marked(provider) }
    }

    /// With the name of its maker before it: `gemini@google:…`, or `gemini:…` where its provider is not known.
    #[must_use]
    pub fn marked(&self, provider: &str) -> String {
        let (maker, data) = (self.maker, &self.data);
        match self.provider.as_deref().unwrap_or(provider) {
            "" => format!("{maker}:{data}"),
            provider => format!("{maker}@{provider}:{data}"),
        }
    }

    /// Reads what [`marked`](Self::marked) wrote; `None` for what a vendor itself did.
    #[must_use]
    pub fn of_mark(text: &str) -> Option<Self> {
        let (mark, data) = text.split_once(':')?;
        let (maker, provider) = match mark.split_once('@') {
            Some((maker, provider)) => (maker, Some(provider.to_owned())),
            None => (mark, None),
        };
        Some(Self { data: data.to_owned(), maker: Protocol::parse(maker)?, provider })
    }

    /// Reads what [`told_in`](Self::told_in) wrote, or what that protocol's own vendor did.
    #[must_use]
    pub fn read_in(teller: Protocol, text: &str) -> Self {
        Self::of_mark(text).unwrap_or_else(|| Self::of(teller, text.to_owned()))
    }
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
    /// The vendor's seal on it, needed to send it back; Gemini's own.
    pub seal: Option<Seal>,
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
    /// How probable each token was, if that was asked for and told.
    pub logprobs: Option<Vec<TokenLogprob>>,
    /// Content in order.
    pub parts: Vec<Part>,
    /// The stop text that was met, if the vendor says which.
    pub stop_sequence: Option<String>,
}

impl ChatReply {
    /// The text of the first answer, its text parts joined.
    #[must_use]
    pub fn text(&self) -> String {
        text_of(self.choices.first().map(|choice| choice.parts.as_slice()).unwrap_or_default())
    }
}

/// How probable a token was.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TokenLogprob {
    /// The token's bytes, if told: a character may be split over tokens.
    pub bytes: Option<Vec<u8>>,
    /// The natural logarithm of its probability.
    pub logprob: f64,
    /// Its text.
    pub token: String,
    /// The most probable tokens at its place; they have none of their own.
    pub top: Vec<Self>,
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
    /// What the text before it rests on.
    Citation {
        /// Which answer.
        choice: u32,
        /// What it is.
        citation: Citation,
    },
    /// The answer ended for this reason.
    Finish {
        /// Which answer, from 0.
        choice: u32,
        /// Why.
        finish: Finish,
        /// The stop text that was met, if the vendor says which.
        stop_sequence: Option<String>,
    },
    /// How probable tokens were; those of a text may come before or after it.
    Logprobs {
        /// Which answer.
        choice: u32,
        /// The next tokens.
        tokens: Vec<TokenLogprob>,
    },
    /// The model declined, in its words.
    Refusal {
        /// Which answer.
        choice: u32,
        /// More of the words.
        text: String,
    },
    /// A thought that only its vendor can read, whole, or that vendor's seal on a call or a text.
    Sealed {
        /// The tool call that it is on; `None` for a thought, or for the text before it.
        call: Option<u32>,
        /// Which answer.
        choice: u32,
        /// The seal.
        seal: Seal,
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
        seal: Option<Seal>,
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
    /// What the vendor has counted so far, in all: it stands in place of what was told before.
    Usage(Usage),
}
