//! What a request through the gateway costs, beside one through a worker that only passes it on.
//!
//! `cargo xtask bench` starts the gateway and runs this; README.md beside it says what is measured and how.
//! It fails on wrong answers and never on slow ones.
#![expect(
    clippy::disallowed_methods,
    reason = "this crate never becomes wasm: the host's clock is what it measures with"
)]

mod answer;
mod bare;
mod case;
mod cpu;
mod failure;
mod gateway;
mod gateways;
mod growth;
mod limits;
mod lists;
mod load;
mod machine;
mod report;
mod soak;
mod usage;
mod vendor;

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use bare::Bare;
use case::{Plan, Road, Side};
use failure::Failure;
use gateway::Gateway;
use load::Target;
use machine::Machine;
use report::{Line, Report, Rounds};

const HELP: &str = "\
cargo xtask bench [--quick] [--rounds N] [--only WORD]
cargo xtask bench limits [--quick] [--rounds N] [--only WORD]
cargo xtask bench gateways [--quick] [--rounds N] [--only WORD] [--against LIST]
cargo xtask bench growth [--quick]
cargo xtask bench soak [--minutes N]
cargo xtask bench --lists [--rounds N]
cargo run --release -p de-bench -- --usage

  gateways     beside public gateways, which are installed for it; --against portkey,litellm names some of them
  growth       how the cost grows with prompts, streams, keys and models
  limits       what is promised of limits and budgets, at full size, and what that costs, instead of ratios
  soak         half an hour of mixed calls: whether memory is flat and the books are exact at its end
  --minutes N  how long that is
  --quick      every road in under a minute, to see that it works; the figures are no good
  --rounds N   how often each case is measured on each side, in turn
  --lists      the lists of the control plane, at 10,000 keys and 1,000 models, instead of calls
  --usage      usage of a million calls, in SQLite alone, instead of calls
  --only WORD  the cases whose name has this word: json, relayed, filtered, translated; of the limits the
               parts: budget, window, revoked, database, hops, cpu, killed; of the gateways: json, streams,
               crowd, cold";

/// The longest that one answer may take before it counts as none.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("bench: {}", failure.whole());
            ExitCode::FAILURE
        }
    }
}

/// The command line.
struct Options {
    gateways: Option<gateways::Plan>,
    growth: bool,
    limits: Option<limits::Plan>,
    lists: bool,
    quick: bool,
    plan: Plan,
    soak: Option<soak::Plan>,
    usage: bool,
}

fn options() -> Result<Option<Options>, lexopt::Error> {
    use lexopt::prelude::{Long, Short, Value, ValueExt};
    let (mut quick, mut rounds, mut only) = (false, None, None);
    let (mut gateways, mut growth) = (false, false);
    let (mut limits, mut lists, mut usage) = (false, false, false);
    let (mut soaks, mut minutes) = (false, None);
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("help") | Short('h') => return Ok(None),
            // `cargo xtask bench` has read it: it installs them, and says where.
            Long("against") => drop(parser.value()?),
            Long("lists") => lists = true,
            Long("only") => only = Some(parser.value()?.string()?),
            Long("quick") => quick = true,
            Long("usage") => usage = true,
            Long("rounds") => rounds = Some(parser.value()?.parse::<usize>()?),
            Value(word) if word == "gateways" => gateways = true,
            Value(word) if word == "growth" => growth = true,
            Long("minutes") => minutes = Some(parser.value()?.parse::<u64>()?),
            Value(word) if word == "limits" => limits = true,
            Value(word) if word == "soak" => soaks = true,
            other => return Err(other.unexpected()),
        }
    }
    let gateways = gateways.then(|| gateways::Plan { only: only.clone(), quick, rounds });
    let limits = limits.then(|| limits::Plan { only: only.clone(), quick, rounds });
    let soak = soaks.then_some(soak::Plan { minutes });
    let mut plan = if quick { Plan::quick() } else { Plan::full() };
    plan.rounds = rounds.unwrap_or(plan.rounds).max(1);
    if let Some(word) = only {
        plan.cases.retain(|case| case.to_string().contains(&word));
    }
    Ok(Some(Options { gateways, growth, limits, lists, quick, plan, soak, usage }))
}

