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
mod callbacks;
mod catalogue;
mod config;
mod control;
mod elevenlabs_speech;
mod elevenlabs_transcription;
mod elevenlabs_user;
mod elevenlabs_voices;
mod endpoint;
mod fal;
mod fault_book;
pub mod faults;
mod files;
mod film;
mod google_embeddings;
mod google_errors;
mod google_images;
mod google_models;
mod google_reply;
mod google_schemas;
mod google_text;
mod google_turns;
mod heard;
mod hooks;
mod ideogram;
mod media;
mod models;
mod multipart;
mod openai_chat;
mod openai_edits;
mod openai_effort;
mod openai_embeddings;
mod openai_errors;
mod openai_images;
mod openai_reply;
mod openai_responses;
mod openai_responses_reply;
mod openai_responses_store;
mod openai_responses_stream;
mod openai_speech;
mod openai_stream;
mod openai_strict;
mod openai_transcriptions;
mod pexels;
mod picture;
mod pixabay;
mod pydantic;
mod query;
pub mod record;
mod replicate;
pub mod results;
mod schema;
mod server;
mod shotstack;
mod sound;
mod stream;
pub mod tokens;
mod transcript;
mod vectors;

pub use config::{Config, Vendor, VendorError};
pub use server::Simulator;
