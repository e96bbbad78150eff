//! Canonical call out: the body of `generateContent` for a conversation.

use serde_json::{Map, Value, json};

use super::{
    super::{
        Draft, FieldIssue, Target,
        fields::{ALWAYS_THINKS, Issues},
        fitted::Fitted,
    },
    contents,
    generation::Generation,
    path, schema,
};
use crate::chat::{ChatCall, Part, ResponseFormat, Role, Tool, ToolChoice};

/// The vendor's bounds.
const MAX_CANDIDATES: u64 = 8;
const MAX_STOPS: usize = 5;
const MAX_TOP_LOGPROBS: u64 = 20;

/// What all models that are told a budget for their thoughts take: Flash-Lite from 512, Flash to 24,576
/// tokens. <https://ai.google.dev/gemini-api/docs/thinking#set-budget>
const LEAST_BUDGET: u64 = 512;
const MOST_BUDGET: u64 = 24_576;

/// Writes the request.
pub(super) fn draft(call: &ChatCall, target: &Target) -> Result<Draft, Vec<FieldIssue>> {
    let mut issues = Issues::for_vendor(call, target);
    let mut body = Map::new();
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            body.insert(name.to_owned(), value);
        }
    };
    let is_sealed = Generation::of(&target.upstream_model).is_sealed();
    set("systemInstruction", system(call));
    set("contents", Some(contents::write(&call.messages, is_sealed, &mut issues).into()));
    if !call.tools.is_empty() {
        let declarations: Vec<Value> =
            call.tools.iter().map(|tool| declaration(tool, &mut issues)).collect();
        // Moved: `json!` would copy them.
        let declarations =
            Map::from_iter([("functionDeclarations".to_owned(), declarations.into())]);
        set("tools", Some(Value::Array(vec![declarations.into()])));
        set("toolConfig", tool_config(call));
        if call.parallel_tool_calls == Some(false) {
            issues.unsupported("/parallel_tool_calls", target);
        }
    }
    let config = config(call, target, &mut issues);
    set("generationConfig", (!config.is_empty()).then_some(Value::Object(config)));
    left_out(call, target, &mut issues);
    let model = &target.upstream_model;
    let place = if call.stream {
        format!("{}?alt=sse", path(model, "streamGenerateContent"))
    } else {
        path(model, "generateContent")
    };
    issues.written(Draft::json(&place, &Value::Object(body)))
}

/// Names what this vendor has no word for.
fn left_out(call: &ChatCall, target: &Target, issues: &mut Issues) {
    let marked = call.system.iter().any(|block| block.cache.is_some())
        || call.tools.iter().any(|tool| tool.cache.is_some());
    if marked {
        issues.no_cache_marks();
    }
    if call.user.is_some() {
        issues.hint("/user", "this vendor has no mark for end users");
    }
    for name in call.openai.keys() {
        issues.own_setting(name, target);
    }
}

/// Writes the system prompt. What operators say in the middle of the conversation goes here too: the vendor
/// has no such turns.
fn system(call: &ChatCall) -> Option<Value> {
    let first = call.system.iter().map(|block| block.text.as_str());
    let turns = call.messages.iter().filter(|message| message.role == Role::System);
    let later = turns.flat_map(|message| &message.parts).filter_map(|part| match part {
        Part::Text(text) => Some(text.as_str()),
        _ => None,
    });
    let texts = first.chain(later).filter(|text| !text.is_empty());
    let parts: Vec<Value> = texts.map(|text| json!({"text": text})).collect();
    (!parts.is_empty()).then(|| json!({"parts": parts}))
}

fn declaration(tool: &Tool, issues: &mut Issues) -> Value {
    let mut declaration = Map::new();
    declaration.insert("name".to_owned(), tool.name.as_str().into());
    if let Some(description) = &tool.description {
        declaration.insert("description".to_owned(), description.as_str().into());
    }
    if !tool.parameters.is_null() {
        let Fitted { in_words, schema } = schema::fit(&tool.parameters);
        if tool.strict == Some(true) && !in_words.is_empty() {
            let reason = "this model's vendor holds no call to all of a schema such as this";
            issues.hint("/tools/*/strict", reason);
        }
        declaration.insert("parametersJsonSchema".to_owned(), schema);
    }
    Value::Object(declaration)
}

/// Which functions may be called. The vendor holds arguments to their schema in the modes `ANY` and
/// `VALIDATED`, for all functions or for none.
fn tool_config(call: &ChatCall) -> Option<Value> {
    let is_strict = call.tools.iter().any(|tool| tool.strict == Some(true));
    let mut config = match &call.tool_choice {
        None | Some(ToolChoice::Auto) if is_strict => json!({"mode": "VALIDATED"}),
        None => return None,
        Some(ToolChoice::Auto) => json!({"mode": "AUTO"}),
        Some(ToolChoice::None) => json!({"mode": "NONE"}),
        Some(ToolChoice::Required | ToolChoice::Tool(_)) => json!({"mode": "ANY"}),
    };
    if let (Some(ToolChoice::Tool(name)), Some(config)) =
        (&call.tool_choice, config.as_object_mut())
    {
        config.insert("allowedFunctionNames".to_owned(), json!([name]));
    }
    Some(json!({"functionCallingConfig": config}))
}

