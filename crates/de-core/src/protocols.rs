//! Road 1 to a vendor: adapters in code. A protocol translates, and has no port to send with.
//!
//! Two sides: the vendor's ([`Vendor`]: our canonical call out, its answer in) and the caller's
//! ([`Dialect`]: its request in, our canonical answer out).

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method};
use serde_json::{Map, Value};
use url::Url;

use crate::{
    calls::{
        ImageCall, ImageReply, RenderCall, RenderReply, SpeechCall, TranscriptionCall,
        TranscriptionReply,
        embedding::{EmbeddingCall, EmbeddingReply},
        stock::{Rates, StockCall, StockItem, StockKind, StockPage},
    },
    chat::{ChatCall, ChatReply, Delta},
    exchange::ANSWER_CAP,
    json::verbatim::Verbatim,
    mapping::{
        poll::{KeptPolling, Polling},
        render::KeyPlace,
        reply::MappedReply,
    },
    media::RawAudio,
    model::OnUnsupported,
    receipt::Usage,
    time::UnixMillis,
};

// mark: modules. `cargo xtask new-provider` writes below this line.

mod answer;
pub mod anthropic_messages;
mod borrowed;
pub mod capable;
pub mod elevenlabs_speech;
pub mod elevenlabs_transcription;
pub(crate) mod fields;
pub mod gemini;
pub mod gemini_embeddings;
pub(crate) mod inline;
pub mod mapped;
pub mod native;
pub mod native_image;
pub mod native_speech;
pub mod openai_chat;
pub mod openai_embeddings;
pub mod openai_images;
pub mod openai_responses;
pub mod openai_speech;
pub mod openai_transcriptions;
pub mod options;
pub mod pexels;
mod picture;
pub mod pixabay;
pub mod shotstack;
mod stock;

// mark: end of modules

/// What a vendor's side needs to know of the model.
#[derive(Clone, Debug)]
pub struct Target {
    /// Whether the model thinks before it answers; `None` if not known.
    pub reasoning: Option<bool>,
    /// Whether the model takes `temperature`, `top_p` and kin; `None` if not known: they are sent.
    pub sampling_params: Option<bool>,
    /// The bound for protocols that demand one and callers that give none.
    pub default_max_output_tokens: u64,
    /// How the host wants the output bound to be called; only `openai-chat` asks.
    pub max_tokens_field: MaxTokensField,
    /// What becomes of settings that the vendor has no word for.
    pub on_unsupported: OnUnsupported,
    /// How the host wants the seed to be called; only `openai-chat` asks.
    pub seed_field: SeedField,
    /// Whether the model wants its thoughts of earlier turns back; only `openai-chat` asks.
    pub takes_thoughts: bool,
    /// Whether the host takes `user`; only `openai-chat` asks.
    pub takes_user: bool,
    /// The model, as the vendor names it.
    pub upstream_model: String,
}

/// The member that bounds the output, among hosts that speak OpenAI's chat protocol.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum MaxTokensField {
    /// `max_completion_tokens`: OpenAI, whose reasoning models refuse the other.
    #[default]
    MaxCompletionTokens,
    /// `max_tokens`: most hosts that speak the protocol without being OpenAI.
    MaxTokens,
}

impl MaxTokensField {
    /// The member's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MaxCompletionTokens => "max_completion_tokens",
            Self::MaxTokens => "max_tokens",
        }
    }
}

/// The member that seeds the sampling, among hosts that speak OpenAI's chat protocol.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum SeedField {
    /// `seed`: OpenAI and most others.
    #[default]
    Seed,
    /// `random_seed`: Mistral.
    RandomSeed,
}

impl SeedField {
    /// The member's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RandomSeed => "random_seed",
            Self::Seed => "seed",
        }
    }
}

