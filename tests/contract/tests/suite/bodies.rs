//! What bodies may say is described apart from the code that reads them: here both are held together.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what does not hold ends the test"
)]

use std::collections::BTreeSet;

use de_contract::document::{
    catalogue::{Operation, committed},
    tour::settle,
    world::World,
};
use serde_json::{Value, json};

/// A member that no body has.
const STRANGER: &str = "no_such_field";

/// The objects in a body that take no member that they do not name: where they stand, and what they name.
fn closed_objects(schema: &Value, pointer: &str, found: &mut Vec<(String, BTreeSet<String>)>) {
    let schema = committed().resolve(schema);
    for any in ["anyOf", "oneOf"].iter().filter_map(|name| schema[*name].as_array()) {
        any.iter().for_each(|one| closed_objects(one, pointer, found));
    }
    let Some(properties) = schema["properties"].as_object() else { return };
    if schema["additionalProperties"] == false {
        found.push((pointer.to_owned(), properties.keys().cloned().collect()));
    }
    for (name, member) in properties {
        closed_objects(member, &format!("{pointer}/{name}"), found);
    }
}

/// A body with a stranger in the object at `pointer`, which is made if it is not there.
fn with_stranger(example: &Value, pointer: &str) -> Value {
    let mut body = example.clone();
    let mut place = &mut body;
    for step in pointer.split('/').skip(1) {
        if !place[step].is_object() {
            place[step] = json!({});
        }
        place = &mut place[step];
    }
    place[STRANGER] = json!(1);
    body
}

/// The names after "there are", in the reason for refusing a member.
fn alternatives(answer: &Value, pointer: &str) -> Option<BTreeSet<String>> {
    let details = [&answer["details"], &answer["error"]["details"]];
    let fields = details.into_iter().filter_map(|details| details["fields"].as_array()).flatten();
    let mut reasons = fields
        .filter(|field| field["field"] == pointer)
        .filter_map(|field| field["reason"].as_str());
    let names = reasons.next()?.split_once("there are ")?.1;
    Some(names.split(", ").map(str::to_owned).collect())
}

async fn ask(world: &World, operation: &Operation, path: &str, body: &Value) -> Value {
    let unclaimed = World::unclaimed_for(operation).await;
    let client = unclaimed.as_ref().unwrap_or(world).client(operation);
    let answer = client.request(operation.method.clone(), path).json(body).send().await.unwrap();
    assert_eq!(answer.status, 400, "{}: {}", operation.id, answer.text());
    answer.json()
}

/// Objects of bodies whose refusal names no list.
const READ_BY_STRUCT: [&str; 3] = ["/auth", "/key_test", "/pricing"];

/// Members that are taken out before the rest is read.
const READ_APART: [(&str, &str); 4] = [
    ("createModelConfig", "organization_id"),
    ("updateModelConfig", "created_at"),
    ("updateModelConfig", "organization_id"),
    ("updateModelConfig", "updated_at"),
];

#[tokio::test]
async fn c31_a_body_names_the_fields_that_are_read_and_refuses_every_other() {
    let catalogue = committed();
    let world = World::new().await;
    let made = settle(&world, catalogue).await;
    let mut tried = 0;
    for operation in &catalogue.operations {
        let media = &operation.value["requestBody"]["content"]["application/json"];
        if media.is_null() {
            continue;
        }
        let mut objects = Vec::new();
        closed_objects(&media["schema"], "", &mut objects);
        for (pointer, names) in objects {
            let path = made.path(catalogue, operation);
            let body = with_stranger(&media["example"], &pointer);
            let answer = ask(&world, operation, &path, &body).await;
            let place = format!("{} {pointer}", operation.id);
            if READ_BY_STRUCT.contains(&pointer.as_str()) {
                assert!(answer.to_string().contains(STRANGER), "{place}: {answer}");
                continue;
            }
            let told = alternatives(&answer, &format!("{pointer}/{STRANGER}"));
            let mut told = told.unwrap_or_else(|| panic!("{place}: {answer}"));
            if pointer.is_empty() {
                let apart = READ_APART.iter().filter(|(id, _)| operation.id == *id);
                told.extend(apart.map(|(_, name)| (*name).to_owned()));
            }
            assert_eq!(told, names, "{place}");
            tried += 1;
        }
    }
    assert!(tried > 10, "{tried}");
}
