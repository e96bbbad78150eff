-- What is due of each organization, so that its turn does not depend on how much another one has waiting.

CREATE INDEX webhook_deliveries_in_turns ON webhook_deliveries (organization_id, next_attempt_at)
  WHERE next_attempt_at IS NOT NULL;
