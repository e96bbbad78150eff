//! The query of a request: what it may hold, and everything that is wrong with it at once.

use std::collections::BTreeMap;

use axum::extract::{FromRequestParts, Query};
use http::request::Parts;

use super::error::{ApiError, Code};
use crate::{
    ids::BadId,
    protocols::FieldIssue,
    store::{
        Activity,
        pages::{BadPage, PageQuery},
    },
};

/// The parameters that have not been read yet.
pub struct Filters {
    issues: Vec<FieldIssue>,
    known: Vec<&'static str>,
    rest: BTreeMap<String, String>,
}

impl<S: Send + Sync> FromRequestParts<S> for Filters {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let wrong = |cause: String| {
            ApiError::new(Code::InvalidRequest, "the query cannot be read").because(cause)
        };
        let read = Query::<Vec<(String, String)>>::from_request_parts(parts, state).await;
        let Query(pairs) = read.map_err(|err| wrong(err.to_string()))?;
        let mut filters = Self { issues: Vec::new(), known: Vec::new(), rest: BTreeMap::new() };
        for (name, value) in pairs {
            if filters.rest.contains_key(&name) {
                filters.wrong(&name, "given twice");
            }
            filters.rest.insert(name, value);
        }
        Ok(filters)
    }
}

impl Filters {
    /// A parameter as it stands.
    pub fn text(&mut self, name: &'static str) -> Option<String> {
        self.known.push(name);
        self.rest.remove(name)
    }

    /// A parameter that is an id.
    pub fn id<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, BadId>,
    ) -> Option<T> {
        match parse(&self.text(name)?) {
            Ok(id) => Some(id),
            Err(err) => {
                self.wrong(name, &err.to_string());
                None
            }
        }
    }

    /// A parameter that is one of some words.
    pub fn word(&mut self, name: &'static str, words: &[&'static str]) -> Option<&'static str> {
        let given = self.text(name)?;
        let found = words.iter().find(|word| **word == given).copied();
        if found.is_none() {
            self.wrong(name, &format!("expected {}", words.join(" or ")));
        }
        found
    }

    /// A parameter that `parse` reads; `expected` says what it takes.
    pub fn one_of<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
        expected: impl FnOnce() -> String,
    ) -> Option<T> {
        let read = parse(&self.text(name)?);
        if read.is_none() {
            self.wrong(name, &format!("expected {}", expected()));
        }
        read
    }

    /// `?status=`.
    pub fn status(&mut self) -> Option<Activity> {
        self.word("status", &["active", "suspended"]).and_then(Activity::parse)
    }

    /// A parameter that is `true` or `false`; false if absent.
    pub fn flag(&mut self, name: &'static str) -> bool {
        self.word(name, &["false", "true"]) == Some("true")
    }

    /// `?limit=` and `?cursor=`.
    pub fn page(&mut self) -> PageQuery {
        let (limit, cursor) = (self.text("limit"), self.text("cursor"));
        PageQuery::parse(limit.as_deref(), cursor.as_deref()).unwrap_or_else(|err| {
            let name = match err {
                BadPage::Cursor => "cursor",
                BadPage::Limit => "limit",
            };
            self.wrong(name, &err.to_string());
            PageQuery::default()
        })
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// `VALIDATION_ERROR` with all that was wrong, and each parameter that nobody asked for.
    pub fn finish(mut self) -> Result<(), ApiError> {
        let reason = match self.known.as_slice() {
            [] => "unknown; there are none here".to_owned(),
            known => format!("unknown; there are {}", known.join(", ")),
        };
        for name in std::mem::take(&mut self.rest).into_keys() {
            self.wrong(&name, &reason);
        }
        if self.issues.is_empty() { Ok(()) } else { Err(ApiError::fields(&self.issues)) }
    }

    fn wrong(&mut self, name: &str, reason: &str) {
        self.issues.push(FieldIssue { pointer: format!("?{name}"), reason: reason.to_owned() });
    }
}
