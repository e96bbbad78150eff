INSERT INTO budgets (organization_id, instance_id, scope, scope_id, period, amount_micros, alerts, shadow, release_after_h,
  created_at, updated_at)
VALUES ('org_old', 'inst_old', 'project', 'proj_old', 'month', 250000000, '[50,90]', 0, 24, 1764000000120, 1764000000121);
