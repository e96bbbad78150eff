//! Ctrl-C, TERM and HUP: noted, so that every command ends what it started before it ends itself.
//!
//! Children run in process groups of their own: the terminal's Ctrl-C reaches only this process, which
//! then ends them in order.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::failure::Failure;

static CAME: AtomicBool = AtomicBool::new(false);

/// Starts to note the signals. Called once, before any child is started.
pub(crate) fn watch() -> Result<(), Failure> {
    ctrlc::set_handler(|| CAME.store(true, Ordering::SeqCst))
        .map_err(|error| Failure::System { action: "watch for Ctrl-C", problem: error.to_string() })
}

/// Whether a signal has come.
pub(crate) fn came() -> bool {
    CAME.load(Ordering::SeqCst)
}

/// Fails once a signal has come.
pub(crate) fn check() -> Result<(), Failure> {
    if came() { Err(Failure::Interrupted) } else { Ok(()) }
}
