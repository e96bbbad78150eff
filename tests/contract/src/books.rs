//! The rows of `usage_logs`, read where they lie: in memory, or in the file of the local D1.

use std::{
    fs,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use de_core::ports::{Arg, Database, Statement};
use de_testkit::database::SqliteDatabase;
use rusqlite::{Connection, OpenFlags, types::ValueRef};
use serde_json::{Map, Value};

use crate::wait::until;

/// Everything of the rows of one request id, in the order of their receipts.
const ROWS: &str = "SELECT receipt_id, request_id, organization_id, instance_id, project_id, api_key_id,
     user_id, model_id, requested_model_id, provider_id, protocol, modality, operation, status, http_status,
     error_code, streamed, input_tokens, cached_input_tokens, output_tokens, reasoning_tokens, cost_micros,
     price_version, estimated, over_ceiling, limiter_bypassed, attempts, latency_ms, first_byte_ms,
     upstream_ms, request_bytes, response_bytes, admitted_at, created_at, cached, calls
   FROM usage_logs WHERE request_id = ?1 ORDER BY receipt_id";

/// Where receipts end up. They come a while after the answer, so readers wait.
pub enum Books {
    /// The double of D1.
    InProcess(Arc<SqliteDatabase>),
    /// The file that workerd keeps D1 in. It stays open: at each opening SQLite reads the whole schema.
    State(Mutex<Connection>),
}

impl Books {
    pub(crate) fn in_process(database: Arc<SqliteDatabase>) -> Self {
        Self::InProcess(database)
    }

    /// Finds the database among the files of a stack's state.
    pub(crate) fn of_state(state: &Path) -> Self {
        let mut folders = vec![state.join("v3").join("d1")];
        while let Some(folder) = folders.pop() {
            let entries = fs::read_dir(&folder).expect("the state of the stack can be read");
            for path in entries.map(|entry| entry.expect("it can be listed").path()) {
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|end| end == "sqlite") {
                    let connection = open(&path).expect("a database can be opened");
                    if has_books(&connection) {
                        return Self::State(Mutex::new(connection));
                    }
                }
            }
        }
        panic!("no database with usage_logs below {}", state.display());
    }

    /// The rows of a request id, so far.
    ///
    /// # Panics
    /// If the database cannot be read.
    pub async fn rows(&self, request_id: &str) -> Vec<Value> {
        match self {
            Self::InProcess(database) => {
                let args = vec![Arg::Text(request_id.to_owned())];
                let mut answers = database
                    .batch(vec![Statement { args, sql: ROWS }])
                    .await
                    .expect("usage_logs can be read");
                answers.pop().unwrap_or_default().into_iter().map(Value::Object).collect()
            }
            Self::State(connection) => {
                let connection = connection.lock().expect("no reader panics");
                read(&connection, request_id).expect("usage_logs can be read")
            }
        }
    }

    /// The row of a request id, once it is there.
    ///
    /// # Panics
    /// If none comes, or there is more than one.
    pub async fn row(&self, request_id: &str) -> Value {
        let mut rows = self.at_least(1, request_id).await;
        assert_eq!(rows.len(), 1, "one call, one row: {rows:#?}");
        rows.remove(0)
    }

    /// The rows of a request id, once there are so many.
    ///
    /// # Panics
    /// If they do not come.
    pub async fn at_least(&self, count: usize, request_id: &str) -> Vec<Value> {
        let what = format!("{count} rows of {request_id} in usage_logs");
        until(&what, async || Some(self.rows(request_id).await).filter(|rows| rows.len() >= count))
            .await
    }
}

fn open(file: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    Ok(connection)
}

fn has_books(connection: &Connection) -> bool {
    let sql = "SELECT count(*) FROM sqlite_schema WHERE name = 'usage_logs'";
    connection.query_row(sql, [], |row| row.get(0)) == Ok(1)
}

fn read(connection: &Connection, request_id: &str) -> rusqlite::Result<Vec<Value>> {
    let mut statement = connection.prepare_cached(ROWS)?;
    let names: Vec<String> = statement.column_names().into_iter().map(str::to_owned).collect();
    let rows = statement.query_map([request_id], |row| {
        let mut columns = Map::new();
        for (index, name) in names.iter().enumerate() {
            columns.insert(name.clone(), value(row.get_ref(index)?));
        }
        Ok(Value::Object(columns))
    })?;
    rows.collect()
}

fn value(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => number.into(),
        ValueRef::Real(number) => number.into(),
        ValueRef::Text(text) | ValueRef::Blob(text) => {
            String::from_utf8_lossy(text).into_owned().into()
        }
    }
}
