//! The server: finds the endpoint, lets it read the request, applies the faults, answers.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::routing::get;
use axum::serve::ListenerExt;
use bytes::Bytes;
use http::{Response, StatusCode};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::config::{Config, Vendor};
use crate::endpoint::{self, Content, Endpoint, Incoming, Plan, Reply};
use crate::fault_book::{FaultBook, Order};
use crate::faults::{Cause, FaultError, Script};
use crate::openai_responses_store::Responses;
use crate::record::{Exchange, Log, Received, Record, Tally};
use crate::replicate::{self, Jobs};
use crate::shotstack::Renders;
use crate::{anthropic_messages, control, elevenlabs_speech, files, ideogram, openai_chat};
use crate::{elevenlabs_transcription, elevenlabs_voices, openai_speech, openai_transcriptions};
use crate::{elevenlabs_user, fal, google_errors, google_models};
use crate::{
    google_embeddings, openai_edits, openai_embeddings, openai_images, openai_responses,
    openai_responses_store, pexels, pixabay, shotstack, stream,
};

/// The largest request that is read, as at the vendor with the largest: 32 MB.
const LARGEST_REQUEST: usize = 32 << 20;

/// Every endpoint: method, path behind the vendor's prefix (`*` is one segment), reader.
const ROUTES: &[(&[Vendor], &str, &str, Endpoint)] = &[
    (CHAT, "POST", "/v1/chat/completions", openai_chat::completions),
    (CHAT, "GET", "/v1/models", openai_chat::models),
    (&[Vendor::OpenAi], "POST", "/v1/responses", openai_responses::create),
    (&[Vendor::OpenAi], "GET", "/v1/responses/*", openai_responses_store::get),
    (&[Vendor::OpenAi], "DELETE", "/v1/responses/*", openai_responses_store::delete),
    (&[Vendor::OpenAi], "GET", "/v1/responses/*/input_items", openai_responses_store::input_items),
    (&[Vendor::Anthropic], "POST", "/v1/messages", anthropic_messages::messages),
    (
        &[Vendor::Anthropic],
        "POST",
        "/v1/messages/count_tokens",
        anthropic_messages::count_tokens_of,
    ),
    (&[Vendor::Anthropic], "GET", "/v1/models", anthropic_messages::models),
    (&[Vendor::OpenAi], "POST", "/v1/images/generations", openai_images::generations),
    (&[Vendor::OpenAi], "POST", "/v1/images/edits", openai_edits::edits),
    (&[Vendor::Ideogram], "POST", "/generate", ideogram::legacy),
    (&[Vendor::Ideogram], "POST", "/v1/ideogram-v3/generate", ideogram::v3),
    (&[Vendor::ElevenLabs], "POST", "/v1/text-to-speech/*", elevenlabs_speech::whole),
    (&[Vendor::ElevenLabs], "POST", "/v1/text-to-speech/*/stream", elevenlabs_speech::streamed),
    (&[Vendor::Replicate], "POST", "/v1/models/*/*/predictions", replicate::of_model),
    (&[Vendor::Replicate], "POST", "/v1/predictions", replicate::of_version),
    (&[Vendor::Replicate], "GET", "/v1/predictions/*", replicate::get),
    (&[Vendor::Replicate], "POST", "/v1/predictions/*/cancel", replicate::cancel),
    (&[Vendor::Replicate], "GET", "/v1/account", replicate::account),
    (&[Vendor::ElevenLabs], "GET", "/v1/user", elevenlabs_user::user),
    (&[Vendor::ElevenLabs], "GET", "/v1/models", elevenlabs_voices::models),
    (&[Vendor::ElevenLabs], "GET", "/v1/voices", elevenlabs_voices::old),
    (&[Vendor::ElevenLabs], "GET", "/v2/voices", elevenlabs_voices::page),
    (&[Vendor::ElevenLabs], "POST", "/v1/speech-to-text", elevenlabs_transcription::transcribe),
    (EMBEDDING, "POST", "/v1/embeddings", openai_embeddings::embeddings),
    (&[Vendor::OpenAi], "POST", "/v1/audio/speech", openai_speech::speech),
    (HEARING, "POST", "/v1/audio/transcriptions", openai_transcriptions::transcriptions),
    (&[Vendor::Pexels], "GET", "/v1/search", pexels::search),
    (&[Vendor::Pexels], "GET", "/v1/curated", pexels::curated),
    (&[Vendor::Pexels], "GET", "/v1/photos/*", pexels::photo),
    (&[Vendor::Pexels], "GET", "/v1/videos/search", pexels::search_videos),
    (&[Vendor::Pexels], "GET", "/v1/videos/popular", pexels::popular_videos),
    (&[Vendor::Pexels], "GET", "/v1/videos/videos/*", pexels::video),
    (&[Vendor::Pexels], "GET", "/videos/search", pexels::search_videos),
    (&[Vendor::Pexels], "GET", "/videos/popular", pexels::popular_videos),
    (&[Vendor::Pexels], "GET", "/videos/videos/*", pexels::video),
    (&[Vendor::Pixabay], "GET", "/api/", pixabay::pictures),
    (&[Vendor::Pixabay], "GET", "/api/videos/", pixabay::videos),
    (&[Vendor::Shotstack], "POST", "/edit/*/render", shotstack::order),
    (&[Vendor::Shotstack], "GET", "/edit/*/render/*", shotstack::get),
    (&[Vendor::Shotstack], "GET", "/edit/*/templates", shotstack::templates),
    (&[Vendor::Fal], "GET", "/*/*/requests/*", fal::response),
    (&[Vendor::Fal], "GET", "/*/*/requests/*/status", fal::status),
    (&[Vendor::Fal], "PUT", "/*/*/requests/*/cancel", fal::cancel),
    (&[Vendor::Fal], "POST", "/*/*", fal::submit),
    (&[Vendor::Fal], "POST", "/*/*/*", fal::submit),
    (&[Vendor::Google], "GET", "/v1beta/models", google_models::list),
    (&[Vendor::Google], "POST", "/v1beta/models/*:batchEmbedContents", google_embeddings::batch),
    (&[Vendor::Google], "POST", "/v1beta/models/*", google_models::call),
];

