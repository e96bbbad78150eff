INSERT INTO jobs (id, organization_id, instance_id, project_id, api_key_id, receipt_id, modality, model_id, provider_id,
  provider_job_id, status, progress, error_code, result, created_at, updated_at, finished_at)
VALUES ('job_old', 'org_old', 'inst_old', 'proj_old', 'key_old', 'rcpt_old', 'image', 'old-small', 'acme', 'vendor-1',
  'succeeded', 100, NULL,
  '{"id":"job_old","attempts":1,"created_at":"2025-11-24T16:00:00.050Z","instance_id":"inst_old","modality":"image","notices":[],
"operation":"POST /generate","organization_id":"org_old","outputs":[],"project_id":"proj_old","receipt_id":"rcpt_old",
"request_id":"req-job","revision":3,"status":"succeeded","updated_at":"2025-11-24T16:00:00.051Z"}',
  1764000000050, 1764000000051, 1764000000052);
INSERT INTO assets (id, organization_id, instance_id, project_id, job_id, receipt_id, storage_key, content_type, size_bytes,
  width, height, duration_ms, source, created_at, expires_at)
VALUES ('asset_old', 'org_old', 'inst_old', 'proj_old', 'job_old', 'rcpt_old', 'org_old/asset_old.png', 'image/png', 1234, 16, 9,
  NULL, '{"license":"CC0"}', 1764000000053, NULL);
INSERT INTO idempotency (api_key_id, route, key_digest, body_digest, state, reply_status, reply, reply_storage_key, created_at,
  expires_at)
VALUES ('key_old', 'POST /generate', 'digest-key', 'digest-body', 'done', 200, '{}', NULL, 1764000000054, 1764086400054);
