//! `cargo xtask rollback`: each worker of the last release serves its former version again, in the reverse order of a
//! deploy.
//!
//! A worker that the last release did not change stays as it is: its former version is of an older release. The
//! schema stays: each migration works with the code before it, see migrations/README.md.

use std::collections::BTreeSet;

use crate::deploy::args::RollbackWish;
use crate::deploy::wrangler::Version;
use crate::deploy::{Site, secrets, services, smoke, survey};
use crate::failure::Failure;
use crate::say;

/// One step of the way back.
#[derive(Debug, Eq, PartialEq)]
struct Step {
    from: String,
    name: &'static str,
    to: String,
    version_id: String,
}

/// Runs the command.
///
/// # Errors
/// `Missing` if there is nothing to go back to; `Stopped` with the worker that could not be rolled back.
pub(crate) fn run(site: &Site<'_>, wish: &RollbackWish) -> Result<(), Failure> {
    let candidates = candidates(site)?;
    if let Some(from) = &wish.from
        && candidates.iter().all(|candidate| candidate.release() != Some(from))
    {
        say::line(&format!("release {from} serves nowhere: there is nothing to roll back"));
        return Ok(());
    }
    let steps = steps(site, &candidates, wish)?;
    check_keys(site, &steps)?;
    say::part(&format!("Rollback of {} on {}", site.environment.name, site.account));
    for Step { from, name, to, version_id } in &steps {
        say::line(&format!("{name}: from release {from} to {to}, version {version_id}"));
    }
    say::line("the schema stays: migrations work with the code before and after them");
    if !wish.yes {
        if !site.person.is_there() {
            return Err(Failure::Missing {
                what: "there is no terminal to ask on".to_owned(),
                remedy: "say --yes to roll back without being asked".to_owned(),
            });
        }
        if !matches!(site.person.ask("Roll this back? (yes)")?.as_str(), "yes" | "y") {
            return Err(Failure::Missing {
                what: "nothing was rolled back".to_owned(),
                remedy: "answer yes to do it".to_owned(),
            });
        }
    }
    for step in &steps {
        let message = format!("rolled back from {}", step.from);
        site.wrangler.roll_back(&site.named(step.name), &step.version_id, &message).map_err(|failure| {
            Failure::Stopped {
                at: step.name.to_owned(),
                remedy: format!(
                    "those above it in the list serve their former versions; run cargo xtask rollback --env {} --to {} \
                     again for the rest. A version from before a migration of Durable Objects cannot be gone back to: \
                     deploy a release that mends it instead",
                    site.environment.name, step.to
                ),
                source: Box::new(failure),
            }
        })?;
        say::line(&format!("{}: release {}", step.name, step.to));
    }
    let hosts = survey::look(site)?.hosts(site)?;
    let versions = steps.iter().map(|step| (step.name, step.version_id.clone())).collect();
    smoke::run(&site.web, &hosts, &versions, site.patience)
}

/// A version keeps the secrets that it was made with. One from before a new master key would open nothing that was
/// sealed since.
fn check_keys(site: &Site<'_>, steps: &[Step]) -> Result<(), Failure> {
    let masters = |version: &Version| -> BTreeSet<u32> {
        version.secrets().iter().filter_map(|name| secrets::version(name)).collect()
    };
    for step in steps {
        let worker = site.named(step.name);
        let Some(deployment) = site.wrangler.deployment(&worker)? else { continue };
        let Some(share) = deployment.main() else { continue };
        let now = masters(&site.wrangler.version(&worker, &share.version_id)?);
        if masters(&site.wrangler.version(&worker, &step.version_id)?) != now {
            return Err(Failure::Missing {
                what: format!(
                    "{}: the master key changed since release {}, whose version has the old one",
                    step.name, step.to
                ),
                remedy: format!(
                    "deploy that release anew instead: git checkout {}, then cargo xtask deploy --env {}",
                    step.to.trim_end_matches('+'),
                    site.environment.name
                ),
            });
        }
    }
    Ok(())
}

/// A deployable as it serves, and what it could serve.
struct Candidate {
    current: Version,
    /// Versions that served once, the newest last.
    former: Vec<Version>,
    name: &'static str,
}

