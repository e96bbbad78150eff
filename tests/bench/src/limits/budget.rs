//! A thousand calls at once at a budget that pays for a hundred of them.

use std::time::{Duration, Instant};

use super::{
    Bench,
    caller::{self, refusals},
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
/// For the last receipts to reach the books.
const PATIENCE: Duration = Duration::from_secs(60);

/// Proves that no budget is overspent.
///
/// # Errors
/// Whatever keeps it from finding out.
pub(crate) async fn prove(bench: &Bench) -> Result<Part, Failure> {
    let mut part = Part::new("budget");
    let calls: u64 = if bench.quick { 200 } else { 1_000 };
    let tenant = Tenant::make(bench, part.name, bench.latency_ms).await?;
    let need = tenant.need_micros().await?;
    let paid_for = calls / TENTH;
    let amount = paid_for * COST_MICROS;
    tenant.budget(amount).await?;

    let begun = Instant::now();
    let crowd = {
        let caller = tenant.caller.clone();
        tokio::spawn(async move { caller.crowd(usize::try_from(calls).unwrap_or(0)).await })
    };
    let (mut looks, mut most) = (0_u32, 0);
    while !crowd.is_finished() {
        if let Some(Use { used, .. }) = tenant.usage().await? {
            looks += 1;
            most = most.max(used);
        }
        tokio::time::sleep(LOOK).await;
    }
    let told = crowd.await.map_err(caller::lost)??;
    let took = begun.elapsed();
    let passed: Vec<_> = told.iter().filter(|told| told.passed()).collect();
    let count = u64::try_from(passed.len()).unwrap_or(u64::MAX);

    part.promise(
        format!("of {calls} calls at once at most the {paid_for} that the budget pays for pass"),
        count <= paid_for,
        format!("{count} passed"),
    );
    part.promise(
        "as many pass as half of the budget pays for by their bounds",
        count >= amount / need / 2,
        format!("{count} passed, bounds of {need} µ$ fit {} times", amount / need),
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
        last = Some((usage, cost_micros(&rows), in_books));
        Ok((is_settled && in_books == passed.len()).then_some((usage, rows)))
    });
    let settled = settled.await?;
    part.promise(
        "in the end used is the sum of the receipts and what is unsettled",
        settled.is_some(),
        last.map_or_else(String::new, |(usage, receipts, in_books)| {
            format!("{usage:?}, {in_books} receipts of {receipts} µ$")
        }),
    );
    part.promise(
        format!("used is never more than the amount, {amount} µ$"),
        looks > 0 && most <= amount,
        format!("at most {most} µ$ at {looks} looks meanwhile and those after"),
    );
    if let Some((_usage, rows)) = settled {
        part.promise(
            format!("a call that passed costs {COST_MICROS} µ$"),
            rows.iter().all(|row| row.status != "ok" || row.cost_micros == COST_MICROS),
            format!("{} µ$ in all", cost_micros(&rows)),
        );
    }
    part.figure("calls that passed", caller::count(passed.len()), "calls");
    part.figure("until all were answered", took.as_secs_f64(), "s");
    Ok(part)
}
