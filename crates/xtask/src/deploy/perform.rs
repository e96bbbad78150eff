//! `cargo xtask deploy`: the steps, in an order in which nothing that serves calls is ever broken.
//!
//! Resources, then the schema, which works with the code before it and the code after it; secrets before the code
//! that wants them; the catalogue before those who read it; each worker after those that it binds to, the front door
//! last of them; then the pages, which only talk to the front door; then a look at all of it from outside.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;

use crate::build::Purpose;
use crate::deploy::args::DeployWish;
use crate::deploy::hosts::{Hosts, Place};
use crate::deploy::note::Note;
use crate::deploy::release::Release;
use crate::deploy::render::{self, Ids, Wishes, page_folder};
use crate::deploy::rollout::{Rollout, Way};
use crate::deploy::secrets::{self, Kept};
use crate::deploy::seeds;
use crate::deploy::services::{self, FRONT_DOOR};
use crate::deploy::survey::{self, Survey};
use crate::deploy::wrangler::Label;
use crate::deploy::{Site, account, smoke};
use crate::failure::Failure;
use crate::files::{self, Hash};
use crate::pages;
use crate::random;
use crate::say::{self, Watch};

/// The page whose address tells where on workers.dev the account is, before anything else is there.
const SCOUT: &str = "admin-panel";
/// Stands for the account's part of workers.dev until it is known.
pub(crate) const UNKNOWN: &str = "unknown.workers.dev";

/// Deploys. `build` makes what is deployed, once it is clear that it may be.
///
/// # Errors
/// `Stopped` with the step that failed, and how to go on.
pub(crate) fn run(
    site: &Site<'_>,
    wish: &DeployWish,
    release: &Release,
    build: impl FnOnce() -> Result<(), Failure>,
) -> Result<(), Failure> {
    let watch = Watch::start();
    let Site { environment, layout, .. } = site;
    say::part(&format!("Checks: {} on {}", environment.name, site.account));
    site.given.check()?;
    let configs = services::configs(layout)?;
    let order = services::order();
    let survey = survey::look(site)?;
    let wanted = survey.wanted(site, wish.domain.as_deref());
    if !wish.take_hosts && !wanted.as_ref().is_some_and(|place| survey.has(place)) {
        check_hosts(site, wanted.as_ref())?;
    }
    let found = account::find(&site.wrangler, environment)?;
    let unknown = || Place::WorkersDev(UNKNOWN.to_owned());
    let hosts = Hosts::new(environment, wanted.clone().unwrap_or_else(unknown));
    let needs = survey::needs(site, &hosts, &found)?;
    let mut kept = Kept::read(&site.folder())?;
    let known = kept.values.keys().cloned().chain(site.given.secrets().into_keys()).collect();
    let secrets = secrets::plan(&needs.present, needs.has_superadmin, &known)?;
    let plan = plan(site, &survey, wanted.as_ref(), &found, release);
    let (schema, secrets_text) = (schema(&needs.pending), secrets.text());
    agree(
        site,
        &format!("{plan}\n    schema       {schema}\n    secrets      {secrets_text}"),
        wish.yes,
    )?;
    // Before anything is made: a run that ends at its secrets would leave a database behind.
    secrets.check_seen(site.person)?;
    let steps = Steps { environment: &environment.name };
    steps.run("build", build)?;
    let ids = steps.run("resources", || account::make(&site.wrangler, environment, &found))?;
    let work = Work { configs: &configs, ids: &ids, release, site, vars: survey.vars(site) };
    let place = match wanted {
        Some(place) => place,
        None => steps.run("address on workers.dev", || work.scout())?,
    };
    let hosts = Hosts::new(environment, place);
    steps.run("configs", || work.write(&order, &hosts))?;
    steps.run("schema", || work.migrate())?;
    steps.run("secrets", || work.secrets(&secrets, &mut kept))?;
    let seeds = steps.run("catalogue", || work.seed(&survey))?;
    let rollout = Rollout {
        api: hosts.api(),
        environment,
        patience: site.patience,
        tag: &release.tag,
        web: &site.web,
        wrangler: &site.wrangler,
    };
    let mut versions = BTreeMap::new();
    for name in &order {
        let done = steps.run(name, || {
            let seeds = (*name == FRONT_DOOR).then_some(seeds.as_str());
            rollout.deploy(name, &work.config_path(name), &work.note(name, seeds)?)
        })?;
        if done.way != Way::Unchanged {
            say::line(&format!("{name}: version {}", done.version_id));
        }
        versions.insert(*name, done.version_id);
    }
    // Before the look from outside, which may fail for long: what was made must not be lost by then.
    kept.show(site.person)?;
    steps.run("health", || smoke::run(&site.web, &hosts, &versions, site.patience))?;
    println!("{}", addresses(site, &hosts));
    say::line(&format!(
        "{} is deployed: release {} ({})",
        environment.name,
        release.tag,
        watch.text()
    ));
    Ok(())
}

