//! The first superadmin: only where there is none.

use super::statement;
use crate::ports::Statement;

/// Finds a superadmin: one row with `id`, or none.
#[must_use]
pub fn superadmin() -> Statement {
    statement("SELECT id FROM users WHERE role = 'superadmin' LIMIT 1", [])
}

/// Ends the batch with a conflict on `audit_events.id` if there is a superadmin: of two at once, one makes
/// one. See [`super::organizations::unchanged`].
#[must_use]
pub fn no_superadmin(event: &str) -> Statement {
    statement(
        "INSERT INTO audit_events (id, actor_kind, action, target_id, created_at)
         SELECT e.id, e.actor_kind, e.action, e.target_id, e.created_at FROM audit_events AS e
         WHERE e.id = ?1 AND EXISTS (SELECT 1 FROM users AS u WHERE u.role = 'superadmin')",
        [event.into()],
    )
}
