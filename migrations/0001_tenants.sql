-- Who there is: organizations, instances, projects, users, and the keys of projects and users.

CREATE TABLE organizations (
  id TEXT NOT NULL PRIMARY KEY CHECK (substr(id, 1, 4) = 'org_'),
  name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  billing_email TEXT,
  time_zone TEXT NOT NULL DEFAULT 'UTC',
  status TEXT NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'suspended')),
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT;

CREATE INDEX organizations_by_created_at ON organizations (created_at);

CREATE TABLE instances (
  id TEXT NOT NULL PRIMARY KEY CHECK (substr(id, 1, 5) = 'inst_'),
  organization_id TEXT NOT NULL REFERENCES organizations (id),
  name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  environment TEXT NOT NULL CHECK (environment IN ('development', 'production')),
  allowed_origins TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(allowed_origins)),
  retention_days INTEGER CHECK (retention_days > 0),
  on_limiter_failure TEXT NOT NULL DEFAULT 'refuse' CHECK (on_limiter_failure IN ('allow', 'refuse')),
  default_models TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(default_models)),
  default_max_output_tokens INTEGER CHECK (default_max_output_tokens > 0),
  status TEXT NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'suspended')),
  -- When a Limiter last woke or delivered for it: a change of the catalogue is told to the recent ones.
  active_at INTEGER,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT;

CREATE INDEX instances_by_organization ON instances (organization_id, id);
CREATE INDEX instances_by_active_at ON instances (active_at, id);

CREATE TABLE projects (
  id TEXT NOT NULL PRIMARY KEY CHECK (substr(id, 1, 5) = 'proj_'),
  instance_id TEXT NOT NULL REFERENCES instances (id),
  name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  description TEXT,
  settings TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(settings)),
  retain_content INTEGER NOT NULL DEFAULT 0 CHECK (retain_content IN (0, 1)),
  status TEXT NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'suspended')),
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT;

CREATE INDEX projects_by_instance ON projects (instance_id, id);

CREATE TABLE users (
  id TEXT NOT NULL PRIMARY KEY CHECK (substr(id, 1, 5) = 'user_'),
  organization_id TEXT NOT NULL REFERENCES organizations (id),
  email TEXT NOT NULL UNIQUE CHECK (email = lower(email)),
  name TEXT,
  role TEXT NOT NULL DEFAULT 'user' CHECK (role IN ('admin', 'superadmin', 'user')),
  status TEXT NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'suspended')),
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT;

CREATE INDEX users_by_organization ON users (organization_id, id);

CREATE TABLE user_grants (
  user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  instance_id TEXT NOT NULL REFERENCES instances (id) ON DELETE CASCADE,
  role TEXT NOT NULL CHECK (role IN ('admin', 'owner', 'readonly', 'user')),
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (user_id, instance_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX user_grants_by_instance ON user_grants (instance_id, user_id);

-- The secret itself is nowhere: `id` holds its public part, `digest` is the SHA-256 of the whole, in hex.
CREATE TABLE api_keys (
  id TEXT NOT NULL PRIMARY KEY CHECK (substr(id, 1, 4) = 'key_'),
  project_id TEXT REFERENCES projects (id) ON DELETE CASCADE,
  user_id TEXT REFERENCES users (id) ON DELETE CASCADE,
  name TEXT NOT NULL DEFAULT '',
  prefix TEXT NOT NULL CHECK (prefix IN ('de_admin_', 'de_live_', 'de_test_')),
  digest TEXT NOT NULL UNIQUE,
  last_four TEXT NOT NULL,
  scopes TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(scopes)),
  -- NULL lets every model through, a list only those on it.
  allowed_models TEXT CHECK (json_valid(allowed_models)),
  allowed_origins TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(allowed_origins)),
  allowed_addresses TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(allowed_addresses)),
  expires_at INTEGER,
  revoked_at INTEGER,
  last_used_at INTEGER,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  CHECK ((project_id IS NULL) <> (user_id IS NULL)),
  CHECK ((user_id IS NULL) = (prefix <> 'de_admin_'))
) STRICT;

CREATE INDEX api_keys_by_project ON api_keys (project_id, id);
CREATE INDEX api_keys_by_user ON api_keys (user_id, id);
CREATE INDEX api_keys_by_expires_at ON api_keys (expires_at);

-- Browser log-ins; the cookie's value is nowhere, only its digest.
CREATE TABLE sessions (
  digest TEXT NOT NULL PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  created_at INTEGER NOT NULL,
  last_seen_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  revoked_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_by_user ON sessions (user_id, created_at);
CREATE INDEX sessions_by_expires_at ON sessions (expires_at);

-- The version of what a scope may see: an organization's id, or 'catalogue'. No row is version 0.
CREATE TABLE epochs (
  scope TEXT NOT NULL PRIMARY KEY,
  epoch INTEGER NOT NULL CHECK (epoch > 0)
) STRICT, WITHOUT ROWID;

-- Versions that the Limiters have not all been told of yet; written in the batch of the change.
CREATE TABLE pending_bumps (
  scope TEXT NOT NULL PRIMARY KEY,
  epoch INTEGER NOT NULL CHECK (epoch > 0),
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
