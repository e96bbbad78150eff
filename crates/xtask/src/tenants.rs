//! Tenants by command: `cargo xtask instance …`, `export` and `import`.
//!
//! The work is that of `de-tenants`; here are the command line, the files, and what people see. Steps go to
//! standard error. Standard output has results alone: documents, lists, and secrets, one JSON line each.

pub(crate) mod args;
pub(crate) mod place;
mod say;

use std::collections::BTreeMap;
use std::env;
use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

use de_tenants::apply::{Means, Options, Outcome, apply};
use de_tenants::document::{Source, Tenant};
use de_tenants::export::export;
use de_tenants::gateway::{Gateway, GatewayError, plain, text};
use de_tenants::ledger::Ledger;
use de_tenants::plan::{RunError, in_lines};
use de_tenants::remove;
use de_tenants::sources::Sources;

use self::place::Place;
use self::say::Speaker;
use crate::failure::Failure;
use crate::files;
use crate::layout::Layout;

/// What somebody wants of tenants.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Wish {
    /// Brings about what a file says, or every file of a folder.
    Apply { how: How, path: PathBuf },
    /// Removes an instance with all that is below it.
    Delete { id: String, is_forced: bool, keep_assets: Option<PathBuf> },
    /// Writes the document of an organization.
    Export { organization: String },
    /// Lists instances.
    List { organization: Option<String> },
    /// Writes the document of one instance.
    Show { id: String },
}

/// How a file is brought about.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct How {
    /// The path is a folder of files.
    pub(crate) is_folder: bool,
    /// Says what would be done.
    pub(crate) is_dry: bool,
    /// Asks nobody.
    pub(crate) is_offline: bool,
    /// API keys that are not there are made.
    pub(crate) issues_keys: bool,
    /// Organization and instances have to be there.
    pub(crate) must_exist: bool,
    /// The vendors' keys are saved again.
    pub(crate) saves_keys: bool,
    /// Where secrets are kept.
    pub(crate) secrets_to: Option<PathBuf>,
}

/// Runs a command.
///
/// # Errors
/// What kept it from its end, and what to do next.
pub(crate) fn run(layout: &Layout, wish: &Wish, place: &args::Where) -> Result<(), Failure> {
    if let Wish::Apply { how, path } = wish {
        let files = if how.is_folder { folder(path)? } else { vec![path.clone()] };
        return bring_about(layout, &files, how, place);
    }
    let gateway = Place::find(layout, place)?.gateway()?;
    match wish {
        Wish::Apply { .. } => Ok(()),
        Wish::Delete { id, is_forced, keep_assets } => {
            delete(&gateway, id, *is_forced, keep_assets.as_deref())
        }
        Wish::Export { organization } => {
            let document = export(&gateway, organization, None).map_err(asked("export"))?;
            print(&format!("{document:#}"))
        }
        Wish::List { organization } => list(&gateway, organization.as_deref()),
        Wish::Show { id } => {
            let path = format!("/v1/instances/{}", plain(id));
            let row = gateway.get(&path).map_err(asked("find the instance"))?.body;
            let organization = text(&row, "organization_id");
            let document = export(&gateway, organization, Some(id)).map_err(asked("export"))?;
            print(&format!("{document:#}"))
        }
    }
}

/// The files of a folder, in order of name.
fn folder(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut all = files::entries(path)?;
    all.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
    if all.is_empty() {
        let problem = "has no .json file".to_owned();
        return Err(Failure::Content { path: path.to_owned(), problem });
    }
    Ok(all)
}

/// Reads all files before anything is done, then brings them about one after the other.
fn bring_about(
    layout: &Layout,
    paths: &[PathBuf],
    how: &How,
    place: &args::Where,
) -> Result<(), Failure> {
    let tenants: Vec<(&PathBuf, Tenant)> =
        paths.iter().map(|path| Ok((path, read(path)?))).collect::<Result<_, Failure>>()?;
    let sources = sources(tenants.iter().map(|(_, tenant)| tenant), how)?;
    let gateway = match how.is_offline {
        true => None,
        false => Some(Place::find(layout, place)?.gateway()?),
    };
    let mut ledger = match how.secrets_to.as_deref().filter(|_| !how.is_dry) {
        Some(path) => Ledger::in_file(path).map_err(|error| failed("keep secrets", &error))?,
        None => Ledger::none(),
    };
    let options = Options {
        is_dry: how.is_dry || how.is_offline,
        issues_keys: how.issues_keys,
        must_exist: how.must_exist,
        saves_keys: how.saves_keys,
    };
    for (path, tenant) in &tenants {
        crate::say::part(&path.display().to_string());
        let mut speaker = Speaker { shows: how.secrets_to.is_none() };
        let means = Means { gateway: gateway.as_ref(), ledger: &mut ledger, sources: &sources };
        let outcome = apply(tenant, options, means, &mut speaker);
        summary(path, options, &outcome.map_err(|error| broken(path, &error))?);
    }
    if let Some(path) = how.secrets_to.as_deref().filter(|_| !how.is_dry) {
        crate::say::line(&format!("secrets are in {}", path.display()));
    }
    Ok(())
}

