//! Schemas of answers and tools: each vendor gets the part of JSON Schema that it takes.

use de_core::{
    model::OnUnsupported,
    protocols::{
        Dialect, FieldIssue, Target, Vendor,
        anthropic_messages::{AnthropicMessagesDialect, AnthropicMessagesVendor},
        gemini::GeminiVendor,
        openai_chat::{OpenAiChatDialect, OpenAiChatVendor},
        openai_responses::OpenAiResponsesVendor,
    },
};
use serde_json::{Value, json};

use super::{lines, target};

const DROP: OnUnsupported = OnUnsupported::Drop;

fn sent(
    dialect: &dyn Dialect,
    vendor: &dyn Vendor,
    body: &Value,
    on_unsupported: OnUnsupported,
) -> Result<(Value, Vec<FieldIssue>), Vec<FieldIssue>> {
    let (_, call) = dialect.call(body).unwrap();
    let draft = vendor.request(&call, &Target { on_unsupported, ..target() })?;
    Ok((serde_json::from_slice(&draft.body).unwrap(), draft.dropped))
}

/// A call of OpenAI's chat for an answer by a schema.
fn asked(schema: &Value, strict: impl Into<Value>) -> Value {
    let format = json!({"name": "answer", "schema": schema, "strict": strict.into()});
    json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}],
        "response_format": {"type": "json_schema", "json_schema": format}})
}

/// A call of Anthropic's protocol for an answer by a schema, with a tool that is held to it.
fn of_anthropic(schema: &Value) -> Value {
    json!({"model": "m", "max_tokens": 100, "messages": [{"role": "user", "content": "Hi"}],
        "tools": [{"name": "f", "input_schema": schema, "strict": true}],
        "output_config": {"format": {"type": "json_schema", "schema": schema}}})
}

#[test]
fn anthropic_gets_closed_objects() {
    let open =
        json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
    let mut closed = open.clone();
    closed["additionalProperties"] = json!(false);
    for strict in [Value::Null, json!(false), json!(true)] {
        let body = asked(&open, strict);
        let reject = OnUnsupported::Reject;
        let (body, dropped) =
            sent(&OpenAiChatDialect, &AnthropicMessagesVendor, &body, reject).unwrap();
        assert_eq!((&body["output_config"]["format"]["schema"], dropped.len()), (&closed, 0));
    }
}

#[test]
fn what_anthropic_cannot_hold_an_answer_to_goes_as_the_row_says() {
    let of = |body: &Value, word| sent(&OpenAiChatDialect, &AnthropicMessagesVendor, body, word);
    let any = json!({"type": "object", "additionalProperties": true});
    let why = "/response_format: this model's vendor takes no such schema: it is of objects with members of any name";
    for strict in [false, true] {
        let body = asked(&any, strict);
        assert_eq!(lines(&of(&body, OnUnsupported::Reject).unwrap_err()), [why]);
        let (body, dropped) = of(&body, DROP).unwrap();
        assert_eq!((body.get("output_config"), lines(&dropped)), (None, vec![why.to_owned()]));
    }
    let bounded = json!({"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}},
        "additionalProperties": false});
    let why = "/response_format/json_schema/schema: this model's vendor takes no minimum: the model reads it in words";
    assert_eq!(lines(&of(&asked(&bounded, true), OnUnsupported::Reject).unwrap_err()), [why]);
    for (strict, word) in [(true, DROP), (false, OnUnsupported::Reject)] {
        let (body, dropped) = of(&asked(&bounded, strict), word).unwrap();
        let schema = &body["output_config"]["format"]["schema"];
        let told = json!({"type": "integer", "description": "It must be valid against {\"minimum\":1} too."});
        assert_eq!((&schema["properties"]["n"], lines(&dropped)), (&told, vec![why.to_owned()]));
    }
}

#[test]
fn a_tool_is_strict_at_anthropic_where_its_schema_can_be() {
    let tool = |schema: Value| {
        let body = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}], "tools": [
            {"type": "function", "function": {"name": "f", "parameters": schema, "strict": true}},
        ]});
        let (body, dropped) =
            sent(&OpenAiChatDialect, &AnthropicMessagesVendor, &body, DROP).unwrap();
        let dropped = dropped.into_iter().map(|issue| issue.pointer).collect::<Vec<_>>();
        (body["tools"][0].clone(), dropped.join(" "))
    };
    let (held, dropped) = tool(json!({"type": "object", "properties": {"a": {}}}));
    assert_eq!((&held["strict"], dropped.as_str()), (&json!(true), ""));
    assert_eq!(held["input_schema"]["additionalProperties"], false);
    let bounded = json!({"type": "object", "properties": {"a": {"maxLength": 3}}, "additionalProperties": false});
    let (free, dropped) = tool(bounded.clone());
    assert_eq!((&free["strict"], dropped.as_str()), (&json!(false), "/tools/*/strict"));
    assert_eq!(
        free["input_schema"], bounded,
        "nothing is in the way of a tool that is not held to it"
    );
}

