//! The SQL of the object's own storage, on SQLite with its tables.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use de_core::{
    ids::{LeaseId, ReceiptId},
    limits::{Bucket, Kind, Scope, ScopeKind, Span},
    outbox::{self, BATCH_ROWS, Change, Outcome, REFUSALS_ALONE, Waiting},
    receipt::Receipt,
    time::UnixMillis,
};
use de_rate_limiter::kept_sql as kept;
use rusqlite::{
    Connection, params_from_iter,
    types::{Value, ValueRef},
};
use serde::de::DeserializeOwned;
use serde_json::{Map, json};

/// An object's SQLite in its first life.
fn object() -> Connection {
    let object = Connection::open_in_memory().unwrap();
    // Twice, as in its second life.
    for table in kept::TABLES.iter().chain(&kept::TABLES) {
        object.execute_batch(table).unwrap();
    }
    object
}

/// Binds as the runtime does: every number is a double.
fn bind(value: serde_json::Value) -> Value {
    match value {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Number(number) => Value::Real(number.as_f64().unwrap()),
        serde_json::Value::String(text) => Value::Text(text),
        other => Value::Text(other.to_string()),
    }
}

fn run(database: &Connection, sql: &str, values: &[serde_json::Value]) -> usize {
    let values = values.iter().cloned().map(bind);
    database.execute(sql, params_from_iter(values)).unwrap()
}

fn rows<T: DeserializeOwned>(
    database: &Connection,
    sql: &str,
    values: &[serde_json::Value],
) -> Vec<T> {
    let mut statement = database.prepare(sql).unwrap();
    let names: Vec<_> = statement.column_names().into_iter().map(str::to_owned).collect();
    let values = values.iter().cloned().map(bind);
    let mut found = statement.query(params_from_iter(values)).unwrap();
    let mut rows = Vec::new();
    while let Some(row) = found.next().unwrap() {
        let mut members = Map::new();
        for (place, name) in names.iter().enumerate() {
            let value = match row.get_ref(place).unwrap() {
                ValueRef::Null => json!(null),
                ValueRef::Integer(number) => json!(number),
                ValueRef::Real(number) => json!(number),
                ValueRef::Text(text) => json!(std::str::from_utf8(text).unwrap()),
                ValueRef::Blob(_) => panic!("a blob"),
            };
            members.insert(name.clone(), value);
        }
        rows.push(serde_json::from_value(members.into()).unwrap());
    }
    rows
}

const RPM: Kind = Kind::Requests(Span::Minute);

fn receipt(id: &str, admitted_at: i64) -> Receipt {
    serde_json::from_value(json!({
        "receipt_id": id, "request_id": "r-1", "organization_id": "org_1", "instance_id": "inst_1",
        "project_id": "proj_1", "api_key_id": "key_1", "user_id": null, "model_id": "small",
        "requested_model_id": null, "provider_id": "openai", "protocol": "openai-chat",
        "modality": "text", "operation": "POST /generate", "status": "cut", "http_status": 200,
        "error_code": "PROVIDER_ERROR", "streamed": true, "input_tokens": 9, "output_tokens": 3,
        "media_ms": 2_400, "requests": 1, "cost_micros": null, "price_version": 2,
        "price_valid_from": null, "estimated": true, "over_ceiling": false, "limiter_bypassed": false,
        "attempts": [{"model_id": "small", "provider_id": "openai", "status": null, "duration_ms": 7, "error_code": "PROVIDER_ERROR"}],
        "latency_ms": 9, "first_byte_ms": 3, "upstream_ms": null, "request_bytes": 1,
        "response_bytes": 2, "admitted_at": admitted_at, "created_at": admitted_at + 9,
    }))
    .unwrap()
}

fn lease_id(number: u32) -> LeaseId {
    LeaseId::parse(&format!("lease_{number}")).unwrap()
}

#[test]
fn leases_are_kept_replaced_and_dropped() {
    let object = object();
    run(&object, kept::KEEP_LEASE, &[json!(lease_id(1)), json!("{\"a\":1}")]);
    run(&object, kept::KEEP_LEASE, &[json!(lease_id(1)), json!("{\"a\":2}")]);
    run(&object, kept::KEEP_LEASE, &[json!(lease_id(2)), json!("{}")]);
    assert_eq!(run(&object, kept::DROP_LEASES, &[json!([lease_id(2), lease_id(3)])]), 1);
    let left: Vec<Map<_, _>> = rows(&object, kept::LEASES, &[]);
    assert_eq!(left.len(), 1);
    assert_eq!(left[0]["body"], json!("{\"a\":2}"));
}

