//! Markup that was stored or sent back, and run in somebody's browser: no answer of ours is a page.
//!
//! That pages show it as text is tried in a browser: `interfaces/browser/src/planted.spec.ts`.

use de_contract::{control::Control, document::catalogue::committed, stack::Stack, wire::Wire};
use de_testkit::client::TestResponse;
use http::Method;
use serde_json::json;

use super::escaped;

const MARKUP: &str = "<script>alert(1)</script><svg onload=alert(1)>";

#[track_caller]
fn is_no_page(answer: &TestResponse) {
    let kind = answer.header("content-type");
    let harmless = ["application/json", "text/event-stream", "text/plain", "text/csv"];
    let is_harmless =
        answer.body.is_empty() || harmless.iter().any(|known| kind.starts_with(known));
    assert!(is_harmless, "{kind}: {}", answer.text());
    assert_eq!(answer.header("x-content-type-options"), "nosniff", "{}", answer.text());
}

#[test]
fn no_operation_is_described_that_answers_with_a_page() {
    for operation in &committed().operations {
        for (status, answer) in operation.value["responses"].as_object().unwrap() {
            let answer = committed().resolve(answer);
            for kind in answer["content"].as_object().into_iter().flat_map(|kinds| kinds.keys()) {
                let runs =
                    ["html", "svg", "xml", "javascript"].iter().any(|word| kind.contains(word));
                assert!(!runs, "{} {} {status}: {kind}", operation.method, operation.path);
            }
        }
    }
}

#[tokio::test]
async fn markup_that_is_stored_or_sent_back_is_never_a_page() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let tenant = control.tenant().await;
    let project = json!({"instance_id": tenant.instance, "name": MARKUP});
    let project = control.make("projects", project).await;
    assert_eq!(project["name"], MARKUP);
    let html = |method: Method, path: &str| {
        // As a browser asks that was led there.
        stack.admin().request(method, path).header("accept", "text/html,*/*;q=0.1")
    };
    let shown = format!("/v1/projects/{}", project["id"].as_str().unwrap());
    let step = escaped(MARKUP);
    for path in [
        shown,
        format!("/v1/projects?instance_id={}", tenant.instance),
        format!("/v1/projects/{step}"),
        format!("/v1/projects?{step}={step}"),
        format!("/v1/projects?cursor={step}"),
        format!("/v1/models/{step}"),
        format!("/assets/{step}?expires={step}&signature={step}"),
        format!("/{step}"),
        format!("/v1/usage?group_by={step}"),
        format!("/v1/requests/{step}"),
        "/v1/usage?group_by=model_id&format=csv".to_owned(),
        "/v1/metrics".to_owned(),
        "/health".to_owned(),
        "/v1/openapi.json".to_owned(),
    ] {
        is_no_page(&html(Method::GET, &path).send().await.unwrap());
    }
    // The runtime refuses a verb that it does not know by itself, in words of its own.
    if !stack.is_real {
        let verb = Method::from_bytes(b"MARKUP").unwrap();
        is_no_page(&html(verb, "/v1/projects").send().await.unwrap());
    }
    let body = json!({MARKUP: MARKUP, "name": MARKUP});
    is_no_page(&html(Method::POST, "/v1/projects").json(&body).send().await.unwrap());
    let request = html(Method::POST, "/v1/projects").header("content-type", MARKUP).body(MARKUP);
    is_no_page(&request.send().await.unwrap());
    for wire in Wire::ALL {
        for streamed in [false, true] {
            let call = stack.call(wire, "gpt-4o-mini", MARKUP).header("accept", "text/html");
            let call = if streamed { call.streamed() } else { call };
            is_no_page(&call.send().await.good().response);
            is_no_page(&stack.call(wire, MARKUP, MARKUP).send().await.response);
            is_no_page(
                &stack
                    .call(wire, "gpt-4o-mini", MARKUP)
                    .member(MARKUP, MARKUP)
                    .send()
                    .await
                    .response,
            );
        }
    }
}

/// Pictures that are pages in truth: none is taken in, and so none goes out.
#[tokio::test]
async fn no_asset_comes_of_a_file_that_a_browser_runs() {
    let stack = Stack::ready().await;
    for (name, bytes) in [
        ("a.svg", "<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"alert(1)\"/>"),
        ("a.png", "<!doctype html><script>alert(1)</script>"),
        ("a.png", "<?xml version=\"1.0\"?><svg/>"),
        ("a.png", "GIF89a/*<svg onload=alert(1)>*/=alert(1)//"),
        ("a.pdf", "%PDF-1.7\n<script>"),
    ] {
        let body = format!(
            "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\ngpt-image-2\r\n\
             --b\r\nContent-Disposition: form-data; name=\"prompt\"\r\n\r\nx\r\n\
             --b\r\nContent-Disposition: form-data; name=\"image\"; filename=\"{name}\"\r\n\
             Content-Type: image/png\r\n\r\n{bytes}\r\n--b--\r\n"
        );
        let request = stack.client().request(Method::POST, "/v1/images/edits");
        let request = request.header("content-type", "multipart/form-data; boundary=b").body(body);
        let told = request.send().await.unwrap();
        assert_eq!(told.status, 400, "{name}: {}", told.text());
        is_no_page(&told);
    }
}
