//! Where an answer is kept: a digest of all that makes it the answer that it is.
//!
//! Nobody shares: the project and the key are part of it. So are the model's whole config with its version, which
//! tells an instance's own row from the shared one of that name, and where its vendor lives. What bounds the output
//! where the caller gave no bound is not: an answer that met a bound is not kept.

use http::HeaderMap;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::{auth::api_key::hex, registry::Model, store::access::AccessRow};

/// Headers that make a call another call.
const ASKED: [&str; 4] =
    ["anthropic-beta", "anthropic-version", "x-de-fallback", "x-de-on-unsupported"];

/// What a call asks, as far as an answer depends on it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Asked {
    digest: [u8; 32],
}

impl Asked {
    /// Reads a call: the route (`POST /v1/messages`), whether the answer goes out as events, headers, and the whole
    /// body, in which only the order of members does not matter.
    #[must_use]
    pub fn of(route: &str, headers: &HeaderMap, body: &Map<String, Value>) -> Self {
        let mut sum = Sha256::new();
        part(&mut sum, route.as_bytes());
        for name in ASKED {
            for value in headers.get_all(name) {
                part(&mut sum, name.as_bytes());
                part(&mut sum, value.as_bytes());
            }
        }
        members(&mut sum, body);
        Self { digest: sum.finalize().into() }
    }
}

/// A place in the cache.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Place(String);

/// What a provider's row changes in a request beside its address.
fn provider(model: &Model) -> String {
    let provider = &model.provider;
    let mut text = format!(
        "{}\n{}\n{}\n",
        provider.max_tokens_field.as_str(),
        provider.seed_field.as_str(),
        provider.takes_user
    );
    for (name, value) in &provider.headers {
        text.push_str(&format!("{name}: {}\n", hex(value.as_bytes())));
    }
    text
}

impl Place {
    /// The place of a call by a key; `None` for a key of no project.
    #[must_use]
    pub fn of(key: &AccessRow, generation: u64, model: &Model, asked: &Asked) -> Option<Self> {
        let (project, api_key) = key.project_id.as_ref().zip(key.api_key_id.as_ref())?;
        let config = serde_json::to_vec(&model.config).ok()?;
        let mut sum = Sha256::new();
        for bytes in [
            project.as_str().as_bytes(),
            api_key.as_str().as_bytes(),
            &generation.to_be_bytes(),
            &model.config.version.to_be_bytes(),
            &config,
            model.provider.base_url.as_str().as_bytes(),
            provider(model).as_bytes(),
            &asked.digest,
        ] {
            part(&mut sum, bytes);
        }
        Some(Self(hex(&sum.finalize())))
    }

    /// The digest itself, in hex: what is kept here opens nowhere else.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.0
    }

    /// Its key in the cache.
    #[must_use]
    pub fn key(&self) -> String {
        format!("v1/answers/{}", self.0)
    }
}

/// Adds a text, with its length before it, so that it cannot pass for the end of another one.
fn part(sum: &mut Sha256, bytes: &[u8]) {
    sum.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
    sum.update(bytes);
}

fn count(sum: &mut Sha256, kind: u8, count: usize) {
    sum.update([kind]);
    sum.update(u64::try_from(count).unwrap_or(u64::MAX).to_be_bytes());
}

fn members(sum: &mut Sha256, object: &Map<String, Value>) {
    let mut members: Vec<(&String, &Value)> = object.iter().collect();
    members.sort_unstable_by_key(|(name, _)| *name);
    count(sum, b'{', members.len());
    for (name, value) in members {
        part(sum, name.as_bytes());
        value_of(sum, value);
    }
}

/// Adds a value. Bodies are at most 64 levels deep.
fn value_of(sum: &mut Sha256, value: &Value) {
    match value {
        Value::Array(entries) => {
            count(sum, b'[', entries.len());
            for entry in entries {
                value_of(sum, entry);
            }
        }
        Value::Bool(flag) => sum.update([if *flag { b't' } else { b'f' }]),
        Value::Null => sum.update([b'n']),
        // As it is written to a vendor: `1.0` is not `1`.
        Value::Number(number) => {
            sum.update([b'd']);
            part(sum, number.to_string().as_bytes());
        }
        Value::Object(object) => members(sum, object),
        Value::String(text) => {
            sum.update([b's']);
            part(sum, text.as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn asked(body: &str) -> Asked {
        let body = serde_json::from_str(body).unwrap();
        Asked::of("POST /v1/messages", &HeaderMap::new(), &body)
    }

    #[test]
    fn only_the_order_of_members_does_not_matter() {
        let one = r#"{"model": "m", "messages": [{"role": "user", "content": "a"}], "top_p": 1.0}"#;
        let same = r#"{"top_p":1.0,"messages":[{"content":"\u0061","role":"user"}],"model":"m"}"#;
        assert_eq!(asked(one), asked(same));
        let others = [
            one.to_owned(),
            one.replace("1.0", "1"),
            one.replace("\"a\"", "\"a \""),
            one.replace("\"a\"", "\"A\""),
            one.replace("\"a\"", "null"),
            one.replace("\"a\"", "[\"a\"]"),
            one.replace("\"a\"", "{\"a\": {}}"),
            one.replace("[{", "[{}, {"),
            one.replace("}]", "}, {}]"),
            one.replace("\"top_p\": 1.0", "\"top_p\": 1.0, \"stream\": true"),
            one.replace("\"top_p\": 1.0", "\"top_p\": 1.0, \"stream\": false"),
            one.replace("\"top_p\": 1.0", "\"top_p\": 1.0, \"nobody\": [[], {}]"),
            one.replace("\"top_p\": 1.0", "\"top_p\": 1.0, \"nobody\": [[{}]]"),
            one.replace("top_p", "top_k"),
        ];
        for (index, other) in others.iter().enumerate() {
            for (twin, earlier) in others.iter().take(index).enumerate() {
                assert_ne!(asked(other), asked(earlier), "{index} and {twin}");
            }
        }
    }

    #[test]
    fn headers_and_routes_make_another_call() {
        let body = Map::new();
        let plain = Asked::of("POST /generate", &HeaderMap::new(), &body);
        assert_ne!(plain, Asked::of("POST /generate/stream", &HeaderMap::new(), &body));
        let mut all = vec![plain.clone()];
        for name in ASKED {
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_static("gpt-4o"));
            let one = Asked::of("POST /generate", &headers, &body);
            assert!(!all.contains(&one), "{name}");
            all.push(one);
            headers.append(name, HeaderValue::from_static("gpt-4o"));
            let two = Asked::of("POST /generate", &headers, &body);
            assert!(!all.contains(&two), "{name} twice");
            all.push(two);
        }
        let mut irrelevant = HeaderMap::new();
        irrelevant.insert("x-request-id", HeaderValue::from_static("a"));
        irrelevant.insert("x-de-cache", HeaderValue::from_static("60"));
        assert_eq!(Asked::of("POST /generate", &irrelevant, &body), plain);
    }
}
