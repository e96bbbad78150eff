use serde_json::{Value, json};

use super::{body, object, parse, provider, render};
use crate::mapping::encode::{PartValue, RenderedBody};
use crate::mapping::render::{KeyPlace, MAX_RENDERED};
use crate::mapping::variables::{File, Notice, Reserved, VariableError};
use crate::mapping::{AuthScheme, PayloadMapping, ProviderRules};
use crate::model::OnUnsupported;

#[test]
fn a_lone_placeholder_keeps_its_type() {
    for value in [json!(0.7), json!(0), json!(false), json!(""), json!([1, {"a": null}]), json!({})]
    {
        assert_eq!(body(json!({"n": "{x}"}), json!({"x": value})), json!({"n": value}));
    }
    assert_eq!(body(json!({"n": "{x} hills"}), json!({"x": 2})), json!({"n": "2 hills"}));
    assert_eq!(body(json!({"n": "is {x}"}), json!({"x": true})), json!({"n": "is true"}));
    assert_eq!(
        body(json!({"n": "a {x}"}), json!({"x": [1]})),
        json!("x cannot be written into text")
    );
}

#[test]
fn c02_what_has_no_value_goes_and_defaults_hold() {
    let template = json!({"a": "{x}", "b": ["{x?}", "k"], "c": "say {x}", "d": {"e": "{x}"}});
    let left = json!({"b": ["k"], "d": {}});
    assert_eq!(body(template.clone(), json!({})), left);
    assert_eq!(body(template, json!({"x": null})), left);
    assert_eq!(body(json!("{x}"), json!({})), json!("the body has no value at all"));

    let mapping = json!({"endpoint": "/x", "body": {"t": "{t}"}, "defaults": {"t": 0.7}});
    for (options, expected) in
        [(json!({}), 0.7), (json!({"t": null}), 0.7), (json!({"t": 0.0}), 0.0)]
    {
        let request = render(mapping.clone(), options).unwrap();
        let RenderedBody::Json { value, .. } = request.body else { panic!("json") };
        assert_eq!(value, json!({"t": expected}));
    }
}

#[test]
fn s16_options_cannot_set_reserved_or_unknown_names() {
    let mapping = parse(json!({"endpoint": "/x", "body": {"p": "{user_prompt}", "t": "{t}"}}));
    let reserved = || Reserved { user_prompt: Some("mine".into()), ..Reserved::default() };
    let options = object(json!({"user_prompt": "theirs", "model": "m", "api_key": 1, "u": 1}));
    let errors = mapping.variables(reserved(), &options).unwrap_err();
    let reserved_name = |name: &str| VariableError::Reserved { name: name.into() };
    assert_eq!(errors[..3], ["user_prompt", "model", "api_key"].map(reserved_name));
    assert_eq!(errors[3].to_string(), "this model has no option \"u\"; known: t");

    let dropping = json!({"endpoint": "/x", "body": {"t": "{t}"}, "unknown_options": "drop"});
    let (_, notices) =
        parse(dropping).variables(reserved(), &object(json!({"u": 1, "t": 1}))).unwrap();
    assert_eq!(notices, [Notice::DroppedOption { name: "u".into() }]);
}

/// A call's word goes before the mapping's, and the mapping's before the row's.
#[test]
fn of_unknown_options_the_nearest_word_decides() {
    const WORDS: [Option<OnUnsupported>; 4] =
        [None, Some(OnUnsupported::Drop), Some(OnUnsupported::Reject), Some(OnUnsupported::Warn)];
    let options = object(json!({"u": 1}));
    for own in WORDS {
        for row in OnUnsupported::ALL {
            let mut value = json!({"endpoint": "/x", "body": {"t": "{t}"}});
            if let Some(own) = own {
                value["unknown_options"] = json!(own.as_str());
            }
            let mapping = parse(value).in_row(*row);
            assert_eq!(mapping.unknown_options(), own.unwrap_or(*row), "{own:?} in {row}");
            for call in WORDS {
                let gathered = match call {
                    Some(call) => mapping.variables_where(Reserved::default(), &options, call),
                    None => mapping.variables(Reserved::default(), &options),
                };
                let decides = call.or(own).unwrap_or(*row);
                let is_refused = decides == OnUnsupported::Reject;
                assert_eq!(gathered.is_err(), is_refused, "{own:?} in {row}, called with {call:?}");
            }
        }
    }
    // Mappings of earlier versions.
    let old = json!({"endpoint": "/x", "body": {"t": "{t}"}, "unknown_options": "refuse"});
    assert_eq!(parse(old).in_row(OnUnsupported::Drop).unknown_options(), OnUnsupported::Reject);
}

