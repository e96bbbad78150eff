//! `tests/contract/README.md`: each fault of its table names tests that there are.

use std::fs;

use super::{page, root};

const PAGE: &str = "tests/contract/README.md";
const HEAD: &str = "| Fault | The caller sees | In the books | Test |";

/// The tests that a row names: `` `file::test` ``, with commas between.
fn named(row: &str) -> Vec<(String, String)> {
    let cell = row.trim_end_matches('|').rsplit('|').next().unwrap_or_default();
    let names = cell.split('`').skip(1).step_by(2);
    names
        .map(|name| {
            let (file, test) = name.split_once("::").unwrap_or_else(|| panic!("{PAGE}: `{name}`"));
            (file.to_owned(), test.to_owned())
        })
        .collect()
}

#[test]
fn every_fault_names_tests_that_there_are() {
    let text = page(PAGE).text;
    let tables: Vec<_> = text.split(HEAD).skip(1).collect();
    assert!(!tables.is_empty(), "{PAGE} has no table of faults");
    for table in tables {
        let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
        let rows: Vec<_> = rows.collect();
        assert!(!rows.is_empty(), "{PAGE} has an empty table");
        for row in rows {
            let tests = named(row);
            assert!(!tests.is_empty(), "{PAGE} names no test: {row}");
            for (file, test) in tests {
                let path = root().join(format!("tests/contract/tests/suite/{file}.rs"));
                let code = fs::read_to_string(&path).unwrap_or_default();
                let is_there = code.contains(&format!("async fn {test}()"));
                assert!(is_there, "{PAGE}: there is no {file}::{test}");
            }
        }
    }
}
