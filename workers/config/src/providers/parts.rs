//! The fields of a provider that have parts: how it wants its key, its headers, how a key is tried.

use std::collections::BTreeMap;

use de_core::{
    guard,
    secret::looks_like_key,
    store::providers::{KeyTest, KeyTestMethod, ProviderAuth},
};
use http::{HeaderName, HeaderValue};
use serde_json::{Map, Value};

use crate::resource::Fields;

/// How many headers a provider may have.
const MOST_HEADERS: usize = 20;
/// The longest value of one, and the longest prefix of a key.
const LONGEST_VALUE: usize = 500;

/// Headers that belong to the connection, to the message or to us. Neither a key nor anything else of a
/// provider goes there.
const RESERVED: [&str; 18] = [
    "accept-encoding",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "origin",
    "proxy-authenticate",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
];

/// Headers in which vendors want keys: the key stands in the vault, and goes by `auth`.
const FOR_KEYS: [&str; 9] = [
    "api-key",
    "apikey",
    "authorization",
    "proxy-authorization",
    "x-api-key",
    "x-auth-token",
    "x-goog-api-key",
    "x-key",
    "xi-api-key",
];

/// Reads `auth`.
pub(super) fn auth(fields: &mut Fields, place: &mut ProviderAuth) {
    let mut members = match fields.take("auth") {
        None => return,
        Some(Value::Object(members)) => members,
        Some(Value::Null) => return fields.wrong("auth", "cannot be null"),
        Some(_) => return fields.wrong("auth", "expected an object"),
    };
    let kind = members.shift_remove("kind");
    let read = match kind.as_ref().and_then(Value::as_str) {
        Some("bearer") => Some(ProviderAuth::Bearer),
        Some("header") => {
            let name = part(fields, &mut members, "auth/name", key_header);
            let before = match members.get("prefix") {
                None | Some(Value::Null) => {
                    members.shift_remove("prefix");
                    Some(None)
                }
                Some(_) => part(fields, &mut members, "auth/prefix", prefix).map(Some),
            };
            name.zip(before).map(|(name, prefix)| ProviderAuth::Header { name, prefix })
        }
        Some("query") => part(fields, &mut members, "auth/name", query_name)
            .map(|name| ProviderAuth::Query { name }),
        Some(_) => return fields.wrong("auth/kind", "expected bearer, header or query"),
        None => return fields.wrong("auth/kind", "is required: bearer, header or query"),
    };
    unknown_parts(fields, "auth", &members);
    if let Some(read) = read {
        *place = read;
    }
}

/// Reads `headers`, and looks whether they leave the key alone.
pub(super) fn headers(
    fields: &mut Fields,
    auth: &ProviderAuth,
    place: &mut BTreeMap<String, String>,
) {
    fields.object("headers", header, place);
    let given = std::mem::take(place);
    if given.len() > MOST_HEADERS {
        fields.wrong("headers", &format!("has more than {MOST_HEADERS} members"));
    }
    for (name, value) in given {
        let pointer = format!("headers/{name}");
        let name = name.to_ascii_lowercase();
        let carries_key = matches!(auth, ProviderAuth::Header { name: key, .. } if key.eq_ignore_ascii_case(&name));
        if carries_key {
            fields.wrong(&pointer, "is where the key goes, by auth");
        }
        if place.insert(name, value).is_some() {
            fields.wrong(&pointer, "stands there twice, in two spellings");
        }
    }
}

/// Reads one member of `protocol_defaults`.
pub(super) fn protocol_default(name: &str, value: &Value) -> Result<Value, String> {
    let words: &[&str] = match name {
        "mapping_sees_key" | "takes_user" => {
            let fine = value.is_boolean().then(|| value.clone());
            return fine.ok_or_else(|| "expected true or false".to_owned());
        }
        "max_tokens_field" => &["max_completion_tokens", "max_tokens"],
        "seed_field" => &["random_seed", "seed"],
        _ => {
            let known = "mapping_sees_key, max_tokens_field, seed_field, takes_user";
            return Err(format!("unknown; there are {known}"));
        }
    };
    let fine = value.as_str().filter(|word| words.contains(word)).map(Value::from);
    fine.ok_or_else(|| format!("expected {}", words.join(" or ")))
}

