-- What can be called: providers, their keys, and model configs with all their versions.
--
-- `owner` is the organization, or '' for the shared catalogue: NULL would never be equal to itself in a
-- UNIQUE constraint, so two shared rows of one id could stand side by side.

CREATE TABLE providers (
  id TEXT NOT NULL CHECK (length(id) BETWEEN 1 AND 50),
  organization_id TEXT REFERENCES organizations (id) ON DELETE CASCADE,
  owner TEXT NOT NULL GENERATED ALWAYS AS (coalesce(organization_id, '')) STORED,
  display_name TEXT NOT NULL,
  base_url TEXT NOT NULL,
  allowed_hosts TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(allowed_hosts)),
  auth TEXT NOT NULL CHECK (json_valid(auth)),
  headers TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(headers)),
  protocol_defaults TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(protocol_defaults)),
  -- 1 while it is as the seeds wrote it; they leave a row alone that someone changed.
  seeded INTEGER NOT NULL DEFAULT 0 CHECK (seeded IN (0, 1)),
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  UNIQUE (id, owner)
) STRICT;

CREATE INDEX providers_by_owner ON providers (owner, id);
CREATE INDEX providers_by_organization ON providers (organization_id);

-- No foreign key to `providers`: the shared row and an organization's own have the same id, and either
-- may go while the other stays.
CREATE TABLE provider_keys (
  instance_id TEXT NOT NULL REFERENCES instances (id) ON DELETE CASCADE,
  provider_id TEXT NOT NULL,
  sealed TEXT NOT NULL,
  -- Which master key sealed it: the text begins with `v1.`.
  key_version INTEGER NOT NULL GENERATED ALWAYS AS (
    CAST(substr(sealed, 2, instr(sealed, '.') - 2) AS INTEGER)
  ) STORED CHECK (key_version > 0),
  last_four TEXT NOT NULL,
  last_used_at INTEGER,
  last_test_at INTEGER,
  last_test_ok INTEGER CHECK (last_test_ok IN (0, 1)),
  last_test_message TEXT,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (instance_id, provider_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX provider_keys_by_version ON provider_keys (key_version);

-- One row a model: its current version. `config` is the export form, less ids of place and version; the
-- columns after it are read out of it, so that they cannot tell another story.
CREATE TABLE model_configs (
  organization_id TEXT REFERENCES organizations (id) ON DELETE CASCADE,
  owner TEXT NOT NULL GENERATED ALWAYS AS (coalesce(organization_id, '')) STORED,
  model_id TEXT NOT NULL CHECK (length(model_id) BETWEEN 1 AND 100),
  version INTEGER NOT NULL CHECK (version > 0),
  config TEXT NOT NULL CHECK (json_valid(config) AND config ->> '$.model_id' = model_id),
  provider_id TEXT NOT NULL GENERATED ALWAYS AS (config ->> '$.provider_id') STORED,
  status TEXT NOT NULL GENERATED ALWAYS AS (config ->> '$.status') STORED
    CHECK (status IN ('active', 'beta', 'deprecated', 'disabled')),
  rate_limits TEXT GENERATED ALWAYS AS (config -> '$.rate_limits') STORED,
  is_text INTEGER NOT NULL GENERATED ALWAYS AS (
    coalesce(config ->> '$.capabilities.text', 0) OR coalesce(config ->> '$.capabilities.embeddings', 0)
  ) STORED,
  is_image INTEGER NOT NULL GENERATED ALWAYS AS (coalesce(config ->> '$.capabilities.image', 0)) STORED,
  is_audio INTEGER NOT NULL GENERATED ALWAYS AS (
    coalesce(config ->> '$.capabilities.audio', 0) OR coalesce(config ->> '$.capabilities.transcription', 0)
  ) STORED,
  is_video INTEGER NOT NULL GENERATED ALWAYS AS (coalesce(config ->> '$.capabilities.video', 0)) STORED,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  UNIQUE (model_id, owner)
) STRICT;

CREATE INDEX model_configs_by_owner ON model_configs (owner, model_id);
CREATE INDEX model_configs_by_organization ON model_configs (organization_id);
CREATE INDEX model_configs_by_provider ON model_configs (provider_id, model_id);

-- Never changed and never deleted, since receipts name a version: no foreign keys, and a model that is
-- made anew goes on counting.
CREATE TABLE model_config_versions (
  model_id TEXT NOT NULL,
  owner TEXT NOT NULL,
  version INTEGER NOT NULL CHECK (version > 0),
  config TEXT NOT NULL CHECK (json_valid(config)),
  -- The user or key that saved it; NULL for seeds.
  created_by TEXT,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (model_id, owner, version)
) STRICT, WITHOUT ROWID;

-- Other names of a model. An alias never hides a model of that name with the same owner.
CREATE TABLE model_aliases (
  alias TEXT NOT NULL,
  owner TEXT NOT NULL,
  model_id TEXT NOT NULL,
  PRIMARY KEY (alias, owner),
  FOREIGN KEY (model_id, owner) REFERENCES model_configs (model_id, owner) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE INDEX model_aliases_by_model ON model_aliases (model_id, owner);

CREATE TABLE limits (
  organization_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
  -- NULL for the organization's own limits.
  instance_id TEXT REFERENCES instances (id) ON DELETE CASCADE,
  scope TEXT NOT NULL CHECK (scope IN ('instance', 'key', 'model', 'organization', 'project', 'provider')),
  -- The id of what is limited: `key_…`, or a model's or provider's within the instance.
  scope_id TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('concurrent', 'requests', 'tokens')),
  per TEXT CHECK (per IN ('day', 'hour', 'minute')),
  -- 0 lets nothing through; no row, everything.
  amount INTEGER NOT NULL CHECK (amount >= 0),
  -- Counted and shown, but not enforced.
  shadow INTEGER NOT NULL DEFAULT 0 CHECK (shadow IN (0, 1)),
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  CHECK ((kind = 'concurrent') = (per IS NULL)),
  CHECK ((scope = 'organization') = (instance_id IS NULL))
) STRICT;

CREATE UNIQUE INDEX limits_by_scope
  ON limits (organization_id, coalesce(instance_id, ''), scope, scope_id, kind, coalesce(per, ''));
CREATE INDEX limits_by_instance ON limits (instance_id);
