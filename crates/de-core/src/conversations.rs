//! What was said in OpenAI's responses, kept for `previous_response_id`: by us, not by vendors.
//!
//! A project that asks to keep content has its turns here for 30 days, sealed, whichever vendor answered. Only
//! its own keys find them, by a response's id or by that of an item in it. A turn that is gone takes with it what
//! came after: a conversation with a hole in it
//! would be another one.

use std::io::{self, Write};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub mod items;
pub mod parts;
pub mod told;

use crate::{
    http::error::{ApiError, Code},
    ids::ProjectId,
    ports::{Platform, PortError, rows},
    protocols::FieldIssue,
    store::responses::{self, NewTurn, TurnRow},
};

/// How long a turn is kept, in milliseconds: 30 days, as at OpenAI.
pub const KEPT_MS: i64 = 30 * 24 * 60 * 60 * 1_000;

/// The most that is kept of one turn, in bytes of JSON, and of its own input, so that there is room for the answer.
/// On its way to the database it stands in an isolate's memory several times, beside the call itself.
const TURN_CAP: usize = 7_000_000;
const INPUT_CAP: usize = 6_000_000;

/// The most that a conversation may come to, in bytes of JSON and in turns: an isolate reads all of it.
const CONVERSATION_CAP: usize = 8_000_000;
const MOST_TURNS: usize = 500;

/// What the database gives at most of a conversation, in bytes as they rest and in turns: see
/// [`responses::chain`].
const CHAIN_CAP: usize = 24_000_000;
const CHAIN_TURNS: usize = 1_000;

/// The longest id that is looked for.
const LONGEST_ID: usize = 128;

/// A turn: what was asked, and what was answered.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Turn {
    /// The items of its own input, each with an id.
    pub input: Vec<Value>,
    /// The response, as the caller got it.
    pub response: Map<String, Value>,
}

/// All that was said up to a turn.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recalled {
    /// What it came to in bytes of JSON.
    pub bytes: usize,
    /// The items, the oldest first.
    pub items: Vec<Value>,
    /// Of how many turns.
    pub turns: usize,
}

impl Turn {
    fn items(self) -> impl Iterator<Item = Value> {
        let output = self.response.get("output").and_then(Value::as_array).cloned();
        self.input.into_iter().chain(output.unwrap_or_default())
    }
}

/// Finds a turn of a project; `None` if it has none of this id, or has it no more.
///
/// # Errors
/// Those of the database, and of the vault.
pub async fn find(
    platform: &Platform,
    project: &ProjectId,
    id: &str,
) -> Result<Option<Turn>, ApiError> {
    if id.len() > LONGEST_ID {
        return Ok(None);
    }
    let found = responses::find(project, id, platform.clock.now());
    let found: Vec<TurnRow> = rows(&*platform.database, found).await?;
    (!found.is_empty()).then(|| parts::open(&platform.settings, project, &found)).transpose()
}

/// Recalls all that was said up to a turn.
///
/// # Errors
/// `NOT_FOUND` if the project has no such turn; `INVALID_REQUEST` if one before it is gone, or all of it is too large
/// to be read again; those of the database and of the vault.
pub async fn recall(
    platform: &Platform,
    project: &ProjectId,
    id: &str,
) -> Result<Recalled, ApiError> {
    if id.len() > LONGEST_ID {
        return Err(unknown(id));
    }
    let chain = responses::chain(project, id, platform.clock.now());
    let chain: Vec<TurnRow> = rows(&*platform.database, chain).await?;
    let Some(first) = chain.first() else { return Err(unknown(id)) };
    let turns = chain.iter().filter(|row| row.part == 0).count();
    if first.all_bytes >= CHAIN_CAP {
        return Err(refused(TOO_LARGE));
    }
    if first.previous_id.is_some() {
        return Err(refused(if turns < CHAIN_TURNS { GONE } else { TOO_LARGE }));
    }
    let mut recalled = Recalled { turns, ..Recalled::default() };
    for turn in turns_of(&chain) {
        recalled.items.extend(parts::open(&platform.settings, project, turn)?.items());
    }
    recalled.bytes = recalled.items.iter().map(size).sum();
    // What is kept of a conversation, and the last turn's answer.
    if recalled.bytes > CONVERSATION_CAP.saturating_add(TURN_CAP) {
        return Err(refused(TOO_LARGE));
    }
    Ok(recalled)
}

