INSERT INTO sessions (digest, id, user_id, api_key_id, created_at, last_seen_at, expires_at, revoked_at)
VALUES ('digest-of-key', 'sess_key', 'user_old', 'key_person', 1764000000070, 1764000000071, 4070908800000, NULL);
