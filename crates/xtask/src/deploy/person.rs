//! Whoever runs a command: asked where something cannot be undone, and shown what nobody else may see.

use std::io::{self, BufRead, IsTerminal, Write};

use crate::failure::Failure;

/// Who can be asked.
pub(crate) trait Person {
    /// Whether somebody is there: a terminal on both sides.
    fn is_there(&self) -> bool;

    /// Asks, and returns the line that was answered.
    fn ask(&self, question: &str) -> Result<String, Failure>;

    /// Shows a text that must go into no log.
    fn show(&self, text: &str);
}

/// The terminal that the command was started from.
pub(crate) struct Terminal;

impl Person for Terminal {
    fn is_there(&self) -> bool {
        io::stdin().is_terminal() && io::stdout().is_terminal()
    }

    fn ask(&self, question: &str) -> Result<String, Failure> {
        let wrong = |error: io::Error| Failure::System {
            action: "ask on the terminal",
            problem: error.to_string(),
        };
        eprint!("{question} ");
        io::stderr().flush().map_err(wrong)?;
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line).map_err(wrong)?;
        Ok(line.trim().to_owned())
    }

    fn show(&self, text: &str) {
        println!("{text}");
    }
}