#[test]
fn values_are_never_scanned_again() {
    let mapping = parse(json!({"endpoint": "/x", "body": {"p": "{prompt}", "q": "<{prompt}>"}}));
    let prompt = "{api_key} {{x}} {system|upper} $if";
    let reserved = Reserved { user_prompt: Some(prompt.into()), ..Reserved::default() };
    let (variables, _) = mapping.variables(reserved, &object(json!({}))).unwrap();
    let RenderedBody::Json { value, .. } = mapping.render(&variables).unwrap().body else {
        panic!("json")
    };
    assert_eq!(value, json!({"p": prompt, "q": format!("<{prompt}>")}));
}

#[test]
fn a_prompt_alone_fills_the_text_and_the_other_way_round() {
    let mapping =
        parse(json!({"endpoint": "/x", "body": {"p": "{user_prompt}", "t": "{user_text}"}}));
    for reserved in [
        Reserved { user_prompt: Some("hi".into()), ..Reserved::default() },
        Reserved { user_text: Some("hi".into()), ..Reserved::default() },
    ] {
        let (variables, _) = mapping.variables(reserved, &object(json!({}))).unwrap();
        assert_eq!(
            Value::Object(variables.to_value()),
            json!({"user_prompt": "hi", "user_text": "hi"})
        );
    }
}

#[test]
fn conditions_and_lists_follow_the_values() {
    let template = json!({"o": {"$if": "{x}", "k": 1}});
    for gone in [json!(null), json!(false), json!(""), json!([])] {
        assert_eq!(body(template.clone(), json!({"x": gone})), json!({}), "{gone}");
    }
    for stays in [json!(0), json!(true), json!("a"), json!([0]), json!({})] {
        assert_eq!(body(template.clone(), json!({"x": stays})), json!({"o": {"k": 1}}), "{stays}");
    }
    let each = json!({"l": [
        {"role": "system"},
        {"$each": "{m}", "$do": {"n": "{index}", "of": "{item.r|upper}", "all": "{item}"}},
        "end"
    ]});
    let items = json!({"m": [{"r": "a"}, {}]});
    let expected = json!({"l": [
        {"role": "system"},
        {"n": 0, "of": "A", "all": {"r": "a"}},
        {"n": 1, "all": {}},
        "end"
    ]});
    assert_eq!(body(each.clone(), items), expected);
    assert_eq!(body(each.clone(), json!({})), json!({"l": [{"role": "system"}, "end"]}));
    assert_eq!(body(each, json!({"m": 1})), json!("m is a number, not a list"));
    let nested = json!([{"$each": "{m}", "$do": [{"$each": "{item}", "$do": "{item}{index}"}]}]);
    assert_eq!(body(nested, json!({"m": [["a", "b"], []]})), json!([["a0", "b1"], []]));
}

#[test]
fn maps_and_hints_refuse_what_they_do_not_know() {
    let template = json!({"r": "{x|map:ratios}", "n": "{n:int}"});
    assert_eq!(
        body(template.clone(), json!({"x": "1:1", "n": "5"})),
        json!({"r": "SQUARE", "n": 5})
    );
    assert_eq!(body(template.clone(), json!({"x": "16:9"})), json!({"r": {"w": 16, "h": 9}}));
    assert_eq!(
        body(template.clone(), json!({"x": "2:1"})),
        json!("\"2:1\" is not a value of x; ratios knows 1:1, 16:9")
    );
    assert_eq!(
        body(template, json!({"n": "many"})),
        json!("n cannot be read as int: it is a string")
    );
}