/// Says which step runs, and how to go on where it fails.
struct Steps<'a> {
    environment: &'a str,
}

impl Steps<'_> {
    fn run<T>(&self, name: &str, work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
        say::part(name);
        work().map_err(|failure| Failure::Stopped {
            at: name.to_owned(),
            remedy: format!(
                "nothing after this step was done; once its cause is gone, run cargo xtask deploy --env {} again: it goes on here",
                self.environment
            ),
            source: Box::new(failure),
        })
    }
}

/// What will be done, for whoever has to agree to it.
fn plan(
    site: &Site<'_>,
    survey: &Survey,
    wanted: Option<&Place>,
    found: &account::Found,
    release: &Release,
) -> String {
    let Site { account, environment, .. } = site;
    let there = |found: bool| if found { "is there" } else { "will be made" };
    let place = match (wanted, &survey.place) {
        (None, _) => "workers.dev, as no domain was said".to_owned(),
        (Some(wanted), Some(is)) if wanted != is => format!(
            "{}; NOW IT IS AT {}, which stops working for pages and links",
            Hosts::new(environment, wanted.clone()).api(),
            Hosts::new(environment, is.clone()).api()
        ),
        (Some(wanted), _) => Hosts::new(environment, wanted.clone()).api(),
    };
    let lines = [
        format!("release      {}", release.tag),
        format!("account      {account}"),
        format!("address      {place}"),
        format!("database     {} {}", environment.database(), there(found.database.is_some())),
        format!("cache        {} {}", environment.cache(), there(found.cache.is_some())),
        format!("bucket       {} {}", environment.bucket(), there(found.bucket)),
        format!(
            "new versions get {} % of the calls",
            environment.rollout.iter().map(u8::to_string).collect::<Vec<_>>().join(", then ")
        ),
    ];
    lines.join("\n    ")
}

/// Which migrations will be applied.
fn schema(pending: &[String]) -> String {
    match pending {
        [] => "the newest".to_owned(),
        [only] => format!("1 migration: {only}"),
        [first, .., last] => format!("{} migrations: {first} to {last}", pending.len()),
    }
}

/// Refuses hosts that have another use. Where wrangler cannot ask, it takes a host's record away from whoever has it.
///
/// Only for a place that no version of the front door is at yet: of its hosts it is the first to be attached, so that
/// what resolves later is this environment's own.
fn check_hosts(site: &Site<'_>, wanted: Option<&Place>) -> Result<(), Failure> {
    let Some(Place::Domain(domain)) = wanted else { return Ok(()) };
    let hosts = Hosts::new(&site.environment, Place::Domain(domain.clone()));
    let taken = site.web.resolving(&hosts.all())?;
    if taken.is_empty() {
        return Ok(());
    }
    Err(Failure::Missing {
        what: format!("in use already: {}", taken.join(", ")),
        remedy: "remove their DNS records, choose another --domain, or say --take-hosts if this environment may have \
                 them (also where a wildcard record makes every host resolve)"
            .to_owned(),
    })
}

