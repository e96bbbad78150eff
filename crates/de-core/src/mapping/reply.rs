//! From a vendor's reply to the names that workers and pages understand.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::{Map, Value};

use super::filter::scalar_text;
use super::path::Path;
use crate::json;

/// Where a value of a reply comes from.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    Const(Value),
    /// One picture an item: only for `images`.
    Each(Box<Each>),
    /// The first source that finds something.
    FirstOf(Vec<Source>),
    Look {
        from: From,
        default: Option<Value>,
        map: Option<Map<String, Value>>,
    },
}

/// Where pictures are read that stand in a list, each with what belongs to it.
#[derive(Clone, Debug)]
pub(crate) struct Each {
    pub(crate) b64: Option<Source>,
    pub(crate) items: Path,
    pub(crate) revised_prompt: Option<Source>,
    pub(crate) seed: Option<Source>,
    pub(crate) url: Option<Source>,
}

impl Each {
    /// Reads the pictures, in order.
    fn read(&self, body: &Value) -> Result<Vec<Picture>, ReplyError> {
        self.items.find(body).into_iter().map(|item| self.picture(item)).collect()
    }

    fn picture(&self, item: &Value) -> Result<Picture, ReplyError> {
        let text = |source: &Option<Source>| match source {
            Some(source) => first("images", &source.find(&[], item)),
            None => Ok(None),
        };
        let (b64, url) = (text(&self.b64)?, text(&self.url)?);
        let seed = self.seed.as_ref().and_then(|seed| seed.find(&[], item).first()?.as_u64());
        let held_back = b64.is_none() && url.is_none();
        let revised_prompt = text(&self.revised_prompt)?;
        Ok(Picture { b64, held_back, revised_prompt, seed, url })
    }
}

/// One picture of a reply.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Picture {
    /// The picture in base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub b64: Option<String>,
    /// Whether the vendor made it and gives it to nobody: it has neither `b64` nor `url`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub held_back: bool,
    /// The prompt as the vendor rewrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revised_prompt: Option<String>,
    /// What it could be made from again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Where it is, at the vendor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// Where a source looks.
#[derive(Clone, Debug)]
pub(crate) enum From {
    /// A response header, by its name in lower case.
    Header(String),
    Path(Path),
}

impl Source {
    /// Finds the values, in order, none of them null.
    pub(crate) fn find<'v>(
        &'v self,
        headers: &'v [(String, String)],
        body: &'v Value,
    ) -> Vec<Cow<'v, Value>> {
        let (from, default, map) = match self {
            Self::Const(Value::Null) | Self::Each(_) => return Vec::new(),
            Self::Const(value) => return vec![Cow::Borrowed(value)],
            Self::FirstOf(sources) => {
                let found = sources.iter().map(|source| source.find(headers, body));
                return found.into_iter().find(|found| !found.is_empty()).unwrap_or_default();
            }
            Self::Look { from, default, map } => (from, default, map),
        };
        let mut found: Vec<Cow<'v, Value>> = match from {
            From::Path(path) => path.find(body).into_iter().map(Cow::Borrowed).collect(),
            From::Header(name) => headers
                .iter()
                .filter(|(header, _)| header.eq_ignore_ascii_case(name))
                .map(|(_, value)| Cow::Owned(Value::String(value.clone())))
                .collect(),
        };
        if let Some(rows) = map {
            for value in &mut found {
                let row = scalar_text(value).and_then(|key| rows.get(key.as_ref()));
                // A paid reply is not lost over a word that the mapping does not know.
                if let Some(row) = row.or_else(|| rows.get("*")) {
                    *value = Cow::Borrowed(row);
                }
            }
            found.retain(|value| !value.is_null());
        }
        match default {
            Some(default) if found.is_empty() => vec![Cow::Borrowed(default)],
            _ => found,
        }
    }
}

/// Why a reply is not what the mapping says. The vendor's fault or the mapping's.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ReplyError {
    /// An event of a stream is not JSON.
    #[error("an event is not JSON")]
    EventNotJson {
        /// What the parser says.
        #[source]
        source: json::JsonError,
    },
    /// The status says that this is an error body; read it with `error`.
    #[error("the vendor answered {status}")]
    Status {
        /// The HTTP status.
        status: u16,
    },
    /// A field holds a value of the wrong type.
    #[error("{field} should be {expected}, the reply has {found}")]
    WrongType {
        /// The canonical name.
        field: &'static str,
        /// What it should be.
        expected: &'static str,
        /// What the reply has.
        found: &'static str,
    },
}

