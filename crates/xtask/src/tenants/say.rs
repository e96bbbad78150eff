//! What people hear of a run.

use std::io::{self, Write};

use de_tenants::plan::{Shown, Sink, Step};
use serde_json::json;

use crate::{interrupt, say};

/// Steps on standard error, secrets on standard output.
pub(super) struct Speaker {
    /// Whether secrets are shown; else they are in a file.
    pub(super) shows: bool,
}

impl Sink for Speaker {
    fn step(&mut self, step: &Step) {
        say::line(&step.to_string());
        // Between two steps everything is kept, and the next run goes on from here.
        if interrupt::came() {
            say::line("interrupted; run the same again to go on");
            std::process::exit(130);
        }
    }

    fn secret(&mut self, shown: &Shown) -> Result<(), String> {
        if !self.shows {
            return Ok(());
        }
        let secret = shown.secret.expose();
        let line = json!({"id": shown.id, "secret": secret, "what": shown.thing});
        let mut out = io::stdout().lock();
        // At once: what comes later may fail, and this is shown once.
        writeln!(out, "{line}")
            .and_then(|()| out.flush())
            .map_err(|error| format!("{}: its secret cannot be written: {error}", shown.thing))
    }
}
