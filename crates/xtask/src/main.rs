//! The project's commands, run as `cargo xtask <command>`; `cargo xtask help` lists them.
//!
//! Each command is one file. All begin with [`setup`], which installs what is missing and nothing twice,
//! so that a fresh clone needs Rust, Node and git. Everything here runs on the developer's machine: the
//! rules about wasm (no clock, no threads) do not hold.
#![expect(
    clippy::disallowed_methods,
    reason = "this crate never becomes wasm: the host's clock is fine"
)]

mod args;
mod bench;
mod build;
mod ci;
mod conflicts;
mod dependencies;
mod deploy;
mod dev;
mod doctor;
#[cfg(test)]
mod documentation;
mod failure;
mod files;
mod fuzz;
mod fuzz_api;
mod git;
mod interrupt;
mod layout;
mod marks;
mod new;
mod pages;
mod random;
mod run;
mod say;
mod secrets;
mod setup;
mod size;
mod stack;
mod tables;
mod tenants;
mod test;
mod types;
mod workers;
mod workflows;

use std::process::ExitCode;

use crate::args::Request;
use crate::failure::Failure;
use crate::layout::Layout;

fn main() -> ExitCode {
    let request = match args::parse(lexopt::Parser::from_env()) {
        Ok(request) => request,
        Err(refusal) => {
            eprintln!("xtask: {refusal}\n\n{}", args::usage());
            return ExitCode::from(2);
        }
    };
    match perform(request) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("xtask: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn perform(request: Request) -> Result<(), Failure> {
    if request == Request::Help {
        println!("{}", args::usage());
        return Ok(());
    }
    interrupt::watch()?;
    let layout = Layout::find()?;
    match request {
        Request::Advisories => dependencies::advisories(&layout),
        Request::Bench { args } => bench::run(&layout, &args),
        Request::Blocks => test::blocks::here(&layout),
        Request::Build => build::run(&layout),
        Request::Ci => ci::run(&layout),
        Request::Dev { empty, mode, upstream_ports, watch } => {
            dev::run(&layout, mode, dev::Wanted { empty, upstream_ports, watch })
        }
        Request::Doctor => doctor::run(&layout),
        Request::Fuzz(order) => fuzz::run(&layout, &order),
        Request::FuzzApi => fuzz_api::run(&layout),
        Request::Help => Ok(()),
        Request::NewProvider(order) => new::provider::run(&layout, &order),
        Request::NewWorker(order) => new::worker::run(&layout, &order),
        Request::Operate(operation) => deploy::run(&layout, &operation),
        Request::RotateSecrets { environment } => secrets::run(&layout, &environment),
        Request::Size => size::run(&layout),
        Request::Tenants { place, wish } => tenants::run(&layout, &wish, &place),
        Request::Test => test::run(&layout),
        Request::Types => types::run(&layout),
        Request::Wrangler { args } => deploy::hand_over(&layout, &args),
    }
}
