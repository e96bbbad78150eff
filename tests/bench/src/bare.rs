//! The worker that everything is compared with, in a workerd of its own.
//!
//! Beside the gateway's workers it would share their process, and one could not tell whose the processor time
//! is: background work of the gateway (receipts on their way to D1) would count for both.

use std::{env, path::Path, process::Stdio, time::Duration};

use serde::Deserialize;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    time::timeout,
};

use crate::failure::Failure;

const START: Duration = Duration::from_secs(30);
const END: Duration = Duration::from_secs(5);

/// A bare worker that answers. Its runner ends when the pipe to it breaks, so it never outlives us.
pub(crate) struct Bare {
    node: Child,
    pub(crate) told: Told,
}

/// What its runner says once it answers.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Told {
    pub(crate) url: String,
    /// The runtime's process; none where the system has no `/proc`.
    pub(crate) pid: Option<u32>,
    /// The runtime's version.
    pub(crate) workerd: String,
}

impl Bare {
    /// Starts it, in front of the vendor on this port.
    ///
    /// # Errors
    /// `Bare` if it does not answer within half a minute.
    pub(crate) async fn start(root: &Path, vendor_port: u16) -> Result<Self, Failure> {
        let node = env::var_os("DE_NODE").ok_or(Failure::Setting { name: "DE_NODE" })?;
        let mut node = Command::new(node)
            .arg(root.join("tests/bench/bare/run.mjs"))
            .arg(root.join("wrangler"))
            .arg(format!("http://127.0.0.1:{vendor_port}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(Failure::system("start", root.join("tests/bench/bare/run.mjs")))?;
        let broken = |problem: String| Failure::Bare { problem };
        let pipe = node.stdout.take().ok_or_else(|| broken("has no output".to_owned()))?;
        let line = timeout(START, BufReader::new(pipe).lines().next_line())
            .await
            .map_err(|_late| broken("does not start".to_owned()))?
            .map_err(|error| broken(format!("cannot be heard: {error}")))?
            .ok_or_else(|| broken("ended while it started".to_owned()))?;
        let told = serde_json::from_str(&line)
            .map_err(|error| broken(format!("says `{line}`: {error}")))?;
        Ok(Self { node, told })
    }

    /// Ends it, and waits until it has gone.
    ///
    /// # Errors
    /// `Bare` if it stays.
    pub(crate) async fn end(mut self) -> Result<(), Failure> {
        drop(self.node.stdin.take());
        match timeout(END, self.node.wait()).await {
            Ok(Ok(_status)) => Ok(()),
            Ok(Err(error)) => Err(Failure::Bare { problem: format!("cannot be ended: {error}") }),
            Err(_late) => Err(Failure::Bare { problem: "does not end".to_owned() }),
        }
    }
}
