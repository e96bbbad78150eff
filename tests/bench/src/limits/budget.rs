//! A thousand calls at once at a budget that pays for a hundred of them.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

use super::{
    Bench,
    caller::{self, Told, refusals},
    control::until,
    part::Part,
    tenant::{Tenant, Use, cost_micros},
};
use crate::failure::Failure;

/// What a call costs: 32 tokens read at 1 µ$, 15 made at 2 µ$. Checked against each receipt.
const COST_MICROS: u64 = 62;
/// One of so many is paid for.
const TENTH: u64 = 10;
/// Between two looks at the budget.
const LOOK: Duration = Duration::from_millis(50);
/// Calls at once, after the crowd.
const FEW: usize = 8;
/// Until a lease has ended, and what is left of it has come back.
const LEASE: Duration = Duration::from_secs(3);
/// For the last receipts to reach the books.
const PATIENCE: Duration = Duration::from_secs(60);

/// Proves that no budget is overspent.
///
/// # Errors
/// Whatever keeps it from finding out.
pub(crate) async fn prove(bench: &Bench, part: &mut Part) -> Result<(), Failure> {
    let calls: u64 = if bench.quick { 200 } else { 1_000 };
    let tenant = Tenant::make(bench, part.name, bench.latency_ms).await?;
    let need = tenant.need_micros().await?;
    let paid_for = calls / TENTH;
    let amount = paid_for * COST_MICROS;
    tenant.budget(amount).await?;

    let begun = Instant::now();
    let is_over = Cell::new(false);
    let calling = async {
        let called = async {
            let told = tenant.caller.crowd(usize::try_from(calls).unwrap_or(0)).await?;
            let took = begun.elapsed();
            Ok::<_, Failure>((told, took, rest(&tenant).await?))
        };
        let called = called.await;
        is_over.set(true);
        called
    };
    let looking = async {
        let (mut looks, mut most) = (0_u32, 0);
        while !is_over.get() {
            // The crowd may keep an answer from coming; one at least has to.
            if let Ok(Some(Use { used, .. })) = tenant.usage().await {
                looks += 1;
                most = most.max(used);
            }
            tokio::time::sleep(LOOK).await;
        }
        (looks, most)
    };
    let (called, (looks, mut most)) = tokio::join!(calling, looking);
    let (mut told, took, others) = called?;
    let at_once = passed(&told);
    part.promise(
        "as many pass at once as half of the budget pays for by their bounds",
        at_once >= amount / need / 2,
        format!("{at_once} passed, bounds of {need} µ$ fit {} times", amount / need),
    );
    told.extend(others);
    let count = passed(&told);
    part.promise(
        format!("of {calls} calls at once, and then a few, at most the {paid_for} that the budget pays for pass"),
        count <= paid_for,
        format!("{count} of {} passed", told.len()),
    );
    part.promise(
        "all others are told 402",
        told.iter().all(|told| told.passed() || told.status == 402),
        refusals(&told),
    );

    let mut last = None;
    let settled = until(PATIENCE, async || {
        let usage = tenant.usage().await?;
        let rows = tenant.rows().await?;
        most = most.max(usage.map_or(0, |usage| usage.used));
        let is_settled = usage.is_some_and(|usage| {
            usage.held == 0 && usage.used == cost_micros(&rows) + usage.unsettled
        });
        let in_books = rows.iter().filter(|row| row.status == "ok").count();
        let in_books = u64::try_from(in_books).unwrap_or(u64::MAX);
        last = Some((usage, cost_micros(&rows), in_books));
        Ok((is_settled && in_books == count).then_some((usage, rows)))
    });
    let settled = settled.await?;
    part.promise(
        "in the end used is the sum of the receipts and what is unsettled",
        settled.is_some(),
        last.map_or_else(String::new, |(usage, receipts, in_books)| {
            let Use { held, unsettled, used } = usage.unwrap_or_default();
            format!("{used} µ$ used, {held} held, {unsettled} unsettled, {in_books} receipts of {receipts} µ$")
        }),
    );
    part.promise(
        format!("used is never more than the amount, {amount} µ$"),
        looks > 0 && most <= amount,
        format!("at most {most} µ$ at {looks} looks meanwhile and those after"),
    );
    if let Some((usage, rows)) = settled {
        let left = amount.saturating_sub(usage.map_or(0, |usage| usage.used));
        part.promise(
            "nobody is refused while there is room",
            left < need,
            format!("{left} µ$ are left, a call may cost {need} µ$"),
        );
        part.promise(
            format!("a call that passed costs {COST_MICROS} µ$"),
            rows.iter().all(|row| row.status != "ok" || row.cost_micros == COST_MICROS),
            format!("{} µ$ in all", cost_micros(&rows)),
        );
    }
    for (name, count) in [("at once", at_once), ("in all", count)] {
        let count = caller::count(usize::try_from(count).unwrap_or(usize::MAX));
        part.figure(format!("calls that passed {name}"), count, "calls");
    }
    part.figure("until the crowd was answered", took.as_secs_f64(), "s");
    Ok(())
}

/// Calls a few at a time until none passes any more, and then one at a time, whom no other's bounds stand in the
/// way of, until it is refused also when every lease of those before has ended.
async fn rest(tenant: &Tenant) -> Result<Vec<Told>, Failure> {
    let mut all = Vec::new();
    for at_once in [FEW, 1] {
        let mut has_waited = false;
        loop {
            let told = tenant.caller.crowd(at_once).await?;
            let has_passed = told.iter().any(Told::passed);
            all.extend(told);
            match (has_passed, has_waited) {
                (true, _) => has_waited = false,
                (false, false) => {
                    tokio::time::sleep(LEASE).await;
                    has_waited = true;
                }
                (false, true) => break,
            }
        }
    }
    Ok(all)
}

fn passed(told: &[Told]) -> u64 {
    let passed = told.iter().filter(|told| told.passed());
    u64::try_from(passed.count()).unwrap_or(u64::MAX)
}
