//! Work that takes longer than a request, or that must not be lost with one: what a job is, and what may
//! become of it. Pure: [`run`] does what is due, an object of the render worker keeps and wakes.
//!
//! ```text
//! queued → submitting → running → copying → succeeded
//!    └──────────┴──────────┴─────────┴────→ failed, cancelled
//! ```
//!
//! A job is stored as `submitting` before anything is sent. One that is found so when its object wakes up
//! was cut off there: whether the vendor has the order nobody knows, and no vendor takes an order twice as
//! one. It is not sent again; it has failed, with `OUTCOME_UNKNOWN`, and what was reserved for it stays
//! reserved.

pub mod callback;
pub mod claimed;
pub mod front;
pub mod order;
pub mod run;
pub mod shown;
pub mod view;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use self::{
    order::{Order, Work},
    view::{Output, View},
};
use crate::{
    books::Closing,
    exchange::LeftOut,
    http::error::{ApiError, Code},
    ids::{JobId, ModelId, ProviderId},
    mapping::poll::KeptPolling,
    ports::PortError,
    time::UnixMillis,
};

/// How long an object remembers a job that is over. Its row stays.
pub const REMEMBERED_MS: i64 = 24 * 60 * 60 * 1_000;

/// The largest record that is kept, in bytes: a row of an object takes 2 MB.
pub const LARGEST_RECORD: usize = 1_900_000;

/// One job, as its object keeps it: JSON.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Record {
    /// What is still to be written into the books, once it is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closing: Option<Closing>,
    /// When it was ordered.
    pub created_at: UnixMillis,
    /// When it was over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<UnixMillis>,
    /// Its id.
    pub id: JobId,
    /// What of the order was left out for who serves it.
    #[serde(default, skip_serializing_if = "LeftOut::is_empty")]
    pub left_out: LeftOut,
    /// Whether its end stands in the database, and whoever wanted to hear of it will.
    #[serde(default)]
    pub is_told: bool,
    /// What is to be done, and for whom.
    pub order: Order,
    /// When what is due is tried again, if it went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_at: Option<UnixMillis>,
    /// Counts its changes: whoever waits for one names the last that it has seen.
    pub revision: u64,
    /// Who serves it, once that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub served_by: Option<ServedBy>,
    /// Where it stands.
    pub stage: Stage,
    /// Failures in a row of what is due: the next try waits longer.
    #[serde(default)]
    pub stumbles: u32,
    /// When it changed last.
    pub updated_at: UnixMillis,
}

/// Who serves a job.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ServedBy {
    /// The vendor's id of it, if the vendor has taken an order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
    /// The model.
    pub model_id: ModelId,
    /// Its provider.
    pub provider_id: ProviderId,
}

/// Where a job stands.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "stage")]
pub enum Stage {
    /// Someone wanted it to end.
    Cancelled,
    /// The vendor has done it; the results are on their way into our own store.
    Copying {
        /// Those that are there.
        outputs: Vec<Output>,
        /// Those that are not, the next one first.
        pending: Vec<Pending>,
        /// What went wrong with others, for a person.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        notices: Vec<String>,
    },
    /// It came to nothing.
    Failed {
        /// Why.
        fault: Fault,
    },
    /// Nothing was sent yet.
    Queued,
    /// The vendor has taken the order.
    Running {
        /// When it must be over.
        ends_at: UnixMillis,
        /// When the vendor is asked next.
        next_at: UnixMillis,
        /// What asks.
        polling: KeptPolling,
        /// How far it is, in percent, if the vendor tells.
        progress: Option<u8>,
        /// The vendor's word for its state.
        status: Option<String>,
    },
    /// The request is on its way.
    Submitting,
    /// The results are in our own store.
    Succeeded {
        /// In the vendor's order.
        outputs: Vec<Output>,
        /// What is missing among them, for a person.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        notices: Vec<String>,
    },
}

/// A result that is still at the vendor.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Pending {
    /// Its place among the results: what its asset's id is made of.
    pub index: usize,
    /// What it is to be: `image`, `audio`, `video`, or of a film `poster`, `thumbnail`.
    pub role: String,
    /// The prompt as the vendor rewrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revised_prompt: Option<String>,
    /// What it could be made from again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Where it is. It may carry a signature of the vendor's, and is shown to nobody.
    pub url: String,
}

/// Why a job came to nothing: as the answer to a call would have said it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema), schema(as = JobFault))]
pub struct Fault {
    /// As in the answers to calls: `PROVIDER_ERROR`.
    pub code: String,
    /// What else is known.
    #[cfg_attr(
        not(target_family = "wasm"),
        schema(value_type = std::collections::BTreeMap<String, Value>)
    )]
    #[serde(default)]
    pub details: Map<String, Value>,
    /// Whether the same call, made again, fails again or may have been billed before.
    #[serde(default)]
    pub is_final: bool,
    /// For a person.
    pub message: String,
    /// When another try makes sense, in milliseconds from the job's end; `null` if nobody has said.
    #[serde(default)]
    pub retry_after_ms: Option<u64>,
}

impl From<&ApiError> for Fault {
    fn from(error: &ApiError) -> Self {
        let wait = error.asked_wait().map(|wait| wait.as_millis());
        Self {
            code: error.code().as_str().to_owned(),
            details: error.details().clone(),
            is_final: !error.may_repeat(),
            message: error.message().to_owned(),
            retry_after_ms: wait.and_then(|millis| u64::try_from(millis).ok()),
        }
    }
}

