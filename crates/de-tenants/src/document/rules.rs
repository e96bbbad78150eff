//! Which members each resource has, and what may stand in them.
//!
//! Only what can be told without asking is told here, so that a file is checked before anything is made.
//! The gateway has the last word.

use std::net::IpAddr;

use de_core::{auth::Scope, json::type_name, time::UnixMillis, webhooks::EventType};
use serde_json::{Value, json};

/// A resource of the control plane, as files speak of it.
#[derive(Clone, Copy, Debug)]
pub struct Resource {
    /// Its members, without the one that names it.
    pub fields: &'static [Field],
    /// How an id of it begins; empty where the name is the id.
    pub id_prefix: &'static str,
    /// The longest name.
    pub longest_name: usize,
    /// The member by which it is found.
    pub name: &'static str,
    /// Where the API has it.
    pub path: &'static str,
    /// What people call one.
    pub word: &'static str,
}

/// One member of a resource.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Whether nothing can be made without it.
    /// Whether nothing can be made without it.
    pub is_needed: bool,
    /// What may stand there.
    pub kind: Kind,
    /// Its name.
    pub name: &'static str,
    /// What null means.
    pub null: Null,
}

/// What may stand in a member.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// A list of IP addresses.
    Addresses,
    /// Whatever the gateway takes.
    Any,
    /// A whole number from 1 to this.
    Count(u64),
    /// A list of events.
    Events,
    /// True or false.
    Flag,
    /// An object.
    Object,
    /// A list of scopes.
    Scopes,
    /// Text of 1 to so many characters.
    Text(usize),
    /// A list of texts.
    Texts,
    /// A time.
    Time,
    /// One of some words.
    Word(&'static [&'static str]),
}

