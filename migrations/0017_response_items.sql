-- In which response an item of an answer stands: what `item_reference` goes by. It goes with its response.

CREATE TABLE response_items (
  project_id TEXT NOT NULL,
  -- What the caller was told. A vendor may have made it.
  id TEXT NOT NULL,
  response_id TEXT NOT NULL,
  PRIMARY KEY (project_id, id, response_id),
  FOREIGN KEY (project_id, response_id) REFERENCES responses (project_id, id) ON DELETE CASCADE
) STRICT;

CREATE INDEX response_items_by_response ON response_items (project_id, response_id);
