//! `cargo xtask secrets rotate --env …` of what is deployed: the steps are those of [`crate::secrets`], the place is an
//! account.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;

use serde_json::Value;

use crate::deploy::Site;
use crate::deploy::given::API_KEY;
use crate::deploy::hosts::Hosts;
use crate::deploy::secrets::{self, Kept, master_key};
use crate::deploy::services::{self, FRONT_DOOR};
use crate::deploy::survey;
use crate::deploy::web::Question;
use crate::failure::Failure;
use crate::interrupt;
use crate::say::{self, Watch};
use crate::secrets::{Place, Resealed, stopped};

/// Deployed workers, whose secrets nobody can read back.
pub(crate) struct Deployed<'a> {
    hosts: Hosts,
    key: String,
    kept: Kept,
    site: &'a Site<'a>,
    /// Those that the workers are to have.
    versions: BTreeSet<u32>,
}

impl<'a> Deployed<'a> {
    /// Finds the workers of an environment.
    ///
    /// # Errors
    /// `Missing` before the first deploy, without a superadmin's key in `DE_API_KEY`, without a terminal to show the
    /// new key on, or after a roll-back.
    pub(crate) fn find(site: &'a Site<'a>) -> Result<Self, Failure> {
        let hosts = survey::look(site)?.hosts(site)?;
        if !site.person.is_there() {
            return Err(Failure::Missing {
                what: "there is no terminal to show the new master key on".to_owned(),
                remedy: "run this from a terminal".to_owned(),
            });
        }
        let Some(key) = site.given.get(API_KEY) else {
            return Err(Failure::Missing {
                what: "sealing anew wants the key of a superadmin".to_owned(),
                remedy: format!("set {API_KEY} in the environment to one"),
            });
        };
        for worker in services::workers().filter(|worker| services::is_keyed(worker)) {
            if !site.wrangler.newest_serves(&site.named(worker))? {
                return Err(Failure::Missing {
                    what: format!(
                        "the newest version of the {worker} worker does not serve, since it was rolled back or its \
                         rollout was broken off: the platform changes no secrets then"
                    ),
                    remedy: format!(
                        "check out the release that should serve, cargo xtask deploy --env {}, then run this again",
                        site.environment.name
                    ),
                });
            }
        }
        let versions = secrets::versions(&secrets::present(&site.wrangler, &site.environment)?);
        let kept = Kept::read(&site.folder())?;
        Ok(Self { hosts, key: key.to_owned(), kept, site, versions })
    }

    /// Shows the new key, once it is the only one.
    pub(crate) fn show(&mut self) -> Result<(), Failure> {
        self.kept.show(self.site.person)
    }
}

impl Place for Deployed<'_> {
    fn versions(&self) -> Vec<u32> {
        // One that was kept and given to nobody yet counts too: an earlier run was broken off right there.
        let kept = self.kept.values.keys().filter_map(|name| secrets::version(name));
        self.versions.iter().copied().chain(kept).collect::<BTreeSet<_>>().into_iter().collect()
    }

    fn add(&mut self, version: u32) -> Result<(), Failure> {
        say::part(&master_key(version));
        self.kept.make(&master_key(version))?;
        self.versions.insert(version);
        Ok(())
    }

    fn deploy(&mut self) -> Result<(), Failure> {
        let wanted: BTreeSet<String> = self.versions().into_iter().map(master_key).collect();
        say::part(&format!(
            "Workers with {}",
            wanted.iter().cloned().collect::<Vec<_>>().join(" and ")
        ));
        let present = secrets::present(&self.site.wrangler, &self.site.environment)?;
        let given = self.site.given.secrets();
        // The front door last: it is who seals with the newest, and all others must be able to open that by then.
        let order = services::workers().filter(|worker| *worker != FRONT_DOOR).chain([FRONT_DOOR]);
        for worker in order.filter(|worker| services::is_keyed(worker)) {
            let has = present.get(worker).cloned().unwrap_or_default();
            let mut change: BTreeMap<String, Option<String>> = BTreeMap::new();
            for name in wanted.difference(&has) {
                let value = self.kept.values.get(name).or_else(|| given.get(name)).cloned();
                // An older one that somebody lacks is not needed: what it opens is sealed anew by who has it.
                if let Some(value) = value {
                    change.insert(name.clone(), Some(value));
                } else if wanted.last() == Some(name) {
                    return Err(stopped(format!(
                        "the {worker} worker lacks {name}, and its value is not here: an earlier rotation was broken off \
                         on another machine; set {name} in the environment, or remove it from the workers that have it"
                    )));
                }
            }
            let too_many = has
                .iter()
                .filter(|name| secrets::version(name).is_some() && !wanted.contains(*name));
            change.extend(too_many.map(|name| (name.clone(), None)));
            if !change.is_empty() {
                self.site.wrangler.put_secrets(&self.site.named(worker), &change)?;
                say::line(&format!("{worker} is told"));
            }
        }
        Ok(())
    }

    fn reseal(&mut self) -> Result<Resealed, Failure> {
        let newest = self.versions().into_iter().max();
        let watch = Watch::start();
        loop {
            let question = Question {
                headers: BTreeMap::from([(
                    "authorization".to_owned(),
                    format!("Bearer {}", self.key),
                )]),
                method: "POST",
                url: format!("{}/v1/provider-keys/reseal", self.hosts.api()),
            };
            let answer = self.site.web.ask(&[question])?.pop().unwrap_or_default();
            let told = answer.json();
            match Resealed::read(&told) {
                // What is deployed takes a moment to be what serves everywhere.
                Some(resealed) if answer.status == 200 => {
                    let is_old = Some(resealed.newest_version) != newest;
                    if !is_old || watch.elapsed() >= self.site.patience.deadline {
                        return Ok(resealed);
                    }
                }
                _ if answer.error.is_some() && watch.elapsed() < self.site.patience.deadline => {}
                _ => {
                    let said = told
                        .get("error")
                        .and_then(Value::as_str)
                        .map_or_else(|| answer.text(), str::to_owned);
                    return Err(stopped(format!(
                        "{} answered {} {said}",
                        self.hosts.api(),
                        answer.status
                    )));
                }
            }
            interrupt::check()?;
            thread::sleep(self.site.patience.pause);
        }
    }

    fn keep_only(&mut self, version: u32) -> Result<(), Failure> {
        self.versions.retain(|known| *known == version);
        let old: Vec<String> = self
            .kept
            .values
            .keys()
            .filter(|name| secrets::version(name).is_some_and(|known| known != version))
            .cloned()
            .collect();
        self.kept.forget(&old)
    }
}
