//! Calls while the database is down, for the workers and for the Limiters.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{
    Bench,
    caller::{Told, refusals},
    control::until,
    latencies,
    part::Part,
    tenant::Tenant,
};
use crate::failure::Failure;

const A_SECOND: u32 = 20;
/// Calls before, so that key, model and limits are known.
const BEFORE: usize = 3;
/// It is down for so much longer than calls come, so that its books can be looked at meanwhile.
const LONGER: Duration = Duration::from_secs(2);
/// For receipts to arrive: the pause between two tries grows to 64 s.
const PATIENCE: Duration = Duration::from_secs(150);

/// Proves that calls go on without the database, and that it gets all their receipts, each once.
///
/// # Errors
/// Whatever keeps it from finding out.
pub(crate) async fn prove(bench: &Bench, part: &mut Part) -> Result<(), Failure> {
    let down = Duration::from_secs(if bench.quick { 6 } else { 60 });
    let tenant = Tenant::with_plenty(bench, part.name, bench.latency_ms).await?;
    let mut told = Vec::new();
    for _ in 0..BEFORE {
        told.push(tenant.caller.call().await);
    }
    let before = u64::try_from(BEFORE).unwrap_or(0);
    let known = async || Ok((tenant.booked().await? == before).then_some(()));
    part.promise(
        "calls are in the books before",
        until(PATIENCE, known).await?.is_some(),
        refusals(&told),
    );

    let control = &bench.control;
    control.fault_of_text("database", "fail", down + LONGER).await?;
    control.fault_of_limiters(&tenant.instance, "database", "fail", down + LONGER).await?;
    let begun = Instant::now();
    let calls = tenant.caller.at_rate(A_SECOND, down).await?;
    // Another worker's isolate reads this, whose database is up.
    let meanwhile = tenant.booked().await?;
    part.promise(
        "no receipt gets there meanwhile",
        meanwhile == before,
        format!("{meanwhile} with the {before} from before, after {:?}", begun.elapsed()),
    );
    part.promise(
        format!("every call is answered 200 while it is down for {} s", down.as_secs()),
        calls.iter().all(Told::passed),
        format!("{} calls, {}", calls.len(), refusals(&calls)),
    );
    let latencies = latencies(&calls);
    told.extend(calls);

    let ids: BTreeSet<_> = told.iter().filter_map(|told| told.receipt.clone()).collect();
    let mut last = (0, 0);
    let mut twice = 0;
    let arrived = until(PATIENCE, async || {
        let stats = control.stats(&tenant.instance).await?;
        let rows = tenant.rows().await?;
        let mut times = BTreeMap::<_, usize>::new();
        for row in rows {
            *times.entry(row.id).or_default() += 1;
        }
        let missing = ids.iter().filter(|id| !times.contains_key(*id)).count();
        let strange = times.keys().filter(|id| !ids.contains(*id)).count();
        twice = times.values().filter(|count| **count > 1).count();
        last = (missing, strange);
        Ok((stats.waiting == 0 && last == (0, 0)).then_some(()))
    });
    let arrived = arrived.await?;
    part.promise(
        "all receipts arrive",
        arrived.is_some() && ids.len() == told.len(),
        format!(
            "{} calls, {} receipts told, {} missing, {} of nobody",
            told.len(),
            ids.len(),
            last.0,
            last.1
        ),
    );
    let booked = tenant.booked().await?;
    part.promise(
        "none arrives twice",
        twice == 0 && usize::try_from(booked) == Ok(told.len()),
        format!("{booked} in the sums, {twice} twice in the list"),
    );
    let stats = control.stats(&tenant.instance).await?;
    part.promise("no receipt is put aside", stats.dead == 0, format!("{} dead", stats.dead));
    part.figure("all had arrived after it went down", begun.elapsed().as_secs_f64(), "s");
    part.figure("p50 while it is down", latencies.p50_ms, "ms");
    part.figure("p95 while it is down", latencies.p95_ms, "ms");
    if !bench.quick {
        let told = until(Duration::from_secs(30), async || {
            Ok(Some(notices(bench, &tenant).await?).filter(|count| *count > 0))
        });
        let told = told.await?.unwrap_or(0);
        part.promise(
            "`outbox.failing` is on record once",
            told == 1,
            format!("{told} events of the tenant"),
        );
    }
    Ok(())
}

/// How often the tenant was told that its receipts do not get through.
async fn notices(bench: &Bench, tenant: &Tenant) -> Result<usize, Failure> {
    let path = format!("/v1/audit-events?organization_id={}&target_id=outbox", tenant.organization);
    let events = bench.control.get(&path).await?;
    let events = events.get("data").and_then(Value::as_array).into_iter().flatten();
    Ok(events.filter(|event| event.get("action") == Some(&"outbox.failing".into())).count())
}
