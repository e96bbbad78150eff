//! SQL, bound and run, and its rows read.

use async_trait::async_trait;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::PortError;
use crate::time::UnixMillis;

/// D1, or SQLite with the same schema.
#[async_trait]
pub trait Database: Send + Sync {
    /// Runs statements in one transaction, one round trip: all of them or none.
    ///
    /// Returns the rows of each, in order. Rows that a statement changed are not counted here: use
    /// `RETURNING`.
    ///
    /// # Errors
    /// [`PortError::Conflict`] on a uniqueness constraint, else [`PortError::Failed`].
    async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Vec<Row>>, PortError>;
}

/// One SQL statement with its values: `?1` is the first of `args`. At most 100 values.
#[derive(Clone, Debug)]
pub struct Statement {
    /// Bound values.
    pub args: Vec<Arg>,
    /// The text, never built at run time.
    pub sql: &'static str,
}

/// A value bound into a statement.
#[derive(Clone, Debug, PartialEq)]
pub enum Arg {
    /// 0 or 1.
    Bool(bool),
    /// Must be smaller than 2^53: the runtime hands numbers over as doubles.
    Int(i64),
    /// NULL.
    Null,
    /// TEXT.
    Text(String),
}

impl From<&str> for Arg {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Arg {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Arg {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<bool> for Arg {
    fn from(flag: bool) -> Self {
        Self::Bool(flag)
    }
}

impl From<UnixMillis> for Arg {
    fn from(time: UnixMillis) -> Self {
        Self::Int(time.0)
    }
}

impl<T: Into<Arg>> From<Option<T>> for Arg {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// One row: column name → JSON (numbers, text, null). Flags are 0 and 1.
pub type Row = serde_json::Map<String, Value>;

/// Runs one statement and reads its rows as `T`.
///
/// # Errors
/// Those of [`Database::batch`]; [`PortError::Malformed`] if a row is not a `T`.
pub async fn rows<T: DeserializeOwned>(
    database: &dyn Database,
    statement: Statement,
) -> Result<Vec<T>, PortError> {
    let mut answers = database.batch(vec![statement]).await?;
    let rows = answers.pop().unwrap_or_default();
    rows.into_iter().map(row).collect()
}

/// Reads one row as `T`.
///
/// # Errors
/// [`PortError::Malformed`] if the row is not a `T`.
pub fn row<T: DeserializeOwned>(row: Row) -> Result<T, PortError> {
    serde_json::from_value(Value::Object(row))
        .map_err(|err| PortError::Malformed { port: "database", message: err.to_string() })
}
