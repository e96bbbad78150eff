//! Calls under a budget whose runtime is killed.

use std::time::Duration;

use tokio::process::Command;

use super::{
    Bench,
    caller::{self, refusals},
    control::until,
    part::Part,
    tenant::{Tenant, cost_micros},
};
use crate::failure::Failure;

/// Short calls beside the streams.
const A_SECOND: u32 = 20;
/// How long they come, half of it before the kill.
const DURATION: Duration = Duration::from_secs(6);
/// A stream's words, and how long it would last: longer than this part.
const WORDS: u32 = 100;
const GAP_MS: u64 = 3_000;
/// Room for so many calls beside the streams.
const CALLS: u64 = 200;
/// Calls after the kill.
const AFTER: usize = 10;
const PATIENCE: Duration = Duration::from_secs(60);

/// Proves that a budget outlives the runtime.
///
/// # Errors
/// Whatever keeps it from finding out.
pub(crate) async fn prove(bench: &Bench, part: &mut Part) -> Result<(), Failure> {
    let Some(pid) = bench.workerd_pid else {
        return Err(Failure::Unexpected { problem: "the stack has no workerd to kill".to_owned() });
    };
    let streams: u32 = if bench.quick { 8 } else { 32 };
    let tenant = Tenant::make(bench, part.name, bench.latency_ms).await?;
    let need = tenant.need_micros().await?;
    // A stream may answer five times as much as a call.
    let amount = need * (5 * u64::from(streams) + CALLS);
    tenant.budget(amount).await?;
    let mut open = Vec::new();
    for _ in 0..streams {
        open.extend(tenant.caller.stream(WORDS, GAP_MS).await?);
    }
    let begun = open.len();
    part.promise(
        "streams begin",
        u32::try_from(begun) == Ok(streams),
        format!("{begun} of {streams}"),
    );
    let calls = {
        let caller = tenant.caller.clone();
        tokio::spawn(async move { caller.at_rate(A_SECOND, DURATION).await })
    };
    tokio::time::sleep(DURATION / 2).await;
    kill(pid).await?;
    let comes_back = std::time::Instant::now();
    let up = until(PATIENCE, async || Ok(bench.control.is_up().await.then_some(()))).await?;
    part.promise("the stack comes back", up.is_some(), format!("workerd {pid} was killed"));
    if up.is_none() {
        calls.abort();
        return Ok(());
    }
    part.figure("the stack came back after", comes_back.elapsed().as_secs_f64(), "s");
    let told = calls.await.map_err(caller::lost)??;
    drop(open);

    adds_up(part, &tenant, amount, "after it was killed").await?;
    let mut after = Vec::new();
    for _ in 0..AFTER {
        after.push(tenant.caller.call().await);
    }
    part.promise(
        "calls go on",
        after.iter().all(caller::Told::passed),
        format!("{AFTER} calls, {}", refusals(&after)),
    );
    adds_up(part, &tenant, amount, "after more calls").await?;
    let passed = told.iter().filter(|told| told.passed()).count();
    part.figure("short calls beside that passed", caller::count(passed), "calls");
    let lost = told.iter().filter(|told| told.status == 0).count();
    part.figure("short calls beside without an answer", caller::count(lost), "calls");
    Ok(())
}

/// Looks until the budget is the sum of what there is.
async fn adds_up(part: &mut Part, tenant: &Tenant, amount: u64, when: &str) -> Result<(), Failure> {
    let mut seen = String::new();
    let mut most = 0;
    let found = until(PATIENCE, async || {
        // What has just come back may not answer everything at once.
        let (usage, rows) = match (tenant.usage().await, tenant.rows().await) {
            (Ok(Some(usage)), Ok(rows)) => (usage, rows),
            (Ok(None), Ok(_)) => return Ok(None),
            (Err(failure), _) | (_, Err(failure)) => {
                seen = failure.whole();
                return Ok(None);
            }
        };
        let receipts = cost_micros(&rows);
        most = most.max(usage.used);
        seen = format!(
            "{} used, receipts {receipts}, held {}, unsettled {}, amount {amount} µ$",
            usage.used, usage.held, usage.unsettled
        );
        let adds_up = usage.used == receipts + usage.held + usage.unsettled;
        // What the streams held is held still: of them there are no receipts.
        Ok((adds_up && usage.held + usage.unsettled > 0).then_some(()))
    });
    let holds = found.await?.is_some() && most <= amount;
    part.promise(format!("used = receipts + held + unsettled ≤ amount {when}"), holds, seen);
    Ok(())
}

/// Ends the stack's own runtime, and waits until it is gone: until then it may still answer.
async fn kill(pid: u32) -> Result<(), Failure> {
    let signal = async |signal: &str| {
        let sent = Command::new("kill")
            .args([signal, &pid.to_string()])
            .stderr(std::process::Stdio::null())
            .status();
        sent.await.map_err(Failure::system("send a signal by", "kill"))
    };
    if !signal("-KILL").await?.success() {
        return Err(Failure::Unexpected { problem: format!("workerd {pid} is no more") });
    }
    let gone = async || Ok((!signal("-0").await?.success()).then_some(()));
    match until(PATIENCE, gone).await? {
        Some(()) => Ok(()),
        None => Err(Failure::Unexpected { problem: format!("workerd {pid} outlived its end") }),
    }
}
