//! What several protocols share: how members are read and written, and what happens to what one has no word for.

pub(super) mod answer;
pub(super) mod borrowed;
pub mod capable;
pub(super) mod document;
pub(super) mod end_user;
pub(crate) mod fields;
pub(super) mod fitted;
pub(crate) mod inline;
pub(super) mod openai_effort;
pub(super) mod openai_own;
pub mod options;
pub(super) mod picture;
pub(super) mod stock;
pub(super) mod strict;
pub mod tool_names;
pub(super) mod turns;
