//! `cargo xtask bench`: the benchmarks of `tests/bench`, against a stack of their own.
//!
//! The stack is the one of `dev` and `test`, with two differences: the vendor is the benchmark's own, which is
//! faster than the simulator, and the catalogue has no models but those that the benchmark makes.

use std::collections::HashMap;
use std::path::PathBuf;

use de_core::auth::api_key::{ApiKey, KeyKind};
use de_core::auth::vault;
use de_core::ids::ProviderId;
use de_core::ports::Settings;
use de_core::secret::Secret;
use de_core::seeds::{self, DevKey, DevProviderKey, DevTenant};

use crate::build;
use crate::dev::{self, seed::statement};
use crate::failure::Failure;
use crate::files;
use crate::layout::Layout;
use crate::random::{self, System};
use crate::run::Run;
use crate::say;
use crate::setup::python::{self, Packages};
use crate::setup::{self, Tools, node};
use crate::stack::input::{Secrets, StackInput, Statement};
use crate::stack::ports::{Ports, address};
use crate::stack::record::Keys;
use crate::stack::{Plan, Stack};

/// The providers that the benchmark's vendor stands in for, and what follows its address in their base URLs.
const PROVIDERS: [(&str, &str); 2] = [("anthropic", ""), ("openai", "/v1")];
/// What there is to list, for `--lists`.
const LISTS: &str = "tests/bench/lists.sql";
/// The lock files of the public gateways.
const GATEWAYS: &str = "tests/bench/gateways";
/// The vendor's port, counted from the simulator's: the next one is the runtime's own entry.
const VENDOR: u16 = 2;

/// Runs the command; `args` go to the benchmark.
///
/// It finds the packaged Node in `DE_NODE`, the repository in `DE_ROOT`, the record of the stack in
/// `STACK_JSON`, and the port where the stack expects its vendor in `DE_BENCH_VENDOR_PORT`. Asked for `gateways`, it
/// finds those that it is to be measured against in `DE_BENCH_PORTKEY` (a folder of modules) and `DE_BENCH_LITELLM` (a
/// Python).
pub(crate) fn run(layout: &Layout, args: &[String]) -> Result<(), Failure> {
    let tools = setup::prepare(layout)?;
    build::all(layout, &tools)?;
    say::part("Benchmarks");
    let gateways = gateways(layout, args)?;
    // All is compiled before anything is measured.
    compile(layout)?;
    let ports = Ports::free()?;
    let vendor_port = ports.simulator() + VENDOR;
    let soak = args.iter().any(|arg| arg == "soak");
    let lists = args.iter().any(|arg| arg == "--lists");
    let stack = if soak {
        // Every modality is called: by the catalogue, at the simulator.
        dev::start_for_soak(layout, &tools, ports)?
    } else {
        start(layout, &tools, ports, vendor_port, lists)?
    };
    let run = Run::new(layout.target.join("release/de-bench"))
        .args(args)
        .env("DE_BENCH_VENDOR_PORT", vendor_port.to_string())
        .env("DE_NODE", &tools.node)
        .env("DE_ROOT", &layout.root)
        .env("STACK_JSON", &stack.file)
        .dir(&layout.root);
    let run = gateways.into_iter().fold(run, |run, (name, place)| run.env(name, place));
    tools.dress(run)?.show()?;
    stack.forget(layout, ports);
    Ok(())
}

/// The public gateways that are wanted, installed: in which variable the benchmarks look for each, and where it is.
fn gateways(layout: &Layout, args: &[String]) -> Result<Vec<(&'static str, PathBuf)>, Failure> {
    if args.first().is_none_or(|word| word != "gateways") {
        return Ok(Vec::new());
    }
    let folder = layout.root.join(GATEWAYS);
    let mut found = Vec::new();
    for name in against(args)? {
        found.push(if name == "portkey" {
            node::install(layout, &folder)?;
            ("DE_BENCH_PORTKEY", folder.join("node_modules"))
        } else {
            let requirements = folder.join("python/requirements.txt");
            let title = "LiteLLM";
            let packages = Packages { name: "bench-python", requirements: &requirements, title };
            ("DE_BENCH_LITELLM", python::environment(layout, packages)?)
        });
    }
    Ok(found)
}

