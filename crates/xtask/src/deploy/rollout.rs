//! One deployable becomes what this release has of it.
//!
//! Three ways, by what is there:
//! - It is what it should be, and the newest version there is: nothing is done. So a run after one that was broken off
//!   skips what that one did.
//! - `wrangler deploy`, at once: for the first version of all, as there is nothing to share calls with; for one with
//!   new migrations of Durable Objects, which a version that is only uploaded cannot have; for pages; and where
//!   nothing is known of what runs.
//! - `wrangler versions upload`, then `versions deploy` in the shares of the environment: for all others, where the
//!   environment has more shares than one. A new version that is not ready while it is watched gets no further, and
//!   the former one serves everybody again.

use std::path::Path;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::deploy::environments::Environment;
use crate::deploy::note::Note;
use crate::deploy::services::{self, FRONT_DOOR};
use crate::deploy::smoke::{self, Patience};
use crate::deploy::web::{Question, Web};
use crate::deploy::wrangler::{Label, Version, Wrangler};
use crate::failure::Failure;
use crate::interrupt;
use crate::say::{self, Watch};

/// Sends a request to a version that has few of the calls, or none:
/// <https://developers.cloudflare.com/workers/versions-and-deployments/version-overrides/>.
const OVERRIDES: &str = "Cloudflare-Workers-Version-Overrides";
/// How often a version that is watched is asked.
const TICK: Duration = Duration::from_secs(2);

/// What every deployable of one release is deployed with.
pub(crate) struct Rollout<'a> {
    /// The front door's origin.
    pub(crate) api: String,
    pub(crate) environment: &'a Environment,
    /// How long a version may take until it is seen.
    pub(crate) patience: Patience,
    /// The release: the commit that it is of.
    pub(crate) tag: &'a str,
    pub(crate) web: &'a Web,
    pub(crate) wrangler: &'a Wrangler,
}

/// How a deployable got there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Way {
    AtOnce,
    InShares,
    Unchanged,
}

/// A deployable as it is now.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) version_id: String,
    pub(crate) way: Way,
}

