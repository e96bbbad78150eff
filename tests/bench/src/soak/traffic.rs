//! The calls, mixed, and what each has to be told.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::StreamExt;
use reqwest::{RequestBuilder, Response};
use serde_json::{Value, json};

use super::tenant::{FAILING, Tenants};
use crate::{
    failure::Failure,
    gateway::Gateway,
    limits::{
        caller::{count, lost},
        part::Part,
    },
};

/// How long each caller rests between two calls.
const REST: Duration = Duration::from_millis(60);
/// How often a job is asked about, and how often in all.
const POLL: Duration = Duration::from_millis(250);
const POLLS: usize = 120;

/// A call that was made, as who made it wrote it down.
#[derive(Clone, Debug)]
pub(super) struct Call {
    /// What the answer said that it costs.
    pub(super) cost_micros: Option<u64>,
    /// How it may stand in the books.
    pub(super) ends: &'static [&'static str],
    kind: Kind,
    /// Whose key it was.
    pub(super) project: &'static str,
    /// Why it is not as it should be.
    problem: Option<String>,
    pub(super) request_id: String,
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Kind {
    /// A stream whose caller leaves in its middle.
    Aborted,
    /// A call whose answer was kept, most times.
    Cached,
    /// A whole answer in the vendor's own protocol.
    Chat,
    /// A stream whose usage the caller does not want.
    Filtered,
    /// A call that its vendor refuses, or does not manage.
    Failing,
    /// A picture that is waited for.
    Image,
    /// A picture that is ordered, and asked about.
    Job,
    /// A call of a project with a small limit.
    Limited,
    /// A call of a project without money.
    Penniless,
    /// Something of the control plane.
    Read,
    /// A stream whose bytes pass as they are.
    Relayed,
    /// A stream from one protocol to another.
    Translated,
    /// A whole answer from one protocol to another.
    TranslatedChat,
}

/// What is called in turn: a caller begins somewhere in it.
const MIX: [Kind; 24] = [
    Kind::Chat,
    Kind::Relayed,
    Kind::Translated,
    Kind::Read,
    Kind::TranslatedChat,
    Kind::Filtered,
    Kind::Cached,
    Kind::Aborted,
    Kind::Chat,
    Kind::Relayed,
    Kind::Limited,
    Kind::Translated,
    Kind::Image,
    Kind::Read,
    Kind::Chat,
    Kind::Cached,
    Kind::Relayed,
    Kind::Failing,
    Kind::TranslatedChat,
    Kind::Aborted,
    Kind::Penniless,
    Kind::Job,
    Kind::Filtered,
    Kind::Read,
];

/// Reads of the control plane, in turn.
const READS: [&str; 6] = [
    "/v1/providers?limit=50",
    "/v1/requests?limit=50",
    "/v1/usage?group_by=model",
    "/v1/budgets?scope=instance",
    "/v1/model-configs?limit=50",
    "/v1/services",
];

/// One of those who call.
struct Caller {
    admin: String,
    base: String,
    client: reqwest::Client,
    keys: BTreeMap<&'static str, String>,
    /// The instance that the reads of limits name.
    instance: String,
    /// Of all calls.
    number: Arc<AtomicU64>,
}

/// Calls until the time is over, and says what was called.
pub(super) async fn run(
    gateway: &Gateway,
    client: &reqwest::Client,
    tenants: &Tenants,
    callers: usize,
    duration: Duration,
) -> Result<Vec<Call>, Failure> {
    let number = Arc::<AtomicU64>::default();
    let began = Instant::now();
    let mut handles = Vec::new();
    for place in 0..callers {
        let caller = Caller {
            admin: gateway.admin_key.clone(),
            base: gateway.base.clone(),
            client: client.clone(),
            instance: tenants.instance.clone(),
            keys: BTreeMap::from([
                ("limited", tenants.limited.key.clone()),
                ("penniless", tenants.penniless.key.clone()),
                ("rich", tenants.rich.key.clone()),
            ]),
            number: number.clone(),
        };
        handles.push(tokio::spawn(async move {
            let mut calls = Vec::new();
            let kinds = MIX.into_iter().cycle().skip(place * MIX.len() / callers.max(1));
            for kind in kinds {
                if began.elapsed() >= duration {
                    break;
                }
                calls.extend(caller.call(kind).await);
                tokio::time::sleep(REST).await;
            }
            calls
        }));
    }
    let mut calls = Vec::new();
    for handle in handles {
        calls.extend(handle.await.map_err(lost)?);
    }
    Ok(calls)
}

