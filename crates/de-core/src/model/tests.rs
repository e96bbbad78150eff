use serde_json::json;

use super::*;

fn full() -> Value {
    json!({
        "model_id": "gpt-4o-mini", "provider_id": "openai", "display_name": "GPT-4o mini",
        "description": "Small.", "protocol": "openai-chat", "upstream_model": "gpt-4o-mini",
        "capabilities": {"text": true, "image": false, "vision": true},
        "context_window": 128000, "max_output_tokens": 16384, "default_max_output_tokens": 4096,
        "pricing": {"currency": "USD", "input_micros_per_million_tokens": 150000},
        "rate_limits": {"concurrent_requests": 100, "rpm": 500, "tpm": 0},
        "aliases": ["small"], "fallbacks": ["gpt-5.4-mini"],
        "timeouts": {"between_chunks_ms": 5, "first_byte_ms": 10, "total_ms": 20},
        "on_unsupported": "drop", "unknown_options": "reject", "status": "deprecated",
        "deprecated_at": "2026-11-01T08:00:00.000Z", "deprecation_date": "2027-01-14", "version": 3
    })
}

/// Rows, exports and seeds hold this form: what was read must come out again.
#[test]
fn json_form_is_stable() {
    let config = ModelConfig::parse(&full()).unwrap();
    assert_eq!(config.to_json(), full());
    assert_eq!(serde_json::from_value::<ModelConfig>(config.to_json()).unwrap(), config);
    assert!(!config.to_row().contains("version"));
    assert_eq!(config.rate_limits.tpm, Some(0));
}

#[test]
fn what_is_absent_is_filled_in() {
    let config = ModelConfig::parse(&json!({
        "model_id": "a", "provider_id": "p", "display_name": "A", "protocol": "ideogram",
        "capabilities": {"embeddings": true, "tools": null}, "description": null
    }))
    .unwrap();
    assert_eq!(config.upstream_model, "a");
    assert_eq!((config.status, config.version), (Status::Active, 1));
    assert_eq!(config.modalities(), [Modality::Text]);
    assert!(config.works_in(Modality::Text) && !config.works_in(Modality::Image));
    assert!(!config.is_built() && Protocol::Mapped.is_built_for(Modality::Text));
    assert_eq!((config.output_bound(None), config.output_bound(Some(9))), (4_096, 9));
    let deadlines = config.timeouts.deadlines();
    assert_eq!((deadlines.first_byte_ms, deadlines.total_ms), (120_000, 600_000));
}

#[track_caller]
fn check(change: &Value, expected: &[&str]) {
    let (mut config, Value::Object(change)) = (full(), change.clone()) else { panic!("an object") };
    config.as_object_mut().unwrap().extend(change);
    let issues = ModelConfig::parse(&config).unwrap_err();
    let told: Vec<String> = issues.iter().map(|i| format!("{} {}", i.pointer, i.reason)).collect();
    assert_eq!(told, expected);
}

#[test]
fn c31_unknown_members_are_refused_by_name() {
    let timeouts = "is unknown; there are between_chunks_ms, first_byte_ms, total_ms";
    let issue = |change: Value| {
        let (mut config, Value::Object(change)) = (full(), change) else { panic!("an object") };
        config.as_object_mut().unwrap().extend(change);
        ModelConfig::parse(&config).unwrap_err().remove(0)
    };
    check(&json!({"timeouts": {"total": 1}}), &[format!("/timeouts/total {timeouts}").as_str()]);
    for (change, pointer) in [
        (json!({"colour": 1}), "/colour"),
        (json!({"a/b~": 1}), "/a~1b~0"),
        (json!({"capabilities": {"text": true, "smell": true}}), "/capabilities/smell"),
    ] {
        let issue = issue(change);
        assert_eq!(issue.pointer, pointer);
        assert!(issue.reason.starts_with("is unknown; there are "), "{}", issue.reason);
    }
}

#[test]
fn every_fault_is_named_at_once() {
    check(
        &json!({
            "model_id": "-x", "display_name": null, "protocol": "smtp", "max_output_tokens": 1.5,
            "aliases": ["ok", "No", "ok"], "rate_limits": [], "deprecation_date": "soon",
            "status": 5, "capabilities": {"text": "yes"}
        }),
        &[
            "/model_id not a model id: expected a-z 0-9 . _ : / - (at most 100, first a letter or digit)",
            "/display_name is required",
            &format!("/protocol expected {}", Protocol::expected()),
            "/capabilities/text expected a boolean, found a string",
            "/max_output_tokens expected a whole number of at least 1",
            "/rate_limits expected an object, found a list",
            "/aliases/1 not a model id: expected a-z 0-9 . _ : / - (at most 100, first a letter or digit)",
            "/aliases/2 stands here twice",
            "/status expected a string, found a number",
            "/deprecation_date expected a date like 2027-01-14",
            "/capabilities at least one of text, image, audio, video, embeddings, transcription must be true",
        ],
    );
}

