//! Speech and its transcripts, described, at the paths of the front door.

mod elevenlabs;
mod native;
mod openai;

use de_core::{
    auth::Scope,
    http::error::Code,
    openapi::{
        document::{Document, Tag},
        operation::{Answer, Operation},
    },
};

/// The operations and where the worker itself has them; the front door has a name in front of some.
///
/// Each is `METHOD /path` on the worker's own host. Tests hold it against the router.
pub const ROUTES: [(&str, &str); 8] = [
    ("POST /synthesize", "POST /audio/synthesize"),
    ("GET /voices", "GET /audio/voices"),
    ("POST /v1/audio/speech", "POST /v1/audio/speech"),
    ("POST /v1/audio/transcriptions", "POST /v1/audio/transcriptions"),
    ("POST /v1/text-to-speech/{voice_id}", "POST /v1/text-to-speech/{voice_id}"),
    ("POST /v1/text-to-speech/{voice_id}/stream", "POST /v1/text-to-speech/{voice_id}/stream"),
    ("GET /v1/voices", "GET /v1/voices"),
    ("GET /v2/voices", "GET /v2/voices"),
];

const AUDIO: Tag = Tag {
    about: "Speech by models of any vendor, in our own protocol, OpenAI's or ElevenLabs'; transcripts in OpenAI's.",
    name: "audio",
};

/// Adds the operations of the audio worker.
pub fn describe(document: &mut Document) {
    let mut operations = native::operations();
    operations.extend(openai::operations());
    operations.extend(elevenlabs::operations());
    let tagged = operations.into_iter().map(|operation| operation.tag(AUDIO.name));
    document.add(&[AUDIO], tagged.collect());
}

/// What a call brings along, whatever protocol it speaks.
fn buys(operation: Operation) -> Operation {
    let operation = operation.scope(Some(Scope::Audio)).once().header("x-de-fallback");
    let operation = operation.header("x-de-on-unsupported").buys_of_model();
    operation.fails(&[Code::InProgress, Code::OutcomeUnknown])
}

/// What a look at a vendor's voices brings along.
fn looks(operation: Operation) -> Operation {
    operation.scope(Some(Scope::Audio)).asks_vendor().fails(&[Code::ValidationError])
}

/// An answer to a call, with what its headers tell.
fn of_call(answer: Answer) -> Answer {
    answer.of_call().left_out().headers(&["Idempotency-Replayed"])
}
