//! From a mapping and its variables to one request, without the key.
//!
//! A value is put in once and never looked at again: a prompt that contains `{api_key}` stays a
//! prompt. What is rendered is counted before it grows, also between filters and where it only decides
//! a `$if`, so a mapping that repeats a large value ends at the limit and not at the memory of the
//! isolate.

use serde_json::{Map, Value};
use url::Url;

use super::PayloadMapping;
use super::body::Node;
use super::budget::Sized;
use super::encode::{Part as BodyPart, PartValue, RenderedBody};
use super::endpoint::{Endpoint, EndpointFault};
use super::fill::{Filled, Frame, Renderer};
use super::filter::{Resolved, scalar_text};
use super::template::Part;
use super::variables::Variables;

/// The most that a request may measure in bytes, files and data URLs apart.
pub const MAX_RENDERED: usize = 1 << 20;
/// The most that its files and data URLs may measure in bytes, as they are sent.
pub const MAX_SPLICED: usize = 64 << 20;

/// The most that hints and filters of one request may read, or write where that is more, in bytes.
///
/// Each byte that is sent may be filtered twice; what is filtered in a loop and not sent has its end here.
pub const MAX_FILTERED: usize = 2 * MAX_SPLICED;

/// Why a request cannot be made of these variables.
///
/// The caller's fault, and not worth a retry; `Url` and the three limits may be the mapping's.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RenderError {
    /// The whole body went for want of a value.
    #[error("the body has no value at all")]
    BodyDropped,
    /// A value that a type hint refuses.
    #[error("{name} cannot be read as {hint}: it is {found}")]
    Conversion {
        /// The variable.
        name: String,
        /// The hint.
        hint: &'static str,
        /// The type of the value.
        found: &'static str,
    },
    /// A value that a filter does not take.
    #[error("the filter {filter} does not take {name}: it is {found}")]
    Filter {
        /// The variable.
        name: String,
        /// The filter.
        filter: &'static str,
        /// The type of the value.
        found: &'static str,
    },
    /// A value that a header cannot carry.
    #[error("the header {name} would contain a character that headers cannot carry")]
    HeaderValue {
        /// The header.
        name: String,
    },
    /// An endpoint, header or query needs a value that nobody gave.
    #[error("{name} is missing")]
    Missing {
        /// The variable.
        name: String,
    },
    /// A value without a row in a map that has no default row.
    #[error("{value:?} is not a value of {name}; {map} knows {rows}")]
    NoRow {
        /// The variable.
        name: String,
        /// The map.
        map: String,
        /// The value, cut.
        value: String,
        /// The rows, as far as they can be shown.
        rows: String,
    },
    /// `$each` over something else than a list.
    #[error("{name} is {found}, not a list")]
    NotAList {
        /// The variable.
        name: String,
        /// The type of the value.
        found: &'static str,
    },
    /// A list, an object or a file where text is written.
    #[error("{name} cannot be written into text")]
    NotText {
        /// The variable, or the field of a form.
        name: String,
    },
    /// The request is over its size.
    #[error("the request is over {limit} bytes, files apart")]
    TooLarge {
        /// The limit.
        limit: usize,
    },
    /// The files of the request are over their size.
    #[error("the files of the request are over {limit} bytes")]
    SplicedTooLarge {
        /// The limit.
        limit: usize,
    },
    /// Hints and filters have worked too much.
    #[error("the mapping's hints and filters read more than {limit} bytes")]
    TooMuchFiltered {
        /// The limit.
        limit: usize,
    },
    /// With the values filled in, the URL is none that may be called.
    #[error(transparent)]
    Url(#[from] EndpointFault),
}

/// A request, complete but for the key.
#[derive(Clone, Debug, PartialEq)]
pub struct RenderedRequest {
    /// The method.
    pub method: http::Method,
    /// The URL: at the provider's origin, values percent-encoded.
    pub url: Url,
    /// The mapping's headers, names in lower case; `content-type` comes with the encoded body.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: RenderedBody,
    /// Where the mapping itself wants the key. Empty: the provider's auth scheme adds it.
    pub key_at: Vec<KeyPlace>,
}

/// A header or query pair that exists only once the key is in it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum KeyPlace {
    /// The header `name: {before}{key}{after}`.
    Header {
        /// Its name, in lower case.
        name: String,
        /// What stands before the key.
        before: String,
        /// What stands after it.
        after: String,
    },
    /// The query pair `name={before}{key}{after}`, not yet encoded.
    Query {
        /// Its name.
        name: String,
        /// What stands before the key.
        before: String,
        /// What stands after it.
        after: String,
    },
}

impl RenderedRequest {
    /// Puts the key where the mapping wants it; the last step before sending.
    ///
    /// The caller checks that the key can stand in a header.
    pub fn insert_key(&mut self, key: &str) {
        for place in core::mem::take(&mut self.key_at) {
            match place {
                KeyPlace::Header { name, before, after } => {
                    self.headers.push((name, format!("{before}{key}{after}")));
                }
                KeyPlace::Query { name, before, after } => {
                    let value = format!("{before}{key}{after}");
                    self.url.query_pairs_mut().append_pair(&name, &value);
                }
            }
        }
    }
}

/// A header or query value, split where the key goes.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) before: Vec<Part>,
    /// What follows the key; `None` in a field without one.
    pub(crate) after: Option<Vec<Part>>,
}

