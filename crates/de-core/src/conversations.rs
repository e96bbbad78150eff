//! What was said in OpenAI's responses, kept for `previous_response_id`: by us, not by vendors.
//!
//! A project that asks to keep content has its turns here for 30 days, sealed, whichever vendor answered. Only
//! its own keys find them, by a response's id or by that of an item in it. A turn that is gone takes with it what
//! came after: a conversation with a hole in it
//! would be another one.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub mod items;
pub mod told;

use crate::{
    auth::vault::{self, Kind, VaultError},
    http::error::{ApiError, Code},
    ids::ProjectId,
    ports::{Platform, PortError, Settings, rows},
    protocols::FieldIssue,
    secret::Secret,
    store::responses::{self, NewTurn, TurnRow},
};

/// How long a turn is kept, in milliseconds: 30 days, as at OpenAI.
pub const KEPT_MS: i64 = 30 * 24 * 60 * 60 * 1_000;

/// The most that is kept of one turn, in bytes of JSON: sealed, it must fit into a row of 2 MB.
const TURN_CAP: usize = 1_000_000;

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
    found.into_iter().next().map(|row| open(&platform.settings, project, &row)).transpose()
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
    if first.previous_id.is_some() {
        let rests: usize = chain.iter().map(|row| row.content.len()).sum();
        let is_whole = rests < CHAIN_CAP && chain.len() < CHAIN_TURNS;
        return Err(refused(if is_whole { GONE } else { TOO_LARGE }));
    }
    let mut recalled = Recalled { turns: chain.len(), ..Recalled::default() };
    for row in &chain {
        recalled.items.extend(open(&platform.settings, project, row)?.items());
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

/// Whether a turn that begins with these items can be kept, behind what was recalled.
#[must_use]
pub fn has_room(input: &[Value], before: &Recalled) -> bool {
    let bytes: usize = input.iter().map(size).sum();
    bytes <= TURN_CAP / 2
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
    let (settings, entropy) = (&platform.settings, &*platform.entropy);
    let text = Secret::new(text);
    let sealed = vault::seal_for(settings, entropy, Kind::Turn, &place(project, id), &text)
        .map_err(|err| failed(err.to_string()))?;
    let now = platform.clock.now();
    let insert = responses::insert(&NewTurn {
        content: &sealed,
        created_at: now,
        expires_at: now.plus(KEPT_MS),
        id,
        previous_id,
        project,
    });
    let ids = responses::insert_items(project, id, &items::ids_of(turn));
    platform.database.batch(vec![insert, ids]).await.map(|_| true)
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

/// Seals a turn's content anew, with the newest master key.
///
/// # Errors
/// [`VaultError`] if it does not open.
pub fn sealed_anew(platform: &Platform, old: &responses::OldTurn) -> Result<String, VaultError> {
    let (settings, place) = (&platform.settings, place(&old.project_id, &old.id));
    let text = vault::open_for(settings, Kind::Turn, &place, &old.content)?;
    vault::seal_for(settings, &*platform.entropy, Kind::Turn, &place, &text)
}

fn open(settings: &Settings, project: &ProjectId, row: &TurnRow) -> Result<Turn, ApiError> {
    let bad = |cause: String| ApiError::internal(format!("a kept turn: {cause}"));
    let text = vault::open_for(settings, Kind::Turn, &place(project, &row.id), &row.content)
        .map_err(|err| bad(err.to_string()))?;
    serde_json::from_str(text.expose()).map_err(|err| bad(err.to_string()))
}

/// What a sealed turn is bound to: it opens for no other project, and under no other id.
fn place(project: &ProjectId, id: &str) -> String {
    format!("{project}/{id}")
}

fn size(item: &Value) -> usize {
    item.to_string().len()
}
