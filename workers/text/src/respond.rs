//! The answer in the caller's protocol: relayed where the vendor speaks it too, else translated.

use std::{sync::Arc, time::Duration};

use axum::{body::Body, response::Response};
use bytes::Bytes;
use de_core::{
    books::{Books, Outcome},
    chat::{ChatReply, Delta, Finish, Part},
    exchange::{
        self, Answer, Gathered, Job, Opened, Polled,
        relay::{Tail, filtered, passed, relay},
        translate::{note_whole, translated},
    },
    http::{error::ApiError, relayed},
    protocols::{
        About, Billed, Dialect, DialectStream,
        anthropic_messages::AnthropicMessagesDialect,
        mapped,
        native::{self, NativeStream},
        openai_chat::OpenAiChatDialect,
        openai_responses::OpenAiResponsesDialect,
        tool_names::ToolNames,
    },
    registry::Model,
};
use http::{HeaderValue, header};
use serde_json::{Value, json};

use crate::ask::{Ask, Wire};

/// What an answer is made with.
pub(crate) struct Reply<'a> {
    pub(crate) ask: &'a Ask,
    pub(crate) books: Arc<Books>,
    pub(crate) job: &'a Job<'a>,
    /// Whether all of it is kept as well: then it has to pass through our code.
    pub(crate) kept: bool,
    pub(crate) wire: Wire,
}

