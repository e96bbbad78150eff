//! The stock-media worker.
