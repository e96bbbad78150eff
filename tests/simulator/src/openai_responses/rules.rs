//! What OpenAI refuses in a request whose members all have their form.

use serde_json::Value;

use super::{Request, flag, json_format, kind_of, text_of};
use crate::endpoint::Reply;
use crate::openai_effort::Api;
use crate::openai_errors::refuse;
use crate::openai_strict;

/// A rule beyond the table of members.
type Rule = fn(&Request<'_>) -> Result<(), Reply>;

pub(super) const RULES: &[Rule] = &[
    nothing_that_is_not_simulated,
    limit_within_model,
    stream_options_need_stream,
    logprobs_are_included,
    reasoning_as_the_model_can,
    sampling_as_the_model_can,
    ids_are_of_their_kind,
    sources_are_named,
    json_is_mentioned,
    outputs_answer_calls,
    reasoning_is_followed,
    strict_schemas_are_of_their_part,
];

fn nothing_that_is_not_simulated(request: &Request<'_>) -> Result<(), Reply> {
    for name in ["conversation", "prompt"] {
        if request.has(name) {
            let message = format!("'{name}' is not simulated.");
            return Err(refuse(400, None, Some(name), &message));
        }
    }
    if flag(request.body, "background") == Some(true) {
        return Err(refuse(400, None, Some("background"), "'background' is not simulated."));
    }
    Ok(())
}

fn limit_within_model(request: &Request<'_>) -> Result<(), Reply> {
    let most = request.model.max_output;
    let got = request.body.get("max_output_tokens").and_then(Value::as_u64);
    let Some(got) = got.filter(|got| *got > most) else { return Ok(()) };
    let message = format!(
        "max_output_tokens is too large: {got}. This model supports at most {most} output tokens."
    );
    Err(refuse(400, Some("invalid_value"), Some("max_output_tokens"), &message))
}

fn stream_options_need_stream(request: &Request<'_>) -> Result<(), Reply> {
    if request.has("stream_options") && flag(request.body, "stream") != Some(true) {
        let message = "The 'stream_options' parameter is only allowed when 'stream' is enabled.";
        return Err(refuse(400, None, Some("stream_options"), message));
    }
    Ok(())
}

fn logprobs_are_included(request: &Request<'_>) -> Result<(), Reply> {
    let asked = request.body.get("top_logprobs").and_then(Value::as_u64).unwrap_or(0) > 0;
    if asked && !request.includes("message.output_text.logprobs") {
        let message =
            "'top_logprobs' is only allowed when 'message.output_text.logprobs' is included.";
        return Err(refuse(400, None, Some("top_logprobs"), message));
    }
    Ok(())
}

fn reasoning_as_the_model_can(request: &Request<'_>) -> Result<(), Reply> {
    if request.model.traits.reasoning {
        return Ok(());
    }
    for name in ["effort", "summary"] {
        if request.reasoning(name).is_some() {
            let place = format!("reasoning.{name}");
            let message =
                format!("Unsupported parameter: '{place}' is not supported with this model.");
            return Err(refuse(400, Some("unsupported_parameter"), Some(&place), &message));
        }
    }
    if request.includes("reasoning.encrypted_content") {
        let message = "Encrypted content is not supported with this model.";
        return Err(refuse(400, None, Some("include"), message));
    }
    Ok(())
}

fn sampling_as_the_model_can(request: &Request<'_>) -> Result<(), Reply> {
    let Some(efforts) = request.model.traits.efforts else { return Ok(()) };
    if efforts.of(request.model, request.reasoning("effort"), Api::Responses)? == "none" {
        return Ok(());
    }
    let usual = |name: &str| {
        request
            .body
            .get(name)
            .and_then(Value::as_f64)
            .is_none_or(|number| (number - 1.0).abs() < f64::EPSILON)
    };
    let refused = ["temperature", "top_p"].into_iter().find(|name| !usual(name));
    let refused = refused.or_else(|| request.has("top_logprobs").then_some("top_logprobs"));
    let probable = request.includes("message.output_text.logprobs").then_some("include");
    let Some(name) = refused.or(probable) else { return Ok(()) };
    let message = format!("Unsupported parameter: '{name}' is not supported with this model.");
    Err(refuse(400, Some("unsupported_parameter"), Some(name), &message))
}

fn ids_are_of_their_kind(request: &Request<'_>) -> Result<(), Reply> {
    let own = request.body.get("input").and_then(Value::as_array);
    for (index, item) in own.into_iter().flatten().enumerate() {
        let prefix = match kind_of(item) {
            "function_call" => "fc",
            "message" => "msg",
            "reasoning" => "rs",
            _ => continue,
        };
        let id = item.get("id").and_then(Value::as_str);
        if let Some(id) = id.filter(|id| !id.starts_with(prefix)) {
            let place = format!("input[{index}].id");
            let message =
                format!("Invalid '{place}': '{id}'. Expected an ID that begins with '{prefix}'.");
            return Err(refuse(400, Some("invalid_value"), Some(&place), &message));
        }
    }
    Ok(())
}

/// A picture and a file each need just one source, and data a name.
fn sources_are_named(request: &Request<'_>) -> Result<(), Reply> {
    let own = request.body.get("input").and_then(Value::as_array);
    for (index, item) in own.into_iter().flatten().enumerate() {
        for member in ["content", "output"] {
            let parts = item.get(member).and_then(Value::as_array);
            for (at, part) in parts.into_iter().flatten().enumerate() {
                let sources: &[&str] = match part.get("type").and_then(Value::as_str) {
                    Some("input_image") => &["image_url", "file_id"],
                    Some("input_file") => &["file_data", "file_id", "file_url"],
                    Some(_) | None => continue,
                };
                let has = |name: &&&str| part.get(**name).is_some_and(|value| !value.is_null());
                let place = format!("input[{index}].{member}[{at}]");
                if sources.iter().filter(has).count() != 1 {
                    let message =
                        format!("Invalid '{place}': expected one of {}.", sources.join(", "));
                    return Err(refuse(400, Some("invalid_value"), Some(&place), &message));
                }
                if has(&&"file_data") && !has(&&"filename") {
                    let message = format!("Missing required parameter: '{place}.filename'.");
                    return Err(refuse(
                        400,
                        Some("missing_required_parameter"),
                        Some(&place),
                        &message,
                    ));
                }
                let url = part.get("image_url").and_then(Value::as_str);
                if url.is_some_and(|url| {
                    !url.starts_with("https://")
                        && !url.starts_with("data:")
                        && !url.starts_with("http://")
                }) {
                    let message = format!("Invalid '{place}.image_url'. Expected a valid URL.");
                    return Err(refuse(400, Some("invalid_value"), Some(&place), &message));
                }
            }
        }
    }
    Ok(())
}

/// An answer in any JSON needs the word in what the model is told, or it might never end.
fn json_is_mentioned(request: &Request<'_>) -> Result<(), Reply> {
    if json_format(request.body) != Some(Value::Null) {
        return Ok(());
    }
    let texts = request.items.iter().map(|item| text_of(item.get("content")));
    if texts.into_iter().any(|text| text.to_lowercase().contains("json")) {
        return Ok(());
    }
    let message = "Response input messages must contain the word 'json' in some form to use \
        'text.format' of type 'json_object'.";
    Err(refuse(400, None, Some("input"), message))
}

fn outputs_answer_calls(request: &Request<'_>) -> Result<(), Reply> {
    let call_id =
        |item: &Value| item.get("call_id").and_then(Value::as_str).unwrap_or_default().to_owned();
    let of = |kind: &'static str| {
        request.items.iter().filter(move |item| kind_of(item) == kind).map(call_id)
    };
    let (calls, outputs): (Vec<String>, Vec<String>) =
        (of("function_call").collect(), of("function_call_output").collect());
    if let Some(id) = outputs.iter().find(|id| !calls.contains(id)) {
        let message = format!("No tool call found for function call output with call_id {id}.");
        return Err(refuse(400, None, Some("input"), &message));
    }
    if let Some(id) = calls.iter().find(|id| !outputs.contains(id)) {
        let message = format!("No tool output found for function call {id}.");
        return Err(refuse(400, None, Some("input"), &message));
    }
    Ok(())
}

