//! Gemini's models that say text: `POST /v1beta/models/{model}:generateContent`,
//! `:streamGenerateContent?alt=sse` and `:countTokens`.
//!
//! Reads the request as strictly as the vendor, then hands an [`Order`] to `google_reply`. A model thinks
//! where the caller says how; searches of the web are taken and not made.
//! Follows <https://ai.google.dev/api/generate-content> and <https://ai.google.dev/api/tokens>.

use serde_json::{Map, Value, json};

use crate::answer::{Demand, chosen_tools};
use crate::endpoint::{Incoming, Plan, Reply};
use crate::google_errors::{self, invalid};
use crate::google_turns::{self, held, parts, texts};
use crate::models::Model;
use crate::schema::google::{COUNT_TOKENS, GENERATE_TEXT};
use crate::schema::{self, Field};
use crate::tokens::{IMAGE_TOKENS, MESSAGE_TOKENS, count_tokens};
use crate::{google_models, google_reply, google_schemas};

/// From this length on the system prompt is read from the vendor's cache, in tokens.
const CACHED_FROM: u64 = 4_096;

/// A request that was understood.
pub(crate) struct Order {
    pub(crate) cached_tokens: u64,
    pub(crate) choices: u64,
    pub(crate) id: String,
    pub(crate) input_tokens: u64,
    /// The schema of a JSON answer, null if any object will do; absent for text.
    pub(crate) json: Option<Value>,
    /// How many alternatives are told beside each token; absent if no probabilities are.
    pub(crate) logprobs: Option<u64>,
    pub(crate) max_tokens: Option<u64>,
    pub(crate) model: &'static Model,
    pub(crate) prompt: String,
    /// Whether thoughts are told.
    pub(crate) shows_thoughts: bool,
    pub(crate) stop: Vec<String>,
    pub(crate) thinks: bool,
    /// The tools that the answer calls instead of saying something.
    pub(crate) tools: Vec<String>,
}

/// A method of a model that says text.
pub(crate) fn call(
    incoming: &Incoming<'_>,
    model: &'static Model,
    method: &str,
) -> Result<Plan, Reply> {
    match method {
        "countTokens" => count(incoming, model),
        "generateContent" => generate(incoming, model, false),
        "streamGenerateContent" => generate(incoming, model, true),
        _ => Err(google_errors::no_such_model(model.id, method)),
    }
}

fn generate(incoming: &Incoming<'_>, model: &'static Model, streams: bool) -> Result<Plan, Reply> {
    let events = query(incoming)?;
    if streams && !events {
        // The vendor answers with a list of JSON then, which nobody wants here.
        return Err(invalid("The simulator streams with alt=sse alone."));
    }
    let body = object(incoming, GENERATE_TEXT)?;
    let order = Order::read(&body, model, incoming.made_id("r"))?;
    let stream = streams && events;
    if stream && order.choices > 1 {
        return Err(invalid("Multiple candidates is not enabled for streaming."));
    }
    Ok(Plan {
        prompt: order.prompt.clone(),
        stream,
        answer: Box::new(move |script| google_reply::reply(&order, script, stream)),
    })
}

fn count(incoming: &Incoming<'_>, model: &'static Model) -> Result<Plan, Reply> {
    query(incoming)?;
    let body = object(incoming, COUNT_TOKENS)?;
    let order = match (body.get("contents"), body.get("generateContentRequest")) {
        (Some(contents), None) => {
            let turns = Map::from_iter([("contents".to_owned(), contents.clone())]);
            check(&turns, GENERATE_TEXT)?;
            Order::read(&turns, model, String::new())?
        }
        (None, Some(Value::Object(request))) => {
            let mut request = request.clone();
            let named = request.shift_remove("model").unwrap_or_default();
            if named.as_str() != Some(&format!("models/{}", model.id)) {
                return Err(invalid(
                    "generateContentRequest.model: must be the model of the path.",
                ));
            }
            check(&request, GENERATE_TEXT)?;
            Order::read(&request, model, String::new())?
        }
        _ => return Err(invalid("Give contents or generateContentRequest.")),
    };
    Ok(Plan::fixed(json!({
        "totalTokens": order.input_tokens,
        "promptTokensDetails": [{ "modality": "TEXT", "tokenCount": order.input_tokens }],
    })))
}