fn config(call: &ChatCall, target: &Target, issues: &mut Issues) -> Map<String, Value> {
    let generation = Generation::of(&target.upstream_model);
    let mut config = Map::new();
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            config.insert(name.to_owned(), value);
        }
    };
    set("maxOutputTokens", call.max_output_tokens.map(Value::from));
    if target.sampling_params == Some(false) {
        issues.no_sampling(call);
    } else {
        set("temperature", call.temperature.map(Value::from));
        set("topP", call.top_p.map(Value::from));
        set("topK", call.top_k.map(Value::from));
        let penalties = [
            ("/frequency_penalty", "frequencyPenalty", call.frequency_penalty),
            ("/presence_penalty", "presencePenalty", call.presence_penalty),
        ];
        // A penalty of 0 is what no penalty is.
        for (pointer, name, penalty) in penalties {
            let penalty = penalty.filter(|penalty| *penalty != 0.0);
            if generation.has_penalties_and_probabilities() {
                set(name, penalty.map(Value::from));
            } else if penalty.is_some() {
                issues.unsupported(pointer, target);
            }
        }
    }
    let wants_several = call.n.is_some_and(|n| n > 1);
    if wants_several && !generation.gives_several_answers() {
        issues.add("/n", "this model gives one answer");
    } else if call.n.is_some_and(|n| n > MAX_CANDIDATES) {
        issues.add("/n", format!("this model's vendor gives at most {MAX_CANDIDATES} answers"));
    } else if call.stream && wants_several {
        // Its streams end with the answer: nothing tells that another one was still to come.
        issues.add("/n", "this model's vendor streams one answer");
    }
    set("candidateCount", call.n.map(Value::from));
    if call.stop.len() > MAX_STOPS {
        issues.add("/stop", format!("this model's vendor takes at most {MAX_STOPS}"));
    }
    set("stopSequences", (!call.stop.is_empty()).then(|| call.stop.clone().into()));
    if call.seed.is_some_and(|seed| i32::try_from(seed).is_err()) {
        issues.add("/seed", "this model's vendor takes a whole number of 32 bits");
    }
    set("seed", call.seed.map(Value::from));
    match call.logprobs {
        Some(top) if generation.has_penalties_and_probabilities() => {
            set("responseLogprobs", Some(true.into()));
            set("logprobs", (top > 0).then(|| top.min(MAX_TOP_LOGPROBS).into()));
        }
        Some(_) => issues.unsupported("/logprobs", target),
        None => {}
    }
    match &call.response_format {
        None => {}
        Some(_) if !call.tools.is_empty() && !generation.takes_json_beside_tools() => {
            let reason = "this model takes no JSON format beside tools";
            issues.unsaid("/response_format", reason, target);
        }
        Some(format) => {
            set("responseMimeType", Some("application/json".into()));
            if let ResponseFormat::JsonSchema { name: _, schema, strict } = format {
                let is_strict = *strict == Some(true);
                let schema = schema::fit(schema).of_answer(is_strict, target, issues);
                set("responseJsonSchema", Some(schema));
            }
        }
    }
    set("thinkingConfig", thinking(call, target, issues));
    config
}

/// How the model thinks. Thoughts are told where the caller wants them, or turns thinking on, which in the
/// protocol that has such a switch means to see them.
///
/// Of the levels only those are used that all models have: some lack `MINIMAL`, and `XHIGH`.
/// <https://ai.google.dev/gemini-api/docs/thinking#levels>
fn thinking(call: &ChatCall, target: &Target, issues: &mut Issues) -> Option<Value> {
    const EFFORT: &str = "/reasoning_effort";
    let reasoning = &call.reasoning;
    if !reasoning.is_asked_for() {
        return None;
    }
    let has_levels = Generation::of(&target.upstream_model).has_levels();
    if target.reasoning == Some(false) {
        if !reasoning.is_off() {
            issues.unsupported(EFFORT, target);
        }
        return None;
    }
    let known = ["none", "minimal", "low", "medium", "high", "xhigh", "max"];
    if reasoning.effort.as_deref().is_some_and(|word| !known.contains(&word)) {
        issues.add(EFFORT, format!("expected one of {}", known.join(", ")));
        return None;
    }
    let mut config = Map::new();
    if reasoning.is_off() {
        // Where the row does not say it, the name does.
        if !target.thinking_always_on.unwrap_or(has_levels) {
            return Some(json!({"thinkingBudget": 0}));
        }
        issues.unsaid(EFFORT, ALWAYS_THINKS, target);
        return Some(if has_levels {
            json!({"thinkingLevel": "LOW"})
        } else {
            json!({"thinkingBudget": LEAST_BUDGET})
        });
    }
    if has_levels {
        let level = reasoning.effort().map(|word| match word {
            "minimal" | "low" => "LOW",
            "medium" => "MEDIUM",
            _ => "HIGH",
        });
        if let Some(level) = level {
            config.insert("thinkingLevel".to_owned(), level.into());
        }
    } else if let Some(budget) = reasoning.budget(MOST_BUDGET) {
        config.insert("thinkingBudget".to_owned(), budget.max(LEAST_BUDGET).into());
    } else if reasoning.is_on == Some(true) {
        // As much as it likes.
        config.insert("thinkingBudget".to_owned(), (-1).into());
    }
    if reasoning.is_shown.unwrap_or(reasoning.is_on == Some(true)) {
        config.insert("includeThoughts".to_owned(), true.into());
    }
    (!config.is_empty()).then_some(Value::Object(config))
}
