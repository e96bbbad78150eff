//! Shotstack's side: an order goes out, and its state is read until there is a film.

use std::sync::Arc;

use de_core::{
    calls::{Made, RenderCall},
    mapping::{
        AuthScheme, ProviderRules,
        poll::{Heard, Step},
    },
    model::OnUnsupported,
    protocols::{
        MaxTokensField, Place, SeedField, Target, Vendor, VendorError, shotstack::ShotstackVendor,
    },
    receipt::Usage,
};
use serde_json::{Map, Value, json};
use url::Url;

const ID: &str = "11111111-1111-4111-8111-111111111111";

fn vendor() -> Arc<dyn Vendor> {
    let rules = ProviderRules {
        allowed_hosts: Vec::new(),
        auth: AuthScheme::Header { name: "x-api-key".to_owned() },
        base_url: Url::parse("https://api.shotstack.io/edit/stage").unwrap(),
        mapping_sees_key: false,
    };
    Arc::new(ShotstackVendor::new(&rules).unwrap())
}

fn target() -> Target {
    Target {
        default_max_output_tokens: 0,
        max_tokens_field: MaxTokensField::MaxTokens,
        on_unsupported: OnUnsupported::Reject,
        reasoning: None,
        reasoning_budget: None,
        reasoning_effort: None,
        sampling_params: None,
        seed_field: SeedField::Seed,
        takes_thoughts: false,
        takes_user: false,
        thinking_always_on: None,
        unknown_options: OnUnsupported::Reject,
        upstream_model: "edit-stage".to_owned(),
    }
}

fn call() -> RenderCall {
    let clip = json!({"asset": {"type": "image", "src": "https://example.test/a.jpg"}, "start": 0, "length": 2});
    let edit = json!({"timeline": {"tracks": [{"clips": [clip]}]}, "output": {"format": "mp4", "resolution": "sd"}});
    RenderCall { edit: edit.as_object().cloned().unwrap() }
}

fn state(status: &str, more: Value) -> Value {
    let mut response = json!({
        "id": ID, "owner": "o1", "plan": "basic", "status": status, "error": "", "duration": 2, "renderTime": 4100,
        "url": null, "poster": null, "thumbnail": null,
    });
    for (name, value) in more.as_object().into_iter().flatten() {
        response[name] = value.clone();
    }
    json!({"success": true, "message": "OK", "response": response})
}

#[test]
fn an_order_is_the_edit_and_where_to_call() {
    let vendor = vendor();
    let renders = vendor.renders().unwrap();
    let draft = renders.request(&call(), None, &target()).unwrap();
    assert_eq!((draft.method.as_str(), draft.place), ("POST", Place::Path("/render".to_owned())));
    let body: Map<String, Value> = serde_json::from_slice(&draft.body).unwrap();
    assert_eq!(body, call().edit);
    let callback = Url::parse("https://de.example/render/render/callbacks/job_a.x").unwrap();
    let draft = renders.request(&call(), Some(&callback), &target()).unwrap();
    let body: Value = serde_json::from_slice(&draft.body).unwrap();
    assert_eq!(body["callback"], callback.as_str());
}

#[test]
fn a_render_goes_from_state_to_state() {
    let vendor = vendor();
    let renders = vendor.renders().unwrap();
    let mut polling = renders.request(&call(), None, &target()).unwrap().polling.unwrap();
    let mut hear =
        |body: &Value| polling.heard(&Heard { asked_ms: None, body, headers: &[] }).unwrap();
    let created = json!({"success": true, "message": "Created", "response": {"message": "Render Successfully Queued", "id": ID}});
    let Step::Wait(wait) = hear(&created) else { panic!("it is ordered") };
    let asks = "https://api.shotstack.io/edit/stage/render/11111111-1111-4111-8111-111111111111?data=false";
    assert_eq!((wait.request.method.as_str(), wait.request.url.as_str()), ("GET", asks));
    for (status, progress) in
        [("queued", 5.0), ("fetching", 20.0), ("rendering", 50.0), ("saving", 90.0)]
    {
        let Step::Wait(wait) = hear(&state(status, json!({}))) else { panic!("{status}") };
        assert_eq!((wait.status.as_deref(), wait.progress), (Some(status), Some(progress)));
    }
    let Step::Wait(wait) = hear(&state("mixing", json!({}))) else { panic!("a new word") };
    assert_eq!((wait.status.as_deref(), wait.progress), (Some("mixing"), None));
    let kept = serde_json::from_value(serde_json::to_value(polling.keep()).unwrap()).unwrap();
    let mut polling = vendor.resume(&kept).unwrap().unwrap();
    let done = state(
        "done",
        json!({"url": "https://example.test/o1.mp4", "duration": 2.04, "poster": "https://example.test/p.jpg"}),
    );
    let heard = polling.heard(&Heard { asked_ms: None, body: &done, headers: &[] }).unwrap();
    let Step::Done(reply) = heard else { panic!("it is done") };
    let reply = renders.ordered(&call(), *reply).unwrap();
    assert_eq!(reply.made, Some(Made::Url("https://example.test/o1.mp4".to_owned())));
    assert_eq!(reply.poster, Some(Made::Url("https://example.test/p.jpg".to_owned())));
    assert_eq!(reply.thumbnail, None);
    assert_eq!(reply.usage, Some(Usage { media_ms: 2_040, requests: 1, ..Usage::default() }));
}

#[test]
fn a_render_that_fails_says_why_and_one_without_a_film_is_none() {
    let vendor = vendor();
    let renders = vendor.renders().unwrap();
    let hear = |body: &Value| {
        let mut polling = renders.request(&call(), None, &target()).unwrap().polling.unwrap();
        let created = json!({"response": {"id": ID}});
        polling.heard(&Heard { asked_ms: None, body: &created, headers: &[] }).unwrap();
        polling.heard(&Heard { asked_ms: None, body, headers: &[] }).unwrap()
    };
    let Step::Failed(error) = hear(&state("failed", json!({"error": "An asset is missing."})))
    else {
        panic!("it has failed")
    };
    assert_eq!(error.message.as_deref(), Some("An asset is missing."));
    let Step::Done(reply) = hear(&state("done", json!({}))) else { panic!("it is done") };
    assert!(renders.ordered(&call(), *reply).is_err());
}

#[test]
fn errors_come_in_two_forms() {
    let vendor = vendor();
    let told = |code: Option<&str>, message: &str| VendorError {
        code: code.map(str::to_owned),
        message: Some(message.to_owned()),
        ..VendorError::default()
    };
    let of = |error: &str, message: &str| {
        let response = json!({"error": error, "message": message, "details": []});
        json!({"success": false, "message": "Bad Request", "response": response}).to_string()
    };
    let invalid = of("ValidationError", "\"timeline\" is required");
    let read = vendor.error(400, invalid.as_bytes());
    assert_eq!(read, told(Some("ValidationError"), "\"timeline\" is required"));
    for status in [401, 403] {
        assert_eq!(vendor.error(status, br#"{"message": "Forbidden"}"#), told(None, "Forbidden"));
    }
    let broke = vendor.error(402, of("credit_error", "No credits left").as_bytes());
    assert_eq!(
        broke,
        VendorError { out_of_money: true, ..told(Some("credit_error"), "No credits left") }
    );
    let slow = vendor.error(429, of("rate_limit_error", "Too many").as_bytes());
    assert_eq!(slow, told(Some("rate_limit_error"), "Too many"));
    assert_eq!(vendor.error(500, b"<html>"), VendorError::default());
}
