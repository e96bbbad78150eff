//! Jobs: a vendor that takes the order first and is asked until it has done it.
//!
//! Pure: [`Polling`] takes what the vendor answered and says the next step. Who sends, waits and
//! keeps the deadline is another's matter, so a call and a job object can run the same mapping.

pub(crate) mod parse;

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::PayloadMapping;
use super::failure::{Failure, MappedError};
use super::fill::Renderer;
use super::filter::scalar_text;
use super::render::{Head, RenderError, RenderedRequest};
use super::reply::{MappedReply, ReplyError, Source};
use super::stream::When;
use super::variables::Variables;

/// The longest wait that a vendor's `Retry-After` or a row of lost polls may cause, in milliseconds.
const LONGEST_WAIT_MS: u64 = 60_000;
/// How many answers in a row may say nothing of a job, before it is given up.
const ODD_ANSWERS: u32 = 5;
/// The shortest wait after such an answer, in milliseconds.
const ODD_WAIT_MS: u64 = 1_000;
/// The longest id of a job in bytes.
const LONGEST_ID: usize = 512;

/// How a mapping follows a job.
#[derive(Clone, Debug)]
pub(crate) struct Poll {
    pub(crate) cancel: Option<Head>,
    pub(crate) done: Vec<String>,
    pub(crate) every_ms: u64,
    pub(crate) failed: Vec<String>,
    pub(crate) failed_if: Option<When>,
    pub(crate) failure: Failure,
    /// The variables that the requests below use beside the job's id.
    pub(crate) names: BTreeSet<String>,
    pub(crate) progress: Option<Source>,
    /// What asks for the state.
    pub(crate) request: Head,
    pub(crate) result: Vec<(String, Source)>,
    /// What fetches the result, where the state does not hold it.
    pub(crate) result_request: Option<Head>,
    pub(crate) status: Source,
    pub(crate) timeout_ms: u64,
}

/// What a vendor answered with a status of 2xx.
#[derive(Clone, Copy, Debug)]
pub struct Heard<'a> {
    /// How long its `Retry-After` asks us to wait, in milliseconds.
    pub asked_ms: Option<u64>,
    /// The body.
    pub body: &'a Value,
    /// The headers, as (name, value).
    pub headers: &'a [(String, String)],
}

/// What to do next.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Nothing: this is the result.
    Done(Box<MappedReply>),
    /// Nothing: the vendor could not do it.
    Failed(MappedError),
    /// Wait, then ask again.
    Wait(Box<Wait>),
}

/// A request to be sent after a while.
#[derive(Clone, Debug, PartialEq)]
pub struct Wait {
    /// After how many milliseconds.
    pub after_ms: u64,
    /// How far the job is, in the vendor's unit.
    pub progress: Option<f64>,
    /// What is sent.
    pub request: RenderedRequest,
    /// The job's state, in the vendor's word.
    pub status: Option<String>,
}

/// Why a job cannot be followed. The vendor's fault or the mapping's.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PollError {
    /// The id is none that a request could carry.
    #[error("the job's id is not usable")]
    JobId,
    /// The first reply names no job and holds no result.
    #[error("the reply has neither a job_id nor a result")]
    NoJob,
    /// A request about the job cannot be made.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// A reply is not what the mapping says.
    #[error(transparent)]
    Reply(#[from] ReplyError),
}

/// One job, from the vendor's first reply to its end.
#[derive(Clone, Debug)]
pub struct Polling {
    /// Polls in a row that brought nothing.
    lost: u32,
    mapping: Arc<PayloadMapping>,
    /// Answers in a row that said nothing of the job.
    odd: u32,
    stage: Stage,
    /// Those that its requests use; with the job's id once that is known.
    variables: Variables,
}

/// Where a job stands.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Stage {
    /// The order is sent, and not yet answered.
    Ordered,
    Running,
    /// Done; the result is still to be fetched.
    Fetching,
}

/// A job on paper, for whoever goes on with it later: JSON.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct KeptPolling {
    #[serde(default)]
    lost: u32,
    #[serde(default)]
    odd: u32,
    stage: Stage,
    variables: Map<String, Value>,
}

impl KeptPolling {
    /// The vendor's id of the job, once it has told one.
    #[must_use]
    pub fn job_id(&self) -> Option<&str> {
        self.variables.get("job_id")?.as_str()
    }
}

