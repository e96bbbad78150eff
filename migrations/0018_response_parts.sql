-- What of a turn does not fit into its row, and how large all of it is. A row of D1 has 2 MB; a turn that shows a
-- picture has more.

-- All that rests of the turn, in bytes, parts included: read before it is. SQLite would read a text whole to say its
-- length. Rows of before have none, and no parts.
ALTER TABLE responses ADD COLUMN size_bytes INTEGER;

CREATE TABLE response_parts (
  project_id TEXT NOT NULL,
  response_id TEXT NOT NULL,
  -- Counted from 1: what comes before is in the row of the turn.
  place INTEGER NOT NULL,
  -- Sealed by itself.
  content TEXT NOT NULL,
  PRIMARY KEY (project_id, response_id, place),
  FOREIGN KEY (project_id, response_id) REFERENCES responses (project_id, id) ON DELETE CASCADE
) STRICT;
