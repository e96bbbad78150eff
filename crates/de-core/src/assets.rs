//! What stays of paid work: images, sounds and videos in R2, each with a row that says whose it is.
//!
//! A link to an asset is signed and ends ([`link`]).

pub mod link;
