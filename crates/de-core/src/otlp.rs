//! Spans for a collector of OpenTelemetry: one a request, one a try at a vendor within it, in one POST when the request
//! is over.
//!
//! Off unless the operator names a collector. The JSON is written here and not by `opentelemetry-otlp`: that brings a
//! runtime, a meter and a logger of its own, and its size, to say some twenty attributes.
//!
//! Follows <https://opentelemetry.io/docs/specs/otlp/#otlphttp> and the conventions for
//! [HTTP](https://opentelemetry.io/docs/specs/semconv/http/http-spans/) and
//! [generative AI](https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/). Prompts and answers are not told.

use std::time::Duration;

use bytes::Bytes;
use futures_channel::oneshot;
use futures_util::{
    FutureExt,
    future::{Either, select},
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use serde_json::{Value, json};
use url::Url;

use crate::{
    log::{Ending, LogLine},
    ports::{Outbound, Platform, PortError},
    receipt::Attempt,
    secret::Secret,
    time::UnixMillis,
    trace::Trace,
};

/// How long a collector may take.
const DEADLINE: Duration = Duration::from_secs(5);
/// How often an isolate says that its collector does not work.
const COMPLAINS_EVERY_MS: i64 = 60 * 60 * 1_000;

/// Where spans go, and of how many requests.
#[derive(Clone, Debug)]
pub struct Collector {
    /// What is sent along: names and values, as `name=value` with commas between. They may be keys.
    pub headers: Option<Secret>,
    /// Of a million traces that begin here, so many are told. Those that begin elsewhere are told where whoever began
    /// them wants that.
    pub share: u32,
    /// Where each batch is posted.
    pub url: Url,
}

impl Collector {
    /// Reads the variables: the collector's base address, headers, and the share of requests as a number between 0 and
    /// 1; without one it is all of them. `None` without an address, and for one that is none.
    #[must_use]
    pub fn read(endpoint: &str, headers: Option<Secret>, share: Option<&str>) -> Option<Self> {
        let endpoint = endpoint.trim().trim_end_matches('/');
        let url = match endpoint.ends_with("/v1/traces") {
            true => Url::parse(endpoint),
            false => Url::parse(&format!("{endpoint}/v1/traces")),
        };
        let url = url.ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
        let share = share.map_or(Some(1.0), |share| share.trim().parse::<f64>().ok());
        let share = share.filter(|share| (0.0..=1.0).contains(share))?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "checked above"
        )]
        let share = (share * 1e6).round() as u32;
        Some(Self { headers, share, url })
    }
}

/// A request that is over, as far as its spans tell of it.
pub(crate) struct Over {
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) line: LogLine,
}

/// Starts the work that tells a collector of a request when it is over. It is started with the request, as the runtime
/// lets nothing begin after an answer; whoever ends the request sends what became of it.
pub(crate) fn begin(
    platform: &Platform,
    started: UnixMillis,
    trace: &Trace,
) -> Option<oneshot::Sender<Over>> {
    let collector = platform.settings.collector.clone().filter(|_| trace.is_sampled())?;
    let (tell, told) = oneshot::channel::<Over>();
    let (worker, trace) = (platform.clone(), trace.clone());
    let work = async move {
        let Ok(over) = told.await else { return };
        let body = batch(&worker, started, &trace, &over).to_string();
        if let Err(cause) = post(&worker, &collector, body).await
            && worker.memory.is_due("collector", worker.clock.now(), COMPLAINS_EVERY_MS)
        {
            let line = LogLine::warn(
                "the collector of spans did not take them; nothing else waits for it",
            );
            worker.log.write(line.because(&cause));
        }
    };
    platform.background.spawn(work.boxed());
    Some(tell)
}

