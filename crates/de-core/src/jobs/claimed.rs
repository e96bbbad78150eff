//! Jobs under an `Idempotency-Key`: the same job for whoever makes the call, and what its end means for the key.

use std::time::Duration;

use axum::response::Response;

use super::View;
use crate::{
    books::Outlay,
    http::{
        context::Context,
        error::{ApiError, Code},
        once::Ticket,
    },
    ids::JobId,
    money::Micros,
    ports::{Platform, random},
    receipt::Usage,
};

/// The id of the job that a call makes. Under a claim, whoever makes the job makes the same one.
#[must_use]
pub fn id(platform: &Platform, ticket: Option<&Ticket>) -> JobId {
    match ticket {
        Some(ticket) => JobId::make(ticket.token().made_at(), ticket.token().random()),
        None => JobId::make(platform.clock.now(), random(&*platform.entropy)),
    }
}

/// Ends a call whose job has this id: its reply is kept, and so is a failure after which something was billed.
/// While the job goes on, or has results that could not be shown, the key is left to whoever asks next.
///
/// # Errors
/// The answer's own.
pub async fn end(
    platform: &Platform,
    context: &Context,
    ticket: Ticket,
    job: &JobId,
    answered: Result<Response, ApiError>,
) -> Result<Response, ApiError> {
    let outlay = match &answered {
        Ok(_) => Some(Outlay::Spent),
        // It never became a job.
        Err(error) if !error.details().contains_key("job_id") => Some(Outlay::Nothing),
        Err(error) => match platform.jobs.watch(job, 0, Duration::ZERO).await {
            Ok(Some(view)) => outlay(&view, error.code()),
            Ok(None) | Err(_) => None,
        },
    };
    match outlay {
        Some(outlay) => ticket.end(context, answered, outlay).await,
        None => {
            ticket.leave();
            answered
        }
    }
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
