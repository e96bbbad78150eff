-- What was said in OpenAI's responses, kept for projects that ask to keep content: what `previous_response_id`
-- goes on from. A row is a turn; a conversation is a chain of them.

CREATE TABLE responses (
  project_id TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  -- What the caller was told. A vendor may have made it.
  id TEXT NOT NULL,
  -- The turn before it. It may be gone, so it is no foreign key.
  previous_id TEXT,
  -- Sealed: the items that were asked, and the response.
  content TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  PRIMARY KEY (project_id, id)
) STRICT;

CREATE INDEX responses_by_expires_at ON responses (expires_at);
