INSERT INTO webhooks (id, organization_id, instance_id, url, description, sealed, previous_sealed, previous_until, status,
  created_at, updated_at)
VALUES ('whk_old', 'org_old', 'inst_old', 'https://hooks.example.com/old', 'Old', 'v2.nonce.sealed', 'v1.nonce.sealed',
  1764000000110, 'active', 1764000000111, 1764000000112);
INSERT INTO webhook_events (webhook_id, event_type) VALUES ('whk_old', 'job.failed'), ('whk_old', 'job.succeeded');
INSERT INTO webhook_deliveries (id, webhook_id, organization_id, instance_id, event_type, payload, state, attempts, tries,
  next_attempt_at, last_status, last_error, created_at)
VALUES ('msg_old', 'whk_old', 'org_old', 'inst_old', 'job.failed', '{"type":"job.failed"}', 'pending', 1, 1, 4070908800000, 500,
  'no', 1764000000113);
INSERT INTO webhook_attempts (delivery_id, number, at, duration_ms, status, error)
VALUES ('msg_old', 1, 1764000000114, 12, 500, 'no');
