//! A streamed reply in, event by event.
//!
//! Pieces come first and wholes after them. Hosts that leave pieces out are read by their wholes.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    super::{Malformed, StreamFault, VendorStream, answer::Answer, openai_chat::logprobs::token},
    annotations, error, finish_of, reply, usage,
};
use crate::{chat::Delta, json, sse::Event};

/// Reads events up to `response.completed` or `response.incomplete`.
#[derive(Debug, Default)]
pub(super) struct Reader {
    /// How many tools were called.
    calls: u32,
    done: bool,
    /// What is known of items, by `output_index`.
    items: BTreeMap<u32, Item>,
    service_tier: Option<String>,
    started: bool,
}

/// What was told of an item so far.
#[derive(Debug, Default)]
struct Item {
    /// Of a call: its index among calls.
    call: Option<u32>,
    /// Of a call: bytes of its arguments.
    heard: usize,
    /// Parts of a message of which something was told, by `content_index`.
    parts: Vec<u32>,
    /// Of thoughts: which of the two lists is told.
    thoughts: Option<Thoughts>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Thoughts {
    Content,
    Summary,
}

impl VendorStream for Reader {
    fn event(&mut self, event: &Event) -> Result<Vec<Delta>, StreamFault> {
        let data = event.data.trim();
        // Some hosts end as OpenAI's chat does.
        if self.done || data == "[DONE]" {
            return Ok(Vec::new());
        }
        let value = json::parse(data.as_bytes())
            .map_err(|error| Malformed { pointer: String::new(), reason: error.to_string() })?;
        let told = Answer::whole(&value)?;
        let kind = told.string("type")?.or(event.event.as_deref()).unwrap_or_default();
        if kind == "error" || (kind.is_empty() && told.value("error").is_some()) {
            return Err(StreamFault::Vendor(error::of(&value)));
        }
        if kind == "response.failed" {
            let cause = value.pointer("/response/error").unwrap_or(&Value::Null);
            return Err(StreamFault::Vendor(error::of(cause)));
        }
        let mut deltas = Vec::new();
        self.read(kind, &told, &mut deltas)?;
        Ok(deltas)
    }

    fn is_done(&self) -> bool {
        self.done
    }
}

impl Reader {
    fn read(
        &mut self,
        kind: &str,
        told: &Answer<'_>,
        deltas: &mut Vec<Delta>,
    ) -> Result<(), Malformed> {
        let output = told.index("output_index", 0)?;
        match kind {
            "response.created" | "response.in_progress" | "response.queued" => {
                if let Some(response) = told.object("response")? {
                    self.begun(&response, deltas)?;
                }
            }
            "response.output_item.added" => {
                if let Some(item) = told.object("item")? {
                    self.added(output, &item, deltas)?;
                }
            }
            "response.output_text.delta" => self.text(output, told, "delta", deltas)?,
            "response.output_text.done" if self.is_new_part(output, told)? => {
                self.text(output, told, "text", deltas)?;
            }
            "response.output_text.annotation.added" => {
                let note = told.object("annotation")?;
                let citation = note.map(|note| annotations::read(&note)).transpose()?.flatten();
                deltas.extend(citation.map(|citation| Delta::Citation { choice: 0, citation }));
            }
            "response.refusal.delta" => self.refusal(output, told, "delta", deltas)?,
            "response.refusal.done" if self.is_new_part(output, told)? => {
                self.refusal(output, told, "refusal", deltas)?;
            }
            "response.function_call_arguments.delta" => {
                let more = told.string_or_empty("delta")?;
                self.arguments(output, more, deltas);
            }
            "response.reasoning_summary_part.added" => {
                let is_next = told.index("summary_index", 0)? > 0;
                self.part_of_thoughts(output, Thoughts::Summary, is_next, deltas);
            }
            "response.reasoning_summary_text.delta" => {
                let more = told.string_or_empty("delta")?;
                self.thought(output, Thoughts::Summary, more, deltas);
            }
            "response.reasoning_text.delta" => {
                let more = told.string_or_empty("delta")?;
                self.thought(output, Thoughts::Content, more, deltas);
            }
            "response.output_item.done" => {
                if let Some(item) = told.object("item")? {
                    self.item_done(output, &item, deltas)?;
                }
            }
            "response.completed" | "response.incomplete" => {
                let Some(response) = told.object("response")? else {
                    return Err(told.fault("response", "required"));
                };
                self.ended(kind, &response, deltas)?;
            }
            // Types are added without notice.
            _ => {}
        }
        Ok(())
    }

    fn begun(&mut self, response: &Answer<'_>, deltas: &mut Vec<Delta>) -> Result<(), Malformed> {
        if !self.started {
            self.started = true;
            let (id, model) = (response.string_or_empty("id")?, response.string_or_empty("model")?);
            deltas.push(Delta::Start { id, model });
        }
        if let Some(tier) = reply::tier(response)
            && self.service_tier.as_deref() != Some(tier)
        {
            self.service_tier = Some(tier.to_owned());
            deltas.push(Delta::ServiceTier(tier.to_owned()));
        }
        Ok(())
    }

    fn item(&mut self, output: u32) -> &mut Item {
        self.items.entry(output).or_default()
    }

