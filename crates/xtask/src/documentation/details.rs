//! `docs/api.md`: the table of what stands in `details` has every member that is described.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use super::{page, root};

const PAGE: &str = "docs/api.md";

#[test]
fn every_member_of_details_has_its_row() {
    let document = fs::read_to_string(root().join("docs/openapi.json")).unwrap();
    let document: Value = serde_json::from_str(&document).unwrap();
    let described = document["components"]["schemas"]["ErrorDetails"]["properties"].as_object();
    let described: BTreeSet<&str> = described.unwrap().keys().map(String::as_str).collect();

    let text = page(PAGE).text;
    let rows = text.lines().skip_while(|line| *line != "| Code | Member | |").skip(2);
    let cells = rows
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.split(" | ").nth(1).unwrap_or_default());
    let shown: BTreeSet<&str> = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect();

    assert_eq!(shown, described, "{PAGE} and docs/openapi.json name different members");
}
