-- Rows for `cargo xtask bench --lists`: a tenant with 10,000 keys in 100 projects, 1,000 models, and the people,
-- tenants and changes of a service that has been used for a while.
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100)
INSERT INTO projects (id, instance_id, name, created_at, updated_at)
SELECT printf('proj_bench%04d', i), 'inst_dev', 'Project ' || i, 1795608000000, 1795608000000 FROM n;

WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
INSERT INTO api_keys (id, project_id, name, prefix, digest, last_four, scopes, created_at, updated_at)
SELECT printf('key_bench%06d', i), printf('proj_bench%04d', i % 100 + 1), 'Key ' || i, 'de_test_',
  printf('bench-digest-%06d', i), '0000', '["text"]', 1795608000000, 1795608000000 FROM n;

WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
INSERT INTO model_configs (model_id, version, config, created_at, updated_at)
SELECT printf('list/model-%04d', i), 1, json_object(
    'model_id', printf('list/model-%04d', i), 'provider_id', CASE i % 2 WHEN 0 THEN 'openai' ELSE 'anthropic' END,
    'display_name', 'Model ' || i, 'protocol', 'openai-chat', 'upstream_model', 'gpt-4o-mini',
    'capabilities', json('{"text":true,"streaming":true,"tools":true}'), 'context_window', 128000,
    'pricing', json('{"currency":"USD","input_micros_per_million_tokens":150000,"output_micros_per_million_tokens":600000}'),
    'on_unsupported', 'refuse', 'unknown_options', 'refuse',
    'status', CASE i % 10 WHEN 0 THEN 'deprecated' ELSE 'active' END),
  1795608000000, 1795608000000 FROM n;

WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
INSERT INTO organizations (id, name, created_at, updated_at)
SELECT printf('org_bench%04d', i), 'Organization ' || i, 1795608000000, 1795608000000 FROM n;

WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
INSERT INTO instances (id, organization_id, name, environment, created_at, updated_at)
SELECT printf('inst_bench%04d', i), printf('org_bench%04d', i), 'Instance ' || i, 'production',
  1795608000000, 1795608000000 FROM n;

WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
INSERT INTO users (id, organization_id, email, name, role, created_at, updated_at)
SELECT printf('user_bench%04d', i), 'org_dev', printf('person%04d@example.com', i), 'Person ' || i, 'user',
  1795608000000, 1795608000000 FROM n;

WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
INSERT INTO audit_events (id, organization_id, actor_kind, actor_id, action, target_id, after_state, created_at)
SELECT printf('audit_bench%06d', i), 'org_dev', 'user', 'user_dev', 'api-key.create',
  printf('key_bench%06d', i), '{"name": "Key"}', 1795608000000 + i FROM n;
