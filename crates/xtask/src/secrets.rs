//! `cargo xtask secrets rotate`: a new master key for the vendors' keys, without a moment in which one of them
//! does not open.
//!
//! The order is what makes it safe: the new key is kept before anything is sealed with it, everything is sealed
//! with it before the old one goes, and the old one goes only when nothing names it. Broken off anywhere, the
//! command is run again and goes on.

use de_core::secret::Secret;
use de_tenants::gateway::Gateway;
use serde_json::Value;

use crate::deploy::Site;
use crate::deploy::given::API_KEY;
use crate::deploy::rotate::Deployed;
use crate::failure::Failure;
use crate::files;
use crate::layout::Layout;
use crate::random;
use crate::say;
use crate::setup::{self, Tools};
use crate::stack::input::StackInput;
use crate::stack::kept::Kept;
use crate::stack::ports::Ports;
use crate::stack::record::{self, Record};
use crate::stack::{Plan, Stack};
use crate::tenants::place;

/// The stack on this machine. Other environments are those of `wrangler/environments.jsonc`.
pub(crate) const DEV: &str = "dev";

/// Where a master key is changed.
pub(crate) trait Place {
    /// The versions that it keeps.
    fn versions(&self) -> Vec<u32>;

    /// Keeps a new one of this version.
    fn add(&mut self, version: u32) -> Result<(), Failure>;

    /// Lets the workers have exactly what is kept.
    fn deploy(&mut self) -> Result<(), Failure>;

    /// Seals the next keys anew.
    fn reseal(&mut self) -> Result<Resealed, Failure>;

    /// Forgets all but this one.
    fn keep_only(&mut self, version: u32) -> Result<(), Failure>;
}

/// What one call of `POST /v1/provider-keys/reseal` came to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Resealed {
    /// Whose secrets do not open: `inst_1/openai: why`, `webhook whk_1: why`.
    failed: Vec<String>,
    pub(crate) newest_version: u32,
    remaining: u64,
    resealed: u64,
}

/// Runs the command: for the stack on this machine, or for a deployed environment.
///
/// # Errors
/// `Missing` if the stack does not run by itself, or for what [`Deployed::find`] misses.
pub(crate) fn run(layout: &Layout, environment: &str) -> Result<(), Failure> {
    let version = if environment == DEV {
        rotate(&mut Running::find(layout, Ports::from_environment()?)?)?
    } else {
        let tools = setup::prepare_wrangler(layout)?;
        let mut site = Site::find(layout, environment, &tools)?;
        if let Some(key) = place::key(None)? {
            site.given.0.insert(API_KEY.to_owned(), key.expose().to_owned());
        }
        let mut place = Deployed::find(&site)?;
        let version = rotate(&mut place)?;
        place.show()?;
        version
    };
    println!("The vendors' keys are sealed with DE_MASTER_KEY_V{version}; older ones are gone.");
    Ok(())
}

/// Changes the master key; the version that seals from now on comes back.
pub(crate) fn rotate(place: &mut impl Place) -> Result<u32, Failure> {
    let versions = place.versions();
    let newest = versions.iter().copied().max().unwrap_or_default();
    // Where there are several, an earlier rotation was broken off: it goes on.
    let version = if versions.len() > 1 { newest } else { newest + 1 };
    if version != newest {
        place.add(version)?;
    }
    place.deploy()?;
    let mut resealed = 0;
    loop {
        let told = place.reseal()?;
        if told.newest_version != version {
            let problem =
                format!("the workers seal with version {}, not {version}", told.newest_version);
            return Err(stopped(problem));
        }
        resealed += told.resealed;
        if told.remaining == 0 {
            break;
        }
        if told.resealed == 0 {
            let failed = told.failed.join("\n  ");
            return Err(stopped(format!(
                "{} secrets do not open; save keys again, rotate webhooks, or delete them, then run this again. Both master keys stay.\n  {failed}",
                told.remaining
            )));
        }
        say::line(&format!("{resealed} sealed anew, {} to go", told.remaining));
    }
    say::line(&format!("{resealed} sealed anew"));
    place.keep_only(version)?;
    place.deploy()?;
    Ok(version)
}

pub(crate) fn stopped(problem: String) -> Failure {
    Failure::System { action: "change the master key", problem }
}

