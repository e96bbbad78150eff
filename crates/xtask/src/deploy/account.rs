//! Which account is meant, and what lies there of an environment: found by name, made where it is missing.

use crate::deploy::environments::Environment;
use crate::deploy::render::Ids;
use crate::deploy::wrangler::Wrangler;
use crate::failure::Failure;
use crate::say;

/// The variable that names the account, where several could be meant.
const ACCOUNT: &str = "CLOUDFLARE_ACCOUNT_ID";

/// Finds the account that wrangler will work on.
///
/// `named` is what `CLOUDFLARE_ACCOUNT_ID` says.
///
/// # Errors
/// `Missing` if nobody is logged in, or several accounts could be meant.
pub(crate) fn choose(
    wrangler: Wrangler,
    named: Option<&str>,
) -> Result<(Wrangler, String), Failure> {
    let Some(who) = wrangler.who()? else {
        return Err(Failure::Missing {
            what: "nobody is logged in to Cloudflare".to_owned(),
            remedy: "cargo xtask wrangler -- login, or set CLOUDFLARE_API_TOKEN; docs/deploy.md says which \
                     permissions a token needs"
                .to_owned(),
        });
    };
    let known = |id: &str| who.accounts.iter().find(|account| account.id == id);
    match (named, who.accounts.as_slice()) {
        // A token for one account may not be allowed to list any.
        (Some(id), _) => {
            let name = known(id).map_or_else(|| id.to_owned(), |account| account.name.clone());
            Ok((wrangler.for_account(id), name))
        }
        (None, [only]) => Ok((wrangler.for_account(&only.id), only.name.clone())),
        (None, []) => Err(Failure::Missing {
            what: "wrangler is logged in, but may list no account".to_owned(),
            remedy: format!("set {ACCOUNT} to the account's id, from its page in the dashboard"),
        }),
        (None, several) => {
            let list = several.iter().map(|account| format!("{}  {}", account.id, account.name));
            Err(Failure::Missing {
                what: format!("{} accounts could be meant", several.len()),
                remedy: format!(
                    "set {ACCOUNT} to one of them:\n  {}",
                    list.collect::<Vec<_>>().join("\n  ")
                ),
            })
        }
    }
}

/// What is there of an environment's resources.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Found {
    pub(crate) bucket: bool,
    pub(crate) cache: Option<String>,
    pub(crate) database: Option<String>,
}

/// Looks for the resources.
pub(crate) fn find(wrangler: &Wrangler, environment: &Environment) -> Result<Found, Failure> {
    Ok(Found {
        bucket: wrangler.has_bucket(&environment.bucket())?,
        cache: wrangler.namespaces()?.remove(&environment.cache()),
        database: wrangler.databases()?.remove(&environment.database()),
    })
}

/// Makes what was not found. Broken off, the next run finds what this one made.
pub(crate) fn make(
    wrangler: &Wrangler,
    environment: &Environment,
    found: &Found,
) -> Result<Ids, Failure> {
    let location = environment.location.as_deref();
    let missing = |what: &str, name: &str| Failure::System {
        action: "make the environment's resources",
        problem: format!("wrangler made the {what} {name}, and does not list it; run this again"),
    };
    if !found.bucket {
        wrangler.create_bucket(&environment.bucket(), location)?;
        say::line(&format!("made the bucket {}", environment.bucket()));
    }
    let cache = if let Some(id) = &found.cache {
        id.clone()
    } else {
        let title = environment.cache();
        wrangler.create_namespace(&title)?;
        say::line(&format!("made the KV namespace {title}"));
        wrangler.namespaces()?.remove(&title).ok_or_else(|| missing("KV namespace", &title))?
    };
    let database = if let Some(id) = &found.database {
        id.clone()
    } else {
        let name = environment.database();
        wrangler.create_database(&name, location)?;
        say::line(&format!("made the database {name}"));
        wrangler.databases()?.remove(&name).ok_or_else(|| missing("database", &name))?
    };
    Ok(Ids { cache, database })
}
