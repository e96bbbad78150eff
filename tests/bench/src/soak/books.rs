//! The books against what those who called wrote down themselves.

use std::{collections::HashMap, time::Duration};

use serde_json::Value;

use super::{
    tenant::{Project, Tenants, text},
    traffic::Call,
};
use crate::{
    failure::Failure,
    limits::{
        control::{Control, until},
        part::Part,
    },
};

/// For the last receipts to arrive.
const PATIENCE: Duration = Duration::from_secs(90);
/// How many calls that do not fit are shown.
const SHOWN: usize = 5;

/// One row of the books.
struct Row {
    cost_micros: Option<u64>,
    request_id: String,
    status: String,
}

/// Compares them, project by project.
///
/// # Errors
/// `Control`, `Request`, `Unexpected`.
pub(super) async fn part(
    control: &Control,
    tenants: &Tenants,
    calls: &[Call],
) -> Result<Part, Failure> {
    let mut part = Part::new("books");
    let stats = until(PATIENCE, async || {
        let stats = control.stats(&tenants.instance).await?;
        Ok((stats.waiting == 0).then_some(stats))
    });
    let dead = stats.await?.map(|stats| stats.dead);
    part.promise("no receipt waits or is put aside", dead == Some(0), format!("{dead:?} dead"));
    let projects =
        [("rich", &tenants.rich), ("limited", &tenants.limited), ("penniless", &tenants.penniless)];
    for (name, project) in projects {
        let own: Vec<_> = calls.iter().filter(|call| call.project == name).collect();
        compare(&mut part, control, name, project, &own).await?;
    }
    Ok(part)
}

async fn compare(
    part: &mut Part,
    control: &Control,
    name: &str,
    project: &Project,
    calls: &[&Call],
) -> Result<(), Failure> {
    // A client that has just left is settled a moment later.
    let complete = until(PATIENCE, async || {
        let rows = rows(control, project).await?;
        Ok((rows.len() >= calls.len()).then_some(rows))
    });
    let rows = match complete.await? {
        Some(rows) => rows,
        None => rows(control, project).await?,
    };
    let mut found = HashMap::<&str, Vec<&Row>>::new();
    for row in &rows {
        found.entry(&row.request_id).or_default().push(row);
    }
    let mut wrong = Vec::new();
    for call in calls {
        match found.remove(call.request_id.as_str()).as_deref() {
            Some([row]) => {
                let costs = call.cost_micros.is_none_or(|cost| row.cost_micros == Some(cost));
                if !costs || !call.ends.contains(&row.status.as_str()) {
                    let Row { cost_micros, status, .. } = row;
                    wrong.push(format!("{call:?} is {status} for {cost_micros:?} µ$"));
                }
            }
            other => {
                wrong.push(format!("{call:?} has {} receipts", other.map_or(0, <[_]>::len)));
            }
        }
    }
    let strange = found.len();
    for line in wrong.iter().take(SHOWN) {
        println!("    {line}");
    }
    part.promise(
        format!("{name}: each call has one receipt, with its end and the cost that it was told"),
        wrong.is_empty() && strange == 0,
        format!(
            "{} calls, {} rows, {} wrong, {strange} of nobody",
            calls.len(),
            rows.len(),
            wrong.len()
        ),
    );
    let spent: u64 = rows.iter().filter_map(|row| row.cost_micros).sum();
    let mut seen = String::new();
    let settled = until(PATIENCE, async || {
        let path = format!("/v1/budgets/project/{}", project.id);
        let shown = control.get(&path).await?;
        let usage = shown.pointer("/budgets/0/usage");
        let part = |name: &str| usage.and_then(|usage| usage.get(name)).and_then(Value::as_u64);
        let all = (part("used_micros"), part("held_micros"), part("unsettled_micros"));
        let (Some(used), Some(held), Some(unsettled)) = all else { return Ok(None) };
        seen = format!("{used} used, receipts {spent}, held {held}, unsettled {unsettled} µ$");
        Ok((used == spent + held + unsettled && held == 0).then_some(()))
    });
    let holds = settled.await?.is_some();
    part.promise(format!("{name}: used = receipts + unsettled, and nothing is held"), holds, seen);
    Ok(())
}

async fn rows(control: &Control, project: &Project) -> Result<Vec<Row>, Failure> {
    let (mut rows, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("/v1/requests?project_id={}&limit=200{cursor}", project.id);
        let page = control.get(&path).await?;
        for row in page.get("data").and_then(Value::as_array).into_iter().flatten() {
            rows.push(Row {
                cost_micros: row.get("cost_micros").and_then(Value::as_u64),
                request_id: text(row, "request_id")?,
                status: text(row, "status")?,
            });
        }
        let Some(next) = page.get("next_cursor").and_then(Value::as_str) else { return Ok(rows) };
        cursor = format!("&cursor={next}");
    }
}
