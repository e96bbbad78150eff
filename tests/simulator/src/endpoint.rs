//! What an endpoint of a vendor is to the server: it reads a request strictly into a plan, or
//! refuses it; the plan becomes a reply once the faults are known.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use serde_json::Value;

use crate::config::{Config, Vendor};
use crate::faults::Script;
use crate::openai_responses_store::Responses;
use crate::replicate::{self, Jobs};
use crate::shotstack::{self, Renders};
use crate::{anthropic_errors, elevenlabs_speech, fal, google_errors, ideogram, openai_errors};
use crate::{pexels, pixabay};

/// The time that replies name as theirs, so that they are the same in every run.
pub(crate) const CREATED: u64 = 1_795_000_000;

/// The same time as text.
pub(crate) const CREATED_TEXT: &str = "2026-11-18T11:06:40Z";

/// A request, read whole.
pub(crate) struct Incoming<'a> {
    pub(crate) body: &'a [u8],
    pub(crate) config: &'a Config,
    pub(crate) headers: &'a HeaderMap,
    /// The number of the record: makes the ids of the reply.
    pub(crate) id: u64,
    /// The jobs of vendors that are polled.
    pub(crate) jobs: &'a Arc<Jobs>,
    /// The path behind the vendor's prefix: `/v1/messages`.
    pub(crate) path: &'a str,
    pub(crate) query: &'a str,
    /// The requests in fal's queue.
    pub(crate) queue: &'a Arc<fal::Queue>,
    /// The renders of Shotstack.
    pub(crate) renders: &'a Arc<Renders>,
    /// What OpenAI keeps of responses.
    pub(crate) responses: &'a Arc<Responses>,
    pub(crate) vendor: Vendor,
}

/// A request that the vendor would answer.
pub(crate) struct Plan {
    /// The text that the faults are looked for in.
    pub(crate) prompt: String,
    /// Whether the caller wants events: a fault's nonsense takes this form, too.
    pub(crate) stream: bool,
    /// Makes the reply.
    pub(crate) answer: Box<dyn FnOnce(&Script) -> Reply + Send>,
}

/// A reply before it is cut, split or delayed.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) content: Content,
}

/// The body of a reply.
pub(crate) enum Content {
    /// Server-sent events, each with its blank line.
    Events(Vec<String>),
    /// Bytes that come in pieces: sound.
    Pieces { content_type: &'static str, pieces: Vec<Bytes> },
    /// One body with its length told.
    Whole { bytes: Bytes, content_type: &'static str },
}

/// Reads one request, or refuses it as the vendor would.
pub(crate) type Endpoint = fn(&Incoming<'_>) -> Result<Plan, Reply>;

impl Incoming<'_> {
    /// A header's text; absent if it is missing or not text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The key behind `Authorization: Bearer`.
    pub(crate) fn bearer(&self) -> Option<&str> {
        self.header("authorization").and_then(|value| value.strip_prefix("Bearer ")).map(str::trim)
    }

    /// Whether the body is called JSON by its `Content-Type`.
    pub(crate) fn is_json(&self) -> bool {
        let content_type = self.header("content-type").unwrap_or_default();
        content_type
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .eq_ignore_ascii_case("application/json")
    }

    /// The address under which the client reached us: where links in replies point.
    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.header("host").unwrap_or("127.0.0.1"))
    }

    /// An id of the reply that counts up with the requests: `msg_sim000001`.
    pub(crate) fn made_id(&self, prefix: &str) -> String {
        format!("{prefix}sim{:06}", self.id)
    }
}

impl Reply {
    /// A JSON reply.
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        let bytes = Bytes::from(body.to_string());
        Self {
            content: Content::Whole { bytes, content_type: "application/json" },
            headers: Vec::new(),
            status,
        }
    }

    /// A stream of events.
    pub(crate) const fn events(events: Vec<String>) -> Self {
        Self { content: Content::Events(events), headers: Vec::new(), status: 200 }
    }
}

impl Plan {
    /// A plan that has one answer whatever the faults are: lists and counts.
    pub(crate) fn fixed(body: Value) -> Self {
        Self {
            answer: Box::new(move |_| Reply::json(200, &body)),
            prompt: String::new(),
            stream: false,
        }
    }
}

/// The texts of a request as one prompt: faults stand in any of them.
pub(crate) fn prompt_of(texts: &[&str]) -> String {
    let told = texts.iter().map(|text| text.trim()).filter(|text| !text.is_empty());
    told.collect::<Vec<_>>().join(" ")
}

/// The vendor's error for a status, as the `fail` fault asks for.
pub(crate) fn failure(incoming: &Incoming<'_>, status: u16) -> Reply {
    match incoming.vendor {
        Vendor::Anthropic => anthropic_errors::failure(incoming, status),
        Vendor::ElevenLabs => elevenlabs_speech::failure(incoming, status),
        Vendor::Fal => fal::failure(status),
        Vendor::Google => google_errors::failure(status, None),
        Vendor::Ideogram => ideogram::failure(status),
        Vendor::Pexels => pexels::failure(status),
        Vendor::Pixabay => pixabay::failure(status),
        Vendor::Replicate => replicate::failure(status),
        Vendor::Shotstack => shotstack::failure(status),
        Vendor::DeepSeek | Vendor::Groq | Vendor::Mistral | Vendor::OpenAi | Vendor::Together => {
            openai_errors::failure(status)
        }
    }
}

