//! `cargo xtask bench gateways`: the gateway beside what others offer, in one run on one machine, with one vendor.
//!
//! The bare worker is the floor, Portkey's gateway and LiteLLM's proxy are what one would take instead. README.md says
//! how each is set up, and what it leaves out.

mod cold;
mod crowd;
mod rival;
pub(crate) mod table;
mod tenant;

use std::{path::Path, time::Duration};

use serde::Serialize;

use crate::{
    bare::Bare,
    case::{Case, Road, Side, case},
    failure::Failure,
    gateway::Gateway,
    load::{Round, Target},
    machine::{self, Machine},
};
use cold::Cold;
use crowd::Crowd;
use rival::Rival;
use table::Line;

/// What is wanted.
pub(crate) struct Plan {
    /// Only the parts whose name has this word: `json`, `streams`, `crowd`, `cold`.
    pub(crate) only: Option<String>,
    pub(crate) quick: bool,
    pub(crate) rounds: Option<usize>,
}

impl Plan {
    fn wants(&self, part: &str) -> bool {
        self.only.as_ref().is_none_or(|word| part.contains(word.as_str()))
    }

    fn rounds(&self) -> usize {
        self.rounds.unwrap_or(if self.quick { 1 } else { 5 }).max(1)
    }

    fn round_limit(&self) -> Duration {
        Duration::from_secs(if self.quick { 3 } else { 10 })
    }

    fn cases(&self) -> Vec<Case> {
        let few = |full: usize, quick: usize| if self.quick { quick } else { full };
        let mut cases = Vec::new();
        if self.wants("json") {
            cases.extend([
                case(Road::Json, 0, 0, 1, few(150, 20)),
                case(Road::Json, 0, 0, 16, few(1_600, 160)),
                case(Road::Json, 0, 0, 64, few(1_600, 192)),
            ]);
        }
        if self.wants("streams") {
            cases.extend([
                case(Road::Relayed, 200, 0, 1, few(20, 4)),
                case(Road::Relayed, 2_000, 0, 1, few(6, 2)),
                case(Road::Relayed, 50, 100, 16, 16),
            ]);
        }
        cases
    }
}

/// Everything that was found out, as it is written to `target/bench/gateways.json`.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    machine: Machine,
    quick: bool,
    rounds: usize,
    lines: Vec<Line>,
    crowds: Vec<Crowd>,
    cold: Vec<Cold>,
}

impl Report {
    /// Its tables, in Markdown.
    pub(crate) fn table(&self) -> String {
        let parts = [
            table::lines(&self.lines),
            table::further(&self.lines),
            crowd::table(&self.crowds),
            cold::table(&self.cold),
        ];
        let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        format!("{}\n\n{}", self.machine.line(), parts.join("\n"))
    }
}

/// Starts everybody, and measures them in turn.
///
/// # Errors
/// `Wrong` for an answer that is not right, and whatever keeps somebody from starting.
pub(crate) async fn compare(
    plan: &Plan,
    root: &Path,
    port: u16,
    gateway: &Gateway,
    client: &reqwest::Client,
) -> Result<Report, Failure> {
    let tenant = tenant::make(gateway, client).await?;
    let bare = Bare::start(root, port).await?;
    // In a process of its own, as the two are compared by their memory.
    let splitting = Bare::start(root, port).await?;
    let machine = Machine::now(&bare.told.workerd);
    let rivals = Rival::all(root, port, client).await?;
    let text = Target {
        client: client.clone(),
        key: tenant,
        pid: gateway.workerd_pid,
        side: Side::Text,
        url: gateway.text().to_owned(),
    };
    let mapped = Target { side: Side::Mapped, ..text.clone() };
    let passing = Target {
        key: "bare".to_owned(),
        pid: bare.told.pid,
        side: Side::Bare,
        url: bare.told.url.clone(),
        ..text.clone()
    };
    let direct = Target {
        key: "direct".to_owned(),
        pid: None,
        side: Side::Direct,
        url: format!("http://127.0.0.1:{port}"),
        ..text.clone()
    };
    let split = Target {
        pid: splitting.told.pid,
        side: Side::Split,
        url: splitting.told.url.clone(),
        ..passing.clone()
    };
    let mut all = vec![text, mapped, passing, direct];
    all.extend(rivals.iter().map(|rival| rival.target.clone()));
    let mut lines = Vec::new();
    for case in plan.cases() {
        lines.extend(measure(plan, case, &all).await?);
    }
    let crowds = match plan.wants("crowd") {
        true => {
            let crowded: Vec<Target> = all.iter().cloned().chain([split]).collect();
            crowd::measure(plan.quick, &crowded).await?
        }
        false => Vec::new(),
    };
    let cold = match plan.wants("cold") {
        // Last: the runtime is another process after it.
        true => cold::measure(plan, root, port, gateway, &all).await?,
        false => Vec::new(),
    };
    for rival in rivals {
        rival.end().await?;
    }
    bare.end().await?;
    splitting.end().await?;
    let machine = Machine { load_after: machine::load(), ..machine };
    Ok(Report { machine, quick: plan.quick, rounds: plan.rounds(), lines, crowds, cold })
}

/// One case: everybody in turn, each time from another one on. The first round of each does not count.
async fn measure(plan: &Plan, case: Case, all: &[Target]) -> Result<Vec<Line>, Failure> {
    // A mapping reads a stream event by event: that is another road.
    let all: Vec<&Target> = all
        .iter()
        .filter(|target| target.side != Side::Mapped || case.road == Road::Json)
        .collect();
    let mut rounds: Vec<Vec<Round>> = all.iter().map(|_| Vec::new()).collect();
    for number in 0..=plan.rounds() {
        let mut turn: Vec<_> = all.iter().zip(&mut rounds).collect();
        let first = number % turn.len().max(1);
        turn.rotate_left(first);
        for (target, rounds) in turn {
            let round = target.round(case, plan.round_limit()).await?;
            if number > 0 {
                rounds.push(round);
            }
        }
    }
    eprintln!("  {case}, {} at once: {} rounds", case.concurrency, plan.rounds());
    let sides: Vec<Side> = all.iter().map(|target| target.side).collect();
    Ok(table::of_rounds(case, &sides, &rounds))
}
