-- What changes and calls can be looked for by. Only of rows that have it: programs make calls, and no person.

CREATE INDEX audit_events_by_actor ON audit_events (actor_id, created_at) WHERE actor_id IS NOT NULL;
CREATE INDEX audit_events_by_request ON audit_events (request_id) WHERE request_id IS NOT NULL;
CREATE INDEX usage_logs_by_user ON usage_logs (user_id, admitted_at) WHERE user_id IS NOT NULL;
