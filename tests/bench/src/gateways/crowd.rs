//! Many streams at once: who carries them, how late they begin, and how much memory that takes.

use std::{fmt::Write as _, time::Duration};

use serde::Serialize;

use super::table::figure;
use crate::{
    case::{Road, Side, case},
    cpu,
    failure::Failure,
    load::Target,
    report::Figures,
};

/// Between two looks at the memory.
const LOOK: Duration = Duration::from_millis(50);
/// No request of a crowd begins later than this after the first.
const LIMIT: Duration = Duration::from_secs(30);
/// What a stream of a crowd is: two events a second, for so many seconds.
const GAP_MS: u64 = 500;
const MIB: f64 = 1_048_576.0;

/// One crowd before one of them.
#[derive(Debug, Serialize)]
pub(crate) struct Crowd {
    streams: usize,
    who: &'static str,
    /// The medians and percentiles of the one round.
    figures: Figures,
    /// Before, and at the most while they came.
    before_mib: Option<f64>,
    most_mib: Option<f64>,
}

impl Crowd {
    fn added(&self) -> Option<f64> {
        Some(self.most_mib? - self.before_mib?)
    }
}

/// 200 streams at once before everybody, then 1,000 before one isolate of ours, the bare worker, and the bare worker
/// that splits its streams as ours are split.
///
/// # Errors
/// `Wrong` for a stream that is not whole.
pub(crate) async fn measure(quick: bool, all: &[Target]) -> Result<Vec<Crowd>, Failure> {
    let mut crowds = Vec::new();
    for streams in [200, 1_000] {
        let carries = |side: Side| match side {
            Side::Bare | Side::Split | Side::Text => true,
            Side::Litellm | Side::Portkey => streams == 200,
            Side::Direct | Side::Mapped => false,
        };
        for target in all.iter().filter(|target| carries(target.side)) {
            crowds.push(one(target, streams, if quick { 6 } else { 20 }).await?);
        }
    }
    Ok(crowds)
}

async fn one(target: &Target, streams: usize, chunks: u32) -> Result<Crowd, Failure> {
    let few = streams / 20;
    target.round(case(Road::Relayed, chunks, GAP_MS / 10, few, few), LIMIT).await?;
    let look = |pid: u32| cpu::resident(pid);
    let before = target.pid.and_then(look);
    let pid = target.pid;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let watcher = tokio::spawn(async move {
        let mut most = None;
        let mut stopped = stopped;
        loop {
            most = most.max(pid.and_then(look));
            if tokio::time::timeout(LOOK, &mut stopped).await.is_ok() {
                return most;
            }
        }
    });
    let case = case(Road::Relayed, chunks, GAP_MS, streams, streams);
    let round = target.round(case, LIMIT).await;
    drop(stop);
    let most = watcher.await.map_err(|error| Failure::Task { problem: error.to_string() })?;
    let round = round?;
    eprintln!("  {streams} streams at once, {}", target.side.word());
    let mib = |bytes: Option<u64>| bytes.map(|bytes| bytes as f64 / MIB);
    Ok(Crowd {
        streams,
        who: target.side.word(),
        figures: Figures::of_round(&case, &round),
        before_mib: mib(before),
        most_mib: mib(most),
    })
}

/// All of them, in Markdown.
pub(crate) fn table(crowds: &[Crowd]) -> String {
    if crowds.is_empty() {
        return String::new();
    }
    let mut table = String::from(
        "| streams at once | who | first byte p50 ms | whole p50 ms | whole p95 ms | CPU ms a stream | memory before MiB | at the most MiB | added MiB |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for crowd in crowds {
        let Figures {
            first_byte_p50_ms, latency_p50_ms, latency_p95_ms, cpu_ms_per_request, ..
        } = crowd.figures;
        let cells = [
            Some(first_byte_p50_ms),
            Some(latency_p50_ms),
            latency_p95_ms,
            cpu_ms_per_request,
            crowd.before_mib,
            crowd.most_mib,
            crowd.added(),
        ];
        // Writing to a String cannot fail.
        let _written = writeln!(
            table,
            "| {} | {} | {} |",
            crowd.streams,
            crowd.who,
            cells.map(figure).join(" | ")
        );
    }
    table
}
