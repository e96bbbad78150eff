//! Filling templates: where a value comes from, and what hints and filters make of it.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::budget::{Budget, Sized, Work};
use super::filter::{Filter, Maps, Resolved, scalar_text};
use super::render::RenderError;
use super::template::{Part, Slot};
use super::variables::{Datum, Variables};

/// The item of the innermost `$each`, if there is one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame<'a> {
    pub(crate) item: Option<(&'a Value, usize)>,
}

impl Frame<'_> {
    pub(crate) const OUTSIDE: Frame<'static> = Frame { item: None };
}

/// The outcome of filling a text.
pub(crate) enum Filled {
    Missing { name: String, optional: bool },
    Text(String),
}

impl Filled {
    pub(crate) fn required(self) -> Result<String, RenderError> {
        match self {
            Self::Missing { name, .. } => Err(RenderError::Missing { name }),
            Self::Text(text) => Ok(text),
        }
    }
}

/// One rendering: where values come from, and what may still be written.
pub(crate) struct Renderer<'a> {
    pub(crate) budget: Budget,
    maps: &'a Maps,
    variables: &'a Variables,
}

impl<'a> Renderer<'a> {
    pub(crate) fn new(maps: &'a Maps, variables: &'a Variables) -> Self {
        Self { budget: Budget::whole(), maps, variables }
    }

    /// Finds the value of a placeholder, converted and filtered. `None`: it has no value.
    ///
    /// What hints and filters make is within the budget, and nothing of it is taken.
    pub(crate) fn resolve<'r>(
        &mut self,
        slot: &Slot,
        frame: Frame<'r>,
    ) -> Result<Option<Resolved<'r>>, RenderError>
    where
        'a: 'r,
    {
        let found = match (slot.name.as_str(), frame.item) {
            ("item", Some((item, _))) => Some(Resolved::Json(Cow::Borrowed(item))),
            ("index", Some((_, index))) => Some(Resolved::Json(Cow::Owned(index.into()))),
            (name, _) => self.variables.find(name).map(|datum| match datum {
                Datum::File(file) => Resolved::File(file),
                Datum::Json(value) => Resolved::Json(Cow::Borrowed(value)),
            }),
        };
        let found = found.and_then(|found| below(found, &slot.members));
        let Some(mut value) = found else { return Ok(None) };
        let is_file = matches!(value, Resolved::File(_));
        if let Some(hint) = slot.hint {
            self.budget.filter(Work::of_hint(hint, &value))?;
            value = value.convert(hint, &slot.name)?;
            if let Resolved::Json(Cow::Owned(made)) = &value {
                self.budget.filter(Work { read: 0, written: Sized::of(made) })?;
            }
        }
        for filter in &slot.filters {
            let work = Work::of_filter(filter, &value, self.maps);
            let written = if is_file { work.written.of_file() } else { work.written };
            self.budget.filter(Work { written, ..work })?;
            match value.filter(filter, &slot.name, self.maps)? {
                Some(filtered) => value = filtered,
                None => return Ok(None),
            }
        }
        Ok(Some(value))
    }

    /// Renders a placeholder that stands alone: its value with its type.
    pub(crate) fn lone(
        &mut self,
        slot: &Slot,
        frame: Frame<'_>,
    ) -> Result<Option<Value>, RenderError> {
        let Some(resolved) = self.resolve(slot, frame)? else { return Ok(None) };
        match resolved {
            Resolved::Json(value) => {
                let size = Sized::of(&value);
                let is_file = resolved_file_text(slot, self.variables);
                self.budget.take(if is_file { size.of_file() } else { size })?;
                Ok(Some(value.into_owned()))
            }
            Resolved::File(file) => {
                let head = format!("data:{};base64,", file.content_type);
                let work = Work::of_filter(&Filter::Base64, &resolved, self.maps);
                self.budget.take(work.written)?;
                self.budget.take(Sized { counted: 0, spliced: head.len() })?;
                Ok(Some(Value::String(head + &STANDARD.encode(&file.data))))
            }
        }
    }

    /// Renders placeholders in text.
    pub(crate) fn text(&mut self, parts: &[Part], frame: Frame<'_>) -> Result<Filled, RenderError> {
        let mut filled = String::new();
        for part in parts {
            let slot = match part {
                Part::Literal(text) => {
                    self.budget.take_bytes(text.len())?;
                    filled.push_str(text);
                    continue;
                }
                Part::Slot(slot) => slot,
            };
            let Some(value) = self.resolve(slot, frame)? else {
                return Ok(Filled::Missing { name: slot.name.clone(), optional: slot.optional });
            };
            let text = value.json().and_then(scalar_text);
            let text = text.ok_or_else(|| RenderError::NotText { name: slot.name.clone() })?;
            self.budget.take_bytes(text.len())?;
            filled.push_str(&text);
        }
        Ok(Filled::Text(filled))
    }
}

impl Resolved<'_> {
    pub(crate) fn json(&self) -> Option<&Value> {
        match self {
            Self::File(_) => None,
            Self::Json(value) => Some(value),
        }
    }
}

/// Whether a placeholder writes a file, as a data URL or in base64.
fn resolved_file_text(slot: &Slot, variables: &Variables) -> bool {
    matches!(variables.find(&slot.name), Some(Datum::File(_)))
}

fn below<'r>(value: Resolved<'r>, members: &[String]) -> Option<Resolved<'r>> {
    match value {
        Resolved::File(_) => members.is_empty().then_some(value),
        Resolved::Json(Cow::Borrowed(value)) => {
            let found = members.iter().try_fold(value, |value, member| step(value, member));
            found.filter(|value| !value.is_null()).map(|value| Resolved::Json(Cow::Borrowed(value)))
        }
        // Only `{index}` is owned here, and a number has no members.
        Resolved::Json(Cow::Owned(_)) => members.is_empty().then_some(value),
    }
}

fn step<'v>(value: &'v Value, member: &str) -> Option<&'v Value> {
    match value {
        Value::Array(items) => items.get(member.parse::<usize>().ok()?),
        Value::Object(members) => members.get(member),
        Value::Bool(_) | Value::Null | Value::Number(_) | Value::String(_) => None,
    }
}
