//! What is deployed already, as far as the next command needs to know it.

use std::collections::BTreeMap;
use std::path::Path;

use crate::build::Purpose;
use crate::deploy::account::Found;
use crate::deploy::given::ACCESS;
use crate::deploy::hosts::{Hosts, Place, place_of};
use crate::deploy::note::Note;
use crate::deploy::render::{Ids, Wishes, render};
use crate::deploy::services::{self, FRONT_DOOR};
use crate::deploy::wrangler::Version;
use crate::deploy::{Site, perform, secrets};
use crate::failure::Failure;

/// The front door that serves now.
pub(crate) struct Survey {
    /// Where it says that it is; none before the first deploy.
    pub(crate) place: Option<Place>,
    /// Where any version says so that serves, the new one of a rollout that was broken off too: it has its hosts by then.
    places: Vec<Place>,
    front_door: Option<Version>,
}

/// Looks at the front door.
pub(crate) fn look(site: &Site<'_>) -> Result<Survey, Failure> {
    let worker = site.named(FRONT_DOOR);
    let deployment = site.wrangler.deployment(&worker)?;
    let mut serving = Vec::new();
    for share in deployment.iter().flat_map(|deployment| &deployment.versions) {
        serving.push(site.wrangler.version(&worker, &share.version_id)?);
    }
    let place =
        |version: &Version| place_of(&site.environment, version.variable("DE_PUBLIC_BASE")?);
    let places = serving.iter().filter_map(place).collect();
    let main = deployment.as_ref().and_then(|deployment| deployment.main());
    let front_door = main
        .and_then(|share| serving.iter().find(|version| version.id == share.version_id).cloned());
    let place = front_door.as_ref().and_then(place);
    Ok(Survey { front_door, place, places })
}

impl Survey {
    /// Whether the hosts of a place are this environment's own already.
    pub(crate) fn has(&self, place: &Place) -> bool {
        self.places.contains(place)
    }

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

/// What database and secrets of an environment lack, as far as somebody should know it before anything is done.
pub(crate) struct Needs {
    pub(crate) has_superadmin: bool,
    /// Migrations that the database has not had, in order; all of them where there is no database yet.
    pub(crate) pending: Vec<String>,
    pub(crate) present: secrets::Present,
    /// Whether the database has had any migration.
    pub(crate) has_tables: bool,
}

/// Looks at database and secrets, and changes neither. `hosts` only dress the config that wrangler wants for a list.
pub(crate) fn needs(site: &Site<'_>, hosts: &Hosts, found: &Found) -> Result<Needs, Failure> {
    let Site { environment, layout, wrangler, .. } = site;
    let mut pending = migrations(&layout.root)?;
    let all = pending.len();
    if let Some(database) = &found.database {
        let cache = found.cache.clone().unwrap_or_else(|| Ids::none().cache);
        let (configs, vars) = (services::configs(layout)?, BTreeMap::new());
        let wishes = Wishes {
            code: Purpose::Deployment,
            environment,
            hosts,
            ids: &Ids { cache, database: database.clone() },
            layout,
            vars: &vars,
        };
        // The list wants a config that says where migrations lie.
        let committed = configs.get(FRONT_DOOR).cloned().unwrap_or_default();
        let path = site.folder().join("look.jsonc");
        perform::write_config(&path, &render(&wishes, FRONT_DOOR, &committed)?)?;
        let said = wrangler.migrations(&path, &environment.database())?;
        pending = self::pending(&said, pending);
    }
    // Without tables there is nobody to look for.
    let has_tables = found.database.is_some() && pending.len() < all;
    let query = de_core::store::bootstrap::superadmin();
    let has_superadmin =
        has_tables && !wrangler.rows(&environment.database(), query.sql)?.is_empty();
    let present = secrets::present(wrangler, environment)?;
    Ok(Needs { has_superadmin, has_tables, pending, present })
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
