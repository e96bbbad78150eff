INSERT INTO usage_logs (receipt_id, request_id, organization_id, instance_id, project_id, api_key_id, user_id, model_id,
  requested_model_id, provider_id, protocol, modality, operation, status, http_status, error_code, streamed, input_tokens,
  output_tokens, requests, cost_micros, price_version, price_valid_from, estimated, over_ceiling, limiter_bypassed, attempts,
  latency_ms, first_byte_ms, upstream_ms, request_bytes, response_bytes, admitted_at, created_at) VALUES
  ('rcpt_old', 'req-old', 'org_old', 'inst_old', 'proj_old', 'key_old', NULL, 'old-small', 'old', 'acme', 'openai-chat', 'text',
   'POST /v1/chat/completions', 'ok', 200, NULL, 1, 10, 20, 1, 300, 2, 1764000000000, 0, 0, 0, '[]', 120, 40, 100, 50, 60,
   1764000000040, 1764000000041),
  ('rcpt_failed', 'req-failed', 'org_old', 'inst_gone', NULL, NULL, 'user_old', NULL, 'nothing', NULL, NULL, 'text',
   'POST /generate', 'failed', 404, 'MODEL_NOT_FOUND', 0, 0, 0, 0, NULL, NULL, NULL, 0, 0, 1, '[]', 3, NULL, NULL, 50, 60,
   1764003600040, 1764003600041);
INSERT INTO audit_events (id, organization_id, actor_kind, actor_id, action, target_id, request_id, before_state, after_state,
  created_at)
VALUES ('audit_old', 'org_old', 'user', 'user_old', 'project.create', 'proj_old', 'req-audit', NULL, '{"name":"Search"}',
  1764000000042);
