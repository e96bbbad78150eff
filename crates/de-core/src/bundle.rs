//! Models and providers as files: one form for exports, imports and seeds.
//!
//! A file holds one model, a list of models, or `{"models": […], "providers": […]}`. What the original
//! project exported is read too: `{"config": {…}}`, `{"configs": […]}`, with its prices and without a
//! protocol, since all its models were mapped.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::{
    ids::ProviderId,
    json::type_name,
    model::{ModelConfig, Protocol},
    protocols::FieldIssue,
    store::providers::{KeyTest, Provider, ProviderAuth},
};

/// What a file holds, each entry read or with all that is wrong with it.
#[derive(Debug, Default)]
pub struct Bundle {
    /// Its models.
    pub models: Vec<Entry<ModelConfig>>,
    /// Its providers.
    pub providers: Vec<Entry<Provider>>,
}

/// One entry of a file.
#[derive(Debug)]
pub struct Entry<T> {
    /// Its id as it stands there; absent if it has none.
    pub id: Option<String>,
    /// Where it stands, as a JSON Pointer: `/models/3`.
    pub place: String,
    /// What it says.
    pub read: Result<T, Vec<FieldIssue>>,
}

/// Reads a file.
///
/// # Errors
/// What is wrong with the file as a whole; what is wrong with an entry stands in the [`Entry`].
pub fn read(file: Value) -> Result<Bundle, Vec<FieldIssue>> {
    let mut members = match file {
        Value::Array(models) => {
            return Ok(Bundle {
                models: entries("", models, "model_id", model),
                providers: Vec::new(),
            });
        }
        Value::Object(members) => members,
        other => {
            let reason = format!("expected an object or a list, found {}", type_name(&other));
            return Err(vec![FieldIssue { pointer: String::new(), reason }]);
        }
    };
    let mut issues = Vec::new();
    // An answer of the original holds it under `data`, beside the request's id.
    if let Some(Value::Object(_)) = members.get("data") {
        let data = members.shift_remove("data");
        members.shift_remove("request_id");
        issues.extend(members.keys().map(|name| unknown(name)));
        let data = data.as_ref().and_then(Value::as_object);
        members = data.cloned().unwrap_or_default();
    }
    let known = ["config", "configs", "model", "models", "providers"];
    let is_model =
        members.contains_key("model_id") || !known.iter().any(|name| members.contains_key(*name));
    if is_model && issues.is_empty() {
        let models = vec![entry(String::new(), Value::Object(members), "model_id", model)];
        return Ok(Bundle { models, providers: Vec::new() });
    }
    // The original counted what it listed.
    members.shift_remove("total");
    let mut bundle = Bundle::default();
    for (name, value) in members {
        let pointer = format!("/{name}");
        match (name.as_str(), value) {
            ("config" | "model", one @ Value::Object(_)) => {
                bundle.models.push(entry(pointer, one, "model_id", model));
            }
            ("configs" | "models", Value::Array(list)) => {
                bundle.models.extend(entries(&pointer, list, "model_id", model));
            }
            ("providers", Value::Array(list)) => {
                bundle.providers.extend(entries(&pointer, list, "id", provider));
            }
            ("config" | "model", other) => {
                let reason = format!("expected an object, found {}", type_name(&other));
                issues.push(FieldIssue { pointer, reason });
            }
            ("configs" | "models" | "providers", other) => {
                let reason = format!("expected a list, found {}", type_name(&other));
                issues.push(FieldIssue { pointer, reason });
            }
            _ => issues.push(unknown(&name)),
        }
    }
    if issues.is_empty() { Ok(bundle) } else { Err(issues) }
}

fn unknown(name: &str) -> FieldIssue {
    let reason = "is not a known member; there are models and providers".to_owned();
    FieldIssue { pointer: format!("/{name}"), reason }
}

/// Reads one model.
///
/// # Errors
/// Everything that is wrong with it.
pub fn model(entry: Value) -> Result<ModelConfig, Vec<FieldIssue>> {
    ModelConfig::parse(&match entry {
        Value::Object(members) => Value::Object(ours(members)),
        other => other,
    })
}

/// Reads one provider.
///
/// # Errors
/// Everything about its form that is wrong. What it says is not looked at.
pub fn provider(entry: Value) -> Result<Provider, Vec<FieldIssue>> {
    let members = match &entry {
        Value::Object(members) => members.clone(),
        other => {
            let reason = format!("expected an object, found {}", type_name(other));
            return Err(vec![FieldIssue { pointer: String::new(), reason }]);
        }
    };
    serde_json::from_value(entry).map_err(|err| {
        let issues = faults(&members);
        let whole = || vec![FieldIssue { pointer: String::new(), reason: err.to_string() }];
        if issues.is_empty() { whole() } else { issues }
    })
}

/// What is wrong with each member of a provider alone.
fn faults(members: &Map<String, Value>) -> Vec<FieldIssue> {
    let mut issues = Vec::new();
    let mut note = |name: &str, reason: String| {
        issues.push(FieldIssue { pointer: format!("/{name}"), reason });
    };
    for name in ["id", "display_name", "base_url", "auth"] {
        if !members.contains_key(name) {
            note(name, "is required".to_owned());
        }
    }
    for (name, value) in members {
        let wrong = match name.as_str() {
            "id" => wrong::<ProviderId>(value),
            "base_url" | "display_name" => wrong::<String>(value),
            "allowed_hosts" => wrong::<Vec<String>>(value),
            "auth" => wrong::<ProviderAuth>(value),
            "headers" => wrong::<BTreeMap<String, String>>(value),
            "protocol_defaults" => wrong::<Map<String, Value>>(value),
            "key_test" => wrong::<Option<KeyTest>>(value),
            _ => Some("is not a known member".to_owned()),
        };
        if let Some(reason) = wrong {
            note(name, reason);
        }
    }
    issues
}

