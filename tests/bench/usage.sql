-- A million calls in 30 days of one instance: 4 projects, 12 keys, 10 models, one failure of 25; all hours alike.
WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 999999)
INSERT INTO usage_logs (receipt_id, request_id, organization_id, instance_id, project_id, api_key_id, model_id,
  provider_id, protocol, modality, operation, status, http_status, error_code, streamed, input_tokens, output_tokens,
  requests, cost_micros, price_version, estimated, over_ceiling, limiter_bypassed, attempts, latency_ms, first_byte_ms,
  upstream_ms, request_bytes, response_bytes, admitted_at, created_at)
SELECT printf('rcpt_%032x', i), printf('request-%08d', i), 'org_dev', 'inst_dev', printf('proj_bench%02d', i * 7919 % 4),
  printf('key_bench%02d', i * 7919 % 12), printf('model-%02d', (i * 7919 % 12 + i % 3) % 10), 'openai', 'openai-chat',
  'text', 'POST /v1/chat/completions', iif(i % 25 = 0, 'failed', 'ok'), iif(i % 25 = 0, 502, 200),
  iif(i % 25 = 0, 'PROVIDER_ERROR', NULL), i % 2, 100 + i % 900, i % 300, 1, i % 1000, 1, 0, 0, 0,
  '[{"model_id":"model-00","provider_id":"openai","status":200,"duration_ms":900,"error_code":null}]',
  50 + i * 104729 % 9000, 10 + i * 1299709 % 900, 40 + i * 104729 % 9000, 400, 900,
  1792972800000 + i * 2592, 1792972800000 + i * 2592 + 9000
FROM n;
