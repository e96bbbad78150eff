//! A running stack: the workers in workerd, the simulator, and the Node process that holds both.
//!
//! `wrangler/stack.mjs` is the only direct child. It lives in a process group of its own, starts the other two in
//! it, and ends with them when it is told to, or when the pipe from here breaks because this process died.

pub(crate) mod input;
pub(crate) mod kept;
pub(crate) mod ports;
pub(crate) mod processes;
pub(crate) mod ready;
pub(crate) mod record;

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use serde::Deserialize;

use crate::failure::Failure;
use crate::files;
use crate::interrupt;
use crate::layout::Layout;
use crate::run;
use crate::say::{self, Watch};
use crate::setup::Tools;
use input::StackInput;
use ports::Ports;
use record::{Keys, Record};

/// How long everything may take from the start of Node to the first answer.
const DEADLINE: Duration = Duration::from_secs(60);
/// How long Node may take to end workerd and the simulator; it gives up by itself a second earlier.
const GRACE: Duration = Duration::from_secs(6);

/// What a stack is started with, beside its ports.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) input: StackInput,
    pub(crate) keys: Keys,
}

/// A stack that answers. Dropped, it ends; [`Stack::detach`] leaves it running.
pub(crate) struct Stack {
    node: Child,
    /// While this is open and nobody wrote `detach`, the stack lives no longer than we do.
    pipe: Option<ChildStdin>,
    pub(crate) record: Record,
    /// Where the record lies.
    pub(crate) file: PathBuf,
    logs: PathBuf,
    leave: bool,
    /// Removed once the stack has ended.
    traces: Vec<PathBuf>,
}

/// One line of what `stack.mjs` says.
#[derive(Debug, Deserialize)]
struct Word {
    error: Option<String>,
    #[serde(default)]
    ready: bool,
    step: Option<String>,
}

impl Stack {
    /// Starts a stack with a fresh state, waits until it answers, and writes its record.
    ///
    /// # Errors
    /// `PortInUse`, `Stack` with what went wrong and where the logs lie, `Interrupted`. Nothing runs on then.
    pub(crate) fn start(
        layout: &Layout,
        tools: &Tools,
        ports: Ports,
        plan: Plan,
    ) -> Result<Self, Failure> {
        ports.check_free()?;
        files::remove(&state(layout, ports))?;
        files::remove(&logs(layout, ports))?;
        Self::start_again(layout, tools, ports, plan)
    }

    /// Starts a stack with the state that is there. As [`Stack::start`] else.
    pub(crate) fn start_again(
        layout: &Layout,
        tools: &Tools,
        ports: Ports,
        plan: Plan,
    ) -> Result<Self, Failure> {
        let watch = Watch::start();
        ports.check_free()?;
        let logs = logs(layout, ports);
        files::make_folder(&logs)?;
        // In a folder of its own, so that one that a killed start left behind goes too.
        let folder = layout.dev().join("input").join(ports.base().to_string());
        files::remove(&folder)?;
        let input = folder.join("stack.json");
        plan.input.dress_pages(layout, ports)?;
        files::write_private(&input, &plan.input.json()?)?;
        let node = spawn(layout, tools, &logs, &input);
        if node.is_err() {
            files::remove(&input)?;
        }
        let mut stack = Self {
            node: node?,
            pipe: None,
            record: Record::new(ports, plan.keys),
            file: record::path(layout, ports),
            logs,
            leave: false,
            traces: vec![folder],
        };
        stack.pipe = stack.node.stdin.take();
        stack.listen(watch)?;
        let remaining = DEADLINE.saturating_sub(watch.elapsed());
        let record = stack.record.clone();
        if let Some(problem) = ready::wait(&record, remaining, || stack.check())? {
            return Err(stack.problem(&problem));
        }
        stack.record.find_processes(stack.node.id());
        files::write_private(&stack.file, &stack.record.json()?)?;
        say::line(&format!("the stack answers ({})", watch.text()));
        Ok(stack)
    }