/// A request in the vendor's form, still without base URL and key.
#[derive(Clone, Debug)]
pub struct Draft {
    /// As it is sent.
    pub body: Bytes,
    /// What the caller said and the request does not, with the places in the caller's own words.
    pub dropped: Vec<FieldIssue>,
    /// Headers of the protocol, `content-type` among them.
    pub headers: HeaderMap,
    /// Where a mapping itself wants the key; nearly always empty: the provider's scheme adds it.
    pub key_at: Vec<KeyPlace>,
    /// Nearly always POST.
    pub method: Method,
    /// Where to.
    pub place: Place,
    /// How the answer is waited for, where the vendor takes an order and is polled.
    pub polling: Option<Polling>,
    /// Whether the caller is also told why each of [`Draft::dropped`] was left out.
    pub warns: bool,
}

/// Where a request goes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Place {
    /// Under the provider's base URL: `/chat/completions`.
    Path(String),
    /// Elsewhere on one of the provider's allowed hosts.
    Url(Url),
}

impl Draft {
    /// A GET of a path under the base URL, which may have a query.
    #[must_use]
    pub fn get(path: String) -> Self {
        Self {
            body: Bytes::new(),
            dropped: Vec::new(),
            headers: HeaderMap::new(),
            key_at: Vec::new(),
            method: Method::GET,
            place: Place::Path(path),
            polling: None,
            warns: false,
        }
    }

    /// A POST of JSON to a path under the base URL.
    #[must_use]
    pub fn json(path: &str, body: &Value) -> Self {
        Self::text(path, body.to_string().into())
    }

    /// A POST of a text that is JSON to a path under the base URL.
    #[must_use]
    pub fn text(path: &str, body: Bytes) -> Self {
        let mut headers = HeaderMap::new();
        headers
            .insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
        Self {
            body,
            dropped: Vec::new(),
            headers,
            key_at: Vec::new(),
            method: Method::POST,
            place: Place::Path(path.to_owned()),
            polling: None,
            warns: false,
        }
    }
}

/// The vendor's answer is not what its pages say.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("malformed reply at {pointer}: {reason}")]
pub struct Malformed {
    /// JSON Pointer into the answer.
    pub pointer: String,
    /// What is wrong there.
    pub reason: String,
}

/// The caller's request is not what the protocol says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FieldIssue {
    /// JSON Pointer into the request: `/messages/0/role`.
    pub pointer: String,
    /// What is wrong there, for a person.
    pub reason: String,
}

/// What a vendor said when it refused or failed.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct VendorError {
    /// The vendor's own word: `insufficient_quota`.
    pub code: Option<String>,
    /// For a person; masked and cut before anyone sees it.
    pub message: Option<String>,
    /// Money, not pace: waiting will not help.
    pub out_of_money: bool,
    /// It does not take our key, whatever the status.
    pub key_refused: bool,
    /// Refused for safety: no other try will help.
    pub refused: bool,
    /// The vendor's word says that another try may help, whatever the status.
    pub retry: bool,
    /// The vendor's word says that the request is too large for the model.
    pub too_long: bool,
    /// The vendor's word says that the model does not do something that the request asks for.
    pub unsupported: bool,
}

/// Codes by which vendors say that the request is at fault, beside those that have a flag of their own.
const OF_THE_REQUEST: [&str; 4] =
    ["INVALID_ARGUMENT", "invalid_image", "invalid_prompt", "invalid_request_error"];

impl VendorError {
    /// Whether the request is at fault, and not the vendor: told within a stream too, after its 200.
    #[must_use]
    pub fn is_of_the_request(&self) -> bool {
        let by_code = self.code.as_deref().is_some_and(|code| OF_THE_REQUEST.contains(&code));
        self.refused || self.too_long || self.unsupported || by_code
    }
}

/// The vendor's side of a protocol. It does what it has a word for: a conversation, pictures, speech, …
///
/// Every method but [`Vendor::error`] has a default that says that the vendor does not do this.
pub trait Vendor: Send + Sync {
    /// Writes the request of a conversation.
    ///
    /// # Errors
    /// Issues that name what this vendor cannot say; the caller's fault.
    fn request(&self, _call: &ChatCall, target: &Target) -> Result<Draft, Vec<FieldIssue>> {
        Err(cannot(target, "hold a conversation"))
    }

