//! Child processes: started, watched, ended with us, and reported when they fail.

use std::collections::VecDeque;
use std::env;
use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader, IsTerminal, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

use crate::failure::Failure;
use crate::interrupt;
use crate::say::{self, Watch};

/// Lines of output that a failure repeats.
const TAIL: usize = 40;
/// How often a child is asked whether it has ended.
const TICK: Duration = Duration::from_millis(20);
/// How often a long run without visible output says that it goes on.
const PROGRESS: Duration = Duration::from_secs(15);
/// How long output may still come after a child has ended: whatever it left running holds its pipes open.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// How long a child may take to end after a TERM signal.
const GRACE: Duration = Duration::from_secs(5);

/// One command line, to be shown or captured.
pub(crate) struct Run {
    command: Command,
    input: Option<String>,
    label: Option<String>,
    shown: String,
}

impl Run {
    pub(crate) fn new(program: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(program.as_ref());
        // What `cargo run` says about this package would make nested builds think that something changed.
        for (name, _) in env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
                command.env_remove(&name);
            }
        }
        command.stdin(Stdio::null()).process_group(0);
        let shown = Path::new(program.as_ref())
            .file_name()
            .unwrap_or(program.as_ref())
            .to_string_lossy()
            .into_owned();
        Self { command, input: None, label: None, shown }
    }

    pub(crate) fn args<I: IntoIterator<Item: AsRef<OsStr>>>(mut self, args: I) -> Self {
        for arg in args {
            self.shown.push(' ');
            self.shown.push_str(&arg.as_ref().to_string_lossy());
            self.command.arg(arg);
        }
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn dir(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// Gives it a text on standard input: the way for what no other user of the machine may read.
    pub(crate) fn input(mut self, text: &str) -> Self {
        self.command.stdin(Stdio::piped());
        self.input = Some(text.to_owned());
        self
    }

    /// Lets a captured run say every few seconds that it goes on, and what it last wrote.
    pub(crate) fn progress(mut self, label: &str) -> Self {
        self.label = Some(label.to_owned());
        self
    }

    /// The command line, as failures name it.
    #[cfg(test)]
    pub(crate) fn shown(&self) -> &str {
        &self.shown
    }

    /// Runs with its output on ours.
    ///
    /// # Errors
    /// `Start`, `Ended` without a tail (it was just shown), `Interrupted`.
    pub(crate) fn show(mut self) -> Result<(), Failure> {
        let child = self.start()?;
        let status = self.wait(child, &Output::default())?;
        self.judge(status, String::new())
    }

    /// Runs with its output on ours, and keeps its last lines for whoever tells of failures at the end of a long list.
    /// A terminal is given to the child itself, which may then colour what it writes.
    ///
    /// # Errors
    /// `Start`, `Ended` with the end of what it wrote unless that went to a terminal, `Interrupted`.
    pub(crate) fn watched(self) -> Result<(), Failure> {
        if io::stdout().is_terminal() { self.show() } else { self.passed_on() }
    }

    fn passed_on(mut self) -> Result<(), Failure> {
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.start()?;
        let output = Output { aloud: true, ..Output::default() };
        let readers = [
            child.stdout.take().map(|pipe| output.read(pipe, false)),
            child.stderr.take().map(|pipe| output.read(pipe, false)),
        ];
        let status = self.wait(child, &output)?;
        let watch = Watch::start();
        while watch.elapsed() < LAST_WORDS && readers.iter().flatten().any(|one| !one.is_finished())
        {
            thread::sleep(TICK);
        }
        self.judge(status, output.tail())
    }

    /// Runs silently and returns what it wrote to standard output.
    ///
    /// # Errors
    /// `Start`, `Ended` with the end of what it wrote, `Interrupted`.
    pub(crate) fn capture(mut self) -> Result<String, Failure> {
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.start()?;
        let output = Output::default();
        let readers = [
            child.stdout.take().map(|pipe| output.read(pipe, true)),
            child.stderr.take().map(|pipe| output.read(pipe, false)),
        ];
        let status = self.wait(child, &output)?;
        for reader in readers.into_iter().flatten() {
            reader.join().map_err(|_panic| Failure::System {
                action: "read a child's output",
                problem: "the reading thread panicked".to_owned(),
            })?;
        }
        self.judge(status, output.tail())?;
        Ok(output.stdout())
    }

    fn start(&mut self) -> Result<Child, Failure> {
        interrupt::check()?;
        let mut child = self
            .command
            .spawn()
            .map_err(|source| Failure::Start { command: self.shown.clone(), source })?;
        if let (Some(text), Some(mut pipe)) = (self.input.take(), child.stdin.take()) {
            // On a thread of its own, as a child may write before it has read. One that ends without reading says
            // so by its status.
            thread::spawn(move || pipe.write_all(text.as_bytes()));
        }
        Ok(child)
    }

    fn wait(&self, mut child: Child, output: &Output) -> Result<ExitStatus, Failure> {
        let watch = Watch::start();
        let mut next = PROGRESS;
        loop {
            if let Some(status) = try_wait(&mut child)? {
                return Ok(status);
            }
            if interrupt::came() {
                end_group(&mut child, GRACE)?;
                return Err(Failure::Interrupted);
            }
            if let Some(label) = &self.label
                && watch.elapsed() >= next
            {
                say::line(&format!("{label}: {} so far; {}", watch.text(), output.last()));
                next += PROGRESS;
            }
            thread::sleep(TICK);
        }
    }

    fn judge(&self, status: ExitStatus, tail: String) -> Result<(), Failure> {
        if status.success() {
            return Ok(());
        }
        Err(Failure::Ended { command: self.shown.clone(), status, tail })
    }
}

/// Asks whether a child has ended, without waiting for it.
pub(crate) fn try_wait(child: &mut Child) -> Result<Option<ExitStatus>, Failure> {
    child.try_wait().map_err(|error| Failure::System {
        action: "ask after a child process",
        problem: error.to_string(),
    })
}

/// Ends a child and all of its process group: TERM, then KILL once `grace` is over.
pub(crate) fn end_group(child: &mut Child, grace: Duration) -> Result<(), Failure> {
    let group = Pid::from_child(child);
    // The group may be gone already, which is what we want.
    let _gone = kill_process_group(group, Signal::TERM);
    if !ended_within(child, grace)? {
        let _gone = kill_process_group(group, Signal::KILL);
        ended_within(child, GRACE)?;
    }
    Ok(())
}

/// Waits for a child; false if it still runs when the time is over.
pub(crate) fn ended_within(child: &mut Child, time: Duration) -> Result<bool, Failure> {
    let watch = Watch::start();
    while watch.elapsed() < time {
        if try_wait(child)?.is_some() {
            return Ok(true);
        }
        thread::sleep(TICK);
    }
    Ok(false)
}

/// What a child wrote: all of standard output where that is wanted, and the last lines of both.
#[derive(Clone, Default)]
struct Output {
    /// Whether each line is passed on as it comes.
    aloud: bool,
    written: Arc<Mutex<Written>>,
}

#[derive(Default)]
struct Written {
    stdout: String,
    lines: VecDeque<String>,
}

impl Output {
    fn read(&self, pipe: impl Read + Send + 'static, stdout: bool) -> thread::JoinHandle<()> {
        let output = self.clone();
        thread::spawn(move || {
            let mut pipe = BufReader::new(pipe);
            let mut bytes = Vec::new();
            // A pipe that breaks ends like one that is closed: the exit status says what happened.
            while pipe.read_until(b'\n', &mut bytes).is_ok_and(|count| count > 0) {
                output.add(&String::from_utf8_lossy(&bytes), stdout);
                bytes.clear();
            }
        })
    }

    fn add(&self, line: &str, stdout: bool) {
        if self.aloud {
            // Nobody may be there to read it; the child goes on.
            let _unread = io::stdout().lock().write_all(line.as_bytes());
        }
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        if stdout {
            written.stdout.push_str(line);
        }
        if written.lines.len() == TAIL {
            written.lines.pop_front();
        }
        written.lines.push_back(line.trim_end().to_owned());
    }

    fn stdout(&self) -> String {
        self.written.lock().unwrap_or_else(PoisonError::into_inner).stdout.clone()
    }

    fn last(&self) -> String {
        let written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let line = written.lines.iter().rev().find(|line| !line.trim().is_empty());
        line.map_or_else(String::new, |line| line.trim().chars().take(100).collect())
    }

    fn tail(&self) -> String {
        let written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        written.lines.iter().fold(String::new(), |tail, line| tail + "\n  | " + line)
    }
}

#[cfg(test)]
mod tests {
    use rustix::process::{Pid, Signal, kill_process};

    use super::Run;

    #[test]
    fn output_is_returned() {
        let text = Run::new("sh").args(["-c", "echo one; echo two >&2"]).capture().unwrap();
        assert_eq!(text, "one\n");
    }

    #[test]
    fn input_is_read_and_is_no_argument() {
        let run = Run::new("sh").args(["-c", "cat"]).input("a secret");
        assert!(!run.shown.contains("secret"));
        assert_eq!(run.capture().unwrap(), "a secret");
        // Larger than a pipe, and read by nobody.
        let long = "x".repeat(1 << 20);
        assert_eq!(
            Run::new("sh").args(["-c", "echo done"]).input(&long).capture().unwrap(),
            "done\n"
        );
    }

    #[test]
    fn failure_names_command_status_and_tail() {
        let script = "for i in $(seq 100); do echo line $i; done; exit 3";
        let failure = Run::new("sh").args(["-c", script]).capture().unwrap_err().to_string();
        assert!(failure.starts_with("`sh -c for i in"), "{failure}");
        assert!(failure.contains("exit status: 3\n  | line 61\n"), "{failure}");
        assert!(failure.ends_with("  | line 100"), "{failure}");
    }

    #[test]
    fn who_is_watched_is_not_waited_for_beyond_its_end() {
        // The sleeper holds the pipes of the shell that left it behind.
        let script = "sleep 60 & echo $! ; echo told >&2; exit 4";
        let failure = Run::new("sh").args(["-c", script]).passed_on().unwrap_err().to_string();
        assert!(failure.contains("exit status: 4\n  | "), "{failure}");
        assert!(failure.contains("  | told"), "{failure}");
        let pids = failure.lines().filter_map(|line| line.strip_prefix("  | ")?.parse().ok());
        for pid in pids.filter_map(Pid::from_raw) {
            kill_process(pid, Signal::KILL).unwrap();
        }
    }

    #[test]
    fn missing_program_is_named() {
        let failure = Run::new("/nowhere/de-nothing").capture().unwrap_err().to_string();
        assert!(failure.starts_with("cannot start `de-nothing`: "), "{failure}");
    }
}
