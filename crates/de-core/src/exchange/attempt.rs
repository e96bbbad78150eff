//! The tries at one model: sent, waited for, repeated where that is safe.

use std::{sync::Arc, time::Duration};

use super::{
    Patience,
    answer::{Answer, First, Opened, refused},
    deadlines::{Interrupted, deadline, pause, remaining, within},
    failure::{self, Failure, misconfigured, without_queries},
    first, follow,
    gathered::gather,
    job::Job,
    outbound,
    shares::reserve,
    shut,
};
use crate::{
    books::{Outlay, Share},
    circuits,
    ports::{Inbound, PortError, random},
    protocols::Draft,
    receipt::Attempt,
    registry::Model,
    retry,
    secret::Secret,
    time::UnixMillis,
};

/// Who may serve in place of a model.
#[derive(Clone, Copy)]
pub(super) struct Behind {
    /// There is nobody, whatever the failure.
    pub(super) is_last: bool,
    /// Somebody would be asked if it were late.
    pub(super) would_serve: bool,
}

/// All tries at one model. The first is reserved already. What they come to counts once for its circuit: the
/// repetitions are the answer to a failure that passes.
pub(super) async fn tries(
    job: &Job<'_>,
    model: &Arc<Model>,
    draft: Draft,
    behind: Behind,
    patience: Patience,
) -> Result<First, Failure> {
    let answer = repeated(job, model, draft, behind, patience).await;
    if job.books.is_apart() {
        return answer;
    }
    let instance = job.holder.instance;
    let probe = job.books.take_probe(&model.config.model_id);
    let failure = answer.as_ref().err().filter(|failure| failure.trips);
    let failure = failure.and_then(|failure| {
        let began = job.books.trying_since();
        Some(circuits::Failure { asked: failure.asked, began, class: failure.class? })
    });
    match (probe, failure, &answer) {
        (Some(probe), Some(failure), _) => {
            circuits::probed(job.platform, instance, &probe, Some(Err(failure)));
        }
        // Its answer has begun: that is what was to be known.
        (Some(probe), None, answer) => {
            let outcome = answer.is_ok().then_some(Ok(()));
            circuits::probed(job.platform, instance, &probe, outcome);
        }
        (None, Some(failure), _) => circuits::failed(job.platform, instance, model, failure),
        // An answer that has begun may break off: it counts when it ends.
        (None, None, Ok(First::Answer(Answer::Gathered(_) | Answer::Opened(_))) | Err(_)) => {}
        (None, None, Ok(First::Answer(Answer::Polled(_)) | First::Ordered(_))) => {
            circuits::served(job.platform, instance, model);
        }
    }
    answer
}

async fn repeated(
    job: &Job<'_>,
    model: &Arc<Model>,
    draft: Draft,
    behind: Behind,
    patience: Patience,
) -> Result<First, Failure> {
    let mut number = 1;
    loop {
        let answer = attempt(job, model, draft.clone(), behind, patience).await;
        job.books.is_back(model);
        let failure = match answer {
            Ok(answer) => return Ok(answer),
            Err(failure) => failure,
        };
        // A probe is one request.
        if !failure.repeatable || job.books.holds_probe(&model.config.model_id) {
            return Err(failure);
        }
        let [byte] = random(&*job.platform.entropy);
        let wait = retry::wait(number + 1, failure.asked, byte);
        let Some(wait) = wait.filter(|wait| *wait < remaining(job, model)) else {
            return Err(failure);
        };
        number += 1;
        pause(job, wait).await.map_err(Failure::final_one)?;
        // Others may have seen meanwhile that the vendor is down.
        if shut(job, model).is_some() {
            return Err(failure);
        }
        // Without a share there is no other try, and the vendor's own failure is what counts.
        let is_covered = reserve(job, model, Share::Again).await.is_ok();
        if !is_covered || shut(job, model).is_some() || remaining(job, model).is_zero() {
            return Err(failure);
        }
    }
}