/// What a reply says, under canonical names. Absent: the reply or the mapping does not say.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct MappedReply {
    /// The text; several matches are joined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Why generation ended, in the vendor's word or the mapping's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finish_reason: Option<String>,
    /// The model that answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Input tokens, cached ones included; several matches are added.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_tokens: Option<u64>,
    /// Output tokens; several matches are added.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<u64>,
    /// Input tokens that the vendor's cache served.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cached_tokens: Option<u64>,
    /// Tokens in all; several matches are added.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens_used: Option<u64>,
    /// The first image's URL, at the vendor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_url: Option<String>,
    /// All images' URLs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<String>,
    /// All images with what belongs to each, where the mapping reads them one by one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pictures: Vec<Picture>,
    /// Images or audio in base64.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub b64: Vec<String>,
    /// The prompt as the vendor rewrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revised_prompt: Option<String>,
    /// The audio's URL, at the vendor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audio_url: Option<String>,
    /// The video's URL, at the vendor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub video_url: Option<String>,
    /// The vendor's id of a job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
    /// The job's state, in the vendor's word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// The job's progress, in the vendor's unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress: Option<f64>,
    /// What went wrong, in the vendor's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
    /// What the vendor says it costs, in US dollars.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<f64>,
    /// All other names: one match is the value, several are a list.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub metadata: Map<String, Value>,
}

impl MappedReply {
    /// Fills every field of a mapping.
    pub(crate) fn read(
        mapping: &[(String, Source)],
        headers: &[(String, String)],
        body: &Value,
    ) -> Result<Self, ReplyError> {
        let mut reply = Self::default();
        for (name, source) in mapping {
            match source {
                Source::Each(each) => reply.pictures = each.read(body)?,
                source => reply.set(name, source.find(headers, body))?,
            }
        }
        Ok(reply)
    }

    /// Whether it holds what a model makes: text, images, sound or film.
    #[must_use]
    pub fn has_result(&self) -> bool {
        self.text.is_some()
            || self.image_url.is_some()
            || !self.images.is_empty()
            || !self.pictures.is_empty()
            || !self.b64.is_empty()
            || self.audio_url.is_some()
            || self.video_url.is_some()
    }

    /// Fills one field. `name` is canonical, or it goes into the metadata.
    pub(crate) fn set(&mut self, name: &str, found: Vec<Cow<'_, Value>>) -> Result<(), ReplyError> {
        if found.is_empty() {
            return Ok(());
        }
        match name {
            "text" => self.text = Some(texts("text", &found)?.concat()),
            "finish_reason" => self.finish_reason = first("finish_reason", &found)?,
            "model" => self.model = first("model", &found)?,
            "input_tokens" => self.input_tokens = count(&found),
            "output_tokens" => self.output_tokens = count(&found),
            "cached_tokens" => self.cached_tokens = count(&found),
            "tokens_used" => self.tokens_used = count(&found),
            "image_url" => self.image_url = first("image_url", &found)?,
            "images" => self.images = texts("images", &flat(&found))?,
            "b64" => self.b64 = texts("b64", &flat(&found))?,
            "revised_prompt" => self.revised_prompt = first("revised_prompt", &found)?,
            "audio_url" => self.audio_url = first("audio_url", &found)?,
            "video_url" => self.video_url = first("video_url", &found)?,
            "job_id" => self.job_id = first("job_id", &found)?,
            "status" => self.status = first("status", &found)?,
            "progress" => self.progress = number(&found),
            "error_message" => self.error_message = first("error_message", &found)?,
            "cost" => self.cost = number(&found),
            other => {
                let mut values: Vec<Value> = found.into_iter().map(Cow::into_owned).collect();
                let value = match (values.len(), values.pop()) {
                    (1, Some(only)) => only,
                    (_, last) => values.into_iter().chain(last).collect(),
                };
                self.metadata.insert(other.to_owned(), value);
            }
        }
        Ok(())
    }

    /// Whether a name is one of the canonical ones.
    #[cfg(test)]
    fn is_canonical(name: &str) -> bool {
        let mut reply = Self::default();
        let _ = reply.set(name, vec![Cow::Owned(Value::Bool(true))]);
        reply.metadata.is_empty()
    }
}

fn wrong(field: &'static str, expected: &'static str, value: &Value) -> ReplyError {
    ReplyError::WrongType { field, expected, found: json::type_name(value) }
}

