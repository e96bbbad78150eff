INSERT INTO providers (id, organization_id, display_name, base_url, auth, seeded, key_test, created_at, updated_at)
VALUES ('tested', NULL, 'Tested', 'https://api.tested.example.com', '{"kind":"bearer"}', 0, '{"method":"GET","path":"/models"}',
  1764000000080, 1764000000081);
