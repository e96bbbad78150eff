//! One request in fal's queue, from its submission to its pictures.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use crate::endpoint::Reply;
use crate::fal::problem;
use crate::faults::{self, Script};
use crate::picture::{Format, Sketch};
use crate::results::{self, ResultFault};

/// The sides that names of `image_size` stand for.
const SIZES: &[(&str, u32, u32)] = &[
    ("square_hd", 1_024, 1_024),
    ("square", 512, 512),
    ("portrait_4_3", 768, 1_024),
    ("portrait_16_9", 576, 1_024),
    ("landscape_4_3", 1_024, 768),
    ("landscape_16_9", 1_024, 576),
];

/// How a run goes wrong.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Mishap {
    Canceled,
    Crashed,
    Declined,
}

pub(super) struct Run {
    /// What the URLs lie under: `fal-ai/flux`.
    pub(super) app: String,
    format: Format,
    height: u32,
    pub(super) id: String,
    inline: bool,
    mishap: Option<Mishap>,
    number: u64,
    origin: String,
    /// How often its status was asked for.
    pub(super) polls: u32,
    prompt: String,
    result: Vec<ResultFault>,
    seed: u64,
    slow: Duration,
    submitted: Instant,
    width: u32,
}

impl Mishap {
    /// What the state tells, its kind, and the status of the response.
    const fn said(self) -> (&'static str, Option<&'static str>, u16) {
        match self {
            Self::Canceled => ("Request was cancelled", Some("client_cancelled"), 499),
            Self::Crashed => ("Runner failed while processing", Some("runner_server_error"), 500),
            Self::Declined => ("The content was flagged by a content checker.", None, 422),
        }
    }
}

impl Run {
    /// Ends it, unless it has ended.
    pub(super) fn cancel(&mut self) -> Reply {
        if self.state() == "COMPLETED" {
            return Reply::json(400, &json!({ "status": "ALREADY_COMPLETED" }));
        }
        self.mishap = Some(Mishap::Canceled);
        Reply::json(202, &json!({ "status": "CANCELLATION_REQUESTED" }))
    }

    pub(super) fn new(
        app: String,
        id: String,
        origin: String,
        body: &Map<String, Value>,
        script: &Script,
    ) -> Self {
        let text = |name: &str| body.get(name).and_then(Value::as_str);
        let number = |name: &str| body.get(name).and_then(Value::as_u64);
        let side = |name: &str| {
            let side = body.get("image_size").and_then(|size| size.get(name));
            side.and_then(Value::as_u64).and_then(|side| u32::try_from(side).ok()).unwrap_or(512)
        };
        let named = text("image_size").unwrap_or("landscape_4_3");
        let (width, height) = if body.get("image_size").is_some_and(Value::is_object) {
            (side("width"), side("height"))
        } else {
            let size = SIZES.iter().find(|(name, _, _)| *name == named);
            size.map_or((1_024, 768), |(_, width, height)| (*width, *height))
        };
        let mishap = match (script.refuse, script.job_fail) {
            (true, _) => Some(Mishap::Declined),
            (false, true) => Some(Mishap::Crashed),
            (false, false) => None,
        };
        Self {
            app,
            format: text("output_format").and_then(Format::parse).unwrap_or(Format::Jpeg),
            height,
            id,
            inline: body.get("sync_mode").and_then(Value::as_bool).unwrap_or(false),
            mishap,
            number: number("num_images").unwrap_or(1),
            origin,
            polls: 0,
            prompt: text("prompt").unwrap_or_default().to_owned(),
            result: script.result.clone(),
            seed: number("seed").unwrap_or(7),
            slow: script.job_slow.unwrap_or_default(),
            submitted: Instant::now(),
            width,
        }
    }

    /// The faults that meet who asks about it; the id keeps their counts apart from other requests'.
    pub(super) fn poll_faults(&self) -> String {
        format!("{} {}", faults::of_polls(&self.prompt), self.id)
    }

