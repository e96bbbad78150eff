-- Persons by role: whoever takes a superadmin away asks whether another one is left.

CREATE INDEX users_by_role ON users (role, id);
