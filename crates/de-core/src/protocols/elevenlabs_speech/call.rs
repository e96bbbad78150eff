//! The caller's side: `POST /v1/text-to-speech/{voice_id}`, and `/stream`.

use serde_json::{Map, Value};

use super::super::{
    FieldIssue,
    fields::{Fields, Issues},
};
use super::{BODY, QUERY, SETTINGS, is_voice};
use crate::{calls::SpeechCall, sound::SoundFormat};

/// A request, read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ElevenLabsSpeechCall {
    /// In the canonical form.
    pub call: SpeechCall,
    /// Members that are not of the protocol as we know it, by their places: they reach vendors that speak it, and no
    /// others.
    pub extra: Vec<String>,
    /// The model or alias; absent: the protocol's usual one.
    pub model: Option<String>,
}

impl ElevenLabsSpeechCall {
    /// Reads path, query and body. How long a text may be is for the model to say.
    ///
    /// # Errors
    /// Every issue found; `?name` points into the query.
    pub fn parse(
        voice: &str,
        query: &[(String, String)],
        body: &Map<String, Value>,
    ) -> Result<Self, Vec<FieldIssue>> {
        let mut issues = Issues::default();
        if !is_voice(voice) {
            issues.add("/voice_id", "expected 1 to 64 letters, digits, - and _");
        }
        let mut options = Map::new();
        let format = read_query(query, &mut options, &mut issues);
        let body = Fields::root(body);
        let text = body.required_string("text", &mut issues).unwrap_or_default();
        if body.has("text") && text.is_empty() {
            issues.add("/text", "must not be empty");
        }
        let model = body.string("model_id", &mut issues);
        for name in BODY {
            if let Some(value) = body.value(name) {
                options.insert(name.to_owned(), value.clone());
            }
        }
        let mut extra = Vec::new();
        if let Some(settings) = body.object("voice_settings", &mut issues) {
            for (name, value) in settings.others(&[]) {
                if SETTINGS.contains(&name.as_str()) {
                    options.insert(name, value);
                } else {
                    extra.push(format!("voice_settings/{name}"));
                }
            }
        }
        let known: Vec<&str> =
            BODY.into_iter().chain(["text", "model_id", "voice_settings"]).collect();
        extra.extend(body.others(&known).keys().cloned());
        let call = SpeechCall {
            format,
            options,
            streamed: false,
            text: text.to_owned(),
            voice: Some(voice.to_owned()),
        };
        issues.or(Self { call, extra, model: model.map(str::to_owned) })
    }
}

/// Reads the query, whose members are all known; returns the format.
fn read_query(
    query: &[(String, String)],
    options: &mut Map<String, Value>,
    issues: &mut Issues,
) -> Option<String> {
    let mut format = None;
    for (name, value) in query {
        let read = match name.as_str() {
            "output_format" => {
                let known = SoundFormat::parse(value).and_then(SoundFormat::for_elevenlabs);
                format = known.map(str::to_owned);
                known.map(|_| Value::Null)
            }
            "enable_logging" => match value.as_str() {
                "true" => Some(Value::Bool(true)),
                "false" => Some(Value::Bool(false)),
                _ => None,
            },
            "optimize_streaming_latency" => value.parse::<u8>().ok().map(Value::from),
            _ => {
                let known = QUERY.join(", ");
                issues
                    .add(format!("?{name}"), format!("unknown; there are output_format, {known}"));
                continue;
            }
        };
        match read {
            Some(Value::Null) => {}
            Some(value) => drop(options.insert(name.clone(), value)),
            None => issues.add(format!("?{name}"), "is none of the values that there are"),
        }
    }
    format
}

/// Turns a vendor's issue about our fields into one about the protocol's: `/options/style` is
/// `/voice_settings/style`.
#[must_use]
pub fn issue(issue: FieldIssue) -> FieldIssue {
    let pointer = match issue.pointer.strip_prefix("/options/") {
        Some(name) if SETTINGS.contains(&name) => format!("/voice_settings/{name}"),
        Some(name) if QUERY.contains(&name) || name == "output_format" => format!("?{name}"),
        Some(name) => format!("/{name}"),
        None => issue.pointer,
    };
    FieldIssue { pointer, reason: issue.reason }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(
        voice: &str,
        query: &[(&str, &str)],
        body: Value,
    ) -> Result<ElevenLabsSpeechCall, Vec<String>> {
        let query: Vec<(String, String)> =
            query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        ElevenLabsSpeechCall::parse(voice, &query, body.as_object().unwrap())
            .map_err(|issues| issues.into_iter().map(|issue| issue.pointer).collect())
    }

    #[test]
    fn path_query_and_body_are_read() {
        let body = json!({"text": "Hi.", "model_id": "eleven_v4", "seed": 1, "new": 2,
                          "voice_settings": {"stability": 0, "odd": 1, "speed": null}});
        let query = [("output_format", "pcm_16000"), ("enable_logging", "false")];
        let read = parse("v1", &query, body).unwrap();
        assert_eq!(read.model.as_deref(), Some("eleven_v4"));
        assert_eq!(read.call.voice.as_deref(), Some("v1"));
        assert_eq!(read.call.format.as_deref(), Some("pcm_16000"));
        assert_eq!(
            Value::Object(read.call.options),
            json!({"enable_logging": false, "seed": 1, "stability": 0, "speed": null})
        );
        assert_eq!(read.extra, ["voice_settings/odd", "new"]);
        assert_eq!(parse("v1", &[], json!({"text": "Hi."})).unwrap().model, None);
    }

    #[test]
    fn every_fault_is_named() {
        let query = [
            ("output_format", "mp5"),
            ("optimize_streaming_latency", "x"),
            ("enable_logging", "1"),
            ("x", "y"),
        ];
        let body = json!({"text": "", "voice_settings": []});
        let pointers = [
            "/voice_id",
            "?output_format",
            "?optimize_streaming_latency",
            "?enable_logging",
            "?x",
            "/text",
            "/voice_settings",
        ];
        assert_eq!(parse("a.b", &query, body).unwrap_err(), pointers);
        assert_eq!(parse("a", &[], json!({})).unwrap_err(), ["/text"]);
    }

    #[test]
    fn issues_speak_of_the_protocols_members() {
        for (ours, theirs) in [
            ("/text", "/text"),
            ("/options/stability", "/voice_settings/stability"),
            ("/options/output_format", "?output_format"),
            ("/options/seed", "/seed"),
        ] {
            let of = FieldIssue { pointer: ours.to_owned(), reason: String::new() };
            assert_eq!(issue(of).pointer, theirs);
        }
    }
}
