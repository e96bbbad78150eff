//! Ports that fail on demand, so that tests see what becomes of a call when a database is down. Built by the
//! feature `faults` into what `cargo xtask` runs on one's own machine, and never deployed.
//!
//! `POST /__faults?port=database&mode=fail&for_ms=6000` makes a port of that worker's isolate fail for a while;
//! `mode=slow:800` makes it late, `mode=full` is a database that answers and takes no new row, `mode=refuse` one that
//! takes none of receipts alone, `mode=off` of the port `limiter` grants everything without asking anybody.
//! With `&object=inst_…` it is meant for the isolate of the Limiter objects, where `port=storage&mode=fail` is a
//! disk that takes no more. `GET /__limiter?object=inst_…` shows the counts of one of them. `POST /__panic` panics
//! in that worker's isolate, with `?object=inst_…` in that of the Limiter objects (ADR 0017).

use std::{cell::RefCell, collections::BTreeMap, time::Duration};

use de_core::{
    limits::wire::{Grant, LeaseReply, LeaseRequest, SettleReply, Settled, Share, Standings},
    ports::{Arg, PortError, Statement},
    time::UnixMillis,
};
use serde_json::json;
use worker::{Delay, Env, Method, Request, RequestInit, Response, Url};

use crate::{bindings::LIMITER, clock::now};

thread_local! {
    static FAULTS: RefCell<BTreeMap<String, Fault>> = const { RefCell::new(BTreeMap::new()) };
}

#[derive(Clone, Copy)]
struct Fault {
    mode: Mode,
    until: UnixMillis,
}

#[derive(Clone, Copy)]
enum Mode {
    Fails,
    Full,
    Off,
    Refuses,
    Slow(u64),
}

fn fault(port: &str) -> Option<Mode> {
    let now = now();
    FAULTS.with_borrow(|faults| {
        faults.get(port).filter(|fault| now < fault.until).map(|fault| fault.mode)
    })
}

/// Lets a call to a port through, late or not at all if a test wants that.
pub(crate) async fn pass(port: &'static str) -> Result<(), PortError> {
    match fault(port) {
        Some(Mode::Fails) => {
            Err(PortError::Failed { port, message: "a test makes it fail".to_owned() })
        }
        Some(Mode::Slow(wait_ms)) => {
            Delay::from(Duration::from_millis(wait_ms)).await;
            Ok(())
        }
        Some(Mode::Full | Mode::Off | Mode::Refuses) | None => Ok(()),
    }
}

/// Refuses a batch as D1 does when it is full, or when a row is one that it cannot take, if a test wants that. What
/// adds no row goes through, as it does in a full database.
pub(crate) fn takes(statements: &[Statement]) -> Result<(), PortError> {
    let adds = |statement: &Statement| {
        let adds_none = statement.args.iter().any(|arg| *arg == Arg::Text("[]".to_owned()));
        statement.sql.trim_start().starts_with("INSERT") && !adds_none
    };
    let of_receipts = |statement: &Statement| statement.sql.contains("INTO usage_logs");
    let (refused, why) = match fault("database") {
        Some(Mode::Full) => (statements.iter().any(adds), "database or disk is full"),
        Some(Mode::Refuses) => {
            let refused = statements.iter().any(|it| adds(it) && of_receipts(it));
            (refused, "CHECK constraint failed")
        }
        Some(Mode::Fails | Mode::Off | Mode::Slow(_)) | None => return Ok(()),
    };
    if !refused {
        return Ok(());
    }
    Err(PortError::Failed { port: "database", message: format!("a test makes it fail: {why}") })
}

/// The grant of a Limiter that is switched off; `None` if it is not.
pub(crate) fn granted(ask: &LeaseRequest) -> Option<LeaseReply> {
    matches!(fault("limiter"), Some(Mode::Off)).then(|| {
        LeaseReply::from(Grant::Granted(Share {
            expires_at: now().plus(2_000),
            extra: ask.extra,
            life_ms: 2_000,
            shadowed: Vec::new(),
            standing: Standings::default(),
        }))
    })
}