async fn post(platform: &Platform, collector: &Collector, body: String) -> Result<(), String> {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let own = collector.headers.as_ref().map(Secret::expose).unwrap_or_default();
    for pair in own.split(',').filter(|pair| !pair.trim().is_empty()) {
        let named = pair.split_once('=').and_then(|(name, value)| {
            let name = HeaderName::from_bytes(name.trim().as_bytes()).ok()?;
            Some((name, HeaderValue::from_str(value.trim()).ok()?))
        });
        // What stands there may be a key: it is not quoted.
        let (name, mut value) =
            named.ok_or("its headers are not name=value, with commas between")?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    let request = Outbound {
        body: Bytes::from(body),
        headers,
        method: Method::POST,
        url: collector.url.clone(),
    };
    let sent = std::pin::pin!(platform.fetch.send(request));
    match select(sent, platform.clock.sleep(DEADLINE)).await {
        Either::Left((Ok(answer), _)) if (200..300).contains(&answer.status) => Ok(()),
        Either::Left((Ok(answer), _)) => Err(format!("it answered {}", answer.status)),
        Either::Left((Err(PortError::Unsendable { .. }), _)) => {
            Err("it cannot be sent to".to_owned())
        }
        Either::Left((Err(_), _)) => Err("it could not be reached".to_owned()),
        Either::Right(_) => Err(format!("it did not answer in {} s", DEADLINE.as_secs())),
    }
}

/// What a POST says: <https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding>.
fn batch(platform: &Platform, started: UnixMillis, trace: &Trace, over: &Over) -> Value {
    let mut spans = vec![server(started, trace, &over.line)];
    let last = over.attempts.len().saturating_sub(1);
    let tries = over.attempts.iter().enumerate();
    spans.extend(
        tries.map(|(place, attempt)| client(started, trace, attempt, &over.line, place == last)),
    );
    let mut resource = Attributes::default();
    resource.text("service.namespace", Some("distributed-electrons"));
    resource.text("service.name", Some(over.line.service.as_str()));
    let version = platform.settings.deployment.as_ref().map(|version| version.id.as_str());
    resource.text("service.version", version);
    json!({"resourceSpans": [{
        "resource": {"attributes": resource.0},
        "scopeSpans": [{"scope": {"name": "distributed-electrons"}, "spans": spans}],
    }]})
}

/// The span of the request itself.
fn server(started: UnixMillis, trace: &Trace, line: &LogLine) -> Value {
    let (method, route) = (line.method.as_deref().unwrap_or_default(), line.route.as_deref());
    let name = route.map_or_else(|| method.to_owned(), |route| format!("{method} {route}"));
    let mut of = Attributes::default();
    of.text("http.request.method", line.method.as_deref());
    of.text("http.route", route);
    of.number("http.response.status_code", line.status.map(i64::from));
    of.text("error.type", line.error_code.as_deref());
    of.text("de.request_id", line.request_id.as_deref());
    of.text("de.receipt_id", line.receipt_id.as_deref());
    of.text("de.organization_id", line.organization_id.as_deref());
    of.text("de.instance_id", line.instance_id.as_deref());
    of.text("de.project_id", line.project_id.as_deref());
    of.text("de.cache", line.cache.as_deref());
    of.number("de.cost_micros", line.cost_micros);
    // A caller's mistake is no fault of the server: so say the conventions.
    let is_fault =
        line.outcome == Some(Ending::Cut) || line.status.is_some_and(|status| status >= 500);
    let end = started.plus(line.duration_ms.unwrap_or(0));
    span(
        trace,
        &Span {
            attributes: of,
            end,
            id: trace.span.to_string(),
            is_fault,
            kind: 2,
            name,
            parent: line.parent_span_id.clone(),
            started,
        },
    )
}

/// The span of a try at a vendor.
fn client(
    began: UnixMillis,
    trace: &Trace,
    attempt: &Attempt,
    line: &LogLine,
    is_last: bool,
) -> Value {
    let model = attempt.model_id.as_str();
    let started_ms = attempt.started_ms.unwrap_or(0);
    let operation = operation(&line.service, line.route.as_deref());
    let served = Some(line).filter(|_| is_last && attempt.error_code.is_none());
    let mut of = Attributes::default();
    of.text("gen_ai.operation.name", Some(operation));
    of.text("gen_ai.provider.name", Some(provider(attempt.provider_id.as_str())));
    of.text("gen_ai.request.model", Some(model));
    of.number("http.response.status_code", attempt.status.map(i64::from));
    of.text("error.type", attempt.error_code.as_deref());
    let count = |tokens: Option<u64>| tokens.and_then(|tokens| i64::try_from(tokens).ok());
    if let Some(line) = served {
        of.number("gen_ai.usage.input_tokens", count(line.input_tokens));
        of.number("gen_ai.usage.output_tokens", count(line.output_tokens));
    }
    let started = began.plus(started_ms);
    // Of a stream the try ends with its first event, and what the vendor does with its last.
    let whole = served.and_then(|line| line.duration_ms);
    let end = whole.map_or_else(|| started.plus(attempt.duration_ms), |whole| began.plus(whole));
    span(
        trace,
        &Span {
            attributes: of,
            end,
            id: trace.span.part(model, started_ms).to_string(),
            is_fault: attempt.error_code.is_some(),
            kind: 3,
            name: format!("{operation} {model}"),
            parent: Some(trace.span.to_string()),
            started,
        },
    )
}

/// What is asked of a model, in the conventions' words where they have one.
fn operation(service: &str, route: Option<&str>) -> &'static str {
    match (service, route) {
        ("text", Some("/v1/embeddings")) => "embeddings",
        ("text", _) => "chat",
        _ => "generate_content",
    }
}