/// Reads `key_test`.
pub(super) fn key_test(fields: &mut Fields, base_url: &str, place: &mut Option<KeyTest>) {
    let mut members = match fields.take("key_test") {
        None => return,
        Some(Value::Null) => {
            *place = None;
            return;
        }
        Some(Value::Object(members)) => members,
        Some(_) => return fields.wrong("key_test", "expected an object or null"),
    };
    let method = match members.shift_remove("method") {
        None => Some(KeyTestMethod::default()),
        Some(given) => match given.as_str() {
            Some("GET") => Some(KeyTestMethod::Get),
            Some("HEAD") => Some(KeyTestMethod::Head),
            _ => {
                fields.wrong("key_test/method", "expected GET or HEAD: a test changes nothing");
                None
            }
        },
    };
    let below = |path: &str| {
        // A base URL that is wrong is told at its own place.
        let base = url::Url::parse(base_url).or_else(|_| url::Url::parse("https://api.example"));
        let base = base.map_err(|err| err.to_string())?;
        guard::path(&base, path).map(|_| path.to_owned()).map_err(|err| err.to_string())
    };
    let path = part(fields, &mut members, "key_test/path", below);
    unknown_parts(fields, "key_test", &members);
    if let Some((method, path)) = method.zip(path) {
        *place = Some(KeyTest { method, path });
    }
}

/// Reads a part that must be there, and be text that `parse` takes. `pointer` ends in its name.
fn part(
    fields: &mut Fields,
    members: &mut Map<String, Value>,
    pointer: &str,
    parse: impl Fn(&str) -> Result<String, String>,
) -> Option<String> {
    let name = pointer.rsplit('/').next().unwrap_or(pointer);
    let read = match members.shift_remove(name) {
        None | Some(Value::Null) => Err("is required".to_owned()),
        Some(Value::String(text)) => parse(&text),
        Some(_) => Err("expected text".to_owned()),
    };
    read.map_err(|reason| fields.wrong(pointer, &reason)).ok()
}

/// Complains about each part that nobody asked for.
fn unknown_parts(fields: &mut Fields, field: &str, members: &Map<String, Value>) {
    for name in members.keys() {
        let name = name.replace('~', "~0").replace('/', "~1");
        fields.wrong(&format!("{field}/{name}"), "unknown here");
    }
}

/// The name of the header that a key goes into.
fn key_header(name: &str) -> Result<String, String> {
    let known = header_name(name)?;
    if is_reserved(known.as_str()) {
        return Err("is a header of the connection or the message".to_owned());
    }
    Ok(name.to_owned())
}

/// What stands before a key: `Key `.
fn prefix(text: &str) -> Result<String, String> {
    let visible = |c: char| c == ' ' || c.is_ascii_graphic();
    if text.is_empty() || text.len() > 50 || !text.chars().all(visible) {
        return Err("expected 1 to 50 visible characters of ASCII".to_owned());
    }
    if looks_like_key(text) {
        return Err("looks like a key; keys are saved by PUT /v1/provider-keys".to_owned());
    }
    Ok(text.to_owned())
}

/// The name of the query parameter that a key goes into.
fn query_name(name: &str) -> Result<String, String> {
    let fine = |c: u8| c.is_ascii_alphanumeric() || b"._-".contains(&c);
    if name.is_empty() || name.len() > 64 || !name.bytes().all(fine) {
        return Err("expected 1 to 64 of A-Z a-z 0-9 . _ -".to_owned());
    }
    Ok(name.to_owned())
}

fn header(name: &str, value: &Value) -> Result<String, String> {
    let known = header_name(name)?;
    if FOR_KEYS.contains(&known.as_str()) {
        return Err("is for keys; they are saved by PUT /v1/provider-keys".to_owned());
    }
    if is_reserved(known.as_str()) {
        return Err("is a header of the connection or the message".to_owned());
    }
    let text = value.as_str().ok_or("expected text")?;
    let visible = |c: char| c == ' ' || c.is_ascii_graphic();
    let is_value = HeaderValue::from_str(text).is_ok() && text.chars().all(visible);
    if text.trim().is_empty() || text.len() > LONGEST_VALUE || !is_value || text.trim() != text {
        return Err(format!("expected 1 to {LONGEST_VALUE} visible characters of ASCII"));
    }
    if text.split(' ').any(looks_like_key) {
        return Err("looks like a key; keys are saved by PUT /v1/provider-keys".to_owned());
    }
    Ok(text.to_owned())
}

fn header_name(name: &str) -> Result<HeaderName, String> {
    let known = HeaderName::from_bytes(name.as_bytes()).ok().filter(|_| name.len() <= 100);
    known.ok_or_else(|| "is no name of a header".to_owned())
}

fn is_reserved(name: &str) -> bool {
    let ours = ["cf-", "sec-", "x-forwarded-"];
    RESERVED.contains(&name) || ours.iter().any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests;
