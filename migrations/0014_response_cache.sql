-- Answers that are kept to be given once more: how long a project wants that, which generation of them is given, and
-- which calls were answered so.

-- Seconds; NULL: only where a call asks for it.
ALTER TABLE projects ADD COLUMN response_cache_ttl_s INTEGER
  CHECK (response_cache_ttl_s BETWEEN 60 AND 2592000);
-- One more each time that all kept answers are given up: those of an earlier one are found no more.
ALTER TABLE projects ADD COLUMN response_cache_generation INTEGER NOT NULL DEFAULT 0
  CHECK (response_cache_generation >= 0);

-- Whether an answer that was kept was given, and no vendor was asked.
ALTER TABLE usage_logs ADD COLUMN cached INTEGER NOT NULL DEFAULT 0 CHECK (cached IN (0, 1));
-- How many of the calls summed. Sums of before have none.
ALTER TABLE usage_sums ADD COLUMN cached INTEGER NOT NULL DEFAULT 0;
