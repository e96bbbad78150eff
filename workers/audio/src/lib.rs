//! The audio worker.