impl Rollout<'_> {
    /// Deploys one, if it is not what it should be.
    pub(crate) fn deploy(&self, name: &str, config: &Path, note: &Note) -> Result<Done, Failure> {
        let worker = services::on_account(self.environment, name);
        let Some(deployment) = self.wrangler.deployment(&worker)? else {
            return self.at_once(name, config, note);
        };
        let mut serving = Vec::new();
        for share in &deployment.versions {
            serving.push((share.percentage, self.wrangler.version(&worker, &share.version_id)?));
        }
        let noted = |version: &Version| version.message().and_then(Note::parse);
        let is_new = |version: &Version| noted(version).as_ref() == Some(note);
        // What serves is not the newest after a roll-back, or after secrets that wait for an upload. It is uploaded anew
        // then, so that after a deploy the newest version of each is the one that serves.
        let newest = self.wrangler.versions(&worker)?.pop();
        let is_newest = |version: &Version| {
            newest.as_ref().is_none_or(|one| one.created_on() <= version.created_on())
        };
        if let [(_, only)] = serving.as_slice()
            && is_new(only)
            && is_newest(only)
        {
            say::line(&format!("{name}: nothing changed"));
            return Ok(Done { version_id: only.id.clone(), way: Way::Unchanged });
        }
        let former = serving
            .iter()
            .filter(|(_, version)| !is_new(version))
            .max_by(|a, b| a.0.total_cmp(&b.0));
        let Some((_, former)) = former else { return self.at_once(name, config, note) };
        let same_objects = noted(former).is_some_and(|former| former.objects == note.objects);
        let is_page = services::pages().any(|page| page == name);
        if self.environment.rollout.len() < 2 || is_page || !same_objects {
            return self.at_once(name, config, note);
        }
        // Broken off between its shares, it goes on with the version that it uploaded.
        let uploaded = serving
            .iter()
            .find(|(_, version)| is_new(version) && is_newest(version))
            .map(|(_, version)| version.id.clone());
        let new = match uploaded {
            Some(id) => id,
            None => id(
                self.wrangler.upload_version(config, self.label(&note.to_string()))?.version_id,
                name,
            )?,
        };
        self.in_shares(name, config, &former.id, &new)?;
        Ok(Done { version_id: new, way: Way::InShares })
    }

    fn label<'b>(&'b self, message: &'b str) -> Label<'b> {
        Label { message, tag: self.tag }
    }

    fn at_once(&self, name: &str, config: &Path, note: &Note) -> Result<Done, Failure> {
        let watch = Watch::start();
        let upload = self.wrangler.deploy(config, self.label(&note.to_string()))?;
        say::line(&format!("{name}: deployed ({})", watch.text()));
        Ok(Done { version_id: id(upload.version_id, name)?, way: Way::AtOnce })
    }

    fn in_shares(&self, name: &str, config: &Path, former: &str, new: &str) -> Result<(), Failure> {
        let worker = services::on_account(self.environment, name);
        for share in &self.environment.rollout {
            if *share == 100 {
                // Before the last step: once that is done, the next run finds nothing to do.
                self.wrangler.triggers(config)?;
                self.wrangler.share(&worker, &[(new, 100)], self.tag)?;
                break;
            }
            self.wrangler.share(&worker, &[(new, *share), (former, 100 - *share)], self.tag)?;
            say::line(&format!("{name}: {share} % of the calls go to the new version"));
            if let Err(problem) = self.watch(name, &worker, new)? {
                self.wrangler.share(&worker, &[(former, 100)], self.tag)?;
                return Err(Failure::System {
                    action: "roll the new version out",
                    problem: format!(
                        "{name} was not ready: {problem}\n  the former version serves all calls again"
                    ),
                });
            }
        }
        say::line(&format!("{name}: deployed"));
        Ok(())
    }

    /// Asks the new version again and again whether it is ready, for as long as the environment says, and until it has
    /// answered once.
    ///
    /// One that only others reach has no answer of its own: that of the front door counts, which asks it in turn.
    fn watch(&self, name: &str, worker: &str, new: &str) -> Result<Result<(), String>, Failure> {
        let own = smoke::ready_path(name);
        let is_own = own.is_some();
        let path = own.or_else(|| smoke::ready_path(FRONT_DOOR)).unwrap_or_default();
        let mut has_answered = false;
        let time = Duration::from_secs(self.environment.rollout_pause_s);
        let watch = Watch::start();
        loop {
            let question = Question::get(format!("{}{path}", self.api))
                .header(OVERRIDES, format!("{worker}=\"{new}\""));
            let answer = self.web.ask(&[question])?.pop().unwrap_or_default();
            let answered = answer.json();
            let id = answered.pointer("/deployment/id").and_then(Value::as_str);
            // The former one may still answer, and its troubles are not news. One that cannot say who it is counts; what
            // was lost on the way says nothing.
            let counts = !is_own || id == Some(new);
            if answer.error.is_none() && answer.status != 200 && (counts || id.is_none()) {
                return Ok(Err(answer.text()));
            }
            has_answered |= answer.status == 200 && counts;
            if has_answered && watch.elapsed() >= time {
                return Ok(Ok(()));
            }
            if watch.elapsed() >= time.max(self.patience.deadline) {
                return Ok(Err(format!(
                    "the new version was not seen; the last answer: {}",
                    answer.text()
                )));
            }
            interrupt::check()?;
            thread::sleep(TICK.min(time));
        }
    }
}

fn id(id: Option<String>, name: &str) -> Result<String, Failure> {
    id.ok_or_else(|| Failure::System {
        action: "read wrangler's answer",
        problem: format!("it does not name the version of {name} that it uploaded"),
    })
}