/// A request but for its body: where to, how, and with which headers.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(crate) endpoint: Endpoint,
    pub(crate) headers: Vec<Field>,
    pub(crate) method: http::Method,
    pub(crate) query: Vec<Field>,
}

impl Head {
    /// Renders a request without a body.
    pub(crate) fn render(
        &self,
        renderer: &mut Renderer<'_>,
    ) -> Result<RenderedRequest, RenderError> {
        let mut url = self.endpoint.render(renderer)?;
        let mut key_at = Vec::new();
        for field in &self.query {
            let before = match renderer.text(&field.before, Frame::OUTSIDE)? {
                Filled::Missing { optional: true, .. } => continue,
                filled => filled.required()?,
            };
            let name = field.name.clone();
            match &field.after {
                None => drop(url.query_pairs_mut().append_pair(&name, &before)),
                Some(after) => {
                    let after = match renderer.text(after, Frame::OUTSIDE)? {
                        Filled::Missing { optional: true, .. } => continue,
                        filled => filled.required()?,
                    };
                    key_at.push(KeyPlace::Query { name, before, after });
                }
            }
        }
        let mut headers = Vec::with_capacity(self.headers.len());
        for field in &self.headers {
            let name = field.name.clone();
            let before = header_text(&field.before, &name, renderer)?;
            match &field.after {
                None => headers.push((name, before)),
                Some(after) => {
                    let after = header_text(after, &name, renderer)?;
                    key_at.push(KeyPlace::Header { name, before, after });
                }
            }
        }
        let (body, method) = (RenderedBody::None, self.method.clone());
        Ok(RenderedRequest { method, url, headers, body, key_at })
    }
}

/// Renders the whole request.
pub(crate) fn request(
    mapping: &PayloadMapping,
    variables: &Variables,
) -> Result<RenderedRequest, RenderError> {
    let mut renderer = Renderer::new(&mapping.maps, variables);
    let head = mapping.head.render(&mut renderer)?;
    let body = match (&mapping.body, mapping.body_kind) {
        (None, _) | (_, BodyKind::None) => RenderedBody::None,
        (Some(body), BodyKind::Json) => {
            let value = body.render(&mut renderer, Frame::OUTSIDE)?;
            RenderedBody::Json {
                content_type: mapping.content_type.clone(),
                value: value.ok_or(RenderError::BodyDropped)?,
            }
        }
        (Some(body), BodyKind::Form) => {
            let parts = fields(body, &mut renderer)?.into_iter();
            let pairs = parts.map(|part| match part.value {
                PartValue::File(_) => Err(RenderError::NotText { name: part.name }),
                PartValue::Text(text) => Ok((part.name, text)),
            });
            RenderedBody::Form(pairs.collect::<Result<_, _>>()?)
        }
        (Some(body), BodyKind::Multipart) => RenderedBody::Multipart(fields(body, &mut renderer)?),
    };
    Ok(RenderedRequest { body, ..head })
}

/// What the body is written as.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum BodyKind {
    Form,
    Json,
    Multipart,
    None,
}

fn header_text(
    parts: &[Part],
    name: &str,
    renderer: &mut Renderer<'_>,
) -> Result<String, RenderError> {
    let text = renderer.text(parts, Frame::OUTSIDE)?.required()?;
    if is_header_text(&text) {
        Ok(text)
    } else {
        Err(RenderError::HeaderValue { name: name.to_owned() })
    }
}

/// Whether a header can carry the text: visible ASCII, spaces and tabs.
pub(crate) fn is_header_text(text: &str) -> bool {
    text.bytes().all(|byte| byte == b'\t' || (b' '..=b'~').contains(&byte))
}

/// The fields of a form: an object of scalars, files and lists of scalars.
fn fields(body: &Node, renderer: &mut Renderer<'_>) -> Result<Vec<BodyPart>, RenderError> {
    let mut parts = Vec::new();
    let mut rest = Map::new();
    if let Node::Object { condition: None, members } = body {
        for (name, node) in members {
            let file = match node {
                Node::Lone(slot) => renderer.resolve(slot, Frame::OUTSIDE)?,
                _ => None,
            };
            if let Some(Resolved::File(file)) = file {
                renderer.budget.take(Sized { counted: name.len(), spliced: file.data.len() })?;
                parts.push(BodyPart { name: name.clone(), value: PartValue::File(file.clone()) });
            } else if let Some(value) = node.render(renderer, Frame::OUTSIDE)? {
                push_field(&mut parts, name, &value)?;
            }
        }
    } else {
        if let Some(Value::Object(members)) = body.render(renderer, Frame::OUTSIDE)? {
            rest = members;
        }
        for (name, value) in &rest {
            push_field(&mut parts, name, value)?;
        }
    }
    Ok(parts)
}

fn push_field(parts: &mut Vec<BodyPart>, name: &str, value: &Value) -> Result<(), RenderError> {
    let items = match value {
        Value::Array(items) => items.as_slice(),
        single => core::slice::from_ref(single),
    };
    for item in items {
        let text = scalar_text(item);
        let text = text.ok_or_else(|| RenderError::NotText { name: name.to_owned() })?;
        let value = PartValue::Text(text.into_owned());
        parts.push(BodyPart { name: name.to_owned(), value });
    }
    Ok(())
}
