use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{object, parse, provider};
use crate::mapping::PayloadMapping;
use crate::mapping::failure::MappedError;
use crate::mapping::poll::{Heard, PollError, Polling, Step, Wait};
use crate::mapping::variables::{Reserved, Variables};

/// A mapping that polls; `members` replaces those of its `response`.
fn polled(members: Value) -> Value {
    let mut response = object(json!({
        "kind": "poll",
        "endpoint": "/jobs/{job_id}",
        "every_ms": 1_000,
        "timeout_ms": 60_000,
        "status": "$.state",
        "done": ["done"],
        "failed": ["failed", "canceled"],
        "progress": "$.percent",
        "result": {"text": "$.text", "output_tokens": "$.tokens"},
        "cancel": {"endpoint": "/jobs/{job_id}/cancel"},
    }));
    response.extend(object(members));
    json!({
        "endpoint": "/jobs",
        "body": {"prompt": "{user_prompt}"},
        "response": response,
        "response_mapping": {"job_id": "$.id", "text": "$.text"},
        "error_mapping": {"message": "$.why", "code": "$.code", "refusal_on": ["unsafe"], "retry_on": ["busy"]},
    })
}

fn issues(mapping: &Value) -> Vec<String> {
    match PayloadMapping::parse(mapping, &provider()) {
        Ok(mapping) => mapping.check_examples().iter().map(ToString::to_string).collect(),
        Err(issues) => issues.iter().map(ToString::to_string).collect(),
    }
}

fn polling(mapping: Value) -> Polling {
    let mapping = parse(mapping);
    let reserved = Reserved {
        model: Some("owner/name".into()),
        user_prompt: Some("a prompt".into()),
        ..Reserved::default()
    };
    let (variables, _) = mapping.variables(reserved, &Map::new()).unwrap();
    Polling::new(Arc::new(mapping), &variables).unwrap().expect("it polls")
}

fn hear(polling: &mut Polling, body: Value) -> Result<Step, PollError> {
    polling.heard(&Heard { asked_ms: None, body: &body, headers: &[] })
}

#[track_caller]
fn waits(step: Result<Step, PollError>) -> Wait {
    match step.unwrap() {
        Step::Wait(wait) => *wait,
        other => panic!("it does not wait: {other:?}"),
    }
}

/// What is sent next: method, path and query.
#[track_caller]
fn sends(step: Result<Step, PollError>) -> String {
    let request = waits(step).request;
    let query = request.url.query().map(|query| format!("?{query}")).unwrap_or_default();
    format!("{} {}{query}", request.method, request.url.path())
}

#[track_caller]
fn done(step: Result<Step, PollError>) -> Value {
    match step.unwrap() {
        Step::Done(reply) => serde_json::to_value(reply).unwrap(),
        other => panic!("it is not done: {other:?}"),
    }
}

