//! What {{title}} makes of a call.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "tests")]

use de_core::{
    {{call_path}},
    model::{Modality, OnUnsupported, Protocol},
    protocols::{MaxTokensField, SeedField, Target, Vendor, {{module}}::{{Type}}Vendor},
};

fn target() -> Target {
    Target {
        reasoning: None,
        reasoning_budget: None,
        reasoning_effort: None,
        sampling_params: None,
        default_max_output_tokens: 1,
        max_tokens_field: MaxTokensField::MaxCompletionTokens,
        on_unsupported: OnUnsupported::Reject,
        seed_field: SeedField::Seed,
        takes_thoughts: false,
        takes_user: true,
        thinking_always_on: None,
        unknown_options: OnUnsupported::Reject,
        upstream_model: "{{name}}-1".to_owned(),
    }
}

#[test]
fn what_is_not_written_is_refused_and_says_where_it_belongs() {
    let issues = {{refused}}.unwrap_err();
    assert_eq!(issues[0].pointer, "/model");
    let place = "crates/de-core/src/protocols/{{module}}.rs";
    assert!(issues[0].reason.contains(place), "{}", issues[0].reason);
}

#[test]
fn no_model_of_it_is_called_before_it_is_written() {
    for modality in Modality::ALL {
        assert!(!Protocol::{{Type}}.is_built_for(*modality), "{modality}");
    }
}

#[test]
fn an_error_is_read_whatever_it_is() {
    for body in ["", "{", "[]", "null", "<html>", "\u{0}", r#"{"error": {"message": 5}}"#] {
        for status in [400, 401, 429, 500] {
            // By its status alone no refusal is one for safety.
            assert!(!{{Type}}Vendor.error(status, body.as_bytes()).refused, "{status} {body}");
        }
    }
}
