//! How much of a call's processor time the Limiter is: leases, reports and receipts, on their way and in the
//! books, beside a call without them.

use std::time::Duration;

use super::{
    Bench,
    caller::{Told, count, refusals},
    hops::hops,
    latencies,
    part::Part,
    tenant::Tenant,
};
use crate::{cpu, failure::Failure, report::quantile};

const A_SECOND: u32 = 100;
const ROUNDS: usize = 5;
const ROUNDS_QUICK: usize = 1;
/// What of a call's time the Limiter may add, in percent.
const AIM: f64 = 20.0;
/// Before a round, until V8 has compiled what it needs and leases are what they are under load.
const WARM_UP: Duration = Duration::from_secs(2);
/// Until leases have ended and receipts are in the books; its work counts for the round.
const QUIET: Duration = Duration::from_secs(4);
/// Longer than any round.
const LONG: Duration = Duration::from_secs(600);

/// One round.
struct Round {
    cpu_ms: f64,
    p50_ms: f64,
    p95_ms: f64,
}

/// Measures rounds with the Limiter and without it, in turn.
///
/// # Errors
/// Whatever keeps it from finding out.
pub(crate) async fn measure(
    bench: &Bench,
    part: &mut Part,
    rounds: Option<usize>,
) -> Result<(), Failure> {
    let Some(pid) = bench.workerd_pid.filter(|pid| cpu::used(*pid).is_some()) else {
        println!("          this system does not tell how much processor time a process has used");
        return Ok(());
    };
    let duration = Duration::from_secs(if bench.quick { 3 } else { 10 });
    let rounds = rounds.unwrap_or(if bench.quick { ROUNDS_QUICK } else { ROUNDS }).max(1);
    let tenant = Tenant::with_plenty(bench, part.name, bench.latency_ms).await?;
    tenant.caller.call().await;
    let (mut with, mut without, mut shares) = (Vec::new(), Vec::new(), Vec::new());
    let mut calls = Vec::new();
    let (mut asked_with, mut asked_without) = (0, 0);
    // The first of each does not count.
    for number in 0..=rounds {
        let begun = hops(bench, &tenant).await?;
        let (on, told) = round(bench, &tenant, pid, duration).await?;
        calls.extend(told);
        let before = hops(bench, &tenant).await?;
        asked_with += before.saturating_sub(begun);
        bench.control.fault_of_text("limiter", "off", LONG).await?;
        let off = round(bench, &tenant, pid, duration).await;
        bench.control.fault_of_text("limiter", "off", Duration::ZERO).await?;
        let (off, told) = off?;
        asked_without += hops(bench, &tenant).await?.saturating_sub(before);
        calls.extend(told);
        if number > 0 {
            let share = (on.cpu_ms - off.cpu_ms) / on.cpu_ms * 100.0;
            println!(
                "          {:.2} ms a call with it, {:.2} ms without: {share:.1} %",
                on.cpu_ms, off.cpu_ms
            );
            shares.push(share);
            with.push(on);
            without.push(off);
        }
    }
    part.promise(
        format!("every call is answered 200 at {A_SECOND} a second"),
        calls.iter().all(Told::passed),
        format!("{} calls, {}", calls.len(), refusals(&calls)),
    );
    part.promise(
        "the Limiter is asked and told while it is on, and not while it is off",
        asked_with > 0 && asked_without == 0,
        format!("{asked_with} hops with it, {asked_without} without"),
    );
    for (rounds, word) in [(&with, "with the Limiter"), (&without, "without")] {
        let all = |of: fn(&Round) -> f64| median(rounds.iter().map(of).collect());
        part.figure(format!("processor time {word}"), all(|round| round.cpu_ms), "ms a call");
        part.figure(format!("p50 {word}"), all(|round| round.p50_ms), "ms");
        part.figure(format!("p95 {word}"), all(|round| round.p95_ms), "ms");
    }
    let share = median(shares);
    part.figure("what the Limiter adds, of the time with it", share, "%");
    let word = if share <= AIM { "within" } else { "over" };
    println!("          {word} the aim of {AIM} %");
    Ok(())
}

async fn round(
    bench: &Bench,
    tenant: &Tenant,
    pid: u32,
    duration: Duration,
) -> Result<(Round, Vec<Told>), Failure> {
    let used = || {
        cpu::used(pid)
            .ok_or_else(|| Failure::Unexpected { problem: format!("workerd {pid} is gone") })
    };
    let mut all = tenant.caller.at_rate(A_SECOND, WARM_UP.min(duration)).await?;
    tokio::time::sleep(QUIET).await;
    let before = used()?;
    let told = tenant.caller.at_rate(A_SECOND, duration).await?;
    tokio::time::sleep(QUIET).await;
    let cpu = used()?.saturating_sub(before);
    let waiting = bench.control.stats(&tenant.instance).await?.waiting;
    if waiting > 0 {
        eprintln!("          {waiting} receipts still wait: their work counts for the next round");
    }
    let latencies = latencies(&told);
    let round = Round {
        cpu_ms: cpu.as_secs_f64() * 1e3 / count(told.len()),
        p50_ms: latencies.p50_ms,
        p95_ms: latencies.p95_ms,
    };
    all.extend(told);
    Ok((round, all))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    quantile(&values, 50)
}
