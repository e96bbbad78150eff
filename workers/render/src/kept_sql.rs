//! The SQLite of a job's object: one row, the job and what others want of it.
//!
//! Live objects have this table: change it by adding, since nobody migrates a thousand objects.

/// Makes what is not there, once a job begins.
pub const TABLE: &str = "\
CREATE TABLE IF NOT EXISTS job (
  id INTEGER PRIMARY KEY CHECK (id = 1), record TEXT NOT NULL, cancelled INTEGER NOT NULL DEFAULT 0,
  nudged INTEGER NOT NULL DEFAULT 0) STRICT";
/// One row if the table is there: whoever asks for a job that never was leaves nothing behind.
pub const HAS_TABLE: &str = "SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'job'";
/// All that is kept: the record as JSON, and two flags, 0 or 1.
pub const READ: &str = "SELECT record, cancelled, nudged FROM job WHERE id = 1";
/// `?1`: the record as JSON. The flags stay.
pub const WRITE: &str = "\
INSERT INTO job (id, record) VALUES (1, ?1)
ON CONFLICT (id) DO UPDATE SET record = excluded.record";
/// Someone wants the job to end.
pub const CANCEL: &str = "UPDATE job SET cancelled = 1 WHERE id = 1";
/// Someone says that the vendor has news.
pub const NUDGE: &str = "UPDATE job SET nudged = 1 WHERE id = 1";
/// The vendor is about to be asked.
pub const NUDGED: &str = "UPDATE job SET nudged = 0 WHERE id = 1";
