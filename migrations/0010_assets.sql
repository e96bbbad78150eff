-- Who made an asset, by which request and at what cost, and what its bytes are. Nothing has written to the
-- table before. What it names besides tenants may go before it, so there are no foreign keys.

ALTER TABLE assets ADD COLUMN kind TEXT CHECK (kind IN ('audio', 'image', 'video'));
ALTER TABLE assets ADD COLUMN extension TEXT;
-- Of all bytes, in hexadecimal.
ALTER TABLE assets ADD COLUMN sha256 TEXT;
ALTER TABLE assets ADD COLUMN model_id TEXT;
ALTER TABLE assets ADD COLUMN provider_id TEXT;
ALTER TABLE assets ADD COLUMN request_id TEXT;
ALTER TABLE assets ADD COLUMN api_key_id TEXT;
ALTER TABLE assets ADD COLUMN user_id TEXT;
ALTER TABLE assets ADD COLUMN cost_micros INTEGER;

-- Objects that belong to no asset, not yet or no more. The cron removes them when they are due. A row is there
-- before its object is, so that no crash leaves an object that nobody knows of.
CREATE TABLE stray_objects (
  storage_key TEXT NOT NULL PRIMARY KEY,
  due_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX stray_objects_by_due_at ON stray_objects (due_at);
