-- How many calls a receipt is of, 1 or more: refused calls beyond the first ones of a minute share one. Without a
-- CHECK, as that would have every row of the table looked at, for longer than a statement may take.
ALTER TABLE usage_logs ADD COLUMN calls INTEGER NOT NULL DEFAULT 1;