/// Why a value is none of this type.
fn wrong<T: DeserializeOwned>(value: &Value) -> Option<String> {
    T::deserialize(value).err().map(|err| err.to_string())
}

/// The form of a model that files have: without what is of its row alone.
#[must_use]
pub fn export(config: &ModelConfig) -> Value {
    let mut file = config.to_json();
    if let Value::Object(members) = &mut file {
        members.shift_remove("version");
    }
    file
}

/// A row of the original as ours: its own id and times go, and its protocol is said.
fn ours(mut members: Map<String, Value>) -> Map<String, Value> {
    if members.shift_remove("config_id").is_some() {
        members.shift_remove("created_at");
        members.shift_remove("updated_at");
        members.entry("protocol").or_insert_with(|| Protocol::Mapped.as_str().into());
    }
    members
}

fn entries<T>(
    place: &str,
    list: Vec<Value>,
    id: &str,
    read: fn(Value) -> Result<T, Vec<FieldIssue>>,
) -> Vec<Entry<T>> {
    let numbered = list.into_iter().enumerate();
    numbered.map(|(index, value)| entry(format!("{place}/{index}"), value, id, read)).collect()
}

fn entry<T>(
    place: String,
    value: Value,
    id: &str,
    read: fn(Value) -> Result<T, Vec<FieldIssue>>,
) -> Entry<T> {
    let id = value.get(id).and_then(Value::as_str).map(str::to_owned);
    Entry { id, place, read: read(value) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn small(id: &str) -> Value {
        json!({"model_id": id, "provider_id": "openai", "display_name": id,
            "protocol": "openai-chat", "capabilities": {"text": true}})
    }

    #[track_caller]
    fn places(file: Value) -> Vec<(String, Option<String>, bool)> {
        let models = read(file).unwrap().models.into_iter();
        models.map(|entry| (entry.place, entry.id, entry.read.is_ok())).collect()
    }

    #[test]
    fn a_file_holds_one_or_many() {
        let found = |place: &str, id: &str| (place.to_owned(), Some(id.to_owned()), true);
        assert_eq!(places(small("a")), [found("", "a")]);
        assert_eq!(places(json!([small("a"), small("b")])), [found("/0", "a"), found("/1", "b")]);
        assert_eq!(places(json!({"models": [small("a")]})), [found("/models/0", "a")]);
        assert_eq!(places(json!({"config": small("a")})), [found("/config", "a")]);
        assert_eq!(places(json!({"models": [7]})), [("/models/0".to_owned(), None, false)]);
        let both = read(json!({"models": [], "providers": [{"id": "x"}]})).unwrap();
        assert!(both.providers.first().unwrap().read.is_err());
    }

    #[test]
    fn what_is_no_file_is_refused_by_name() {
        for (file, pointer) in [
            (json!(7), ""),
            (json!({"models": 7}), "/models"),
            (json!({"models": [], "colour": 1}), "/colour"),
            (json!({"config": small("a"), "colour": 1}), "/colour"),
            (json!({"config": 7, "models": []}), "/config"),
            (json!({"data": {"configs": []}, "providers": []}), "/providers"),
        ] {
            let issues = read(file.clone()).unwrap_err();
            assert_eq!(issues.first().unwrap().pointer, pointer, "{file}");
        }
    }

    #[test]
    fn one_model_comes_with_its_providers() {
        for name in ["config", "model"] {
            let file = json!({name: small("a"), "providers": [{"id": "x"}]});
            let bundle = read(file).unwrap();
            assert_eq!((bundle.models.len(), bundle.providers.len()), (1, 1), "{name}");
        }
    }

    #[test]
    fn a_provider_is_told_all_that_is_wrong_with_its_form() {
        let bad = json!({"id": "x", "base_url": 7, "auth": {"kind": "magic"}, "colour": 1});
        let issues = provider(bad).unwrap_err();
        let pointers: Vec<&str> = issues.iter().map(|issue| issue.pointer.as_str()).collect();
        assert_eq!(pointers, ["/display_name", "/base_url", "/auth", "/colour"]);
    }

    #[test]
    fn rows_of_the_original_are_read() {
        let row = json!({
            "config_id": "9b1d", "model_id": "old-image", "provider_id": "openai",
            "display_name": "Old", "description": null,
            "capabilities": {"image": true, "text": false, "video": false, "audio": false},
            "pricing": {"currency": "USD", "cost_per_image": 0.04},
            "rate_limits": {"rpm": 50, "tpm": 10_000},
            "payload_mapping": {"endpoint": "/images/generations", "method": "POST",
                "headers": {}, "body": {"prompt": "{user_prompt}"}, "response_mapping": {}},
            "status": "active", "created_at": "2025-12-01 10:00:00", "updated_at": "2025-12-01 10:00:00",
        });
        for file in [
            json!({"data": {"configs": [row], "total": 1}, "request_id": "r"}),
            json!({"config": row}),
            row.clone(),
        ] {
            let model = read(file).unwrap().models.remove(0).read.unwrap();
            assert_eq!(model.protocol, Protocol::Mapped);
            let price = serde_json::to_value(&model.pricing).unwrap();
            assert_eq!(price["image_micros"], 40_000);
        }
    }
}
