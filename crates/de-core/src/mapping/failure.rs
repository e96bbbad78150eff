//! A vendor's error body: where message and code stand, and what the codes mean.

use serde::Serialize;
use serde_json::Value;

use super::filter::scalar_text;
use super::reply::Source;

/// How error bodies are read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Failure {
    pub(crate) code: Option<Source>,
    pub(crate) message: Option<Source>,
    pub(crate) refusal_on: Vec<String>,
    pub(crate) retry_on: Vec<String>,
}

/// What an error body says.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct MappedError {
    /// The vendor's words: not for the caller before secrets are masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The vendor's code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The code means that trying again may help. `false`: the HTTP status decides.
    pub retry: bool,
    /// The code means that the vendor refused for safety.
    pub refusal: bool,
}

impl Failure {
    pub(crate) fn read(&self, headers: &[(String, String)], body: &Value) -> MappedError {
        let text = |source: &Option<Source>| {
            let found = source.as_ref()?.find(headers, body);
            found.iter().find_map(|value| scalar_text(value).map(|text| text.into_owned()))
        };
        let code = text(&self.code);
        let listed = |list: &[String]| code.as_ref().is_some_and(|code| list.contains(code));
        MappedError {
            message: text(&self.message),
            retry: listed(&self.retry_on),
            refusal: listed(&self.refusal_on),
            code,
        }
    }
}
