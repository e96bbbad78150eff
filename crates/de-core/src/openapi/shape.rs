//! Schemas of types, with all that they refer to.

use serde_json::{Map, Value, json};
use utoipa::ToSchema;

/// A schema that stands in an operation, and the named ones that it needs.
#[derive(Clone, Debug, Default)]
pub struct Shape {
    pub(super) named: Vec<(String, Value)>,
    pub(super) schema: Value,
    /// Those whose members are all there.
    pub(super) shown: Vec<String>,
}

impl Shape {
    /// A type by its name. What may be absent in it is not required.
    #[must_use]
    pub fn of<T: ToSchema>() -> Self {
        let name = T::name().into_owned();
        let mut parts = Vec::new();
        T::schemas(&mut parts);
        let mut named: Vec<(String, Value)> =
            parts.into_iter().map(|(name, schema)| (name, alternatives(json!(schema)))).collect();
        named.push((name.clone(), alternatives(json!(T::schema()))));
        Self { named, schema: reference(&name), shown: Vec::new() }
    }

    /// A type of answers whose members are all there, null or not; so are those of what it holds.
    #[must_use]
    pub fn shown<T: ToSchema>() -> Self {
        let mut shape = Self::of::<T>();
        for (name, schema) in &mut shape.named {
            require_all(schema);
            shape.shown.push(name.clone());
        }
        shape
    }

    /// A type of a vendor's protocol: it may hold members that nobody named here, and so may what it holds.
    #[must_use]
    pub fn open<T: ToSchema>() -> Self {
        let mut shape = Self::of::<T>();
        for (_, schema) in &mut shape.named {
            let object = schema.as_object_mut().filter(|schema| schema.contains_key("properties"));
            if let Some(object) = object {
                object.insert("additionalProperties".to_owned(), true.into());
            }
        }
        shape
    }

    /// What has no name: `{"type": "boolean"}`.
    #[must_use]
    pub fn plain(schema: Value) -> Self {
        Self { named: Vec::new(), schema, shown: Vec::new() }
    }

    /// One of several.
    #[must_use]
    pub fn either(shapes: impl IntoIterator<Item = Self>) -> Self {
        let mut named = Vec::new();
        let (mut any, mut shown) = (Vec::new(), Vec::new());
        for shape in shapes {
            named.extend(shape.named);
            shown.extend(shape.shown);
            any.push(shape.schema);
        }
        Self { named, schema: json!({"anyOf": any}), shown }
    }

    /// A page of these, under a name of its own: `ProjectList`.
    #[must_use]
    pub fn page(mut self, name: &str) -> Self {
        let page = json!({
            "type": "object",
            "description": "One page of a list.",
            "required": ["data", "next_cursor"],
            "properties": {
                "data": {"type": "array", "description": "The rows, in order.", "items": self.schema},
                "next_cursor": {
                    "type": ["string", "null"],
                    "description": "What `cursor` has to be for the next page; null after the last one.",
                },
            },
        });
        self.named.push((name.to_owned(), page));
        self.schema = reference(name);
        self
    }

    /// The same with members beside its own, all of them there, under another name.
    #[must_use]
    pub fn with<More: ToSchema>(mut self, name: &str) -> Self {
        let more = Self::shown::<More>();
        let own = self.named.pop().map(|(_, schema)| schema).unwrap_or_default();
        let added = more.named.last().map(|(_, schema)| schema.clone()).unwrap_or_default();
        let mut merged = own.as_object().cloned().unwrap_or_default();
        for list in ["properties", "required"] {
            match (merged.get_mut(list), added.get(list)) {
                (Some(Value::Object(here)), Some(Value::Object(there))) => {
                    here.extend(there.clone());
                }
                (Some(Value::Array(here)), Some(Value::Array(there))) => {
                    here.extend(there.clone());
                }
                _ => {}
            }
        }
        if let Some(about) = added.get("description") {
            merged.insert("description".to_owned(), about.clone());
        }
        let others = more.named.len().saturating_sub(1);
        self.named.extend(more.named.into_iter().take(others));
        self.named.push((name.to_owned(), Value::Object(merged)));
        self.schema = reference(name);
        self.shown.extend(more.shown);
        self
    }
}

/// Of untagged alternatives more than one may fit, since each may hold members that nobody named.
fn alternatives(mut schema: Value) -> Value {
    if let Some(members) = schema.as_object_mut()
        && let Some(any) = members.shift_remove("oneOf")
    {
        members.insert("anyOf".to_owned(), any);
    }
    schema
}

/// Lets nothing of an object be absent.
pub(super) fn require_all(schema: &mut Value) {
    let Value::Object(schema) = schema else { return };
    if !schema.contains_key("properties") {
        return;
    }
    let names = schema.get("properties").and_then(Value::as_object);
    let names: Vec<Value> = names.into_iter().flat_map(Map::keys).map(|name| json!(name)).collect();
    schema.insert("required".to_owned(), names.into());
}

/// Where a named schema stands.
pub(super) fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}