#[test]
fn buckets_add_up_until_they_leave() {
    let object = object();
    let bucket = |amount| Bucket {
        amount,
        index: 4,
        kind: RPM,
        leaves_at: UnixMillis(65_000),
        scope: Scope::new(ScopeKind::Key, "key_1"),
    };
    run(&object, kept::ADD_BUCKETS, &[json!([bucket(2)])]);
    run(&object, kept::ADD_BUCKETS, &[json!([bucket(3)])]);
    assert_eq!(rows::<Bucket>(&object, kept::BUCKETS, &[json!(64_999)]), [bucket(5)]);
    assert_eq!(rows::<Bucket>(&object, kept::BUCKETS, &[json!(65_000)]), []);
    assert_eq!(run(&object, kept::DROP_BUCKETS, &[json!(64_999)]), 0);
    assert_eq!(run(&object, kept::DROP_BUCKETS, &[json!(65_000)]), 1);
}

fn keep(object: &Connection, id: &str, added_at: i64) -> usize {
    let body = serde_json::to_string(&receipt(id, 5)).unwrap();
    let size = body.len();
    let values =
        [json!(id), json!(body), json!(size), json!(null), json!(BATCH_ROWS), json!(added_at)];
    run(object, kept::KEEP_RECEIPT, &values)
}

fn waiting(object: &Connection) -> Vec<String> {
    let rows: Vec<Waiting> = rows(object, kept::WAITING, &[]);
    rows.iter().map(|row| row.receipt_id.to_string()).collect()
}

#[test]
fn a_receipt_is_taken_once_and_stays_known_for_as_long_as_its_tombstone() {
    let object = object();
    assert_eq!([keep(&object, "rcpt_1", 1), keep(&object, "rcpt_1", 2)], [1, 0]);
    let ids = json!(["rcpt_1"]);
    run(&object, kept::BURY, &[ids.clone(), json!(9_000)]);
    run(&object, kept::DROP_RECEIPTS, &[ids]);
    assert_eq!((keep(&object, "rcpt_1", 3), waiting(&object).len()), (0, 0));
    assert_eq!(only(&object, kept::BACKLOG), json!({"waiting": 0, "dead": 0}));
    assert_eq!(only(&object, kept::TOMBSTONES), json!({"tombstones": 1}));
    assert_eq!(next(&object), plans(0, 9_000.into(), json!(null), json!(null)));
    run(&object, kept::DROP_TOMBSTONES, &[json!(9_000)]);
    assert_eq!(next(&object), plans(0, json!(null), json!(null), json!(null)));
    assert_eq!(keep(&object, "rcpt_1", 4), 1);
    assert_eq!(next(&object), plans(1, json!(null), json!(null), json!(null)));
}

type Json = serde_json::Value;

/// What [`kept::NEXT`] says where nothing is to be told.
fn plans(waits: u8, first_until: Json, rest_until: Json, aside_since: Json) -> Json {
    json!({"waits": waits, "tells": 0, "first_until": first_until, "rest_until": rest_until, "aside_since": aside_since})
}

fn only(object: &Connection, sql: &str) -> serde_json::Value {
    let rows: Vec<Map<_, _>> = rows(object, sql, &[]);
    assert_eq!(rows.len(), 1);
    json!(rows[0])
}

fn next(object: &Connection) -> serde_json::Value {
    only(object, kept::NEXT)
}

/// How SQLite goes about a statement, without what it does to the lists that are bound.
fn plan(object: &Connection, sql: &str) -> Vec<String> {
    let mut statement = object.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let unbound = vec![Value::Null; statement.parameter_count()];
    let steps = statement
        .query_map(params_from_iter(unbound), |row| row.get::<_, String>("detail"))
        .unwrap();
    let steps = steps.map(Result::unwrap);
    steps.filter(|step| step.starts_with("SCAN") && !step.contains("VIRTUAL TABLE")).collect()
}

/// An object with two days of tombstones wakes up every few seconds: it must not read them all.
#[test]
fn no_table_is_read_whole_while_the_object_works() {
    let object = object();
    let texts = [
        kept::ADD_BUCKETS,
        kept::BODIES,
        kept::BURY,
        kept::DROP_BUCKETS,
        kept::DROP_LEASES,
        kept::DROP_NOTICES,
        kept::DROP_RECEIPTS,
        kept::DROP_REPORT,
        kept::DROP_TOMBSTONES,
        kept::END_PAUSES,
        kept::KEEP_LEASE,
        kept::KEEP_NOTICE,
        kept::KEEP_RECEIPT,
        kept::KEEP_REPORT,
        kept::NOTICES_TOLD,
        kept::PAUSE,
        kept::PUT_ASIDE,
        kept::RETRY,
        kept::TAKEN_UP,
        kept::TAKE_UP,
    ];
    for sql in texts {
        let scans: Vec<_> =
            plan(&object, sql).into_iter().filter(|step| step != "SCAN CONSTANT ROW").collect();
        assert!(scans.is_empty(), "{sql}: {scans:?}");
    }
    // In order, and no further than their batch or their first row.
    assert_eq!(plan(&object, kept::WAITING), ["SCAN outbox USING INDEX outbox_in_order"]);
    let next = plan(&object, kept::NEXT);
    let first_row =
        ["SCAN outbox", "SCAN notices USING INDEX notices_waiting", "SCAN reports_above"];
    let is_short = |step: &String| {
        step == "SCAN CONSTANT ROW" || first_row.iter().any(|start| step.starts_with(start))
    };
    assert!(next.iter().all(is_short), "{next:?}");
    assert_eq!(plan(&object, kept::NOTICES), ["SCAN notices USING INDEX notices_waiting"]);
    assert_eq!(
        plan(&object, kept::REPORTS_ABOVE),
        ["SCAN reports_above USING INDEX reports_above_in_order"]
    );
}

