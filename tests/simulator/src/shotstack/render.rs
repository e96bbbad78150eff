//! A render: its steps, its file, and what is said about it.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::time::Instant;

use crate::endpoint::CREATED_TEXT;
use crate::faults::{self, Script};
use crate::results::{self, ResultFault};

use super::check;

/// Who the account is.
pub(super) const OWNER: &str = "5ca6hu7s9k";

/// How many renders are kept; the oldest go first.
const MOST_RENDERS: usize = 1_000;

/// The steps before the end.
const STEPS: [&str; 4] = ["queued", "fetching", "rendering", "saving"];

/// How long a clip is that is as long as its asset, in seconds.
const AUTO: f64 = 5.0;

/// What a render that fails says.
const BROKEN: &str = "An asset could not be downloaded: the source answered with 404.";

/// All renders that were ordered.
#[derive(Default)]
pub(crate) struct Renders {
    kept: Mutex<VecDeque<Render>>,
}

/// What was ordered.
pub(super) struct Order {
    pub(super) body: Map<String, Value>,
    pub(super) id: String,
    pub(super) origin: String,
    /// The environment: `v1` or `stage`.
    pub(super) stage: String,
}

/// A render on its way.
pub(super) struct Render {
    /// Whether it has come to its end without being asked.
    ended: bool,
    fails: bool,
    files: Vec<ResultFault>,
    order: Order,
    /// How often it was asked about.
    polls: usize,
    slow: Duration,
    started: Instant,
}

impl Renders {
    pub(super) fn keep(&self, render: Render) {
        let mut kept = self.kept();
        if kept.len() >= MOST_RENDERS {
            kept.pop_front();
        }
        kept.push_back(render);
    }

    /// Does something with the render of this id in this environment.
    pub(super) fn with<T>(
        &self,
        id: &str,
        stage: &str,
        change: impl FnOnce(&mut Render) -> T,
    ) -> Option<T> {
        let fits = |render: &&mut Render| render.order.id == id && render.order.stage == stage;
        self.kept().iter_mut().find(fits).map(change)
    }

    /// Does something with the render of this id.
    pub(super) fn any<T>(&self, id: &str, change: impl FnOnce(&mut Render) -> T) -> Option<T> {
        self.kept().iter_mut().find(|render| render.order.id == id).map(change)
    }

    /// A panic elsewhere leaves nothing half written here, so a poisoned lock is still good.
    fn kept(&self) -> MutexGuard<'_, VecDeque<Render>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Order {
    /// The render that comes of it.
    pub(super) fn started(self, script: &Script) -> Render {
        Render {
            ended: false,
            fails: script.job_fail,
            files: script.result.clone(),
            order: self,
            polls: 0,
            slow: script.job_slow.unwrap_or_default(),
            started: Instant::now(),
        }
    }

    fn output(&self, name: &str) -> Option<&Value> {
        self.body.get("output").and_then(|output| output.get(name))
    }

    fn format(&self) -> &str {
        self.output("format").and_then(Value::as_str).unwrap_or("mp4")
    }

    /// Seconds: where the last clip ends, or what of it was asked for.
    fn duration(&self) -> f64 {
        let tracks = self.body.get("timeline").and_then(|timeline| timeline.get("tracks"));
        let mut longest = 0.0_f64;
        for track in tracks.and_then(Value::as_array).into_iter().flatten() {
            let mut end = 0.0;
            for clip in track.get("clips").and_then(Value::as_array).into_iter().flatten() {
                let number = |name: &str| clip.get(name).and_then(Value::as_f64);
                end = number("start").unwrap_or(end) + number("length").unwrap_or(AUTO);
                longest = longest.max(end);
            }
        }
        let range = |name: &str| self.output("range").and_then(|range| range.get(name)?.as_f64());
        let rest = (longest - range("start").unwrap_or(0.0)).max(0.0);
        range("length").map_or(rest, |length| length.min(rest))
    }

