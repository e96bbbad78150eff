//! The SQLite of a Limiter object: leases, buckets of forgotten ones, and the receipts on their way.
//!
//! Numbers are bound as doubles, which INTEGER columns turn into integers. Live objects have these
//! tables: change them by adding, since nobody migrates a thousand objects. A row that is read costs as
//! much as one that is asked for, so what runs at every alarm goes by an index.

/// Makes what is not there, in each life of the object. One statement each.
pub const TABLES: [&str; 17] = [
    "CREATE TABLE IF NOT EXISTS leases (lease_id TEXT NOT NULL PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS buckets (
       scope TEXT NOT NULL, kind TEXT NOT NULL, bucket INTEGER NOT NULL, amount INTEGER NOT NULL,
       leaves_at INTEGER NOT NULL, PRIMARY KEY (scope, kind, bucket)) WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS buckets_by_leaving ON buckets (leaves_at)",
    "CREATE TABLE IF NOT EXISTS outbox (
       receipt_id TEXT NOT NULL PRIMARY KEY, body TEXT NOT NULL, size_bytes INTEGER NOT NULL,
       cost_micros INTEGER, batch_rows INTEGER NOT NULL, refusals INTEGER NOT NULL, added_at INTEGER NOT NULL)",
    "CREATE INDEX IF NOT EXISTS outbox_in_order ON outbox (batch_rows DESC, added_at, receipt_id)",
    "CREATE TABLE IF NOT EXISTS tombstones (
       receipt_id TEXT NOT NULL PRIMARY KEY, cost_micros INTEGER, until INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS tombstones_by_until ON tombstones (until)",
    "CREATE TABLE IF NOT EXISTS outbox_dead (
       receipt_id TEXT NOT NULL PRIMARY KEY, body TEXT NOT NULL, error TEXT NOT NULL, at INTEGER NOT NULL)",
    "CREATE INDEX IF NOT EXISTS outbox_dead_by_at ON outbox_dead (at)",
    "CREATE TABLE IF NOT EXISTS outbox_pauses (
       receipt_id TEXT NOT NULL PRIMARY KEY, until INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS outbox_pauses_by_until ON outbox_pauses (until)",
    "CREATE TABLE IF NOT EXISTS notices (
       id TEXT NOT NULL PRIMARY KEY, kind TEXT NOT NULL, body TEXT NOT NULL, at INTEGER NOT NULL,
       keep_until INTEGER NOT NULL, told_at INTEGER) WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS notices_waiting ON notices (at, id) WHERE told_at IS NULL",
    "CREATE INDEX IF NOT EXISTS notices_by_end ON notices (keep_until)",
    "CREATE TABLE IF NOT EXISTS reports_above (
       id TEXT NOT NULL PRIMARY KEY, organization TEXT NOT NULL, body TEXT NOT NULL, at INTEGER NOT NULL)
       WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS reports_above_in_order ON reports_above (at, id)",
    "CREATE TABLE IF NOT EXISTS circuits (
       provider_id TEXT NOT NULL, model_id TEXT NOT NULL, body TEXT NOT NULL,
       PRIMARY KEY (provider_id, model_id)) WITHOUT ROWID",
];

/// All circuits that are not as new ones would be, as JSON.
pub const CIRCUITS: &str = "SELECT body FROM circuits";
/// `?1`: provider, `?2`: model, `?3`: JSON.
pub const KEEP_CIRCUIT: &str = "\
INSERT INTO circuits (provider_id, model_id, body) VALUES (?1, ?2, ?3)
ON CONFLICT (provider_id, model_id) DO UPDATE SET body = excluded.body";
/// `?1`: provider, `?2`: model.
pub const DROP_CIRCUIT: &str = "DELETE FROM circuits WHERE provider_id = ?1 AND model_id = ?2";