    /// Writes the request from the caller's own body, where caller and vendor speak this protocol:
    /// every member is kept as it was written, only the model (and what we need for counting) is set, and a
    /// setting that the host calls otherwise gets the host's name.
    ///
    /// `caller` are the caller's headers, of which some belong to the protocol.
    fn relay(&self, body: Verbatim, _caller: &HeaderMap, _target: &Target) -> Draft {
        Draft::text("", body.text())
    }

    /// Reads a whole answer with status 2xx.
    ///
    /// # Errors
    /// [`Malformed`].
    fn reply(&self, _body: &Value) -> Result<ChatReply, Malformed> {
        Ok(ChatReply::default())
    }

    /// Reads an error body, whatever it is.
    fn error(&self, status: u16, body: &[u8]) -> VendorError;

    /// How long it wants us to wait before the next try, where that stands in the body of an error: most
    /// vendors have a header for it.
    fn asked(&self, _body: &[u8]) -> Option<Duration> {
        None
    }

    /// A reader for one streamed answer.
    fn stream(&self) -> Box<dyn VendorStream> {
        Box::new(Silent)
    }

    /// Whether a request can carry a bound of the output.
    ///
    /// Where it cannot, a bound in [`ChatCall::max_output_tokens`] is an option without a place, refused
    /// or dropped as the model says: callers must not add one of their own.
    fn bounds_output(&self) -> bool {
        true
    }

    /// Whether an answer can come as a stream at all.
    fn streams(&self) -> bool {
        true
    }

    /// The mapping, where it is one that says how the vendor is called.
    fn mapping(&self) -> Option<&crate::mapping::PayloadMapping> {
        None
    }

    /// How long an order of it is followed in milliseconds; 0 if it takes none.
    fn follows_ms(&self) -> u64 {
        self.mapping().map_or(0, crate::mapping::PayloadMapping::follows_ms)
    }

    /// Goes on with an order that was kept; `None` if this vendor takes none.
    ///
    /// # Errors
    /// Why it cannot be asked about any more, for the log.
    fn resume(&self, _kept: &KeptPolling) -> Option<Result<Polling, String>> {
        None
    }

    /// How it counts the tokens of a prompt without answering it, if it does.
    fn counting(&self) -> Option<&dyn CountingVendor> {
        None
    }

    /// How it makes vectors of texts, if it does.
    fn embeddings(&self) -> Option<&dyn EmbeddingVendor> {
        None
    }

    /// How it makes pictures, if it does.
    fn images(&self) -> Option<&dyn ImageVendor> {
        None
    }

    /// How it speaks, if it does.
    fn speech(&self) -> Option<&dyn SpeechVendor> {
        None
    }

    /// How it writes down what it hears, if it does.
    fn transcription(&self) -> Option<&dyn TranscriptionVendor> {
        None
    }

    /// How it renders films, if it does.
    fn renders(&self) -> Option<&dyn RenderVendor> {
        None
    }

    /// How it is searched for stock media, if it is.
    fn stock(&self) -> Option<&dyn StockVendor> {
        None
    }
}

/// A vendor that counts the tokens of a prompt, and bills nothing for it.
pub trait CountingVendor: Send + Sync {
    /// Writes the question from the caller's own body, which is in this vendor's protocol: every member is
    /// kept, only the model is set. `caller` are the caller's headers.
    fn relay(&self, body: Verbatim, caller: &HeaderMap, target: &Target) -> Draft;

    /// Reads a whole answer with status 2xx: how many tokens.
    ///
    /// # Errors
    /// [`Malformed`].
    fn reply(&self, body: &Value) -> Result<u64, Malformed>;
}

