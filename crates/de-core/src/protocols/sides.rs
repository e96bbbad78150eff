//! The two sides of a protocol, the vendor's and the caller's, and what passes between them.

pub(super) mod dialect;
pub(super) mod draft;
pub(super) mod target;
pub(super) mod vendor;
pub(super) mod vendor_error;