/// `?1`: id, `?2`: kind, `?3`: JSON, `?4`: now, `?5`: until when its id is remembered. One that is known stays
/// as it is: each is told once.
pub const KEEP_NOTICE: &str = "\
INSERT INTO notices (id, kind, body, at, keep_until) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (id) DO NOTHING";
/// What waits to be told, the oldest first.
pub const NOTICES: &str = "\
SELECT id, kind, body, at FROM notices WHERE told_at IS NULL ORDER BY at, id LIMIT 50";
/// `?1`: id, `?2`: organization, `?3`: JSON, `?4`: now. A report that its object has not taken.
pub const KEEP_REPORT: &str = "\
INSERT INTO reports_above (id, organization, body, at) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (id) DO NOTHING";
/// Those reports, the oldest first.
pub const REPORTS_ABOVE: &str =
    "SELECT id, organization, body FROM reports_above ORDER BY at, id LIMIT 50";
/// `?1`: id.
pub const DROP_REPORT: &str = "DELETE FROM reports_above WHERE id = ?1";
/// `?1`: a JSON list of ids, `?2`: now.
pub const NOTICES_TOLD: &str = "\
UPDATE notices SET told_at = ?2 WHERE id IN (SELECT value FROM json_each(?1))";
/// `?1`: now.
pub const DROP_NOTICES: &str = "DELETE FROM notices WHERE told_at IS NOT NULL AND keep_until <= ?1";
/// `?1`: a kind, `?2`: now. The bodies of those whose time has not come.
pub const NOTICES_OF: &str = "SELECT body FROM notices WHERE kind = ?1 AND keep_until > ?2";

/// All leases, as JSON.
pub const LEASES: &str = "SELECT body FROM leases";
/// `?1`: now. The buckets that still count.
pub const BUCKETS: &str = "\
SELECT scope, kind, bucket AS \"index\", amount, leaves_at FROM buckets WHERE leaves_at > ?1";
/// `?1`: id, `?2`: JSON.
pub const KEEP_LEASE: &str = "\
INSERT INTO leases (lease_id, body) VALUES (?1, ?2)
ON CONFLICT (lease_id) DO UPDATE SET body = excluded.body";
/// `?1`: a JSON list of ids.
pub const DROP_LEASES: &str =
    "DELETE FROM leases WHERE lease_id IN (SELECT value FROM json_each(?1))";
/// `?1`: a JSON list of buckets, to be added up.
pub const ADD_BUCKETS: &str = "\
INSERT INTO buckets (scope, kind, bucket, amount, leaves_at)
SELECT value ->> '$.scope', value ->> '$.kind', value ->> '$.index', value ->> '$.amount',
  value ->> '$.leaves_at'
FROM json_each(?1) WHERE true
ON CONFLICT (scope, kind, bucket) DO UPDATE SET amount = amount + excluded.amount";
/// `?1`: now.
pub const DROP_BUCKETS: &str = "DELETE FROM buckets WHERE leaves_at <= ?1";

/// `?1`: id, `?2`: JSON, `?3`: size, `?4`: cost or NULL, `?5`: most rows of a batch, `?6`: now. One that
/// waits, was delivered or was put aside is not taken again.
pub const KEEP_RECEIPT: &str = "\
INSERT INTO outbox (receipt_id, body, size_bytes, cost_micros, batch_rows, refusals, added_at)
SELECT ?1, ?2, ?3, ?4, ?5, 0, ?6
WHERE NOT EXISTS (SELECT 1 FROM tombstones WHERE receipt_id = ?1)
  AND NOT EXISTS (SELECT 1 FROM outbox_dead WHERE receipt_id = ?1)