#[test]
fn every_fault_of_a_poll_is_told_with_its_place() {
    let found = issues(&polled(json!({
        "endpoint": "https://evil.test/{job_id}",
        "method": "FETCH",
        "headers": {"Host": "x"},
        "query": {"k": "{api_key}"},
        "every_ms": 60_001,
        "timeout_ms": "soon",
        "status": null,
        "done": [],
        "failed": [{}],
        "failed_if": {"equals": 1},
        "progress": "$[",
        "error": {"words": "$.why"},
        "result": {"text": "a b"},
        "result_request": {"endpoint": "/results", "body": {}},
        "cancel": {"endpoint": "/x/{job_id}/{messages}", "method": 1},
        "content_type": "text/plain",
    })));
    insta::assert_json_snapshot!(found, @r#"
    [
      "/response/content_type: unknown member; known here: kind, endpoint, method, query, headers, every_ms, timeout_ms, status, done, failed, failed_if, progress, error, result, result_request, cancel",
      "/response/every_ms: must be a whole number from 250 to 60000",
      "/response/timeout_ms: must be a whole number from 1000 to 86400000",
      "/response/status: expected a path, a constant or an object, found null",
      "/response: the member \"done\" is required",
      "/response/failed/0: expected text, found an object",
      "/response/error/words: unknown member; known here: message, code",
      "/response/failed_if: the member \"path\" is required",
      "/response/progress: not a path: at position 1, parser error",
      "/response/result/text: not a path: a path begins with $, or is names and numbers with dots between",
      "/response/endpoint: \"https://evil.test\" is neither the base URL's origin nor an allowed host by https",
      "/response/query/k: {api_key} may stand only in a header or query, and only where the provider says so",
      "/response/headers/Host: the header \"host\" cannot be set by a mapping",
      "/response/method: \"FETCH\" is not one of GET, POST, PUT, PATCH, DELETE",
      "/response/result_request/body: unknown member; known here: endpoint, method, query, headers",
      "/response/result_request: a request about a job has {job_id} in its endpoint, query or headers",
      "/response/cancel/method: expected a string, found a number",
      "/response/cancel: \"messages\" cannot be a variable here"
    ]
    "#);
    let twice = polled(json!({"failed": ["done"], "every_ms": 5_000, "timeout_ms": 4_000}));
    insta::assert_json_snapshot!(issues(&twice), @r#"
    [
      "/response/timeout_ms: timeout_ms is below every_ms: the job would never be asked about",
      "/response/failed: a status cannot mean both done and failed"
    ]
    "#);
}

#[test]
fn a_job_is_asked_about_until_it_is_done() {
    let mut polling = polling(polled(json!({})));
    assert_eq!(polling.cancel(), None);
    let wait = waits(hear(&mut polling, json!({"id": "j 1/x", "state": "new"})));
    assert_eq!((wait.after_ms, wait.status.as_deref()), (1_000, Some("new")));
    assert_eq!(wait.request.url.as_str(), "https://api.vendor.test/v1/jobs/j%201%2Fx");
    assert_eq!(wait.request.method, http::Method::GET);
    let cancel = polling.cancel().unwrap();
    assert_eq!(cancel.method, http::Method::POST);
    assert_eq!(cancel.url.path(), "/v1/jobs/j%201%2Fx/cancel");
    // A word in neither list, and none at all, is one more for "running".
    let wait = waits(hear(&mut polling, json!({"state": "thinking", "percent": 40})));
    assert_eq!((wait.progress, wait.status.as_deref()), (Some(40.0), Some("thinking")));
    assert_eq!(waits(hear(&mut polling, json!({"percent": {}}))).progress, None);
    let reply = done(hear(&mut polling, json!({"state": "done", "text": "Hi", "tokens": 3})));
    assert_eq!(reply, json!({"text": "Hi", "output_tokens": 3}));
}

#[test]
fn a_vendor_that_answers_at_once_is_not_polled() {
    let reply = done(hear(&mut polling(polled(json!({}))), json!({"text": "Hi"})));
    assert_eq!(reply, json!({"text": "Hi"}));
    // Ordered and done in one: a vendor that holds the call for a while.
    let held = json!({"id": 7, "state": "done", "text": "Hi", "tokens": 1});
    let reply = done(hear(&mut polling(polled(json!({}))), held));
    assert_eq!(reply, json!({"text": "Hi", "output_tokens": 1}));
    // "done" is this vendor's word for an order that was taken.
    let step = hear(&mut polling(polled(json!({}))), json!({"id": 7, "state": "done"}));
    assert_eq!(sends(step), "GET /v1/jobs/7");
}

#[test]
fn without_a_job_and_a_result_there_is_nothing_to_follow() {
    for body in [json!({}), json!({"id": null}), json!({"id": ""}), json!([])] {
        assert_eq!(hear(&mut polling(polled(json!({}))), body), Err(PollError::NoJob));
    }
    let long = json!({"id": "x".repeat(513)});
    assert_eq!(hear(&mut polling(polled(json!({}))), long), Err(PollError::JobId));
    for id in [".", "..", "{}"] {
        let step = hear(&mut polling(polled(json!({}))), json!({"id": id}));
        assert_eq!(step.is_err(), id != "{}", "{id}");
    }
    let step = hear(&mut polling(polled(json!({}))), json!({"id": {}}));
    assert!(matches!(step, Err(PollError::Reply(_))), "{step:?}");
}

#[test]
fn a_failed_job_says_why_and_what_its_code_means() {
    let failed = |members: Value, body: Value| {
        let mut polling = polling(polled(members));
        waits(hear(&mut polling, json!({"id": "j"})));
        match hear(&mut polling, body).unwrap() {
            Step::Failed(error) => error,
            other => panic!("it does not fail: {other:?}"),
        }
    };
    let told = |message: &str, code: Option<&str>| MappedError {
        code: code.map(str::to_owned),
        message: Some(message.into()),
        ..MappedError::default()
    };
    let body = json!({"state": "failed", "why": "no memory", "code": "oom"});
    assert_eq!(failed(json!({}), body), told("no memory", Some("oom")));
    let body = json!({"state": "canceled", "code": "unsafe"});
    assert!(failed(json!({}), body).refusal);
    let own = json!({"error": {"message": "$.error.text"}});
    let body = json!({"state": "failed", "error": {"text": "boom"}, "why": "another"});
    assert_eq!(failed(own, body), told("boom", None));
    // A vendor that calls a failed run done.
    let when = json!({"failed_if": {"path": "$.error"}, "error": {"message": "$.error"}});
    let body = json!({"state": "done", "error": "boom", "text": "half"});
    assert_eq!(failed(when, body), told("boom", None));
}

#[test]
fn a_result_may_stand_at_an_address_of_its_own() {
    let mut polling = polling(polled(json!({
        "endpoint": "/{model}/requests/{job_id}/status",
        "query": {"logs": "0"},
        "result_request": {"endpoint": "/{model}/requests/{job_id}"},
    })));
    let asks = "GET /v1/owner%2Fname/requests/j/status?logs=0";
    assert_eq!(sends(hear(&mut polling, json!({"id": "j", "state": "IN_QUEUE"}))), asks);
    let wait = waits(hear(&mut polling, json!({"state": "done", "text": "not this"})));
    assert_eq!((wait.after_ms, wait.request.url.path()), (0, "/v1/owner%2Fname/requests/j"));
    let lost = waits(polling.lost(None));
    assert_eq!((lost.after_ms, lost.request.url.path()), (1_000, "/v1/owner%2Fname/requests/j"));
    assert_eq!(done(hear(&mut polling, json!({"text": "Hi"}))), json!({"text": "Hi"}));
}

#[test]
fn a_lost_poll_is_repeated_ever_later_and_a_vendors_word_counts_as_the_least() {
    let mut polling = polling(polled(json!({})));
    let heard = Heard { asked_ms: Some(5_000), body: &json!({"id": "j"}), headers: &[] };
    assert_eq!(waits(polling.heard(&heard)).after_ms, 5_000);
    let lost: Vec<u64> = (0..5).map(|_| waits(polling.lost(None)).after_ms).collect();
    assert_eq!(lost, [1_000, 2_000, 4_000, 8_000, 8_000]);
    assert_eq!(waits(polling.lost(Some(20_000))).after_ms, 20_000);
    assert_eq!(waits(polling.lost(Some(86_400_000))).after_ms, 60_000);
    assert_eq!(waits(hear(&mut polling, json!({"state": "new"}))).after_ms, 1_000);
    assert_eq!(waits(polling.lost(None)).after_ms, 1_000);
}

#[test]
fn a_job_is_taken_up_again_by_its_id() {
    let mapping = Arc::new(parse(polled(json!({}))));
    let none = Variables::default();
    let mut polling = Polling::resume(mapping, &none, "j").unwrap().expect("it polls");
    assert_eq!(sends(polling.lost(None)), "GET /v1/jobs/j");
    assert_eq!(done(hear(&mut polling, json!({"state": "done"}))), json!({}));
    let whole = parse(json!({"endpoint": "/x", "method": "GET"}));
    assert!(Polling::new(Arc::new(whole), &none).unwrap().is_none());
    // A job that could not be asked about is not ordered.
    let mapping = Arc::new(parse(polled(json!({"query": {"region": "{region}"}}))));
    let error = Polling::new(mapping, &none).unwrap_err();
    assert_eq!(error.to_string(), "region is missing");
}

#[test]
fn answers_that_say_nothing_are_waited_out_five_in_a_row() {
    let mut polling = polling(polled(json!({"every_ms": 500})));
    hear(&mut polling, json!({"id": "j", "state": "new"})).unwrap();
    let odd = |polling: &mut Polling| {
        let step = polling.odd(None).unwrap();
        step.map(|step| waits(Ok(step)).after_ms)
    };
    // No sooner than after a second.
    let after = [Some(1_000), Some(2_000), Some(4_000), Some(8_000), None];
    assert_eq!([(); 5].map(|()| odd(&mut polling)), after);
    // One that says something begins the row anew.
    hear(&mut polling, json!({"state": "new"})).unwrap();
    assert_eq!(odd(&mut polling), Some(1_000));
}

#[test]
fn a_job_goes_on_from_paper_where_it_was() {
    let mapping =
        Arc::new(parse(polled(json!({"result_request": {"endpoint": "/results/{job_id}"}}))));
    let begun = Polling::new(mapping.clone(), &Variables::default()).unwrap().unwrap();
    assert_eq!(begun.keep().job_id(), None);
    let mut polling = begun;
    hear(&mut polling, json!({"id": "j", "state": "new"})).unwrap();
    polling.odd(None).unwrap();
    polling.lost(None).unwrap();
    let kept = polling.keep();
    assert_eq!(kept.job_id(), Some("j"));
    let again = |kept| Polling::restore(mapping.clone(), kept).unwrap().expect("it polls");
    let mut polling = again(&kept);
    assert_eq!(polling.keep(), kept);
    assert_eq!(waits(polling.odd(None).map(Option::unwrap)).after_ms, 2_000);
    assert_eq!(sends(hear(&mut polling, json!({"state": "done"}))), "GET /v1/results/j");
    let polling = again(&polling.keep());
    assert_eq!(polling.request().unwrap().url.path(), "/v1/results/j");
}

#[test]
fn a_jobs_id_has_512_bytes_at_most() {
    for (length, fits) in [(512, true), (513, false)] {
        let mut polling = polling(polled(json!({})));
        let step = hear(&mut polling, json!({"id": "j".repeat(length), "state": "new"}));
        assert_eq!(step.map(drop), if fits { Ok(()) } else { Err(PollError::JobId) });
    }
}

#[test]
fn a_failed_job_may_name_its_code_elsewhere() {
    let error = json!({"message": "$.error.text", "code": "$.error.kind"});
    let mut polling = polling(polled(json!({ "error": error })));
    hear(&mut polling, json!({"id": "j", "state": "new"})).unwrap();
    let failed = json!({"state": "failed", "error": {"text": "too bold", "kind": "unsafe"}});
    let Step::Failed(error) = hear(&mut polling, failed).unwrap() else { panic!("not failed") };
    assert_eq!(
        (error.message.as_deref(), error.code.as_deref()),
        (Some("too bold"), Some("unsafe"))
    );
    assert!(error.refusal && !error.retry);
}

#[test]
fn a_job_may_be_asked_about_once_in_its_time() {
    let once = json!({"every_ms": 2_000, "timeout_ms": 2_000});
    assert_eq!(issues(&polled(once)), Vec::<String>::new());
    let never = json!({"every_ms": 2_000, "timeout_ms": 1_999});
    assert_eq!(issues(&polled(never)).len(), 1);
}

#[test]
fn examples_follow_a_job_through_its_replies() {
    let with = |examples: Value| {
        let mut mapping = polled(json!({}));
        mapping["examples"] = examples;
        issues(&mapping)
    };
    let ordered = json!({"id": "j", "state": "new"});
    let asked = json!({"method": "GET", "url": "/jobs/j"});
    let good = json!([
        {"input": {"prompt": "Hi"}, "request": {"url": "/jobs", "body": {"prompt": "Hi"}},
         "response": ordered,
         "poll": [{"request": asked, "response": {"state": "new"}},
                  {"response": {"state": "done", "text": "Ho"}}],
         "output": {"text": "Ho"}},
        {"response": ordered, "poll": [{"response": {"state": "failed", "why": "oom"}}],
         "output": {"error": {"message": "oom", "retry": false, "refusal": false}}},
        {"response": ordered, "poll": [{"response": {"state": "half", "percent": 50}}],
         "output": {"waiting": true, "status": "half", "progress": 50}},
        {"status": 422, "response": {"why": "no prompt"},
         "output": {"error": {"message": "no prompt", "retry": false, "refusal": false}}},
    ]);
    assert_eq!(with(good), Vec::<String>::new());
    let bad = json!([
        {"response": ordered, "poll": [{"request": {"url": "/other"}, "response": {"state": "done", "text": "a"}}],
         "output": {"text": "b"}},
        {"response": {"text": "at once"}, "poll": [{"response": {}}], "output": {}},
        {"response": {}, "output": {}},
    ]);
    insta::assert_json_snapshot!(with(bad), @r#"
    [
      "/examples/0: poll/0/request/url: expected \"/other\", is \"/jobs/j\"\noutput/text: expected \"b\", is \"a\"",
      "/examples/1: output: poll/0 is left: the job has ended before it",
      "/examples/2: output: the reply has neither a job_id nor a result"
    ]
    "#);
    let mut plain = json!({"endpoint": "/x", "method": "GET"});
    plain["examples"] = json!([{"response": {}, "poll": [{"response": {}}], "output": {}}]);
    assert_eq!(issues(&plain), ["/examples/0: output: poll: this mapping polls nothing"]);
}

#[test]
fn a_preview_shows_the_requests_about_a_made_up_job() {
    let mapping = parse(polled(json!({"result_request": {"endpoint": "/results/{job_id}"}})));
    let preview = mapping.preview(&object(json!({"prompt": "Hi"})));
    insta::assert_json_snapshot!(preview.poll, @r#"
    {
      "job_id": "made-up-job",
      "every_ms": 1000,
      "timeout_ms": 60000,
      "request": {
        "method": "GET",
        "url": "https://api.vendor.test/v1/jobs/made-up-job",
        "headers": {
          "authorization": "Bearer ***"
        },
        "body": null
      },
      "result_request": {
        "method": "GET",
        "url": "https://api.vendor.test/v1/results/made-up-job",
        "headers": {
          "authorization": "Bearer ***"
        },
        "body": null
      },
      "cancel": {
        "method": "POST",
        "url": "https://api.vendor.test/v1/jobs/made-up-job/cancel",
        "headers": {
          "authorization": "Bearer ***"
        },
        "body": null
      }
    }
    "#);
    let preview = mapping.preview(&object(json!({"prompt": "Hi", "job_id": "j-1"})));
    assert!(preview.poll.unwrap().request.url.ends_with("/jobs/j-1"));
    let whole = parse(json!({"endpoint": "/x", "method": "GET"}));
    assert_eq!(whole.preview(&Map::new()).poll, None);
}

proptest! {
    #[test]
    fn whatever_a_vendor_answers_its_job_is_asked_about_at_its_own_host(
        id in r"[a-z./\\%?#@: é]{0,20}", states in proptest::collection::vec("done|failed|new|[a-z]{0,3}", 0..6),
        text in any::<Option<String>>(),
    ) {
        let mut polling = polling(polled(json!({"result_request": {"endpoint": "/results/{job_id}"}})));
        let mut step = hear(&mut polling, json!({"id": id, "text": text}));
        for state in states {
            let Ok(Step::Wait(wait)) = &step else { break };
            for request in [Some(wait.request.clone()), polling.cancel()].into_iter().flatten() {
                prop_assert_eq!(request.url.host_str(), Some("api.vendor.test"));
                prop_assert!(request.url.query().is_none() && request.url.fragment().is_none());
                prop_assert!(request.url.path().starts_with("/v1/jobs/") || request.url.path().starts_with("/v1/results/"));
            }
            prop_assert!(wait.after_ms <= 60_000);
            step = hear(&mut polling, json!({"state": state, "text": text}));
        }
    }
}
