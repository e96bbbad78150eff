//! The log: one line a request and worker, at its end, whatever that is; and the trace that it stands in.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what does not hold ends the test"
)]

use de_contract::{control::Control, leave::Leave, stack::Stack, wait::unique, wire::Wire};
use de_core::log::{Ending, Event, Level};
use serde_json::json;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";

#[tokio::test]
async fn a_whole_answer_has_one_line_in_each_worker_with_what_it_came_to() {
    let stack = Stack::ready().await;
    for wire in Wire::ALL {
        let call = stack.call(wire, "gpt-4o-mini", "Hello").by_front_door();
        let answer = call.send().await.good();
        let lines = stack.lines(&answer.request_id, 2).await;
        let [line, door] = lines.as_slice() else { panic!("two lines") };
        assert_eq!(door.service, "config");
        assert_eq!(door.forwarded_to.as_deref(), Some("text"));
        assert_eq!(
            (line.service.as_str(), line.event, line.level),
            ("text", Event::Request, Level::Info)
        );
        assert_eq!((line.status, line.outcome), (Some(200), Some(Ending::Ok)));
        assert_eq!(line.streamed, Some(false));
        assert_eq!(line.model_id.as_deref(), Some("gpt-4o-mini"));
        assert_eq!(line.provider_id.as_deref(), Some("openai"));
        assert_eq!((line.attempts, line.fallback), (Some(1), Some(false)));
        let row = stack.books.row(&answer.request_id).await;
        assert_eq!(json!(line.input_tokens), row["input_tokens"]);
        assert_eq!(json!(line.output_tokens), row["output_tokens"]);
        assert_eq!(json!(line.cost_micros), row["cost_micros"]);
        for (noted, name) in [
            (&line.organization_id, "organization_id"),
            (&line.instance_id, "instance_id"),
            (&line.project_id, "project_id"),
            (&line.api_key_id, "api_key_id"),
            (&line.receipt_id, "receipt_id"),
        ] {
            assert_eq!(json!(noted), row[name], "{name}");
        }
        assert!(line.duration_ms >= line.upstream_ms, "{line:?}");
    }
}

#[tokio::test]
async fn a_stream_has_its_line_when_it_ends_with_what_is_known_then() {
    let stack = Stack::ready().await;
    for wire in Wire::ALL {
        let rows = [("", Ending::Ok, Level::Info), ("cut:3 ", Ending::Cut, Level::Warn)];
        for (trouble, ending, level) in rows {
            let prompt = format!("{trouble}chunks:7 one two three");
            let call = stack.call(wire, "gpt-4o-mini", &prompt).streamed();
            let answer = call.send().await;
            let line = stack.lines(&answer.request_id, 1).await.remove(0);
            assert_eq!((line.status, line.streamed), (Some(200), Some(true)), "{wire:?} {line:?}");
            assert_eq!((line.outcome, line.level), (Some(ending), level), "{wire:?} {line:?}");
            assert!(line.first_byte_ms.is_some() && line.first_byte_ms <= line.duration_ms);
            let row = stack.books.row(&answer.request_id).await;
            assert_eq!(json!(line.output_tokens), row["output_tokens"]);
            assert_eq!(json!(line.error_code), row["error_code"]);
        }
    }
}

#[tokio::test]
async fn a_caller_who_leaves_is_told_of_once() {
    let stack = Stack::ready().await;
    let midway = stack.call(Wire::Native, "gpt-4o-mini", "gap:30s chunks:5 Hello").streamed();
    midway.leave_midway(Leave::ByReset).await;
    let early = stack.call(Wire::Native, "gpt-4o-mini", "slow:30s Hello");
    early.leave_early(Leave::ByReset).await;
    for (call, status) in [(&midway, 200), (&early, 499)] {
        let row = stack.books.row(&call.request_id).await;
        assert_eq!(row["status"], "cancelled");
        let line = stack.lines(&call.request_id, 1).await.remove(0);
        assert_eq!((line.status, line.outcome), (Some(status), Some(Ending::Cancelled)));
        assert_eq!(line.error_code.as_deref(), Some("CLIENT_LEFT"));
    }
}

