-- Usage, summed: what `usage_logs` comes to by the hour, the day and the 32 days. Sums outlive the rows that they were made of.

-- Each instance that ever had a call. It stays when the instance is deleted.
CREATE TABLE usage_instances (
  instance_id TEXT NOT NULL PRIMARY KEY,
  organization_id TEXT NOT NULL,
  -- The hours before this one are summed for good: their rows may be gone, so they are never summed again.
  pruned_before INTEGER NOT NULL DEFAULT 0 CHECK (pruned_before % 3600000 = 0)
) STRICT, WITHOUT ROWID;

CREATE INDEX usage_instances_by_organization ON usage_instances (organization_id);

-- Hours that got rows since they were last summed.
CREATE TABLE usage_marks (
  instance_id TEXT NOT NULL,
  hour INTEGER NOT NULL CHECK (hour % 3600000 = 0),
  PRIMARY KEY (instance_id, hour)
) STRICT, WITHOUT ROWID;

CREATE INDEX usage_marks_by_hour ON usage_marks (hour);

-- Hours that were summed lately: their rows stay for a while, so that a second delivery of one is known.
CREATE TABLE usage_holds (
  instance_id TEXT NOT NULL,
  hour INTEGER NOT NULL,
  until INTEGER NOT NULL,
  PRIMARY KEY (instance_id, hour)
) STRICT, WITHOUT ROWID;

CREATE INDEX usage_holds_by_until ON usage_holds (until);

