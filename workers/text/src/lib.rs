//! The text worker.
