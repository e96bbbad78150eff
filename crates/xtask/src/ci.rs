//! `cargo xtask ci`: the one list of steps that decides whether a change is good, here and on GitHub.

use std::thread;

use de_services::WORKERS;

use crate::build::Purpose;
use crate::deploy::{self, dry, environments};
use crate::failure::Failure;
use crate::interrupt;
use crate::layout::Layout;
use crate::run::Run;
use crate::say::{self, Watch};
use crate::setup::checkers::Checkers;
use crate::setup::clients::Clients;
use crate::setup::rust::TARGET;
use crate::workers::package;
use crate::{conflicts, dependencies, fuzz, new, pages, setup, size, test, types, workflows};

/// Runs the command.
///
/// # Errors
/// `Steps` with the names of those that failed; each said why when it did.
pub(crate) fn run(layout: &Layout) -> Result<(), Failure> {
    let mut steps = Steps::begin();
    steps.run("marks of conflicts", || conflicts::check(layout))?;
    steps.run("formatting", || cargo(layout, &["fmt", "--all", "--check"]).watched())?;
    steps.run("lints on the host", || {
        cargo(layout, &["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"])
            .watched()
    })?;
    let tools = setup::prepare(layout)?;
    let checkers = Checkers::prepare(layout)?;
    let clients = Clients::for_ci(layout)?;
    steps.run("licences and sources of crates", || dependencies::check(layout, &checkers))?;
    steps.run("workflows", || workflows::check(layout, &checkers))?;
    steps.run("lints for wasm", || {
        let packages =
            WORKERS.iter().flat_map(|worker| ["--package".to_owned(), package(worker.name)]);
        cargo(layout, &["clippy", "--target", TARGET, "--package", "de-edge"])
            .args(packages)
            .args(["--", "--deny", "warnings"])
            .env("WASM_BINDGEN_USE_JS_SYS", "1")
            .watched()
    })?;
    steps.run("what the generators write", || new::trial::run(layout))?;
    steps.run("format, lints and types of pages", || pages::check(layout, &tools))?;
    steps.run("description of the API", || types::lint(layout, &tools))?;
    thread::scope(|scope| {
        // The suites wait much, and have the time to spare.
        scope.spawn(|| fuzz::prepare(layout));
        test::suites(layout, &tools, &clients, &mut steps)
    })?;
    // After the suites, which leave the cores to it.
    steps.run("fuzzing", || {
        fuzz::run(layout, &fuzz::Order { input: None, seconds: fuzz::IN_CI, target: None })
    })?;
    if steps.has_passed("workers") {
        steps.run("size budgets", || size::check(layout))?;
        steps.run("size budgets of pages", || pages::sizes(layout, &tools))?;
        // With the workers that the suites ran on: another build of each would double the time of the whole list.
        steps.run("dry run of deployments", || {
            let all = environments::read_all(layout)?;
            let names: Vec<&str> = all.keys().map(String::as_str).collect();
            dry::run(layout, &tools, &names, Purpose::Local, None)
        })?;
        // These can be made to fail, each of them: the look before a deployment has to see it.
        steps.run("what can fail on demand is seen", || {
            match deploy::not_failing_on_demand(layout, Purpose::Local)?.as_slice() {
                [] => Ok(()),
                unseen => Err(Failure::System {
                    action: "see that a worker has the feature `faults`",
                    problem: format!("it has, and nothing tells it of {}", unseen.join(", ")),
                }),
            }
        })?;
    }
    steps.end()
}

fn cargo(layout: &Layout, args: &[&str]) -> Run {
    Run::new("cargo").args(args).dir(&layout.root)
}

/// Steps that run one after another, each with its time. One that fails does not keep the others from running.
pub(crate) struct Steps {
    done: Vec<Step>,
    watch: Watch,
}

/// A step that has run.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    /// Why it did not pass.
    failure: Option<String>,
    name: &'static str,
    time: String,
}

impl Step {
    pub(crate) fn passed(&self) -> bool {
        self.failure.is_none()
    }
}

impl Steps {
    pub(crate) fn begin() -> Self {
        Self { done: Vec::new(), watch: Watch::start() }
    }

    /// Runs a step and says how it went.
    ///
    /// # Errors
    /// `Interrupted` only: any other failure is noted, and told at the end once more.
    pub(crate) fn run(
        &mut self,
        name: &'static str,
        work: impl FnOnce() -> Result<(), Failure>,
    ) -> Result<Step, Failure> {
        interrupt::check()?;
        say::part(name);
        let watch = Watch::start();
        let outcome = work();
        let time = watch.text();
        match &outcome {
            Ok(()) => say::line(&format!("{name}: passed ({time})")),
            Err(Failure::Interrupted) => return Err(Failure::Interrupted),
            Err(failure) => say::line(&format!("{name}: FAILED ({time}): {failure}")),
        }
        let failure = outcome.err().map(|failure| failure.to_string());
        let step = Step { failure, name, time };
        self.done.push(step.clone());
        Ok(step)
    }

    /// Whether a step of this name has run and passed.
    pub(crate) fn has_passed(&self, name: &str) -> bool {
        self.done.iter().any(|step| step.name == name && step.passed())
    }

    /// Whether every step so far has passed.
    pub(crate) fn have_passed(&self) -> bool {
        self.done.iter().all(Step::passed)
    }

    /// Says how all steps went, and once more why some did not pass: what each wrote is far above by then.
    ///
    /// # Errors
    /// `Steps` if any failed.
    pub(crate) fn end(self) -> Result<(), Failure> {
        for Step { failure, name, .. } in &self.done {
            if let Some(failure) = failure {
                say::part(&format!("Why it failed: {name}"));
                say::line(failure);
            }
        }
        say::part("Steps");
        for step in &self.done {
            let how = if step.passed() { "passed" } else { "FAILED" };
            say::line(&format!("{how} {:<30} {:>12}", step.name, step.time));
        }
        let failed =
            self.done.iter().filter(|step| !step.passed()).map(|step| step.name.to_owned());
        let failed = failed.collect::<Vec<_>>();
        if failed.is_empty() {
            say::line(&format!("all {} steps passed in {}", self.done.len(), self.watch.text()));
            return Ok(());
        }
        Err(Failure::Steps { steps: failed })
    }
}

#[cfg(test)]
mod tests {
    use super::Steps;
    use crate::failure::Failure;

    #[test]
    fn one_failed_step_fails_the_whole_but_stops_nothing() {
        let broken = || Failure::System { action: "do it", problem: "broken".to_owned() };
        let mut steps = Steps::begin();
        assert!(!steps.run("first", || Err(broken())).unwrap().passed());
        assert!(steps.run("second", || Ok(())).unwrap().passed());
        assert!(steps.has_passed("second") && !steps.has_passed("first"));
        assert_eq!(steps.end().unwrap_err().to_string(), "failed: first");
    }

    #[test]
    fn an_interrupt_ends_the_list() {
        let mut steps = Steps::begin();
        assert!(matches!(
            steps.run("first", || Err(Failure::Interrupted)),
            Err(Failure::Interrupted)
        ));
    }
}
