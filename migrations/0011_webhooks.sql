-- Who is told what happened, and what they were told.

CREATE TABLE webhooks (
  id TEXT NOT NULL PRIMARY KEY CHECK (substr(id, 1, 4) = 'whk_'),
  organization_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
  -- NULL hears of every instance of the organization.
  instance_id TEXT REFERENCES instances (id) ON DELETE CASCADE,
  url TEXT NOT NULL,
  description TEXT,
  -- The secret that signs, sealed.
  sealed TEXT NOT NULL,
  -- The one before it, which signs too until then.
  previous_sealed TEXT,
  previous_until INTEGER,
  -- The oldest master key that one of them needs.
  key_version INTEGER NOT NULL GENERATED ALWAYS AS (
    min(
      CAST(substr(sealed, 2, instr(sealed, '.') - 2) AS INTEGER),
      CAST(substr(coalesce(previous_sealed, sealed), 2, instr(coalesce(previous_sealed, sealed), '.') - 2)
        AS INTEGER)
    )
  ) STORED CHECK (key_version > 0),
  status TEXT NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'disabled')),
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  CHECK ((previous_sealed IS NULL) = (previous_until IS NULL))
) STRICT;

CREATE INDEX webhooks_by_organization ON webhooks (organization_id, id);
CREATE INDEX webhooks_by_instance ON webhooks (instance_id, id);
CREATE INDEX webhooks_by_version ON webhooks (key_version);

CREATE TABLE webhook_events (
  webhook_id TEXT NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
  event_type TEXT NOT NULL,
  PRIMARY KEY (webhook_id, event_type)
) STRICT, WITHOUT ROWID;

-- One row an event and receiver; its id is the `webhook-id` of every try.
CREATE TABLE webhook_deliveries (
  id TEXT NOT NULL PRIMARY KEY CHECK (substr(id, 1, 4) = 'msg_'),
  webhook_id TEXT REFERENCES webhooks (id) ON DELETE CASCADE,
  organization_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
  instance_id TEXT REFERENCES instances (id) ON DELETE CASCADE,
  -- Of a call back that one request asked for; a webhook has its own.
  url TEXT,
  -- The secret of a call back, sealed; NULL once it is over.
  sealed TEXT,
  key_version INTEGER GENERATED ALWAYS AS (
    CAST(substr(sealed, 2, instr(sealed, '.') - 2) AS INTEGER)
  ) STORED,
  event_type TEXT NOT NULL,
  -- The body, byte for byte the same at every try.
  payload TEXT NOT NULL CHECK (json_valid(payload)),
  state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('delivered', 'failed', 'pending')),
  -- All tries, and those since it was last begun.
  attempts INTEGER NOT NULL DEFAULT 0,
  tries INTEGER NOT NULL DEFAULT 0,
  -- While someone is at it, when it falls to the next one.
  next_attempt_at INTEGER,
  -- Who is at it.
  claim TEXT,
  last_status INTEGER,
  last_error TEXT,
  created_at INTEGER NOT NULL,
  delivered_at INTEGER,
  CHECK ((webhook_id IS NULL) = (url IS NOT NULL)),
  CHECK ((state = 'pending') = (next_attempt_at IS NOT NULL)),
  CHECK ((state = 'delivered') = (delivered_at IS NOT NULL)),
  CHECK (state = 'pending' OR claim IS NULL)
) STRICT;

CREATE INDEX webhook_deliveries_by_webhook ON webhook_deliveries (webhook_id, created_at, id);
CREATE INDEX webhook_deliveries_by_organization ON webhook_deliveries (organization_id);
CREATE INDEX webhook_deliveries_by_instance ON webhook_deliveries (instance_id);
CREATE INDEX webhook_deliveries_by_created_at ON webhook_deliveries (created_at);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (next_attempt_at, organization_id)
  WHERE next_attempt_at IS NOT NULL;
CREATE INDEX webhook_deliveries_by_claim ON webhook_deliveries (claim) WHERE claim IS NOT NULL;
CREATE INDEX webhook_deliveries_by_version ON webhook_deliveries (key_version) WHERE key_version IS NOT NULL;

-- The last tries of a delivery, by number.
CREATE TABLE webhook_attempts (
  delivery_id TEXT NOT NULL REFERENCES webhook_deliveries (id) ON DELETE CASCADE,
  number INTEGER NOT NULL CHECK (number > 0),
  at INTEGER NOT NULL,
  duration_ms INTEGER NOT NULL,
  -- NULL if there was no answer.
  status INTEGER,
  -- NULL if it was taken.
  error TEXT,
  PRIMARY KEY (delivery_id, number)
) STRICT, WITHOUT ROWID;
