//! The rate-limiter worker.