/// A vendor that makes vectors of texts.
pub trait EmbeddingVendor: Send + Sync {
    /// Writes the request.
    ///
    /// # Errors
    /// Issues that name what this vendor cannot do; the caller's fault. Pointers are into OpenAI's body:
    /// `/input/3`, `/dimensions`.
    fn request(&self, call: &EmbeddingCall, target: &Target) -> Result<Draft, Vec<FieldIssue>>;

    /// Writes the request from the caller's own body, where caller and vendor speak this protocol: every
    /// member is kept as it was written, only the model is set. `call` is the same body, read.
    ///
    /// # Errors
    /// As [`EmbeddingVendor::request`].
    fn relay(
        &self,
        _body: &Verbatim,
        call: &EmbeddingCall,
        target: &Target,
    ) -> Result<Draft, Vec<FieldIssue>> {
        self.request(call, target)
    }

    /// Reads a whole answer with status 2xx.
    ///
    /// # Errors
    /// [`Malformed`], also where there is not one vector for each input.
    fn reply(&self, call: &EmbeddingCall, body: &Bytes) -> Result<EmbeddingReply, Malformed>;
}

/// The largest answer with vectors that we take, in bytes: it is read in place, and 2,048 vectors of 3,072
/// numbers have half of it in base64.
pub const VECTORS_CAP: usize = 64 * 1024 * 1024;

/// Refuses vectors that cannot be compared with each other.
fn one_length(vectors: &[Vec<f32>]) -> Result<(), Malformed> {
    let length = vectors.first().map_or(0, Vec::len);
    let odd = vectors.iter().position(|vector| vector.is_empty() || vector.len() != length);
    let is_finite = |vector: &Vec<f32>| vector.iter().all(|number| number.is_finite());
    let wild = vectors.iter().position(|vector| !is_finite(vector));
    let reason = match (odd, wild) {
        (None, None) => return Ok(()),
        (Some(place), _) => format!("vector {place} has another length, or none"),
        (None, Some(place)) => format!("vector {place} has a number out of range"),
    };
    Err(Malformed { pointer: String::new(), reason })
}

/// A vendor that makes pictures.
pub trait ImageVendor: Send + Sync {
    /// The most tokens that the call may count for, where the vendor counts in tokens; else 0.
    fn ceiling(&self, _call: &ImageCall) -> u64 {
        0
    }

    /// Writes the request. Files have their bytes.
    ///
    /// # Errors
    /// Issues that name what this vendor cannot do; the caller's fault. Pointers are into our native body:
    /// `/prompt`, `/options/size`.
    fn request(&self, call: &ImageCall, target: &Target) -> Result<Draft, Vec<FieldIssue>>;

    /// Reads a whole answer with status 2xx.
    ///
    /// # Errors
    /// [`Malformed`].
    fn reply(
        &self,
        call: &ImageCall,
        headers: &HeaderMap,
        body: &Bytes,
    ) -> Result<ImageReply, Malformed>;

    /// The largest whole answer, in bytes, that it reads. More than the usual only where what is read
    /// stays a part of the answer: an isolate has 128 MB.
    fn answer_cap(&self) -> usize {
        ANSWER_CAP
    }

    /// Reads what an order came to.
    ///
    /// # Errors
    /// [`Malformed`] if there is no picture in it.
    fn ordered(&self, _call: &ImageCall, reply: MappedReply) -> Result<ImageReply, Malformed> {
        mapped::image_reply(reply)
    }
}

/// A vendor that speaks.
pub trait SpeechVendor: Send + Sync {
    /// Writes the request. The answer is sound, whose bytes come as they are made.
    ///
    /// # Errors
    /// As [`ImageVendor::request`].
    fn request(&self, call: &SpeechCall, target: &Target) -> Result<Draft, Vec<FieldIssue>>;

    /// What the sound is, if that stands nowhere in its bytes: samples without a head.
    fn raw(&self, _call: &SpeechCall) -> Option<RawAudio> {
        None
    }