    pub(super) fn state(&self) -> &'static str {
        match self.polls {
            _ if self.mishap == Some(Mishap::Canceled) => "COMPLETED",
            0 => "IN_QUEUE",
            1 => "IN_PROGRESS",
            _ if self.submitted.elapsed() < self.slow => "IN_PROGRESS",
            _ => "COMPLETED",
        }
    }

    /// What every state begins with.
    pub(super) fn head(&self, state: &str) -> Value {
        let url = format!("{}/fal/{}/requests/{}", self.origin, self.app, self.id);
        let mut head = json!({
            "status": state,
            "request_id": self.id,
            "response_url": url,
            "status_url": format!("{url}/status"),
            "cancel_url": format!("{url}/cancel"),
        });
        if let (true, Some(head)) = (state == "IN_QUEUE", head.as_object_mut()) {
            head.insert("queue_position".to_owned(), json!(0));
        }
        head
    }

    pub(super) fn status(&self, logs: bool) -> Reply {
        let state = self.state();
        let mut body = self.head(state);
        if let Some(body) = body.as_object_mut() {
            if state != "IN_QUEUE" {
                let line = json!({
                    "message": "Painting.", "level": "INFO", "source": "USER",
                    "timestamp": "2026-11-18T11:06:40.000000Z",
                });
                body.insert("logs".to_owned(), if logs { json!([line]) } else { Value::Null });
            }
            if state == "COMPLETED" {
                body.insert("metrics".to_owned(), json!({ "inference_time": 1.2 }));
                if let Some(mishap) = self.mishap {
                    let (said, kind, _) = mishap.said();
                    body.insert("error".to_owned(), json!(said));
                    body.insert("error_type".to_owned(), json!(kind));
                }
            }
        }
        Reply::json(if state == "COMPLETED" { 200 } else { 202 }, &body)
    }

    pub(super) fn response(&self) -> Reply {
        if self.state() != "COMPLETED" {
            return Reply::json(400, &json!({ "detail": "Request is still in progress" }));
        }
        match self.mishap {
            None => Reply::json(200, &self.output()),
            Some(Mishap::Declined) => {
                let entry = json!({
                    "loc": ["body", "prompt"],
                    "msg": Mishap::Declined.said().0,
                    "type": "content_policy_violation",
                    "url": "https://docs.fal.ai/errors#content_policy_violation",
                });
                Reply::json(422, &json!({ "detail": [entry] }))
            }
            Some(mishap) => {
                let (said, kind, status) = mishap.said();
                problem(status, said, kind)
            }
        }
    }

    fn output(&self) -> Value {
        let number = if self.result.contains(&ResultFault::None) { 0 } else { self.number };
        let images: Vec<Value> = (0..number)
            .map(|index| {
                json!({
                    "url": self.link(index),
                    "width": self.width,
                    "height": self.height,
                    "content_type": self.format.content_type(),
                })
            })
            .collect();
        let flagged: Vec<bool> = (0..number)
            .map(|index| index == 0 && self.result.contains(&ResultFault::Unsafe))
            .collect();
        json!({
            "images": images,
            "timings": { "inference": 1.2 },
            "seed": self.seed,
            "has_nsfw_concepts": flagged,
            "prompt": self.prompt,
        })
    }

    /// A link, or the bytes themselves as `sync_mode` has it.
    fn link(&self, index: u64) -> String {
        let stem = format!("{}-{index}_{}x{}", self.id, self.width, self.height);
        if !self.inline {
            let ending = if self.format == Format::Png { "png" } else { "jpg" };
            return results::link(&self.origin, &format!("{stem}.{ending}"), "", &self.result);
        }
        let sketch = Sketch {
            format: self.format,
            height: self.height,
            seed: &stem,
            transparent: false,
            width: self.width,
        };
        format!("data:{};base64,{}", self.format.content_type(), STANDARD.encode(sketch.draw()))
    }
}