fn agree(site: &Site<'_>, plan: &str, yes: bool) -> Result<(), Failure> {
    say::line(plan);
    if yes {
        return Ok(());
    }
    if !site.person.is_there() {
        return Err(Failure::Missing {
            what: "there is no terminal to ask on".to_owned(),
            remedy: "say --yes to deploy without being asked".to_owned(),
        });
    }
    match site.person.ask("Deploy this? (yes)")?.as_str() {
        "yes" | "y" => Ok(()),
        _ => Err(Failure::Missing {
            what: "nothing was deployed".to_owned(),
            remedy: "answer yes to deploy".to_owned(),
        }),
    }
}

/// Everything that the steps share.
struct Work<'a> {
    configs: &'a BTreeMap<&'static str, Value>,
    ids: &'a Ids,
    release: &'a Release,
    site: &'a Site<'a>,
    vars: BTreeMap<String, String>,
}

impl Work<'_> {
    fn config_path(&self, name: &str) -> PathBuf {
        self.site.folder().join(format!("{name}.jsonc"))
    }

    /// Finds out where on workers.dev the account is. Nothing says it but the address of something that is there, so
    /// a page goes ahead that may not speak to anybody yet.
    fn scout(&self) -> Result<Place, Failure> {
        let Site { environment, layout, wrangler, .. } = self.site;
        let hosts = Hosts::new(environment, Place::WorkersDev(UNKNOWN.to_owned()));
        pages::dress(layout, SCOUT, &hosts.origins(), &page_folder(layout, environment, SCOUT))?;
        self.write(&[SCOUT], &hosts)?;
        let (config, worker) = (self.config_path(SCOUT), self.site.named(SCOUT));
        let said = if wrangler.deployment(&worker)?.is_some() {
            wrangler.triggers(&config)?
        } else {
            let label = Label {
                message: "it tells its address, and nothing else yet",
                tag: &self.release.tag,
            };
            wrangler.deploy(&config, label)?.targets.join("\n")
        };
        let host =
            said.split(['/', ' ', '\n']).find_map(|word| word.strip_prefix(&format!("{worker}.")));
        match host.filter(|host| host.ends_with(".workers.dev")) {
            Some(account) => Ok(Place::WorkersDev(account.trim().to_owned())),
            None => Err(Failure::Missing {
                what: format!("wrangler does not say where on workers.dev {worker} is"),
                remedy: "say --domain with a domain of the account, or turn workers.dev on in the dashboard".to_owned(),
            }),
        }
    }

    /// Writes the configs of these deployables, and lays out pages.
    fn write(&self, names: &[&'static str], hosts: &Hosts) -> Result<(), Failure> {
        let Site { environment, layout, .. } = self.site;
        let wishes = Wishes {
            code: Purpose::Deployment,
            environment,
            hosts,
            ids: self.ids,
            layout,
            vars: &self.vars,
        };
        for name in names {
            let Some(committed) = self.configs.get(name) else { continue };
            write_config(&self.config_path(name), &render::render(&wishes, name, committed)?)?;
            if services::pages().any(|page| page == *name) {
                pages::dress(
                    layout,
                    name,
                    &hosts.origins(),
                    &page_folder(layout, environment, name),
                )?;
            }
        }
        Ok(())
    }

    fn migrate(&self) -> Result<(), Failure> {
        let Site { environment, layout, wrangler, .. } = self.site;
        let (config, database) = (self.config_path(FRONT_DOOR), environment.database());
        let pending = || -> Result<Vec<String>, Failure> {
            Ok(survey::pending(
                &wrangler.migrations(&config, &database)?,
                survey::migrations(&layout.root)?,
            ))
        };
        let before = pending()?;
        if before.is_empty() {
            say::line("the schema is the newest");
            return Ok(());
        }
        wrangler.apply_migrations(&config, &database)?;
        let after = pending()?;
        if after.is_empty() {
            say::line(&format!("applied {}", before.join(", ")));
            return Ok(());
        }
        Err(Failure::System {
            action: "apply migrations",
            problem: format!(
                "wrangler says that it did, and these are pending still: {}",
                after.join(", ")
            ),
        })
    }

    /// What was agreed to: nobody else deploys meanwhile.
    fn secrets(&self, plan: &secrets::Plan, kept: &mut Kept) -> Result<(), Failure> {
        let Site { environment, given, wrangler, .. } = self.site;
        if *plan == secrets::Plan::default() {
            say::line(&plan.text());
        }
        secrets::carry_out(wrangler, environment, plan, kept, &given.secrets())
    }

    /// Seeds, unless the front door that serves was deployed after the same seeds went into the same database; a hash
    /// of both comes back.
    fn seed(&self, survey: &Survey) -> Result<String, Failure> {
        let Site { environment, layout, wrangler, .. } = self.site;
        let seeds = seeds::read(layout, random::now())?;
        let (providers, models) = seeds.sizes;
        // A database that was made anew has another id. One that was restored in place has not: what tells of that is
        // the cache, which is another after each restore (docs/backup-and-restore.md).
        let mut place = Hash::default();
        for part in [&seeds.hash, &self.ids.database, &self.ids.cache] {
            place.add(part.as_bytes());
        }
        let hash = place.finish();
        let wanted = Note::new("", None, Some(&hash)).seeds;
        if survey.note().is_some_and(|note| note.seeds == wanted) {
            say::line(&format!("{providers} providers and {models} models: nothing changed"));
            return Ok(hash);
        }
        let path = self.site.folder().join("catalogue.sql");
        files::write(&path, &seeds.sql)?;
        wrangler.execute(&environment.database(), &path)?;
        say::line(&format!(
            "{providers} providers and {models} models; what an operator changed stays"
        ));
        Ok(hash)
    }

    /// What the version of this deployable will be noted with.
    fn note(&self, name: &'static str, seeds: Option<&str>) -> Result<Note, Failure> {
        let Site { environment, layout, .. } = self.site;
        let mut hash = Hash::default();
        // Where the clone lies is in the config's paths, and is no change.
        let place = layout.root.to_string_lossy();
        hash.add(files::read(&self.config_path(name))?.replace(&*place, "").as_bytes());
        let folder = if services::pages().any(|page| page == name) {
            page_folder(layout, environment, name)
        } else {
            Purpose::Deployment.folder(layout, name)
        };
        hash.add_folder(&folder, &folder, &[".gitignore", "package.json"])?;
        let objects =
            self.configs.get(name).and_then(|config| config.get("migrations")?.as_array()?.last());
        let objects = objects.and_then(|last| last.get("tag")?.as_str());
        Ok(Note::new(&hash.finish(), objects, seeds))
    }
}

/// Writes a config for wrangler.
pub(crate) fn write_config(path: &std::path::Path, config: &Value) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(config)
        .map_err(|error| Failure::System { action: "write JSON", problem: error.to_string() })?;
    files::write(path, &text)
}

/// What a person does next.
fn addresses(site: &Site<'_>, hosts: &Hosts) -> String {
    let mut lines = vec![format!("API            {}", hosts.api())];
    for page in services::pages() {
        lines.push(format!("{page:<14} {}", hosts.origin(page).unwrap_or_default()));
    }
    lines.push(format!("state          cargo xtask status --env {}", site.environment.name));
    lines.push(
        "the first superadmin: POST /v1/bootstrap with the bootstrap token (docs/deploy.md)"
            .to_owned(),
    );
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::schema;

    #[test]
    fn pending_migrations_are_told_in_short() {
        let names = ["0001_one.sql", "0002_two.sql", "0003_three.sql"].map(str::to_owned);
        assert_eq!(schema(&[]), "the newest");
        assert_eq!(schema(&names[2..]), "1 migration: 0003_three.sql");
        assert_eq!(schema(&names), "3 migrations: 0001_one.sql to 0003_three.sql");
    }
}
