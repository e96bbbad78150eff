//! A streamed reply in, chunk by chunk.

use super::{
    super::{Malformed, StreamFault, VendorStream, answer::Answer},
    annotations, error, finish_of, logprobs,
    plain::Plain,
    reply,
    usage::Counts,
};
use crate::{
    chat::{Delta, Part},
    json,
    sse::Event,
};

/// Reads `chat.completion.chunk` events up to `[DONE]`.
#[derive(Debug, Default)]
pub(super) struct Reader {
    calls: Vec<OpenCall>,
    counts: Counts,
    done: bool,
    /// Told by every chunk; passed on when it changes.
    service_tier: Option<String>,
    started: bool,
}

/// A tool call of which more parts may come.
#[derive(Debug)]
struct OpenCall {
    choice: u32,
    id: String,
    /// Ours, from 0 within the choice.
    index: u32,
    /// Whether nothing was heard of its arguments.
    is_silent: bool,
    /// The vendor's.
    vendor_index: u32,
}

impl VendorStream for Reader {
    fn event(&mut self, event: &Event) -> Result<Vec<Delta>, StreamFault> {
        if self.done {
            return Ok(Vec::new());
        }
        let data = event.data.trim();
        if data == "[DONE]" {
            self.done = true;
            return Ok(Vec::new());
        }
        if event.event.is_none()
            && let Some(chunk) = Plain::read(data)
        {
            return Ok(self.plain(&chunk));
        }
        let chunk = json::parse(data.as_bytes())
            .map_err(|error| Malformed { pointer: String::new(), reason: error.to_string() })?;
        if event.event.as_deref() == Some("error")
            || chunk.get("error").is_some_and(|error| !error.is_null())
        {
            return Err(StreamFault::Vendor(error::of(&chunk)));
        }
        Ok(self.chunk(&Answer::whole(&chunk)?)?)
    }

    fn is_done(&self) -> bool {
        self.done
    }
}

impl Reader {
    fn plain(&mut self, chunk: &Plain<'_>) -> Vec<Delta> {
        let mut deltas = Vec::new();
        if !self.started {
            self.started = true;
            let (id, model) = (chunk.id().to_owned(), chunk.model().to_owned());
            deltas.push(Delta::Start { id, model });
        }
        if !chunk.text().is_empty() {
            deltas.push(Delta::Text { choice: chunk.choice(), text: chunk.text().to_owned() });
        }
        deltas.extend(self.tier(chunk.service_tier()));
        deltas
    }

    /// What is new about the tier, if anything.
    fn tier(&mut self, tier: &str) -> Option<Delta> {
        if tier.is_empty() || self.service_tier.as_deref() == Some(tier) {
            return None;
        }
        self.service_tier = Some(tier.to_owned());
        Some(Delta::ServiceTier(tier.to_owned()))
    }

    fn chunk(&mut self, chunk: &Answer<'_>) -> Result<Vec<Delta>, Malformed> {
        let mut deltas = Vec::new();
        let (id, choices) = (chunk.string_or_empty("id")?, chunk.objects("choices")?);
        // Azure begins with a chunk about the prompt that has neither.
        if !self.started && (!id.is_empty() || !choices.is_empty()) {
            self.started = true;
            deltas.push(Delta::Start { id, model: chunk.string_or_empty("model")? });
        }
        for choice in &choices {
            let index = choice.index("index", 0)?;
            if let Some(delta) = choice.object("delta")? {
                self.delta(index, &delta, &mut deltas)?;
            }
            let tokens = logprobs::read(choice)?;
            if !tokens.is_empty() {
                deltas.push(Delta::Logprobs { choice: index, tokens });
            }
            if let Some(word) = choice.string("finish_reason")?.filter(|word| !word.is_empty()) {
                let finish = finish_of(word, self.without_arguments(index, &mut deltas));
                deltas.push(Delta::Finish { choice: index, finish, stop_sequence: None });
            }
        }
        deltas.extend(self.tier(chunk.word("service_tier").unwrap_or_default()));
        deltas.extend(self.counts.take_over(chunk).map(Delta::Usage));
        Ok(deltas)
    }

    /// Whether a choice has calls. Those of which some hosts tell no arguments have none, which in JSON is `{}`.
    fn without_arguments(&mut self, choice: u32, deltas: &mut Vec<Delta>) -> bool {
        let mut has_calls = false;
        for call in self.calls.iter_mut().filter(|call| call.choice == choice) {
            has_calls = true;
            if core::mem::take(&mut call.is_silent) {
                let (arguments, index) = ("{}".to_owned(), call.index);
                deltas.push(Delta::ToolCall { arguments, choice, id: None, index, name: None });
            }
        }
        has_calls
    }

    fn delta(
        &mut self,
        choice: u32,
        delta: &Answer<'_>,
        deltas: &mut Vec<Delta>,
    ) -> Result<(), Malformed> {
        if let Some(text) = reply::thoughts(delta)? {
            deltas.push(Delta::Thinking { choice, seal: None, text: text.to_owned() });
        }
        let mut parts = Vec::new();
        reply::content(delta, &mut parts)?;
        for part in parts {
            match part {
                Part::Text(text) => deltas.push(Delta::Text { choice, text }),
                Part::Thinking { seal, text } => {
                    deltas.push(Delta::Thinking { choice, seal, text })
                }
                _ => {}
            }
        }
        let citations = annotations::read(delta)?.into_iter();
        deltas.extend(citations.map(|citation| Delta::Citation { choice, citation }));
        if let Some(text) = delta.string("refusal")?.filter(|text| !text.is_empty()) {
            deltas.push(Delta::Refusal { choice, text: text.to_owned() });
        }
        for (position, call) in (0_u32..).zip(delta.objects("tool_calls")?) {
            deltas.push(self.call(choice, position, &call)?);
        }
        Ok(())
    }

    /// Reads a part of a tool call.
    ///
    /// Some hosts repeat the id in every part, and some number every call 0: another id is another call.
    fn call(&mut self, choice: u32, position: u32, call: &Answer<'_>) -> Result<Delta, Malformed> {
        let vendor_index = call.index("index", position)?;
        let id = call.string("id")?.unwrap_or_default();
        let function = call.object("function")?;
        let (name, arguments) = match &function {
            Some(function) => (function.string("name")?, function.string_or_empty("arguments")?),
            None => (None, String::new()),
        };
        let open = self
            .calls
            .iter_mut()
            .rev()
            .find(|open| open.choice == choice && open.vendor_index == vendor_index);
        match open {
            Some(open) if id.is_empty() || open.id == id => {
                open.is_silent &= arguments.is_empty();
                Ok(Delta::ToolCall { arguments, choice, id: None, index: open.index, name: None })
            }
            _ => {
                let others = self.calls.iter().filter(|open| open.choice == choice).count();
                let index = u32::try_from(others).unwrap_or(u32::MAX);
                let is_silent = arguments.is_empty();
                self.calls.push(OpenCall {
                    choice,
                    id: id.to_owned(),
                    index,
                    is_silent,
                    vendor_index,
                });
                let name = Some(name.unwrap_or_default().to_owned());
                Ok(Delta::ToolCall { arguments, choice, id: Some(id.to_owned()), index, name })
            }
        }
    }
}
