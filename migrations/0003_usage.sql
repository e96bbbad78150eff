-- What happened: receipts and the trail of changes. No foreign keys: the books outlive what they name.

-- One row a call. The columns are the members of a receipt, by name. No prompt and no reply is here.
CREATE TABLE usage_logs (
  receipt_id TEXT NOT NULL PRIMARY KEY,
  request_id TEXT NOT NULL,
  organization_id TEXT NOT NULL,
  instance_id TEXT NOT NULL,
  project_id TEXT,
  api_key_id TEXT,
  user_id TEXT,
  model_id TEXT,
  requested_model_id TEXT,
  provider_id TEXT,
  protocol TEXT,
  modality TEXT NOT NULL,
  operation TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('cancelled', 'cut', 'failed', 'ok')),
  http_status INTEGER NOT NULL,
  error_code TEXT,
  streamed INTEGER NOT NULL CHECK (streamed IN (0, 1)),
  input_tokens INTEGER NOT NULL DEFAULT 0,
  cached_input_tokens INTEGER NOT NULL DEFAULT 0,
  cache_write_tokens INTEGER NOT NULL DEFAULT 0,
  cache_write_1h_tokens INTEGER NOT NULL DEFAULT 0,
  cache_write_12h_tokens INTEGER NOT NULL DEFAULT 0,
  output_tokens INTEGER NOT NULL DEFAULT 0,
  reasoning_tokens INTEGER NOT NULL DEFAULT 0,
  image_input_tokens INTEGER NOT NULL DEFAULT 0,
  cached_image_input_tokens INTEGER NOT NULL DEFAULT 0,
  image_output_tokens INTEGER NOT NULL DEFAULT 0,
  audio_input_tokens INTEGER NOT NULL DEFAULT 0,
  audio_output_tokens INTEGER NOT NULL DEFAULT 0,
  images INTEGER NOT NULL DEFAULT 0,
  characters INTEGER NOT NULL DEFAULT 0,
  media_ms INTEGER NOT NULL DEFAULT 0,
  requests INTEGER NOT NULL DEFAULT 0,
  cost_micros INTEGER,
  price_version INTEGER,
  price_valid_from INTEGER,
  estimated INTEGER NOT NULL CHECK (estimated IN (0, 1)),
  over_ceiling INTEGER NOT NULL CHECK (over_ceiling IN (0, 1)),
  limiter_bypassed INTEGER NOT NULL CHECK (limiter_bypassed IN (0, 1)),
  attempts TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(attempts)),
  latency_ms INTEGER NOT NULL,
  first_byte_ms INTEGER,
  upstream_ms INTEGER,
  request_bytes INTEGER NOT NULL,
  response_bytes INTEGER NOT NULL,
  admitted_at INTEGER NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;

CREATE INDEX usage_logs_by_request ON usage_logs (request_id);
CREATE INDEX usage_logs_by_organization ON usage_logs (organization_id, admitted_at);
CREATE INDEX usage_logs_by_instance ON usage_logs (instance_id, admitted_at);
CREATE INDEX usage_logs_by_project ON usage_logs (project_id, admitted_at);
CREATE INDEX usage_logs_by_api_key ON usage_logs (api_key_id, admitted_at);
CREATE INDEX usage_logs_by_provider ON usage_logs (provider_id, admitted_at);
CREATE INDEX usage_logs_by_admitted_at ON usage_logs (admitted_at);

-- Who changed what; secrets are masked before they come here.
CREATE TABLE audit_events (
  id TEXT NOT NULL PRIMARY KEY,
  organization_id TEXT,
  -- `user`, `key` or `system`, and its id.
  actor_kind TEXT NOT NULL CHECK (actor_kind IN ('key', 'system', 'user')),
  actor_id TEXT,
  -- `model-config.replace`: the resource and the verb.
  action TEXT NOT NULL,
  target_id TEXT NOT NULL,
  request_id TEXT,
  before_state TEXT CHECK (json_valid(before_state)),
  after_state TEXT CHECK (json_valid(after_state)),
  created_at INTEGER NOT NULL
) STRICT;

CREATE INDEX audit_events_by_organization ON audit_events (organization_id, created_at);
CREATE INDEX audit_events_by_target ON audit_events (target_id, created_at);
CREATE INDEX audit_events_by_created_at ON audit_events (created_at);
