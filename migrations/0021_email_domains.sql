-- What addresses an organization's own administrators may give to its persons: domains as a JSON list. NULL: any.
ALTER TABLE organizations ADD COLUMN email_domains TEXT CHECK (json_valid(email_domains));
