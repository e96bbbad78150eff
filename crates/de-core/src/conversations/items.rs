//! Items that a caller names by their ids instead of sending them: `item_reference`, as clients do that were
//! told `"store": true`.
//!
//! The items of an answer that is kept are found by their ids, for its own project alone. Whoever sends a whole
//! conversation each time names items of many turns. The newest of these turns has the others' items in its
//! input, so it is read first, and most calls need no other.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{CHAIN_CAP, CONVERSATION_CAP, LONGEST_ID, Turn, parts, size, turns_of};
use crate::{
    http::error::{ApiError, Code},
    ids::ProjectId,
    ports::{Platform, rows},
    protocols::FieldIssue,
    store::responses::{self, TurnRow},
};

/// The most items that one call may name.
const MOST_NAMED: usize = 1_000;

/// The most items of one answer that can be named.
pub(super) const MOST_OF_TURN: usize = 500;

/// An item that a caller names.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Named<'a> {
    /// Its id.
    pub id: &'a str,
    /// Where it stands in the input.
    pub index: usize,
}

/// The items that an input names. One without an id is a fault of the protocol, and is not among them.
#[must_use]
pub fn named(input: &Value) -> Vec<Named<'_>> {
    let items = input.as_array().map(Vec::as_slice).unwrap_or_default().iter().enumerate();
    let named = items.filter(|(_, item)| is_reference(item));
    named.filter_map(|(index, item)| Some(Named { id: item.get("id")?.as_str()?, index })).collect()
}

/// The protocol lets the type of a reference be absent.
fn is_reference(item: &Value) -> bool {
    match item.get("type") {
        None | Some(Value::Null) => item.get("role").is_none() && item.get("content").is_none(),
        Some(kind) => kind == "item_reference",
    }
}

/// Finds items that a project keeps: those named, by their ids. Two round trips to the database at most.
///
/// # Errors
/// `NOT_FOUND` if the project keeps one of them no more, or never did; `INVALID_REQUEST` if they are too many or too
/// large; those of the database and of the vault.
pub async fn find(
    platform: &Platform,
    project: &ProjectId,
    named: &[Named<'_>],
) -> Result<BTreeMap<String, Value>, ApiError> {
    if let Some(one) = named.get(MOST_NAMED) {
        let reason = format!("expected at most {MOST_NAMED} items that are named by their ids");
        return Err(refused(one, reason));
    }
    if let Some(one) = named.iter().find(|one| one.id.len() > LONGEST_ID) {
        return Err(unknown(one.id));
    }
    let mut open_ids: BTreeSet<&str> = named.iter().map(|one| one.id).collect();
    let mut found = BTreeMap::new();
    // The newest turn, and then all others.
    for cap in [1, CHAIN_CAP] {
        if open_ids.is_empty() {
            break;
        }
        let ids = Value::from(open_ids.iter().copied().collect::<Vec<_>>()).to_string();
        let turns = responses::with_items(project, &ids, cap, platform.clock.now());
        let turns: Vec<TurnRow> = rows(&*platform.database, turns).await?;
        for turn in turns_of(&turns) {
            for item in parts::open(&platform.settings, project, turn)?.items() {
                let id = item.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
                if open_ids.remove(id.as_str()) {
                    found.insert(id, item);
                }
            }
        }
        let all_bytes = turns.first().map_or(0, |row| row.all_bytes);
        if let Some(one) = named.iter().find(|one| open_ids.contains(one.id))
            && (turns.is_empty() || cap > 1)
        {
            if all_bytes <= CHAIN_CAP {
                return Err(unknown(one.id));
            }
            return Err(refused(one, TOO_LARGE.to_owned()));
        }
    }
    let bytes = named.iter().filter_map(|one| found.get(one.id)).map(size);
    match named.first() {
        Some(one) if bytes.sum::<usize>() > CONVERSATION_CAP => {
            Err(refused(one, TOO_LARGE.to_owned()))
        }
        _ => Ok(found),
    }
}

const TOO_LARGE: &str =
    "the items that are named come to more than what can be read again: send the items themselves";

/// The ids of a turn's answer, as a list in JSON.
pub(super) fn ids_of(turn: &Turn) -> String {
    let output = turn.response.get("output").and_then(Value::as_array);
    let ids = output.into_iter().flatten().filter_map(|item| item.get("id")?.as_str());
    let ids = ids.filter(|id| !id.is_empty() && id.len() <= LONGEST_ID).take(MOST_OF_TURN);
    Value::from(ids.collect::<Vec<_>>()).to_string()
}

fn refused(one: &Named<'_>, reason: String) -> ApiError {
    ApiError::fields(&[FieldIssue { pointer: format!("/input/{}", one.index), reason }])
}

/// Says that a project has no such item, be it another's or nobody's.
fn unknown(id: &str) -> ApiError {
    let shown: String = id.chars().take(LONGEST_ID).collect();
    let message = format!(
        "there is no item with the id {shown}: items of answers are found for 30 days, where the response said \
         \"store\": true. Send the item itself, as clients do with store: false"
    );
    ApiError::new(Code::NotFound, message)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn references_are_those_that_name_an_item_and_hold_none() {
        let input = json!([
            {"type": "item_reference", "id": "msg_1"},
            {"role": "user", "content": "Hi", "id": "msg_2"},
            {"id": "msg_3"},
            {"type": null, "id": "msg_4"},
            {"type": "reasoning", "id": "rs_1", "summary": []},
            {"type": "item_reference"},
            {"type": "item_reference", "id": 5},
        ]);
        let found: Vec<_> = named(&input).iter().map(|one| (one.index, one.id)).collect();
        assert_eq!(found, [(0, "msg_1"), (2, "msg_3"), (3, "msg_4")]);
        assert!(named(&json!("item_reference")).is_empty());
    }
}
