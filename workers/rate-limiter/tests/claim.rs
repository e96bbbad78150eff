//! The SQL of a Claim object's storage, on SQLite with its table.

#![allow(clippy::unwrap_used, reason = "tests")]

use de_rate_limiter::claim_sql as sql;
use rusqlite::{Connection, OptionalExtension};

fn claim(object: &Connection) -> Option<String> {
    object.query_row(sql::CLAIM, [], |row| row.get(0)).optional().unwrap()
}

fn reply(object: &Connection) -> Option<Vec<u8>> {
    object.query_row(sql::REPLY, [], |row| row.get(0)).unwrap()
}

#[test]
fn one_claim_and_its_reply_are_kept_and_dropped() {
    let object = Connection::open_in_memory().unwrap();
    // Twice, as in its second life.
    object.execute_batch(sql::TABLE).unwrap();
    object.execute_batch(sql::TABLE).unwrap();
    assert_eq!(claim(&object), None);
    object.execute(sql::KEEP, ("{}", None::<Vec<u8>>)).unwrap();
    assert_eq!((claim(&object).as_deref(), reply(&object)), (Some("{}"), None));
    object.execute(sql::KEEP, ("{\"a\":1}", Some(vec![0_u8, 255]))).unwrap();
    assert_eq!(
        (claim(&object).as_deref(), reply(&object)),
        (Some("{\"a\":1}"), Some(vec![0, 255]))
    );
    let second = "INSERT INTO claim (only, body) VALUES (2, '{}')";
    assert!(object.execute(second, []).is_err(), "an object has one claim");
    object.execute(sql::DROP, []).unwrap();
    assert_eq!(claim(&object), None);
}
