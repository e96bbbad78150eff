-- What takes time or stays: jobs, assets, and the claims of idempotency keys.

CREATE TABLE jobs (
  id TEXT NOT NULL PRIMARY KEY CHECK (substr(id, 1, 4) = 'job_'),
  organization_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
  instance_id TEXT NOT NULL REFERENCES instances (id) ON DELETE CASCADE,
  project_id TEXT REFERENCES projects (id) ON DELETE SET NULL,
  api_key_id TEXT REFERENCES api_keys (id) ON DELETE SET NULL,
  receipt_id TEXT,
  modality TEXT NOT NULL CHECK (modality IN ('audio', 'image', 'text', 'video')),
  model_id TEXT,
  provider_id TEXT,
  provider_job_id TEXT,
  status TEXT NOT NULL CHECK (
    status IN ('cancelled', 'copying', 'failed', 'queued', 'running', 'submitting', 'succeeded')
  ),
  progress INTEGER CHECK (progress BETWEEN 0 AND 100),
  error_code TEXT,
  result TEXT CHECK (json_valid(result)),
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  finished_at INTEGER
) STRICT;

CREATE INDEX jobs_by_instance ON jobs (instance_id, created_at);
CREATE INDEX jobs_by_organization ON jobs (organization_id);
CREATE INDEX jobs_by_project ON jobs (project_id, created_at);
CREATE INDEX jobs_by_api_key ON jobs (api_key_id);
CREATE INDEX jobs_by_status ON jobs (status, updated_at);

-- The bytes are in R2 under `storage_key`, which we make ourselves.
CREATE TABLE assets (
  id TEXT NOT NULL PRIMARY KEY CHECK (substr(id, 1, 6) = 'asset_'),
  organization_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
  instance_id TEXT NOT NULL REFERENCES instances (id) ON DELETE CASCADE,
  project_id TEXT REFERENCES projects (id) ON DELETE SET NULL,
  job_id TEXT REFERENCES jobs (id) ON DELETE SET NULL,
  receipt_id TEXT,
  storage_key TEXT NOT NULL UNIQUE,
  content_type TEXT NOT NULL,
  size_bytes INTEGER NOT NULL CHECK (size_bytes >= 0),
  width INTEGER,
  height INTEGER,
  duration_ms INTEGER,
  -- Licence and attribution of what was taken over from elsewhere.
  source TEXT CHECK (json_valid(source)),
  created_at INTEGER NOT NULL,
  expires_at INTEGER
) STRICT;

CREATE INDEX assets_by_instance ON assets (instance_id, created_at);
CREATE INDEX assets_by_organization ON assets (organization_id);
CREATE INDEX assets_by_project ON assets (project_id, created_at);
CREATE INDEX assets_by_job ON assets (job_id);
CREATE INDEX assets_by_expires_at ON assets (expires_at);

-- One claim a key of the caller's, by API key and route. The key itself is the caller's word: a digest of it
-- stands here. The reply is in R2 when it is large.
CREATE TABLE idempotency (
  api_key_id TEXT NOT NULL REFERENCES api_keys (id) ON DELETE CASCADE,
  route TEXT NOT NULL,
  key_digest TEXT NOT NULL,
  body_digest TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('claimed', 'done', 'sent', 'unknown')),
  reply_status INTEGER,
  reply TEXT,
  reply_storage_key TEXT,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  PRIMARY KEY (api_key_id, route, key_digest)
) STRICT, WITHOUT ROWID;

CREATE INDEX idempotency_by_expires_at ON idempotency (expires_at);
