//! A call that orders a job, from its claim to its answer: under an `Idempotency-Key` it is the same job for whoever
//! makes the call.
//!
//! Every authenticated call leaves exactly one receipt: the job's, or one of its own if it never becomes one.

use std::time::Duration;

use axum::response::Response;

use super::{View, Work, front::Purchase};
use crate::{
    books::Outlay,
    caller::Caller,
    http::{
        error::{ApiError, Code},
        extract::Incoming,
        once::{Begun, Ticket},
        turn::Entrance,
    },
    ids::JobId,
    money::Micros,
    ports::{Platform, random},
    receipt::Usage,
};

/// Whose call it is to make.
pub enum Claim<'a> {
    /// This request's.
    Mine(Claimed<'a>),
    /// Nobody's: it was made before, and this is its answer.
    Replayed(Response),
}

/// A call that is this request's to make: what its route has at hand until it is answered.
pub struct Claimed<'a> {
    entrance: Entrance<'a>,
    /// The request, beside its body.
    pub incoming: &'a Incoming,
    /// The id of the job that it makes. Under a claim, whoever makes the job makes the same one.
    pub job_id: JobId,
    /// The outside world.
    pub platform: &'a Platform,
    ticket: Option<Ticket>,
}

impl<'a> Claimed<'a> {
    /// Looks whether the call was made before.
    ///
    /// # Errors
    /// As [`Entrance::claim`].
    pub async fn begin(
        platform: &'a Platform,
        caller: &Caller,
        incoming: &'a Incoming,
        entrance: Entrance<'a>,
    ) -> Result<Claim<'a>, ApiError> {
        let ticket = match entrance.claim(platform, caller, incoming).await? {
            Begun::Call(ticket) => ticket,
            Begun::Replayed(response) => return Ok(Claim::Replayed(response)),
        };
        let job_id = match &ticket {
            Some(ticket) => JobId::make(ticket.token().made_at(), ticket.token().random()),
            None => JobId::make(platform.clock.now(), random(&*platform.entropy)),
        };
        Ok(Claim::Mine(Self { entrance, incoming, job_id, platform, ticket }))
    }

    /// The job, if a request before this one may have made it.
    #[must_use]
    pub fn perhaps_made(&self) -> Option<&JobId> {
        self.ticket.as_ref().filter(|ticket| ticket.repeated()).map(|_| &self.job_id)
    }

    /// Writes the call into the books as one that never becomes a job.
    pub fn refuse(&self, caller: &Caller, error: &ApiError) {
        self.entrance.refuse(self.platform, caller, &self.incoming.context, error);
    }

    /// What is bought, of a model or alias, or of the instance's default.
    #[must_use]
    pub fn purchase<'p>(
        &'p self,
        caller: Caller,
        model: Option<&'p str>,
        work: Work,
    ) -> Purchase<'p> {
        Purchase {
            caller,
            context: &self.incoming.context,
            headers: &self.incoming.headers,
            job_id: self.job_id.clone(),
            model,
            notify: None,
            operation: self.entrance.operation,
            platform: self.platform,
            scope: self.entrance.scope,
            size_bytes: self.entrance.size_bytes,
            work,
        }
    }

    /// Ends a call that has waited for its job: its reply is kept, and so is a failure after which something was
    /// billed. While the job goes on, or has results that could not be shown, the key is left to whoever asks next.
    ///
    /// # Errors
    /// The answer's own.
    pub async fn end(self, answered: Result<Response, ApiError>) -> Result<Response, ApiError> {
        if self.ticket.is_none() {
            return answered.map_err(not_by_itself);
        }
        let outlay = match &answered {
            Ok(_) => Some(Outlay::Spent),
            // It never became a job.
            Err(error) if !error.details().contains_key("job_id") => Some(Outlay::Nothing),
            Err(error) => match self.platform.jobs.watch(&self.job_id, 0, Duration::ZERO).await {
                Ok(Some(view)) => outlay(&view, error.code()),
                Ok(None) | Err(_) => None,
            },
        };
        self.tell(answered, outlay).await
    }

    /// Ends a call that has only begun its job. Where it is not known whether that is stored, the key is left to
    /// whoever asks next, and makes the same one.
    ///
    /// # Errors
    /// The answer's own.
    pub async fn end_begun(
        self,
        answered: Result<Response, ApiError>,
    ) -> Result<Response, ApiError> {
        let outlay = match &answered {
            Ok(_) => Some(Outlay::Spent),
            Err(error) if error.details().contains_key("job_id") => None,
            Err(_) => Some(Outlay::Nothing),
        };
        self.tell(answered, outlay).await
    }

    async fn tell(
        self,
        answered: Result<Response, ApiError>,
        outlay: Option<Outlay>,
    ) -> Result<Response, ApiError> {
        match (self.ticket, outlay) {
            (Some(ticket), Some(outlay)) => {
                ticket.end(&self.incoming.context, answered, outlay).await
            }
            (Some(ticket), None) => {
                ticket.leave();
                answered
            }
            (None, _) => answered.map_err(not_by_itself),
        }
    }
}

