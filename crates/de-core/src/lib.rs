//! The domain of Distributed Electrons: true on any machine, it never names the Workers runtime.
//!
//! # Reading order
//!
//! - What everything is made of: [`ports`], [`time`], [`ids`], [`secret`], [`money`], [`json`].
//! - How a vendor is spoken to: [`chat`], [`sse`], [`protocols`] (road 1, in code) and [`mapping`] (road 2, in data).
//! - What is known: [`model`], [`pricing`], [`store`], [`bundle`], [`seeds`], [`snapshot`], [`registry`].
//! - Who asks: [`auth`], [`caller`], [`last_used`].
//! - What can be asked: [`chat`], [`calls`], [`render`], and [`expected`] of an answer.
//! - Whether a call goes out, and to which model: [`idempotency`], [`admission`], [`split`], [`circuits`] with
//!   [`circuit`], [`response_cache`].
//! - What it may use up: [`limits`], [`shares`], [`ceiling`].
//! - How it goes out: [`exchange`] with [`retry`] and [`guard`]; [`jobs`] where it outlives its request; [`preview`]
//!   without a call.
//! - What it came to: [`cost`], [`estimate`] with [`prompt`], [`spoken`], [`receipt`], [`books`], [`outbox`],
//!   [`histogram`].
//! - What stays of it: [`conversations`], [`media`], [`sound`], [`assets`].
//! - Who is told: [`webhooks`], [`notices`]; operators by [`log`], [`trace`], [`otlp`].
//! - How it is served: [`http`]. How it is described, on the host only: `openapi`.
//!
//! # Invariants
//!
//! 1. Only [`exchange`] sends to vendors; a protocol has no port to send with.
//! 2. Only [`store`] holds SQL, always `&'static str` with bound values.
//! 3. Only [`http::error`] picks a failure's status.
//! 4. Time and randomness come from [`ports`]; every call to the outside has a deadline.
//! 5. Nothing is spent without a reservation, and everything spent ends as one receipt.

pub mod admission;
pub mod assets;
pub mod auth;
pub mod books;
pub mod bundle;
pub mod caller;
pub mod calls;
pub mod ceiling;
pub mod chat;
pub mod circuit;
pub mod circuits;
pub mod conversations;
pub mod cost;
pub mod estimate;
pub mod exchange;
pub mod expected;
pub mod guard;
pub mod histogram;
pub mod http;
pub mod idempotency;
pub mod ids;
pub mod jobs;
pub mod json;
pub mod last_used;
pub mod limits;
pub mod log;
pub mod mapping;
pub mod media;
pub mod model;
pub mod money;
pub mod notices;
#[cfg(not(target_family = "wasm"))]
pub mod openapi;
pub mod otlp;
pub mod outbox;
pub mod ports;
pub mod preview;
pub mod pricing;
pub mod prompt;
pub mod protocols;
pub mod receipt;
pub mod registry;
pub mod render;
pub mod response_cache;
pub mod retry;
pub mod secret;
pub mod seeds;
pub mod shares;
pub mod snapshot;
pub mod sound;
pub mod split;
pub mod spoken;
pub mod sse;
pub mod store;
pub mod time;
pub mod trace;
pub mod webhooks;
