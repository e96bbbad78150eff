//! de-testkit