impl Reply<'_> {
    /// A stream: its first bytes leave when the vendor's come.
    pub(crate) fn streamed(self, opened: Opened) -> Response {
        let model = opened.model.clone();
        let left = self.left(&model);
        let same = self.wire.protocol() == Some(model.config.protocol);
        let dialect = self.names(&model).restored(self.dialect(&model));
        let platform = self.job.platform;
        let tail = Tail { books: self.books.clone(), dialect, model };
        let head = event_stream();
        if !same {
            return with_body(head, translated(platform, opened, left, tail));
        }
        if self.wire == Wire::OpenAi && !self.ask.include_usage {
            return with_body(head, filtered(platform, opened, left, tail));
        }
        if self.kept {
            return with_body(head, passed(platform, opened, left, tail));
        }
        relayed(head, relay(opened, left, tail))
    }

    /// A whole answer. Where the caller wanted a stream and the vendor has none, it is told as one.
    pub(crate) fn whole(self, gathered: Gathered) -> Result<Response, ApiError> {
        let Gathered { body, bytes, model } = gathered;
        let same = self.wire.protocol() == Some(model.config.protocol);
        match self.read_as(&model, &body) {
            Ok(reply) => Ok(self.booked(&reply, &model, same.then_some(bytes))),
            // It has been bought, and its caller speaks its protocol, perhaps a newer one than we do.
            Err(error) if same && !self.ask.call.stream => match model.vendor.billed(&body) {
                Some(billed) => Ok(self.passed(&billed, &body, bytes)),
                None => Err(error),
            },
            Err(error) => Err(error),
        }
    }

    fn read_as(&self, model: &Model, body: &Value) -> Result<ChatReply, ApiError> {
        let reply = model.vendor.reply(body);
        let mut reply = reply.map_err(|err| exchange::unreadable(model, err.to_string()))?;
        self.names(model).restore(&mut reply);
        if let Some(tier) = &reply.service_tier {
            self.books.served(tier);
        }
        Ok(reply)
    }

    /// The names of tools under which the vendor knows those of the caller, as they were sent.
    fn names(&self, model: &Model) -> ToolNames {
        let protocol = model.config.protocol;
        if self.wire.protocol() == Some(protocol) {
            return ToolNames::default();
        }
        ToolNames::of(&self.ask.call, protocol)
    }

    /// Books an answer that only its caller can read, and gives it as it came. What is not counted is told
    /// from all texts in it.
    fn passed(&self, billed: &Billed, body: &Value, bytes: Bytes) -> Response {
        if let Some(tier) = &billed.service_tier {
            self.books.served(tier);
        }
        match &billed.usage {
            Some(usage) => self.books.counted(usage),
            None => heard(&self.books, body),
        }
        self.tell_cost();
        self.closed(with_body(json_head(), Body::from(bytes)))
    }

    /// Reads a whole answer, which is nobody's yet.
    pub(crate) fn read(&self, answer: Answer) -> Result<(ChatReply, Arc<Model>), ApiError> {
        match answer {
            Answer::Gathered(Gathered { body, model, .. }) => {
                self.read_as(&model, &body).map(|reply| (reply, model))
            }
            Answer::Opened(_) => Err(ApiError::internal("a whole answer was opened as a stream")),
            Answer::Polled(Polled { model, reply }) => Ok((mapped::reply(*reply), model)),
        }
    }

    /// The result of a job that was polled.
    pub(crate) fn polled(self, polled: Polled) -> Response {
        let Polled { model, reply } = polled;
        self.booked(&mapped::reply(*reply), &model, None)
    }

    /// Books an answer and writes it; `same` is the vendor's own, where the caller speaks its protocol.
    fn booked(&self, reply: &ChatReply, model: &Model, same: Option<Bytes>) -> Response {
        note_whole(&self.books, reply);
        if let Some(usage) = &reply.usage {
            self.books.counted(usage);
        }
        self.tell_cost();
        let response = if self.ask.call.stream {
            with_body(event_stream(), Body::from(self.as_events(reply, model)))
        } else if let Some(bytes) = same {
            with_body(json_head(), Body::from(bytes))
        } else {
            with_body(json_head(), Body::from(self.translated(reply, model).to_string()))
        };
        self.closed(response)
    }

    /// A whole answer that we wrote ourselves and that is booked already.
    pub(crate) fn written(&self, body: &Value) -> Response {
        self.tell_cost();
        self.closed(with_body(json_head(), Body::from(body.to_string())))
    }

    fn tell_cost(&self) {
        self.job.context.tell_cost(self.books.cost());
    }

    fn closed(&self, response: Response) -> Response {
        let size = http_body::Body::size_hint(response.body()).exact().unwrap_or(0);
        self.books.sent(usize::try_from(size).unwrap_or(usize::MAX));
        self.books.close(Outcome::Ok, 200);
        response
    }

    fn translated(&self, reply: &ChatReply, model: &Model) -> Value {
        match self.wire {
            Wire::Anthropic => AnthropicMessagesDialect.reply(reply, &self.about(model)),
            Wire::Native => self.native(reply, model),
            Wire::OpenAi => OpenAiChatDialect.reply(reply, &self.about(model)),
            Wire::Responses => self.responses().reply(reply, &self.about(model)),
        }
    }

    /// `{success, text, metadata, request_id, timestamp}`.
    pub(crate) fn native(&self, reply: &ChatReply, model: &Model) -> Value {
        let context = self.job.context;
        let now = self.job.platform.clock.now();
        let usage = reply.usage.unwrap_or_default();
        let first = reply.choices.first();
        let refusal = first.and_then(|choice| {
            choice.parts.iter().find_map(|part| match part {
                Part::Refusal(words) => Some(words.as_str()),
                _ => None,
            })
        });
        // A vendor that declines in words has refused, whatever it calls the end.
        let finish = match refusal {
            Some(_) => &Finish::ContentFilter,
            None => first.map_or(&Finish::Stop, |choice| &choice.finish),
        };
        let mut text = reply.text();
        if text.is_empty() {
            text = refusal.unwrap_or_default().to_owned();
        }
        let calls: Vec<Value> = reply
            .choices
            .iter()
            .flat_map(|choice| &choice.parts)
            .filter_map(|part| match part {
                Part::ToolCall(call) => {
                    Some(json!({"id": call.id, "name": call.name, "arguments": call.arguments}))
                }
                _ => None,
            })
            .collect();
        let mut metadata = json!({
            "provider": model.config.provider_id.as_str(),
            "model": model.config.model_id.as_str(),
            "tokens_used": usage.total_tokens(),
            "input_tokens": usage.total_input_tokens(),
            "output_tokens": usage.output_tokens,
            "finish_reason": native::finish_reason(finish),
            "cost_micros": self.books.cost().map(|cost| cost.0),
            "generation_time_ms": now.since(context.started()),
        });
        if let (Some(metadata), false) = (metadata.as_object_mut(), calls.is_empty()) {
            metadata.insert("tool_calls".to_owned(), Value::Array(calls));
        }
        json!({
            "success": true,
            "text": text,
            "metadata": metadata,
            "request_id": context.request_id().as_str(),
            "timestamp": now.rfc3339(),
        })
    }

    /// A whole answer as the events that a stream of it would have had.
    fn as_events(&self, reply: &ChatReply, model: &Model) -> Bytes {
        let mut dialect = self.dialect(model);
        let mut out = Vec::new();
        for delta in deltas(reply) {
            out.extend_from_slice(&dialect.delta(&delta));
        }
        out.extend_from_slice(&dialect.end());
        out.into()
    }

    fn dialect(&self, model: &Model) -> Box<dyn DialectStream> {
        let request_id = self.job.context.request_id().as_str().to_owned();
        match self.wire {
            Wire::Anthropic => AnthropicMessagesDialect.stream(self.about(model)),
            Wire::Native => Box::new(NativeStream::new(request_id)),
            Wire::OpenAi => OpenAiChatDialect.stream(self.about(model)),
            Wire::Responses => self.responses().stream(self.about(model)),
        }
    }

    /// The dialect whose answers repeat what was asked.
    fn responses(&self) -> OpenAiResponsesDialect {
        let asked = self.ask.raw.as_ref().map(|raw| raw.members().into_owned());
        OpenAiResponsesDialect { asked: asked.unwrap_or_default() }
    }

    fn about(&self, model: &Model) -> About {
        let receipt = self.books.receipt_id();
        About {
            created: self.job.platform.clock.now().0 / 1_000,
            include_usage: self.ask.include_usage,
            model: model.config.model_id.as_str().to_owned(),
            provider_id: model.config.provider_id.as_str().to_owned(),
            receipt_id: receipt.map(|id| id.as_str().to_owned()).unwrap_or_default(),
            request_id: self.job.context.request_id().as_str().to_owned(),
        }
    }

    /// What is left of the call's total time.
    fn left(&self, model: &Model) -> Duration {
        let spent = self.job.platform.clock.now().since(self.job.context.started());
        let spent = u64::try_from(spent).unwrap_or(0);
        Duration::from_millis(model.deadlines().total_ms.saturating_sub(spent))
    }
}

