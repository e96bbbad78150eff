//! de-edge
