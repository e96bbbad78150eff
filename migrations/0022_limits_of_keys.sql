-- What holds for a key, by that key alone: it is removed with the key in every instance, also in one that its person
-- has left.
CREATE INDEX limits_by_key ON limits (scope_id) WHERE scope = 'key';
CREATE INDEX budgets_by_key ON budgets (scope_id) WHERE scope = 'key';
