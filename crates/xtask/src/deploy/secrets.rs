//! The secrets of deployed workers: which are missing, made on the spot, and shown once.
//!
//! Nobody can read a secret back from the platform, and all workers need the same master key. So one that is made
//! is kept in `target/deploy/<env>/secrets.json`, for its owner's eyes only, until every worker has it and it was
//! shown: a run that is broken off in between loses nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::deploy::environments::{Environment, LOOPBACK_PORTS};
use crate::deploy::person::Person;
use crate::deploy::services::{self, FRONT_DOOR, is_keyed};
use crate::deploy::wrangler::Wrangler;
use crate::failure::Failure;
use crate::files;
use crate::random;
use crate::say;

/// Makes the first superadmin, once.
pub(crate) const BOOTSTRAP_TOKEN: &str = "DE_BOOTSTRAP_TOKEN";
/// Begins the name of each master key; its version ends it.
const MASTER_KEY: &str = "DE_MASTER_KEY_V";

/// The name of a master key.
pub(crate) fn master_key(version: u32) -> String {
    format!("{MASTER_KEY}{version}")
}

/// The version in the name of a master key.
pub(crate) fn version(name: &str) -> Option<u32> {
    name.strip_prefix(MASTER_KEY)?.parse().ok()
}

/// The names of each worker's secrets. A worker that is not there has none.
pub(crate) type Present = BTreeMap<&'static str, BTreeSet<String>>;

/// Asks for the secrets of all workers.
pub(crate) fn present(wrangler: &Wrangler, environment: &Environment) -> Result<Present, Failure> {
    let ask = |worker| {
        let names = wrangler.secrets(&services::on_account(environment, worker))?;
        Ok((worker, names.unwrap_or_default()))
    };
    services::workers().map(ask).collect()
}

/// The versions of the master key that any worker has.
pub(crate) fn versions(present: &Present) -> BTreeSet<u32> {
    present.values().flatten().filter_map(|name| version(name)).collect()
}

/// Values that were made and not shown yet. Without `Debug`.
#[derive(Default)]
pub(crate) struct Kept {
    path: PathBuf,
    pub(crate) values: BTreeMap<String, String>,
}

impl Kept {
    /// Reads what an earlier run left; nothing if it left nothing.
    pub(crate) fn read(folder: &Path) -> Result<Self, Failure> {
        let path = folder.join("secrets.json");
        if !path.exists() {
            return Ok(Self { path, values: BTreeMap::new() });
        }
        // What it says is not repeated: it is secret.
        let values =
            serde_json::from_str(&files::read(&path)?).map_err(|_error| Failure::Content {
                path: path.clone(),
                problem: "not the secrets of a deployment".to_owned(),
            })?;
        Ok(Self { path, values })
    }

    /// Makes one, unless it is there, and keeps it.
    pub(crate) fn make(&mut self, name: &str) -> Result<(), Failure> {
        if !self.values.contains_key(name) {
            let made = random::master_key()?;
            self.values.insert(name.to_owned(), made);
            self.write()?;
        }
        Ok(())
    }

    /// Forgets some without showing them.
    pub(crate) fn forget(&mut self, names: &[String]) -> Result<(), Failure> {
        if !names.is_empty() {
            self.values.retain(|name, _| !names.contains(name));
            self.write()?;
        }
        Ok(())
    }

    fn write(&self) -> Result<(), Failure> {
        let text = serde_json::to_string(&self.values).map_err(|error| Failure::System {
            action: "write JSON",
            problem: error.to_string(),
        })?;
        files::write_private(&self.path, &text)
    }

    /// Shows what was made, and forgets it.
    pub(crate) fn show(&mut self, person: &dyn Person) -> Result<(), Failure> {
        if self.values.is_empty() {
            return Ok(());
        }
        if !person.is_there() {
            say::line(&format!(
                "secrets that nobody has seen yet lie in {}: run this from a terminal to see them",
                self.path.display()
            ));
            return Ok(());
        }
        let mut text = "\nKeep these where you keep such things. They are not shown again, and nobody can read them back:\n".to_owned();
        for (name, value) in &self.values {
            text.push_str(&format!("  {name}={value}\n"));
        }
        person.show(&text);
        files::remove(&self.path)?;
        self.values.clear();
        Ok(())
    }
}