/// Everything that serves, in the reverse order of a deploy.
fn candidates(site: &Site<'_>) -> Result<Vec<Candidate>, Failure> {
    let mut order = services::order();
    order.reverse();
    let mut candidates = Vec::new();
    for name in order {
        let worker = site.named(name);
        let Some(deployment) = site.wrangler.deployment(&worker)? else { continue };
        // Between two versions, the newer one is what is rolled back.
        let mut serving = Vec::new();
        for share in &deployment.versions {
            serving.push(site.wrangler.version(&worker, &share.version_id)?);
        }
        serving.sort_by(|former, next| former.created_on().cmp(next.created_on()));
        let Some(current) = serving.pop() else { continue };
        let served = site.wrangler.deployments(&worker)?;
        let has_served = |id: &str| {
            served.iter().any(|one| one.versions.iter().any(|share| share.version_id == id))
        };
        let mut former = site.wrangler.versions(&worker)?;
        former.retain(|version| {
            version.created_on() < current.created_on() && has_served(&version.id)
        });
        candidates.push(Candidate { current, former, name });
    }
    Ok(candidates)
}

/// Decides who goes back, and to what.
fn steps(
    site: &Site<'_>,
    candidates: &[Candidate],
    wish: &RollbackWish,
) -> Result<Vec<Step>, Failure> {
    let steps = decide(candidates, wish.from.as_deref(), wish.to.as_deref());
    if steps.is_empty() {
        return Err(Failure::Missing {
            what: match &wish.to {
                Some(to) => format!("no worker could serve release {to} again, or all do"),
                None => "there is no former release to go back to".to_owned(),
            },
            remedy: format!("cargo xtask status --env {} says what serves", site.environment.name),
        });
    }
    Ok(steps)
}

impl Candidate {
    /// The version whose code serves. A new secret makes one without a tag, of the code before it.
    fn released(&self) -> Option<&Version> {
        [&self.current]
            .into_iter()
            .chain(self.former.iter().rev())
            .find(|version| version.tag().is_some())
    }

    fn release(&self) -> Option<&str> {
        self.released()?.tag()
    }
}

fn decide(candidates: &[Candidate], from: Option<&str>, to: Option<&str>) -> Vec<Step> {
    let released = candidates.iter().filter_map(Candidate::released);
    let newest = released.max_by(|a, b| a.created_on().cmp(b.created_on()));
    let release = from.or_else(|| newest.and_then(Version::tag));
    let step = |candidate: &Candidate| {
        let current = candidate.release();
        let found = match to {
            Some(to) if current != Some(to) => {
                candidate.former.iter().rfind(|version| version.tag() == Some(to))?
            }
            Some(_) => return None,
            None if current == release => candidate
                .former
                .iter()
                .rfind(|version| version.tag().is_some_and(|tag| Some(tag) != current))?,
            None => return None,
        };
        Some(Step {
            from: current.unwrap_or("?").to_owned(),
            name: candidate.name,
            to: found.tag().unwrap_or("?").to_owned(),
            version_id: found.id.clone(),
        })
    };
    candidates.iter().filter_map(step).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Candidate, decide};
    use crate::deploy::wrangler::Version;

    fn version(id: &str, tag: Option<&str>) -> Version {
        let annotations = tag.map_or_else(|| json!({}), |tag| json!({ "workers/tag": tag }));
        serde_json::from_value(
            json!({ "annotations": annotations, "id": id, "metadata": { "created_on": id } }),
        )
        .unwrap()
    }

    fn candidate(name: &'static str, versions: &[(&str, Option<&str>)]) -> Candidate {
        let mut all: Vec<Version> = versions.iter().map(|(id, tag)| version(id, *tag)).collect();
        Candidate { current: all.pop().unwrap(), former: all, name }
    }

    fn decided(candidates: &[Candidate], to: Option<&str>) -> Vec<(&'static str, String)> {
        decide(candidates, None, to).into_iter().map(|step| (step.name, step.version_id)).collect()
    }

    #[test]
    fn only_who_changed_in_the_last_release_goes_back() {
        let candidates = [
            candidate("config", &[("1", Some("a")), ("2", Some("b")), ("3", Some("c"))]),
            candidate("text", &[("1", Some("a")), ("2", Some("b"))]),
            candidate("image", &[("3", Some("c"))]),
        ];
        assert_eq!(decided(&candidates, None), [("config", "2".to_owned())]);
        assert_eq!(
            decided(&candidates, Some("a")),
            [("config", "1".to_owned()), ("text", "1".to_owned())]
        );
        assert_eq!(decided(&candidates, Some("z")), []);
    }

    #[test]
    fn a_version_that_only_a_secret_made_is_not_gone_back_to() {
        let candidates = [candidate(
            "config",
            &[("1", Some("a")), ("2", Some("b")), ("3", None), ("4", Some("b"))],
        )];
        assert_eq!(decided(&candidates, None), [("config", "1".to_owned())]);
        // Nor is it what is gone back from: that is the code in it.
        let candidates = [candidate("config", &[("1", Some("a")), ("2", Some("b")), ("3", None)])];
        assert_eq!(decided(&candidates, None), [("config", "1".to_owned())]);
    }
}
