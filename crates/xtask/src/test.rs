//! `cargo xtask test`: every suite, on the host and against a stack of its own.

pub(crate) mod blocks;
mod canaries;
mod log_lines;

use std::ffi::OsStr;
use std::num::NonZero;
use std::path::Path;
use std::thread;

use crate::ci::Steps;
use crate::dev;
use crate::failure::Failure;
use crate::layout::Layout;
use crate::run::Run;
use crate::setup::chromium;
use crate::setup::clients::{self, Clients};
use crate::setup::{self, Tools};
use crate::stack::Stack;
use crate::stack::ports::Ports;
use crate::{build, files, pages};

/// Eight at once on two cores ran the suites on the host in less than half of the time that two took.
const TESTS_A_CORE: usize = 4;

/// The modules of the contract that make everything else fail: they run by themselves, one test after the other.
const ALONE: [&str; 4] = ["down", "dropped", "killed", "panicked"];

/// What runs tests: nextest where it is installed, else what comes with cargo.
#[derive(Clone, Copy)]
struct Runner {
    nextest: bool,
}

impl Runner {
    fn command(self) -> &'static [&'static str] {
        if self.nextest { &["nextest", "run"] } else { &["test"] }
    }

    /// [`ALONE`].
    fn alone(self) -> Vec<String> {
        if self.nextest {
            return words(&[
                "--workspace",
                "--filterset",
                &Self::filter(""),
                "--test-threads",
                "1",
            ]);
        }
        let mut all = words(&["--package", "de-contract", "--", "--test-threads", "1"]);
        all.extend(ALONE.map(|module| format!("{module}::")));
        all
    }

    /// The contract without [`ALONE`], which would run for nothing there, as it may end nothing.
    fn contract(self) -> Vec<String> {
        if self.nextest {
            return words(&["--workspace", "--filterset", &Self::filter("not ")]);
        }
        let mut all = words(&["--package", "de-contract", "--"]);
        all.extend(
            ALONE.into_iter().flat_map(|module| ["--skip".to_owned(), format!("{module}::")]),
        );
        all
    }

    /// Always of the whole workspace: a package by itself has other features, and would be compiled once more.
    fn filter(not: &str) -> String {
        format!("package(de-contract) and {not}test(/^({})::/)", ALONE.join("|"))
    }
}

fn words(all: &[&str]) -> Vec<String> {
    all.iter().copied().map(str::to_owned).collect()
}

/// Runs the command.
pub(crate) fn run(layout: &Layout) -> Result<(), Failure> {
    let tools = setup::prepare(layout)?;
    let clients = Clients::for_a_person(layout)?;
    let mut steps = Steps::begin();
    suites(layout, &tools, &clients, &mut steps)?;
    steps.end()
}

/// Runs every suite as a step.
pub(crate) fn suites(
    layout: &Layout,
    tools: &Tools,
    clients: &Clients,
    steps: &mut Steps,
) -> Result<(), Failure> {
    let runner = Runner { nextest: setup::has_nextest() };
    let host = runner.command();
    steps.run("host tests", || cargo(layout, host, &["--workspace"]).watched())?;
    if runner.nextest {
        // Nextest runs no examples of documentation.
        steps.run("examples in documentation", || {
            cargo(layout, &["test", "--doc", "--quiet"], &["--workspace"]).watched()
        })?;
    }
    let chromium = chromium::prepare()?;
    let built = steps.run("workers", || build::all(layout, tools))?;
    if !built.passed() {
        return Ok(());
    }
    steps.run("first run on an empty stack", || first_run(layout, tools, &chromium))?;
    let ports = Ports::free()?;
    let mut stack = None;
    steps.run("stack", || {
        stack = Some(dev::start_for_tests(layout, tools, ports)?);
        Ok(())
    })?;
    let Some(stack) = stack else { return Ok(()) };
    // First: the contract suite leaves hundreds of models and tenants in every list.
    steps.run("browser suite on the stack", || browser(layout, tools, &chromium, &stack))?;
    steps.run("contract suite on the stack", || {
        // Where the machine is not ours alone, one that only passes at its second try is named as flaky at the end, as
        // in the browser suite.
        let tries = if std::env::var_os("CI").is_some() { "1" } else { "0" };
        tell(cargo(layout, host, &runner.contract()), &stack)
            .env("NEXTEST_RETRIES", tries)
            .watched()
    })?;
    steps.run("SDK suites on the stack", || {
        let python = clients.python.clone().unwrap_or_default();
        let run = Run::new(&tools.node).args(["--test"]).args(client_suites(layout)?);
        let run = tell(run.dir(&layout.root), &stack)
            .env("DE_CLIENTS_PYTHON", python)
            .env("DE_COMPATIBILITY", clients.page);
        tools.dress(run)?.watched()
    })?;
    // Late: they set limits for the tenant that the other suites use.
    steps.run("shell blocks of pages on the stack", || {
        blocks::run(layout, tools, ports, &stack.record)
    })?;
    // Alone, and one after the other: they make ports fail for everybody, and kill the runtime, which
    // Miniflare starts again.
    steps.run("a platform that is down or killed", || {
        tell(cargo(layout, host, &runner.alone()), &stack).env("DE_MAY_KILL_WORKERD", "1").watched()
    })?;
    steps.run("lines of the log", || log_lines::check(layout, ports))?;
    steps.run("secrets at rest", || canaries::search(layout, ports, &stack.record.keys))?;
    if steps.have_passed() {
        stack.forget(layout, ports);
    }
    Ok(())
}

/// An operator begins where nobody is yet: on a stack of its own, since this works once.
fn first_run(layout: &Layout, tools: &Tools, chromium: &Path) -> Result<(), Failure> {
    let ports = Ports::free()?;
    let stack = dev::start_empty_for_tests(layout, tools, ports)?;
    browser(layout, tools, chromium, &stack)?;
    stack.forget(layout, ports);
    Ok(())
}

/// The browser suite that fits the stack.
fn browser(layout: &Layout, tools: &Tools, chromium: &Path, stack: &Stack) -> Result<(), Failure> {
    let folder = pages::folder(layout);
    let program = folder.join("node_modules/@playwright/test/cli.js");
    let run = Run::new(&tools.node).args([program.as_os_str()]).args(["test"]);
    let run = tell(run.dir(&folder.join("browser")), stack).env("DE_CHROMIUM", chromium);
    tools.dress(run)?.watched()
}

/// Cargo, with more tests at once than there are cores: most of them wait for a vendor's delay or a deadline.
fn cargo(layout: &Layout, command: &[&str], what: &[impl AsRef<OsStr>]) -> Run {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let at_once = (cores * TESTS_A_CORE).to_string();
    let run = Run::new("cargo").args(command).args(what).dir(&layout.root);
    run.env("NEXTEST_TEST_THREADS", &at_once).env("RUST_TEST_THREADS", at_once)
}

/// Tells a suite where the stack is.
fn tell(run: Run, stack: &Stack) -> Run {
    run.env("BASE_URL", &stack.record.base).env("STACK_JSON", &stack.file)
}

/// The suites that the vendors' own SDKs run, which are scripts for Node.
fn client_suites(layout: &Layout) -> Result<Vec<std::path::PathBuf>, Failure> {
    let mut scripts = files::entries(&clients::folder(layout))?;
    scripts.retain(|path| path.to_string_lossy().ends_with(".test.mjs"));
    Ok(scripts)
}