-- Rows that came for an hour that was pruned: they are added to its sums, once.
CREATE TABLE usage_late (
  receipt_id TEXT NOT NULL PRIMARY KEY,
  -- NULL: it waits.
  added_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX usage_late_by_added_at ON usage_late (added_at);

-- One row for all calls of a span of time that have the same ids and the same end. Absent ids are ''.
-- Sums of a day are those of its hours, and sums of 32 days those of their days.
CREATE TABLE usage_sums (
  instance_id TEXT NOT NULL,
  -- An hour, a day in UTC, 32 such days.
  span_ms INTEGER NOT NULL CHECK (span_ms IN (3600000, 86400000, 2764800000)),
  -- When it begins: a multiple of its length since 1970.
  at INTEGER NOT NULL CHECK (at % span_ms = 0),
  project_id TEXT NOT NULL,
  api_key_id TEXT NOT NULL,
  model_id TEXT NOT NULL,
  provider_id TEXT NOT NULL,
  modality TEXT NOT NULL,
  status TEXT NOT NULL,
  error_code TEXT NOT NULL,
  calls INTEGER NOT NULL,
  input_tokens INTEGER NOT NULL,
  cached_input_tokens INTEGER NOT NULL,
  cache_write_tokens INTEGER NOT NULL,
  cache_write_1h_tokens INTEGER NOT NULL,
  cache_write_12h_tokens INTEGER NOT NULL,
  output_tokens INTEGER NOT NULL,
  reasoning_tokens INTEGER NOT NULL,
  image_input_tokens INTEGER NOT NULL,
  cached_image_input_tokens INTEGER NOT NULL,
  image_output_tokens INTEGER NOT NULL,
  audio_input_tokens INTEGER NOT NULL,
  audio_output_tokens INTEGER NOT NULL,
  images INTEGER NOT NULL,
  characters INTEGER NOT NULL,
  media_ms INTEGER NOT NULL,
  requests INTEGER NOT NULL,
  cost_micros INTEGER NOT NULL,
  unpriced INTEGER NOT NULL,
  estimated INTEGER NOT NULL,
  latency_ms INTEGER NOT NULL,
  first_byte_ms INTEGER NOT NULL,
  -- How many calls took how long: bounds in de_core::histogram.
  latency_00 INTEGER NOT NULL, latency_01 INTEGER NOT NULL,
  latency_02 INTEGER NOT NULL, latency_03 INTEGER NOT NULL,
  latency_04 INTEGER NOT NULL, latency_05 INTEGER NOT NULL,
  latency_06 INTEGER NOT NULL, latency_07 INTEGER NOT NULL,
  latency_08 INTEGER NOT NULL, latency_09 INTEGER NOT NULL,
  latency_10 INTEGER NOT NULL, latency_11 INTEGER NOT NULL,
  latency_12 INTEGER NOT NULL, latency_13 INTEGER NOT NULL,
  latency_14 INTEGER NOT NULL, latency_15 INTEGER NOT NULL,
  latency_16 INTEGER NOT NULL, latency_17 INTEGER NOT NULL,
  latency_18 INTEGER NOT NULL, latency_19 INTEGER NOT NULL,
  latency_20 INTEGER NOT NULL, latency_21 INTEGER NOT NULL,
  latency_22 INTEGER NOT NULL, latency_23 INTEGER NOT NULL,
  latency_24 INTEGER NOT NULL, latency_25 INTEGER NOT NULL,
  latency_26 INTEGER NOT NULL, latency_27 INTEGER NOT NULL,
  latency_28 INTEGER NOT NULL, latency_29 INTEGER NOT NULL,
  latency_30 INTEGER NOT NULL, latency_31 INTEGER NOT NULL,
  -- The same of the first byte, where there was one.
  first_byte_00 INTEGER NOT NULL, first_byte_01 INTEGER NOT NULL,
  first_byte_02 INTEGER NOT NULL, first_byte_03 INTEGER NOT NULL,
  first_byte_04 INTEGER NOT NULL, first_byte_05 INTEGER NOT NULL,
  first_byte_06 INTEGER NOT NULL, first_byte_07 INTEGER NOT NULL,
  first_byte_08 INTEGER NOT NULL, first_byte_09 INTEGER NOT NULL,
  first_byte_10 INTEGER NOT NULL, first_byte_11 INTEGER NOT NULL,
  first_byte_12 INTEGER NOT NULL, first_byte_13 INTEGER NOT NULL,
  first_byte_14 INTEGER NOT NULL, first_byte_15 INTEGER NOT NULL,
  first_byte_16 INTEGER NOT NULL, first_byte_17 INTEGER NOT NULL,
  first_byte_18 INTEGER NOT NULL, first_byte_19 INTEGER NOT NULL,
  first_byte_20 INTEGER NOT NULL, first_byte_21 INTEGER NOT NULL,
  first_byte_22 INTEGER NOT NULL, first_byte_23 INTEGER NOT NULL,
  first_byte_24 INTEGER NOT NULL, first_byte_25 INTEGER NOT NULL,
  first_byte_26 INTEGER NOT NULL, first_byte_27 INTEGER NOT NULL,
  first_byte_28 INTEGER NOT NULL, first_byte_29 INTEGER NOT NULL,
  first_byte_30 INTEGER NOT NULL, first_byte_31 INTEGER NOT NULL,
  PRIMARY KEY (
    instance_id, span_ms, at, project_id, api_key_id, model_id, provider_id, modality, status, error_code
  )
) STRICT, WITHOUT ROWID;

-- A trigger, so that every row is counted, whoever writes it: also a worker that is older than these tables.
CREATE TRIGGER usage_logs_counted AFTER INSERT ON usage_logs
BEGIN
  INSERT INTO usage_instances (instance_id, organization_id)
  VALUES (NEW.instance_id, NEW.organization_id)
  ON CONFLICT (instance_id) DO NOTHING;
  INSERT INTO usage_marks (instance_id, hour)
  SELECT i.instance_id, NEW.admitted_at - NEW.admitted_at % 3600000 FROM usage_instances AS i
  WHERE i.instance_id = NEW.instance_id AND NEW.admitted_at >= i.pruned_before
  ON CONFLICT (instance_id, hour) DO NOTHING;
  INSERT INTO usage_late (receipt_id)
  SELECT NEW.receipt_id FROM usage_instances AS i
  WHERE i.instance_id = NEW.instance_id AND NEW.admitted_at < i.pruned_before
  ON CONFLICT (receipt_id) DO NOTHING;
END;

-- What is there already.
INSERT INTO usage_instances (instance_id, organization_id)
SELECT instance_id, max(organization_id) FROM usage_logs GROUP BY instance_id;

INSERT INTO usage_marks (instance_id, hour)
SELECT DISTINCT instance_id, admitted_at - admitted_at % 3600000 FROM usage_logs;