fn read(path: &Path) -> Result<Tenant, Failure> {
    Tenant::parse(&files::read(path)?).map_err(|issues| {
        let problem = format!("cannot be brought about:\n{}", in_lines(&issues));
        Failure::Content { path: path.to_owned(), problem }
    })
}

/// The secrets that files name: those variables and no others, and standard input only if one of them is there.
fn sources<'t>(tenants: impl Iterator<Item = &'t Tenant>, how: &How) -> Result<Sources, Failure> {
    let mut variables = BTreeMap::new();
    let mut wants_input = false;
    let keys = tenants.flat_map(|tenant| &tenant.instances).flat_map(|one| &one.provider_keys);
    for source in keys.filter_map(|key| key.source.as_ref()) {
        match source {
            Source::Environment(name) => {
                variables.extend(env::var(name).ok().map(|value| (name.clone(), value)));
            }
            Source::StandardInput(_) => wants_input = true,
        }
    }
    let mut input = String::new();
    if wants_input && !how.is_dry && !how.is_offline {
        let told = |error: io::Error| failed("read standard input", &error);
        io::stdin().read_to_string(&mut input).map_err(told)?;
    }
    Sources::of(variables, &input).map_err(|problem| failed("read the vendors' keys", &problem))
}

fn summary(path: &Path, options: Options, outcome: &Outcome) {
    let counts: Vec<String> =
        outcome.counts.iter().map(|(verb, count)| format!("{count} {}", verb.word())).collect();
    let done = if options.is_dry { "would be done" } else { "done" };
    crate::say::line(&format!("{}: {done}: {}", path.display(), counts.join(", ")));
    if !options.is_dry {
        for id in outcome.instance_ids.iter().flatten() {
            crate::say::line(&format!("instance {id}"));
        }
        for step in &outcome.by_hand {
            crate::say::line(&format!("left to do: {}: {}", step.thing, step.detail));
        }
    }
}

/// What kept a file from its end.
fn broken(path: &Path, error: &RunError) -> Failure {
    let problem = match error {
        RunError::Problems(_) => format!("cannot be brought about:\n{error}"),
        RunError::Gateway { .. } | RunError::Machine(_) => {
            format!("{error}\n  what was done stays done; run the same again to go on")
        }
    };
    Failure::Content { path: path.to_owned(), problem }
}

fn list(gateway: &Gateway, organization: Option<&str>) -> Result<(), Failure> {
    let query = organization.map(|id| format!("organization_id={}", plain(id)));
    let rows = gateway.list("/v1/instances", &query.unwrap_or_default());
    let mut lines = String::new();
    for row in rows.map_err(asked("list instances"))? {
        let of = |name| text(&row, name);
        let line = format!(
            "{:<32} {:<12} {:<10} {:<32} {}\n",
            of("id"),
            of("environment"),
            of("status"),
            of("organization_id"),
            of("name")
        );
        lines.push_str(&line);
    }
    print(lines.trim_end())
}

fn delete(
    gateway: &Gateway,
    id: &str,
    is_forced: bool,
    keep_assets: Option<&Path>,
) -> Result<(), Failure> {
    let below = remove::below(gateway, id).map_err(asked("find the instance"))?;
    crate::say::part(&format!("{id}, and with it"));
    for (kind, count) in &below {
        if count.as_u64() != Some(0) {
            crate::say::line(&format!("{count} {}", kind.replace('_', " ")));
        }
    }
    if !is_forced {
        confirm(id)?;
    }
    if let Some(folder) = keep_assets {
        let saved = remove::save_assets(gateway, id, folder).map_err(asked("save assets"))?;
        crate::say::line(&format!("{saved} assets are in {}", folder.display()));
    }
    remove::instance(gateway, id).map_err(asked("delete the instance"))?;
    crate::say::line("it is gone");
    Ok(())
}

/// Lets somebody type what is to be deleted.
fn confirm(id: &str) -> Result<(), Failure> {
    let not_told = |remedy: &str| Failure::Missing {
        what: format!("nobody has confirmed that {id} shall be deleted"),
        remedy: remedy.to_owned(),
    };
    if !io::stdin().is_terminal() {
        return Err(not_told("run it in a terminal, or add --force"));
    }
    eprint!("    type its id to delete it for ever: ");
    let mut line = String::new();
    let read = io::stdin().lock().read_line(&mut line);
    read.map_err(|error| failed("read the terminal", &error))?;
    if line.trim() == id { Ok(()) } else { Err(not_told("type the id as it stands there")) }
}

/// Writes a result.
fn print(text: &str) -> Result<(), Failure> {
    let written = writeln!(io::stdout().lock(), "{text}");
    written.map_err(|error| failed("write the result", &error))
}

fn asked(action: &'static str) -> impl Fn(GatewayError) -> Failure {
    move |error| failed(action, &error)
}

fn failed(action: &'static str, problem: &dyn std::fmt::Display) -> Failure {
    Failure::System { action, problem: problem.to_string() }
}
