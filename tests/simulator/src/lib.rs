//! A strict stand-in for the AI vendors, for tests and for trying the gateway without accounts.
//!
//! One address serves every vendor under a path prefix (`/openai/v1`, `/anthropic/v1`, …), so that
//! `http://127.0.0.1:PORT/openai/v1` is used wherever `https://api.openai.com/v1` would be. It
//! speaks the documented wire formats, refuses what the vendor refuses with the vendor's own error,
//! fails on demand, and records what it received. Answers are deterministic: the same request gets
//! the same text, counts and ids in the same order.
//!
//! Out of scope: quality of answers, billing, real rate limits. The gateway never knows that it
//! talks to this server.

mod answer;
mod anthropic_errors;
mod anthropic_messages;
mod anthropic_reply;
mod config;
mod control;
mod elevenlabs_speech;
mod elevenlabs_user;
mod endpoint;
mod fault_book;
pub mod faults;
mod hooks;
mod ideogram;
mod media;
mod models;
mod openai_chat;
mod openai_errors;
mod openai_images;
mod openai_reply;
mod openai_stream;
mod pydantic;
pub mod record;
mod replicate;
mod schema;
mod server;
mod stream;
pub mod tokens;

pub use config::{Config, Vendor, VendorError};
pub use server::Simulator;
