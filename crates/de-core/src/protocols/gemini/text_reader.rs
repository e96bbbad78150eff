//! A streamed answer in: each event has the shape of a whole answer, and holds the next piece of it.
//!
//! No event says that it is the last one: the answer is whole when its candidates have ended.

use super::{
    super::{Malformed, StreamFault, VendorStream, answer::Answer},
    citations::Sources,
    error, logprobs,
    text_reply::{self, Calls},
    usage::Counts,
};
use crate::{
    chat::{Delta, Finish, Part},
    json,
    sse::Event,
};

/// Reads events up to the end of every candidate.
#[derive(Debug, Default)]
pub(super) struct Reader {
    candidates: Vec<Candidate>,
    counts: Counts,
    id: String,
    /// A candidate broke off with nothing said: no end of the stream is a good one then.
    is_broken: bool,
    /// The prompt was refused.
    is_blocked: bool,
    is_started: bool,
}

#[derive(Debug, Default)]
struct Candidate {
    calls: u32,
    index: u32,
    is_ended: bool,
    sources: Sources,
    text: String,
}

impl VendorStream for Reader {
    fn event(&mut self, event: &Event) -> Result<Vec<Delta>, StreamFault> {
        let body = json::parse(event.data.as_bytes())
            .map_err(|error| Malformed { pointer: String::new(), reason: error.to_string() })?;
        if let Some(failure) = error::of_event(&body) {
            return Err(StreamFault::Vendor(failure));
        }
        let is_first = !self.is_started;
        let deltas = self.deltas(&Answer::whole(&body)?)?;
        if self.is_broken && is_first {
            // Nothing has been told yet, so that another model may still serve.
            return Err(text_reply::broke_off().into());
        }
        // Later it ends as a stream that was cut, with what the vendor counted.
        Ok(deltas)
    }

    fn is_done(&self) -> bool {
        let all = self.candidates.iter().all(|candidate| candidate.is_ended);
        self.is_blocked || (all && !self.candidates.is_empty() && !self.is_broken)
    }
}

impl Reader {
    fn deltas(&mut self, whole: &Answer<'_>) -> Result<Vec<Delta>, Malformed> {
        let known = ["candidates", "promptFeedback", "usageMetadata"];
        if known.iter().all(|name| whole.value(name).is_none()) {
            return Err(whole.fault("candidates", "required"));
        }
        let mut deltas = Vec::new();
        if !self.is_started {
            self.is_started = true;
            self.id = whole.string_or_empty("responseId")?;
            let model = whole.string_or_empty("modelVersion")?;
            deltas.push(Delta::Start { id: self.id.clone(), model });
        }
        let candidates = whole.objects("candidates")?;
        for (place, candidate) in (0_u32..).zip(&candidates) {
            self.candidate(candidate, place, &mut deltas)?;
        }
        if candidates.is_empty() && !self.is_blocked && text_reply::is_blocked(whole)? {
            self.is_blocked = true;
            let finish = Finish::ContentFilter;
            deltas.push(Delta::Finish { choice: 0, finish, stop_sequence: None });
        }
        deltas.extend(self.counts.take_over(whole).map(Delta::Usage));
        Ok(deltas)
    }

    fn candidate(
        &mut self,
        told: &Answer<'_>,
        place: u32,
        deltas: &mut Vec<Delta>,
    ) -> Result<(), Malformed> {
        let choice = told.index("index", place)?;
        let at = self.candidates.iter().position(|candidate| candidate.index == choice);
        let at = at.unwrap_or(self.candidates.len());
        if at == self.candidates.len() {
            self.candidates.push(Candidate { index: choice, ..Candidate::default() });
        }
        let Some(open) = self.candidates.get_mut(at).filter(|open| !open.is_ended) else {
            return Ok(());
        };
        let mut calls = Calls { choice, made: open.calls, response: &self.id };
        let pieces = text_reply::pieces(told, &mut calls)?;
        for piece in pieces {
            open.piece(piece, deltas);
        }
        let tokens = logprobs::read(told)?;
        if !tokens.is_empty() {
            deltas.push(Delta::Logprobs { choice, tokens });
        }
        let mut citations = open.sources.new_citations(told, &open.text)?;
        let finish = text_reply::finish(told)?;
        if finish.is_some() {
            citations.extend(open.sources.uncited());
        }
        let citations = citations.into_iter();
        deltas.extend(citations.map(|citation| Delta::Citation { choice, citation }));
        if let Some(finish) = finish {
            open.is_ended = true;
            let is_said = open.calls > 0 || !open.text.is_empty();
            let finish = match text_reply::is_broken(&finish) {
                true if is_said => Finish::Length,
                true => {
                    self.is_broken = true;
                    return Ok(());
                }
                false => finish,
            };
            if let Some(text) = text_reply::explained(told, &finish)? {
                deltas.push(Delta::Refusal { choice, text });
            }
            let calls = open.calls > 0 && finish == Finish::Stop;
            let finish = if calls { Finish::ToolCalls } else { finish };
            deltas.push(Delta::Finish { choice, finish, stop_sequence: None });
        }
        Ok(())
    }
}

impl Candidate {
    fn piece(&mut self, piece: Part, deltas: &mut Vec<Delta>) {
        let choice = self.index;
        match piece {
            Part::Sealed(seal) => deltas.push(Delta::Sealed { call: None, choice, seal }),
            Part::Text(text) => {
                self.text.push_str(&text);
                deltas.push(Delta::Text { choice, text });
            }
            Part::Thinking { seal, text } => deltas.push(Delta::Thinking { choice, seal, text }),
            Part::ToolCall(call) => {
                let index = self.calls;
                self.calls = index.saturating_add(1);
                deltas.push(Delta::ToolCall {
                    arguments: call.arguments,
                    choice,
                    id: Some(call.id),
                    index,
                    name: Some(call.name),
                });
                if let Some(seal) = call.seal {
                    deltas.push(Delta::Sealed { call: Some(index), choice, seal });
                }
            }
            // No piece is any of these.
            Part::Audio(_)
            | Part::CacheMark(_)
            | Part::Citation(_)
            | Part::Document(_)
            | Part::Image(_)
            | Part::Refusal(_)
            | Part::ToolResult { .. } => {}
        }
    }
}
