//! Rows of tenants: organizations, instances, projects, users, and their keys.
//!
//! Each `put` makes a row or brings it into line, and leaves one alone that is so already.

use serde_json::Value;

use super::{json_arg, statement};
use crate::{
    auth::{Scope, api_key::KeyKind},
    ids::{ApiKeyId, InstanceId, ModelId, OrganizationId, ProjectId, UserId},
    ports::{Arg, Statement},
    time::UnixMillis,
};

/// Makes or renames an organization.
#[must_use]
pub fn put_organization(id: &OrganizationId, name: &str, now: UnixMillis) -> Statement {
    statement(
        "INSERT INTO organizations (id, name, created_at, updated_at) VALUES (?1, ?2, ?3, ?3)
         ON CONFLICT (id) DO UPDATE SET name = excluded.name, updated_at = excluded.updated_at
         WHERE organizations.name <> excluded.name",
        [id.as_str().into(), name.into(), now.into()],
    )
}

/// An instance to be.
#[derive(Clone, Debug)]
pub struct NewInstance<'a> {
    /// Origins of pages that may call.
    pub allowed_origins: &'a [String],
    /// Modality → model id.
    pub default_models: &'a Value,
    /// Its id.
    pub id: &'a InstanceId,
    /// Whether real users are behind it: test keys are refused there.
    pub is_production: bool,
    /// For people.
    pub name: &'a str,
    /// Whose it is.
    pub organization_id: &'a OrganizationId,
}

/// Makes an instance, or changes its name, origins and default models.
#[must_use]
pub fn put_instance(new: &NewInstance<'_>, now: UnixMillis) -> Statement {
    statement(
        "INSERT INTO instances (id, organization_id, name, environment, allowed_origins, default_models,
           created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7)
         ON CONFLICT (id) DO UPDATE SET name = excluded.name,
           allowed_origins = excluded.allowed_origins, default_models = excluded.default_models,
           updated_at = excluded.updated_at
         WHERE instances.name <> excluded.name
           OR instances.allowed_origins <> excluded.allowed_origins
           OR instances.default_models <> excluded.default_models",
        [
            new.id.as_str().into(),
            new.organization_id.as_str().into(),
            new.name.into(),
            if new.is_production { "production" } else { "development" }.into(),
            json_arg(new.allowed_origins),
            json_arg(new.default_models),
            now.into(),
        ],
    )
}

/// Makes or renames a project.
#[must_use]
pub fn put_project(
    id: &ProjectId,
    instance: &InstanceId,
    name: &str,
    now: UnixMillis,
) -> Statement {
    statement(
        "INSERT INTO projects (id, instance_id, name, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?4)
         ON CONFLICT (id) DO UPDATE SET name = excluded.name, updated_at = excluded.updated_at
         WHERE projects.name <> excluded.name",
        [id.as_str().into(), instance.as_str().into(), name.into(), now.into()],
    )
}

/// A person to be.
#[derive(Clone, Copy, Debug)]
pub struct NewUser<'a> {
    /// In lower case.
    pub email: &'a str,
    /// Its id.
    pub id: &'a UserId,
    /// For people.
    pub name: &'a str,
    /// Whose it is.
    pub organization_id: &'a OrganizationId,
    /// `user`, `admin` or `superadmin`.
    pub role: &'a str,
}

/// Makes a person, or changes e-mail, name and role.
#[must_use]
pub fn put_user(new: NewUser<'_>, now: UnixMillis) -> Statement {
    statement(
        "INSERT INTO users (id, organization_id, email, name, role, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)
         ON CONFLICT (id) DO UPDATE SET email = excluded.email, name = excluded.name,
           role = excluded.role, updated_at = excluded.updated_at
         WHERE users.email <> excluded.email OR users.name IS NOT excluded.name
           OR users.role <> excluded.role",
        [
            new.id.as_str().into(),
            new.organization_id.as_str().into(),
            new.email.into(),
            new.name.into(),
            new.role.into(),
            now.into(),
        ],
    )
}

/// Lets a person act for an instance.
#[must_use]
pub fn put_grant(user: &UserId, instance: &InstanceId, role: &str, now: UnixMillis) -> Statement {
    statement(
        "INSERT INTO user_grants (user_id, instance_id, role, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?4)
         ON CONFLICT (user_id, instance_id) DO UPDATE SET role = excluded.role,
           updated_at = excluded.updated_at
         WHERE user_grants.role <> excluded.role",
        [user.as_str().into(), instance.as_str().into(), role.into(), now.into()],
    )
}

/// Whose key it is.
#[derive(Clone, Copy, Debug)]
pub enum KeyHolder<'a> {
    /// A project.
    Project(&'a ProjectId),
    /// A person.
    User(&'a UserId),
}

/// A key to be.
#[derive(Clone, Debug)]
pub struct NewKey<'a> {
    /// Only these models; `None` for all.
    pub allowed_models: Option<&'a [ModelId]>,
    /// The SHA-256 of the whole key, in hex.
    pub digest: &'a str,
    /// Not good from then on.
    pub expires_at: Option<UnixMillis>,
    /// Whose it is.
    pub holder: KeyHolder<'a>,
    /// Its public part.
    pub id: &'a ApiKeyId,
    /// What it is for; the prefix.
    pub kind: KeyKind,
    /// The end of the key, for people.
    pub last_four: &'a str,
    /// For people.
    pub name: &'a str,
    /// Not good since then.
    pub revoked_at: Option<UnixMillis>,
    /// What it may be used for.
    pub scopes: &'a [Scope],
}

/// Makes a key. One that is there already keeps its digest: a key never becomes another one.
#[must_use]
pub fn put_key(new: &NewKey<'_>, now: UnixMillis) -> Statement {
    let (project, user) = match new.holder {
        KeyHolder::Project(id) => (Some(id.as_str()), None),
        KeyHolder::User(id) => (None, Some(id.as_str())),
    };
    statement(
        "INSERT INTO api_keys (id, project_id, user_id, name, prefix, digest, last_four, scopes,
           allowed_models, expires_at, revoked_at, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?12)
         ON CONFLICT (id) DO NOTHING",
        [
            new.id.as_str().into(),
            project.into(),
            user.into(),
            new.name.into(),
            new.kind.prefix().into(),
            new.digest.into(),
            new.last_four.into(),
            json_arg(new.scopes),
            new.allowed_models.map_or(Arg::Null, json_arg),
            new.expires_at.into(),
            new.revoked_at.into(),
            now.into(),
        ],
    )
}

/// Revokes the keys of a holder that have the name of this one, and are not it.
#[must_use]
pub fn revoke_namesakes(new: &NewKey<'_>, now: UnixMillis) -> Statement {
    let args: [Arg; 4] = [
        match new.holder {
            KeyHolder::Project(id) => id.as_str().into(),
            KeyHolder::User(id) => id.as_str().into(),
        },
        new.name.into(),
        new.id.as_str().into(),
        now.into(),
    ];
    let sql = match new.holder {
        KeyHolder::Project(_) => {
            "UPDATE api_keys SET revoked_at = ?4, updated_at = ?4
             WHERE project_id = ?1 AND name = ?2 AND id <> ?3 AND revoked_at IS NULL"
        }
        KeyHolder::User(_) => {
            "UPDATE api_keys SET revoked_at = ?4, updated_at = ?4
             WHERE user_id = ?1 AND name = ?2 AND id <> ?3 AND revoked_at IS NULL"
        }
    };
    statement(sql, args)
}