/// Whether events are asked for.
fn query(incoming: &Incoming<'_>) -> Result<bool, Reply> {
    let mut events = false;
    for pair in incoming.query.split('&').filter(|pair| !pair.is_empty()) {
        match pair {
            "alt=sse" => events = true,
            "alt=json" | "prettyPrint=false" | "prettyPrint=true" => {}
            _ => return Err(google_models::unknown(pair.split('=').next().unwrap_or_default())),
        }
    }
    Ok(events)
}

fn object(incoming: &Incoming<'_>, fields: &[Field]) -> Result<Map<String, Value>, Reply> {
    if !incoming.is_json() {
        return Err(invalid("Invalid content type: application/json is expected."));
    }
    let value: Value = serde_json::from_slice(incoming.body)
        .map_err(|error| invalid(&format!("Invalid JSON payload received. {error}")))?;
    let Value::Object(object) = value else {
        return Err(invalid("Invalid JSON payload received. Expected an object."));
    };
    check(&object, fields)?;
    Ok(object)
}

fn check(object: &Map<String, Value>, fields: &[Field]) -> Result<(), Reply> {
    schema::check(object, fields).map_err(|finding| google_errors::misfit(&finding))
}

impl Order {
    fn read(body: &Map<String, Value>, model: &'static Model, id: String) -> Result<Self, Reply> {
        let contents =
            body.get("contents").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        google_turns::check(contents, model.traits.levels)?;
        let system = body.get("systemInstruction");
        for part in system.map(parts).unwrap_or_default() {
            if part.get("text").is_none() {
                return Err(invalid("systemInstruction: only text is supported."));
            }
            google_turns::check_part(part, "systemInstruction.parts")?;
        }
        let config = body.get("generationConfig").cloned().unwrap_or_default();
        let config = config.as_object().cloned().unwrap_or_default();
        let tools = declared(body)?;
        google_schemas::check(body)?;
        let prompt = prompt_of(contents);
        let chosen = chosen(body, contents, &tools, &prompt)?;
        let system_tokens = system.map_or(0, tokens_of);
        let declarations = body.get("tools").map(ToString::to_string).unwrap_or_default();
        let input_tokens = system_tokens
            + count_tokens(&declarations)
            + contents.iter().map(tokens_of).sum::<u64>();
        let is_cached = input_tokens >= CACHED_FROM;
        let number = |name: &str| config.get(name).and_then(Value::as_u64);
        if let Some(got) = number("maxOutputTokens").filter(|got| *got > model.max_output) {
            let most = model.max_output.saturating_add(1);
            return Err(invalid(&format!(
                "The value of max_output_tokens must be less than {most}, got {got}."
            )));
        }
        sampling(&config, model)?;
        let (thinks, shows_thoughts) = thinking(&config, model)?;
        let json = json_schema(&config)?;
        if json.is_some() && !tools.is_empty() && !model.traits.levels {
            let message =
                "Function calling with a response mime type: 'application/json' is unsupported";
            return Err(invalid(message));
        }
        let stop = config.get("stopSequences").and_then(Value::as_array);
        Ok(Self {
            cached_tokens: if is_cached { system_tokens } else { 0 },
            choices: number("candidateCount").unwrap_or(1),
            id,
            input_tokens,
            json,
            logprobs: logprobs(&config, model)?,
            max_tokens: number("maxOutputTokens"),
            model,
            prompt,
            shows_thoughts,
            stop: stop.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect(),
            thinks,
            tools: chosen,
        })
    }
}

