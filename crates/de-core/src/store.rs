//! All SQL: functions that return [`Statement`]s, and the rows they bring back.
//!
//! Texts are `&'static str`, values are bound. The runtime binds every number as a double: INTEGER
//! columns convert it back, and where a number stands in an expression it is cast. Tests run each query
//! on the real migrations and ask `EXPLAIN QUERY PLAN` that it reads no table from end to end.

pub mod access;
pub mod api_keys;
pub mod assets;
pub mod audit;
pub mod bootstrap;
pub mod epochs;
pub mod grants;
pub mod idempotency;
pub mod instances;
pub mod jobs;
pub mod limits;
pub mod models;
pub mod organizations;
pub mod pages;
pub mod policies;
pub mod projects;
pub mod provider_keys;
pub mod providers;
pub mod responses;
pub mod sessions;
pub mod tenants;
pub mod upkeep;
pub mod usage;
pub mod users;
pub mod webhooks;

use serde::{Deserialize, Deserializer, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    ids::{OrganizationId, UserId},
    ports::{Arg, Statement},
};

/// Whether a tenant, a project or a person may act.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Activity {
    /// Yes.
    Active,
    /// No, until the operator lifts it.
    Suspended,
}

impl Activity {
    /// As it stands in rows and replies.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
        }
    }

    /// All of them.
    pub const ALL: [Self; 2] = [Self::Active, Self::Suspended];

    /// Reads the word of a request.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == word)
    }
}

/// Whose eyes a list is for.
#[derive(Clone, Copy, Debug)]
pub enum Viewer<'a> {
    /// Who operates the service.
    Everything,
    /// A person: what they have a grant on, and what is of the organization that they administer.
    Person {
        /// Which they administer, if any.
        organization: Option<&'a OrganizationId>,
        /// Who it is.
        user: &'a UserId,
    },
}

impl Viewer<'_> {
    /// The values of a list's last two parameters, where it takes them.
    fn args(self) -> Vec<Arg> {
        match self {
            Self::Everything => Vec::new(),
            Self::Person { organization, user } => {
                vec![organization.map(OrganizationId::as_str).into(), user.as_str().into()]
            }
        }
    }
}

fn statement<const N: usize>(sql: &'static str, args: [Arg; N]) -> Statement {
    Statement { args: args.into(), sql }
}

/// The column `owner`: the organization, or `''` for the shared catalogue.
fn owner(organization: Option<&OrganizationId>) -> Arg {
    organization.map_or("", OrganizationId::as_str).into()
}

/// Reads a flag: 0 or 1, however the runtime spells the number.
fn flag<'de, D: Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Flag {
        Number(f64),
        Truth(bool),
    }
    Ok(match Flag::deserialize(from)? {
        Flag::Number(number) => number != 0.0,
        Flag::Truth(truth) => truth,
    })
}

/// Reads a column that holds JSON text; the value itself too, as copies of rows have it.
fn json_text<'de, D: Deserializer<'de>, T: DeserializeOwned>(from: D) -> Result<T, D::Error> {
    let read = match Value::deserialize(from)? {
        Value::String(text) => serde_json::from_str(&text),
        value => serde_json::from_value(value),
    };
    read.map_err(serde::de::Error::custom)
}

/// Reads a column that holds JSON text or NULL; the value itself too, as copies of rows have it.
fn json_text_or_null<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    from: D,
) -> Result<Option<T>, D::Error> {
    let read = match Value::deserialize(from)? {
        Value::Null => return Ok(None),
        Value::String(text) => serde_json::from_str(&text),
        value => serde_json::from_value(value),
    };
    read.map(Some).map_err(serde::de::Error::custom)
}

/// JSON text for a column or a parameter. What we hand in has string keys, so it cannot fail.
fn json_arg<T: Serialize + ?Sized>(value: &T) -> Arg {
    serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned()).into()
}
