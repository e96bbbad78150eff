//! The render worker.