#[test]
fn members_must_fit_together() {
    check(
        &json!({"protocol": "mapped"}),
        &["/payload_mapping is required when protocol is mapped"],
    );
    check(
        &json!({"default_max_output_tokens": 20000}),
        &["/default_max_output_tokens is over max_output_tokens, 16384"],
    );
    check(&json!({"fallbacks": ["gpt-4o-mini"]}), &["/fallbacks/0 is the model itself"]);
    assert_eq!(
        ModelConfig::parse(&json!([])).unwrap_err()[0].reason,
        "expected an object, found a list"
    );
}

#[test]
fn c32_saving_knows_since_when_a_model_is_deprecated() {
    let now = UnixMillis(1_795_608_000_000);
    let with = |status, deprecated_at: Option<UnixMillis>| {
        let config = ModelConfig::parse(&full()).unwrap();
        ModelConfig { status, deprecated_at: deprecated_at.map(Timestamp), ..config }
    };
    let day = UnixMillis(1_793_520_000_000);
    let rows = [
        // What it was, what it becomes, since when.
        ((Status::Active, None), (Status::Deprecated, None), Some(now)),
        ((Status::Active, None), (Status::Deprecated, Some(day)), Some(day)),
        ((Status::Deprecated, Some(day)), (Status::Deprecated, None), Some(day)),
        ((Status::Deprecated, None), (Status::Deprecated, None), None),
        ((Status::Deprecated, Some(day)), (Status::Active, Some(day)), None),
        ((Status::Deprecated, Some(day)), (Status::Disabled, Some(day)), None),
    ];
    for (was, becomes, since) in rows {
        let saved = with(becomes.0, becomes.1).after(&with(was.0, was.1), now);
        assert_eq!(saved.deprecated_at, since.map(Timestamp), "{was:?} {becomes:?}");
    }
    let ends = Date::parse("2027-01-14").unwrap().begins_at();
    assert_eq!(with(Status::Deprecated, Some(day)).deprecated_since(), Some(day));
    assert_eq!(with(Status::Deprecated, None).deprecated_since(), Some(ends));
    assert_eq!(with(Status::Beta, Some(day)).deprecated_since(), None);
}

#[test]
fn fallbacks_are_ids_or_say_after_which_failures_they_serve() {
    let mut config = full();
    config["fallbacks"] =
        json!(["a", {"model_id": "b", "on": ["timeout", "context_length"]}, {"model_id": "c"}]);
    let read = ModelConfig::parse(&config).unwrap();
    // In the order of the words, and in the shortest form: exports of one config are one text.
    let expected = json!(["a", {"model_id": "b", "on": ["context_length", "timeout"]}, "c"]);
    assert_eq!(read.to_json()["fallbacks"], expected);
    assert_eq!(serde_json::from_value::<ModelConfig>(read.to_json()).unwrap(), read);
    let classes = "auth, content_refused, context_length, error, rate_limit, timeout, unavailable, unsupported";
    check(
        &json!({"fallbacks": [
            "a", {"model_id": "a"}, {"model_id": "gpt-4o-mini"}, 7, "No", {"on": ["error"]},
            {"model_id": "d", "on": []}, {"model_id": "e", "on": ["late", "error", "error"]},
            {"model_id": "f", "when": 1}
        ]}),
        &[
            "/fallbacks/3 expected a model id or an object, found a number",
            "/fallbacks/4 not a model id: expected a-z 0-9 . _ : / - (at most 100, first a letter or digit)",
            "/fallbacks/5/model_id is required",
            "/fallbacks/6/on must not be empty",
            &format!("/fallbacks/7/on/0 expected one of {classes}"),
            "/fallbacks/7/on/2 stands here twice",
            "/fallbacks/8/when is unknown; there are model_id, on",
            "/fallbacks/2 is the model itself",
            "/fallbacks/1 stands here twice",
        ],
    );
}

