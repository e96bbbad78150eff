//! A key that is taken away while it is used.

use std::time::{Duration, Instant};

use reqwest::Method;

use super::{
    Bench,
    caller::{self, refusals},
    part::Part,
    tenant::Tenant,
};
use crate::failure::Failure;

const A_SECOND: u32 = 50;
/// Until the key is removed. That answers when the last lease that the key was good for has ended: after two
/// seconds, and no more than five.
const BEFORE: Duration = Duration::from_millis(1_500);
const DURATION: Duration = Duration::from_secs(8);

/// Proves that no call is let in by a key once its removal has answered.
///
/// # Errors
/// Whatever keeps it from finding out.
pub(crate) async fn prove(bench: &Bench, part: &mut Part) -> Result<(), Failure> {
    let tenant = Tenant::make(bench, part.name, bench.latency_ms).await?;
    let first = tenant.caller.call().await;
    part.promise("the key is good before", first.passed(), format!("{}", first.status));
    let calls = {
        let caller = tenant.caller.clone();
        tokio::spawn(async move { caller.at_rate(A_SECOND, DURATION).await })
    };
    tokio::time::sleep(BEFORE).await;
    let asked = Instant::now();
    let path = format!("/v1/api-keys/{}", tenant.key);
    bench.control.ask(Method::DELETE, &path, None, 204).await?;
    let answered = Instant::now();
    let told = calls.await.map_err(caller::lost)??;

    let before: Vec<_> = told.iter().filter(|told| told.answered < asked).collect();
    part.promise(
        "all pass that are answered before it is removed",
        !before.is_empty() && before.iter().all(|told| told.passed()),
        format!("{} calls, {}", before.len(), refusals(before.iter().copied())),
    );
    let late: Vec<_> = told.iter().filter(|told| told.sent > answered).collect();
    part.promise(
        "none passes that is sent after the removal has answered",
        !late.is_empty() && late.iter().all(|told| told.status == 401),
        format!("{} calls, {}", late.len(), refusals(late.iter().copied())),
    );
    part.figure("the removal answered after", (answered - asked).as_secs_f64() * 1e3, "ms");
    Ok(())
}
