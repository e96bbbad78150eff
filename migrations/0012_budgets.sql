-- What may be spent, by the calendar of the organization. Beside `limits`, whose rows count other things.
CREATE TABLE budgets (
  organization_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
  -- NULL for the organization's own budgets.
  instance_id TEXT REFERENCES instances (id) ON DELETE CASCADE,
  scope TEXT NOT NULL CHECK (scope IN ('instance', 'key', 'model', 'organization', 'project', 'provider')),
  -- The id of what it holds for: `key_…`, or a model's or provider's within the instance.
  scope_id TEXT NOT NULL,
  period TEXT NOT NULL CHECK (period IN ('day', 'month', 'total', 'week')),
  -- 0 lets nothing through that may cost something; no row, everything.
  amount_micros INTEGER NOT NULL CHECK (amount_micros >= 0),
  -- Percents at which someone is told: a JSON list.
  alerts TEXT NOT NULL DEFAULT '[50,80,100]' CHECK (json_valid(alerts)),
  -- Counted and shown, but not enforced.
  shadow INTEGER NOT NULL DEFAULT 0 CHECK (shadow IN (0, 1)),
  -- After how many hours money goes back that is held for a lost call; NULL: not before the period ends.
  release_after_h INTEGER CHECK (release_after_h > 0),
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  CHECK ((scope = 'organization') = (instance_id IS NULL))
) STRICT;

CREATE UNIQUE INDEX budgets_by_scope
  ON budgets (organization_id, coalesce(instance_id, ''), scope, scope_id, period);
CREATE INDEX budgets_by_instance ON budgets (instance_id);

-- A receipt that went past its Limiter: by which lease the Limiter finds what became of a call that it
-- has not heard of. NULL for all that went through it.
ALTER TABLE usage_logs ADD COLUMN lease_id TEXT;
CREATE INDEX usage_logs_by_lease ON usage_logs (lease_id) WHERE lease_id IS NOT NULL;
