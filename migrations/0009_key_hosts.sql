-- Where a vendor's key may go: the origins that its provider had when the key was saved, as a sorted JSON list.
-- A provider that lives elsewhere since, or another one of that id, does not get the key.

-- NULL, as in all rows from before, is nowhere: such a key has to be saved again.
ALTER TABLE provider_keys ADD COLUMN hosts TEXT CHECK (json_valid(hosts));
