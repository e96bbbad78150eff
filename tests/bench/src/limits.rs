//! `cargo xtask bench limits`: what is promised of limits and budgets, at full size and on a real stack, and what
//! keeping it costs. README.md says how each part goes about it.

mod admissions;
mod budget;
pub(crate) mod caller;
pub(crate) mod control;
mod database;
mod hops;
mod killed;
pub(crate) mod part;
mod processor;
mod revoked;
mod tenant;
mod window;

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{failure::Failure, gateway::Gateway, machine, machine::Machine, report::quantile};
use caller::Told;
use control::Control;
use part::Part;

/// How long the vendor thinks, unless a part says otherwise.
const LATENCY_MS: u64 = 200;
/// The parts, in their order. The kill is the last: it leaves another process behind than all else knows of.
const PARTS: [&str; 7] = ["budget", "window", "revoked", "database", "hops", "cpu", "killed"];

/// Where all parts work.
struct Bench {
    client: reqwest::Client,
    control: Control,
    latency_ms: u64,
    quick: bool,
    /// The text worker's own host.
    text: String,
    workerd_pid: Option<u32>,
}

/// What is wanted.
pub(crate) struct Plan {
    /// Only the parts whose name has this word.
    pub(crate) only: Option<String>,
    pub(crate) quick: bool,
    /// Of the processor time.
    pub(crate) rounds: Option<usize>,
}

/// Everything that was found out, as it is written to `target/bench/limits.json`.
#[derive(Serialize)]
pub(crate) struct Report {
    machine: Machine,
    parts: Vec<Part>,
    quick: bool,
}

impl Report {
    /// How many promises do not hold.
    pub(crate) fn broken(&self) -> usize {
        self.parts.iter().map(Part::broken).sum()
    }

    /// Its tables, in Markdown.
    pub(crate) fn table(&self) -> String {
        format!("{}\n\n{}", self.machine.line(), part::table(&self.parts))
    }
}

/// Runs the parts, one after another. What keeps one of them from finding out is a broken promise of its own.
///
/// # Errors
/// `Unexpected` if no part has the word, and whatever keeps all of them from beginning.
pub(crate) async fn prove(
    plan: &Plan,
    root: &Path,
    gateway: &Gateway,
    client: &reqwest::Client,
) -> Result<Report, Failure> {
    let Plan { only, quick, rounds } = plan;
    let is_wanted = |name: &&str| only.as_ref().is_none_or(|word| name.contains(word.as_str()));
    let names: Vec<_> = PARTS.into_iter().filter(is_wanted).collect();
    if names.is_empty() {
        let problem = format!("there is no such part; there are {}", PARTS.join(", "));
        return Err(Failure::Unexpected { problem });
    }
    let machine = Machine::now(&workerd(root));
    let control = Control::of(gateway, client.clone());
    tenant::make_model(&control).await?;
    let bench = Bench {
        client: client.clone(),
        control,
        latency_ms: LATENCY_MS,
        quick: *quick,
        text: gateway.text().to_owned(),
        workerd_pid: gateway.workerd_pid,
    };
    let mut parts = Vec::new();
    for name in names {
        let mut part = Part::new(name);
        let proven = match name {
            "budget" => budget::prove(&bench, &mut part).await,
            "cpu" => processor::measure(&bench, &mut part, *rounds).await,
            "database" => database::prove(&bench, &mut part).await,
            "hops" => hops::prove(&bench, &mut part).await,
            "killed" => killed::prove(&bench, &mut part).await,
            "revoked" => revoked::prove(&bench, &mut part).await,
            _ => window::prove(&bench, &mut part).await,
        };
        if let Err(failure) = proven {
            part.promise("it can be found out", false, failure.whole());
        }
        parts.push(part);
    }
    let machine = Machine { load_after: machine::load(), ..machine };
    Ok(Report { machine, parts, quick: *quick })
}

/// The version of the runtime, as its package says.
pub(crate) fn workerd(root: &Path) -> String {
    #[derive(Deserialize)]
    struct Package {
        version: String,
    }
    let text = std::fs::read_to_string(root.join("wrangler/node_modules/workerd/package.json"));
    let package = text.ok().and_then(|text| serde_json::from_str::<Package>(&text).ok());
    package.map_or_else(|| "unknown".to_owned(), |package| package.version)
}

/// How long callers waited, from the moment when a call should have been sent.
struct Latencies {
    p50_ms: f64,
    p95_ms: f64,
}

fn latencies(told: &[Told]) -> Latencies {
    let mut times: Vec<f64> = told.iter().map(Told::latency_ms).collect();
    times.sort_by(f64::total_cmp);
    Latencies { p50_ms: quantile(&times, 50), p95_ms: quantile(&times, 95) }
}
