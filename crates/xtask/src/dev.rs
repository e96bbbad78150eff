//! `cargo xtask dev`: the whole gateway on this machine, with a tenant to play with.

pub(crate) mod seed;
mod show;
mod vendor_keys;

use crate::args::Mode;
use crate::build;
use crate::failure::Failure;
use crate::files;
use crate::layout::Layout;
use crate::pages;
use crate::run::Run;
use crate::say::{self, Watch};
use crate::setup::{self, Tools};
use crate::stack::input::{Secrets, StackInput};
use crate::stack::kept::{self, Kept};
use crate::stack::ports::{Ports, address};
use crate::stack::record::{self, Keys, Record};
use crate::stack::{Plan, Stack};
use vendor_keys::VendorKeys;

/// Runs the command.
pub(crate) fn run(
    layout: &Layout,
    mode: Mode,
    upstream_ports: &[u16],
    watch: bool,
) -> Result<(), Failure> {
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
    let upstreams = Upstreams { ports: upstream_ports, keys: &vendor_keys };
    let stack = start(layout, &tools, ports, &upstreams, watch)?;
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

/// Whom a stack may call, beside the simulator.
struct Upstreams<'a> {
    /// Ports on this machine where the user's own providers may live.
    ports: &'a [u16],
    /// Keys of real vendors.
    keys: &'a VendorKeys,
}

/// Starts a stack with a fresh state, new keys and the simulator in place of each vendor without a key.
fn start(
    layout: &Layout,
    tools: &Tools,
    ports: Ports,
    upstreams: &Upstreams<'_>,
    watched: bool,
) -> Result<Stack, Failure> {
    pages::build(layout, tools)?;
    say::part(&format!("Stack on {}", address(ports.base())));
    let watch = Watch::start();
    Run::new("cargo").args(["build", "--package", "de-simulator"]).dir(&layout.root).show()?;
    say::line(&format!("simulator is built ({})", watch.text()));
    for provider in upstreams.keys.providers() {
        say::line(&format!("{provider} is called for real, with the key of .dev.vars"));
    }
    let secrets = Secrets::make(seed::SIMULATED.map(|(provider, _place)| seed::vendor(provider)))?;
    let tenant = seed::tenant(&seed::Wishes {
        origins: ports.pages().map(|(_page, port)| address(port)).collect(),
        secrets: &secrets,
        seeds: &layout.root.join("seeds"),
        simulator: &address(ports.simulator()),
        vendor_keys: upstreams.keys,
    })?;
    let keys = Keys {
        admin_key: tenant.admin_key,
        client_key: tenant.client_key,
        refused_keys: tenant.refused_keys,
        simulator_keys: secrets.simulator_keys.clone(),
    };
    let input = StackInput::new(layout, ports, upstreams.ports, &secrets, tenant.statements)?;
    let input = if watched { input.watched(layout) } else { input };
    let plan = Plan { input, keys: keys.clone() };
    let stack = Stack::start(layout, tools, ports, plan)?;
    Kept { keys, secrets, upstream_ports: upstreams.ports.to_vec() }.write(layout, ports)?;
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
    start(layout, tools, ports, &Upstreams { ports: &[], keys: &VendorKeys::default() }, false)
}
