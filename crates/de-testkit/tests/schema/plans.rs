//! How SQLite finds what the queries ask for: no table is read from end to end.

use de_core::ports::{Database, Statement};
use de_testkit::database::SqliteDatabase;

use crate::statements::every_statement;

/// Tables that a query makes for itself: they hold what it has found already.
const MADE_BY_QUERIES: &[&str] = &[
    "found",
    "used",
    "r",
    "a",
    "json_each",
    "CONSTANT",
    "seen",
    "places",
    "d",
    "f",
    "n",
    "names",
    "part",
    "naming",
    "gone",
    "w",
    "due",
    "ranked",
    "hours",
    "opened",
    "over",
    "p",
    "spans",
    "waiting",
    "h",
    "k",
    "o",
    "g",
];

#[track_caller]
fn check_plan(database: &SqliteDatabase, statement: &Statement) {
    for line in database.plan(statement).unwrap() {
        let scanned = line.strip_prefix("SCAN ").and_then(|rest| rest.split(' ').next());
        // `(subquery-4)` is what a window function runs over; its own lines are checked like all others.
        let is_made = |name: &str| {
            MADE_BY_QUERIES.contains(&name)
                || name.parse::<u8>().is_ok()
                || name.starts_with("(subquery-")
        };
        assert!(scanned.is_none_or(is_made), "{line}\nin {}", statement.sql);
    }
}

#[test]
fn no_query_reads_a_table_from_end_to_end() {
    let database = SqliteDatabase::migrated().unwrap();
    for statement in every_statement() {
        check_plan(&database, &statement);
    }
}

#[test]
fn a_scan_would_be_seen() {
    let database = SqliteDatabase::migrated().unwrap();
    let scan = Statement { args: Vec::new(), sql: "SELECT id FROM api_keys WHERE name = 'x'" };
    let plan = database.plan(&scan).unwrap();
    assert_eq!(plan, ["SCAN api_keys"]);
}

/// What is true of every table, however it came about.
#[tokio::test]
async fn tables_are_strict_and_foreign_keys_have_an_index() {
    let database = SqliteDatabase::migrated().unwrap();
    let all = |sql| {
        let statement = Statement { args: Vec::new(), sql };
        let database = &database;
        async move { database.batch(vec![statement]).await.unwrap().remove(0) }
    };
    let loose = all("SELECT name FROM pragma_table_list
         WHERE schema = 'main' AND type = 'table' AND strict = 0 AND name NOT LIKE 'sqlite_%'");
    assert_eq!(loose.await, []);
    let slow = all(
        "SELECT m.name AS tab, f.\"from\" AS col FROM sqlite_schema AS m, pragma_foreign_key_list(m.name) AS f
         WHERE m.type = 'table' AND f.seq = 0 AND NOT EXISTS (
           SELECT 1 FROM pragma_index_list(m.name) AS i, pragma_index_info(i.name) AS c
           WHERE c.seqno = 0 AND c.name = f.\"from\")",
    );
    assert_eq!(slow.await, []);
    for table in ["usage_logs", "audit_events", "model_config_versions"] {
        let keys = Statement {
            args: vec![table.into()],
            sql: "SELECT \"from\" FROM pragma_foreign_key_list(?1)",
        };
        assert_eq!(database.batch(vec![keys]).await.unwrap()[0], [], "{table}");
    }
}