/// Notes all texts of an answer, for an estimate.
fn heard(books: &Books, value: &Value) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| heard(books, item)),
        Value::Object(members) => members.values().for_each(|member| heard(books, member)),
        Value::String(text) => {
            books.heard_apart(0);
            books.heard(0, text);
        }
        Value::Bool(_) | Value::Null | Value::Number(_) => {}
    }
}

/// The steps that a stream of this answer would have had.
fn deltas(reply: &ChatReply) -> Vec<Delta> {
    let mut deltas = vec![Delta::Start { id: reply.id.clone(), model: reply.model.clone() }];
    for (index, answer) in reply.choices.iter().enumerate() {
        let choice = u32::try_from(index).unwrap_or(u32::MAX);
        let mut calls = 0;
        for part in &answer.parts {
            match part {
                Part::Text(text) => deltas.push(Delta::Text { choice, text: text.clone() }),
                Part::Refusal(text) => deltas.push(Delta::Refusal { choice, text: text.clone() }),
                Part::Citation(citation) => {
                    deltas.push(Delta::Citation { choice, citation: citation.clone() });
                }
                Part::Sealed(seal) => {
                    deltas.push(Delta::Sealed { call: None, choice, seal: seal.clone() });
                }
                Part::Thinking { seal, text } => {
                    deltas.push(Delta::Thinking { choice, seal: seal.clone(), text: text.clone() })
                }
                Part::ToolCall(call) => {
                    deltas.push(Delta::ToolCall {
                        arguments: call.arguments.clone(),
                        choice,
                        id: Some(call.id.clone()),
                        index: calls,
                        name: Some(call.name.clone()),
                    });
                    let seal = call.seal.clone();
                    deltas.extend(seal.map(|seal| Delta::Sealed {
                        call: Some(calls),
                        choice,
                        seal,
                    }));
                    calls += 1;
                }
                Part::Audio(_)
                | Part::CacheMark(_)
                | Part::Document(_)
                | Part::Image(_)
                | Part::ToolResult { .. } => {}
            }
        }
        if let Some(tokens) = answer.logprobs.clone() {
            deltas.push(Delta::Logprobs { choice, tokens });
        }
        let stop_sequence = answer.stop_sequence.clone();
        deltas.push(Delta::Finish { choice, finish: answer.finish.clone(), stop_sequence });
    }
    deltas.extend(reply.usage.map(Delta::Usage));
    deltas
}

fn event_stream() -> Response {
    head("text/event-stream; charset=utf-8")
}

fn json_head() -> Response {
    head("application/json")
}

fn head(content_type: &'static str) -> Response {
    let mut response = Response::new(Body::empty());
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

fn with_body(mut head: Response, body: Body) -> Response {
    *head.body_mut() = body;
    head
}