#[tokio::test]
async fn failures_have_their_code_and_strangers_a_line_too() {
    let stack = Stack::ready().await;
    let rows = [
        (stack.call(Wire::Native, "gpt-4o-mini", "fail:400 x"), 400, Some(Level::Info)),
        (stack.call(Wire::Native, "no-such-model", "x"), 404, Some(Level::Info)),
        (stack.call(Wire::Native, "gpt-4o-mini", "x").without_key(), 401, Some(Level::Info)),
        (stack.call(Wire::Native, "gpt-4o-mini", "fail:500 x"), 502, None),
    ];
    for (call, status, level) in rows {
        let answer = call.send().await;
        assert_eq!(answer.response.status, status, "{}", answer.response.text());
        let line = stack.lines(&answer.request_id, 1).await.remove(0);
        assert_eq!((line.status, line.outcome), (Some(status), Some(Ending::Failed)), "{line:?}");
        assert_eq!(json!(line.error_code), answer.response.json()["error_code"]);
        assert_eq!(line.route.as_deref(), Some("/generate"));
        assert!(level.is_none_or(|level| level == line.level), "{line:?}");
    }
}

#[tokio::test]
async fn the_route_is_the_template_and_what_is_none_has_none() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let tenant = control.tenant().await;
    let paths = [
        (format!("/v1/projects/{}?x=canary-query", tenant.project), Some("/v1/projects/{id}")),
        ("/v1/projects/proj_nobody".to_owned(), Some("/v1/projects/{id}")),
        ("/no/such/proj_path".to_owned(), None),
    ];
    for (path, route) in paths {
        let id = unique("route");
        let request = stack.admin().request(http::Method::GET, &path);
        request.header("x-request-id", &id).send().await.unwrap();
        let line = stack.lines(&id, 1).await.remove(0);
        assert_eq!(line.route.as_deref(), route);
        let text = serde_json::to_string(&line).unwrap();
        assert!(!text.contains("canary-query") && !line.message.contains("proj_"), "{text}");
    }
    let id = unique("preflight");
    let preflight = stack.front.request(http::Method::OPTIONS, "/v1/projects");
    let answer = preflight.header("x-request-id", &id).header("origin", &stack.page_origin);
    assert_eq!(answer.send().await.unwrap().status, 204);
    assert_eq!(stack.lines(&id, 1).await[0].method.as_deref(), Some("OPTIONS"));
}

#[tokio::test]
async fn an_answer_that_was_kept_is_told_as_that() {
    let stack = Stack::ready().await;
    let key = unique("once");
    let first = stack.call(Wire::Native, "gpt-4o-mini", "Hello").header("idempotency-key", &key);
    let again = first.clone().request_id(&unique("again"));
    first.send().await.good();
    let answer = again.send().await.good();
    let line = stack.lines(&answer.request_id, 1).await.remove(0);
    assert_eq!((line.replayed, line.attempts), (Some(true), None));
}

#[tokio::test]
async fn a_job_has_a_line_at_its_end_in_the_trace_of_its_request() {
    let stack = Stack::ready().await;
    let id = unique("job");
    let body = json!({"model": "ideogram-v3", "prompt": "A sunset"});
    let request = stack.client().request(http::Method::POST, "/image/generate").json(&body);
    let answer = request.header("x-request-id", &id).send().await.unwrap();
    let is_job = |line: &de_core::log::LogLine| {
        line.event == Event::Job && line.request_id.as_deref() == Some(id.as_str())
    };
    assert_eq!(answer.status, 200, "{}", answer.text());
    let lines = stack.lines(&id, 2).await;
    let job = de_contract::wait::until("the job's line", async || {
        let found: Vec<_> = stack.log().into_iter().filter(is_job).collect();
        (!found.is_empty()).then_some(found)
    })
    .await;
    assert_eq!(job.len(), 1);
    assert_eq!((job[0].outcome, job[0].attempts), (Some(Ending::Ok), Some(1)));
    assert_eq!(job[0].trace_id, lines[0].trace_id);
    assert_eq!(job[0].parent_span_id, lines[0].span_id);
    assert_eq!(job[0].job_id, lines[0].job_id);
    assert_eq!(json!(job[0].cost_micros), json!(lines[0].cost_micros));
}

