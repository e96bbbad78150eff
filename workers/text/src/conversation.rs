//! What a call of OpenAI's responses goes on from, and whether its turn is kept.

use std::collections::BTreeSet;

use de_core::{
    caller::Caller,
    conversations::{self, Recalled, has_room, items, told::Telling},
    http::{context::Context, error::ApiError},
    ids::ProjectId,
    json::verbatim::Verbatim,
    ports::Platform,
    protocols::FieldIssue,
};
use serde_json::{Value, json};

use crate::ask::Ask;

const PREVIOUS: &str = "previous_response_id";
const PREVIOUS_PLACE: &str = "/previous_response_id";

/// A call, with all that was said before it in its input.
pub(crate) struct Read {
    pub(crate) ask: Ask,
    pub(crate) conversation: Conversation,
}

/// What is known of the conversation.
pub(crate) struct Conversation {
    input: Value,
    /// Whether the turn can be kept, as large as it is.
    has_room: bool,
    /// Whether the caller lets the turn be kept.
    may_keep: bool,
    previous_id: Option<String>,
    /// What was recalled, in bytes: the vendor reads it as well as the body.
    pub(crate) recalled_bytes: usize,
    /// Whether its input named items that are kept.
    names_items: bool,
}

impl Conversation {
    /// Whether its answer is a turn of a conversation that is kept: it goes on from one, or others may go on
    /// from it.
    pub(crate) fn is_kept(&self, caller: &Caller) -> bool {
        let goes_on = self.previous_id.is_some() || self.names_items;
        goes_on || (self.may_keep && self.has_room && project(caller).is_some())
    }

    /// How the answer is told. `caller` is as the Limiter knows them now: what is kept is theirs to say.
    ///
    /// # Errors
    /// It goes on from what the caller's project does not keep any more.
    pub(crate) fn telling(
        self,
        platform: &Platform,
        context: &Context,
        caller: &Caller,
    ) -> Result<Telling, ApiError> {
        let project = project(caller);
        if project.is_none() && (self.previous_id.is_some() || self.names_items) {
            return Err(not_kept(if self.names_items { "/input" } else { PREVIOUS_PLACE }));
        }
        let project = project.filter(|_| self.may_keep);
        let is_too_large = project.is_some() && !self.has_room;
        let keeper = project.filter(|_| self.has_room).cloned();
        let Self { input, previous_id, .. } = self;
        let input = if keeper.is_some() { input } else { Value::Null };
        let (context, platform) = (context.clone(), platform.clone());
        Ok(Telling { context, input, is_too_large, keeper, platform, previous_id })
    }
}

/// The project that keeps what its keys say; `None` if this one's does not.
fn project(caller: &Caller) -> Option<&ProjectId> {
    caller.key().project_id.as_ref().filter(|_| caller.key().retain_content)
}

/// Reads a call, puts the items that it names in the places of their names, and what was said before it in
/// front of its input.
///
/// # Errors
/// Wrong fields; `NOT_FOUND` for a response or an item that the caller's project does not have.
pub(crate) async fn read(
    platform: &Platform,
    caller: &Caller,
    mut body: Verbatim,
    read: fn(Verbatim) -> Result<Ask, ApiError>,
) -> Result<Read, ApiError> {
    let named = put_named(platform, caller, &mut body).await?;
    // What is wrong with it is told by its own places.
    let mut ask = read(body.clone())?;
    let store = body.get("store").and_then(Value::as_bool);
    let previous_id = body.get(PREVIOUS).and_then(Value::as_str).map(str::to_owned);
    let input = body.get("input").cloned().unwrap_or_default();
    let recalled = match &previous_id {
        Some(id) => {
            let recalled = recall(platform, caller, id).await?;
            named.stand_apart_from(&recalled.items)?;
            body.remove(PREVIOUS);
            body.set("input", joined(&recalled.items, &input));
            ask = read(body)?;
            for word in &mut ask.call.own_words {
                word.issue.pointer = own_place(&word.issue.pointer, recalled.items.len());
            }
            recalled
        }
        None => {
            if let Some(raw) = &mut ask.raw {
                raw.remove(PREVIOUS);
            }
            Recalled::default()
        }
    };
    let has_room = has_room(&input, &recalled);
    if store == Some(true) && !has_room && project(caller).is_some() {
        return Err(wrong("/store", "this conversation is larger than what is kept of one"));
    }
    let conversation = Conversation {
        has_room,
        input,
        may_keep: store != Some(false),
        names_items: !named.items.is_empty(),
        previous_id,
        recalled_bytes: recalled.bytes.saturating_add(named.bytes),
    };
    Ok(Read { ask, conversation })
}