#[test]
fn declarations_bound_the_options() {
    let mapping = parse(json!({
        "endpoint": "/x",
        "body": {"a": "{a}"},
        "variables": {
            "a": {"type": "number", "min": 0, "max": 1},
            "b": {"type": "string", "max_length": 3, "enum": ["ééé", "x"]},
            "c": {"type": "integer", "required": true},
        }
    }));
    let messages = |options: Value| match mapping.variables(Reserved::default(), &object(options)) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.iter().map(ToString::to_string).collect(),
    };
    assert_eq!(messages(json!({"a": 0, "b": "ééé", "c": 1})), Vec::<String>::new());
    assert_eq!(
        messages(json!({"a": 1.5, "b": "abcd"})),
        ["a is at most 1", "b has 4 characters, at most 3 are allowed", "c is required"]
    );
    assert_eq!(
        messages(json!({"a": "0.5", "b": "y", "c": 1.5})),
        [
            "a is a number, not a string",
            "b is one of \"ééé\", \"x\"",
            "c is an integer, not a number"
        ]
    );
}

#[test]
fn s09_a_value_is_one_encoded_segment() {
    let url = |value: Value| {
        let mapping = json!({"endpoint": "/tts/{v}/go", "method": "GET"});
        render(mapping, json!({"v": value})).map(|request| request.url.to_string())
    };
    assert_eq!(
        url(json!("a b/ü?#%2e")).unwrap(),
        "https://api.vendor.test/v1/tts/a%20b%2F%C3%BC%3F%23%252e/go"
    );
    assert_eq!(url(json!(7)).unwrap(), "https://api.vendor.test/v1/tts/7/go");
    for walking in [".", ".."] {
        assert_eq!(url(json!(walking)).unwrap_err(), "the endpoint has an empty or a dot segment");
    }
    assert_eq!(url(json!("")).unwrap_err(), "v is missing");
    assert_eq!(url(json!(null)).unwrap_err(), "v is missing");
    assert_eq!(url(json!([])).unwrap_err(), "v cannot be written into text");
}

#[test]
fn query_pairs_are_encoded_and_optional_ones_go() {
    let mapping = json!({
        "endpoint": "/x", "method": "GET",
        "query": {"a": "{a}", "b": "{b?}", "page": 2, "all": true}
    });
    let request = render(mapping.clone(), json!({"a": "x&y=z"})).unwrap();
    assert_eq!(request.url.query(), Some("a=x%26y%3Dz&page=2&all=true"));
    assert_eq!(render(mapping, json!({})).unwrap_err(), "a is missing");
}

#[test]
fn a_header_cannot_be_broken_out_of() {
    let mapping = json!({"endpoint": "/x", "method": "GET", "headers": {"X-Tag": "t-{tag}"}});
    let request = render(mapping.clone(), json!({"tag": 5})).unwrap();
    assert_eq!(request.headers, [("x-tag".to_owned(), "t-5".to_owned())]);
    for bad in ["a\r\nb: c", "a\nb", "a\0", "é"] {
        assert!(render(mapping.clone(), json!({"tag": bad})).unwrap_err().contains("x-tag"));
    }
    assert_eq!(render(mapping, json!({})).unwrap_err(), "tag is missing");
}

#[test]
fn the_key_is_a_place_and_never_a_value() {
    let seeing = ProviderRules {
        auth: AuthScheme::Header { name: "X-Key".into() },
        mapping_sees_key: true,
        ..provider()
    };
    let mapping = json!({
        "endpoint": "/x", "method": "GET",
        "headers": {"Authorization": "Key {api_key}; v={v}"},
        "query": {"k": "{api_key}"}
    });
    let mapping = PayloadMapping::parse(&mapping, &seeing).unwrap();
    let options = object(json!({"v": "{api_key}"}));
    let (variables, _) = mapping.variables(Reserved::default(), &options).unwrap();
    let mut request = mapping.render(&variables).unwrap();
    let header = KeyPlace::Header {
        name: "authorization".into(),
        before: "Key ".into(),
        after: "; v={api_key}".into(),
    };
    let query = KeyPlace::Query { name: "k".into(), before: String::new(), after: String::new() };
    assert_eq!(request.key_at, [query, header]);
    assert!(request.headers.is_empty());
    request.insert_key("s3&cret");
    assert_eq!(request.headers[0].1, "Key s3&cret; v={api_key}");
    assert_eq!(request.url.query(), Some("k=s3%26cret"));
}