#[test]
fn gemini_gets_references_alone_and_the_rest_in_words() {
    let of = |body: &Value, word| sent(&OpenAiChatDialect, &GeminiVendor, body, word);
    // As generators of schemas write it.
    let schema = json!({"$schema": "http://json-schema.org/draft-07/schema#", "type": "object",
        "properties": {"home": {"$ref": "#/definitions/place", "description": "Where."}, "work": {"$ref": "#/definitions/place"}},
        "definitions": {"place": {"type": "object", "properties": {"kind": {"const": "place"}}}}});
    let place =
        json!({"type": "object", "properties": {"kind": {"type": "string", "enum": ["place"]}}});
    let mut home = place.clone();
    home["description"] = json!("Where.");
    let expected = json!({"type": "object", "properties": {"home": home, "work": {"$ref": "#/$defs/place"}},
        "$defs": {"place": place}});
    let tools = json!([{"type": "function", "function": {"name": "f", "parameters": schema, "strict": true}}]);
    let mut both = asked(&schema, true);
    both["tools"] = tools;
    let (body, dropped) = of(&both, OnUnsupported::Reject).unwrap();
    assert_eq!((&body["generationConfig"]["responseJsonSchema"], dropped.len()), (&expected, 0));
    let declared = &body["tools"][0]["functionDeclarations"][0]["parametersJsonSchema"];
    assert_eq!(declared, &expected);
    // What it would pass over is named where it was promised.
    let coded =
        json!({"type": "object", "properties": {"code": {"type": "string", "pattern": "^a"}}});
    let why = "/response_format/json_schema/schema: this model's vendor takes no pattern: the model reads it in words";
    assert_eq!(lines(&of(&asked(&coded, true), OnUnsupported::Reject).unwrap_err()), [why]);
    for (strict, word) in [(true, DROP), (false, OnUnsupported::Reject)] {
        let (body, dropped) = of(&asked(&coded, strict), word).unwrap();
        let code = &body["generationConfig"]["responseJsonSchema"]["properties"]["code"];
        let told = json!({"type": "string", "description": "It must be valid against {\"pattern\":\"^a\"} too."});
        assert_eq!((code, lines(&dropped)), (&told, vec![why.to_owned()]));
    }
    for (strict, named) in [(true, &["/tools/*/strict"][..]), (false, &[])] {
        let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}]});
        body["tools"] = json!([{"type": "function", "function": {"name": "f", "parameters": coded, "strict": strict}}]);
        let (_, dropped) = of(&body, OnUnsupported::Reject).unwrap();
        let dropped: Vec<&str> = dropped.iter().map(|issue| &*issue.pointer).collect();
        assert_eq!(dropped, named);
    }
}

#[test]
fn openai_is_strict_where_the_schema_can_be() {
    let all = json!({"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
        "required": ["a", "b"], "additionalProperties": false});
    let mut some = all.clone();
    some["required"] = json!(["a"]);
    let dropped_of =
        |issues: Vec<FieldIssue>| issues.into_iter().map(|issue| issue.pointer).collect::<Vec<_>>();
    let lost = ["/tools/*/strict", "/response_format/json_schema/strict"];
    for (schema, strict) in [(all, true), (some, false)] {
        let body = of_anthropic(&schema);
        let to =
            |vendor: &dyn Vendor| sent(&AnthropicMessagesDialect, vendor, &body, DROP).unwrap();
        let (chat, dropped) = to(&OpenAiChatVendor);
        let format = &chat["response_format"]["json_schema"];
        assert_eq!((&format["strict"], &format["schema"]), (&json!(strict), &schema));
        assert_eq!(chat["tools"][0]["function"]["strict"], strict);
        let mut dropped = dropped_of(dropped);
        dropped.sort_by_key(|pointer| pointer.starts_with("/response_format"));
        assert_eq!(dropped, if strict { &lost[..0] } else { &lost[..] });
        let (responses, _) = to(&OpenAiResponsesVendor);
        let format = &responses["text"]["format"];
        assert_eq!((&format["strict"], &format["schema"]), (&json!(strict), &schema));
        assert_eq!(responses["tools"][0]["strict"], strict);
    }
}
