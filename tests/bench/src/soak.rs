//! `cargo xtask bench soak`: half an hour of mixed calls, to see what stays: of memory nothing, in the books all.
//! README.md says what is called and when memory counts as flat.

mod books;
mod memory;
mod tenant;
mod traffic;

use std::{path::Path, time::Duration};

use serde::Serialize;

use crate::{
    failure::Failure,
    gateway::Gateway,
    limits::{control::Control, part, part::Part, workerd},
    machine::{self, Machine},
};

/// How long it takes unless the command line says otherwise.
const MINUTES: u64 = 30;
/// How many call at once. What they leave of two processors is for the vendors and for the runtime's own work.
const CALLERS: usize = 6;

/// What is wanted.
pub(crate) struct Plan {
    pub(crate) minutes: Option<u64>,
}

/// What was seen, as it is written to `target/bench/soak.json`.
#[derive(Serialize)]
pub(crate) struct Report {
    machine: Machine,
    memory: Vec<memory::Sample>,
    minutes: u64,
    parts: Vec<Part>,
}

impl Report {
    /// How many promises do not hold.
    pub(crate) fn broken(&self) -> usize {
        self.parts.iter().map(Part::broken).sum()
    }

    /// Its tables, in Markdown.
    pub(crate) fn table(&self) -> String {
        let minutes = self.minutes;
        format!("{}, {minutes} minutes\n\n{}", self.machine.line(), part::table(&self.parts))
    }
}

/// Calls for as long as was asked, then looks at what is left.
///
/// # Errors
/// Whatever keeps it from finding out.
pub(crate) async fn prove(
    plan: &Plan,
    root: &Path,
    gateway: &Gateway,
    client: &reqwest::Client,
) -> Result<Report, Failure> {
    let minutes = plan.minutes.unwrap_or(MINUTES).max(1);
    let Some(pid) = gateway.workerd_pid else {
        return Err(Failure::Unexpected {
            problem: "the stack has no workerd to look at".to_owned(),
        });
    };
    let machine = Machine::now(&workerd(root));
    let control = Control::of(gateway, client.clone());
    let tenants = tenant::Tenants::make(gateway, &control).await?;
    let duration = Duration::from_secs(minutes * 60);
    let watch = tokio::spawn(memory::watch(pid, duration));
    let calls = traffic::run(gateway, client, &tenants, CALLERS, duration).await?;
    let memory = watch.await.map_err(|error| Failure::Task { problem: error.to_string() })?;
    let parts = vec![
        traffic::part(&calls, duration),
        books::part(&control, &tenants, &calls).await?,
        memory::part(&memory, calls.len()),
    ];
    let machine = Machine { load_after: machine::load(), ..machine };
    Ok(Report { machine, memory, minutes, parts })
}
