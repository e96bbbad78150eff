//! The SQLite of a Claim object: one row, and a short reply beside it.
//!
//! Live objects have this table for a day. A row of theirs may have 2 MB:
//! <https://developers.cloudflare.com/durable-objects/platform/limits/>.

/// Makes the table if it is not there.
pub const TABLE: &str = "\
CREATE TABLE IF NOT EXISTS claim (
  only INTEGER NOT NULL PRIMARY KEY CHECK (only = 1), body TEXT NOT NULL, reply BLOB)";
/// The claim, as JSON; no row if it is vacant.
pub const CLAIM: &str = "SELECT body FROM claim";
/// The body of the reply; NULL if there is none, or if it lies elsewhere.
pub const REPLY: &str = "SELECT reply FROM claim";
/// `?1`: JSON, `?2`: the body of the reply or NULL.
pub const KEEP: &str = "\
INSERT INTO claim (only, body, reply) VALUES (1, ?1, ?2)
ON CONFLICT (only) DO UPDATE SET body = excluded.body, reply = excluded.reply";
/// Makes it vacant.
pub const DROP: &str = "DELETE FROM claim";