ON CONFLICT (receipt_id) DO NOTHING";
/// What waits and does not rest, in the order of delivery; enough rows for one batch.
pub const WAITING: &str = "\
SELECT receipt_id, batch_rows, refusals, size_bytes FROM outbox
WHERE NOT EXISTS (SELECT 1 FROM outbox_pauses AS p WHERE p.receipt_id = outbox.receipt_id)
ORDER BY batch_rows DESC, added_at, receipt_id LIMIT 500";
/// `?1`: a JSON list of `receipt_id` and `until`. These rest.
pub const PAUSE: &str = "\
INSERT INTO outbox_pauses (receipt_id, until)
SELECT value ->> '$.receipt_id', value ->> '$.until' FROM json_each(?1) WHERE true
ON CONFLICT (receipt_id) DO UPDATE SET until = excluded.until";
/// `?1`: now. Whose rest is over is tried again.
pub const END_PAUSES: &str = "DELETE FROM outbox_pauses WHERE until <= ?1";
/// Since when the receipt waits that has waited longest; NULL if none does.
pub const WAITING_SINCE: &str = "SELECT min(added_at) AS since FROM outbox";
/// `?1`: a JSON list of ids. One text: the JSON list of these receipts.
pub const BODIES: &str = "\
SELECT coalesce('[' || group_concat(body, ',') || ']', '[]') AS bodies FROM outbox
WHERE receipt_id IN (SELECT value FROM json_each(?1))";
/// `?1`: a JSON list of ids, `?2`: until when.
pub const BURY: &str = "\
INSERT INTO tombstones (receipt_id, cost_micros, until)
SELECT receipt_id, cost_micros, ?2 FROM outbox
WHERE receipt_id IN (SELECT value FROM json_each(?1))
ON CONFLICT (receipt_id) DO NOTHING";
/// `?1`: a JSON list of ids, `?2`: why, `?3`: now.
pub const PUT_ASIDE: &str = "\
INSERT INTO outbox_dead (receipt_id, body, error, at)
SELECT receipt_id, body, ?2, ?3 FROM outbox
WHERE receipt_id IN (SELECT value FROM json_each(?1))
ON CONFLICT (receipt_id) DO NOTHING";
/// `?1`: since when they must have been aside, `?2`: how often each counts as refused. The ids of the first ones,
/// which wait again, each for itself; they are still to be taken from where they were.
pub const TAKE_UP: &str = "\
INSERT INTO outbox (receipt_id, body, size_bytes, cost_micros, batch_rows, refusals, added_at)
SELECT receipt_id, body, length(CAST(body AS BLOB)), body ->> '$.cost_micros', 1, ?2, at FROM outbox_dead
WHERE at <= ?1 ORDER BY at LIMIT 500
ON CONFLICT (receipt_id) DO NOTHING";
/// Those that wait again.
pub const TAKEN_UP: &str = "\
DELETE FROM outbox_dead WHERE at <= ?1
  AND EXISTS (SELECT 1 FROM outbox WHERE outbox.receipt_id = outbox_dead.receipt_id)";
/// `?1`: a JSON list of ids.
pub const DROP_RECEIPTS: &str =
    "DELETE FROM outbox WHERE receipt_id IN (SELECT value FROM json_each(?1))";
/// `?1`: a JSON list of waiting rows in their new state.
pub const RETRY: &str = "\
UPDATE outbox SET batch_rows = state.value ->> '$.batch_rows', refusals = state.value ->> '$.refusals'
FROM json_each(?1) AS state WHERE outbox.receipt_id = state.value ->> '$.receipt_id'";
/// `?1`: now.
pub const DROP_TOMBSTONES: &str = "DELETE FROM tombstones WHERE until <= ?1";
/// What there is to wake up for: whether a receipt waits, whether a notice does (0 or 1), when the first
/// tombstone may go, when the first rest ends, and since when the first row is aside.
pub const NEXT: &str = "\
SELECT EXISTS (SELECT 1 FROM outbox
    WHERE NOT EXISTS (SELECT 1 FROM outbox_pauses AS p WHERE p.receipt_id = outbox.receipt_id)) AS waits,
  EXISTS (SELECT 1 FROM notices WHERE told_at IS NULL)
    OR EXISTS (SELECT 1 FROM reports_above) AS tells,
  (SELECT min(until) FROM tombstones) AS first_until,
  (SELECT min(until) FROM outbox_pauses) AS rest_until,
  (SELECT min(at) FROM outbox_dead) AS aside_since";
/// What has not reached the database.
pub const BACKLOG: &str = "\
SELECT (SELECT count(*) FROM outbox) AS waiting, (SELECT count(*) FROM outbox_dead) AS dead";
/// How many tombstones there are. Reads all of them: for who asks, never for the object's own work.
pub const TOMBSTONES: &str = "SELECT count(*) AS tombstones FROM tombstones";
