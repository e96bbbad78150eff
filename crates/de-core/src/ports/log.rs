//! The platform's log.

use crate::log::LogLine;

/// Lines for the operator.
pub trait Log: Send + Sync {
    /// Writes one line, with the time, the worker and its version.
    fn write(&self, line: LogLine);
}