#[tokio::test]
async fn the_minute_leaves_a_line_although_nothing_was_to_be_done() {
    let stack = Stack::ready().await;
    let count = || stack.log().iter().filter(|line| line.event == Event::Cron).count();
    let before = count();
    stack.minute().await;
    de_contract::wait::until("the line of the minute", async || (count() > before).then_some(()))
        .await;
}

#[tokio::test]
async fn a_callers_trace_goes_through_the_workers_to_the_vendor_and_back() {
    let stack = Stack::ready().await;
    for streamed in [false, true] {
        let word = unique("traced");
        let parent = format!("00-{TRACE}-{SPAN}-01");
        let call = stack.call(Wire::OpenAi, "gpt-4o-mini", &word).by_front_door();
        let call = call.header("traceparent", &parent).header("tracestate", "congo=t61rcWkgMzE");
        let call = if streamed { call.streamed() } else { call };
        let answer = call.send().await.good();
        assert_eq!(answer.header("x-de-trace-id"), TRACE);
        let lines = stack.lines(&answer.request_id, 2).await;
        let [line, door] = lines.as_slice() else { panic!("two lines") };
        assert!(lines.iter().all(|line| line.trace_id.as_deref() == Some(TRACE)));
        assert_eq!(door.parent_span_id.as_deref(), Some(SPAN));
        assert_eq!(line.parent_span_id, door.span_id);
        let heard = stack.vendors.only(&word).await;
        let sent = heard["headers"]["traceparent"].as_str().unwrap().to_owned();
        let parts: Vec<&str> = sent.split('-').collect();
        assert_eq!((parts[0], parts[1], parts[3]), ("00", TRACE, "01"), "{sent}");
        assert!(![SPAN, line.span_id.as_deref().unwrap()].contains(&parts[2]), "{sent}");
        // What other systems noted is no vendor's business.
        assert!(heard["headers"].get("tracestate").is_none(), "{heard}");
    }
}

#[tokio::test]
async fn a_trace_that_is_not_well_formed_is_replaced() {
    let stack = Stack::ready().await;
    for parent in ["", "canary-trace", "00-00000000000000000000000000000000-00f067aa0ba902b7-01"] {
        let call = stack.call(Wire::Native, "gpt-4o-mini", "Hello").header("traceparent", parent);
        let answer = call.send().await.good();
        let trace = answer.header("x-de-trace-id").to_owned();
        assert!(trace.len() == 32 && trace.bytes().all(|c| c.is_ascii_hexdigit()), "{trace}");
        assert!(trace.bytes().any(|c| c != b'0'), "{trace}");
        let line = stack.lines(&answer.request_id, 1).await.remove(0);
        assert_eq!((line.trace_id, line.parent_span_id), (Some(trace), None));
    }
}

#[tokio::test]
async fn times_are_told_on_every_route_that_spends_them() {
    let stack = Stack::ready().await;
    let names = |timing: &str| -> Vec<String> {
        timing.split(", ").filter_map(|part| Some(part.split_once(";dur=")?.0.to_owned())).collect()
    };
    for wire in Wire::ALL {
        for trouble in ["", "fail:500 "] {
            let call = stack.call(wire, "gpt-4o-mini", &format!("{trouble}Hello")).by_front_door();
            let answer = call.send().await;
            let told = names(answer.header("server-timing"));
            assert_eq!(told, ["auth", "limit", "upstream"], "{wire:?} {trouble}");
        }
    }
    let list = stack.admin().get("/v1/projects").await.unwrap();
    assert_eq!(names(list.header("server-timing")), ["auth"]);
    let stranger = stack.front.get("/v1/projects").await.unwrap();
    assert_eq!((stranger.status, stranger.header("server-timing")), (401, ""));
    let page = stack.client().request(http::Method::GET, "/v1/models");
    let page = page.header("origin", &stack.page_origin).send().await.unwrap();
    let exposed = page.header("access-control-expose-headers").to_owned();
    assert!(exposed.contains("server-timing") && exposed.contains("x-de-trace-id"), "{exposed}");
}
