//! What is deployed already, as far as the next command needs to know it.

use std::collections::BTreeMap;
use std::path::Path;

use crate::deploy::Site;
use crate::deploy::given::ACCESS;
use crate::deploy::hosts::{Hosts, Place, place_of};
use crate::deploy::note::Note;
use crate::deploy::services::FRONT_DOOR;
use crate::deploy::wrangler::Version;
use crate::failure::Failure;

/// The front door that serves now.
pub(crate) struct Survey {
    /// Where it says that it is; none before the first deploy.
    pub(crate) place: Option<Place>,
    front_door: Option<Version>,
}

/// Looks at the front door.
pub(crate) fn look(site: &Site<'_>) -> Result<Survey, Failure> {
    let worker = site.named(FRONT_DOOR);
    let deployment = site.wrangler.deployment(&worker)?;
    let front_door = match deployment.as_ref().and_then(|deployment| deployment.main()) {
        Some(share) => Some(site.wrangler.version(&worker, &share.version_id)?),
        None => None,
    };
    let base = front_door.as_ref().and_then(|version| version.variable("DE_PUBLIC_BASE"));
    let place = base.and_then(|base| place_of(&site.environment, base));
    Ok(Survey { place, front_door })
}

impl Survey {
    /// What its message says of it.
    pub(crate) fn note(&self) -> Option<Note> {
        self.front_door.as_ref()?.message().and_then(Note::parse)
    }

    /// Variables of the operator's own: given anew, or as they are deployed. An empty one takes it away.
    pub(crate) fn vars(&self, site: &Site<'_>) -> BTreeMap<String, String> {
        let value = |name: &str| match site.given.0.get(name) {
            Some(given) => Some(given.clone()),
            None => self.front_door.as_ref()?.variable(name).map(str::to_owned),
        };
        let all = ACCESS.iter().filter_map(|name| Some(((*name).to_owned(), value(name)?)));
        all.filter(|(_, value)| !value.is_empty()).collect()
    }

    /// Where the environment is to be: what is said now, else where it is, else unknown.
    pub(crate) fn wanted(&self, site: &Site<'_>, said: Option<&str>) -> Option<Place> {
        let said = said.or_else(|| site.given.domain()).or(site.environment.domain.as_deref());
        said.map(|domain| Place::Domain(domain.to_owned())).or_else(|| self.place.clone())
    }

    /// Where it is reached.
    ///
    /// # Errors
    /// `Missing` before the first deploy.
    pub(crate) fn hosts(&self, site: &Site<'_>) -> Result<Hosts, Failure> {
        match &self.place {
            Some(place) => Ok(Hosts::new(&site.environment, place.clone())),
            None => Err(Failure::Missing {
                what: format!(
                    "nothing of {} is deployed on {}",
                    site.environment.name, site.account
                ),
                remedy: format!("cargo xtask deploy --env {}", site.environment.name),
            }),
        }
    }
}

/// The names of all migrations here, in order.
pub(crate) fn migrations(root: &Path) -> Result<Vec<String>, Failure> {
    let files = crate::files::entries(&root.join("migrations"))?;
    let names = files.iter().filter_map(|path| Some(path.file_name()?.to_str()?.to_owned()));
    Ok(names.filter(|name| name.ends_with(".sql")).collect())
}

/// Which of them the database has not had, by what `wrangler d1 migrations list` said.
pub(crate) fn pending(said: &str, names: Vec<String>) -> Vec<String> {
    names.into_iter().filter(|name| said.contains(name.as_str())).collect()
}