/// Whether all were told what they should be, and how many of each there were.
pub(super) fn part(calls: &[Call], duration: Duration) -> Part {
    let mut part = Part::new("calls");
    let wrong: Vec<_> = calls.iter().filter(|call| call.problem.is_some()).collect();
    for call in wrong.iter().take(10) {
        println!("    {call:?}");
    }
    let mut kinds = BTreeMap::<Kind, (usize, usize)>::new();
    for call in calls {
        let (all, failed) = kinds.entry(call.kind).or_default();
        *all += 1;
        *failed += usize::from(call.problem.is_some());
    }
    let words: Vec<_> =
        kinds.iter().map(|(kind, (all, failed))| format!("{kind:?} {all} ({failed})")).collect();
    part.promise(
        "every call is told what it should be told",
        wrong.is_empty() && !calls.is_empty(),
        format!("{} calls, {} otherwise; {}", calls.len(), wrong.len(), words.join(", ")),
    );
    part.figure("calls a second", count(calls.len()) / duration.as_secs_f64().max(1.0), "/ s");
    part
}

/// What was told.
struct Told {
    cost_micros: Option<u64>,
    problem: Option<String>,
}

impl Told {
    fn wrong(problem: impl Into<String>) -> Self {
        Self { cost_micros: None, problem: Some(problem.into()) }
    }

    fn good(cost_micros: Option<u64>) -> Self {
        Self { cost_micros, problem: None }
    }
}

impl Caller {
    /// One call; reads leave no receipt, and are written down where they fail.
    async fn call(&self, kind: Kind) -> Option<Call> {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let request_id = format!("soak-{number}");
        let project = match kind {
            Kind::Limited => "limited",
            Kind::Penniless => "penniless",
            _ => "rich",
        };
        let told = self.ask(kind, number, project, &request_id).await;
        let Told { cost_micros, problem } =
            told.unwrap_or_else(|error| Told::wrong(format!("no answer: {error:?}")));
        let ends: &[&str] = match kind {
            // Where the answer was whole before its caller had left, it is.
            Kind::Aborted => &["cancelled", "ok"],
            Kind::Failing | Kind::Penniless => &["failed"],
            Kind::Limited => &["failed", "ok"],
            _ => &["ok"],
        };
        let call = Call { cost_micros, ends, kind, project, problem, request_id };
        (kind != Kind::Read || call.problem.is_some()).then_some(call)
    }

