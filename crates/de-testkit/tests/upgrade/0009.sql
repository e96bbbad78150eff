INSERT INTO provider_keys (instance_id, provider_id, sealed, last_four, hosts, created_at, updated_at)
VALUES ('inst_old', 'openai', 'v2.nonce.sealed', '0002', '["https://eu.api.openai.com"]', 1764000000090, 1764000000091);