/// The names of the functions that may be called.
fn declared(body: &Map<String, Value>) -> Result<Vec<String>, Reply> {
    let tools = body.get("tools").and_then(Value::as_array);
    let declarations = tools
        .into_iter()
        .flatten()
        .filter_map(|tool| tool.get("functionDeclarations").and_then(Value::as_array))
        .flatten();
    let mut names: Vec<String> = Vec::new();
    for declaration in declarations {
        let name = declaration.get("name").and_then(Value::as_str).unwrap_or_default();
        let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        let rest = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':');
        if !starts || !name.chars().all(rest) {
            return Err(invalid(&format!(
                "Invalid function name: {name}. Must start with a letter or an underscore."
            )));
        }
        if names.iter().any(|known| known == name) {
            return Err(invalid(&format!("Duplicate function declaration found: {name}")));
        }
        if declaration.get("parameters").is_some()
            && declaration.get("parametersJsonSchema").is_some()
        {
            let message = "parameters and parametersJsonSchema must not both be set.";
            return Err(invalid(message));
        }
        names.push(name.to_owned());
    }
    Ok(names)
}

/// The tools that are called.
fn chosen(
    body: &Map<String, Value>,
    contents: &[Value],
    declared: &[String],
    prompt: &str,
) -> Result<Vec<String>, Reply> {
    let config = body.get("toolConfig").and_then(|config| config.get("functionCallingConfig"));
    let mode = config.and_then(|config| config.get("mode")).and_then(Value::as_str);
    let allowed = config.and_then(|config| config.get("allowedFunctionNames"));
    let allowed: Vec<&str> =
        allowed.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    if !allowed.is_empty() && !matches!(mode, Some("ANY" | "VALIDATED")) {
        let message = "allowed_function_names should only be set when mode is ANY or VALIDATED.";
        return Err(invalid(message));
    }
    if let Some(name) = allowed.iter().find(|name| !declared.iter().any(|known| known == *name)) {
        return Err(invalid(&format!("allowed_function_names: {name} is not declared.")));
    }
    if mode == Some("ANY") && declared.is_empty() {
        return Err(invalid("Function calling config is set without function_declarations."));
    }
    let names: Vec<&str> = declared
        .iter()
        .map(String::as_str)
        .filter(|name| allowed.is_empty() || allowed.contains(name))
        .collect();
    let asks = contents.last().is_some_and(|turn| held(turn, "functionResponse").is_empty());
    let demand = match mode {
        Some("ANY") => Demand::Any,
        Some("NONE") => Demand::Never,
        _ if asks => Demand::Free,
        _ => Demand::Never,
    };
    Ok(chosen_tools(&names, prompt, &demand))
}

fn sampling(config: &Map<String, Value>, model: &Model) -> Result<(), Reply> {
    let names = ["frequencyPenalty", "presencePenalty", "temperature", "topK", "topP"];
    let told = names.into_iter().find(|name| config.get(*name).is_some_and(|v| !v.is_null()));
    if let Some(name) = told.filter(|_| !model.traits.sampling) {
        return Err(invalid(&format!("{name} is not supported by {}.", model.id)));
    }
    let number = |name: &str| config.get(name).and_then(Value::as_f64).unwrap_or_default();
    let penalized = ["frequencyPenalty", "presencePenalty"].into_iter().any(|n| number(n) != 0.0);
    if penalized && !model.traits.early {
        return Err(invalid(&format!("Penalty is not enabled for models/{}", model.id)));
    }
    if number("candidateCount") > 1.0 && model.traits.levels {
        return Err(invalid("Multiple candidates is not enabled for this model"));
    }
    Ok(())
}

