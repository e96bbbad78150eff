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
    let is_there = |object: &Connection| {
        object.query_row(sql::HAS_TABLE, [], |_| Ok(())).optional().unwrap().is_some()
    };
    assert!(!is_there(&object));
    // Twice, as in its second life.
    for table in sql::TABLES.iter().chain(&sql::TABLES) {
        object.execute_batch(table).unwrap();
    }
    assert!(is_there(&object));
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

#[test]
fn where_replies_lie_is_known_until_they_are_removed() {
    let object = Connection::open_in_memory().unwrap();
    for table in sql::TABLES {
        object.execute_batch(table).unwrap();
    }
    let blobs = || -> Vec<String> {
        let mut all = object.prepare(sql::BLOBS).unwrap();
        all.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    for key in ["claims/1/b", "claims/1/a", "claims/1/b"] {
        object.execute(sql::NAME_BLOB, [key]).unwrap();
    }
    // A claim that is given up says nothing of where its holder has put what.
    object.execute(sql::KEEP, ("{}", None::<Vec<u8>>)).unwrap();
    object.execute(sql::DROP, []).unwrap();
    assert_eq!(blobs(), ["claims/1/a", "claims/1/b"]);
    object.execute(sql::DROP_BLOB, ["claims/1/b"]).unwrap();
    assert_eq!(blobs(), ["claims/1/a"]);
}
