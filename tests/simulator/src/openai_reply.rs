//! The chat reply in one piece: `chat.completion`.

use serde_json::{Value, json};

use crate::answer::{Answer, Bounds, End, REFUSAL};
use crate::config::Vendor;
use crate::endpoint::{CREATED, Reply};
use crate::faults::Script;
use crate::openai_chat::Chat;
use crate::tokens::count_tokens;

/// What the assistant does, in both forms of a reply.
pub(crate) enum Turn {
    Calls(Vec<Call>),
    /// Declines in the words of [`REFUSAL`].
    Refuses,
    Says(Answer),
}

/// A call of a tool.
pub(crate) struct Call {
    pub(crate) arguments: String,
    pub(crate) id: String,
    pub(crate) name: String,
}

/// Answers in one piece.
pub(crate) fn reply(chat: &Chat, script: &Script) -> Reply {
    let turn = turn(chat, script);
    let choices: Vec<Value> = (0..chat.choices)
        .map(|index| {
            json!({
                "index": index,
                "message": message(chat, &turn),
                "logprobs": whole_logprobs(chat, &turn),
                "finish_reason": finish_reason(chat, &turn),
            })
        })
        .collect();
    Reply::json(
        200,
        &json!({
            "id": chat.id,
            "object": "chat.completion",
            "created": CREATED,
            "model": chat.model.snapshot,
            "choices": choices,
            "usage": usage(chat, &turn),
            "service_tier": chat.service_tier,
            "system_fingerprint": null,
        }),
    )
}

/// Decides what the assistant does.
pub(crate) fn turn(chat: &Chat, script: &Script) -> Turn {
    if script.refuse {
        return Turn::Refuses;
    }
    if !chat.tools.is_empty() {
        let arguments = json!({ "input": chat.prompt }).to_string();
        let call = |(index, name): (usize, &String)| Call {
            arguments: arguments.clone(),
            id: format!("call_{}_{index}", chat.id.trim_start_matches("chatcmpl-")),
            name: name.clone(),
        };
        return Turn::Calls(chat.tools.iter().enumerate().map(call).collect());
    }
    let bounds = Bounds { json: chat.json.as_ref(), max_tokens: chat.max_tokens, stop: &chat.stop };
    Turn::Says(Answer::to(&chat.prompt, script, &bounds))
}

/// The vendor's word for the end of a turn. OpenAI's is `stop` where the caller named the tool that is called:
/// <https://github.com/vllm-project/vllm/pull/25054> has its answers.
pub(crate) fn finish_reason(chat: &Chat, turn: &Turn) -> &'static str {
    match turn {
        Turn::Calls(_) if chat.names_tool && chat.vendor == Vendor::OpenAi => "stop",
        Turn::Calls(_) => "tool_calls",
        Turn::Refuses => "stop",
        Turn::Says(answer) => match answer.end {
            End::Cut => "length",
            End::Natural | End::Stop(_) => "stop",
        },
    }
}

/// What is billed, with each host's own members.
pub(crate) fn usage(chat: &Chat, turn: &Turn) -> Value {
    let each = match turn {
        Turn::Calls(calls) => {
            calls.iter().map(|call| count_tokens(&call.name) + count_tokens(&call.arguments)).sum()
        }
        Turn::Refuses => count_tokens(REFUSAL),
        Turn::Says(answer) => answer.tokens(),
    };
    let (input, output) = (chat.prompt_tokens, each * chat.choices);
    let mut usage = json!({
        "prompt_tokens": input,
        "completion_tokens": output,
        "total_tokens": input + output,
    });
    let own = match chat.vendor {
        Vendor::OpenAi => json!({
            "prompt_tokens_details": { "cached_tokens": 0, "cache_write_tokens": 0, "audio_tokens": 0 },
            "completion_tokens_details": {
                "reasoning_tokens": 0,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
        }),
        Vendor::DeepSeek => {
            json!({ "prompt_cache_hit_tokens": 0, "prompt_cache_miss_tokens": input })
        }
        _ => json!({}),
    };
    if let (Some(usage), Value::Object(own)) = (usage.as_object_mut(), own) {
        usage.extend(own);
    }
    usage
}

/// The log probabilities of some pieces: the same for each, since nothing was sampled.
pub(crate) fn logprobs<'a>(pieces: impl Iterator<Item = &'a String>) -> Value {
    let content: Vec<Value> = pieces
        .map(|piece| {
            let bytes: Vec<u8> = piece.bytes().collect();
            json!({ "token": piece, "logprob": -0.1, "bytes": bytes, "top_logprobs": [] })
        })
        .collect();
    json!({ "content": content, "refusal": null })
}

fn whole_logprobs(chat: &Chat, turn: &Turn) -> Value {
    match turn {
        Turn::Says(answer) if chat.logprobs => logprobs(answer.pieces.iter()),
        Turn::Calls(_) | Turn::Refuses | Turn::Says(_) => Value::Null,
    }
}

fn message(chat: &Chat, turn: &Turn) -> Value {
    let (content, refusal) = match turn {
        Turn::Calls(_) => (Value::Null, Value::Null),
        Turn::Refuses => (Value::Null, json!(REFUSAL)),
        Turn::Says(answer) => (json!(answer.text()), Value::Null),
    };
    let mut message = json!({ "role": "assistant", "content": content });
    let own = match chat.vendor {
        Vendor::OpenAi => json!({ "refusal": refusal, "annotations": [] }),
        Vendor::DeepSeek => json!({ "reasoning_content": null }),
        _ if turn_refuses(turn) => json!({ "content": REFUSAL }),
        _ => json!({}),
    };
    if let (Some(message), Value::Object(own)) = (message.as_object_mut(), own) {
        message.extend(own);
        if let Turn::Calls(calls) = turn {
            message.insert("tool_calls".to_owned(), calls.iter().map(call).collect());
        }
    }
    message
}

const fn turn_refuses(turn: &Turn) -> bool {
    matches!(turn, Turn::Refuses)
}

fn call(call: &Call) -> Value {
    json!({
        "id": call.id,
        "type": "function",
        "function": { "name": call.name, "arguments": call.arguments },
    })
}
