//! de-core
