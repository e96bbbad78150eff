//! A limit of five calls a minute: for twenty at once, then for one who goes on trying.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{
    Bench,
    admissions::{LIMIT, Try, Verdict},
    caller::{self, Told, refusals},
    part::Part,
    tenant::Tenant,
};
use crate::failure::Failure;

const CROWD: usize = 20;
/// How often the one tries, and for how long.
const PAUSE: Duration = Duration::from_millis(250);
const DURATION: Duration = Duration::from_secs(140);
/// So many pass in all: five at once, after a minute and after another one.
const AT_LEAST: usize = 3 * LIMIT;

/// Proves that a window is never passed, and that its room comes back in time.
///
/// # Errors
/// Whatever keeps it from finding out.
pub(crate) async fn prove(bench: &Bench, part: &mut Part) -> Result<(), Failure> {
    // The sooner a call is answered, the better it is known when it was let in.
    let tenant = Tenant::make(bench, part.name, 0).await?;
    let place = format!("/v1/limits/key/{}", tenant.key);
    bench.control.put(&place, json!({"requests_per_minute": LIMIT})).await?;
    let begun = Instant::now();
    let mut told = tenant.caller.crowd(CROWD).await?;
    let passed = told.iter().filter(|told| told.passed()).count();
    part.promise(
        format!("exactly {LIMIT} of {CROWD} at once pass"),
        passed == LIMIT,
        format!("{passed} passed, {}", refusals(&told)),
    );
    if !bench.quick {
        let mut ticks = tokio::time::interval(PAUSE);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        while begun.elapsed() < DURATION {
            ticks.tick().await;
            told.push(tenant.caller.call().await);
        }
    }
    part.promise(
        "who does not pass is told 429 and when to come again",
        told.iter().all(|told| told.passed() || (told.status == 429 && told.retry_after.is_some())),
        refusals(&told),
    );
    let tries = told.iter().map(|told| a_try(told, begun)).collect();
    let verdict = Verdict::of(tries);
    part.promise(
        format!("never more than {LIMIT} pass in any 60 s"),
        verdict.most_within <= LIMIT,
        format!("at most {} of {} that passed", verdict.most_within, verdict.passed),
    );
    part.promise(
        "`Retry-After` is late by no more than 1 s for the bucket and 2 s for a lease, in whole seconds",
        verdict.too_late == 0,
        format!("{} of {} refusals", verdict.too_late, verdict.refused),
    );
    part.promise(
        "`Retry-After` is never too early",
        (bench.quick || verdict.judged > 0) && verdict.too_early == 0,
        format!(
            "{} of {} refusals, of which {} could be tried",
            verdict.too_early, verdict.refused, verdict.judged
        ),
    );
    if bench.quick {
        return Ok(());
    }
    part.promise(
        format!("nobody is refused while fewer than {LIMIT} passed in the last 63 s"),
        verdict.refused_with_room == 0,
        format!("{} of {} refusals", verdict.refused_with_room, verdict.refused),
    );
    part.promise(
        format!("at least {AT_LEAST} pass in {} s", DURATION.as_secs()),
        verdict.passed >= AT_LEAST,
        format!("{} passed", verdict.passed),
    );
    part.figure("tries", caller::count(told.len()), "calls");
    if let Some(gap_ms) = verdict.again_after_ms {
        let seconds = Duration::from_millis(gap_ms).as_secs_f64();
        part.figure("the sixth was sent after the first had been answered for", seconds, "s");
    }
    Ok(())
}

fn a_try(told: &Told, begun: Instant) -> Try {
    let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let at = |moment: Instant| millis(moment.saturating_duration_since(begun));
    Try {
        answered_ms: at(told.answered),
        passed: told.passed(),
        retry_after_ms: told.retry_after.map(millis),
        sent_ms: at(told.sent),
    }
}
