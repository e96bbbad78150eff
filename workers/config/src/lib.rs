//! The config worker.
