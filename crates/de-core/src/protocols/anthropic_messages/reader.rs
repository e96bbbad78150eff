//! A streamed reply in, event by event.

use serde_json::Value;

use super::{
    super::{Malformed, StreamFault, VendorStream, answer::Answer},
    citations, error, finish_of, own_seal, plain, reply,
    usage::Counts,
};
use crate::{chat::Delta, json, sse::Event};

/// Events that are read; any other, `ping` among them, is skipped without a look at its data.
const KNOWN: [&str; 7] = [
    "content_block_delta",
    "content_block_start",
    "content_block_stop",
    "error",
    "message_delta",
    "message_start",
    "message_stop",
];

/// Reads events up to `message_stop`.
#[derive(Debug, Default)]
pub(super) struct Reader {
    /// Tool calls that have begun, by the index of their block. Other blocks need no memory.
    calls: Vec<OpenCall>,
    counts: Counts,
    done: bool,
}

#[derive(Debug)]
struct OpenCall {
    block: u32,
    /// What `content_block_start` gave as input, for vendors that send it whole there.
    input: Option<String>,
    silent: bool,
}

impl VendorStream for Reader {
    fn event(&mut self, event: &Event) -> Result<Vec<Delta>, StreamFault> {
        let unknown = event.event.as_deref().is_some_and(|name| !KNOWN.contains(&name));
        if self.done || unknown {
            return Ok(Vec::new());
        }
        if event.event.as_deref().is_none_or(|name| name == "content_block_delta")
            && let Some(delta) = plain::read(&event.data)
        {
            return Ok(delta.into_iter().collect());
        }
        let data = json::parse(event.data.as_bytes())
            .map_err(|error| Malformed { pointer: String::new(), reason: error.to_string() })?;
        let told = Answer::whole(&data)?;
        let kind = told.string("type")?.or(event.event.as_deref()).unwrap_or_default();
        match kind {
            "error" => Err(StreamFault::Vendor(error::of(&data))),
            "message_stop" => {
                self.done = true;
                Ok(Vec::new())
            }
            _ => Ok(self.deltas(kind, &told)?),
        }
    }

    fn is_done(&self) -> bool {
        self.done
    }
}

impl Reader {
    fn deltas(&mut self, kind: &str, told: &Answer<'_>) -> Result<Vec<Delta>, Malformed> {
        let block = told.index("index", 0)?;
        let mut deltas = Vec::new();
        match kind {
            "content_block_delta" => {
                if let Some(delta) = told.object("delta")? {
                    deltas.extend(self.more(block, &delta)?);
                }
            }
            "content_block_start" => {
                if let Some(content) = told.object("content_block")? {
                    deltas.extend(self.begin(block, &content)?);
                }
            }
            "content_block_stop" => deltas.extend(self.close(block)),
            "message_delta" => {
                if let Some(delta) = told.object("delta")?
                    && let Some(word) = delta.string("stop_reason")?
                {
                    let stop_sequence = delta.string("stop_sequence")?.map(str::to_owned);
                    // A refusal's own words, where the vendor has some.
                    if let Some(text) = reply::explained(&delta)? {
                        deltas.push(Delta::Refusal { choice: 0, text });
                    }
                    deltas.push(Delta::Finish {
                        choice: 0,
                        finish: finish_of(word),
                        stop_sequence,
                    });
                }
                deltas.extend(self.count(told)?);
            }
            "message_start" => {
                if let Some(message) = told.object("message")? {
                    // The counts come first, so that a writer can tell them in its own first event.
                    deltas.extend(self.count(&message)?);
                    deltas.push(Delta::Start {
                        id: message.string_or_empty("id")?,
                        model: message.string_or_empty("model")?,
                    });
                }
            }
            // The vendor adds kinds without notice.
            _ => {}
        }
        Ok(deltas)
    }

    /// Reads the counts, and with them the tier, which are told side by side.
    fn count(&mut self, holder: &Answer<'_>) -> Result<Vec<Delta>, Malformed> {
        let Some(usage) = holder.object("usage")? else { return Ok(Vec::new()) };
        self.counts.overlay(&usage);
        let tier = usage.word("service_tier").map(|tier| Delta::ServiceTier(tier.to_owned()));
        Ok(tier.into_iter().chain([Delta::Usage(self.counts.usage())]).collect())
    }

    fn begin(&mut self, block: u32, content: &Answer<'_>) -> Result<Option<Delta>, Malformed> {
        Ok(match content.string("type")? {
            Some("redacted_thinking") => {
                let seal = own_seal(content.string_or_empty("data")?);
                Some(Delta::Sealed { call: None, choice: 0, seal })
            }
            Some("text") => text_delta(content.string("text")?),
            Some("thinking") => thinking_delta(content.string("thinking")?),
            Some("tool_use") => {
                let index = u32::try_from(self.calls.len()).unwrap_or(u32::MAX);
                let whole = content
                    .value("input")
                    .filter(|input| input.as_object().is_some_and(|input| !input.is_empty()));
                self.calls.push(OpenCall {
                    block,
                    input: whole.map(Value::to_string),
                    silent: true,
                });
                Some(Delta::ToolCall {
                    arguments: String::new(),
                    choice: 0,
                    id: Some(content.string_or_empty("id")?),
                    index,
                    name: Some(content.string_or_empty("name")?),
                })
            }
            Some(_) | None => None,
        })
    }

    fn more(&mut self, block: u32, delta: &Answer<'_>) -> Result<Option<Delta>, Malformed> {
        Ok(match delta.string("type")? {
            Some("input_json_delta") => {
                let arguments = delta.string_or_empty("partial_json")?;
                // A block that is not ours, such as the vendor's own search, has input too.
                let call = (0_u32..).zip(&mut self.calls).find(|(_, call)| call.block == block);
                match call {
                    Some((index, call)) if !arguments.is_empty() => {
                        call.silent = false;
                        Some(Delta::ToolCall { arguments, choice: 0, id: None, index, name: None })
                    }
                    Some(_) | None => None,
                }
            }
            Some("citations_delta") => match delta.object("citation")? {
                Some(citation) => citations::read(&citation)?
                    .map(|citation| Delta::Citation { choice: 0, citation }),
                None => None,
            },
            // One that is empty says that there is none.
            Some("signature_delta") => {
                let signature = delta.string_or_empty("signature")?;
                let seal = (!signature.is_empty()).then(|| own_seal(signature));
                seal.map(|seal| Delta::Thinking {
                    choice: 0,
                    seal: Some(seal),
                    text: String::new(),
                })
            }
            Some("text_delta") => text_delta(delta.string("text")?),
            Some("thinking_delta") => thinking_delta(delta.string("thinking")?),
            Some(_) | None => None,
        })
    }

    /// Ends a block: a call without arguments has none, which in JSON is `{}`.
    fn close(&mut self, block: u32) -> Option<Delta> {
        let (index, call) = (0_u32..).zip(&mut self.calls).find(|(_, call)| call.block == block)?;
        if !core::mem::take(&mut call.silent) {
            return None;
        }
        let arguments = call.input.take().unwrap_or_else(|| "{}".to_owned());
        Some(Delta::ToolCall { arguments, choice: 0, id: None, index, name: None })
    }
}

fn text_delta(text: Option<&str>) -> Option<Delta> {
    let text = text.filter(|text| !text.is_empty())?;
    Some(Delta::Text { choice: 0, text: text.to_owned() })
}

fn thinking_delta(text: Option<&str>) -> Option<Delta> {
    let text = text.filter(|text| !text.is_empty())?;
    Some(Delta::Thinking { choice: 0, seal: None, text: text.to_owned() })
}