    /// Repeats what Node says until it says that all is ready.
    fn listen(&mut self, watch: Watch) -> Result<(), Failure> {
        let Some(pipe) = self.node.stdout.take() else {
            return Err(self.problem("has no output to listen to"));
        };
        let (sender, words) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                // Nobody listens any more once the stack is ready.
                let _unheard = sender.send(line);
            }
        });
        loop {
            interrupt::check()?;
            let line = match words.recv_timeout(Duration::from_millis(50)) {
                Ok(line) => line,
                Err(RecvTimeoutError::Timeout) if watch.elapsed() > DEADLINE => {
                    return Err(self.problem("did not start within a minute"));
                }
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(self.problem("ended while it started"));
                }
            };
            let Ok(word) = serde_json::from_str::<Word>(&line) else {
                say::line(&line);
                continue;
            };
            if let Some(problem) = word.error {
                return Err(self.problem(&format!("did not start: {problem}")));
            }
            if let Some(step) = word.step {
                say::line(&format!("{step} ({})", watch.text()));
            }
            if word.ready {
                return Ok(());
            }
        }
    }

    /// Whether the stack still runs and nobody wants to leave.
    fn check(&mut self) -> Result<(), Failure> {
        interrupt::check()?;
        match run::try_wait(&mut self.node)? {
            Some(status) => Err(self.problem(&format!("ended by itself ({status})"))),
            None => Ok(()),
        }
    }

    /// Waits for a signal, or for the stack to end.
    ///
    /// # Errors
    /// `Stack` if it ended by itself with a failure; a signal, or `dev --stop`, is how it should end.
    pub(crate) fn wait(mut self) -> Result<(), Failure> {
        while !interrupt::came() {
            if let Some(status) = run::try_wait(&mut self.node)? {
                if status.success() {
                    say::line("the stack was stopped");
                    return Ok(());
                }
                return Err(self.problem(&format!("ended by itself ({status})")));
            }
            thread::sleep(Duration::from_millis(100));
        }
        say::line("stopping the stack");
        Ok(())
    }

    /// Leaves the stack running when this process ends.
    pub(crate) fn detach(mut self) -> Result<(), Failure> {
        self.record.detached = true;
        files::write_private(&self.file, &self.record.json()?)?;
        let told = self.pipe.as_mut().map_or(Ok(()), |pipe| pipe.write_all(b"detach\n"));
        told.map_err(|error| self.problem(&format!("cannot be left alone: {error}")))?;
        self.leave = true;
        Ok(())
    }

    /// Removes state and logs too once it has ended: nobody needs those of a test run that passed.
    pub(crate) fn forget(mut self, layout: &Layout, ports: Ports) {
        self.traces.extend([state(layout, ports), logs(layout, ports), kept::path(layout, ports)]);
    }

    fn problem(&self, problem: &str) -> Failure {
        Failure::Stack { problem: problem.to_owned(), logs: self.logs.clone() }
    }

    fn end(&mut self) -> Result<(), Failure> {
        // The broken pipe alone would do, but a signal is heard even if Node has no time for its pipes.
        self.pipe = None;
        run::end_group(&mut self.node, GRACE)?;
        self.record.end_strays()?;
        self.traces.iter().chain([&self.file]).try_for_each(|path| files::remove(path))
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        if self.leave {
            return;
        }
        if let Err(failure) = self.end() {
            say::line(&format!("the stack may not have ended whole: {failure}"));
        }
    }
}

fn spawn(
    layout: &Layout,
    tools: &Tools,
    logs: &std::path::Path,
    input: &std::path::Path,
) -> Result<Child, Failure> {
    let path = logs.join("node.log");
    let log = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(&path)
        .map_err(Failure::file("create", &path))?;
    let mut command = Command::new(&tools.node);
    for (name, value) in tools.environment()? {
        command.env(name, value);
    }
    command
        .arg(layout.wrangler().join("stack.mjs"))
        .arg(input)
        .current_dir(&layout.root)
        .process_group(0)
        .stderr(log)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|source| Failure::Start { command: "node wrangler/stack.mjs".to_owned(), source })
}

/// Where a stack keeps its databases and objects.
pub(crate) fn state(layout: &Layout, ports: Ports) -> PathBuf {
    layout.dev().join("state").join(ports.base().to_string())
}

/// Where a stack writes what its processes say.
pub(crate) fn logs(layout: &Layout, ports: Ports) -> PathBuf {
    layout.dev().join("logs").join(ports.base().to_string())
}
