//! Tenants as files: one document that is checked, brought about over the API, and written from it.
//!
//! A [`document::Tenant`] says what an organization and its instances shall be. [`apply`] makes what is not
//! there, changes what differs, and leaves the rest: nothing is made twice, nothing is removed. [`export`]
//! writes the document of what is there. No secret ever stands in one.
//!
//! Everything here runs on an operator's machine and is spoken over HTTP, by one [`gateway::Gateway`].

#![expect(
    clippy::disallowed_methods,
    reason = "this crate never becomes wasm: the host's clock is fine"
)]

pub mod apply;
pub mod document;
pub mod export;
pub mod gateway;
mod keys;
pub mod ledger;
pub mod plan;
pub mod remove;
pub mod sources;
