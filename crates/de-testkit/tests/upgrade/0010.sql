INSERT INTO assets (id, organization_id, instance_id, storage_key, content_type, size_bytes, created_at, kind, extension,
  sha256, model_id, provider_id, request_id, api_key_id, user_id, cost_micros)
VALUES ('asset_whole', 'org_old', 'inst_old', 'org_old/asset_whole.png', 'image/png', 99, 1764000000100, 'image', 'png', 'abc',
  'old-small', 'acme', 'req-asset', 'key_old', NULL, 40000);
INSERT INTO stray_objects (storage_key, due_at) VALUES ('org_old/stray.png', 4070908800000);
