//! Persons and their grants, as the control plane reads and changes them.

use serde::Deserialize;

use super::statement;
use crate::{
    ids::{OrganizationId, UserId},
    ports::Statement,
};

/// A tenant that a person reaches.
#[derive(Clone, Debug, Deserialize)]
pub struct ReachRow {
    /// Which.
    pub organization_id: OrganizationId,
}

/// The organizations on whose instances a person has a grant: [`ReachRow`]s.
#[must_use]
pub fn reach(user: &UserId) -> Statement {
    statement(
        "SELECT DISTINCT i.organization_id FROM user_grants AS g
         JOIN instances AS i ON i.id = g.instance_id
         WHERE g.user_id = ?1",
        [user.as_str().into()],
    )
}
