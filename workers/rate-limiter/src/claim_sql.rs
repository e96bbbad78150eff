//! The SQLite of a Claim object: one row, a short reply beside it, and where long ones lie.
//!
//! Live objects have these tables for a day. A row of theirs may have 2 MB:
//! <https://developers.cloudflare.com/durable-objects/platform/limits/>.

/// Makes what is not there, once somebody claims. One statement each.
pub const TABLES: [&str; 2] = [
    "CREATE TABLE IF NOT EXISTS claim (
       only INTEGER NOT NULL PRIMARY KEY CHECK (only = 1), body TEXT NOT NULL, reply BLOB)",
    "CREATE TABLE IF NOT EXISTS blobs (storage_key TEXT NOT NULL PRIMARY KEY) WITHOUT ROWID",
];
/// One row if the tables are there: whoever asks a claim that nobody has made leaves nothing behind.
pub const HAS_TABLE: &str =
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'claim'";
/// The claim, as JSON; no row if it is vacant.
pub const CLAIM: &str = "SELECT body FROM claim";
/// The body of the reply; NULL if there is none, or if it lies elsewhere.
pub const REPLY: &str = "SELECT reply FROM claim";
/// `?1`: JSON, `?2`: the body of the reply or NULL.
pub const KEEP: &str = "\
INSERT INTO claim (only, body, reply) VALUES (1, ?1, ?2)
ON CONFLICT (only) DO UPDATE SET body = excluded.body, reply = excluded.reply";
/// `?1`: where a reply will lie. Written before it is put there, so that no reply lies where nobody looks.
pub const NAME_BLOB: &str =
    "INSERT INTO blobs (storage_key) VALUES (?1) ON CONFLICT (storage_key) DO NOTHING";
/// Where replies may lie.
pub const BLOBS: &str = "SELECT storage_key FROM blobs ORDER BY storage_key";
/// `?1`: where a reply lay that is removed.
pub const DROP_BLOB: &str = "DELETE FROM blobs WHERE storage_key = ?1";
/// Makes it vacant.
pub const DROP: &str = "DELETE FROM claim";
