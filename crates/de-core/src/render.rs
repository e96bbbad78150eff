//! What a caller writes for a film: read, checked and brought into the vendor's words before anything is bought.
//!
//! The form is Shotstack's edit, <https://shotstack.io/docs/api/>, of which `merge` may fill in any text. A few
//! words of our own stand for others: a resolution of `720` or `480`, and an output that is left out.

mod check;
pub mod length;
mod merge;
mod near;
mod output;
mod schema;

use serde_json::{Map, Value};

use crate::{calls::RenderCall, guard, ports::Settings, protocols::FieldIssue};

/// The members of a native body.
pub const MEMBERS: [&str; 8] = [
    "timeline",
    "output",
    "merge",
    "callback_url",
    "model_id",
    "model",
    "instance_id",
    "project_id",
];

/// The most faults that are told at once.
const MOST_ISSUES: usize = 50;

/// A native body, read.
#[derive(Clone, Debug, PartialEq)]
pub struct RenderRequest {
    /// What is to be made.
    pub call: RenderCall,
    /// Where the caller wants to hear of the end, as [`guard::receiver`] has read it.
    pub callback_url: Option<String>,
    /// Repeats the caller's instance.
    pub instance_id: Option<String>,
    /// The model or alias.
    pub model_id: Option<String>,
    /// Repeats the caller's project.
    pub project_id: Option<String>,
}

impl RenderRequest {
    /// Reads a native body.
    ///
    /// # Errors
    /// Every fault with its place, at most fifty. Addresses must be public and https, as [`guard::check`] says.
    pub fn parse(body: Map<String, Value>, settings: &Settings) -> Result<Self, Vec<FieldIssue>> {
        let mut issues = Vec::new();
        let mut edit = Map::new();
        let (mut callback_url, mut model, mut model_id) = (None, None, None);
        let (mut instance_id, mut project_id) = (None, None);
        for (name, value) in body {
            if value.is_null() {
                continue;
            }
            let text = match name.as_str() {
                "timeline" | "output" | "merge" => {
                    edit.insert(name, value);
                    continue;
                }
                "callback_url" => &mut callback_url,
                "instance_id" => &mut instance_id,
                "model" => &mut model,
                "model_id" => &mut model_id,
                "project_id" => &mut project_id,
                other => {
                    let allowed = MEMBERS.iter().copied();
                    issues.push(check::unknown(&format!("/{other}"), other, allowed));
                    continue;
                }
            };
            match value {
                Value::String(written) if !written.is_empty() => *text = Some(written),
                other => {
                    issues.push(check::expected(&format!("/{name}"), "a text", &other));
                }
            }
        }
        if let (Some(one), Some(other)) = (&model_id, &model)
            && one != other
        {
            let reason = "names another model than model_id".to_owned();
            issues.push(FieldIssue { pointer: "/model".to_owned(), reason });
        }
        output::complete(&mut edit, &mut issues);
        check::edit(&edit, settings, &mut issues);
        let callback_url = callback_url.and_then(|text| address(&text, settings, &mut issues));
        if !issues.is_empty() {
            issues.truncate(MOST_ISSUES);
            return Err(issues);
        }
        let model_id = model_id.or(model);
        let call = RenderCall { edit };
        Ok(Self { call, callback_url, instance_id, model_id, project_id })
    }
}

fn address(text: &str, settings: &Settings, issues: &mut Vec<FieldIssue>) -> Option<String> {
    guard::receiver(text, settings)
        .map_err(|refusal| {
            let reason = format!("expected a public https address: {refusal}");
            issues.push(FieldIssue { pointer: "/callback_url".to_owned(), reason });
        })
        .ok()
}

#[cfg(test)]
mod tests;
