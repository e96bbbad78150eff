UPDATE organizations SET email_domains = '["old.example"]' WHERE id = 'org_old';
