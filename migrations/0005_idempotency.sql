-- Answers that were given to a caller's `Idempotency-Key`, so that they can be given once more.
--
-- The table of 0004 was bound to API keys and had the states of work that runs for a while. What the control
-- plane makes is made in one batch, and this row is part of it: there is no state between.

DROP TABLE idempotency;

CREATE TABLE idempotency (
  -- The key or person that asks.
  holder TEXT NOT NULL,
  -- `POST /v1/projects`: the operation and where.
  route TEXT NOT NULL,
  -- The key is the caller's word: a digest of it stands here.
  key_digest TEXT NOT NULL,
  body_digest TEXT NOT NULL,
  -- Sealed: it may hold the secret of a new API key.
  reply TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  PRIMARY KEY (holder, route, key_digest)
) STRICT, WITHOUT ROWID;

CREATE INDEX idempotency_by_expires_at ON idempotency (expires_at);
