INSERT INTO idempotency (holder, route, key_digest, body_digest, reply, created_at, expires_at)
VALUES ('key_person', 'POST /v1/projects', 'digest-key', 'digest-body', 'v1.nonce.sealed', 1764000000060, 4070908800000);