/// Whether it thinks, and whether that is told.
fn thinking(config: &Map<String, Value>, model: &Model) -> Result<(bool, bool), Reply> {
    let Some(thinking) = config.get("thinkingConfig").filter(|thinking| !thinking.is_null()) else {
        return Ok((false, false));
    };
    if !model.traits.reasoning {
        return Err(invalid("Thinking is not enabled for this model."));
    }
    let budget = thinking.get("thinkingBudget").and_then(Value::as_i64);
    let level = thinking.get("thinkingLevel").and_then(Value::as_str);
    if budget.is_some() && level.is_some() {
        return Err(invalid("You can only set only one of thinking budget and thinking level."));
    }
    if level.is_some() && !model.traits.levels {
        return Err(invalid("Thinking level is not supported for this model."));
    }
    if level == Some("MINIMAL") && !model.id.contains("lite") {
        return Err(invalid("Thinking level MINIMAL is not supported for this model."));
    }
    if model.traits.levels && budget == Some(0) {
        return Err(invalid("Budget 0 is invalid. This model only works in thinking mode."));
    }
    if budget.is_some_and(|budget| budget > 24_576) {
        return Err(invalid("The thinking budget is out of range: at most 24576."));
    }
    let shown = thinking.get("includeThoughts").and_then(Value::as_bool).unwrap_or(false);
    if shown && budget == Some(0) {
        let message =
            "Unable to submit request because thinking is disabled and include_thoughts is set.";
        return Err(invalid(message));
    }
    Ok((budget != Some(0), shown))
}

fn json_schema(config: &Map<String, Value>) -> Result<Option<Value>, Reply> {
    let is_json =
        config.get("responseMimeType").and_then(Value::as_str) == Some("application/json");
    let told = |name: &str| config.get(name).filter(|schema| !schema.is_null());
    match (told("responseJsonSchema"), told("responseSchema")) {
        (Some(_), Some(_)) => {
            Err(invalid("responseSchema and responseJsonSchema must not both be set."))
        }
        (Some(_), None) | (None, Some(_)) if !is_json => {
            Err(invalid("A response schema needs the response mime type application/json."))
        }
        (Some(schema), None) | (None, Some(schema)) => Ok(Some(schema.clone())),
        (None, None) => Ok(is_json.then_some(Value::Null)),
    }
}

fn logprobs(config: &Map<String, Value>, model: &Model) -> Result<Option<u64>, Reply> {
    let asked = config.get("responseLogprobs").and_then(Value::as_bool) == Some(true);
    if asked && !model.traits.early {
        return Err(invalid(&format!("Logprobs is not enabled for models/{}", model.id)));
    }
    match config.get("logprobs").and_then(Value::as_u64) {
        Some(_) if !asked => Err(invalid("logprobs needs response_logprobs.")),
        top => Ok(asked.then_some(top.unwrap_or(0))),
    }
}

/// The text of the user's last turn; where it has only results of tools, theirs.
fn prompt_of(contents: &[Value]) -> String {
    let is_user = |turn: &&Value| turn.get("role").and_then(Value::as_str) != Some("model");
    let Some(last) = contents.iter().rev().find(is_user) else { return String::new() };
    let said = texts(last).join("\n");
    if !said.is_empty() {
        return said;
    }
    let results = held(last, "functionResponse").into_iter().filter_map(|result| {
        let response = result.get("response")?;
        let text = response.get("output").or_else(|| response.get("error"));
        Some(text.and_then(Value::as_str).map_or_else(|| response.to_string(), str::to_owned))
    });
    results.collect::<Vec<_>>().join("\n")
}

fn tokens_of(content: &Value) -> u64 {
    let of_part = |part: &Value| match part.get("text").and_then(Value::as_str) {
        Some(text) => count_tokens(text),
        None if part.get("inlineData").is_some() || part.get("fileData").is_some() => IMAGE_TOKENS,
        None => ["functionCall", "functionResponse"]
            .into_iter()
            .filter_map(|kind| part.get(kind))
            .map(|held| count_tokens(&held.to_string()))
            .sum(),
    };
    MESSAGE_TOKENS + parts(content).iter().map(of_part).sum::<u64>()
}