    fn added(
        &mut self,
        output: u32,
        item: &Answer<'_>,
        deltas: &mut Vec<Delta>,
    ) -> Result<(), Malformed> {
        if item.string("type")? != Some("function_call") || self.item(output).call.is_some() {
            return Ok(());
        }
        let index = self.calls;
        self.calls = self.calls.saturating_add(1);
        let (id, name) = (item.string_or_empty("call_id")?, item.string_or_empty("name")?);
        let arguments = item.string_or_empty("arguments")?;
        let known = self.item(output);
        (known.call, known.heard) = (Some(index), arguments.len());
        deltas.push(Delta::ToolCall {
            arguments,
            choice: 0,
            id: Some(id),
            index,
            name: Some(name),
        });
        Ok(())
    }

    fn arguments(&mut self, output: u32, more: String, deltas: &mut Vec<Delta>) {
        let known = self.item(output);
        let Some(index) = known.call else { return };
        if more.is_empty() {
            return;
        }
        known.heard = known.heard.saturating_add(more.len());
        deltas.push(Delta::ToolCall { arguments: more, choice: 0, id: None, index, name: None });
    }

    /// Whether nothing was told of the part of a message that an event is about.
    fn is_new_part(&mut self, output: u32, told: &Answer<'_>) -> Result<bool, Malformed> {
        let content = told.index("content_index", 0)?;
        Ok(!self.item(output).parts.contains(&content))
    }

    fn note_part(&mut self, output: u32, told: &Answer<'_>) -> Result<(), Malformed> {
        let content = told.index("content_index", 0)?;
        let known = self.item(output);
        if !known.parts.contains(&content) {
            known.parts.push(content);
        }
        Ok(())
    }

    fn text(
        &mut self,
        output: u32,
        told: &Answer<'_>,
        name: &str,
        deltas: &mut Vec<Delta>,
    ) -> Result<(), Malformed> {
        self.note_part(output, told)?;
        let text = told.string_or_empty(name)?;
        if !text.is_empty() {
            deltas.push(Delta::Text { choice: 0, text });
        }
        let tokens = told.objects("logprobs")?;
        let tokens = tokens.iter().map(token).collect::<Result<Vec<_>, _>>()?;
        if !tokens.is_empty() {
            deltas.push(Delta::Logprobs { choice: 0, tokens });
        }
        Ok(())
    }

    fn refusal(
        &mut self,
        output: u32,
        told: &Answer<'_>,
        name: &str,
        deltas: &mut Vec<Delta>,
    ) -> Result<(), Malformed> {
        self.note_part(output, told)?;
        let text = told.string_or_empty(name)?;
        if !text.is_empty() {
            deltas.push(Delta::Refusal { choice: 0, text });
        }
        Ok(())
    }

    /// Notes which list of thoughts is told: of two that say the same, the first one.
    fn is_told(&mut self, output: u32, list: Thoughts) -> bool {
        *self.item(output).thoughts.get_or_insert(list) == list
    }

    fn part_of_thoughts(
        &mut self,
        output: u32,
        list: Thoughts,
        is_next: bool,
        deltas: &mut Vec<Delta>,
    ) {
        if is_next && self.is_told(output, list) {
            deltas.push(Delta::Thinking { choice: 0, seal: None, text: reply::BETWEEN.to_owned() });
        }
    }

    fn thought(&mut self, output: u32, list: Thoughts, text: String, deltas: &mut Vec<Delta>) {
        if !text.is_empty() && self.is_told(output, list) {
            deltas.push(Delta::Thinking { choice: 0, seal: None, text });
        }
    }

    fn item_done(
        &mut self,
        output: u32,
        item: &Answer<'_>,
        deltas: &mut Vec<Delta>,
    ) -> Result<(), Malformed> {
        match item.string("type")? {
            Some("function_call") => {
                self.added(output, item, deltas)?;
                let whole = item.string_or_empty("arguments")?;
                let heard = self.item(output).heard;
                if let Some(rest) = whole.get(heard..) {
                    self.arguments(output, rest.to_owned(), deltas);
                }
            }
            Some("message") => {
                for (content, part) in (0_u32..).zip(item.objects("content")?) {
                    if !self.item(output).parts.contains(&content) {
                        let text = part.string_or_empty("text")?;
                        if !text.is_empty() {
                            deltas.push(Delta::Text { choice: 0, text });
                        }
                        let text = part.string_or_empty("refusal")?;
                        if !text.is_empty() {
                            deltas.push(Delta::Refusal { choice: 0, text });
                        }
                    }
                }
            }
            Some("reasoning") => {
                let seal = reply::seal(item)?;
                let text = match self.item(output).thoughts {
                    Some(_) => String::new(),
                    None => reply::text(item)?,
                };
                let was_told = self.item(output).thoughts.is_some() || !text.is_empty();
                match seal {
                    Some(seal) if !was_told => {
                        deltas.push(Delta::Sealed { call: None, choice: 0, seal });
                    }
                    None if text.is_empty() => {}
                    seal => deltas.push(Delta::Thinking { choice: 0, seal, text }),
                }
            }
            Some(_) | None => {}
        }
        Ok(())
    }

    fn ended(
        &mut self,
        kind: &str,
        response: &Answer<'_>,
        deltas: &mut Vec<Delta>,
    ) -> Result<(), Malformed> {
        self.begun(response, deltas)?;
        let status = kind.strip_prefix("response.");
        let details = response.object("incomplete_details")?;
        let reason = details.as_ref().and_then(|details| details.word("reason"));
        deltas.push(Delta::Finish {
            choice: 0,
            finish: finish_of(status, reason, self.calls > 0),
            stop_sequence: None,
        });
        deltas.extend(usage::of(response).map(Delta::Usage));
        self.done = true;
        Ok(())
    }
}
