INSERT INTO organizations (id, name, billing_email, time_zone, status, created_at, updated_at) VALUES
  ('org_old', 'Old', 'bills@example.com', 'Europe/Berlin', 'active', 1764000000000, 1764000000001),
  ('org_shut', 'Shut', NULL, 'UTC', 'suspended', 1764000000000, 1764000000002);
INSERT INTO instances (id, organization_id, name, environment, allowed_origins, retention_days, on_limiter_failure,
  default_models, default_max_output_tokens, status, active_at, created_at, updated_at) VALUES
  ('inst_old', 'org_old', 'Shop', 'production', '["https://shop.example.com"]', 30, 'allow',
   '{"text":"old-small"}', 500, 'active', 1764000000100, 1764000000000, 1764000000003),
  ('inst_bare', 'org_old', 'Bare', 'development', '[]', NULL, 'refuse', '{}', NULL, 'suspended', NULL,
   1764000000000, 1764000000004);
INSERT INTO projects (id, instance_id, name, description, settings, retain_content, status, created_at, updated_at)
VALUES ('proj_old', 'inst_old', 'Search', 'Finds things', '{"team":["a"]}', 1, 'active', 1764000000000, 1764000000005);
INSERT INTO users (id, organization_id, email, name, role, status, created_at, updated_at) VALUES
  ('user_old', 'org_old', 'ada@example.com', 'Ada', 'superadmin', 'active', 1764000000000, 1764000000006),
  ('user_plain', 'org_old', 'bob@example.com', NULL, 'user', 'suspended', 1764000000000, 1764000000007);
INSERT INTO user_grants (user_id, instance_id, role, created_at, updated_at)
VALUES ('user_plain', 'inst_old', 'readonly', 1764000000000, 1764000000008);
INSERT INTO api_keys (id, project_id, user_id, name, prefix, digest, last_four, scopes, allowed_models, allowed_origins,
  allowed_addresses, expires_at, revoked_at, last_used_at, created_at, updated_at) VALUES
  ('key_old', 'proj_old', NULL, 'web', 'de_live_', 'digest-old', '1234', '["read","text"]', '["old-small"]',
   '["https://shop.example.com"]', '["203.0.113.7"]', 4070908800000, NULL, 1764000000009, 1764000000000, 1764000000010),
  ('key_person', NULL, 'user_old', 'laptop', 'de_admin_', 'digest-person', '5678', '["admin","read"]', NULL, '[]', '[]',
   NULL, 1764000000011, NULL, 1764000000000, 1764000000012);
INSERT INTO sessions (digest, id, user_id, created_at, last_seen_at, expires_at, revoked_at)
VALUES ('digest-session', 'sess_old', 'user_old', 1764000000000, 1764000000013, 4070908800000, NULL);
INSERT INTO epochs (scope, epoch) VALUES ('catalogue', 7), ('org_old', 3);
INSERT INTO pending_bumps (scope, epoch, created_at) VALUES ('org_old', 3, 1764000000014);
