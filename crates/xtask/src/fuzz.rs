//! `cargo xtask fuzz`: libFuzzer looks for bytes at which a reader of ours fails; `tests/fuzz` has the readers.
//!
//! The coverage that guides it comes from the compiler's own pass, by flags that stable Rust takes, and the driver from
//! the crate `libfuzzer-sys`: neither a nightly compiler nor a tool that is installed apart is needed, but a C++
//! compiler is. No sanitizer runs: where `unsafe` is forbidden it would find nothing.

use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::thread;

use lexopt::prelude::{Long, Value, ValueExt};

use crate::failure::Failure;
use crate::files;
use crate::layout::Layout;
use crate::run::Run;
use crate::say::{self, Watch};

/// How long CI looks for inputs of each target, in seconds.
pub(crate) const IN_CI: u32 = 60;

/// What makes the compiler count the edges that were taken, and show comparisons to the driver.
const FLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";

/// What is looked at.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Order {
    /// Runs this file alone, once: a finding, again.
    pub(crate) input: Option<PathBuf>,
    /// How long each target runs.
    pub(crate) seconds: u32,
    /// One of them; all if absent.
    pub(crate) target: Option<String>,
}

impl Order {
    /// Reads what follows the command's name.
    ///
    /// # Errors
    /// A sentence for the caller.
    pub(crate) fn read(mut parser: lexopt::Parser) -> Result<Self, lexopt::Error> {
        let mut order = Self { input: None, seconds: IN_CI, target: None };
        while let Some(arg) = parser.next()? {
            match arg {
                Long("input") => order.input = Some(parser.value()?.into()),
                Long("seconds") => order.seconds = parser.value()?.parse()?,
                Value(target) if order.target.is_none() => order.target = Some(target.string()?),
                other => return Err(other.unexpected()),
            }
        }
        if order.seconds == 0 {
            return Err("0 seconds would be without an end; say how many".into());
        }
        if order.input.is_some() && order.target.is_none() {
            return Err("which target is the input of? `fuzz TARGET --input FILE`".into());
        }
        Ok(order)
    }
}

/// Runs the command.
///
/// # Errors
/// `Missing` for a target that is none, `Steps` with the targets that found something.
pub(crate) fn run(layout: &Layout, order: &Order) -> Result<(), Failure> {
    let mut targets = targets(layout)?;
    if let Some(wanted) = &order.target {
        let known = targets.join(", ");
        targets.retain(|target| target == wanted);
        if targets.is_empty() {
            let what = format!("there is no target `{wanted}`");
            return Err(Failure::Missing { what, remedy: format!("there are {known}") });
        }
    }
    let program = build(layout, true)?;
    if let (Some(input), Some(target)) = (&order.input, targets.first()) {
        return Run::new(program).args([input]).env("DE_FUZZ_TARGET", target).show();
    }
    each(layout, &program, &targets, order.seconds)
}

/// The names of the targets: the folders of the corpus.
fn targets(layout: &Layout) -> Result<Vec<String>, Failure> {
    let mut names: Vec<String> = files::entries(&corpus(layout))?
        .iter()
        .filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned()))
        .collect();
    names.sort();
    Ok(names)
}

fn corpus(layout: &Layout) -> PathBuf {
    layout.root.join("tests/fuzz/corpus")
}

/// Builds what [`run`] runs, without a word, and of the processors only what others leave: beside other steps, of which
/// many wait for something else. What fails is told by [`run`], which builds what is not there.
pub(crate) fn prepare(layout: &Layout) {
    let _built_later = build(layout, false);
}

fn build(layout: &Layout, alone: bool) -> Result<PathBuf, Failure> {
    let told = Run::new("rustc").args(["-vV"]).capture()?;
    let machine = told.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default();
    let folder = layout.target.join("fuzz");
    // With a target that is named, scripts and macros of builds are compiled without these flags.
    let run = if alone { Run::new("cargo") } else { Run::new("nice").args(["-n", "19", "cargo"]) };
    let run = run
        .args(["build", "--quiet", "--profile", "fuzz", "--target", machine, "--target-dir"])
        .args([&folder])
        .args(["--package", "de-fuzz", "--bin", "fuzz", "--features", "libfuzzer"])
        .dir(&layout.root)
        .env("RUSTFLAGS", FLAGS);
    if alone { run.progress("build of what is fuzzed") } else { run }.capture()?;
    Ok(folder.join(machine).join("fuzz/fuzz"))
}