impl Polling {
    /// Begins with the variables of the order. `None` if the mapping polls nothing.
    ///
    /// # Errors
    /// [`RenderError`] where a value is missing without which the job, once paid for, could not be
    /// asked about.
    pub fn new(
        mapping: Arc<PayloadMapping>,
        variables: &Variables,
    ) -> Result<Option<Self>, RenderError> {
        let Some(poll) = &mapping.poll else { return Ok(None) };
        let variables = variables.only(&poll.names);
        let mut trial = variables.clone();
        trial.set("job_id", "job".into());
        let heads = [Some(&poll.request), poll.result_request.as_ref(), poll.cancel.as_ref()];
        for head in heads.into_iter().flatten() {
            head.render(&mut Renderer::new(&mapping.maps, &trial))?;
        }
        Ok(Some(Self { lost: 0, mapping, odd: 0, stage: Stage::Ordered, variables }))
    }

    /// Goes on with a job that was ordered before. `None` if the mapping polls nothing.
    ///
    /// # Errors
    /// As [`Polling::new`].
    pub fn resume(
        mapping: Arc<PayloadMapping>,
        variables: &Variables,
        job_id: &str,
    ) -> Result<Option<Self>, RenderError> {
        let mut polling = Self::new(mapping, variables)?;
        if let Some(polling) = &mut polling {
            polling.variables.set("job_id", job_id.into());
            polling.stage = Stage::Running;
        }
        Ok(polling)
    }

    /// The job on paper. What asks about a job is never a file.
    #[must_use]
    pub fn keep(&self) -> KeptPolling {
        let Self { lost, odd, stage, variables, .. } = self;
        KeptPolling { lost: *lost, odd: *odd, stage: *stage, variables: variables.to_value() }
    }

    /// Goes on with a job that was kept. `None` if the mapping polls nothing any more.
    ///
    /// # Errors
    /// [`RenderError`] if the mapping has changed, and the job can no longer be asked about.
    pub fn restore(
        mapping: Arc<PayloadMapping>,
        kept: &KeptPolling,
    ) -> Result<Option<Self>, RenderError> {
        let mut variables = Variables::default();
        for (name, value) in &kept.variables {
            variables.set(name, value.clone());
        }
        let mut polling = Self::new(mapping, &variables)?;
        if let Some(polling) = &mut polling {
            polling.variables = variables;
            polling.stage = kept.stage;
            polling.lost = kept.lost;
            polling.odd = kept.odd;
        }
        Ok(polling)
    }

    /// The request of the next poll, as it stands: for whoever has kept the job and not the step.
    ///
    /// # Errors
    /// [`PollError`] if there is none.
    pub fn request(&self) -> Result<RenderedRequest, PollError> {
        let poll = self.poll().ok_or(PollError::NoJob)?;
        match (self.stage, &poll.result_request) {
            (Stage::Fetching, Some(head)) => self.render(head),
            _ => self.render(&poll.request),
        }
    }

    /// How long to wait between two polls in milliseconds.
    #[must_use]
    pub fn every_ms(&self) -> u64 {
        self.poll().map_or(0, |poll| poll.every_ms)
    }

    /// How long the job may take in milliseconds, counted from the vendor's first reply.
    #[must_use]
    pub fn timeout_ms(&self) -> u64 {
        self.poll().map_or(0, |poll| poll.timeout_ms)
    }

    /// Takes the vendor's next answer: that to the order, then that to each step's request.
    ///
    /// # Errors
    /// [`PollError`]: the answer cannot be used. That to the order comes once; another one about the job may be
    /// better, see [`Polling::odd`].
    pub fn heard(&mut self, heard: &Heard<'_>) -> Result<Step, PollError> {
        self.lost = 0;
        let step = match self.stage {
            Stage::Ordered => self.ordered(heard),
            Stage::Running => self.polled(heard),
            Stage::Fetching => self.result(heard).map(|reply| Step::Done(Box::new(reply))),
        };
        if step.is_ok() {
            self.odd = 0;
        }
        step
    }

    /// Takes that a step's request was answered with something that says nothing of the job: a page of a proxy, a
    /// 404 because not all of the vendor knows the job yet. It is sent again, a little later each time; `None`
    /// after several in a row.
    ///
    /// # Errors
    /// [`PollError::Render`] if there is no request to repeat.
    pub fn odd(&mut self, asked_ms: Option<u64>) -> Result<Option<Step>, PollError> {
        let every_ms = self.every_ms().max(ODD_WAIT_MS);
        let after_ms = every_ms.saturating_mul(1 << self.odd.min(3)).min(LONGEST_WAIT_MS);
        self.odd = self.odd.saturating_add(1);
        if self.odd >= ODD_ANSWERS {
            return Ok(None);
        }
        self.wait(after_ms, asked_ms, None, None).map(Some)
    }