#[test]
fn forms_and_multipart_hold_scalars_lists_and_files() {
    let form = json!({
        "endpoint": "/x", "body_kind": "form",
        "body": {"a": "{a}", "b": "{b}", "c": "{c}", "d": 1}
    });
    let request = render(form.clone(), json!({"a": 0.5, "b": ["x", 2]})).unwrap();
    let pairs = [("a", "0.5"), ("b", "x"), ("b", "2"), ("d", "1")];
    assert_eq!(
        request.body,
        RenderedBody::Form(pairs.map(|(name, text)| (name.into(), text.into())).into())
    );
    assert_eq!(render(form, json!({"c": {}})).unwrap_err(), "c cannot be written into text");

    let multipart = json!({
        "endpoint": "/x", "body_kind": "multipart",
        "body": {"file": "{audio}", "model": "m", "language": "{language}"},
        "variables": {"audio": {"type": "file", "max_length": 4}}
    });
    let request =
        render(multipart.clone(), json!({"audio": "data:audio/wav;base64,AAEC"})).unwrap();
    let RenderedBody::Multipart(parts) = request.body else { panic!("multipart") };
    let file =
        File { content_type: "audio/wav".into(), data: vec![0, 1, 2].into(), filename: None };
    assert_eq!(parts[0].value, PartValue::File(file));
    assert_eq!(parts.len(), 2);
    assert!(render(multipart.clone(), json!({"audio": "data:audio/wav;base64,AAECAAEC"})).is_err());
    assert!(render(multipart, json!({"audio": "https://x.test/a.wav"})).is_err());
}

#[test]
fn files_go_into_json_as_data_urls_or_base64() {
    let mapping = parse(json!({"endpoint": "/x", "body": {"u": "{image}", "b": "{image|base64}"}}));
    let data = vec![0_u8; 2 * MAX_RENDERED].into();
    let file = File { content_type: "image/png".into(), data, filename: None };
    let reserved = Reserved { files: vec![("image", file)], ..Reserved::default() };
    let (variables, _) = mapping.variables(reserved, &object(json!({}))).unwrap();
    let RenderedBody::Json { value, .. } = mapping.render(&variables).unwrap().body else {
        panic!("json")
    };
    assert!(value["u"].as_str().unwrap().starts_with("data:image/png;base64,AAAA"));
    assert!(value["b"].as_str().unwrap().starts_with("AAAA"));
}

#[test]
fn a_request_ends_at_its_limit() {
    let long = "x".repeat(MAX_RENDERED / 2);
    let template = json!({"a": "{x}", "b": "{x}", "c": "{x}"});
    assert_eq!(
        body(template, json!({"x": long})),
        json!("the request is over 1048576 bytes, files apart")
    );
    let url = format!("data:image/png;base64,{}", "A".repeat(2 * MAX_RENDERED));
    let template = json!({"a": "{x}"});
    assert_eq!(body(template, json!({"x": url})), json!({"a": url}));
    let many: Vec<String> = (0..64).map(|n| format!("m{n}")).collect();
    let template: Value = many.iter().map(|name| (name.clone(), json!("{x}"))).collect();
    assert_eq!(
        body(template, json!({"x": url})),
        json!("the files of the request are over 67108864 bytes")
    );
}

#[test]
fn a_preview_masks_the_key_and_tells_every_issue() {
    let mapping = parse(json!({
        "endpoint": "/chat/{model}", "unknown_options": "drop",
        "headers": {"accept": "text/plain"},
        "body": {"prompt": "{user_prompt}", "temperature": "{temperature}"},
        "defaults": {"temperature": 0.7}
    }));
    let input = json!({"prompt": "hi", "model": "m 1", "temperature": 0, "colour": "red"});
    insta::assert_json_snapshot!(mapping.preview(&object(input)), @r#"
    {
      "request": {
        "method": "POST",
        "url": "https://api.vendor.test/v1/chat/m%201",
        "headers": {
          "content-type": "application/json",
          "accept": "text/plain",
          "authorization": "Bearer ***"
        },
        "body": {
          "prompt": "hi",
          "temperature": 0
        }
      },
      "variables": {
        "model": "m 1",
        "temperature": 0,
        "user_prompt": "hi"
      },
      "issues": [
        {
          "pointer": "/colour",
          "reason": "this model has no such option; it was left out"
        }
      ]
    }
    "#);
    insta::assert_json_snapshot!(mapping.preview(&object(json!({"prompt": "hi"}))).issues, @r#"
    [
      {
        "pointer": "",
        "reason": "model is missing"
      }
    ]
    "#);
}