/// A vendor's name, as the conventions spell it.
fn provider(id: &str) -> &str {
    match id {
        "google" => "gcp.gemini",
        "mistral" => "mistral_ai",
        "xai" => "x_ai",
        other => other,
    }
}

struct Span {
    attributes: Attributes,
    end: UnixMillis,
    id: String,
    is_fault: bool,
    kind: u8,
    name: String,
    parent: Option<String>,
    started: UnixMillis,
}

fn span(trace: &Trace, of: &Span) -> Value {
    json!({
        "traceId": trace.id.to_string(),
        "spanId": of.id,
        "parentSpanId": of.parent.as_deref().unwrap_or_default(),
        "name": of.name,
        "kind": of.kind,
        "startTimeUnixNano": nanos(of.started),
        "endTimeUnixNano": nanos(of.end),
        "attributes": of.attributes.0,
        "status": if of.is_fault { json!({"code": 2}) } else { json!({}) },
    })
}

/// 64 bits are a text in JSON.
fn nanos(at: UnixMillis) -> String {
    format!("{}000000", at.0)
}

/// Attributes of a span; what is not known is not among them.
#[derive(Default)]
struct Attributes(Vec<Value>);

impl Attributes {
    fn number(&mut self, key: &str, value: Option<i64>) {
        if let Some(value) = value {
            self.0.push(json!({"key": key, "value": {"intValue": value.to_string()}}));
        }
    }

    fn text(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.0.push(json!({"key": key, "value": {"stringValue": value}}));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_base_or_the_place_itself() {
        let read = |endpoint: &str, share: Option<&str>| {
            Collector::read(endpoint, None, share).map(|it| (it.url.to_string(), it.share))
        };
        let place = |share| Some(("https://otel.example.com/v1/traces".to_owned(), share));
        assert_eq!(read("https://otel.example.com", None), place(1_000_000));
        assert_eq!(read("https://otel.example.com/", Some("0.05")), place(50_000));
        assert_eq!(read("https://otel.example.com/v1/traces", Some("0")), place(0));
        for (endpoint, share) in [
            ("", None),
            ("otel", None),
            ("ftp://a", None),
            ("https://a", Some("2")),
            ("https://a", Some("x")),
        ] {
            assert_eq!(read(endpoint, share), None, "{endpoint} {share:?}");
        }
    }
}
