//! What is made with a secret that is shown once: API keys and webhooks.

use de_core::secret::Secret;
use serde_json::Value;

use super::{Thing, Walk, rows::Home};
use crate::{
    document::{API_KEY, ApiKey, Row, WEBHOOK},
    gateway::{Answer, Gateway, plain, text},
    keys::holding,
    ledger::Asked,
    plan::{RunError, Shown, Verb},
};

/// Whose a key is.
#[derive(Clone, Copy)]
pub(super) struct Holder<'h> {
    /// Its id; none for one that would be made.
    pub(super) id: Option<&'h str>,
    /// `project_id` or `user_id`.
    pub(super) member: &'static str,
    /// For people.
    pub(super) thing: &'h str,
}

impl Walk<'_> {
    /// Makes or changes a key; its id comes back where there is one.
    pub(super) fn api_key(
        &mut self,
        holder: Holder<'_>,
        key: &ApiKey,
        rows: &[Value],
    ) -> Result<Option<String>, RunError> {
        let name = format!("API key {} of {}", key.row.name, holder.thing);
        let thing = Thing::new(name, &key.row.place);
        let good = holding(rows);
        let found = self.pick(&good, &key.row, &API_KEY);
        if found.is_none() && !self.options.issues_keys {
            self.step(Verb::ByHand, &thing, "make it, and give its secret to who uses it");
            return Ok(None);
        }
        let above = [(holder.member, holder.id.unwrap_or_default())];
        let home = Home { above: &above, query: String::new(), resource: &API_KEY };
        self.with_secret(&home, &key.row, found, &thing)
    }

    /// Makes or changes webhooks of an organization, or of one of its instances.
    pub(super) fn webhooks(
        &mut self,
        rows: &[Value],
        webhooks: &[Row],
        organization: Option<&str>,
        instance: Option<(Option<&str>, &str)>,
    ) -> Result<(), RunError> {
        for row in webhooks {
            let of = instance.map(|(_, name)| format!(" of {name}")).unwrap_or_default();
            let thing = Thing::new(format!("webhook {}{of}", row.name), &row.place);
            let id = instance.and_then(|(id, _)| id);
            let here: Vec<Value> = rows
                .iter()
                .filter(|found| found.get("instance_id").and_then(Value::as_str) == id)
                .filter(|_| id.is_some() || instance.is_none())
                .cloned()
                .collect();
            let found = self.pick(&here, row, &WEBHOOK);
            let above = match (instance, organization) {
                (Some((id, _)), _) => [("instance_id", id.unwrap_or_default())],
                (None, id) => [("organization_id", id.unwrap_or_default())],
            };
            let home = Home { above: &above, query: String::new(), resource: &WEBHOOK };
            self.with_secret(&home, row, found, &thing)?;
        }
        Ok(())
    }

    fn with_secret(
        &mut self,
        home: &Home<'_>,
        row: &Row,
        found: Option<&Value>,
        thing: &Thing<'_>,
    ) -> Result<Option<String>, RunError> {
        let label = label(home, row);
        let begun = self.ledger.begun(&label);
        match (found, begun) {
            (None, _) if self.lacks(home.resource, row) => Ok(None),
            (None, _) => {
                let mut id = None;
                if let Some(gateway) = self.doing() {
                    let asked = self.ledger.begin(&label, &home.body(row))?;
                    let answer = ask(gateway, home, &asked).map_err(thing.failed())?;
                    id = self.hand_on(&label, &answer, thing)?;
                }
                self.step(Verb::Make, thing, "");
                Ok(id)
            }
            (Some(found), Some(asked)) => {
                // It was made, and the run ended before anybody had its secret.
                let id = text(found, "id").to_owned();
                if let Some(gateway) = self.doing() {
                    let answer = ask(gateway, home, &asked).map_err(thing.failed())?;
                    if !answer.is_replayed {
                        let path = home.path(text(&answer.body, "id"));
                        gateway.delete(&path, None).map_err(thing.failed())?;
                        self.ledger.forget(&label)?;
                        self.lost(home, &id, thing);
                        return Ok(Some(id));
                    }
                    self.hand_on(&label, &answer, thing)?;
                }
                self.step(
                    Verb::Make,
                    thing,
                    "it was made before, and its secret had not been shown",
                );
                Ok(Some(id))
            }
            (Some(found), None) => {
                let id = text(found, "id").to_owned();
                self.change(home, row, found, thing)?;
                Ok(Some(id))
            }
        }
    }

    fn lost(&mut self, home: &Home<'_>, id: &str, thing: &Thing<'_>) {
        let detail =
            format!("its secret was lost: POST {}/{id}/rotate makes a new one", home.resource.path);
        self.step(Verb::ByHand, thing, detail);
    }

    /// Gives the secret of an answer to who waits for it.
    fn hand_on(
        &mut self,
        label: &str,
        answer: &Answer,
        thing: &Thing<'_>,
    ) -> Result<Option<String>, RunError> {
        let (id, secret) = (text(&answer.body, "id"), text(&answer.body, "secret"));
        if secret.is_empty() {
            let problem = format!(
                "{}: the answer has no secret; look whether it is there, remove it, and run this again",
                thing.name
            );
            return Err(RunError::Machine(problem));
        }
        let shown = Shown {
            id: id.to_owned(),
            place: thing.place.to_owned(),
            secret: Secret::new(secret.to_owned()),
            thing: thing.name.clone(),
        };
        // First to where it stays, then to where it is seen.
        self.ledger.end(label, &shown)?;
        self.sink.secret(&shown).map_err(RunError::Machine)?;
        Ok(Some(shown.id))
    }
}

fn ask(
    gateway: &Gateway,
    home: &Home<'_>,
    asked: &Asked,
) -> Result<Answer, crate::gateway::GatewayError> {
    gateway.post(home.resource.path, &asked.body, Some(&asked.once))
}

/// What a row is called in the ledger: its place and name, which do not change between two runs.
fn label(home: &Home<'_>, row: &Row) -> String {
    let above = home.above.first().map(|(_, id)| *id).unwrap_or_default();
    format!("{}/{}/{}", home.resource.path, above, plain(&row.name))
}