    async fn ask(
        &self,
        kind: Kind,
        number: u64,
        project: &str,
        request_id: &str,
    ) -> Result<Told, reqwest::Error> {
        let key = self.keys.get(project).map_or("", String::as_str);
        let post = |path: &str, body: Value| {
            let request = self.client.post(format!("{}{path}", self.base)).bearer_auth(key);
            request.header("x-request-id", request_id).json(&body)
        };
        let words = "one two three four five six seven eight nine ten ".repeat(6);
        let prompt = format!("chunks:20 {number} {words}");
        let chat = |model: &str, prompt: &str| json!({"model": model, "messages": [{"role": "user", "content": prompt}], "max_tokens": 300});
        let streamed = |mut body: Value, usage: bool| {
            if let Some(members) = body.as_object_mut() {
                members.insert("stream".to_owned(), true.into());
                if usage {
                    members.insert("stream_options".to_owned(), json!({"include_usage": true}));
                }
            }
            post("/v1/chat/completions", body)
        };
        let picture = json!({"model_id": "ideogram-v2", "prompt": format!("A kite {number}")});
        match kind {
            Kind::Chat => {
                whole(post("/v1/chat/completions", chat("gpt-4o-mini", &prompt)), 200).await
            }
            Kind::TranslatedChat => {
                whole(post("/v1/chat/completions", chat("claude-haiku-4-5", &prompt)), 200).await
            }
            Kind::Cached => {
                let body = chat("gpt-4o-mini", &format!("{} {words}", number % 40));
                whole(post("/v1/chat/completions", body).header("x-de-cache", "120"), 200).await
            }
            Kind::Relayed => stream(streamed(chat("gpt-4o-mini", &prompt), true)).await,
            Kind::Filtered => stream(streamed(chat("gpt-4o-mini", &prompt), false)).await,
            Kind::Translated => stream(streamed(chat("claude-haiku-4-5", &prompt), true)).await,
            Kind::Aborted => {
                let model =
                    if number.is_multiple_of(2) { "gpt-4o-mini" } else { "claude-haiku-4-5" };
                let prompt = format!("gap:100ms chunks:40 {number} {words}");
                leave(streamed(chat(model, &prompt), number.is_multiple_of(3))).await
            }
            Kind::Failing if number.is_multiple_of(2) => {
                let body = chat(FAILING, &format!("fail:400 {number}"));
                whole(post("/v1/chat/completions", body), 400).await
            }
            Kind::Failing => {
                let body = chat(FAILING, &format!("fail:500 {number}"));
                whole(post("/v1/chat/completions", body), 502).await
            }
            Kind::Penniless => {
                whole(post("/v1/chat/completions", chat("gpt-4o-mini", &prompt)), 402).await
            }
            Kind::Limited => {
                let sent =
                    post("/v1/chat/completions", chat("gpt-4o-mini", &prompt)).send().await?;
                let status = sent.status().as_u16();
                match status {
                    200 | 429 => one(sent, status).await,
                    _ => one(sent, 200).await,
                }
            }
            Kind::Image => whole(post("/image/generate", picture), 200).await,
            Kind::Job => {
                let sent = post("/image/generate", picture)
                    .header("prefer", "respond-async")
                    .send()
                    .await?;
                if sent.status().as_u16() != 202 {
                    return one(sent, 202).await;
                }
                let job: Value = sent.json().await?;
                let id = job.get("job_id").and_then(Value::as_str).unwrap_or_default().to_owned();
                self.until_done(key, &id).await
            }
            Kind::Read => {
                let place = usize::try_from(number).unwrap_or(0) % READS.len();
                let path = READS.get(place).copied().unwrap_or("/health");
                let sign = if path.contains('?') { '&' } else { '?' };
                let path = match path.starts_with("/v1/budgets") {
                    true => format!("{path}{sign}instance_id={}", self.instance),
                    false => path.to_owned(),
                };
                let asked =
                    self.client.get(format!("{}{path}", self.base)).bearer_auth(&self.admin);
                let told = whole(asked, 200).await?;
                let problem = told.problem.map(|problem| format!("{path}: {problem}"));
                Ok(Told { problem, ..told })
            }
        }
    }

    async fn until_done(&self, key: &str, job: &str) -> Result<Told, reqwest::Error> {
        let mut last = Value::Null;
        for _ in 0..POLLS {
            let asked = self.client.get(format!("{}/v1/jobs/{job}", self.base)).bearer_auth(key);
            last = asked.send().await?.json().await?;
            match last.get("status").and_then(Value::as_str) {
                Some("succeeded") => return Ok(Told::good(None)),
                Some("failed" | "cancelled") | None => break,
                Some(_) => tokio::time::sleep(POLL).await,
            }
        }
        Ok(Told::wrong(format!("the job did not succeed: {last}")))
    }
}

async fn whole(request: RequestBuilder, status: u16) -> Result<Told, reqwest::Error> {
    one(request.send().await?, status).await
}

/// Reads an answer to its end, that should have this status.
async fn one(response: Response, expected: u16) -> Result<Told, reqwest::Error> {
    let status = response.status().as_u16();
    let told = response.headers().get("x-de-cost-micros");
    let cost = told.and_then(|told| told.to_str().ok()?.parse().ok());
    let text = response.text().await?;
    let is_json = serde_json::from_str::<Value>(&text).is_ok();
    if status != expected || !is_json {
        let text: String = text.chars().take(300).collect();
        return Ok(Told::wrong(format!("{status} instead of {expected}: {text}")));
    }
    Ok(Told::good(cost))
}

/// Reads a stream of OpenAI's to its end.
async fn stream(request: RequestBuilder) -> Result<Told, reqwest::Error> {
    let response = request.send().await?;
    let status = response.status().as_u16();
    let text = response.text().await?;
    if status == 200 && text.ends_with("data: [DONE]\n\n") && !text.contains("\"error\"") {
        return Ok(Told::good(None));
    }
    let end: String = text.chars().skip(text.chars().count().saturating_sub(300)).collect();
    Ok(Told::wrong(format!("{status}, a stream that ends so: {end}")))
}

/// Leaves a stream once it has begun.
async fn leave(request: RequestBuilder) -> Result<Told, reqwest::Error> {
    let response = request.send().await?;
    if response.status().as_u16() != 200 {
        return one(response, 200).await;
    }
    let mut bytes = response.bytes_stream();
    let first = bytes.next().await.transpose()?;
    Ok(match first {
        Some(_) => Told::good(None),
        None => Told::wrong("a stream without anything in it"),
    })
}
