//! `expect_json`: an answer that has to be JSON is asked for as such, found in the text, held against its
//! schema, and asked for again where it is not that.
//!
//! The money and tokens of all tries are reserved when the call is let in, since each of them is billed. What
//! a limit of the model counts as a request is asked for again with each try.

use std::sync::Arc;

use axum::response::Response;
use de_core::{
    chat::{ChatCall, ChatReply, Finish, Message, Part, ResponseFormat, Role},
    estimate::Estimate,
    exchange::{self, Answer, Job},
    expected::{Expected, Fault, Found},
    http::error::{ApiError, Code},
    limits::wire::Need,
    prompt,
    protocols::{Draft, FieldIssue, Target},
    receipt::Usage,
    registry::Model,
};
use serde_json::{Value, json};

use crate::{ask::Ask, respond::Reply};

/// What is left at least of a call's time, in milliseconds, for another try.
const LEAST_LEFT_MS: i64 = 2_000;
/// The characters of an answer that a failure repeats.
const SHOWN: usize = 200;
/// The most bytes that we tell the model of what is wrong, beside its own answer.
const COMPLAINT_BYTES: usize = 1_024;

/// Writes the request for a conversation that went on.
pub(crate) type Redraft<'a> = &'a (dyn Fn(&Ask, &Model) -> Result<Draft, ApiError> + Send + Sync);

/// Asks for JSON in words, and where the vendor has such a mode by that.
pub(crate) fn prepare(ask: &mut Ask) {
    let Some(expected) = &ask.expected else { return };
    ask.call.response_format = Some(expected.format());
    // In the last turn of the user: all models read it there, system prompts or not.
    let words = Part::Text(format!("\n\n{}", expected.instruction()));
    match ask.call.messages.iter_mut().rfind(|message| message.role == Role::User) {
        Some(turn) => turn.parts.push(words),
        None => ask.call.messages.push(Message { parts: vec![words], role: Role::User }),
    }
}

/// Leaves the vendor's mode out where this model has none: it is asked in words all the same.
pub(crate) fn by_mode(call: &mut ChatCall, model: &Model, target: &Target) {
    const MODE: &str = "/response_format";
    let can = &model.config.capabilities;
    if matches!(call.response_format, Some(ResponseFormat::JsonSchema { .. }))
        && can.structured_output == Some(false)
    {
        call.response_format = Some(ResponseFormat::JsonObject);
    }
    if call.response_format == Some(ResponseFormat::JsonObject) && can.json_mode == Some(false) {
        call.response_format = None;
        return;
    }
    let is_mode = |issue: &FieldIssue| issue.pointer == MODE;
    let lacks = match model.vendor.request(call, target) {
        Ok(draft) => draft.dropped.iter().any(is_mode),
        Err(issues) => issues.iter().any(is_mode),
    };
    if lacks {
        call.response_format = None;
    }
}

/// The bytes of text that a call's prompt has beside those of its body.
pub(crate) fn added_bytes(ask: &Ask) -> usize {
    // Once in words, once as the vendor's mode.
    let asked = |expected: &Expected| expected.instruction().len().saturating_mul(2);
    ask.expected.as_ref().map_or(0, asked)
}

/// What all tries of a call are reserved for: each reads the answers before it, which are at most `bound`
/// tokens long.
pub(crate) fn for_all_tries(expected: Option<&Expected>, need: Need, bound: u64) -> Need {
    let retries = expected.map_or(0, |expected| expected.retries);
    if retries == 0 {
        return need;
    }
    let tries = retries.saturating_add(1);
    // 1 + 2 answers are read again by the third try.
    let again = bound.saturating_add(u64::try_from(COMPLAINT_BYTES).unwrap_or(u64::MAX));
    let read_again = again.saturating_mul(retries.saturating_mul(tries) / 2);
    let tokens = need.tokens.saturating_mul(tries).saturating_add(read_again);
    // By the call's own share of money in tokens, rounded up: what is read costs no more than what is made.
    let micros = need.micros.map(|micros| {
        let share = u128::from(micros).saturating_mul(u128::from(tokens));
        let share = share.div_ceil(u128::from(need.tokens.max(1)));
        u64::try_from(share).unwrap_or(u64::MAX).max(micros.saturating_mul(tries))
    });
    Need { micros, tokens, ..need }
}

/// Answers with the value that was expected, after as many tries as it takes and may.
///
/// # Errors
/// `JSON_VALIDATION_FAILED` with what was wrong with the last answer; those of the exchange.
pub(crate) async fn answer(
    reply: Reply<'_>,
    expected: &Expected,
    first: Answer,
    redraft: Redraft<'_>,
) -> Result<Response, ApiError> {
    let job = reply.job;
    let mut ask = reply.ask.clone();
    let mut answer = first;
    let mut spent = Spent::default();
    loop {
        let (said, model) = reply.read(answer)?;
        spent.add(&ask, &said);
        spent.note(&reply);
        let text = said.text();
        let fault = match judged(expected, &said, &text) {
            Ok(Found { is_repaired, value }) => {
                let found = json!({
                    "attempts": spent.tries,
                    "repaired": is_repaired,
                    "validated": expected.schema.is_some(),
                });
                // The answers before it are nobody's: only this one may be given once more.
                reply.books.said(0, &text);
                reply.books.ended(finish(&said));
                return Ok(reply.expected(&said, &model, value, found));
            }
            Err(fault) => fault,
        };
        let may_help = !declines(&said) && *finish(&said) != Finish::Length;
        let left = exchange::left(job, &model);
        let may_again = may_help && spent.tries <= expected.retries && left >= LEAST_LEFT_MS;
        if !may_again {
            return Err(failed(&fault, &text, spent.tries));
        }
        let models = [model.clone()];
        let again = Job { models: &models, ..again(job) };
        // Without a place in the model's limits there is no other try, and this answer is what counts.
        if exchange::reserve_another(&again).await.is_err() {
            return Err(failed(&fault, &text, spent.tries));
        }
        let complaint: String =
            expected.complaint(&fault).chars().take(COMPLAINT_BYTES / 4).collect();
        ask.call.messages.push(Message { parts: vec![Part::Text(text)], role: Role::Assistant });
        ask.call.messages.push(Message { parts: vec![Part::Text(complaint)], role: Role::User });
        let draft = |model: &Model| redraft(&ask, model);
        reply.books.goes_on();
        answer = exchange::open(&Job { draft: &draft, ..again }).await?;
    }
}

