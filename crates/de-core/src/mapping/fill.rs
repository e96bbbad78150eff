//! Filling templates: where a value comes from, and how much may still be written.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::filter::{Maps, Resolved, scalar_text};
use super::render::{MAX_RENDERED, MAX_SPLICED, RenderError};
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

/// How large a value is as JSON: what counts, and what is spliced in and does not.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sized {
    pub(crate) counted: usize,
    pub(crate) spliced: usize,
}

impl Sized {
    /// Measures a value, about; escapes are not counted.
    pub(crate) fn of(value: &Value) -> Self {
        let mut size = Self::default();
        size.add(value);
        size
    }

    fn add(&mut self, value: &Value) {
        match value {
            Value::Null | Value::Bool(_) => self.counted += 5,
            Value::Number(_) => self.counted += 8,
            Value::String(text) if text.starts_with("data:") => self.spliced += text.len(),
            Value::String(text) => self.counted += text.len() + 2,
            Value::Array(items) => {
                self.counted += 2 + items.len();
                items.iter().for_each(|item| self.add(item));
            }
            Value::Object(members) => {
                self.counted += 2;
                for (name, member) in members {
                    self.counted += name.len() + 4;
                    self.add(member);
                }
            }
        }
    }
}

/// What may still be rendered.
#[derive(Debug)]
pub(crate) struct Budget {
    counted: usize,
    spliced: usize,
}

impl Budget {
    pub(crate) fn take(&mut self, size: Sized) -> Result<(), RenderError> {
        self.take_bytes(size.counted)?;
        let left = self.spliced.checked_sub(size.spliced);
        self.spliced = left.ok_or(RenderError::SplicedTooLarge { limit: MAX_SPLICED })?;
        Ok(())
    }

    pub(crate) fn take_bytes(&mut self, counted: usize) -> Result<(), RenderError> {
        let left = self.counted.checked_sub(counted);
        self.counted = left.ok_or(RenderError::TooLarge { limit: MAX_RENDERED })?;
        Ok(())
    }
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
        let budget = Budget { counted: MAX_RENDERED, spliced: MAX_SPLICED };
        Self { budget, maps, variables }
    }

    /// Finds the value of a placeholder, converted and filtered. `None`: it has no value.
    pub(crate) fn resolve<'r>(
        &self,
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
        if let Some(hint) = slot.hint {
            value = value.convert(hint, &slot.name)?;
        }
        for filter in &slot.filters {
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
        let value = match resolved {
            Resolved::Json(value) => value.into_owned(),
            Resolved::File(file) => {
                let data = STANDARD.encode(&file.data);
                Value::String(format!("data:{};base64,{data}", file.content_type))
            }
        };
        self.budget.take(match resolved_file_text(slot, self.variables) {
            true => Sized { counted: 0, spliced: value.as_str().map_or(0, str::len) },
            false => Sized::of(&value),
        })?;
        Ok(Some(value))
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
