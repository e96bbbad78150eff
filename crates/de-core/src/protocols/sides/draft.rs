//! A request in a vendor's form, on its way to the exchange.

use bytes::Bytes;
use http::{HeaderMap, Method};
use serde_json::Value;
use url::Url;

use crate::{
    json,
    mapping::{poll::Polling, render::KeyPlace},
    protocols::FieldIssue,
};

/// A request in the vendor's form, still without base URL and key.
#[derive(Clone, Debug)]
pub struct Draft {
    /// As it is sent.
    pub body: Bytes,
    /// What the caller said and the request does not, with the places in the caller's own words.
    pub dropped: Vec<FieldIssue>,
    /// Headers of the protocol, `content-type` among them.
    pub headers: HeaderMap,
    /// Where a mapping itself wants the key; nearly always empty: the provider's scheme adds it.
    pub key_at: Vec<KeyPlace>,
    /// Nearly always POST.
    pub method: Method,
    /// Where to.
    pub place: Place,
    /// How the answer is waited for, where the vendor takes an order and is polled.
    pub polling: Option<Polling>,
    /// Whether the caller is also told why each of [`Draft::dropped`] was left out.
    pub warns: bool,
}

/// Where a request goes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Place {
    /// Under the provider's base URL: `/chat/completions`.
    Path(String),
    /// Elsewhere on one of the provider's allowed hosts.
    Url(Url),
}

impl Draft {
    /// A GET of a path under the base URL, which may have a query.
    #[must_use]
    pub fn get(path: String) -> Self {
        Self {
            body: Bytes::new(),
            dropped: Vec::new(),
            headers: HeaderMap::new(),
            key_at: Vec::new(),
            method: Method::GET,
            place: Place::Path(path),
            polling: None,
            warns: false,
        }
    }

    /// A POST of JSON to a path under the base URL.
    #[must_use]
    pub fn json(path: &str, body: &Value) -> Self {
        Self::text(path, json::text(body).into())
    }

    /// A POST of a text that is JSON to a path under the base URL.
    #[must_use]
    pub fn text(path: &str, body: Bytes) -> Self {
        let mut headers = HeaderMap::new();
        headers
            .insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
        Self {
            body,
            dropped: Vec::new(),
            headers,
            key_at: Vec::new(),
            method: Method::POST,
            place: Place::Path(path.to_owned()),
            polling: None,
            warns: false,
        }
    }
}
