//! The first request of a fresh runtime, beside the second.

use std::{
    fmt::Write as _,
    path::Path,
    time::{Duration, Instant},
};

use serde::Serialize;
use tokio::process::Command;

use super::{
    Plan,
    table::{figure, median},
};
use crate::{
    bare::Bare,
    case::{Road, Side, case},
    cpu,
    failure::Failure,
    gateway::Gateway,
    load::Target,
};

/// Until a fresh runtime has nothing more to do by itself.
const QUIET: Duration = Duration::from_secs(2);
/// Until it has to answer again.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(100);

/// What one of the first requests takes; medians.
#[derive(Debug, Serialize)]
pub(crate) struct Cold {
    who: &'static str,
    what: &'static str,
    wait_ms: Option<f64>,
    cpu_ms: Option<f64>,
}

/// Kills the gateway's runtime, which its stack then starts anew, and asks: first for nothing, which makes the
/// instance, then for an answer, which finds nothing in its memory, then once more. The bare worker alike.
///
/// # Errors
/// `Unexpected` if the runtime does not come back, and those of a request.
pub(crate) async fn measure(
    plan: &Plan,
    root: &Path,
    vendor_port: u16,
    gateway: &Gateway,
    all: &[Target],
) -> Result<Vec<Cold>, Failure> {
    let find = |side: Side| all.iter().find(|target| target.side == side);
    let (Some(text), Some(bare), Some(mut pid)) =
        (find(Side::Text), find(Side::Bare), gateway.workerd_pid)
    else {
        return Ok(Vec::new());
    };
    let Some(parent) = cpu::parent(pid) else { return Ok(Vec::new()) };
    let mut firsts =
        vec![[Vec::new(), Vec::new(), Vec::new()], [Vec::new(), Vec::new(), Vec::new()]];
    for _ in 0..plan.rounds() {
        pid = again(gateway, text, pid, parent).await?;
        let target = Target { pid: Some(pid), ..text.clone() };
        let other = Bare::start(root, vendor_port).await?;
        tokio::time::sleep(QUIET).await;
        let passing = Target { pid: other.told.pid, url: other.told.url.clone(), ..bare.clone() };
        for (seen, target) in firsts.iter_mut().zip([&target, &passing]) {
            let [nothing, first, second] = seen;
            if target.side == Side::Text {
                nothing.push(health(target).await?);
            }
            first.push(call(target).await?);
            second.push(call(target).await?);
        }
        other.end().await?;
    }
    eprintln!("  cold starts: {} rounds", plan.rounds());
    let names = ["the first request, `GET /health`", "the first answer", "the second answer"];
    let mut cold = Vec::new();
    for (who, seen) in [Side::Text, Side::Bare].into_iter().zip(firsts) {
        for (what, seen) in names.into_iter().zip(seen).filter(|(_, seen)| !seen.is_empty()) {
            let wait_ms = median(seen.iter().map(|one| one.wait_ms));
            let cpu_ms = median(seen.iter().filter_map(|one| one.cpu_ms));
            cold.push(Cold { who: who.word(), what, wait_ms, cpu_ms });
        }
    }
    Ok(cold)
}

/// What one request took.
struct Took {
    cpu_ms: Option<f64>,
    wait_ms: f64,
}

async fn health(target: &Target) -> Result<Took, Failure> {
    let asking = |source| Failure::Request { what: "asking for /health".to_owned(), source };
    let before = target.pid.and_then(cpu::used);
    let begun = Instant::now();
    let asked = target.client.get(format!("{}/health", target.url)).send().await;
    let answer = asked.and_then(reqwest::Response::error_for_status).map_err(asking)?;
    answer.bytes().await.map_err(asking)?;
    let wait_ms = begun.elapsed().as_secs_f64() * 1e3;
    tokio::time::sleep(LOOK).await;
    let after = target.pid.and_then(cpu::used);
    let cpu = after.zip(before).map(|(after, before)| after.saturating_sub(before));
    Ok(Took { cpu_ms: cpu.map(|cpu| cpu.as_secs_f64() * 1e3), wait_ms })
}

async fn call(target: &Target) -> Result<Took, Failure> {
    let round = target.round(case(Road::Json, 0, 0, 1, 1), PATIENCE).await?;
    let wait = round.times.first().map_or(Duration::ZERO, |times| times.whole);
    let cpu_ms = round.cpu.map(|cpu| cpu.as_secs_f64() * 1e3);
    Ok(Took { cpu_ms, wait_ms: wait.as_secs_f64() * 1e3 })
}

/// Has the stack start another runtime; its process comes back once the front door answers.
async fn again(gateway: &Gateway, text: &Target, pid: u32, parent: u32) -> Result<u32, Failure> {
    let killed = Command::new("kill").args(["-KILL", &pid.to_string()]).status().await;
    killed.map_err(Failure::system("end a process by", "kill"))?;
    let begun = Instant::now();
    let door = format!("{}/health", gateway.base);
    while begun.elapsed() < PATIENCE {
        tokio::time::sleep(LOOK).await;
        let other = cpu::children(parent)
            .into_iter()
            .find(|other| *other != pid && cpu::name(*other).is_some_and(|name| name == "workerd"));
        let answers = text.client.get(&door).send().await;
        if let (Some(other), Ok(true)) = (other, answers.map(|answer| answer.status().is_success()))
        {
            return Ok(other);
        }
    }
    Err(Failure::Unexpected { problem: "the stack did not start its runtime again".to_owned() })
}

/// All of them, in Markdown.
pub(crate) fn table(cold: &[Cold]) -> String {
    if cold.is_empty() {
        return String::new();
    }
    let mut table = String::from("| who | what | wait ms | CPU ms |\n| --- | --- | --- | --- |\n");
    for Cold { who, what, wait_ms, cpu_ms } in cold {
        // Writing to a String cannot fail.
        let _written =
            writeln!(table, "| {who} | {what} | {} | {} |", figure(*wait_ms), figure(*cpu_ms));
    }
    table
}
