//! What can be wrong with a mapping when it is saved: every fault with the place where it stands.

use serde::ser::{Serialize, SerializeStruct, Serializer};

use super::endpoint::EndpointFault;
use super::path::PathFault;
use super::template::TemplateFault;
use super::variables::VariableError;

/// One fault of a mapping.
///
/// Serializes as `{"pointer", "reason"}`, one entry of a 400's `details`.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{pointer}: {fault}")]
pub struct MappingIssue {
    /// Where: a JSON Pointer (RFC 6901) into the mapping; empty for the whole.
    pub pointer: String,
    /// What.
    #[source]
    pub fault: MappingFault,
}

impl Serialize for MappingIssue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut issue = serializer.serialize_struct("MappingIssue", 2)?;
        issue.serialize_field("pointer", &self.pointer)?;
        issue.serialize_field("reason", &self.fault.to_string())?;
        issue.end()
    }
}

/// The kinds of fault. All are the writer's, and none goes away by trying again.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum MappingFault {
    /// A template of `$if` or `$each` that is not one placeholder and nothing else.
    #[error("must be one placeholder and nothing else")]
    NotLone,
    /// A member that the format does not know, or not at this place.
    #[error("unknown member; known here: {known}")]
    UnknownMember {
        /// The members that this place knows.
        known: &'static str,
    },
    /// A value of a closed set that is not in it.
    #[error("{found:?} is not one of {allowed}")]
    NotOneOf {
        /// What stands there.
        found: String,
        /// What may stand there.
        allowed: &'static str,
    },
    /// A value of the wrong JSON type.
    #[error("expected {expected}, found {found}")]
    WrongType {
        /// The types that may stand there.
        expected: &'static str,
        /// The type that does.
        found: &'static str,
    },
    /// A required member is absent.
    #[error("the member {name:?} is required")]
    Missing {
        /// Its name.
        name: &'static str,
    },
    /// The mapping is over its size.
    #[error("{size_bytes} bytes; a mapping has at most {limit}")]
    TooLarge {
        /// The size as compact JSON.
        size_bytes: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// The mapping is nested too deeply.
    #[error("nested deeper than {limit} levels")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// The mapping has too many placeholders in all.
    #[error("{count} placeholders; a mapping has at most {limit}")]
    TooManyPlaceholders {
        /// How many there are.
        count: usize,
        /// The limit.
        limit: usize,
    },
    /// A text with placeholders is malformed.
    #[error(transparent)]
    Template(#[from] TemplateFault),
    /// A path into a reply is malformed.
    #[error(transparent)]
    Path(#[from] PathFault),
    /// The endpoint may not be called.
    #[error(transparent)]
    Endpoint(#[from] EndpointFault),
    /// A filter or a source names a map that `maps` lacks.
    #[error("there is no map {name:?} in maps")]
    UnknownMap {
        /// The name.
        name: String,
    },
    /// `{item}` or `{index}` outside a `$do`.
    #[error("{{{name}}} stands only inside a $do")]
    OutsideEach {
        /// The name.
        name: String,
    },
    /// `{api_key}` where no mapping, or not this one, may have it.
    #[error("{{api_key}} may stand only in a header or query, and only where the provider says so")]
    KeyNotAllowed,
    /// `{api_key}` twice in one header or query value, or with a filter or hint.
    #[error("{{api_key}} stands once in a value, without hint or filter")]
    KeyMisused,
    /// A header that the provider's auth scheme sends, in another form.
    #[error("the provider's auth scheme sends this {what}; leave it out")]
    AuthCovered {
        /// `header` or `query parameter`.
        what: &'static str,
    },
    /// A header that only the sender may set, or that is not a header name.
    #[error("the header {name:?} cannot be set by a mapping")]
    Header {
        /// Its name.
        name: String,
    },
    /// A fixed header value with a character that headers cannot carry.
    #[error("a header value is visible ASCII, spaces and tabs")]
    HeaderValue,
    /// A `content-type` that contradicts `body_kind`.
    #[error("the content type {found:?} does not fit the body kind {kind}")]
    ContentType {
        /// What the header says.
        found: String,
        /// What `body_kind` says.
        kind: &'static str,
    },
    /// A number outside its bounds.
    #[error("must be a whole number from {min} to {max}")]
    OutOfBounds {
        /// The smallest.
        min: u64,
        /// The largest.
        max: u64,
    },
    /// A path into the body of a reply that has no JSON body.
    #[error("a reply of kind bytes has no JSON body; only constants and headers can be read")]
    NoBody,
    /// A declared or defaulted name that options may not set, or no name at all.
    #[error("{name:?} cannot be a variable here")]
    Name {
        /// The name.
        name: String,
    },
    /// A default that its own declaration refuses.
    #[error(transparent)]
    Default(#[from] VariableError),
    /// A declared bound that makes no sense.
    #[error("{reason}")]
    Declaration {
        /// Why.
        reason: &'static str,
    },
    /// An example does not hold: each difference on a line of its own.
    #[error("{diff}")]
    Example {
        /// What was expected and what came.
        diff: String,
    },
}

/// Collects the faults of one mapping.
#[derive(Default)]
pub(crate) struct Issues {
    list: Vec<MappingIssue>,
}

impl Issues {
    pub(crate) fn add(&mut self, pointer: &str, fault: impl Into<MappingFault>) {
        self.list.push(MappingIssue { pointer: pointer.to_owned(), fault: fault.into() });
    }

    /// Ends the collection: the value if nothing was found.
    pub(crate) fn or<T>(self, value: T) -> Result<T, Vec<MappingIssue>> {
        if self.list.is_empty() { Ok(value) } else { Err(self.list) }
    }

    pub(crate) fn into_list(self) -> Vec<MappingIssue> {
        self.list
    }
}

/// Extends a JSON Pointer by one member name or index.
pub(crate) fn at(pointer: &str, token: impl core::fmt::Display) -> String {
    let token = token.to_string().replace('~', "~0").replace('/', "~1");
    format!("{pointer}/{token}")
}