/// One try at one model.
async fn attempt(
    job: &Job<'_>,
    model: &Arc<Model>,
    mut draft: Draft,
    behind: Behind,
    follows: Patience,
) -> Result<First, Failure> {
    let is_post = draft.method == http::Method::POST;
    let polling = draft.polling.take();
    let is_order = polling.is_some();
    let in_time = || match remaining(job, model).is_zero() {
        true => Err(Failure::passing_on(failure::not_sent(model))),
        false => Ok(()),
    };
    in_time()?;
    let (mut outbound, key) = outbound::complete(job.line(), model, draft)?;
    if let (Some(before), 0) = (job.before_send, job.books.tries()) {
        let until = job.models.iter().map(|model| deadline(job, model)).max();
        let until = until.unwrap_or_else(|| deadline(job, model));
        before.sending(until).await.map_err(Failure::final_one)?;
        in_time()?;
    }
    let sent_at = job.platform.clock.now();
    let trace = job.context.trace();
    let span = trace.span.part(model.config.model_id.as_str(), job.books.began_after(sent_at));
    outbound::within(&mut outbound, &trace.header_of(span));
    job.books.sends(model);
    // The head of a whole answer comes when the answer is made. Where a fallback waits, it must have
    // time left.
    let patience = if job.streamed || behind.would_serve {
        Duration::from_millis(model.deadlines().first_byte_ms).min(remaining(job, model))
    } else {
        remaining(job, model)
    };
    let answer = within(job.line(), patience, job.platform.fetch.send(outbound)).await;
    // One that broke over an order, or over a picture or speech, may have made and billed it.
    let makes = is_order || (is_post && makes_media(model));
    let (result, status, outlay) = match answer {
        Ok(Ok(mut inbound)) if (200..300).contains(&inbound.status) => {
            let status = inbound.status;
            let (answer, outlay) = match (polling, follows) {
                (None, _) if job.gathers.is_some() => {
                    whole(job, model, inbound, &key, sent_at, behind).await
                }
                (None, _) => {
                    let begun = match job.streamed {
                        true => first::wait(job, model, &mut inbound, &key, sent_at).await,
                        false => Ok(()),
                    };
                    match begun {
                        Ok(()) => {
                            let opened = Opened { inbound, model: model.clone() };
                            (Ok(First::Answer(Answer::Opened(opened))), Outlay::Spent)
                        }
                        Err((failure, outlay)) if makes => (Err(failure.perhaps_made()), outlay),
                        Err((failure, outlay)) => (Err(failure), outlay),
                    }
                }
                (Some(polling), Patience::FirstAnswer) => {
                    let answer = follow::to_the_order(job, model, inbound, polling, &key).await;
                    (answer, Outlay::Spent)
                }
                (Some(polling), Patience::ToTheEnd) => {
                    let answer = follow::to_the_end(job, model, inbound, polling, &key).await;
                    (answer.map(First::Answer), Outlay::Spent)
                }
            };
            (answer, Some(status), outlay)
        }
        Ok(Ok(inbound)) => {
            let status = inbound.status;
            let failure = refused(job.line(), model, inbound, &key).await;
            let (failure, outlay) = match status {
                // Who stands before the vendor does not know what became of it.
                _ if makes && retry::is_untold(status) => (failure.perhaps_made(), Outlay::Unknown),
                // The vendor says that it has failed, and bills nothing for that: but not everyone who says so has.
                500 if makes => (failure.perhaps_made(), Outlay::Nothing),
                _ => (failure, Outlay::Nothing),
            };
            (Err(failure), Some(status), outlay)
        }
        // Nothing was sent: it is no try.
        Ok(Err(err @ PortError::Unsendable { .. })) => {
            return Err(misconfigured(&model.provider, without_queries(&err.to_string())));
        }
        Ok(Err(err)) => (Err(failure::unreachable(model, &err)), None, Outlay::Unknown),
        Err(Interrupted::TimedOut) => {
            (Err(failure::late(job, model, sent_at)), None, Outlay::Unknown)
        }
        Err(Interrupted::ClientLeft) => {
            (Err(Failure::final_one(failure::client_left())), None, Outlay::Unknown)
        }
    };
    let error_code = result.as_ref().err().map(|failure| failure.error.code().as_str().to_owned());
    let tried = Attempt {
        duration_ms: job.platform.clock.now().since(sent_at),
        error_code,
        model_id: model.config.model_id.clone(),
        provider_id: model.config.provider_id.clone(),
        started_ms: Some(job.books.began_after(sent_at)),
        status,
    };
    job.context.answered(job.platform.clock.now());
    job.books.tried(tried, outlay);
    result
}

/// An answer that is read where it is asked for, and what its vendor may bill.
async fn whole(
    job: &Job<'_>,
    model: &Arc<Model>,
    inbound: Inbound,
    key: &Secret,
    sent_at: UnixMillis,
    behind: Behind,
) -> (Result<First, Failure>, Outlay) {
    match gather(job, model, inbound, key, sent_at, behind.would_serve).await {
        Ok(gathered) => (Ok(First::Answer(Answer::Gathered(gathered))), Outlay::Spent),
        // Nobody else's answer takes its place: it is what the call comes to, and is booked as that.
        Err((failure, Outlay::Unknown)) if behind.is_last => (Err(failure), Outlay::Spent),
        Err((failure, outlay)) => (Err(failure), outlay),
    }
}

/// Whether a model's vendor bills by what it has made, and none of them takes a request twice as one.
pub(super) fn makes_media(model: &Model) -> bool {
    let can = &model.config.capabilities;
    [can.audio, can.image, can.video].contains(&Some(true))
}