/// Without a key the same call is another order, which no client should make by itself where a failure of ours hides
/// what the first has come to.
fn not_by_itself(error: ApiError) -> ApiError {
    let is_made = error.details().contains_key("job_id");
    if is_made && error.code() == Code::InternalError { error.for_good() } else { error }
}

/// What a job has cost whose call failed with that code; `None` while it goes on, or can be answered again.
///
/// What was used decides, not the price: a model that costs nothing has served all the same. A receipt has
/// no usage if nothing was sent, or if the vendor failed in good order.
fn outlay(view: &View, code: Code) -> Option<Outlay> {
    let is_used = view.usage.is_none_or(|usage| usage != Usage::default());
    let is_billed = view.cost_micros.is_none_or(|cost| cost > Micros::ZERO);
    match () {
        () if !view.is_over() => None,
        () if code == Code::OutcomeUnknown => Some(Outlay::Unknown),
        // It has results, which could not be shown: whoever asks again gets them.
        () if view.error.is_none() && !view.outputs.is_empty() => None,
        () if is_used || is_billed => Some(Outlay::Spent),
        () => Some(Outlay::Nothing),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[track_caller]
    fn check(told: Value, code: Code, expected: Option<Outlay>) {
        let mut view = json!({
            "api_key_id": null, "attempts": 1, "cost_micros": 0,
            "created_at": "2026-11-22T08:00:00.000Z", "error": null, "finished_at": null,
            "id": "job_1", "instance_id": "inst_1", "modality": "image", "model_id": null, "notices": [],
            "operation": "POST /generate", "organization_id": "org_1", "outputs": [], "progress": null,
            "project_id": null, "provider_id": null, "provider_job_id": null, "provider_status": null,
            "receipt_id": "rcpt_1", "request_id": "r-1", "revision": 3, "status": "failed",
            "updated_at": "2026-11-22T08:00:00.000Z", "usage": Usage::default(), "user_id": null
        });
        view.as_object_mut().unwrap().extend(told.as_object().unwrap().clone());
        let view: View = serde_json::from_value(view).unwrap();
        assert_eq!(outlay(&view, code), expected, "{told}");
    }

    #[test]
    fn what_was_used_is_spent_also_where_it_is_free() {
        let used = Usage { images: 1, requests: 1, ..Usage::default() };
        let malformed = Code::ProviderMalformed;
        check(json!({}), malformed, Some(Outlay::Nothing));
        check(json!({"usage": used}), malformed, Some(Outlay::Spent));
        check(json!({"usage": used, "cost_micros": null}), malformed, Some(Outlay::Spent));
        check(json!({"cost_micros": 7}), malformed, Some(Outlay::Spent));
        check(json!({"usage": null}), malformed, Some(Outlay::Spent));
        check(json!({"usage": used}), Code::OutcomeUnknown, Some(Outlay::Unknown));
        check(json!({"usage": null, "status": "running"}), Code::ProviderTimeout, None);
        let output = json!({"asset_id": "asset_1", "content_type": "image/png", "duration_ms": null,
            "height": 1, "role": "image", "sha256": "", "size_bytes": 1, "width": 1});
        let made = json!({"usage": used, "outputs": [output], "status": "succeeded"});
        check(made, Code::InternalError, None);
    }
}