    /// Takes that a step's request had no useful answer: it is sent again, a little later each time.
    ///
    /// # Errors
    /// [`PollError::Render`] if there is no request to repeat.
    pub fn lost(&mut self, asked_ms: Option<u64>) -> Result<Step, PollError> {
        let poll = self.poll().ok_or(PollError::NoJob)?;
        let after_ms = poll.every_ms.saturating_mul(1 << self.lost.min(3)).min(LONGEST_WAIT_MS);
        self.lost = self.lost.saturating_add(1);
        self.wait(after_ms, asked_ms, None, None)
    }

    /// The request that asks for the job's state, and the one that fetches a result of its own.
    pub(crate) fn requests(&self) -> Result<(RenderedRequest, Option<RenderedRequest>), PollError> {
        let poll = self.poll().ok_or(PollError::NoJob)?;
        let fetching = poll.result_request.as_ref().map(|head| self.render(head)).transpose()?;
        Ok((self.render(&poll.request)?, fetching))
    }

    /// The request that stops the job; `None` while there is none, or if the mapping has none.
    #[must_use]
    pub fn cancel(&self) -> Option<RenderedRequest> {
        if self.stage == Stage::Ordered {
            return None;
        }
        self.render(self.poll()?.cancel.as_ref()?).ok()
    }

    fn poll(&self) -> Option<&Poll> {
        self.mapping.poll.as_ref()
    }

    fn ordered(&mut self, heard: &Heard<'_>) -> Result<Step, PollError> {
        let reply = self.mapping.reply(200, heard.headers, heard.body)?;
        let Some(id) = reply.job_id.as_deref().filter(|id| !id.is_empty()) else {
            // The vendor has done it at once.
            return match reply.has_result() {
                true => Ok(Step::Done(Box::new(reply))),
                false => Err(PollError::NoJob),
            };
        };
        if id.len() > LONGEST_ID {
            return Err(PollError::JobId);
        }
        self.variables.set("job_id", id.into());
        self.stage = Stage::Running;
        match self.polled(heard)? {
            // A vendor's word for "ordered" may be the same as that for "done".
            Step::Done(reply) if !reply.has_result() => self.running(heard),
            step => Ok(step),
        }
    }

    fn polled(&mut self, heard: &Heard<'_>) -> Result<Step, PollError> {
        let poll = self.poll().ok_or(PollError::NoJob)?;
        let status = poll.state(heard);
        let is = |words: &[String]| status.as_ref().is_some_and(|status| words.contains(status));
        if is(&poll.failed) || poll.failed_if.as_ref().is_some_and(|when| when.holds(heard.body)) {
            return Ok(Step::Failed(poll.failure.read(heard.headers, heard.body)));
        }
        // A word that is in neither list is one more for "running".
        if !is(&poll.done) {
            return self.running(heard);
        }
        if poll.result_request.is_some() {
            self.stage = Stage::Fetching;
            return self.wait(0, None, None, status);
        }
        self.result(heard).map(|reply| Step::Done(Box::new(reply)))
    }

    fn running(&self, heard: &Heard<'_>) -> Result<Step, PollError> {
        let poll = self.poll().ok_or(PollError::NoJob)?;
        let progress = poll.progress(heard);
        self.wait(poll.every_ms, heard.asked_ms, progress, poll.state(heard))
    }

    fn result(&self, heard: &Heard<'_>) -> Result<MappedReply, PollError> {
        let result = self.poll().map(|poll| poll.result.as_slice()).unwrap_or_default();
        Ok(MappedReply::read(result, heard.headers, heard.body)?)
    }

    fn wait(
        &self,
        after_ms: u64,
        asked_ms: Option<u64>,
        progress: Option<f64>,
        status: Option<String>,
    ) -> Result<Step, PollError> {
        let request = self.request()?;
        let asked_ms = asked_ms.unwrap_or(0).min(LONGEST_WAIT_MS);
        let after_ms = after_ms.max(asked_ms);
        Ok(Step::Wait(Box::new(Wait { after_ms, progress, request, status })))
    }

    fn render(&self, head: &Head) -> Result<RenderedRequest, PollError> {
        Ok(head.render(&mut Renderer::new(&self.mapping.maps, &self.variables))?)
    }
}

impl Poll {
    fn state(&self, heard: &Heard<'_>) -> Option<String> {
        let found = self.status.find(heard.headers, heard.body);
        found.iter().find_map(|value| scalar_text(value).map(|text| text.into_owned()))
    }

    /// Good to know, and no reason to lose a job over.
    fn progress(&self, heard: &Heard<'_>) -> Option<f64> {
        let found = self.progress.as_ref()?.find(heard.headers, heard.body);
        found.iter().find_map(|value| value.as_f64().or_else(|| value.as_str()?.parse().ok()))
    }
}