async fn recall(platform: &Platform, caller: &Caller, id: &str) -> Result<Recalled, ApiError> {
    let project = keeping(platform, caller).await?.ok_or_else(|| not_kept(PREVIOUS_PLACE))?;
    conversations::recall(platform, &project, id).await
}

/// The project that keeps what its keys say, by the newest that is known of it.
async fn keeping(platform: &Platform, caller: &Caller) -> Result<Option<ProjectId>, ApiError> {
    if let Some(project) = project(caller) {
        return Ok(Some(project.clone()));
    }
    // What a copy refuses may have been allowed since.
    let caller = caller.fresher(platform).await?;
    Ok(caller.as_ref().and_then(project).cloned())
}

/// What an input named.
#[derive(Default)]
struct Named {
    /// All of it, in bytes.
    bytes: usize,
    /// Where each stood, and its id.
    items: Vec<(usize, String)>,
}

impl Named {
    /// Checks that none of them is among items that were said before: the vendors refuse an item that stands twice.
    fn stand_apart_from(&self, items: &[Value]) -> Result<(), ApiError> {
        let known: BTreeSet<&str> =
            items.iter().filter_map(|item| item.get("id")?.as_str()).collect();
        match self.items.iter().find(|(_, id)| known.contains(id.as_str())) {
            Some((index, _)) => {
                Err(wrong(&format!("/input/{index}"), "previous_response_id has this item already"))
            }
            None => Ok(()),
        }
    }
}

/// Puts the items that the input names in the places of their names.
async fn put_named(
    platform: &Platform,
    caller: &Caller,
    body: &mut Verbatim,
) -> Result<Named, ApiError> {
    let Some(input) = body.get("input") else { return Ok(Named::default()) };
    let named = items::named(input);
    let Some(first) = named.first() else { return Ok(Named::default()) };
    let mut ids = BTreeSet::new();
    if let Some(again) = named.iter().find(|one| !ids.insert(one.id)) {
        return Err(wrong(&format!("/input/{}", again.index), "this item was named before"));
    }
    let place = format!("/input/{}", first.index);
    let project = keeping(platform, caller).await?.ok_or_else(|| not_kept(&place))?;
    let found = items::find(platform, &project, &named).await?;
    let mut whole = input.clone();
    let mut bytes = 0_usize;
    for one in &named {
        let place = whole.get_mut(one.index).zip(found.get(one.id));
        if let Some((place, item)) = place {
            bytes = bytes.saturating_add(item.to_string().len());
            place.clone_from(item);
        }
    }
    let items = named.iter().map(|one| (one.index, one.id.to_owned())).collect();
    body.set("input", whole);
    Ok(Named { bytes, items })
}

/// All items, those of the caller last.
fn joined(before: &[Value], input: &Value) -> Value {
    let mut items = before.to_vec();
    match input {
        Value::Array(own) => items.extend(own.iter().cloned()),
        // What was said goes on: `incomplete` may be why.
        Value::Null => {}
        text => items.push(json!({"role": "user", "content": text})),
    }
    Value::Array(items)
}

/// The place in the caller's own body of what stands at `pointer` in all items.
fn own_place(pointer: &str, before: usize) -> String {
    let Some(rest) = pointer.strip_prefix("/input/") else { return pointer.to_owned() };
    let (index, below) = rest.split_once('/').unwrap_or((rest, ""));
    if index == "*" {
        return pointer.to_owned();
    }
    let own = index.parse::<usize>().ok().and_then(|index| index.checked_sub(before));
    match (own, below) {
        (None, _) => format!("/{PREVIOUS}"),
        (Some(index), "") => format!("/input/{index}"),
        (Some(index), below) => format!("/input/{index}/{below}"),
    }
}

fn not_kept(place: &str) -> ApiError {
    wrong(
        place,
        "responses are not kept for this key: send what was said as items of input, as clients do with store: false, \
         or have retain_content of its project switched on",
    )
}

fn wrong(pointer: &str, reason: &str) -> ApiError {
    ApiError::fields(&[FieldIssue { pointer: pointer.to_owned(), reason: reason.to_owned() }])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_those_of_the_callers_own_items() {
        for (pointer, place) in [
            ("/input/5/content/0/file_id", "/input/2/content/0/file_id"),
            ("/input/3", "/input/0"),
            ("/input/2/content", "/previous_response_id"),
            ("/input/*/phase", "/input/*/phase"),
            ("/tools/0", "/tools/0"),
        ] {
            assert_eq!(own_place(pointer, 3), place);
        }
    }
}
