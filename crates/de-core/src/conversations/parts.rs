//! A turn as it rests: sealed in parts, each of which fits into a row of the database and opens in its own place only.

use crate::{
    auth::vault::{self, Kind, VaultError},
    http::error::ApiError,
    ids::ProjectId,
    ports::{Platform, Settings},
    secret::Secret,
    store::responses::{OldTurn, TurnRow},
};

use super::Turn;

/// The most that is sealed into one row, in bytes of JSON: it grows by a third there, and a row has 2 MB.
const PART_CAP: usize = 1_000_000;

/// Seals a turn's text, part by part: at least one.
pub(super) fn seal(
    platform: &Platform,
    project: &ProjectId,
    id: &str,
    text: &str,
) -> Result<Vec<String>, VaultError> {
    let (settings, entropy) = (&platform.settings, &*platform.entropy);
    let parts = cut(text).into_iter().zip(0_u32..);
    let seal = |(text, part): (&str, u32)| {
        let (place, text) = (place(project, id, part), Secret::new(text.to_owned()));
        vault::seal_for(settings, entropy, Kind::Turn, &place, &text)
    };
    parts.map(seal).collect()
}

/// Opens a turn: all of its rows, in order.
pub(super) fn open(
    settings: &Settings,
    project: &ProjectId,
    rows: &[TurnRow],
) -> Result<Turn, ApiError> {
    let bad = |cause: String| ApiError::internal(format!("a kept turn: {cause}"));
    let mut text = String::new();
    for row in rows {
        let content = row.content.as_deref().unwrap_or_default();
        let place = place(project, &row.id, row.part);
        let opened = vault::open_for(settings, Kind::Turn, &place, content);
        text.push_str(opened.map_err(|err| bad(err.to_string()))?.expose());
    }
    serde_json::from_str(&text).map_err(|err| bad(err.to_string()))
}

/// Seals a part of a turn anew, with the newest master key.
///
/// # Errors
/// [`VaultError`] if it does not open.
pub fn sealed_anew(platform: &Platform, old: &OldTurn) -> Result<String, VaultError> {
    let (settings, place) = (&platform.settings, place(&old.project_id, &old.id, old.part));
    let text = vault::open_for(settings, Kind::Turn, &place, &old.content)?;
    vault::seal_for(settings, &*platform.entropy, Kind::Turn, &place, &text)
}

/// What a sealed part is bound to: it opens for no other project, under no other id, and nowhere else in its turn.
///
/// Rows hold what was sealed for it. No id of a project has a colon, so that a part is not taken for a turn.
fn place(project: &ProjectId, id: &str, part: u32) -> String {
    match part {
        0 => format!("{project}/{id}"),
        part => format!("{part}:{project}/{id}"),
    }
}

/// Cuts a text into pieces of at most [`PART_CAP`], between two characters.
fn cut(mut text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    while text.len() > PART_CAP {
        let (part, rest) = text.split_at(text.floor_char_boundary(PART_CAP));
        parts.push(part);
        text = rest;
    }
    parts.push(text);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters_and_nothing_of_it_is_lost() {
        for (text, lengths) in [
            (String::new(), vec![0]),
            ("x".repeat(PART_CAP), vec![PART_CAP]),
            ("x".repeat(PART_CAP + 1), vec![PART_CAP, 1]),
            ("é".repeat(PART_CAP), vec![PART_CAP, PART_CAP]),
            // Three bytes each: a million of them is no whole number.
            ("€".repeat(PART_CAP / 2), vec![999_999, 500_001]),
        ] {
            let parts = cut(&text);
            assert_eq!(parts.iter().map(|part| part.len()).collect::<Vec<_>>(), lengths);
            assert_eq!(parts.concat(), text);
        }
    }

    /// Rows hold what was sealed for these.
    #[test]
    fn places_are_stable() {
        let project = ProjectId::parse("proj_a").unwrap();
        assert_eq!(place(&project, "resp_1", 0), "proj_a/resp_1");
        assert_eq!(place(&project, "resp_1", 2), "2:proj_a/resp_1");
    }
}