    /// Writes the request from the caller's own body, where caller and vendor speak this protocol: every
    /// member is kept, only the model is set. `call` is the same body, read.
    ///
    /// # Errors
    /// As [`ImageVendor::request`].
    fn relay(
        &self,
        _body: &Map<String, Value>,
        call: &SpeechCall,
        target: &Target,
    ) -> Result<Draft, Vec<FieldIssue>> {
        self.request(call, target)
    }

    /// The voice that speaks where a call names none, if that is known.
    fn usual_voice(&self) -> Option<&str> {
        None
    }

    /// What was used, as far as the call and the answer's head tell.
    fn usage(&self, call: &SpeechCall, _headers: &HeaderMap) -> Usage {
        let characters = u64::try_from(call.text.chars().count()).unwrap_or(u64::MAX);
        Usage { characters, requests: 1, ..Usage::default() }
    }
}

/// A vendor that writes down what it hears.
pub trait TranscriptionVendor: Send + Sync {
    /// Writes the request. The file has its bytes, and a name that ends as they demand.
    ///
    /// # Errors
    /// Issues that name what this vendor cannot do; the caller's fault. Pointers are into OpenAI's form:
    /// `/prompt`, `/response_format`.
    fn request(&self, call: &TranscriptionCall, target: &Target) -> Result<Draft, Vec<FieldIssue>>;

    /// Reads a whole answer with status 2xx.
    ///
    /// # Errors
    /// [`Malformed`].
    fn reply(&self, call: &TranscriptionCall, body: &[u8])
    -> Result<TranscriptionReply, Malformed>;
}

/// A vendor that renders films: it takes an order, and is asked about it.
pub trait RenderVendor: Send + Sync {
    /// Writes the request. `callback` is where the vendor may say that it is done.
    ///
    /// # Errors
    /// As [`ImageVendor::request`].
    fn request(
        &self,
        call: &RenderCall,
        callback: Option<&Url>,
        target: &Target,
    ) -> Result<Draft, Vec<FieldIssue>>;

    /// Reads what the order came to.
    ///
    /// # Errors
    /// [`Malformed`] if there is no film in it.
    fn ordered(&self, call: &RenderCall, reply: MappedReply) -> Result<RenderReply, Malformed>;
}

/// A vendor of stock photographs and footage.
pub trait StockVendor: Send + Sync {
    /// Names what is asked for and what this vendor has no word for: pointers are into our native body,
    /// `/orientation`, `/options/color`.
    ///
    /// Bounds are not among them: those that the vendor does not know are applied to its answer, and the
    /// page says so.
    fn lacks(&self, call: &StockCall) -> Vec<FieldIssue>;

    /// Writes a search. What it lacks is left out where the model's row says so.
    ///
    /// # Errors
    /// What it lacks, and words that it does not know; the caller's fault.
    fn request(&self, call: &StockCall, target: &Target) -> Result<Draft, Vec<FieldIssue>>;

    /// Reads what was found.
    ///
    /// # Errors
    /// [`Malformed`].
    fn page(&self, call: &StockCall, body: &Value) -> Result<StockPage, Malformed>;

    /// Writes the question for one item.
    ///
    /// # Errors
    /// An issue at `/id`, if this vendor has no such ids; the caller's fault.
    fn item_request(&self, kind: StockKind, id: &str) -> Result<Draft, Vec<FieldIssue>>;

    /// Reads one item; `None` if the vendor has none, or none that can be had.
    ///
    /// # Errors
    /// [`Malformed`].
    fn item(&self, kind: StockKind, body: &Value) -> Result<Option<StockItem>, Malformed>;

    /// What the vendor's headers say of its limits.
    fn rates(&self, headers: &HeaderMap, now: UnixMillis) -> Rates;
}

/// The issue of a model that is asked for what its vendor does not do.
fn cannot(target: &Target, what: &str) -> Vec<FieldIssue> {
    let reason = format!("{} cannot {what}", target.upstream_model);
    vec![FieldIssue { pointer: String::new(), reason }]
}

