INSERT INTO responses (project_id, id, previous_id, content, created_at, expires_at)
VALUES ('proj_old', 'resp_old', NULL, 'v1.nonce.sealed', 1764000000150, 4070908800000);