const GONE: &str = "an earlier response of this conversation is not kept any more: send what was said as items of input \
                    instead";
const TOO_LARGE: &str = "this conversation is larger than what can be read again: send what matters of it as items of \
                         input instead";

fn refused(reason: &str) -> ApiError {
    let pointer = "/previous_response_id".to_owned();
    ApiError::fields(&[FieldIssue { pointer, reason: reason.to_owned() }])
}

/// Says that a project has no such response, be it another's or nobody's.
#[must_use]
pub fn unknown(id: &str) -> ApiError {
    let shown: String = id.chars().take(LONGEST_ID).collect();
    ApiError::new(Code::NotFound, format!("there is no response with the id {shown}"))
}

/// Whether a turn with this input can be kept, behind what was recalled.
#[must_use]
pub fn has_room(input: &Value, before: &Recalled) -> bool {
    let bytes = size(input);
    bytes <= INPUT_CAP
        && before.turns < MOST_TURNS
        && before.bytes.saturating_add(bytes) <= CONVERSATION_CAP
}

/// Keeps a turn; `false` if it is too large, or has no id.
///
/// # Errors
/// [`PortError`] if it could not be kept.
pub async fn keep(
    platform: &Platform,
    project: &ProjectId,
    previous_id: Option<&str>,
    turn: &Turn,
) -> Result<bool, PortError> {
    let failed = |message: String| PortError::Failed { port: "vault", message };
    let id = turn.response.get("id").and_then(Value::as_str).unwrap_or_default();
    let text = serde_json::to_string(turn).map_err(|err| failed(err.to_string()))?;
    if id.is_empty() || id.len() > LONGEST_ID || text.len() > TURN_CAP {
        return Ok(false);
    }
    let sealed =
        parts::seal(platform, project, id, &text).map_err(|err| failed(err.to_string()))?;
    drop(text);
    let Some((content, further)) = sealed.split_first() else { return Ok(false) };
    let now = platform.clock.now();
    let row = NewTurn {
        content,
        created_at: now,
        expires_at: now.plus(KEPT_MS),
        id,
        previous_id,
        project,
        size_bytes: sealed.iter().map(String::len).sum(),
    };
    let mut batch = vec![responses::insert(&row)];
    batch.extend((1..).zip(further).map(|(place, part)| responses::insert_part(&row, place, part)));
    batch.push(responses::insert_items(project, id, &items::ids_of(turn)));
    drop(sealed);
    platform.database.batch(batch).await.map(|_| true)
}

/// Forgets a turn; `false` if there was none.
///
/// # Errors
/// Those of the database.
pub async fn forget(platform: &Platform, project: &ProjectId, id: &str) -> Result<bool, ApiError> {
    if id.len() > LONGEST_ID {
        return Ok(false);
    }
    let delete = responses::delete(project, id, platform.clock.now());
    let removed = platform.database.batch(vec![delete]).await?;
    Ok(removed.iter().any(|rows| !rows.is_empty()))
}

/// The rows of each turn.
fn turns_of(rows: &[TurnRow]) -> impl Iterator<Item = &[TurnRow]> {
    rows.chunk_by(|row, next| row.id == next.id)
}

/// How long a value is as JSON, in bytes.
fn size(value: &Value) -> usize {
    let mut length = Length(0);
    // Nothing can fail that only counts.
    serde_json::to_writer(&mut length, value).map_or(usize::MAX, |()| length.0)
}

/// Counts what is written.
struct Length(usize);

impl Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.saturating_add(bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