/// What has to happen to secrets.
#[derive(Debug, Default, Eq, PartialEq)]
pub(crate) struct Plan {
    /// Names of those that have to be made.
    pub(crate) make: BTreeSet<String>,
    /// What each worker lacks.
    pub(crate) put: BTreeMap<&'static str, BTreeSet<String>>,
    /// What each worker has and must not keep.
    pub(crate) remove: BTreeMap<&'static str, BTreeSet<String>>,
}

impl Plan {
    /// What of it a person should know before they agree.
    pub(crate) fn text(&self) -> String {
        let names = |names: &BTreeSet<String>| names.iter().cloned().collect::<Vec<_>>().join(", ");
        let mut parts = Vec::new();
        if !self.make.is_empty() {
            parts.push(format!("made, and shown once at the end: {}", names(&self.make)));
        }
        parts.extend(self.put.iter().map(|(worker, put)| format!("{worker} gets {}", names(put))));
        let lost = |(worker, lost): (&&str, _)| format!("{worker} loses {}", names(lost));
        parts.extend(self.remove.iter().map(lost));
        if parts.is_empty() { "each worker has what it needs".to_owned() } else { parts.join("; ") }
    }

    /// # Errors
    /// `Missing` if something has to be made and nobody is there to see it.
    pub(crate) fn check_seen(&self, person: &dyn Person) -> Result<(), Failure> {
        if self.make.is_empty() || person.is_there() {
            return Ok(());
        }
        let names = self.make.iter().cloned().collect::<Vec<_>>().join(" and ");
        Err(Failure::Missing {
            what: format!(
                "{names} would have to be made, and there is no terminal to show them on"
            ),
            remedy: format!(
                "run this once from a terminal, or set {names} in the environment (32 random bytes in base64 each)"
            ),
        })
    }
}

/// Decides what has to happen. `known` are the names of values that are at hand, made earlier or given.
///
/// # Errors
/// `Missing` if some worker has a master key whose value nobody here knows, and another lacks it; or if one has
/// the variable that opens ports of the machine itself.
pub(crate) fn plan(
    present: &Present,
    has_superadmin: bool,
    known: &BTreeSet<String>,
) -> Result<Plan, Failure> {
    if let Some((worker, _)) = present.iter().find(|(_, names)| names.contains(LOOPBACK_PORTS)) {
        return Err(Failure::Missing {
            what: format!(
                "the {worker} worker has a secret {LOOPBACK_PORTS}, which is for one's own machine alone"
            ),
            remedy: "remove it in the dashboard, then run this again".to_owned(),
        });
    }
    let mut plan = Plan::default();
    let mut wanted: BTreeSet<String> = versions(present).into_iter().map(master_key).collect();
    if wanted.is_empty() {
        wanted = known.iter().filter(|name| version(name).is_some()).cloned().collect();
    }
    if wanted.is_empty() && has_superadmin {
        return Err(Failure::Missing {
            what: "the database is in use, and no worker has a master key: a new one would open nothing that is in it".to_owned(),
            remedy: "set DE_MASTER_KEY_V<n> in the environment to the one that it was sealed with; if that is lost, set \
                     the next version to 32 random bytes in base64, and save the vendors' keys again"
                .to_owned(),
        });
    }
    if wanted.is_empty() {
        wanted.insert(master_key(1));
        plan.make.insert(master_key(1));
    }
    let keyed = || present.iter().filter(|(worker, _)| is_keyed(worker));
    let is_lost =
        |name: &String| !known.contains(name) && keyed().any(|(_, names)| !names.contains(name));
    if !has_superadmin && !plan.make.iter().eq(&wanted) && wanted.iter().any(is_lost) {
        // Made in a run that was broken off, and gone with its clone. Nobody has been there to seal anything with it, so
        // another takes its place everywhere: the one that a run like this made already, or the next.
        let newest = wanted.iter().filter_map(|name| version(name)).max().unwrap_or_default();
        let at_hand = known.iter().filter_map(|name| version(name)).max();
        let next = master_key(at_hand.filter(|at_hand| *at_hand >= newest).unwrap_or(newest + 1));
        for (worker, names) in keyed() {
            let old: BTreeSet<String> = names.intersection(&wanted).cloned().collect();
            let old: BTreeSet<String> = old.into_iter().filter(|name| *name != next).collect();
            if !old.is_empty() {
                plan.remove.insert(worker, old);
            }
        }
        if !known.contains(&next) {
            plan.make.insert(next.clone());
        }
        wanted = BTreeSet::from([next]);
    }
    for (worker, names) in keyed() {
        let missing: BTreeSet<String> = wanted.difference(names).cloned().collect();
        if let Some(name) =
            missing.iter().find(|name| !known.contains(*name) && !plan.make.contains(*name))
        {
            return Err(Failure::Missing {
                what: format!(
                    "other workers have {name}, the {worker} worker lacks it, and its value is not here"
                ),
                remedy: format!(
                    "set {name} in the environment to what was shown when it was made; if it is lost, \
                     `cargo xtask secrets rotate` gives all workers a new one"
                ),
            });
        }
        if !missing.is_empty() {
            plan.put.insert(worker, missing);
        }
    }
    let token = BOOTSTRAP_TOKEN.to_owned();
    let has_token = present.get(FRONT_DOOR).is_some_and(|names| names.contains(&token));
    if has_superadmin && has_token {
        plan.remove.entry(FRONT_DOOR).or_default().insert(token);
    } else if !has_superadmin && !has_token {
        if !known.contains(&token) {
            plan.make.insert(token.clone());
        }
        plan.put.entry(FRONT_DOOR).or_default().insert(token);
    }
    Ok(plan)
}

