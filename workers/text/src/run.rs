//! One call, from the caller's body to the answer's head. What happens to it stands in the books.

use std::sync::Arc;

use axum::response::Response;
use de_core::{
    admission::{Admitted, Wanted, anyone},
    auth::Scope,
    caller::Caller,
    ceiling::{self, Most},
    conversations::told::Telling,
    exchange::{self, Answer, Gathers, Job},
    http::{
        error::{ApiError, Code},
        extract::{Body, Incoming},
        turn::{Entrance, Taken, Turn},
        unsupported,
    },
    json::verbatim::Verbatim,
    limits::wire::Need,
    model::{Modality, OnUnsupported, Protocol},
    ports::Platform,
    prompt,
    protocols::{
        Dialect, Draft, FieldIssue, Target, anthropic_messages::AnthropicMessagesDialect, capable,
        native::native_issue, openai_chat::OpenAiChatDialect,
        openai_responses::OpenAiResponsesDialect, tool_names::ToolNames,
    },
    registry::Model,
    response_cache::Keeper,
    split::Splitting,
};
use http::HeaderName;

use crate::{
    ask::{Ask, Route, Wire},
    cached::{Cached, Found, give},
    conversation, expect,
    respond::Reply,
};

/// Runs one call: every authenticated one stands in exactly one receipt, whatever becomes of it. One that was
/// answered before shows the receipt that it has.
pub(crate) async fn run(
    platform: Platform,
    caller: Caller,
    incoming: Incoming,
    body: Body,
    route: Route,
) -> Result<Response, ApiError> {
    let entrance = entrance(route.operation, &body);
    let turn = match entrance.take(&platform, &caller, &incoming).await? {
        Taken::Mine(turn) => turn,
        Taken::Replayed(response) => return Ok(response),
    };
    let mut keeper = None;
    let answered = answer(&turn, caller, body, route, &mut keeper).await;
    if let (Err(error), Some(keeper)) = (&answered, keeper)
        && error.code() != Code::ClientLeft
    {
        keeper.keeps_nothing();
    }
    turn.end(answered).await
}