/// The hosts that speak the chat API of OpenAI.
const CHAT: &[Vendor] =
    &[Vendor::DeepSeek, Vendor::Groq, Vendor::Mistral, Vendor::OpenAi, Vendor::Together];

/// The hosts that speak the embeddings API of OpenAI.
const EMBEDDING: &[Vendor] = &[Vendor::Mistral, Vendor::OpenAi];

/// The hosts that speak the transcription API of OpenAI.
const HEARING: &[Vendor] = &[Vendor::Groq, Vendor::OpenAi];

/// A simulator that runs; dropped, it accepts no more connections.
pub struct Simulator {
    /// Where it listens, on 127.0.0.1.
    pub addr: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<io::Result<()>>,
}

/// What all requests share.
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) faults: FaultBook,
    pub(crate) jobs: Arc<Jobs>,
    pub(crate) log: Log,
    pub(crate) queue: Arc<fal::Queue>,
    pub(crate) renders: Arc<Renders>,
    pub(crate) responses: Arc<Responses>,
}

impl Simulator {
    /// Listens on 127.0.0.1 and serves in a task of the current tokio runtime.
    ///
    /// # Errors
    /// The operating system's, if the port cannot be taken.
    pub async fn start(config: Config) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, config.port)).await?;
        let addr = listener.local_addr()?;
        let shared = Arc::new(Shared {
            config,
            faults: FaultBook::default(),
            jobs: Arc::default(),
            log: Log::default(),
            queue: Arc::default(),
            renders: Arc::default(),
            responses: Arc::default(),
        });
        let router = router(Arc::clone(&shared));
        // Small pieces leave at once: without it the kernel would gather what we split.
        let listener = listener.tap_io(|connection| {
            if let Err(error) = connection.set_nodelay(true) {
                eprintln!("pieces may be gathered on the way: {error}");
            }
        });
        let task = tokio::spawn(axum::serve(listener, router).into_future());
        Ok(Self { addr, shared, task })
    }

    /// The address under which all vendors lie: `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn address(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// A vendor's base URL, in the form in which the vendor's own is written in its documents: with
    /// `/v1` for the chat API of OpenAI and its like and for Replicate, with `/v1beta` for Google,
    /// with `/edit/v1` for Shotstack, without for the others.
    #[must_use]
    pub fn base_url(&self, vendor: Vendor) -> String {
        let versioned = CHAT.contains(&vendor) || vendor == Vendor::Replicate;
        let version = match vendor {
            Vendor::Google => "/v1beta",
            Vendor::Shotstack => "/edit/v1",
            _ if versioned => "/v1",
            _ => "",
        };
        format!("http://{}/{}{version}", self.addr, vendor.id())
    }

    /// Everything that was received, oldest first, at most the last 20,000.
    #[must_use]
    pub fn requests(&self) -> Vec<Record> {
        self.shared.log.all(|_| true)
    }

    /// Counts the POST requests that a vendor got under a path (a part of it will do) with just this
    /// prompt: what was ordered, and perhaps paid.
    #[must_use]
    pub fn tally(&self, vendor: Vendor, path: &str, prompt: &str) -> Tally {
        self.shared.log.tally(|record| {
            record.vendor == vendor.id()
                && record.path.contains(path)
                && record.prompt.as_deref() == Some(prompt)
        })
    }

    /// Forgets what was received.
    pub fn clear_requests(&self) {
        self.shared.log.clear();
    }

    /// Waits until a recorded request fits: "the client has hung up". The caller sets the deadline.
    pub async fn wait_for(&self, fits: impl Fn(&Record) -> bool) -> Record {
        self.shared.log.wait_for(fits).await
    }

    /// Makes the next `times` requests to a vendor (`None`: to any) meet faults such as `fail:500`.
    ///
    /// # Errors
    /// If a word of `fault` is none.
    pub fn fault(&self, vendor: Option<Vendor>, fault: &str, times: u32) -> Result<(), FaultError> {
        let script = Script::parse(fault)?;
        let vendor = vendor.map(Vendor::id);
        self.shared.faults.order(Order { fault: fault.to_owned(), script, times, vendor });
        Ok(())
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/health", get(control::health))
        .route("/control/faults", get(control::faults).post(control::order).delete(control::calm))
        .route("/control/requests", get(control::requests).delete(control::forget))
        .route("/control/requests/{id}", get(control::request))
        .route("/control/tally", get(control::tally))
        .route("/files/{name}", get(files::file))
        .fallback(vendor)
        .with_state(shared)
        .merge(crate::hooks::router())
}