#[test]
fn a_receipt_that_was_put_aside_is_kept_and_not_taken_again() {
    let object = object();
    keep(&object, "rcpt_1", 1);
    let ids = json!(["rcpt_1"]);
    run(&object, kept::PUT_ASIDE, &[ids.clone(), json!("CHECK constraint failed"), json!(5)]);
    run(&object, kept::DROP_RECEIPTS, &[ids]);
    assert_eq!(keep(&object, "rcpt_1", 2), 0);
    let dead: Vec<Map<_, _>> =
        rows(&object, "SELECT receipt_id, body, error FROM outbox_dead", &[]);
    assert!(serde_json::from_str::<Receipt>(dead[0]["body"].as_str().unwrap()).is_ok());
}

/// What refused it may have been mended: a migration, room in the database.
#[test]
fn what_was_put_aside_waits_again_alone_and_goes_back_at_its_first_refusal() {
    let object = object();
    keep(&object, "rcpt_1", 1);
    keep(&object, "rcpt_2", 2);
    let put_aside = |id: &str, at: i64| {
        run(&object, kept::PUT_ASIDE, &[json!([id]), json!("full"), json!(at)]);
        run(&object, kept::DROP_RECEIPTS, &[json!([id])]);
    };
    put_aside("rcpt_1", 1_000);
    put_aside("rcpt_2", 2_000);
    assert_eq!(next(&object), plans(0, json!(null), json!(null), 1_000.into()));
    let take_up = |since: i64| {
        let taken = run(&object, kept::TAKE_UP, &[json!(since), json!(REFUSALS_ALONE - 1)]);
        assert_eq!(run(&object, kept::TAKEN_UP, &[json!(since)]), taken);
        taken
    };
    assert_eq!([take_up(999), take_up(1_999), take_up(1_999)], [0, 1, 0]);
    let again: Vec<Waiting> = rows(&object, kept::WAITING, &[]);
    let size = serde_json::to_string(&receipt("rcpt_1", 5)).unwrap().len();
    let id = ReceiptId::parse("rcpt_1").unwrap();
    let alone = Waiting { batch_rows: 1, refusals: REFUSALS_ALONE - 1, ..Waiting::new(id, 0) };
    assert_eq!(again, [Waiting { size_bytes: u64::try_from(size).unwrap(), ..alone }]);
    let now = UnixMillis(9_000);
    let changes = outbox::after(now, &again, Outcome::Refused);
    assert!(matches!(changes[..], [Change::PutAside { .. }]), "{changes:?}");
    assert_eq!(take_up(9_000), 1);
    assert_eq!(waiting(&object), ["rcpt_1", "rcpt_2"]);
    assert_eq!(only(&object, kept::BACKLOG), json!({"waiting": 2, "dead": 0}));
}

#[test]
fn a_receipt_that_rests_is_in_no_batch_and_holds_up_no_other() {
    let object = object();
    keep(&object, "rcpt_1", 1);
    let pause = |until: i64| {
        run(&object, kept::PAUSE, &[json!([{"receipt_id": "rcpt_1", "until": until}])])
    };
    assert_eq!([pause(3_000), pause(5_000)], [1, 1]);
    assert_eq!(next(&object), plans(0, json!(null), 5_000.into(), json!(null)));
    keep(&object, "rcpt_2", 2);
    assert_eq!(waiting(&object), ["rcpt_2"]);
    assert_eq!([4_999, 5_000].map(|now| run(&object, kept::END_PAUSES, &[json!(now)])), [0, 1]);
    assert_eq!(waiting(&object), ["rcpt_1", "rcpt_2"]);
}

