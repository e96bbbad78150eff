-- The cheap call that tells whether a vendor takes a key, and whose keys go when a provider goes.

-- {"method": "GET", "path": "/models"}; NULL where the vendor has none.
ALTER TABLE providers ADD COLUMN key_test TEXT CHECK (json_valid(key_test));

CREATE INDEX provider_keys_by_provider ON provider_keys (provider_id);