/// A stream that says nothing.
struct Silent;

impl VendorStream for Silent {
    fn event(&mut self, _event: &crate::sse::Event) -> Result<Vec<Delta>, StreamFault> {
        Ok(Vec::new())
    }

    fn is_done(&self) -> bool {
        false
    }
}

/// Reads one streamed answer, event by event.
pub trait VendorStream: Send {
    /// Reads one server-sent event.
    ///
    /// # Errors
    /// [`StreamFault`].
    fn event(&mut self, event: &crate::sse::Event) -> Result<Vec<Delta>, StreamFault>;

    /// Whether the vendor's own last event has come (`[DONE]`, `message_stop`).
    fn is_done(&self) -> bool;
}

/// What went wrong inside a stream.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum StreamFault {
    /// Not what the vendor's pages say.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The vendor told of a failure after its 200.
    #[error("the vendor failed inside the stream")]
    Vendor(VendorError),
}

/// The caller's side of a protocol.
pub trait Dialect: Send + Sync {
    /// Reads a request: the model's name and the call.
    ///
    /// # Errors
    /// Every issue found, not the first alone.
    fn call(&self, body: &Value) -> Result<(String, ChatCall), Vec<FieldIssue>>;

    /// Writes a whole answer.
    fn reply(&self, reply: &ChatReply, about: &About) -> Value;

    /// A writer for one streamed answer.
    fn stream(&self, about: About) -> Box<dyn DialectStream>;

    /// Where the caller wrote what stands at `pointer` in the canonical form, whose settings are called
    /// as OpenAI's chat calls them: `/stop` is `/stop_sequences` in Anthropic's protocol.
    fn place(&self, pointer: &str) -> String {
        pointer.to_owned()
    }
}

/// What an answer says beside the vendor's words.
#[derive(Clone, Debug)]
pub struct About {
    /// Seconds since 1970, for OpenAI's `created`.
    pub created: i64,
    /// Whether the caller wants the usage in the stream (OpenAI's `stream_options.include_usage`;
    /// the other dialects always tell it).
    pub include_usage: bool,
    /// The model that answered, as the caller may name it.
    pub model: String,
    /// The provider of that model, by its id: what it sealed goes back to no other.
    pub provider_id: String,
    /// Ours: the answer's id where the vendor gave none.
    pub receipt_id: String,
    /// The caller's.
    pub request_id: String,
}

/// Writes one streamed answer. Bytes are whole events, ready to send.
pub trait DialectStream: Send {
    /// Writes one step; may be empty.
    fn delta(&mut self, delta: &Delta) -> Bytes;

    /// Writes the good end. Called at most once, and then nothing else is.
    fn end(&mut self) -> Bytes;

    /// Writes a failure as the dialect tells it, and ends. Called at most once, instead of `end`.
    fn fail(&mut self, failure: &StreamFailure) -> Bytes;

    /// Hears of an event that the caller has got from the vendor as it was, so that a failure can follow it.
    fn passed(&mut self, _event: &crate::sse::Event) {}
}

/// A failure after the head of the answer has gone out.
#[derive(Clone, Debug)]
pub struct StreamFailure {
    /// Ours: `PROVIDER_TIMEOUT`.
    pub code: &'static str,
    /// For a person.
    pub message: String,
    /// As the status would have been: 504.
    pub status: u16,
}

/// A target for the tests of vendors.
#[cfg(test)]
fn test_target(upstream_model: &str, on_unsupported: OnUnsupported) -> Target {
    Target {
        default_max_output_tokens: 16,
        max_tokens_field: MaxTokensField::default(),
        on_unsupported,
        reasoning: None,
        sampling_params: None,
        seed_field: SeedField::default(),
        takes_thoughts: false,
        takes_user: true,
        upstream_model: upstream_model.to_owned(),
    }
}