/// What a call of this worker is, before it is read.
pub(crate) fn entrance(operation: &'static str, body: &Body) -> Entrance<'static> {
    Entrance::new(operation, "text", Scope::Text).with_body(body)
}

/// Answers the call. What is to keep the answer stays in `keeper` until there is one.
async fn answer(
    turn: &Turn<'_>,
    caller: Caller,
    body: Body,
    route: Route,
    keeper: &mut Option<Keeper>,
) -> Result<Response, ApiError> {
    let (books, platform) = (&turn.books, turn.platform);
    let Incoming { context, headers, .. } = turn.incoming;
    let caller = caller.entitled(platform, Scope::Text).await?;
    let body_bytes = body.size_bytes();
    let body = body.into_verbatim()?;
    let mut cache = Cached::of(&caller, turn, &route, &body.members())?;
    let (mut ask, conversation) = match route.wire {
        Wire::Responses => {
            let read = conversation::read(platform, &caller, body, route.read).await?;
            if read.conversation.is_kept(&caller) {
                // Its answer is a turn that others go on from, or its prompt is more than its body.
                cache.off();
            }
            (read.ask, Some(read.conversation))
        }
        Wire::Anthropic | Wire::Native | Wire::OpenAi => ((route.read)(body)?, None),
    };
    let recalled = conversation.as_ref().map_or(0, |conversation| conversation.recalled_bytes);
    let size_bytes = body_bytes.saturating_add(recalled);
    caller.must_be(ask.instance_id.as_deref(), ask.project_id.as_deref())?;
    books.asked(ask.model.as_deref(), ask.call.stream, prompt::tokens(&ask.call));
    let on_unsupported = unsupported::asked(headers)?;
    let need = |caller: &Caller, model: &Model| {
        let bound = output_bound(caller, &ask, model);
        let size_bytes = size_bytes.saturating_add(expect::added_bytes(&ask));
        let size = ask.size(size_bytes, bound, model);
        let most = Most { tier: ask.service_tier(), ..Most::from(size) };
        let need = ceiling::need(model, most, ceiling::text_tokens(size));
        let micros = need.micros.filter(|_| ask.unpriced_field().is_none());
        expect::for_all_tries(ask.expected.as_ref(), Need { micros, ..need }, bound)
    };
    let wanted = Wanted {
        apart: false,
        at_hand: cache.lookup(),
        deadline_ms: &|model| model.deadlines().total_ms,
        fallbacks: turn.incoming.fallbacks(),
        modality: Modality::Text,
        model: ask.model.as_deref(),
        need: &need,
        pooled: true,
        scope: Scope::Text,
        serves: &makes_text,
        stands_in: anyone,
        splitting: Splitting { user: ask.call.user.as_deref(), ..Splitting::of(headers) },
    };
    let admitted = turn.admit(caller, &wanted).await;
    let admitted = admitted.map_err(|error| blamed(error, &ask))?;
    let telling = conversation.map(|it| it.telling(platform, context, &admitted.caller));
    let telling = telling.transpose()?;
    *keeper = match cache.looked() {
        Found::Answer(answer) => {
            return Ok(give(answer, context, books));
        }
        Found::Nothing(keeper) => keeper,
    };
    // The first model decides whether the answer is read as a stream; fallbacks that cannot do as it
    // does are none for this call.
    let streams = ask.call.stream && admitted.models.iter().take(1).all(|model| can_stream(model));
    let able = |model: &&Arc<Model>| !streams || can_stream(model);
    let models: Vec<Arc<Model>> = admitted.models.iter().filter(able).cloned().collect();
    // What is bounded and estimated of it has been.
    ask.let_go(route.wire, &models);
    let drafting = Drafting {
        admitted: &admitted,
        ask: &ask,
        headers,
        on_unsupported,
        streams,
        wire: route.wire,
    };
    let draft = |model: &Model| drafting.draft(model);
    // Of an answer that is made until it is JSON, each try is one already.
    let hedge_after = admitted.asked.config.routing.hedge_after();
    let mut routes = admitted.routes.clone();
    routes.hedge_after = hedge_after.filter(|_| ask.expected.is_none());
    let job = turn.job(&admitted, &draft);
    let gathers = Gathers { cap: exchange::ANSWER_CAP, parses: true };
    let gathers = (!streams).then_some(gathers);
    let job = Job { gathers, models: &models, routes: &routes, streamed: streams, ..job };
    let changes = telling.as_ref().is_some_and(Telling::changes);
    // The project may have begun to keep turns while the call came in; and of a model whose circuit is open nothing
    // will come.
    let never = |keeper: &mut Keeper| changes || !models.iter().any(|model| keeper.keeps(model));
    if let Some(useless) = keeper.take_if(never) {
        useless.keeps_nothing();
    }
    let answer = exchange::open(&job).await?;
    let model = answer.model();
    if let Some(bound) = sent_bound(&admitted, &ask, model) {
        context.tell(HeaderName::from_static("x-de-max-tokens"), &bound.to_string());
    }
    if let Some(useless) = keeper.take_if(|keeper| !keeper.keeps(model)) {
        useless.keeps_nothing();
    }
    let kept = turn.ticket.is_some() || keeper.is_some() || changes;
    let reply = Reply { ask: &ask, books: books.clone(), job: &job, kept, wire: route.wire };
    let response = match (answer, &ask.expected) {
        (answer, Some(expected)) => {
            let redraft = |ask: &Ask, model: &Model| Drafting { ask, ..drafting }.draft(model);
            expect::answer(reply, expected, answer, &redraft).await?
        }
        (Answer::Gathered(gathered), None) => reply.whole(gathered)?,
        (Answer::Opened(opened), None) => reply.streamed(opened),
        (Answer::Polled(polled), None) => reply.polled(polled),
    };
    let response = match telling {
        Some(telling) => telling.answer(response, ask.call.stream).await,
        None => response,
    };
    cache.tell(context);
    match keeper.take() {
        Some(keeper) => Ok(keeper.keeping(platform, context, books.clone(), response).await),
        None => Ok(response),
    }
}

/// The output bound in tokens that is sent to this model because the caller gave none, and a limit
/// counts on there being one.
fn sent_bound(admitted: &Admitted, ask: &Ask, model: &Model) -> Option<u64> {
    let counted = admitted.bounded || model.config.rate_limits.tpm.is_some();
    let unbounded = ask.call.max_output_tokens.is_none();
    let sendable = model.vendor.bounds_output();
    (counted && unbounded && sendable).then(|| output_bound(&admitted.caller, ask, model))
}

/// The most that the model may answer: the caller's bound, else the one that we would send. A mapping
/// that cannot say one leaves it to what the model can make at all.
fn output_bound(caller: &Caller, ask: &Ask, model: &Model) -> u64 {
    if !model.vendor.bounds_output() {
        let most = model.config.max_output_tokens.or(model.config.context_window);
        return most.unwrap_or(1 << 20);
    }
    let of_instance = caller.instance().and_then(|instance| instance.default_max_output_tokens);
    ask.call.max_output_tokens.unwrap_or_else(|| model.config.output_bound(of_instance))
}

/// Whether a model answers piece by piece, as far as its vendor and its row say.
fn can_stream(model: &Model) -> bool {
    model.vendor.streams() && model.config.capabilities.streaming != Some(false)
}

/// Refuses a model that makes only vectors.
pub(crate) fn makes_text(model: &Model) -> Result<(), ApiError> {
    let can = &model.config.capabilities;
    if can.embeddings != Some(true) || can.text == Some(true) {
        return Ok(());
    }
    Err(model.cannot_serve("makes embeddings, not text"))
}

/// A budget's refusal, with the field that has no bound if that is why.
fn blamed(error: ApiError, ask: &Ask) -> ApiError {
    match ask.unpriced_field() {
        Some(pointer) if error.code() == Code::BudgetExceeded => {
            let reason = "has no price here, so it cannot be used under a budget".to_owned();
            ApiError::fields(&[FieldIssue { pointer, reason }])
        }
        Some(_) | None => error,
    }
}

/// What the requests to all models of one call are written from.
#[derive(Clone, Copy)]
struct Drafting<'a> {
    admitted: &'a Admitted,
    ask: &'a Ask,
    headers: &'a http::HeaderMap,
    /// What the caller wants done with what a vendor cannot be told, instead of what the model's row says.
    on_unsupported: Option<OnUnsupported>,
    streams: bool,
    wire: Wire,
}

