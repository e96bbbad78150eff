//! Which of a holder's API keys a name means.

use std::time::{SystemTime, UNIX_EPOCH};

use de_core::time::UnixMillis;
use serde_json::Value;

use crate::gateway::text;

/// The keys that hold now, without those that another one of the same name has taken over from: after a rotation both
/// hold until the older one ends.
pub(crate) fn holding(keys: &[Value]) -> Vec<Value> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    holding_at(keys, UnixMillis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX)))
}

fn holding_at(keys: &[Value], now: UnixMillis) -> Vec<Value> {
    let ends_at = |key: &Value| UnixMillis::parse_rfc3339(text(key, "expires_at"));
    let holds = |key: &&Value| {
        key.get("revoked_at").is_none_or(Value::is_null) && ends_at(key).is_none_or(|end| end > now)
    };
    let all: Vec<&Value> = keys.iter().filter(holds).collect();
    let made_at = |key: &Value| UnixMillis::parse_rfc3339(text(key, "created_at"));
    let is_taken_over = |key: &Value| {
        let is_next = |other: &&Value| {
            text(other, "name") == text(key, "name") && made_at(other) > made_at(key)
        };
        ends_at(key).is_some() && all.iter().any(is_next)
    };
    all.iter().filter(|key| !is_taken_over(key)).map(|key| (*key).clone()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_name_means_the_key_that_took_over() {
        let key = |id: &str, name: &str, made: &str, ends: Value, revoked: Value| {
            json!({
                "id": id, "name": name, "created_at": made, "expires_at": ends, "revoked_at": revoked,
            })
        };
        let (monday, friday) = ("2026-03-02T00:00:00.000Z", "2026-03-06T00:00:00.000Z");
        let none = Value::Null;
        let keys = [
            // Rotated on Friday, until Saturday.
            key("old", "web", monday, json!("2026-03-07T00:00:00.000Z"), none.clone()),
            key("new", "web", friday, none.clone(), none.clone()),
            // Ends by itself, and nothing has taken over from it.
            key("brief", "trial", monday, json!("2026-03-08T00:00:00.000Z"), none.clone()),
            key("gone", "job", monday, none.clone(), json!(friday)),
            key("over", "job", monday, json!(friday), none.clone()),
            // Two of one name that nobody has rotated: neither is meant alone.
            key("one", "twin", monday, none.clone(), none.clone()),
            key("two", "twin", friday, none.clone(), none),
        ];
        let at = |now: &str| {
            let held = holding_at(&keys, UnixMillis::parse_rfc3339(now).unwrap());
            held.iter().map(|key| text(key, "id").to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(at("2026-03-06T12:00:00.000Z"), ["new", "brief", "one", "two"]);
        assert_eq!(at("2026-03-09T00:00:00.000Z"), ["new", "one", "two"]);
    }
}
