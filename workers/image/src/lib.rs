//! The image worker.