#[test]
fn rows_under_suspicion_wait_behind_the_others() {
    let object = object();
    for (place, id) in ["rcpt_a", "rcpt_b", "rcpt_c"].into_iter().enumerate() {
        keep(&object, id, i64::try_from(place).unwrap());
    }
    assert_eq!(waiting(&object), ["rcpt_a", "rcpt_b", "rcpt_c"]);
    let receipt_id = ReceiptId::parse("rcpt_a").unwrap();
    let suspect = Waiting { batch_rows: 2, refusals: 1, ..Waiting::new(receipt_id, 1) };
    run(&object, kept::RETRY, &[json!([suspect])]);
    assert_eq!(waiting(&object), ["rcpt_b", "rcpt_c", "rcpt_a"]);
    let state: Vec<Waiting> = rows(&object, kept::WAITING, &[]);
    assert_eq!((state[2].batch_rows, state[2].refusals), (2, 1));
}

#[test]
fn bodies_are_one_json_list() {
    let object = object();
    keep(&object, "rcpt_a", 1);
    keep(&object, "rcpt_b", 2);
    let bodies: Vec<Map<_, _>> = rows(&object, kept::BODIES, &[json!(["rcpt_a", "rcpt_b"])]);
    let list: Vec<Receipt> = serde_json::from_str(bodies[0]["bodies"].as_str().unwrap()).unwrap();
    assert_eq!(list.len(), 2);
    let none: Vec<Map<_, _>> = rows(&object, kept::BODIES, &[json!([])]);
    assert_eq!(none[0]["bodies"], json!("[]"));
}

#[test]
fn a_notice_waits_until_it_is_told_and_is_known_to_the_end_of_its_time() {
    let object = object();
    let keep = |id: &str, kind: &str, keep_until: i64| {
        let values =
            [json!(id), json!(kind), json!({"percent": 50}), json!(1_000), json!(keep_until)];
        run(&object, kept::KEEP_NOTICE, &values)
    };
    let waiting = || -> Vec<String> {
        let rows: Vec<serde_json::Value> = rows(&object, kept::NOTICES, &[]);
        rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(keep("a", "budget", 9_000), 1);
    assert_eq!(keep("a", "budget", 9_000), 0);
    keep("b", "release", 1_000);
    assert_eq!(waiting(), ["a", "b"]);
    let next: Vec<serde_json::Value> = rows(&object, kept::NEXT, &[]);
    assert_eq!(next[0]["tells"], 1);
    // What is not told is not dropped.
    assert_eq!(run(&object, kept::DROP_NOTICES, &[json!(99_000)]), 0);
    run(&object, kept::NOTICES_TOLD, &[json!(["a", "b"]), json!(2_000)]);
    assert!(waiting().is_empty());
    assert_eq!(run(&object, kept::DROP_NOTICES, &[json!(2_000)]), 1);
    // Raised again in the same period, it is the same one.
    assert_eq!(keep("a", "budget", 9_000), 0);
    let raised = |now: i64| {
        rows::<serde_json::Value>(&object, kept::NOTICES_OF, &[json!("budget"), json!(now)])
    };
    assert_eq!((raised(8_999).len(), raised(9_000).len()), (1, 0));
    assert_eq!(run(&object, kept::DROP_NOTICES, &[json!(9_000)]), 1);
}

#[test]
fn a_report_waits_for_the_organization_until_it_has_it() {
    let object = object();
    let keep = |id: &str, at: i64| {
        run(&object, kept::KEEP_REPORT, &[json!(id), json!("org_1"), json!("{}"), json!(at)])
    };
    assert_eq!((keep("lease_2/1", 2), keep("lease_1/1", 1), keep("lease_1/1", 9)), (1, 1, 0));
    let waiting = || -> Vec<String> {
        let rows: Vec<serde_json::Value> = rows(&object, kept::REPORTS_ABOVE, &[]);
        rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(waiting(), ["lease_1/1", "lease_2/1"]);
    let next: Vec<serde_json::Value> = rows(&object, kept::NEXT, &[]);
    assert_eq!(next[0]["tells"], 1);
    run(&object, kept::DROP_REPORT, &[json!("lease_1/1")]);
    assert_eq!(waiting(), ["lease_2/1"]);
}

#[test]
fn a_circuit_is_one_row_that_is_kept_anew_and_dropped() {
    let object = object();
    let keep = |body: &str| {
        run(&object, kept::KEEP_CIRCUIT, &[json!("openai"), json!("a/b"), json!(body)])
    };
    assert_eq!((keep("one"), keep("two")), (1, 1));
    assert_eq!(run(&object, kept::KEEP_CIRCUIT, &[json!("fal"), json!("a/b"), json!("three")]), 1);
    let bodies = || -> Vec<serde_json::Value> { rows(&object, kept::CIRCUITS, &[]) };
    assert_eq!(bodies(), [json!({"body": "three"}), json!({"body": "two"})]);
    assert_eq!(run(&object, kept::DROP_CIRCUIT, &[json!("openai"), json!("a/b")]), 1);
    assert_eq!(bodies(), [json!({"body": "three"})]);
}
