//! What a tenant shall be, as one JSON document: read with everything that is wrong told at once.
//!
//! Members are those of the API, by name and meaning: what is named is brought about, null clears or brings
//! a default back, what is not named is left as it is. `docs/instances.md` has the whole form.

mod read;
mod rules;

use de_core::{json, protocols::FieldIssue};
use serde_json::{Map, Value};

pub use self::rules::{
    API_KEY, Field, INSTANCE, ORGANIZATION, PROJECT, PROVIDER, Resource, USER, WEBHOOK,
};

/// The version of the form that this code reads and writes. A file of another one is refused.
pub const FORMAT_VERSION: u64 = 1;

/// An organization and what is below it.
#[derive(Clone, Debug, Default)]
pub struct Tenant {
    /// Instances, in the order of the file.
    pub instances: Vec<Instance>,
    /// Model configs of its own, as an import of models takes them.
    pub models: Vec<Value>,
    /// Who pays.
    pub organization: Organization,
    /// Providers of its own.
    pub providers: Vec<Row>,
    /// Persons, with their keys.
    pub users: Vec<User>,
    /// Who is told of events of all instances.
    pub webhooks: Vec<Row>,
}

/// One row of a resource.
#[derive(Clone, Debug, Default)]
pub struct Row {
    /// The members that the API takes, as they shall be.
    pub fields: Map<String, Value>,
    /// Its id, where the file says it.
    pub id: Option<String>,
    /// What it is found by: a name, an e-mail address, a URL.
    pub name: String,
    /// Where it stands in the file: `/instances/0`.
    pub place: String,
}

/// What holds for a scope.
#[derive(Clone, Debug, Default)]
pub struct Bounds {
    /// One a period; those of other periods are left.
    pub budgets: Vec<Map<String, Value>>,
    /// Limits by name, null for none.
    pub limits: Map<String, Value>,
    /// Where they stand: `/instances/0`.
    pub place: String,
}

/// Who pays.
#[derive(Clone, Debug, Default)]
pub struct Organization {
    /// What holds for all instances together.
    pub bounds: Bounds,
    /// Its own members.
    pub row: Row,
}

/// Someone of the organization.
#[derive(Clone, Debug, Default)]
pub struct User {
    /// Keys of theirs.
    pub api_keys: Vec<ApiKey>,
    /// Their own members; the name is the e-mail address.
    pub row: Row,
}

/// A key, without its secret.
#[derive(Clone, Debug, Default)]
pub struct ApiKey {
    /// What holds for it; nothing for a person's, which has bounds in each instance.
    pub bounds: Bounds,
    /// Its own members.
    pub row: Row,
}

/// An instance and what is below it.
#[derive(Clone, Debug, Default)]
pub struct Instance {
    /// What holds for all of it.
    pub bounds: Bounds,
    /// Who may do what.
    pub grants: Vec<Grant>,
    /// What holds for keys of persons here.
    pub key_bounds: Vec<(PersonsKey, Bounds)>,
    /// What holds for models here, by id.
    pub model_bounds: Vec<(String, Bounds)>,
    /// Projects.
    pub projects: Vec<Project>,
    /// What holds for providers here, by id.
    pub provider_bounds: Vec<(String, Bounds)>,
    /// Which vendors' keys it has, and where they come from.
    pub provider_keys: Vec<ProviderKey>,
    /// Its own members.
    pub row: Row,
    /// Who is told of its events.
    pub webhooks: Vec<Row>,
}

/// A project and its keys.
#[derive(Clone, Debug, Default)]
pub struct Project {
    /// Its keys.
    pub api_keys: Vec<ApiKey>,
    /// What holds for all of it.
    pub bounds: Bounds,
    /// Its own members.
    pub row: Row,
}

/// What a person may do on an instance.
#[derive(Clone, Debug)]
pub struct Grant {
    /// Who.
    pub email: String,
    /// Where it stands.
    pub place: String,
    /// `owner`, `admin`, `user` or `readonly`.
    pub role: String,
}

/// A key of a person, by what the file calls both.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PersonsKey {
    /// Whose.
    pub email: String,
    /// Its name.
    pub name: String,
}

/// A vendor's key that an instance shall have.
#[derive(Clone, Debug)]
pub struct ProviderKey {
    /// Where it stands.
    pub place: String,
    /// For which vendor.
    pub provider_id: String,
    /// Where the secret comes from; without one somebody has to set it.
    pub source: Option<Source>,
}

/// Where a secret comes from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Source {
    /// An environment variable.
    Environment(String),
    /// A line `NAME=secret` on standard input.
    StandardInput(String),
}

impl Tenant {
    /// Reads a file.
    ///
    /// # Errors
    /// All that is wrong with it, each with its place.
    pub fn parse(text: &str) -> Result<Self, Vec<FieldIssue>> {
        let value = json::parse(text.as_bytes()).map_err(|error| {
            vec![FieldIssue { pointer: String::new(), reason: format!("is no JSON: {error}") }]
        })?;
        read::tenant(value)
    }
}

#[cfg(test)]
mod tests;