fn texts(field: &'static str, found: &[Cow<'_, Value>]) -> Result<Vec<String>, ReplyError> {
    let text = |value: &Cow<'_, Value>| {
        scalar_text(value).map(Cow::into_owned).ok_or_else(|| wrong(field, "text", value))
    };
    found.iter().map(text).collect()
}

fn first(field: &'static str, found: &[Cow<'_, Value>]) -> Result<Option<String>, ReplyError> {
    Ok(texts(field, found.get(..1).unwrap_or_default())?.pop())
}

/// A list that one path found, as the items it holds.
fn flat<'v>(found: &'v [Cow<'v, Value>]) -> Vec<Cow<'v, Value>> {
    let items = |value: &'v Cow<'v, Value>| match value.as_ref() {
        Value::Array(items) => items.iter().map(Cow::Borrowed).collect(),
        single => vec![Cow::Borrowed(single)],
    };
    found.iter().flat_map(items).filter(|value| !value.is_null()).collect()
}

/// Adds whole numbers; a header's text counts as its number. What is none is passed over: a paid reply is not
/// lost over a count. `None` if nothing is left.
pub(crate) fn count(found: &[Cow<'_, Value>]) -> Option<u64> {
    let counts = found.iter().filter_map(|value| match value.as_ref() {
        Value::String(text) => json::count(&Value::Number(text.trim().parse().ok()?)),
        other => json::count(other),
    });
    counts.reduce(u64::saturating_add)
}

/// The first number, also a header's text; `None` if it is none, or below nothing.
fn number(found: &[Cow<'_, Value>]) -> Option<f64> {
    let number = match found.first()?.as_ref() {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        Value::Array(_) | Value::Bool(_) | Value::Null | Value::Object(_) => None,
    };
    number.filter(|number| number.is_finite() && *number >= 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn found(values: &[Value]) -> Vec<Cow<'_, Value>> {
        values.iter().map(Cow::Borrowed).collect()
    }

    #[test]
    fn canonical_fields_are_typed() {
        let mut reply = MappedReply::default();
        reply.set("text", found(&[json!("a"), json!("b")])).unwrap();
        reply.set("input_tokens", found(&[json!(3), json!(4.0), json!("5")])).unwrap();
        reply.set("images", found(&[json!(["u", null]), json!("v")])).unwrap();
        reply.set("job_id", found(&[json!(17)])).unwrap();
        reply.set("seed", found(&[json!(1)])).unwrap();
        reply.set("seeds", found(&[json!(1), json!(2)])).unwrap();
        let expected = json!({
            "text": "ab", "input_tokens": 12, "images": ["u", "v"], "job_id": "17",
            "metadata": {"seed": 1, "seeds": [1, 2]}
        });
        assert_eq!(serde_json::to_value(reply).unwrap(), expected);
    }

    #[test]
    fn a_wrong_type_is_an_error_and_not_a_guess() {
        let mut reply = MappedReply::default();
        assert!(reply.set("text", found(&[json!({})])).is_err());
        assert!(reply.set("image_url", found(&[json!([])])).is_err());
    }

    #[test]
    fn a_number_that_is_none_is_absent_and_loses_no_reply() {
        for bad in [json!(1.5), json!(-1), json!("many"), json!(true), json!({}), json!(1e300)] {
            let mut reply = MappedReply::default();
            reply.set("input_tokens", found(std::slice::from_ref(&bad))).unwrap();
            assert_eq!(reply.input_tokens, None, "{bad}");
        }
        for bad in [json!(-0.1), json!("much"), json!("inf"), json!([1])] {
            let mut reply = MappedReply::default();
            reply.set("cost", found(std::slice::from_ref(&bad))).unwrap();
            reply.set("progress", found(std::slice::from_ref(&bad))).unwrap();
            assert_eq!((reply.cost, reply.progress), (None, None), "{bad}");
        }
        let mut reply = MappedReply::default();
        reply.set("output_tokens", found(&[json!(-1), json!(7.0), json!(" 2 ")])).unwrap();
        assert_eq!(reply.output_tokens, Some(9));
    }

    #[test]
    fn canonical_names_are_never_metadata() {
        for name in ["text", "images", "b64", "progress", "cost", "status", "cached_tokens"] {
            assert!(MappedReply::is_canonical(name), "{name}");
        }
        assert!(!MappedReply::is_canonical("resolution"));
    }
}
