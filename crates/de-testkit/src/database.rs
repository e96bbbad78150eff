//! SQLite in memory with the real migrations, as particular as D1.

use std::{
    collections::VecDeque,
    fs, io,
    path::{Path, PathBuf},
    sync::Mutex,
};

use async_trait::async_trait;
use de_core::ports::{Arg, Database, PortError, Row, Statement};
use rusqlite::{
    Connection,
    limits::Limit,
    params_from_iter,
    types::{Value as Bound, ValueRef},
};
use serde_json::Value;

use crate::lock;

/// The most values that D1 binds into one statement.
const MOST_ARGS: usize = 100;
/// What else it takes no more of: tried on workerd, which sets them when it opens a database.
const LIMITS: [(Limit, i32); 4] = [
    (Limit::SQLITE_LIMIT_COLUMN, 100),
    (Limit::SQLITE_LIMIT_COMPOUND_SELECT, 5),
    (Limit::SQLITE_LIMIT_EXPR_DEPTH, 100),
    (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 50),
];
/// Integers from here on do not survive being a double.
const TOO_LARGE: u64 = 1 << 53;

/// Where the migrations of this workspace are.
#[must_use]
pub fn migrations() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations")
}

/// Why a database could not be made.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    /// The files could not be read.
    #[error("migrations are not readable")]
    Io(#[from] io::Error),
    /// A migration does not apply.
    #[error("{file} does not apply")]
    Sql {
        /// Which.
        file: String,
        /// What SQLite says.
        #[source]
        source: rusqlite::Error,
    },
}

/// One database. Numbers are bound as REAL, integers read as integers, batches are atomic.
pub struct SqliteDatabase {
    connection: Mutex<Connection>,
    faults: Mutex<VecDeque<PortError>>,
}

impl SqliteDatabase {
    /// An empty database with all migrations applied.
    ///
    /// # Errors
    /// [`MigrationError`].
    pub fn migrated() -> Result<Self, MigrationError> {
        let database = Self::empty()?;
        for path in migration_files()? {
            database.run_file(&path)?;
        }
        Ok(database)
    }

    /// A database without a table.
    ///
    /// # Errors
    /// [`MigrationError`].
    pub fn empty() -> Result<Self, MigrationError> {
        let sql = |file: &str| {
            let file = file.to_owned();
            |source| MigrationError::Sql { file, source }
        };
        let connection = Connection::open_in_memory().map_err(sql("the empty database"))?;
        connection.execute_batch("PRAGMA foreign_keys = ON").map_err(sql("the empty database"))?;
        for (limit, most) in LIMITS {
            connection.set_limit(limit, most).map_err(sql("the empty database"))?;
        }
        Ok(Self { connection: Mutex::new(connection), faults: Mutex::default() })
    }

    /// Runs the statements of a file, as a migration is run: all of them or none.
    ///
    /// # Errors
    /// [`MigrationError`].
    pub fn run_file(&self, path: &Path) -> Result<(), MigrationError> {
        let sql = |source| MigrationError::Sql { file: path.display().to_string(), source };
        let text = fs::read_to_string(path)?;
        let mut connection = lock(&self.connection);
        let transaction = connection.transaction().map_err(sql)?;
        transaction.execute_batch(&text).map_err(sql)?;
        transaction.commit().map_err(sql)
    }

    /// Makes the next batch fail, before it does anything. Faults queue up.
    pub fn fail_next(&self, fault: PortError) {
        lock(&self.faults).push_back(fault);
    }

    /// Lets the database grow by no page more, as one that has reached its largest size, or ends that.
    ///
    /// # Errors
    /// [`PortError::Failed`].
    pub fn fill(&self, full: bool) -> Result<(), PortError> {
        let connection = lock(&self.connection);
        let pages: i64 =
            connection.pragma_query_value(None, "page_count", |row| row.get(0)).map_err(failure)?;
        let most = if full { pages } else { i64::from(i32::MAX) };
        let set = connection.pragma_update_and_check(None, "max_page_count", most, |_| Ok(()));
        set.map_err(failure)
    }

    /// What SQLite means to do for a statement: the lines of `EXPLAIN QUERY PLAN`.
    ///
    /// # Errors
    /// [`PortError::Failed`] if the statement does not compile.
    pub fn plan(&self, statement: &Statement) -> Result<Vec<String>, PortError> {
        let sql = format!("EXPLAIN QUERY PLAN {}", statement.sql);
        let connection = lock(&self.connection);
        let rows = run(&connection, &sql, &statement.args)?;
        let detail = |row: Row| row.get("detail").and_then(Value::as_str).map(str::to_owned);
        Ok(rows.into_iter().filter_map(detail).collect())
    }

    /// All rows of all tables as text: for comparing, and for looking for what must not be there.
    ///
    /// # Errors
    /// [`PortError::Failed`].
    pub fn dump(&self) -> Result<String, PortError> {
        let connection = lock(&self.connection);
        let tables = run(
            &connection,
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'
             ORDER BY name",
            &[],
        )?;
        let mut text = String::new();
        for table in tables.iter().filter_map(|row| row.get("name").and_then(Value::as_str)) {
            let rows = run(&connection, &format!("SELECT * FROM \"{table}\""), &[])?;
            let mut lines: Vec<String> =
                rows.into_iter().map(|row| format!("{table} {}\n", Value::Object(row))).collect();
            lines.sort();
            text.extend(lines);
        }
        Ok(text)
    }
}

