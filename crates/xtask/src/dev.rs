//! `cargo xtask dev`: the whole gateway on this machine, with a tenant to play with, or with nobody yet.

pub(crate) mod seed;
mod show;
mod vendor_keys;

use crate::args::Mode;
use crate::build;
use crate::failure::Failure;
use crate::files;
use crate::layout::Layout;
use crate::pages;
use crate::random;
use crate::run::Run;
use crate::say::{self, Watch};
use crate::setup::{self, Tools};
use crate::stack::input::{Secrets, StackInput};
use crate::stack::kept::{self, Kept};
use crate::stack::ports::{Ports, address};
use crate::stack::record::{self, Keys, Record};
use crate::stack::{Plan, Stack};
use vendor_keys::VendorKeys;

/// What kind of stack is wanted.
pub(crate) struct Wanted {
    /// Nobody is there: the catalogue, and a token for whoever begins.
    pub(crate) empty: bool,
    /// Ports on this machine where the user's own providers may live.
    pub(crate) upstream_ports: Vec<u16>,
    /// Whether Vite serves the pages.
    pub(crate) watch: bool,
}

/// Runs the command.
pub(crate) fn run(layout: &Layout, mode: Mode, wanted: Wanted) -> Result<(), Failure> {
    let ports = Ports::from_environment()?;
    if mode == Mode::Stop {
        return stop(layout, ports);
    }
    let tools = setup::prepare(layout)?;
    build::all(layout, &tools)?;
    let vendor_keys = VendorKeys::read(&layout.root.join(".dev.vars"))?;
    // Its state is about to be replaced, so it cannot stay.
    if end_former(layout, ports)? {
        say::line(&format!(
            "a stack already ran on port {}: ended it, starting afresh",
            ports.base()
        ));
    }
    let stack =
        start(layout, &tools, ports, &Start { full_collections: false, vendor_keys, wanted })?;
    println!("{}", show::table(layout, ports, &stack));
    match mode {
        Mode::Detach => {
            println!("It runs on; `cargo xtask dev --stop` ends it.");
            stack.detach()
        }
        Mode::Foreground => {
            println!("Ctrl-C ends it.");
            let waited = stack.wait();
            files::remove(&kept::path(layout, ports))?;
            waited
        }
        Mode::Stop => Ok(()),
    }
}

/// What a stack is started with.
struct Start {
    /// Whether the runtime keeps nothing that is of no use any more.
    full_collections: bool,
    /// Keys of real vendors.
    vendor_keys: VendorKeys,
    wanted: Wanted,
}

/// Starts a stack with a fresh state, new keys and the simulator in place of each vendor without a key.
fn start(layout: &Layout, tools: &Tools, ports: Ports, start: &Start) -> Result<Stack, Failure> {
    let Start { full_collections, vendor_keys, wanted } = start;
    pages::build(layout, tools)?;
    say::part(&format!("Stack on {}", address(ports.base())));
    let watch = Watch::start();
    Run::new("cargo").args(["build", "--package", "de-simulator"]).dir(&layout.root).show()?;
    say::line(&format!("simulator is built ({})", watch.text()));
    for provider in vendor_keys.providers() {
        say::line(&format!("{provider} is called for real, with the key of .dev.vars"));
    }
    let mut secrets =
        Secrets::make(seed::SIMULATED.map(|(provider, _place)| seed::vendor(provider)))?;
    if wanted.empty {
        secrets.bootstrap_token = Some(random::hex()?);
    }
    let wishes = seed::Wishes {
        origins: ports.pages().map(|(_page, port)| address(port)).collect(),
        secrets: &secrets,
        seeds: &layout.root.join("seeds"),
        simulator: &address(ports.simulator()),
        vendor_keys,
    };
    let tenant = if wanted.empty { seed::nobody(&wishes) } else { seed::tenant(&wishes) }?;
    let keys = Keys {
        admin_key: tenant.admin_key,
        bootstrap_token: secrets.bootstrap_token.clone(),
        client_key: tenant.client_key,
        refused_keys: tenant.refused_keys,
        simulator_keys: secrets.simulator_keys.clone(),
    };
    let upstream_ports = &wanted.upstream_ports;
    let input = StackInput::new(layout, ports, upstream_ports, &secrets, tenant.statements)?;
    let input = if wanted.watch { input.watched(layout) } else { input };
    let input = if *full_collections { input.collected() } else { input };
    let plan = Plan { input, keys: keys.clone() };
    let stack = Stack::start(layout, tools, ports, plan)?;
    Kept { keys, secrets, upstream_ports: upstream_ports.clone() }.write(layout, ports)?;
    Ok(stack)
}

fn stop(layout: &Layout, ports: Ports) -> Result<(), Failure> {
    let watch = Watch::start();
    let port = ports.base();
    if end_former(layout, ports)? {
        println!("stopped the stack on port {port} ({})", watch.text());
    } else {
        println!("no stack runs on port {port}");
    }
    Ok(())
}

/// Ends a stack that runs on these ports and forgets what is known of it; whether there was one.
fn end_former(layout: &Layout, ports: Ports) -> Result<bool, Failure> {
    let record = Record::read(layout, ports)?.filter(Record::is_alive);
    if let Some(record) = &record {
        record.end()?;
    }
    files::remove(&record::path(layout, ports))?;
    files::remove(&kept::path(layout, ports))?;
    Ok(record.is_some())
}

/// Starts a stack for a test run: without any real vendor.
pub(crate) fn start_for_tests(
    layout: &Layout,
    tools: &Tools,
    ports: Ports,
) -> Result<Stack, Failure> {
    start(layout, tools, ports, &for_tests(false))
}

/// The same with the memory of what is in use alone.
pub(crate) fn start_for_soak(
    layout: &Layout,
    tools: &Tools,
    ports: Ports,
) -> Result<Stack, Failure> {
    start(layout, tools, ports, &Start { full_collections: true, ..for_tests(false) })
}

/// The same where nobody is there yet.
pub(crate) fn start_empty_for_tests(
    layout: &Layout,
    tools: &Tools,
    ports: Ports,
) -> Result<Stack, Failure> {
    start(layout, tools, ports, &for_tests(true))
}

fn for_tests(empty: bool) -> Start {
    let wanted = Wanted { empty, upstream_ports: Vec::new(), watch: false };
    Start { full_collections: false, vendor_keys: VendorKeys::default(), wanted }
}