/// The answer to a report of a Limiter that is switched off; `None` if it is not.
pub(crate) fn settled() -> Option<SettleReply> {
    let off = matches!(fault("limiter"), Some(Mode::Off));
    off.then_some(SettleReply { circuits: Vec::new(), outcome: Settled::Applied })
}

/// Refuses a write as SQLite does when its disk is full, if a test wants that.
///
/// # Errors
/// `Failed` while the fault lasts.
pub fn storage() -> Result<(), PortError> {
    match fault("storage") {
        Some(Mode::Fails | Mode::Full) => Err(PortError::Failed {
            port: "storage",
            message: "a test makes it fail: database or disk is full".to_owned(),
        }),
        Some(Mode::Off | Mode::Refuses | Mode::Slow(_)) | None => Ok(()),
    }
}

/// Does what no code of ours may do: a trap ends the wasm instance, and with it all that its isolate was at.
///
/// # Panics
/// Always.
#[expect(clippy::panic, reason = "that is what it is for")]
pub fn panics() -> ! {
    panic!("a test wants a panic")
}

/// Answers a request that is meant for these faults; `None` if it is another one.
pub(crate) async fn answer(env: &Env, method: &str, url: &str) -> Option<worker::Result<Response>> {
    let url = Url::parse(url).ok()?;
    let is_ours =
        matches!((method, url.path()), ("POST", "/__faults" | "/__panic") | ("GET", "/__limiter"));
    if !is_ours {
        return None;
    }
    let object =
        url.query_pairs().find(|(name, _)| name == "object").map(|(_, id)| id.into_owned());
    Some(match (url.path(), object) {
        ("/__limiter", Some(object)) => ask(env, &object, Method::Get, "/stats").await,
        ("/__faults", Some(object)) => {
            let path = format!("/faults?{}", url.query().unwrap_or_default());
            ask(env, &object, Method::Post, &path).await
        }
        ("/__faults", None) => set(&url),
        ("/__panic", Some(object)) => ask(env, &object, Method::Post, "/panic").await,
        ("/__panic", None) => panics(),
        _ => Response::error("name an object", 400),
    })
}

/// Makes the ports of this isolate fail, as the query of an address says.
///
/// # Errors
/// Only if the runtime refuses the answer; a query that says nothing is answered 400.
pub fn set(url: &Url) -> worker::Result<Response> {
    let word = |name: &str| {
        url.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
    };
    let mode = match word("mode").as_deref() {
        Some("fail") => Some(Mode::Fails),
        Some("full") => Some(Mode::Full),
        Some("refuse") => Some(Mode::Refuses),
        Some("off") => Some(Mode::Off),
        Some(other) => other.strip_prefix("slow:").and_then(|ms| ms.parse().ok()).map(Mode::Slow),
        None => None,
    };
    let for_ms = word("for_ms").and_then(|ms| ms.parse::<u32>().ok());
    let (Some(port), Some(mode), Some(for_ms)) = (word("port"), mode, for_ms) else {
        return Response::error("port, mode (fail, full, off, refuse, slow:<ms>) and for_ms", 400);
    };
    let until = now().plus(for_ms.into());
    FAULTS.with_borrow_mut(|faults| faults.insert(port.clone(), Fault { mode, until }));
    Response::from_json(&json!({"port": port, "until_ms": until.0}))
}

async fn ask(env: &Env, object: &str, method: Method, path: &str) -> worker::Result<Response> {
    let stub = env.durable_object(LIMITER)?.get_by_name(object)?;
    let mut init = RequestInit::new();
    init.with_method(method);
    let request = Request::new_with_init(&format!("http://limiter{path}"), &init)?;
    stub.fetch_with_request(request).await
}
