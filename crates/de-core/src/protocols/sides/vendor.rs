//! The vendor's side of a protocol: a trait a kind of work.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
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
        reply::MappedReply,
    },
    media::RawAudio,
    protocols::{Draft, FieldIssue, Malformed, Target, VendorError, answer::Answer, mapped},
    receipt::Usage,
    time::UnixMillis,
};

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

    /// What a whole answer tells of its bill though [`Vendor::reply`] cannot read the rest of it: its caller
    /// may know more of the protocol than we do. `None` if it is no answer of this protocol's, or tells a
    /// failure.
    fn billed(&self, _body: &Value) -> Option<Billed> {
        None
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

/// What an answer tells of its bill.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Billed {
    /// The tier that served, in the vendor's word.
    pub service_tier: Option<String>,
    /// What was counted, if anything.
    pub usage: Option<Usage>,
}

impl Billed {
    /// Takes what was read of an answer whose content stands in `member`.
    pub(in crate::protocols) fn of(
        whole: &Answer<'_>,
        member: &str,
        service_tier: Option<&str>,
        usage: Option<Usage>,
    ) -> Option<Self> {
        let is_answer = usage.is_some() || whole.value(member).is_some();
        let service_tier = service_tier.map(str::to_owned);
        (is_answer && whole.value("error").is_none()).then_some(Self { service_tier, usage })
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
pub(in crate::protocols) fn one_length(vectors: &[Vec<f32>]) -> Result<(), Malformed> {
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
