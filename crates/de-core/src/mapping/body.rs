//! A body template: JSON with placeholders, `$if`, and `$each` with `$do`.
//!
//! Object keys are not templates. What has no value takes its object member or list item with it.

use serde_json::{Map, Value};

use super::budget::Sized;
use super::fill::{Filled, Frame, Renderer};
use super::issue::{MappingFault, at};
use super::parse::{Compiler, Place};
use super::render::RenderError;
use super::template::{Part, Slot, Template};
use crate::json;

/// One compiled node.
#[derive(Clone, Debug)]
pub(crate) enum Node {
    /// Without placeholders: taken over whole, measured once.
    Fixed(Value, Sized),
    Each {
        condition: Option<Slot>,
        items: Slot,
        each: Box<Node>,
    },
    List(Vec<Node>),
    Lone(Slot),
    Mixed(Vec<Part>),
    Object {
        condition: Option<Slot>,
        members: Vec<(String, Node)>,
    },
}

impl Node {
    /// Compiles a value; faults go to the compiler and leave a placeholder node.
    pub(crate) fn compile(value: &Value, pointer: &str, compiler: &mut Compiler<'_>) -> Self {
        let node = match value {
            Value::Array(items) => Self::List(
                items
                    .iter()
                    .enumerate()
                    .map(|(index, item)| Self::compile(item, &at(pointer, index), compiler))
                    .collect(),
            ),
            Value::Object(members) => Self::object(members, pointer, compiler),
            Value::String(text) => match compiler.template(text, pointer, Place::Body) {
                Some(Template::Lone(slot)) => Self::Lone(slot),
                Some(Template::Mixed(parts)) => Self::Mixed(parts),
                Some(Template::Fixed(text)) => Self::fixed(Value::String(text)),
                None => Self::fixed(Value::Null),
            },
            Value::Bool(_) | Value::Null | Value::Number(_) => Self::fixed(value.clone()),
        };
        node.fold()
    }

    fn fixed(value: Value) -> Self {
        let size = Sized::of(&value);
        Self::Fixed(value, size)
    }

    fn object(members: &Map<String, Value>, pointer: &str, compiler: &mut Compiler<'_>) -> Self {
        let condition = compiler.lone(members.get("$if"), &at(pointer, "$if"));
        if !members.contains_key("$each") && !members.contains_key("$do") {
            let members = members
                .iter()
                .filter(|(name, _)| *name != "$if")
                .map(|(name, value)| {
                    (name.clone(), Self::compile(value, &at(pointer, name), compiler))
                })
                .collect();
            return Self::Object { condition, members };
        }
        for name in members.keys() {
            if !matches!(name.as_str(), "$do" | "$each" | "$if") {
                let known = "$each, $do, $if";
                compiler.issues.add(&at(pointer, name), MappingFault::UnknownMember { known });
            }
        }
        let items = compiler.lone(members.get("$each"), &at(pointer, "$each"));
        for name in ["$each", "$do"] {
            if !members.contains_key(name) {
                compiler.issues.add(pointer, MappingFault::Missing { name });
            }
        }
        compiler.each_depth += 1;
        let each =
            members.get("$do").map(|each| Self::compile(each, &at(pointer, "$do"), compiler));
        compiler.each_depth -= 1;
        match (items, each) {
            (Some(items), Some(each)) => Self::Each { condition, items, each: Box::new(each) },
            _ => Self::fixed(Value::Null),
        }
    }

    /// Joins what holds no placeholder into one value.
    fn fold(self) -> Self {
        match self {
            Self::List(items) if items.iter().all(Self::is_fixed) => {
                Self::fixed(items.into_iter().filter_map(Self::into_fixed).collect())
            }
            Self::Object { condition: None, members }
                if members.iter().all(|(_, member)| member.is_fixed()) =>
            {
                let members = members.into_iter();
                let members = members.filter_map(|(name, node)| Some((name, node.into_fixed()?)));
                Self::fixed(Value::Object(members.collect()))
            }
            other => other,
        }
    }

    fn is_fixed(&self) -> bool {
        matches!(self, Self::Fixed(..))
    }

    fn into_fixed(self) -> Option<Value> {
        match self {
            Self::Fixed(value, _) => Some(value),
            _ => None,
        }
    }

    /// Fills in the values; `None` where the node goes for want of one.
    pub(crate) fn render(
        &self,
        renderer: &mut Renderer<'_>,
        frame: Frame<'_>,
    ) -> Result<Option<Value>, RenderError> {
        match self {
            Self::Fixed(value, size) => {
                renderer.budget.take(*size)?;
                Ok(Some(value.clone()))
            }
            Self::Lone(slot) => renderer.lone(slot, frame),
            Self::Mixed(parts) => Ok(match renderer.text(parts, frame)? {
                Filled::Missing { .. } => None,
                Filled::Text(text) => Some(Value::String(text)),
            }),
            Self::List(nodes) => {
                let mut items = Vec::with_capacity(nodes.len());
                for node in nodes {
                    // In a list, the elements of a `$each` are items like the others.
                    if let Self::Each { .. } = node {
                        if let Some(Value::Array(elements)) = node.render(renderer, frame)? {
                            items.extend(elements);
                        }
                    } else {
                        items.extend(node.render(renderer, frame)?);
                    }
                }
                renderer.budget.take_bytes(2)?;
                Ok(Some(Value::Array(items)))
            }
            Self::Object { condition, members } => {
                if !holds(condition.as_ref(), renderer, frame)? {
                    return Ok(None);
                }
                let mut object = Map::new();
                for (name, node) in members {
                    if let Some(value) = node.render(renderer, frame)? {
                        renderer.budget.take_bytes(name.len() + 4)?;
                        object.insert(name.clone(), value);
                    }
                }
                renderer.budget.take_bytes(2)?;
                Ok(Some(Value::Object(object)))
            }
            Self::Each { condition, items, each } => {
                if !holds(condition.as_ref(), renderer, frame)? {
                    return Ok(None);
                }
                render_each(items, each, renderer, frame)
            }
        }
    }
}

fn render_each(
    items: &Slot,
    each: &Node,
    renderer: &mut Renderer<'_>,
    frame: Frame<'_>,
) -> Result<Option<Value>, RenderError> {
    let Some(list) = renderer.resolve(items, frame)? else { return Ok(None) };
    let found = list.json().map_or("a file", json::type_name);
    let Some(Value::Array(list)) = list.json() else {
        return Err(RenderError::NotAList { name: items.name.clone(), found });
    };
    let mut elements = Vec::with_capacity(list.len());
    for (index, item) in list.iter().enumerate() {
        renderer.budget.take_bytes(1)?;
        elements.extend(each.render(renderer, Frame { item: Some((item, index)) })?);
    }
    Ok(Some(Value::Array(elements)))
}

/// Whether a `$if` lets its object stay: a value that is not `false`, `""` or `[]`.
fn holds(
    condition: Option<&Slot>,
    renderer: &mut Renderer<'_>,
    frame: Frame<'_>,
) -> Result<bool, RenderError> {
    let Some(slot) = condition else { return Ok(true) };
    let Some(value) = renderer.resolve(slot, frame)? else { return Ok(false) };
    Ok(match value.json() {
        Some(Value::Bool(value)) => *value,
        Some(Value::String(text)) => !text.is_empty(),
        Some(Value::Array(items)) => !items.is_empty(),
        Some(Value::Null) => false,
        Some(Value::Number(_) | Value::Object(_)) | None => true,
    })
}