/// Everything under a vendor's prefix.
async fn vendor(State(shared): State<Arc<Shared>>, request: Request) -> Response<Body> {
    let full_path = request.uri().path().to_owned();
    let (prefix, path) = match full_path.trim_start_matches('/').split_once('/') {
        Some((prefix, rest)) => (prefix.to_owned(), format!("/{rest}")),
        None => (full_path.trim_start_matches('/').to_owned(), String::new()),
    };
    let Ok(vendor) = Vendor::parse(&prefix) else {
        return control::not_found("no vendor lies under this path");
    };
    let (parts, body) = request.into_parts();
    let body = match to_bytes(body, LARGEST_REQUEST).await {
        Ok(body) => body,
        Err(error) => return control::too_large(&error),
    };
    let query = parts.uri.query().unwrap_or_default();
    let exchange = shared.log.open(&Received {
        body: &body,
        headers: &parts.headers,
        method: &parts.method,
        path: parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
        vendor: vendor.id(),
    });
    let incoming = Incoming {
        body: &body,
        config: &shared.config,
        headers: &parts.headers,
        id: exchange.id(),
        jobs: &shared.jobs,
        path: &path,
        query,
        queue: &shared.queue,
        renders: &shared.renders,
        responses: &shared.responses,
        vendor,
    };
    let plan = match find(vendor, parts.method.as_str(), &path) {
        Some(endpoint) => endpoint(&incoming),
        None => Err(endpoint::no_such_path(&incoming, parts.method.as_str())),
    };
    match plan {
        Ok(plan) => run(&shared, &incoming, plan, exchange).await,
        Err(refusal) => finish(&incoming, refusal, &Script::default(), exchange),
    }
}