/// What null means for a member.
#[derive(Clone, Copy, Debug)]
pub enum Null {
    /// `false`.
    False,
    /// An empty list.
    List,
    /// Null itself: nothing is there.
    Nothing,
    /// An empty object.
    Object,
    /// It is refused.
    Refused,
    /// This word.
    Word(&'static str),
}

const ACTIVITY: Kind = Kind::Word(&["active", "suspended"]);

const fn field(name: &'static str, kind: Kind, null: Null) -> Field {
    Field { is_needed: false, kind, name, null }
}

const fn needed(name: &'static str, kind: Kind) -> Field {
    Field { is_needed: true, kind, name, null: Null::Refused }
}

/// `/v1/organizations`.
pub const ORGANIZATION: Resource = Resource {
    fields: &[
        field("billing_email", Kind::Text(320), Null::Nothing),
        field("email_domains", Kind::Texts, Null::Nothing),
        field("time_zone", Kind::Text(64), Null::Word("UTC")),
        field("status", ACTIVITY, Null::Word("active")),
    ],
    id_prefix: "org_",
    longest_name: 200,
    name: "name",
    path: "/v1/organizations",
    word: "organization",
};

/// `/v1/instances`.
pub const INSTANCE: Resource = Resource {
    fields: &[
        needed("environment", Kind::Word(&["development", "production"])),
        field("allowed_origins", Kind::Texts, Null::List),
        field("retention_days", Kind::Count(36_500), Null::Nothing),
        field("on_limiter_failure", Kind::Word(&["allow", "refuse"]), Null::Word("refuse")),
        field("default_models", Kind::Object, Null::Object),
        field("default_max_output_tokens", Kind::Count(10_000_000), Null::Nothing),
        field("status", ACTIVITY, Null::Word("active")),
    ],
    id_prefix: "inst_",
    longest_name: 200,
    name: "name",
    path: "/v1/instances",
    word: "instance",
};

/// `/v1/projects`.
pub const PROJECT: Resource = Resource {
    fields: &[
        field("description", Kind::Any, Null::Nothing),
        field("settings", Kind::Object, Null::Object),
        field("retain_content", Kind::Flag, Null::False),
        field("response_cache", Kind::Object, Null::Nothing),
        field("status", ACTIVITY, Null::Word("active")),
    ],
    id_prefix: "proj_",
    longest_name: 200,
    name: "name",
    path: "/v1/projects",
    word: "project",
};

/// `/v1/api-keys`.
pub const API_KEY: Resource = Resource {
    fields: &[
        needed("scopes", Kind::Scopes),
        field("allowed_models", Kind::Texts, Null::Nothing),
        field("allowed_origins", Kind::Texts, Null::List),
        field("allowed_addresses", Kind::Addresses, Null::List),
        field("expires_at", Kind::Time, Null::Nothing),
    ],
    id_prefix: "key_",
    longest_name: 200,
    name: "name",
    path: "/v1/api-keys",
    word: "API key",
};

/// `/v1/users`.
pub const USER: Resource = Resource {
    fields: &[
        field("name", Kind::Text(200), Null::Nothing),
        field("role", Kind::Word(&["admin", "superadmin", "user"]), Null::Word("user")),
        field("status", ACTIVITY, Null::Word("active")),
    ],
    id_prefix: "user_",
    longest_name: 320,
    name: "email",
    path: "/v1/users",
    word: "person",
};

/// `/v1/webhooks`.
pub const WEBHOOK: Resource = Resource {
    fields: &[
        needed("events", Kind::Events),
        field("description", Kind::Any, Null::Nothing),
        field("status", Kind::Word(&["active", "disabled"]), Null::Word("active")),
    ],
    id_prefix: "whk_",
    longest_name: 2_000,
    name: "url",
    path: "/v1/webhooks",
    word: "webhook",
};

/// `/v1/providers`.
pub const PROVIDER: Resource = Resource {
    fields: &[
        needed("display_name", Kind::Text(200)),
        needed("base_url", Kind::Text(2_000)),
        needed("auth", Kind::Object),
        field("allowed_hosts", Kind::Texts, Null::List),
        field("headers", Kind::Object, Null::Object),
        field("protocol_defaults", Kind::Object, Null::Object),
        field("key_test", Kind::Object, Null::Nothing),
    ],
    id_prefix: "",
    longest_name: 50,
    name: "id",
    path: "/v1/providers",
    word: "provider",
};

impl Field {
    /// The value as the gateway will show it.
    ///
    /// # Errors
    /// Why it cannot be.
    pub fn read(&self, value: Value) -> Result<Value, String> {
        if value.is_null() {
            return match self.null {
                Null::False => Ok(Value::Bool(false)),
                Null::List => Ok(json!([])),
                Null::Refused => Err("cannot be null".to_owned()),
                Null::Nothing => Ok(Value::Null),
                Null::Object => Ok(json!({})),
                Null::Word(word) => Ok(word.into()),
            };
        }
        match (self.kind, value) {
            (Kind::Any, value) => Ok(value),
            (Kind::Flag, value @ Value::Bool(_)) | (Kind::Object, value @ Value::Object(_)) => {
                Ok(value)
            }
            (Kind::Count(most), value) => match value.as_u64() {
                Some(count) if (1..=most).contains(&count) => Ok(value),
                _ => Err(format!("expected a whole number from 1 to {most}")),
            },
            (Kind::Text(most), Value::String(text)) => text_of(most, text).map(Value::String),
            (Kind::Time, Value::String(text)) => match UnixMillis::parse_rfc3339(&text) {
                Some(time) => Ok(time.rfc3339().into()),
                None => Err("expected a time: 2027-01-01T00:00:00Z".to_owned()),
            },
            (Kind::Word(words), Value::String(word)) if words.contains(&word.as_str()) => {
                Ok(Value::String(word))
            }
            (Kind::Word(words), _) => Err(format!("expected {}", words.join(" or "))),
            (Kind::Addresses, Value::Array(list)) => texts(list, |text| {
                let read: Result<IpAddr, _> = text.parse();
                read.map(|address| address.to_string())
                    .map_err(|_| "expected IP addresses: 203.0.113.7 or 2001:db8::1".to_owned())
            }),
            (Kind::Events, Value::Array(list)) => texts(list, |text| {
                let known = EventType::SUBSCRIBABLE.map(EventType::as_str);
                let is_known = known.contains(&text.as_str());
                is_known
                    .then_some(text)
                    .ok_or_else(|| format!("expected some of {}", known.join(", ")))
            }),
            (Kind::Scopes, Value::Array(list)) => texts(list, |text| {
                let known: Vec<_> = Scope::ALL.iter().map(|scope| scope.as_str()).collect();
                let is_known = known.contains(&text.as_str());
                is_known
                    .then_some(text)
                    .ok_or_else(|| format!("expected some of {}", known.join(", ")))
            }),
            (Kind::Texts, Value::Array(list)) => texts(list, Ok),
            (kind, value) => Err(format!("expected {}, found {}", kind.noun(), type_name(&value))),
        }
    }

    /// Whether two values of it are the same: lists in any order.
    #[must_use]
    pub fn same(&self, one: &Value, other: &Value) -> bool {
        match (one, other) {
            (Value::Array(one), Value::Array(other)) => {
                one.len() == other.len() && one.iter().all(|entry| other.contains(entry))
            }
            (one, other) => one == other,
        }
    }
}

impl Kind {
    fn noun(self) -> &'static str {
        match self {
            Self::Addresses | Self::Events | Self::Scopes | Self::Texts => "a list of texts",
            Self::Any => "a value",
            Self::Count(_) => "a whole number",
            Self::Flag => "true or false",
            Self::Object => "an object",
            Self::Text(_) | Self::Word(_) => "text",
            Self::Time => "a time",
        }
    }
}

/// Text of 1 to `most` characters.
pub(super) fn text_of(most: usize, text: String) -> Result<String, String> {
    let length = text.chars().count();
    if text.trim().is_empty() {
        Err("must not be empty".to_owned())
    } else if length > most {
        Err(format!("has {length} characters; at most {most} are taken"))
    } else {
        Ok(text)
    }
}

fn texts(
    list: Vec<Value>,
    one: impl Fn(String) -> Result<String, String>,
) -> Result<Value, String> {
    let mut read: Vec<Value> = Vec::with_capacity(list.len());
    for entry in list {
        let Value::String(text) = entry else {
            return Err(format!("expected a list of texts, found {} in it", type_name(&entry)));
        };
        let text = Value::String(one(text)?);
        if !read.contains(&text) {
            read.push(text);
        }
    }
    Ok(Value::Array(read))
}
