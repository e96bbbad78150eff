INSERT INTO responses (project_id, id, previous_id, content, created_at, expires_at, size_bytes)
VALUES ('proj_old', 'resp_large', 'resp_old', 'v1.nonce.sealed', 1764000000160, 4070908800000, 30);
INSERT INTO response_parts (project_id, response_id, place, content)
VALUES ('proj_old', 'resp_large', 1, 'v1.nonce.sealed');