/// Makes, puts and removes what the plan says, the front door last.
pub(crate) fn carry_out(
    wrangler: &Wrangler,
    environment: &Environment,
    plan: &Plan,
    kept: &mut Kept,
    given: &BTreeMap<String, String>,
) -> Result<(), Failure> {
    for name in &plan.make {
        kept.make(name)?;
    }
    let order = services::workers().filter(|worker| *worker != FRONT_DOOR).chain([FRONT_DOOR]);
    for worker in order {
        let mut values: BTreeMap<String, Option<String>> = BTreeMap::new();
        for name in plan.put.get(worker).into_iter().flatten() {
            let value = kept.values.get(name).or_else(|| given.get(name)).cloned();
            values.insert(
                name.clone(),
                Some(value.ok_or_else(|| Failure::System {
                    action: "set a secret",
                    problem: format!("the value of {name} is not here"),
                })?),
            );
        }
        values
            .extend(plan.remove.get(worker).into_iter().flatten().map(|name| (name.clone(), None)));
        if !values.is_empty() {
            let on_account = services::on_account(environment, worker);
            let waits = if wrangler.newest_serves(&on_account)? {
                wrangler.put_secrets(&on_account, &values)?;
                ""
            } else {
                wrangler.put_secrets_of_newest(&on_account, &values)?;
                ", with the version that is uploaded next"
            };
            let names: Vec<String> = values
                .iter()
                .map(
                    |(name, value)| {
                        if value.is_some() { name.clone() } else { format!("no {name}") }
                    },
                )
                .collect();
            say::line(&format!("{worker} has {} now{waits}", names.join(" and ")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Plan, Present, plan};
    use crate::deploy::services;

    fn present(of: &[(&str, &[&str])]) -> Present {
        let names = |worker: &str| {
            let found = of.iter().find(|(name, _)| *name == worker).map(|(_, names)| *names);
            found.unwrap_or_default().iter().map(|name| (*name).to_owned()).collect()
        };
        services::workers().map(|worker| (worker, names(worker))).collect()
    }

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_fresh_environment_gets_one_master_key_everywhere_and_a_token_at_the_front_door() {
        let Plan { make, put, remove } = plan(&present(&[]), false, &set(&[])).unwrap();
        assert_eq!(make, set(&["DE_BOOTSTRAP_TOKEN", "DE_MASTER_KEY_V1"]));
        assert_eq!(put["config"], set(&["DE_BOOTSTRAP_TOKEN", "DE_MASTER_KEY_V1"]));
        assert_eq!(put["text"], set(&["DE_MASTER_KEY_V1"]));
        let text = Plan { make, put: put.clone(), remove: remove.clone() }.text();
        let first = "made, and shown once at the end: DE_BOOTSTRAP_TOKEN, DE_MASTER_KEY_V1; ";
        assert!(text.starts_with(first) && text.contains("; text gets DE_MASTER_KEY_V1"), "{text}");
        assert_eq!(Plan::default().text(), "each worker has what it needs");
        assert!(!put.contains_key("rate-limiter") && remove.is_empty());
    }

    #[test]
    fn what_is_at_hand_is_not_made_anew() {
        let Plan { make, put, .. } =
            plan(&present(&[]), false, &set(&["DE_MASTER_KEY_V1", "DE_BOOTSTRAP_TOKEN"])).unwrap();
        assert!(make.is_empty());
        assert_eq!(put["config"].len(), 2);
        // What is given for the first deploy does not come back after a rotation.
        let rotated = ["config", "text", "image", "audio", "stock-media", "render"]
            .map(|worker| (worker, ["DE_MASTER_KEY_V2"].as_slice()));
        assert_eq!(
            plan(&present(&rotated), true, &set(&["DE_MASTER_KEY_V1"])).unwrap(),
            Plan::default()
        );
    }

    #[test]
    fn a_key_that_only_some_have_is_taken_from_what_is_kept_or_asked_for() {
        let half = present(&[("text", &["DE_MASTER_KEY_V1"])]);
        let refusal = plan(&half, true, &set(&[])).unwrap_err().to_string();
        assert!(refusal.contains("other workers have DE_MASTER_KEY_V1"), "{refusal}");
        assert!(refusal.contains("set DE_MASTER_KEY_V1 in the environment"), "{refusal}");
        let plan = plan(&half, true, &set(&["DE_MASTER_KEY_V1"])).unwrap();
        assert!(
            plan.make.is_empty()
                && !plan.put.contains_key("text")
                && plan.put.contains_key("render")
        );
    }

    #[test]
    fn a_key_that_is_lost_before_anybody_was_there_is_replaced_everywhere() {
        let half = [
            ("config", ["DE_BOOTSTRAP_TOKEN"].as_slice()),
            ("text", &["DE_MASTER_KEY_V1"]),
            ("image", &["DE_MASTER_KEY_V1"]),
        ];
        let Plan { make, put, remove } = plan(&present(&half), false, &set(&[])).unwrap();
        assert_eq!(make, set(&["DE_MASTER_KEY_V2"]));
        assert_eq!((put.len(), put["text"].clone()), (6, set(&["DE_MASTER_KEY_V2"])));
        assert_eq!(remove["text"], set(&["DE_MASTER_KEY_V1"]));
        assert_eq!(remove.into_keys().collect::<Vec<_>>(), ["image", "text"]);
        // Broken off in the middle of that, it goes on with the one that it made.
        let later = [
            ("config", ["DE_BOOTSTRAP_TOKEN"].as_slice()),
            ("text", &["DE_MASTER_KEY_V2"]),
            ("image", &["DE_MASTER_KEY_V1"]),
        ];
        let Plan { make, put, remove } =
            plan(&present(&later), false, &set(&["DE_MASTER_KEY_V2"])).unwrap();
        assert!(make.is_empty() && !put.contains_key("text") && put.contains_key("image"));
        assert_eq!(remove.into_keys().collect::<Vec<_>>(), ["image"]);
    }

    #[test]
    fn no_new_key_is_made_for_a_database_that_is_in_use() {
        let refusal = plan(&present(&[]), true, &set(&[])).unwrap_err().to_string();
        assert!(refusal.contains("would open nothing that is in it"), "{refusal}");
        let plan = plan(&present(&[]), true, &set(&["DE_MASTER_KEY_V2"])).unwrap();
        assert_eq!((plan.make.len(), plan.put["text"].clone()), (0, set(&["DE_MASTER_KEY_V2"])));
    }

    #[test]
    fn the_token_goes_when_it_has_done_its_work() {
        let used = present(&[("config", &["DE_BOOTSTRAP_TOKEN", "DE_MASTER_KEY_V1"])]);
        let plan = plan(&used, true, &set(&["DE_MASTER_KEY_V1"])).unwrap();
        assert_eq!(plan.remove["config"], set(&["DE_BOOTSTRAP_TOKEN"]));
    }

    #[test]
    fn ports_of_the_machine_itself_are_refused() {
        let open = present(&[("text", &["DE_LOOPBACK_PORTS"])]);
        let refusal = plan(&open, true, &set(&[])).unwrap_err().to_string();
        assert!(refusal.contains("the text worker has a secret DE_LOOPBACK_PORTS"), "{refusal}");
    }
}