#[test]
fn a_circuit_is_the_usual_one_unless_the_config_says_otherwise() {
    let with = |circuit: Value| {
        let mut config = full();
        config["circuit_breaker"] = circuit;
        ModelConfig::parse(&config).unwrap()
    };
    let usual = CircuitBreaker { failures: 5, open_ms: 10_000, window_ms: 60_000 };
    assert_eq!(ModelConfig::parse(&full()).unwrap().circuit_breaker, usual);
    assert_eq!(with(json!({})).circuit_breaker, usual);
    assert!(with(json!({})).to_json().get("circuit_breaker").is_none());
    for off in [json!(null), json!({"failures": 0})] {
        let config = with(off);
        assert!(config.circuit_breaker.is_off());
        assert_eq!(serde_json::from_value::<ModelConfig>(config.to_json()).unwrap(), config);
    }
    let quick = with(json!({"failures": 2, "open_ms": 2_000}));
    assert_eq!(quick.circuit_breaker, CircuitBreaker { failures: 2, open_ms: 2_000, ..usual });
    check(
        &json!({"circuit_breaker": {"failures": -1, "window_ms": 1, "open_ms": 1_999, "rate": 1}}),
        &[
            "/circuit_breaker/failures expected a whole number from 0 to 1000",
            "/circuit_breaker/open_ms expected a whole number from 2000 to 600000",
            "/circuit_breaker/window_ms expected a whole number from 1000 to 3600000",
            "/circuit_breaker/rate is unknown; there are failures, open_ms, window_ms",
        ],
    );
}

#[test]
fn a_routing_says_who_serves_which_part_of_the_calls() {
    let with = |routing: Value| {
        let mut config = full();
        config["routing"] = routing;
        ModelConfig::parse(&config)
    };
    assert!(with(json!({})).unwrap().to_json().get("routing").is_none());
    let whole = json!({
        "hedge_after_ms": 800, "sticky": "user",
        "split": [{"model_id": "gpt-4o-mini", "weight": 90}, {"model_id": "b", "weight": 0}],
    });
    let read = with(whole.clone()).unwrap();
    assert_eq!(read.to_json()["routing"], whole);
    assert_eq!(serde_json::from_value::<ModelConfig>(read.to_json()).unwrap(), read);
    let many: Vec<Value> =
        (0..17).map(|place| json!({"model_id": format!("m{place}"), "weight": 1})).collect();
    assert!(with(json!({"split": many[1..]})).is_ok());
    for (routing, expected) in [
        (json!({"split": many}), &["/routing/split has 17 items; at most 16 are allowed"][..]),
        (
            json!({"split": [
                {"model_id": "a", "weight": 1}, {"model_id": "a", "weight": 2}, "b",
                {"model_id": "No", "weight": 1_001}, {"model_id": "c", "weight": 0.5, "region": "eu"},
                {}
            ]}),
            &[
                "/routing/split/2 expected an object, found a string",
                "/routing/split/3/model_id not a model id: expected a-z 0-9 . _ : / - (at most 100, first a letter or digit)",
                "/routing/split/3/weight expected a whole number from 0 to 1000",
                "/routing/split/4/weight expected a whole number from 0 to 1000",
                "/routing/split/4/region is unknown; there are model_id, weight",
                "/routing/split/5/model_id is required",
                "/routing/split/5/weight is required",
                "/routing/split/1/model_id stands here twice",
            ],
        ),
        (
            json!({"split": [{"model_id": "a", "weight": 0}]}),
            &["/routing/split at least one weight must be over 0"],
        ),
        (
            json!({"sticky": "moon", "hedge_after_ms": 5, "weights": []}),
            &[
                "/routing/hedge_after_ms expected a whole number from 10 to 600000",
                "/routing/sticky expected one of conversation, key, user",
                "/routing/weights is unknown; there are hedge_after_ms, split, sticky",
            ],
        ),
        (json!({"sticky": "key"}), &["/routing/sticky needs a split"]),
        (json!([]), &["/routing expected an object, found a list"]),
    ] {
        check(&json!({"routing": routing}), expected);
    }
}

#[test]
fn a_row_of_a_newer_version_is_read_as_far_as_it_is_known() {
    let mut row = full();
    row["colour"] = json!("blue");
    row["circuit_breaker"] = json!({"failures": 2, "rate": 0.5});
    row["routing"] = json!({
        "split": [{"model_id": "a", "weight": 1, "region": "eu"}], "by": {"tag": "x"},
    });
    row["fallbacks"] = json!([{"model_id": "b", "when": {"hour": 3}}]);
    row["timeouts"] = json!({"total_ms": 20, "queue_ms": 5});
    assert!(ModelConfig::parse(&row).is_err());
    let read = ModelConfig::of_row(&row).unwrap();
    assert_eq!(read.circuit_breaker.failures, 2);
    assert_eq!(read.routing.split[0].weight, 1);
    assert_eq!((read.fallbacks[0].model_id.as_str(), &read.fallbacks[0].on), ("b", &None));
    assert_eq!(read.timeouts.total_ms, Some(20));
    assert!(ModelConfig::parse(&read.to_json()).is_ok());
    // What is known has to be right, and of a price all has to be.
    for (name, wrong) in [
        ("routing", json!({"split": [{"model_id": "a", "weight": -1}]})),
        ("pricing", json!({"currency": "USD", "dreams_micros": 1})),
    ] {
        let mut row = row.clone();
        row[name] = wrong;
        assert!(ModelConfig::of_row(&row).is_err(), "{name}");
    }
}