/// The vendor's error for an account without money: waiting does not help.
pub(crate) fn out_of_money(incoming: &Incoming<'_>) -> Reply {
    match incoming.vendor {
        Vendor::Anthropic => anthropic_errors::out_of_money(incoming),
        Vendor::DeepSeek
        | Vendor::ElevenLabs
        | Vendor::Fal
        | Vendor::Google
        | Vendor::Ideogram
        | Vendor::Replicate
        | Vendor::Shotstack
        | Vendor::Together => failure(incoming, 402),
        // Both are free: what can be spent is the month's number of requests.
        Vendor::Pexels | Vendor::Pixabay => failure(incoming, 429),
        Vendor::Groq | Vendor::Mistral | Vendor::OpenAi => openai_errors::out_of_money(),
    }
}

/// The vendor's error for a call from a place where it serves nobody.
pub(crate) fn not_served_here(incoming: &Incoming<'_>) -> Reply {
    match incoming.vendor {
        Vendor::Google => google_errors::not_served_here(),
        _ => failure(incoming, 403),
    }
}

/// The vendor's error for a request that its safety system declines.
pub(crate) fn moderated(incoming: &Incoming<'_>) -> Reply {
    match incoming.vendor {
        Vendor::OpenAi => openai_errors::content_policy(),
        _ => failure(incoming, 400),
    }
}

/// The vendor's error for a request that is larger than its model reads.
pub(crate) fn too_long(incoming: &Incoming<'_>) -> Reply {
    match incoming.vendor {
        Vendor::Anthropic => anthropic_errors::failure(incoming, 413),
        Vendor::DeepSeek | Vendor::Groq | Vendor::Mistral | Vendor::OpenAi | Vendor::Together => {
            openai_errors::too_long()
        }
        _ => failure(incoming, 400),
    }
}

/// The vendor's error for a parameter that its model does not take.
pub(crate) fn unsupported(incoming: &Incoming<'_>) -> Reply {
    match incoming.vendor {
        Vendor::OpenAi => openai_errors::unsupported(),
        _ => failure(incoming, 400),
    }
}

/// The vendor's error inside a stream that began well; absent where the vendor has none.
///
/// `sent` events came before it.
pub(crate) fn error_event(incoming: &Incoming<'_>, sent: usize) -> Option<String> {
    match incoming.vendor {
        Vendor::Anthropic => Some(anthropic_errors::error_event(incoming)),
        Vendor::Google => Some(google_errors::error_event()),
        Vendor::ElevenLabs
        | Vendor::Fal
        | Vendor::Ideogram
        | Vendor::Pexels
        | Vendor::Pixabay
        | Vendor::Replicate
        | Vendor::Shotstack => None,
        Vendor::DeepSeek | Vendor::Groq | Vendor::Mistral | Vendor::OpenAi | Vendor::Together => {
            Some(openai_errors::error_event(incoming, sent))
        }
    }
}

/// The headers that the vendor adds to every reply.
pub(crate) fn reply_headers(incoming: &Incoming<'_>) -> Vec<(&'static str, String)> {
    match incoming.vendor {
        Vendor::Anthropic => anthropic_errors::reply_headers(incoming),
        Vendor::ElevenLabs => elevenlabs_speech::reply_headers(incoming),
        Vendor::Fal => fal::reply_headers(incoming),
        Vendor::Ideogram => ideogram::reply_headers(incoming),
        Vendor::Pixabay => pixabay::reply_headers(),
        Vendor::Google | Vendor::Pexels | Vendor::Replicate | Vendor::Shotstack => Vec::new(),
        Vendor::DeepSeek | Vendor::Groq | Vendor::Mistral | Vendor::OpenAi | Vendor::Together => {
            openai_errors::reply_headers(incoming)
        }
    }
}

/// The vendor's error for a path that it does not have.
pub(crate) fn no_such_path(incoming: &Incoming<'_>, method: &str) -> Reply {
    match incoming.vendor {
        Vendor::Anthropic => anthropic_errors::refuse(incoming, 404, "Not Found"),
        Vendor::ElevenLabs => Reply::json(404, &serde_json::json!({ "detail": "Not Found" })),
        Vendor::Fal => fal::failure(404),
        Vendor::Google => google_errors::failure(404, None),
        Vendor::Ideogram => Reply::json(404, &serde_json::json!({ "error": "Not Found" })),
        Vendor::Pexels => pexels::failure(404),
        Vendor::Pixabay => pixabay::failure(404),
        Vendor::Replicate => replicate::failure(404),
        Vendor::Shotstack => shotstack::failure(404),
        Vendor::DeepSeek | Vendor::Groq | Vendor::Mistral | Vendor::OpenAi | Vendor::Together => {
            openai_errors::no_such_path(method, incoming.path)
        }
    }
}
