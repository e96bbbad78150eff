INSERT INTO providers (id, organization_id, display_name, base_url, allowed_hosts, auth, headers, protocol_defaults, seeded,
  created_at, updated_at) VALUES
  ('openai', NULL, 'OpenAI', 'https://eu.api.openai.com/v1', '[]', '{"kind":"bearer"}', '{}', '{}', 0,
   1764000000000, 1764000000020),
  ('acme', 'org_old', 'Acme', 'https://api.acme-models.com/v1', '["eu.acme-models.com"]', '{"kind":"bearer"}',
   '{"x-team":"a"}', '{"max_tokens_field":"max_tokens"}', 0, 1764000000000, 1764000000021);
INSERT INTO provider_keys (instance_id, provider_id, sealed, last_four, last_used_at, last_test_at, last_test_ok,
  last_test_message, created_at, updated_at)
VALUES ('inst_old', 'acme', 'v1.nonce.sealed', '0001', 1764000000022, 1764000000023, 0, 'no', 1764000000000, 1764000000024);
INSERT INTO model_configs (organization_id, model_id, version, config, created_at, updated_at) VALUES
  ('org_old', 'old-small', 2, '{"model_id":"old-small","provider_id":"acme","display_name":"Old small","protocol":"openai-chat",
"upstream_model":"small-1","capabilities":{"text":true},"aliases":["old"],"rate_limits":{"rpm":5},"status":"active"}',
   1764000000000, 1764000000025),
  (NULL, 'gpt-4o-mini', 1, '{"model_id":"gpt-4o-mini","provider_id":"openai","display_name":"Renamed by an operator",
"protocol":"openai-chat","upstream_model":"gpt-4o-mini","capabilities":{"text":true},"status":"active"}',
   1764000000000, 1764000000026);
INSERT INTO model_config_versions (model_id, owner, version, config, created_by, created_at) VALUES
  ('old-small', 'org_old', 1, '{"model_id":"old-small","provider_id":"acme","display_name":"First","protocol":"openai-chat",
"capabilities":{"text":true},"status":"active"}', 'user_old', 1764000000027),
  ('old-small', 'org_old', 2, '{"model_id":"old-small","provider_id":"acme","display_name":"Old small","protocol":"openai-chat",
"upstream_model":"small-1","capabilities":{"text":true},"aliases":["old"],"rate_limits":{"rpm":5},"status":"active"}',
   'user_old', 1764000000028),
  ('gpt-4o-mini', '', 1, '{"model_id":"gpt-4o-mini","provider_id":"openai","display_name":"Renamed by an operator",
"protocol":"openai-chat","upstream_model":"gpt-4o-mini","capabilities":{"text":true},"status":"active"}',
   'user_old', 1764000000029);
INSERT INTO model_aliases (alias, owner, model_id) VALUES ('old', 'org_old', 'old-small');
INSERT INTO limits (organization_id, instance_id, scope, scope_id, kind, per, amount, shadow, created_at, updated_at) VALUES
  ('org_old', NULL, 'organization', 'org_old', 'requests', 'minute', 500, 0, 1764000000000, 1764000000030),
  ('org_old', 'inst_old', 'key', 'key_old', 'tokens', 'day', 1000000, 0, 1764000000000, 1764000000031),
  ('org_old', 'inst_old', 'instance', 'inst_old', 'concurrent', NULL, 0, 1, 1764000000000, 1764000000032);