impl Drafting<'_> {
    /// Writes the request for one model: the caller's own body where both speak its protocol, else anew.
    fn draft(&self, model: &Model) -> Result<Draft, ApiError> {
        let config = &model.config;
        if !config.protocol.is_built_for(Modality::Text) {
            return Err(model.not_built());
        }
        let instance = self.admitted.caller.instance();
        let of_instance = instance.and_then(|instance| instance.default_max_output_tokens);
        let target = model.target(config.output_bound(of_instance)).asked(self.on_unsupported);
        let bound = sent_bound(self.admitted, self.ask, model);
        let unread = capable::unread(&self.ask.call, &config.capabilities);
        if !unread.is_empty() {
            return Err(self.beyond(model, unread));
        }
        match &self.ask.raw {
            Some(raw) if self.wire.protocol() == Some(config.protocol) => {
                let mut raw = raw.clone();
                if !self.streams {
                    raw.remove("stream");
                    raw.remove("stream_options");
                }
                match (bound, config.protocol) {
                    (Some(bound), Protocol::OpenaiChat) => {
                        raw.set(target.max_tokens_field.as_str(), bound.into());
                    }
                    (Some(bound), Protocol::OpenaiResponses) => {
                        raw.set("max_output_tokens", bound.into());
                    }
                    _ => {}
                }
                let kept = self.keep_nothing(config.protocol, &mut raw);
                let mut draft = model.vendor.relay(raw, self.headers, &target);
                draft.dropped.extend(kept);
                draft.warns = target.warns();
                Ok(draft)
            }
            Some(_) | None => self.translated(model, &target, bound),
        }
    }

    /// Has a vendor keep nothing where the caller's project keeps nothing. OpenAI's responses are never kept there:
    /// their relay sees to that.
    fn keep_nothing(&self, protocol: Protocol, raw: &mut Verbatim) -> Option<FieldIssue> {
        let may_keep = self.admitted.caller.key().retain_content;
        if may_keep || protocol != Protocol::OpenaiChat || raw.get("store") != Some(&true.into()) {
            return None;
        }
        // Said rather than left out: accounts differ in what an absent one means.
        raw.set("store", false.into());
        let reason = "retain_content of this project is off, so that nothing is kept".to_owned();
        Some(FieldIssue { pointer: "/store".to_owned(), reason })
    }

    fn translated(
        &self,
        model: &Model,
        target: &Target,
        bound: Option<u64>,
    ) -> Result<Draft, ApiError> {
        let mut call = self.ask.call.clone();
        call.max_output_tokens = call.max_output_tokens.or(bound);
        call.stream = self.streams;
        let can = &model.config.capabilities;
        if self.ask.expected.is_some() {
            expect::by_mode(&mut call, model, target);
        }
        let left_out = capable::fit(&mut call, can, target.on_unsupported)
            .map_err(|issues| self.beyond(model, issues))?;
        let config = &model.config;
        ToolNames::of(&self.ask.call, config.protocol).send(&mut call);
        let lost =
            capable::leave_seals_of_others(&mut call, config.protocol, config.provider_id.as_str());
        let mut dropped: Vec<FieldIssue> =
            left_out.into_iter().chain(lost).map(|issue| self.placed(issue)).collect();
        if self.wire != Wire::Native {
            // Members that only the caller's protocol knows mean nothing in another one.
            let extra = std::mem::take(&mut call.extra);
            dropped.extend(extra.keys().map(|name| FieldIssue {
                pointer: format!("/{name}"),
                reason: "this model's vendor speaks another protocol".to_owned(),
            }));
        }
        match model.vendor.request(&call, target) {
            Ok(mut draft) => {
                if self.ask.expected.is_some() {
                    // What the vendor does not hold the answer to, we do.
                    draft.dropped.retain(|issue| !issue.pointer.starts_with("/response_format"));
                }
                dropped.extend(draft.dropped.into_iter().map(|issue| self.placed(issue)));
                draft.dropped = dropped;
                draft.warns = target.warns();
                Ok(draft)
            }
            Err(issues) => {
                let issues: Vec<FieldIssue> =
                    issues.into_iter().map(|issue| self.placed(issue)).collect();
                Err(ApiError::fields(&issues))
            }
        }
    }

    /// The refusal of what a model cannot do.
    fn beyond(&self, model: &Model, issues: Vec<FieldIssue>) -> ApiError {
        let issues: Vec<FieldIssue> = issues.into_iter().map(|issue| self.placed(issue)).collect();
        ApiError::beyond(model.config.model_id.as_str(), &issues)
    }

    /// The issue with its place in the caller's own words.
    fn placed(&self, issue: FieldIssue) -> FieldIssue {
        let FieldIssue { mut pointer, reason } = issue;
        if let (Some(bare), true) = (pointer.strip_prefix("/options"), self.wire != Wire::Native) {
            // Mappings speak of options as our own protocol does.
            pointer = bare.to_owned();
        }
        match self.wire {
            Wire::Anthropic => {
                FieldIssue { pointer: AnthropicMessagesDialect.place(&pointer), reason }
            }
            Wire::Native => native_issue(FieldIssue { pointer, reason }),
            Wire::OpenAi => FieldIssue { pointer: OpenAiChatDialect.place(&pointer), reason },
            Wire::Responses => {
                let dialect = OpenAiResponsesDialect::default();
                FieldIssue { pointer: dialect.place(&pointer), reason }
            }
        }
    }
}
