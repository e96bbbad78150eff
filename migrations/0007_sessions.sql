-- A session that a key made is worth what the key is worth, and ends with it. Without a key it was made by a
-- log-in elsewhere.
ALTER TABLE sessions ADD COLUMN api_key_id TEXT REFERENCES api_keys (id) ON DELETE CASCADE;

CREATE INDEX sessions_by_api_key ON sessions (api_key_id);