/// The same job, for another try.
fn again<'a>(job: &Job<'a>) -> Job<'a> {
    Job { before_send: None, ..*job }
}

fn finish(said: &ChatReply) -> &Finish {
    said.choices.first().map_or(&Finish::Stop, |choice| &choice.finish)
}

/// Whether the model will not answer, which asking again does not change.
fn declines(said: &ChatReply) -> bool {
    let mut parts = said.choices.iter().flat_map(|choice| &choice.parts);
    *finish(said) == Finish::ContentFilter || parts.any(|part| matches!(part, Part::Refusal(_)))
}

fn judged(expected: &Expected, said: &ChatReply, text: &str) -> Result<Found, Fault> {
    let fault = |reason: &str| Fault { pointer: String::new(), reason: reason.to_owned() };
    if declines(said) {
        return Err(fault("the model declined to answer"));
    }
    expected.read(text).map_err(|why| match finish(said) {
        Finish::Length => fault("the answer ended at its bound of tokens"),
        _ => why,
    })
}

fn failed(fault: &Fault, text: &str, tries: u64) -> ApiError {
    let message = match fault.pointer.as_str() {
        "" => format!("the model did not answer with the JSON that was expected: {}", fault.reason),
        place => {
            let reason = &fault.reason;
            format!("the model did not answer with the JSON that was expected: {place}: {reason}")
        }
    };
    let shown: String = text.chars().take(SHOWN).collect();
    ApiError::new(Code::JsonValidationFailed, message)
        .with("pointer", fault.pointer.as_str())
        .with("reason", fault.reason.as_str())
        .with("text", shown)
        .with("tries", tries)
        .for_good()
}

/// What the tries of a call have used so far.
#[derive(Default)]
struct Spent {
    is_estimated: bool,
    tries: u64,
    usage: Usage,
}

impl Spent {
    /// Adds an answer, by our own estimate where its vendor counted nothing.
    fn add(&mut self, ask: &Ask, said: &ChatReply) {
        let usage = said.usage.unwrap_or_else(|| {
            self.is_estimated = true;
            let parts = said.choices.iter().flat_map(|choice| &choice.parts);
            let texts = parts.filter_map(|part| match part {
                Part::Refusal(text) | Part::Text(text) | Part::Thinking { text, .. } => Some(text),
                _ => None,
            });
            Usage {
                input_tokens: prompt::tokens(&ask.call),
                output_tokens: texts.map(|text| Estimate::of(text).tokens()).sum(),
                requests: 1,
                ..Usage::default()
            }
        });
        self.usage = self.usage.plus(usage);
        self.tries = self.tries.saturating_add(1);
    }

    /// Books it: whatever comes of the next try, this was answered.
    fn note(&self, reply: &Reply<'_>) {
        if self.is_estimated {
            reply.books.guessed(&self.usage);
        } else {
            reply.books.counted(&self.usage);
        }
        reply.books.finished();
    }
}

impl Reply<'_> {
    /// Writes an answer with the value that was found in it.
    fn expected(
        &self,
        said: &ChatReply,
        model: &Arc<Model>,
        value: Value,
        found: Value,
    ) -> Response {
        let mut body = self.native(said, model);
        if let Some(metadata) = body.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.insert("json_qa".to_owned(), found);
        }
        if let Some(members) = body.as_object_mut() {
            members.insert("json".to_owned(), value);
        }
        self.written(&body)
    }
}

#[cfg(test)]
mod tests {
    use de_core::expected::Expected;

    use super::*;

    #[test]
    fn all_tries_are_reserved() {
        let need = Need { micros: Some(100), requests: 1, slots: 1, tokens: 1_000 };
        let expected = |retries| Expected { retries, schema: None };
        assert_eq!(for_all_tries(None, need, 500), need);
        assert_eq!(for_all_tries(Some(&expected(0)), need, 500), need);
        let once = for_all_tries(Some(&expected(1)), need, 500);
        assert_eq!((once.requests, once.slots, once.tokens), (1, 1, 2_000 + 1_524));
        assert_eq!(once.micros, Some(353));
        let twice = for_all_tries(Some(&expected(2)), need, 500);
        assert_eq!(twice.tokens, 3_000 + 3 * 1_524);
        let free = Need { micros: None, tokens: 0, ..need };
        assert_eq!(for_all_tries(Some(&expected(2)), free, 0).micros, None);
    }
}