/// A stack on this machine.
struct Running<'a> {
    kept: Kept,
    layout: &'a Layout,
    ports: Ports,
    tools: Tools,
}

impl<'a> Running<'a> {
    /// Finds the stack that runs on these ports.
    fn find(layout: &'a Layout, ports: Ports) -> Result<Self, Failure> {
        let missing = |what: &str, remedy: &str| Failure::Missing {
            what: format!("{what} on port {}", ports.base()),
            remedy: remedy.to_owned(),
        };
        // Without a record it fell in the middle of a rotation: what is kept starts it again.
        let record = Record::read(layout, ports)?.filter(Record::is_alive);
        let Some(kept) = Kept::read(layout, ports)? else {
            return Err(missing("no stack runs", "start one: cargo xtask dev --detach"));
        };
        if record.is_some_and(|record| !record.detached) {
            let remedy = "it ends with its terminal, so it cannot be started again from here:\n  stop it, then cargo xtask dev --detach";
            return Err(missing("the stack belongs to another terminal", remedy));
        }
        let tools = setup::prepare(layout)?;
        Ok(Self { kept, layout, ports, tools })
    }
}

impl Place for Running<'_> {
    fn versions(&self) -> Vec<u32> {
        self.kept.secrets.master_keys.keys().copied().collect()
    }

    fn add(&mut self, version: u32) -> Result<(), Failure> {
        say::part(&format!("DE_MASTER_KEY_V{version}"));
        self.kept.secrets.master_keys.insert(version, random::master_key()?);
        self.kept.write(self.layout, self.ports)
    }

    fn deploy(&mut self) -> Result<(), Failure> {
        let versions: Vec<String> =
            self.versions().iter().map(|version| format!("V{version}")).collect();
        say::part(&format!("Stack with {}", versions.join(" and ")));
        if let Some(record) = Record::read(self.layout, self.ports)? {
            record.end()?;
            files::remove(&record::path(self.layout, self.ports))?;
        }
        let Kept { keys, secrets, upstream_ports } = &self.kept;
        let input = StackInput::new(self.layout, self.ports, upstream_ports, secrets, Vec::new())?;
        let plan = Plan { input, keys: keys.clone() };
        Stack::start_again(self.layout, &self.tools, self.ports, plan)?.detach()
    }

    fn reseal(&mut self) -> Result<Resealed, Failure> {
        let record = Record::read(self.layout, self.ports)?;
        let base = record.ok_or_else(|| stopped("the stack has gone".to_owned()))?.base;
        let key = Secret::new(self.kept.keys.admin_key.clone());
        let gateway = Gateway::at(&base, &key).map_err(|error| stopped(error.to_string()))?;
        let answer = gateway.run("/v1/provider-keys/reseal");
        let told = answer.map_err(|error| stopped(error.to_string()))?.body;
        Resealed::read(&told)
            .ok_or_else(|| stopped("the stack answered in another form".to_owned()))
    }

    fn keep_only(&mut self, version: u32) -> Result<(), Failure> {
        self.kept.secrets.master_keys.retain(|known, _| *known == version);
        self.kept.write(self.layout, self.ports)
    }
}

impl Resealed {
    /// Reads the answer; `None` for one of another form.
    pub(crate) fn read(told: &Value) -> Option<Self> {
        let failed = told.get("failed")?.as_array()?.iter().map(|key| {
            let text = |name: &str| key.get(name).and_then(Value::as_str).unwrap_or("?").to_owned();
            format!("{}/{}: {}", text("instance_id"), text("provider_id"), text("reason"))
        });
        let webhooks = told.get("failed_webhooks").and_then(Value::as_array);
        let webhooks = webhooks.into_iter().flatten().map(|webhook| {
            let text =
                |name: &str| webhook.get(name).and_then(Value::as_str).unwrap_or("?").to_owned();
            format!("webhook {}: {}", text("webhook_id"), text("reason"))
        });
        Some(Self {
            failed: failed.chain(webhooks).collect(),
            newest_version: u32::try_from(told.get("newest_version")?.as_u64()?).ok()?,
            remaining: told.get("remaining")?.as_u64()?,
            resealed: told.get("resealed")?.as_u64()?,
        })
    }
}

#[cfg(test)]
mod tests;