    /// Width and height in pixels.
    fn size(&self) -> (u32, u32) {
        let side = |name: &str| {
            let side = self.output("size").and_then(|size| size.get(name)?.as_u64());
            side.and_then(|side| u32::try_from(side).ok())
        };
        let scaled = self.output("scaleTo").or_else(|| self.output("resolution"));
        let (width, height) = match scaled.and_then(Value::as_str).unwrap_or("hd") {
            "preview" => (512, 288),
            "mobile" => (640, 360),
            "sd" => (1_024, 576),
            "1080" => (1_920, 1_080),
            "4k" => (3_840, 2_160),
            _ => (1_280, 720),
        };
        let (width, height) = match self.output("aspectRatio").and_then(Value::as_str) {
            Some("9:16") => (height, width),
            Some("1:1") => (height, height),
            Some("4:5") => (height, height * 5 / 4),
            Some("4:3") => (height * 4 / 3, height),
            Some(_) | None => (width, height),
        };
        (side("width").unwrap_or(width), side("height").unwrap_or(height))
    }

    /// The link to a file of this render.
    fn link(&self, kind: &str, ending: &str, faults: &[ResultFault]) -> String {
        let (width, height) = self.size();
        let millis = (self.duration() * 1_000.0).round();
        let name = format!("{OWNER}-{}{kind}_{millis}ms_{width}x{height}.{ending}", self.id);
        results::link(&self.origin, &name, "", faults)
    }
}

impl Render {
    /// The faults that meet who asks about it; the id keeps their counts apart from other renders'.
    pub(super) fn poll_faults(&self) -> String {
        format!("{} {}", faults::of_polls(&check::texts(&self.order.body)), self.order.id)
    }

    /// Goes one step further, and tells where it is, with what was ordered if that is wanted.
    pub(super) fn asked(&mut self, with_order: bool) -> Value {
        self.polls += 1;
        let status = self.status();
        let done = status == "done";
        let still = |name: &str, kind: &str| {
            let wanted = done && self.order.output(name).is_some();
            wanted.then(|| self.order.link(kind, "jpg", &[]))
        };
        let mut told = json!({
            "id": self.order.id,
            "owner": OWNER,
            "plan": "basic",
            "status": status,
            "error": if status == "failed" { BROKEN } else { "" },
            "duration": self.order.duration(),
            "billable": self.order.duration(),
            "renderTime": if done { 4_100.5 } else { 0.0 },
            "url": self.url().filter(|_| done),
            "poster": still("poster", "-poster"),
            "thumbnail": still("thumbnail", "-thumb"),
            "created": CREATED_TEXT,
            "updated": CREATED_TEXT,
        });
        if let Some(told) = told.as_object_mut().filter(|_| with_order) {
            let body = &self.order.body;
            let members = ["timeline", "output", "merge", "callback"].into_iter();
            let data = members.filter_map(|name| Some((name.to_owned(), body.get(name)?.clone())));
            told.insert("data".to_owned(), data.collect());
        }
        told
    }

    /// Comes to its end. Whether that is a good one.
    pub(super) fn end(&mut self) -> bool {
        self.ended = true;
        !self.fails
    }

    /// What is posted when it has ended, well or not.
    pub(super) fn callback(&self, done: bool) -> Value {
        json!({
            "type": "edit",
            "action": "render",
            "id": self.order.id,
            "owner": OWNER,
            "status": if done { "done" } else { "failed" },
            "url": self.url().filter(|_| done),
            "error": (!done).then_some(BROKEN),
            "completed": CREATED_TEXT,
        })
    }

    /// What is posted when its copy is hosted.
    pub(super) fn copied(&self) -> Value {
        json!({
            "type": "serve",
            "action": "copy",
            "id": self.order.id.replace("51000000", "52000000"),
            "owner": OWNER,
            "render": self.order.id,
            "status": "ready",
            "url": self.order.link("-copy", self.order.format(), &self.files),
            "error": null,
            "completed": CREATED_TEXT,
        })
    }

    /// The link to what was made; absent if that is nothing.
    fn url(&self) -> Option<String> {
        let made = !results::makes_nothing(&self.files);
        made.then(|| self.order.link("", self.order.format(), &self.files))
    }

    fn status(&self) -> &'static str {
        let slow = self.started.elapsed() < self.slow;
        match STEPS.get(self.polls) {
            Some(step) if !self.ended => step,
            _ if slow && !self.ended => "rendering",
            _ if self.fails => "failed",
            _ => "done",
        }
    }
}
