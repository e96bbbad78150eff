//! Whether what was deployed answers: each service asked over HTTP, again and again until a deadline.

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::deploy::hosts::Hosts;
use crate::deploy::services::{self, FRONT_DOOR, is_keyed};
use crate::deploy::web::{Answer, Question, Web};
use crate::failure::Failure;
use crate::interrupt;
use crate::say::{self, Watch};

/// How long everything may take to answer. A new host's certificate takes minutes at times.
pub(crate) const DEADLINE: Duration = Duration::from_secs(300);
/// How long to wait before those that did not answer well are asked again.
pub(crate) const PAUSE: Duration = Duration::from_secs(3);

/// How long a check may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    pub(crate) deadline: Duration,
    pub(crate) pause: Duration,
}

impl Patience {
    /// That of a deploy.
    pub(crate) fn usual() -> Self {
        Self { deadline: DEADLINE, pause: PAUSE }
    }

    /// Asks once.
    pub(crate) fn none() -> Self {
        Self { deadline: Duration::ZERO, pause: PAUSE }
    }
}

/// One thing that has to answer well.
struct Check {
    /// What a good answer has, beside status 200.
    expected: Expected,
    url: String,
    what: String,
}

enum Expected {
    /// Any 200.
    Answer,
    /// A page whose headers let it speak to this origin.
    Page { api: String },
    /// Ready, and of this version where one is known.
    Ready { version_id: Option<String> },
}

/// Where the front door tells whether a worker is ready; none for one that only others reach: the Limiter is among the
/// parts of the front door's own answer.
pub(crate) fn ready_path(worker: &str) -> Option<String> {
    match worker {
        FRONT_DOOR => Some("/ready".to_owned()),
        other if !is_keyed(other) => None,
        other => Some(format!("/{other}/ready")),
    }
}

/// Asks everything until it answers well. `versions` are those that should answer, by deployable.
///
/// # Errors
/// `Steps` with each that did not answer well in time, and what it said.
pub(crate) fn run(
    web: &Web,
    hosts: &Hosts,
    versions: &BTreeMap<&'static str, String>,
    patience: Patience,
) -> Result<(), Failure> {
    let watch = Watch::start();
    let mut left = checks(hosts, versions);
    loop {
        let questions: Vec<Question> =
            left.iter().map(|check| Question::get(check.url.clone())).collect();
        let answers = web.ask(&questions)?;
        let mut failed = Vec::new();
        left = left
            .into_iter()
            .zip(answers)
            .filter_map(|(check, answer)| match judge(&check.expected, &answer) {
                Ok(()) => {
                    say::line(&format!("{}: {}", check.what, check.url));
                    None
                }
                Err(problem) => {
                    failed.push(format!("{} ({}): {problem}", check.what, check.url));
                    Some(check)
                }
            })
            .collect();
        if left.is_empty() {
            return Ok(());
        }
        if watch.elapsed() >= patience.deadline {
            return Err(Failure::Steps { steps: failed });
        }
        interrupt::check()?;
        thread::sleep(patience.pause);
    }
}

fn checks(hosts: &Hosts, versions: &BTreeMap<&'static str, String>) -> Vec<Check> {
    let api = hosts.api();
    let health = Check {
        expected: Expected::Answer,
        url: format!("{api}/health"),
        what: "the front door runs".to_owned(),
    };
    let ready = services::workers().filter_map(|name| {
        let url = format!("{api}{}", ready_path(name)?);
        let expected = Expected::Ready { version_id: versions.get(name).cloned() };
        Some(Check { expected, url, what: format!("{name} is ready") })
    });
    let pages = services::pages().filter_map(|name| {
        let url = format!("{}/", hosts.origin(name)?);
        Some(Check {
            expected: Expected::Page { api: api.clone() },
            url,
            what: format!("{name} is there"),
        })
    });
    [health].into_iter().chain(ready).chain(pages).collect()
}

fn judge(expected: &Expected, answer: &Answer) -> Result<(), String> {
    if answer.status != 200 {
        return Err(answer.text());
    }
    match expected {
        Expected::Answer => Ok(()),
        Expected::Page { api } => {
            let policy = answer.headers.get("content-security-policy").map_or("", String::as_str);
            let named = policy.split([' ', ';']).any(|word| word == api);
            if named {
                Ok(())
            } else {
                Err(format!("its Content-Security-Policy does not name {api}"))
            }
        }
        Expected::Ready { version_id } => {
            let found = answer.json();
            let id = found.pointer("/deployment/id").and_then(Value::as_str);
            match (version_id, id) {
                (Some(expected), Some(id)) if expected != id => {
                    Err(format!("version {id} answers still, not {expected}"))
                }
                _ if found.get("status").and_then(Value::as_str) == Some("ready") => Ok(()),
                _ => Err(answer.text()),
            }
        }
    }
}
