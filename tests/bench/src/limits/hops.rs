//! How often the Limiter is asked and told, for each call.

use std::time::Duration;

use super::{
    Bench,
    caller::{self, Told, refusals},
    latencies,
    part::Part,
    tenant::Tenant,
};
use crate::failure::Failure;

/// Calls a second, and the most hops a call that are promised at that.
const RATES: [(u32, Option<f64>); 3] = [(1, Some(2.0)), (10, None), (100, Some(0.1))];
/// Callers of the last load, who never rest.
const CALLERS: usize = 32;
/// Until all leases have ended and been reported: they live two seconds.
const QUIET: Duration = Duration::from_secs(4);

/// Counts hops at several loads.
///
/// # Errors
/// Whatever keeps it from finding out.
pub(crate) async fn prove(bench: &Bench, part: &mut Part) -> Result<(), Failure> {
    let duration = Duration::from_secs(if bench.quick { 5 } else { 10 });
    let mut tenant = Tenant::with_plenty(bench, part.name, bench.latency_ms).await?;
    // Key, model and limits are known from here on.
    tenant.caller.call().await;
    for (a_second, promised) in RATES {
        let before = quiet(bench, &tenant).await?;
        let told = tenant.caller.at_rate(a_second, duration).await?;
        let hops = quiet(bench, &tenant).await?.saturating_sub(before);
        let each = ratio(hops, &told);
        let load = format!("at {a_second} a second");
        if let Some(most) = promised {
            part.promise(
                format!("at most {most} hops a call {load}"),
                hops > 0 && each <= most,
                format!("{hops} for {} calls", told.len()),
            );
        }
        answered(part, &load, &told);
        part.figure(format!("hops {load}"), each, "a call");
        let latencies = latencies(&told);
        part.figure(format!("p50 {load}"), latencies.p50_ms, "ms");
        part.figure(format!("p95 {load}"), latencies.p95_ms, "ms");
    }
    // A vendor that thinks would leave the stack time to rest.
    tenant.caller.latency_ms = 0;
    let before = quiet(bench, &tenant).await?;
    let told = tenant.caller.in_turn(CALLERS, duration).await?;
    let hops = quiet(bench, &tenant).await?.saturating_sub(before);
    let load = format!("with {CALLERS} callers who never rest");
    answered(part, &load, &told);
    part.figure(format!("calls {load}"), caller::count(told.len()) / duration.as_secs_f64(), "/s");
    part.figure(format!("hops {load}"), ratio(hops, &told), "a call");
    Ok(())
}

fn answered(part: &mut Part, load: &str, told: &[Told]) {
    part.promise(
        format!("every call is answered 200 {load}"),
        told.iter().all(Told::passed),
        format!("{} calls, {}", told.len(), refusals(told)),
    );
}

/// Hops so far, once nothing is under way.
async fn quiet(bench: &Bench, tenant: &Tenant) -> Result<u64, Failure> {
    tokio::time::sleep(QUIET).await;
    hops(bench, tenant).await
}

/// Asks that were granted or refused, and reports.
pub(crate) async fn hops(bench: &Bench, tenant: &Tenant) -> Result<u64, Failure> {
    let counts = bench.control.stats(&tenant.instance).await?.counts;
    Ok(counts.granted + counts.denied + counts.reports)
}

fn ratio(hops: u64, told: &[Told]) -> f64 {
    let hops = f64::from(u32::try_from(hops).unwrap_or(u32::MAX));
    hops / caller::count(told.len())
}