/// Runs targets, as many at once as there are cores.
fn each(layout: &Layout, program: &Path, targets: &[String], seconds: u32) -> Result<(), Failure> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let left = Mutex::new(targets.iter());
    let failed = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                loop {
                    let next = left.lock().unwrap_or_else(PoisonError::into_inner).next();
                    let Some(target) = next else { return };
                    let watch = Watch::start();
                    match one(layout, program, target, seconds) {
                        Ok(told) => say::line(&format!("{target}: {told} ({})", watch.text())),
                        Err(failure) => {
                            say::line(&format!("{target}: {failure}"));
                            let mut failed = failed.lock().unwrap_or_else(PoisonError::into_inner);
                            failed.push((target.clone(), failure));
                        }
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
    if failed.iter().any(|(_, failure)| matches!(failure, Failure::Interrupted)) {
        return Err(Failure::Interrupted);
    }
    for (target, failure) in &failed {
        let found = found(layout, target);
        say::line(&format!("{target}:{}", finding(&failure.to_string())));
        say::line(&format!(
            "what {target} failed on lies in {0}; once more: cargo xtask fuzz {target} --input {0}/FILE\n\
             once it is mended, the file goes into tests/fuzz/corpus/{target}/, where every run of the tests reads it",
            layout.short(&found).display()
        ));
    }
    if failed.is_empty() {
        return Ok(());
    }
    Err(Failure::Steps { steps: failed.into_iter().map(|(target, _)| target).collect() })
}

/// Where inputs are put that a target fails on.
fn found(layout: &Layout, target: &str) -> PathBuf {
    layout.dev().join("fuzz/found").join(target)
}

/// Runs a target, and says what was tried.
fn one(layout: &Layout, program: &Path, target: &str, seconds: u32) -> Result<String, Failure> {
    let grown = layout.dev().join("fuzz/corpus").join(target);
    let found = found(layout, target);
    files::make_folder(&grown)?;
    files::make_folder(&found)?;
    // The driver writes to standard error alone.
    let told = Run::new("sh")
        .args(["-c", "exec \"$0\" \"$@\" 2>&1"])
        .args([program])
        .args([
            format!("-max_total_time={seconds}"),
            format!("-artifact_prefix={}/", found.display()),
            "-timeout=10".to_owned(),
            "-rss_limit_mb=2048".to_owned(),
            "-print_final_stats=1".to_owned(),
        ])
        // What is new goes into the first folder; the kept ones are read only.
        .args([grown, corpus(layout).join(target)])
        .env("DE_FUZZ_TARGET", target)
        .progress(target)
        .capture()?;
    Ok(figures(&told))
}

/// What failed and the input itself, out of all that the driver wrote: where only the end of an output is kept, the
/// file with the input is gone.
fn finding(told: &str) -> String {
    let lines: Vec<&str> = told.lines().map(|line| line.trim_start_matches([' ', '|'])).collect();
    let panicked = lines.iter().position(|line| line.contains("panicked at"));
    let panic = panicked.and_then(|at| lines.get(at..at + 2)).unwrap_or_default();
    let driver = ["ERROR: libFuzzer", "Base64:"];
    let driver = lines.iter().filter(|line| driver.iter().any(|begin| line.contains(begin)));
    panic.iter().chain(driver).fold(String::new(), |all, line| all + "\n  " + line)
}

/// How many inputs were tried, and how many edges they took.
fn figures(told: &str) -> String {
    let tried = told.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:"));
    let edges = told.lines().rev().find_map(|line| line.split_once(" cov: ")?.1.split(' ').next());
    let or_none = |figure: Option<&str>| figure.map_or("no", str::trim).to_owned();
    format!("{} inputs, {} edges, nothing found", or_none(tried), or_none(edges))
}

#[cfg(test)]
mod tests {
    use super::{Order, figures, finding};

    fn read(line: &str) -> Result<Order, String> {
        let parser = lexopt::Parser::from_args(line.split_whitespace());
        Order::read(parser).map_err(|refusal| refusal.to_string())
    }

    #[test]
    fn an_order_is_read() {
        let order = |input: Option<&str>, seconds, target: Option<&str>| {
            let (input, target) = (input.map(Into::into), target.map(str::to_owned));
            Ok(Order { input, seconds, target })
        };
        assert_eq!(read(""), order(None, 60, None));
        assert_eq!(read("key --seconds 600"), order(None, 600, Some("key")));
        assert_eq!(
            read("key --input found/crash-1"),
            order(Some("found/crash-1"), 60, Some("key"))
        );
        assert!(read("key sse").is_err() && read("--seconds x").is_err());
        assert!(read("--seconds 0").unwrap_err().contains("without an end"));
        assert!(read("--input a").unwrap_err().contains("which target"));
    }

    #[test]
    fn figures_are_those_of_the_driver() {
        let told = "#2\tINITED cov: 7 ft: 7 corp: 1/1b\n#16\tNEW    cov: 8 ft: 8\n#99\tDONE   cov: 10 ft: 10\n\
                    stat::number_of_executed_units: 99\n";
        assert_eq!(figures(told), "99 inputs, 10 edges, nothing found");
        assert_eq!(figures(""), "no inputs, no edges, nothing found");
    }

    #[test]
    fn a_finding_is_told_with_its_input() {
        let told = "`sh -c fuzz` ended with exit status: 77\n  | #12 NEW cov: 3\n  | thread 'main' panicked at \
            src/x.rs:1:2:\n  | it broke\n  | ==7== ERROR: libFuzzer: deadly signal\n  | Base64: AAo=\n  | \
            stat::peak_rss_mb: 9";
        let expected = "\n  thread 'main' panicked at src/x.rs:1:2:\n  it broke\n  ==7== ERROR: libFuzzer: deadly \
            signal\n  Base64: AAo=";
        assert_eq!(finding(told), expected);
        assert_eq!(finding("cannot start `sh`"), "");
    }
}
