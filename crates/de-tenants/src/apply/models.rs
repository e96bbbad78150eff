//! Model configs of an organization's own, by the import that the gateway has for them.

use serde_json::{Value, json};

use super::{Thing, Walk};
use crate::{
    document::{Row, Tenant},
    gateway::{plain, text},
    ledger::Ledger,
    plan::{RunError, Verb},
};

/// The most models that the gateway takes at once.
const MOST: usize = 100;

impl Walk<'_> {
    /// Takes them in. `new_providers` would be made by this run: a plan has to name them.
    pub(super) fn models(
        &mut self,
        tenant: &Tenant,
        organization: Option<&str>,
        new_providers: &[&Row],
    ) -> Result<(), RunError> {
        for (part, models) in tenant.models.chunks(MOST).enumerate() {
            let place = |index: usize| format!("/models/{}", part * MOST + index);
            let (Some(gateway), Some(organization)) = (self.gateway, organization) else {
                for (index, model) in models.iter().enumerate() {
                    let name = format!("model {}", text(model, "model_id"));
                    self.step(Verb::Make, &Thing::new(name, &place(index)), "");
                }
                continue;
            };
            let path = format!("/v1/model-configs/import?organization_id={}", plain(organization));
            let thing = Thing::new("models", "");
            let told = if self.options.is_dry {
                let providers: Vec<&_> = new_providers.iter().map(|row| &row.fields).collect();
                let body = json!({"models": models, "providers": providers});
                gateway.post(&format!("{path}&dry_run=true"), &body, None)
            } else {
                let once = Ledger::once()?;
                gateway.post(&path, &json!({"models": models}), Some(&once))
            };
            let told = told.map_err(thing.failed())?.body;
            let entries = told.get("models").and_then(Value::as_array);
            for (index, entry) in entries.into_iter().flatten().enumerate() {
                let (id, place) = (text(entry, "id"), place(index));
                let thing = Thing::new(format!("model {id}"), &place);
                match text(entry, "outcome") {
                    "create" => self.step(Verb::Make, &thing, ""),
                    "unchanged" => self.step(Verb::Leave, &thing, ""),
                    "update" => self.step(Verb::Change, &thing, "a new version"),
                    _ => self.refused(entry, part),
                }
            }
        }
        Ok(())
    }

    fn refused(&mut self, entry: &Value, part: usize) {
        let issues = entry.get("issues").and_then(Value::as_array);
        for issue in issues.into_iter().flatten() {
            let pointer = text(issue, "field");
            // Pointers lead into what was sent, which is the file where it went in one piece.
            let pointer = if part == 0 { pointer } else { "/models" };
            let pointer = pointer.to_owned();
            self.problem(&pointer, format!("{}: {}", text(entry, "id"), text(issue, "reason")));
        }
    }
}
