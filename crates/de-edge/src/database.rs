//! D1.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use de_core::ports::{Arg, Database, PortError, Row, Statement};
use futures_util::future::{Either, select};
use wasm_bindgen::JsValue;
use worker::{Delay, Env, send::SendFuture};

use crate::bindings::DB;

const DEADLINE: Duration = Duration::from_secs(10);

pub(crate) struct EdgeDatabase(pub(crate) Arc<Env>);

#[async_trait]
impl Database for EdgeDatabase {
    async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Vec<Row>>, PortError> {
        let env = self.0.clone();
        SendFuture::new(async move {
            let answer = std::pin::pin!(batch(&env, statements));
            match select(answer, Delay::from(DEADLINE)).await {
                Either::Left((rows, _)) => rows,
                Either::Right(_) => Err(PortError::TimedOut { port: "database", after_ms: 10_000 }),
            }
        })
        .await
    }
}

/// Runs statements in one transaction, with no deadline of its own: for objects, which have others.
///
/// # Errors
/// As [`Database::batch`].
pub async fn batch(env: &Env, statements: Vec<Statement>) -> Result<Vec<Vec<Row>>, PortError> {
    #[cfg(feature = "faults")]
    crate::faults::pass("database").await?;
    #[cfg(feature = "faults")]
    crate::faults::takes(&statements)?;
    let database = env.d1(DB).map_err(|_| PortError::Unbound { port: "database" })?;
    let prepare = |statement: Statement| {
        let args: Result<Vec<JsValue>, PortError> = statement.args.iter().map(bind).collect();
        database.prepare(statement.sql).bind(&args?).map_err(failed)
    };
    let prepared = statements.into_iter().map(prepare).collect::<Result<Vec<_>, _>>()?;
    let answers = database.batch(prepared).await.map_err(failed)?;
    answers.iter().map(|answer| answer.results::<Row>().map_err(failed)).collect()
}

/// D1 takes no bigint and no undefined: a whole number goes over as a double, exact below 2^53.
fn bind(arg: &Arg) -> Result<JsValue, PortError> {
    Ok(match arg {
        Arg::Bool(flag) => JsValue::from(u8::from(*flag)),
        Arg::Int(number) if number.unsigned_abs() < 1 << 53 => JsValue::from_f64(*number as f64),
        Arg::Int(_) => {
            let message = "a number is too large for the runtime".to_owned();
            return Err(PortError::Failed { port: "database", message });
        }
        Arg::Null => JsValue::NULL,
        Arg::Text(text) => JsValue::from_str(text),
    })
}

/// The runtime tells of a broken constraint in its message alone.
fn failed(err: worker::Error) -> PortError {
    let message = err.to_string();
    let named = message.split_once("UNIQUE constraint failed: ").map(|(_, rest)| rest);
    match named {
        Some(rest) => {
            let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "._".contains(c)));
            let constraint = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default().to_owned();
            PortError::Conflict { constraint }
        }
        None => PortError::Failed { port: "database", message },
    }
}