/// Reads `--against portkey,litellm`; without it both are meant.
fn against(args: &[String]) -> Result<Vec<&str>, Failure> {
    let at = args.iter().position(|arg| arg == "--against");
    let Some(at) = at else { return Ok(vec!["portkey", "litellm"]) };
    let list = args.get(at + 1).map_or("", String::as_str);
    let names: Vec<&str> = list.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    match names.iter().find(|name| !["portkey", "litellm"].contains(name)) {
        Some(other) => Err(Failure::System {
            action: "measure against it",
            problem: format!("`{other}` is neither portkey nor litellm"),
        }),
        None => Ok(names),
    }
}

fn compile(layout: &Layout) -> Result<(), Failure> {
    // The release profile is made for small wasm; whoever measures should rather be quick.
    Run::new("cargo")
        .args(["build", "--release", "--package", "de-bench"])
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
        .env("CARGO_PROFILE_RELEASE_LTO", "false")
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "3")
        .dir(&layout.root)
        .show()?;
    // Every stack starts it; here nobody calls it.
    Run::new("cargo").args(["build", "--package", "de-simulator"]).dir(&layout.root).show()
}

fn start(
    layout: &Layout,
    tools: &Tools,
    ports: Ports,
    vendor_port: u16,
    lists: bool,
) -> Result<Stack, Failure> {
    let secrets = Secrets::make(PROVIDERS.map(|(provider, _place)| provider))?;
    let mut keys = Keys::default();
    let mut statements = rows(layout, &secrets, vendor_port, &mut keys)?;
    if lists {
        let file = files::read(&layout.root.join(LISTS))?;
        let parts = file.split(";\n").map(str::trim).filter(|sql| !sql.is_empty());
        statements.extend(parts.map(|sql| Statement { sql: sql.to_owned(), args: Vec::new() }));
    }
    let input = StackInput::new(layout, ports, &[vendor_port], &secrets, statements)?;
    Stack::start(layout, tools, ports, Plan { input: input.without_pages(), keys })
}

/// The rows of a tenant that may call the vendor; its keys go into `keys`.
fn rows(
    layout: &Layout,
    secrets: &Secrets,
    vendor_port: u16,
    keys: &mut Keys,
) -> Result<Vec<Statement>, Failure> {
    let malformed = |problem: String| Failure::System { action: "make a tenant", problem };
    let mut tenant = DevTenant::bare().ok_or_else(|| malformed("its ids are bad".to_owned()))?;
    let settings = Settings { master_keys: secrets.sealing(), ..Settings::default() };
    let mut base_urls = HashMap::new();
    for (provider, place) in PROVIDERS {
        let provider_id =
            ProviderId::parse(provider).map_err(|error| malformed(error.to_string()))?;
        base_urls.insert(provider_id, format!("{}{place}", address(vendor_port)));
    }
    let file = layout.root.join("seeds/providers.json");
    let providers = seeds::read_providers(&files::read(&file)?, &base_urls)
        .map_err(|error| Failure::Content { path: file, problem: error.to_string() })?;
    for provider in providers.iter().filter(|provider| base_urls.contains_key(&provider.id)) {
        let key = Secret::new(format!("bench-{}", random::hex()?));
        let sealed = vault::seal(&settings, &System, &tenant.instance_id, &provider.id, &key)
            .map_err(|error| malformed(error.to_string()))?;
        tenant.provider_keys.push(DevProviderKey {
            hosts: provider.key_hosts(),
            last_four: key.last_four(),
            provider_id: provider.id.clone(),
            sealed,
        });
    }
    for (kind, text) in
        [(KeyKind::Admin, &mut keys.admin_key), (KeyKind::Test, &mut keys.client_key)]
    {
        let made = ApiKey::make(kind, &System);
        tenant.keys.push(DevKey {
            digest: made.key.digest,
            expires_at: None,
            id: made.key.id,
            kind,
            last_four: made.secret.last_four(),
            name: kind.prefix().to_owned(),
            revoked_at: None,
        });
        made.secret.expose().clone_into(text);
    }
    let now = random::now();
    let catalogue = seeds::catalogue(&providers, &[], now);
    Ok(catalogue.into_iter().chain(seeds::dev_tenant(&tenant, now)).map(statement).collect())
}

#[cfg(test)]
mod tests {
    use super::against;

    #[test]
    fn only_gateways_that_are_known_are_installed() {
        let check = |line: &str, expected: Option<&[&str]>| {
            let args: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
            assert_eq!(against(&args).ok().as_deref(), expected, "{line}");
        };
        check("gateways --quick", Some(&["portkey", "litellm"]));
        check("gateways --against litellm", Some(&["litellm"]));
        check("gateways --against portkey,litellm --quick", Some(&["portkey", "litellm"]));
        check("gateways --against kong", None);
        check("gateways --against", Some(&[]));
    }
}