/// What the model said after it thought must follow the thought.
fn reasoning_is_followed(request: &Request<'_>) -> Result<(), Reply> {
    let following = request.items.iter().skip(1).map(Some).chain([None]);
    for (item, next) in request.items.iter().zip(following) {
        let said_by_it = |item: &Value| match kind_of(item) {
            "function_call" | "reasoning" => true,
            _ => item.get("role").and_then(Value::as_str) == Some("assistant"),
        };
        if kind_of(item) == "reasoning" && !next.is_some_and(said_by_it) {
            let id = item.get("id").and_then(Value::as_str).unwrap_or_default();
            let message = format!(
                "Item '{id}' of type 'reasoning' was provided without its required following item."
            );
            return Err(refuse(400, None, Some("input"), &message));
        }
    }
    Ok(())
}

/// Answers and calls are held to the schemas of a part of JSON Schema. A tool that does not say whether is held as far
/// as it goes.
fn strict_schemas_are_of_their_part(request: &Request<'_>) -> Result<(), Reply> {
    let name = |of: &Value| of.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    let format = request.body.get("text").and_then(|text| text.get("format"));
    if let Some(format) = format.filter(|format| flag_of(format, "strict")) {
        openai_strict::check(format.get("schema").unwrap_or(&Value::Null)).map_err(|why| {
            let message = format!("Invalid schema for response_format '{}': {why}", name(format));
            refuse(400, Some("invalid_json_schema"), Some("text.format.schema"), &message)
        })?;
    }
    let tools = request.body.get("tools").and_then(Value::as_array);
    for (place, tool) in tools.into_iter().flatten().enumerate() {
        if flag_of(tool, "strict") {
            openai_strict::check(tool.get("parameters").unwrap_or(&Value::Null)).map_err(
                |why| {
                    let message = format!("Invalid schema for function '{}': {why}", name(tool));
                    let param = format!("tools[{place}].parameters");
                    refuse(400, Some("invalid_function_parameters"), Some(&param), &message)
                },
            )?;
        }
    }
    Ok(())
}

fn flag_of(value: &Value, name: &str) -> bool {
    value.get(name).and_then(Value::as_bool) == Some(true)
}