/// Applies the faults that come before the reply, makes it, and hands over those that shape it.
async fn run(
    shared: &Shared,
    incoming: &Incoming<'_>,
    plan: Plan,
    exchange: Exchange,
) -> Response<Body> {
    exchange.accepted(&plan.prompt);
    let mut script = shared.faults.script(incoming.vendor, &plan.prompt);
    if script.hang {
        // Ends when the connection closes: the handler is dropped, and the exchange with it.
        std::future::pending::<()>().await;
    }
    if let Some(pause) = script.slow {
        tokio::time::sleep(pause).await;
    }
    let reply = if let Some(failure) = script.fail {
        let mut reply = match failure.cause {
            Cause::Moderated => endpoint::moderated(incoming),
            Cause::Place => endpoint::not_served_here(incoming),
            Cause::Quota => endpoint::out_of_money(incoming),
            Cause::TooLong => endpoint::too_long(incoming),
            Cause::Unsupported => endpoint::unsupported(incoming),
            Cause::Status(status) if incoming.vendor == Vendor::Google => {
                google_errors::failure(status, failure.retry_after)
            }
            Cause::Status(status) => endpoint::failure(incoming, status),
        };
        let seconds = failure.retry_after.filter(|_| incoming.vendor != Vendor::Google);
        if let Some(seconds) = seconds {
            reply.headers.push(("retry-after", seconds.to_string()));
            if incoming.vendor == Vendor::OpenAi {
                let millis = u64::from(seconds) * 1_000;
                reply.headers.push(("retry-after-ms", millis.to_string()));
            }
        }
        script = Script::default();
        reply
    } else if script.garbage {
        garbage(plan.stream)
    } else if script.error_mid.is_some() && !plan.stream {
        // Without a stream there is no middle: the same failure takes the form of a status.
        endpoint::failure(incoming, 500)
    } else {
        (plan.answer)(&script)
    };
    finish(incoming, reply, &script, exchange)
}

fn finish(
    incoming: &Incoming<'_>,
    mut reply: Reply,
    script: &Script,
    exchange: Exchange,
) -> Response<Body> {
    reply.headers.extend(endpoint::reply_headers(incoming));
    let sent = script.error_mid.unwrap_or(0);
    stream::respond(reply, script, endpoint::error_event(incoming, sent), exchange)
}

fn find(vendor: Vendor, method: &str, path: &str) -> Option<Endpoint> {
    ROUTES
        .iter()
        .find(|(vendors, routed, pattern, _)| {
            vendors.contains(&vendor) && *routed == method && fits(pattern, path)
        })
        .map(|(_, _, _, endpoint)| *endpoint)
}

fn fits(pattern: &str, path: &str) -> bool {
    let mut segments = path.split('/');
    let all = pattern.split('/').all(|wanted| {
        segments.next().is_some_and(|segment| match wanted.strip_prefix('*') {
            Some(end) => segment.len() > end.len() && segment.ends_with(end),
            None => wanted == segment,
        })
    });
    all && segments.next().is_none()
}

fn garbage(stream: bool) -> Reply {
    if stream {
        let events = ["data: {\"id\": \"chatc\n\n", "event\u{0}: ?\nda ta {}}\n\n", "<html>\n\n"];
        return Reply::events(events.map(str::to_owned).into());
    }
    let bytes = Bytes::from_static(b"<html><body>It works!</body></html>{\"id\":");
    Reply {
        content: Content::Whole { bytes, content_type: "application/json" },
        headers: Vec::new(),
        status: StatusCode::OK.as_u16(),
    }
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn a_star_is_one_segment() {
        for (pattern, path, fit) in [
            ("/v1/models", "/v1/models", true),
            ("/v1/models", "/v1/models/", false),
            ("/v1/tts/*", "/v1/tts/abc", true),
            ("/v1/tts/*", "/v1/tts/", false),
            ("/v1/tts/*", "/v1/tts/abc/stream", false),
            ("/v1/tts/*/stream", "/v1/tts/abc/stream", true),
            ("/v1/*:embed", "/v1/m:embed", true),
            ("/v1/*:embed", "/v1/:embed", false),
            ("/v1/*:embed", "/v1/m:draw", false),
        ] {
            assert_eq!(fits(pattern, path), fit, "{pattern} {path}");
        }
    }
}