#[async_trait]
impl Database for SqliteDatabase {
    async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Vec<Row>>, PortError> {
        if let Some(fault) = lock(&self.faults).pop_front() {
            return Err(fault);
        }
        let mut connection = lock(&self.connection);
        // Dropped before its commit, a transaction is rolled back.
        let transaction = connection.transaction().map_err(failure)?;
        let answers = statements
            .iter()
            .map(|statement| run(&transaction, statement.sql, &statement.args))
            .collect::<Result<_, _>>()?;
        transaction.commit().map_err(failure)?;
        Ok(answers)
    }
}

/// The migrations of this workspace, in the order in which they are applied.
///
/// # Errors
/// If the folder cannot be read.
pub fn migration_files() -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(migrations())? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "sql") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn run(connection: &Connection, sql: &str, args: &[Arg]) -> Result<Vec<Row>, PortError> {
    if args.len() > MOST_ARGS {
        return Err(failed("too many SQL variables".to_owned()));
    }
    let bound = args.iter().map(bind).collect::<Result<Vec<_>, _>>()?;
    let mut prepared = connection.prepare(sql).map_err(failure)?;
    let names: Vec<String> = prepared.column_names().into_iter().map(str::to_owned).collect();
    for (index, name) in names.iter().enumerate() {
        if names.iter().skip(index + 1).any(|other| other == name) {
            return Err(failed(format!("two columns are called {name}: one would be lost")));
        }
    }
    let mut found = prepared.query(params_from_iter(bound)).map_err(failure)?;
    let mut rows = Vec::new();
    while let Some(row) = found.next().map_err(failure)? {
        let mut columns = Row::new();
        for (index, name) in names.iter().enumerate() {
            columns.insert(name.clone(), read(row.get_ref(index).map_err(failure)?)?);
        }
        rows.push(columns);
    }
    Ok(rows)
}

#[expect(clippy::cast_precision_loss, reason = "checked to be below 2^53")]
fn bind(arg: &Arg) -> Result<Bound, PortError> {
    Ok(match arg {
        Arg::Bool(flag) => Bound::Real(f64::from(u8::from(*flag))),
        Arg::Int(number) if number.unsigned_abs() < TOO_LARGE => Bound::Real(*number as f64),
        Arg::Int(number) => return Err(failed(format!("{number} is too large for JavaScript"))),
        Arg::Null => Bound::Null,
        Arg::Text(text) => Bound::Text(text.clone()),
    })
}

/// A value as JavaScript would hand it over: a whole number is an integer, wherever it comes from.
#[expect(clippy::cast_possible_truncation, reason = "checked to be whole and below 2^53")]
#[expect(clippy::cast_precision_loss, reason = "2^53 is exact")]
fn read(value: ValueRef<'_>) -> Result<Value, PortError> {
    Ok(match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) if number.unsigned_abs() < TOO_LARGE => number.into(),
        ValueRef::Integer(number) => {
            return Err(failed(format!("{number} is too large for JavaScript")));
        }
        ValueRef::Real(number) if number.fract() == 0.0 && number.abs() < TOO_LARGE as f64 => {
            (number as i64).into()
        }
        ValueRef::Real(number) => number.into(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned().into(),
        ValueRef::Blob(_) => {
            return Err(failed("a blob: D1 makes a list of numbers of it".to_owned()));
        }
    })
}

fn failure(error: rusqlite::Error) -> PortError {
    let message = error.to_string();
    let unique = message.split_once("UNIQUE constraint failed: ").map(|(_, rest)| rest);
    match unique.and_then(|columns| columns.split([',', ' ']).next()) {
        Some(constraint) => PortError::Conflict { constraint: constraint.to_owned() },
        None => failed(message),
    }
}

fn failed(message: String) -> PortError {
    PortError::Failed { port: "database", message }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn select(sql: &'static str, args: Vec<Arg>) -> Statement {
        Statement { args, sql }
    }

    #[tokio::test]
    async fn numbers_are_doubles_as_on_d1() {
        let database = SqliteDatabase::migrated().unwrap();
        let types = select("SELECT typeof(?1) AS t, 7 / ?2 AS q", vec![Arg::Int(1), Arg::Int(2)]);
        let answers = database.batch(vec![types]).await.unwrap();
        assert_eq!(Value::Object(answers[0][0].clone()).to_string(), r#"{"t":"real","q":3.5}"#);
    }

    #[tokio::test]
    async fn what_d1_refuses_is_refused() {
        let database = SqliteDatabase::migrated().unwrap();
        for statement in [
            select("SELECT 1 AS x", vec![Arg::Null; 101]),
            select("SELECT ?1 AS x", vec![Arg::Int(1 << 53)]),
            select("SELECT 1 AS x, 2 AS x", Vec::new()),
            select("SELECT nothing", Vec::new()),
            select(
                concat!(
                    "SELECT 'a' LIKE '",
                    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                    "' AS x"
                ),
                Vec::new(),
            ),
            select(
                "SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6",
                Vec::new(),
            ),
        ] {
            let refused = database.batch(vec![statement]).await.unwrap_err();
            assert!(matches!(refused, PortError::Failed { .. }), "{refused}");
        }
    }

    #[tokio::test]
    async fn a_batch_is_done_whole_or_not_at_all() {
        let database = SqliteDatabase::migrated().unwrap();
        let insert = || select("INSERT INTO epochs (scope, epoch) VALUES ('a', 1)", Vec::new());
        let refused = database.batch(vec![insert(), insert()]).await.unwrap_err();
        assert!(
            matches!(&refused, PortError::Conflict { constraint } if constraint == "epochs.scope"),
            "{refused}"
        );
        assert_eq!(database.dump().unwrap(), "");
    }
}