async fn run() -> Result<(), Failure> {
    let Some(Options { gateways, growth, limits, lists, quick, plan, soak, usage }) =
        options().map_err(|source| Failure::Arguments { source })?
    else {
        println!("{HELP}");
        return Ok(());
    };
    if usage {
        println!("{}", usage::measure().await?);
        return Ok(());
    }
    let setting = |name: &'static str| env::var(name).map_err(|_| Failure::Setting { name });
    let root = PathBuf::from(setting("DE_ROOT")?);
    let port = setting("DE_BENCH_VENDOR_PORT")?;
    let port = port.parse().map_err(|_| Failure::Setting { name: "DE_BENCH_VENDOR_PORT" })?;
    let gateway = Gateway::find()?;
    let client = reqwest::Client::builder()
        .no_proxy()
        .tcp_nodelay(true)
        .timeout(PATIENCE)
        .build()
        .map_err(|source| Failure::Request { what: "making a client".to_owned(), source })?;
    if lists {
        let lines = lists::measure(&gateway, &client, plan.rounds).await?;
        println!("\n{}\n{}", lists::table(&lines), lists::plans()?);
        return write(&root, "lists.json", &lines);
    }
    if let Some(plan) = soak {
        let report = soak::prove(&plan, &root, &gateway, &client).await?;
        println!("\n{}", report.table());
        write(&root, "soak.json", &report)?;
        return match report.broken() {
            0 => Ok(()),
            promises => Err(Failure::Broken { promises }),
        };
    }
    let _vendor = vendor::start(port).await?;
    if let Some(plan) = limits {
        let report = limits::prove(&plan, &root, &gateway, &client).await?;
        println!("\n{}", report.table());
        write(&root, "limits.json", &report)?;
        return match report.broken() {
            0 => Ok(()),
            promises => Err(Failure::Broken { promises }),
        };
    }
    if growth {
        let series = growth::measure(quick, &gateway, &client).await?;
        println!("\n{}", growth::table(&series));
        return write(&root, "growth.json", &series);
    }
    if let Some(plan) = gateways {
        let report = gateways::compare(&plan, &root, port, &gateway, &client).await?;
        println!("\n{}", report.table());
        return write(&root, "gateways.json", &report);
    }
    let bare = Bare::start(&root, port).await?;
    let machine = Machine::now(&bare.told.workerd);
    let measured = compare(&plan, &gateway, &bare, client).await;
    bare.end().await?;
    let cases = measured?;
    let machine = Machine { load_after: machine::load(), ..machine };
    let report = Report { machine, quick, rounds: plan.rounds, cases };
    println!("\n{}\n{}", report.machine.line(), HOW_TO_READ);
    println!("{}", report.table());
    println!("{FURTHER}\n{}", report.further());
    write(&root, "latest.json", &report)
}

const HOW_TO_READ: &str =
    "Each cell: ratio of text to bare (text / bare), medians over the rounds.\n";

const FURTHER: &str =
    "What one more chunk costs: from 200 of them to 2,000, one caller, without gaps.\n";

/// Makes the models, then measures.
async fn compare(
    plan: &Plan,
    gateway: &Gateway,
    bare: &Bare,
    client: reqwest::Client,
) -> Result<Vec<Line>, Failure> {
    gateway.make_models(&client).await?;
    let text = Target {
        client: client.clone(),
        key: gateway.client_key.clone(),
        pid: gateway.workerd_pid,
        side: Side::Text,
        url: gateway.text().to_owned(),
    };
    let passing = Target {
        client,
        key: "bare".to_owned(),
        pid: bare.told.pid,
        side: Side::Bare,
        url: bare.told.url.clone(),
    };
    let split = Target { side: Side::Split, ..passing.clone() };
    measure(plan, &Sides { bare: passing, split, text }).await
}

/// Everybody who is measured.
struct Sides {
    bare: Target,
    split: Target,
    text: Target,
}

/// Measures every case: text, bare, text, bare. The first round of each does not count, since the runtime is
/// still compiling.
async fn measure(plan: &Plan, sides: &Sides) -> Result<Vec<Line>, Failure> {
    let mut lines = Vec::new();
    for case in &plan.cases {
        let splits = case.road == Road::Relayed;
        let targets = [&sides.text, &sides.bare].into_iter().chain(splits.then_some(&sides.split));
        for target in targets {
            target.round(*case, plan.round_limit).await?;
        }
        let mut rounds = Vec::new();
        for _ in 0..plan.rounds {
            let text = sides.text.round(*case, plan.round_limit).await?;
            let bare = sides.bare.round(*case, plan.round_limit).await?;
            let split =
                if splits { Some(sides.split.round(*case, plan.round_limit).await?) } else { None };
            rounds.push(Rounds { bare, split, text });
        }
        eprintln!("  {case}, {} at once: {} rounds", case.concurrency, plan.rounds);
        lines.push(Line::of_rounds(*case, &rounds));
    }
    Ok(lines)
}

fn write(root: &Path, name: &str, report: &impl serde::Serialize) -> Result<(), Failure> {
    let folder = root.join("target/bench");
    fs::create_dir_all(&folder).map_err(Failure::system("create", &folder))?;
    let json = serde_json::to_string_pretty(report).map_err(|source| Failure::Json { source })?;
    let file = folder.join(name);
    fs::write(&file, json + "\n").map_err(Failure::system("write", &file))?;
    println!("written to {}", file.display());
    Ok(())
}