impl Fault {
    /// The same as an answer to a call.
    #[must_use]
    pub fn as_error(&self) -> ApiError {
        let code = Code::parse(&self.code).unwrap_or(Code::ProviderError);
        let mut error = ApiError::new(code, self.message.clone());
        if self.is_final {
            error = error.for_good();
        }
        if let Some(wait) = self.retry_after_ms {
            error = error.retry_after(std::time::Duration::from_millis(wait));
        }
        self.details.iter().fold(error, |error, (name, value)| error.with(name, value.clone()))
    }
}

impl Stage {
    /// The word for it.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Cancelled => "cancelled",
            Self::Copying { .. } => "copying",
            Self::Failed { .. } => "failed",
            Self::Queued => "queued",
            Self::Running { .. } => "running",
            Self::Submitting => "submitting",
            Self::Succeeded { .. } => "succeeded",
        }
    }

    /// Whether nothing more will become of it.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self, Self::Cancelled | Self::Failed { .. } | Self::Succeeded { .. })
    }
}

impl Record {
    /// A job that was ordered now.
    #[must_use]
    pub fn new(id: JobId, order: Order, now: UnixMillis) -> Self {
        Self {
            closing: None,
            created_at: now,
            finished_at: None,
            id,
            left_out: LeftOut::default(),
            is_told: false,
            order,
            retry_at: None,
            revision: 1,
            served_by: None,
            stage: Stage::Queued,
            stumbles: 0,
            updated_at: now,
        }
    }

    /// The record as its object keeps it. Of one that is too large, what was to be done is left out once it was done:
    /// nobody reads it any more, and what came of it has to be kept, told and booked.
    ///
    /// # Errors
    /// `Failed` if it is too large and still to be done; `Malformed`.
    pub fn to_json(&self) -> Result<String, PortError> {
        let json = |record: &Self| {
            serde_json::to_string(record)
                .map_err(|err| PortError::Malformed { port: "jobs", message: err.to_string() })
        };
        let whole = json(self)?;
        if whole.len() <= LARGEST_RECORD {
            return Ok(whole);
        }
        let is_done = self.stage.is_over() || matches!(self.stage, Stage::Copying { .. });
        let order = Order { work: self.order.work.done(), ..self.order.clone() };
        let short = json(&Self { order, ..self.clone() })?;
        if is_done && short.len() <= LARGEST_RECORD {
            return Ok(short);
        }
        let message = format!("a job's record of {} bytes is too large", whole.len());
        Err(PortError::Failed { port: "jobs", message })
    }

    /// Moves it on. What is over stays as it is.
    pub fn to(&mut self, stage: Stage, now: UnixMillis) {
        if self.stage.is_over() {
            return;
        }
        if stage.is_over() {
            self.finished_at = Some(now);
        }
        self.stage = stage;
        self.went_well();
        self.touch(now);
    }

    /// Notes that what was due could not be done: it is tried again, each time a little later.
    pub fn stumble(&mut self, now: UnixMillis) {
        self.stumbles = self.stumbles.saturating_add(1);
        let at = now.plus(pause_ms(self.stumbles));
        match &mut self.stage {
            Stage::Running { ends_at, next_at, .. } => *next_at = at.min(*ends_at),
            _ => self.retry_at = Some(at),
        }
    }

    /// Notes that what was due was done.
    pub fn went_well(&mut self) {
        self.retry_at = None;
        self.stumbles = 0;
    }

    /// Notes a change that is none of stage.
    pub fn touch(&mut self, now: UnixMillis) {
        self.revision = self.revision.saturating_add(1);
        self.updated_at = now;
    }

    /// When something is due; `None` if never again.
    #[must_use]
    pub fn due(&self, now: UnixMillis) -> Option<UnixMillis> {
        match &self.stage {
            Stage::Queued | Stage::Submitting => Some(now),
            Stage::Running { next_at, .. } => Some(*next_at),
            Stage::Copying { .. } => Some(self.retry_at.unwrap_or(now)),
            _ if !self.is_closed() => Some(self.retry_at.unwrap_or(now)),
            _ => self.finished_at.map(|at| at.plus(REMEMBERED_MS)),
        }
    }

    /// Makes it due at once, if it waits for its vendor. Says whether it did.
    pub fn nudge(&mut self, now: UnixMillis) -> bool {
        match &mut self.stage {
            Stage::Running { next_at, .. } if *next_at > now => {
                *next_at = now;
                true
            }
            _ => false,
        }
    }

    /// Whether it is over, and all that had to be written is.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.stage.is_over() && self.closing.is_none() && self.is_told
    }

    /// Whether its object may forget it.
    #[must_use]
    pub fn is_forgettable(&self, now: UnixMillis) -> bool {
        self.is_closed() && self.finished_at.is_some_and(|at| now >= at.plus(REMEMBERED_MS))
    }
}

/// How long to wait after so many failures in a row, in milliseconds: 1 s, 4 s, 16 s, … five minutes.
#[must_use]
pub fn pause_ms(stumbles: u32) -> i64 {
    const LONGEST: i64 = 5 * 60 * 1_000;
    4_i64.saturating_pow(stumbles.saturating_sub(1).min(10)).saturating_mul(1_000).min(LONGEST)
}

#[cfg(test)]
mod tests;
