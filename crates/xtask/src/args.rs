//! What the caller asks for, read from the command line.

use std::ffi::OsString;

use lexopt::prelude::{Long, Short, Value, ValueExt};

use crate::deploy::args::{self as deploy, Operation};
use crate::fuzz;
use crate::new;
use crate::secrets::DEV;
use crate::tenants;

/// Shown by `cargo xtask help`, and after a command line that makes no sense; with that of what is deployed.
pub(crate) const USAGE: &str = "\
Usage: cargo xtask <command>

  dev       builds and starts everything here, prints addresses and keys; Ctrl-C ends it
              --detach   returns when the stack answers and leaves it running
              --empty    nobody is there yet: prints a bootstrap token in place of keys
              --stop     ends the stack that runs on DE_PORT_BASE
              --watch    lets Vite serve the pages, each anew when a file of it changes
              --upstream-ports 9001,9002
                         ports on 127.0.0.1 where providers of your own may live
  test      runs every suite: on the host, and against a stack of its own
  ci        what CI runs: marks of conflicts, formatting, lints, licences, workflows, generators,
            every suite, a minute of fuzzing for each target, size budgets, a dry run of every deployment
  advisories
            asks RustSec and npm what is known against the dependencies
  build     builds the workers' wasm, if anything changed
  fuzz [TARGET]
            looks for bytes at which what reads strangers' bytes fails, by libFuzzer; tests/fuzz has the targets
              --seconds N     how long for each target; 60 if nothing is said
              --input FILE    that file alone, once: what was found, again
  fuzz-api  asks a stack of its own what docs/openapi.json allows and forbids, by schemathesis
  blocks    runs the shell blocks of README.md and docs/ against the stack that runs on DE_PORT_BASE
  types     writes docs/openapi.json by the code, and lints it; and the tables of what is deployed
  size      builds, then compares the size of each worker with its budget
  new-worker NAME
            writes a worker that builds, lives and says 501, with its row, binding, config, scope and tests
              --title TEXT, --about SENTENCE   what people read of it
              --scope SCOPE   what its keys need; one of its own name, unless there is one to be named
  new-provider NAME --kind KIND --base-url URL
            writes a vendor in code with its word, road, fixtures and tests, which refuses what is not written
              --kind KIND     chat, embeddings, films, images, speech, stock or transcripts
              --title TEXT    what people call it
  bench     runs the benchmarks of tests/bench, without a word what a call costs; arguments are handed on
              gateways   beside public gateways, which it installs
              growth     how costs grow with prompts, streams, keys and models
              limits     what is promised of limits and budgets, at full size, and what it costs
              soak       half an hour of mixed calls: memory, and the books at its end
              --lists    the lists of the control plane, at 10,000 keys and 1,000 models
  secrets rotate
            makes a new master key for the vendors' keys, seals them with it, and forgets the old one
              --env E    dev, the stack that runs on DE_PORT_BASE, or a deployed environment
  instance  what tenants are, by files: docs/instances.md has their form
              create --config f.json      makes what is not there, changes what differs
              update --config f.json      the same, for a tenant that is there
              deploy-all folder           create, for every file of a folder
              list, show ID               what is there; the file of one
              delete ID                   with all that is below it, once its id was typed
                --keep-assets folder      saves what it made before
                --force                   asks nobody
              --dry-run [--offline]       says what would be done, or asks nobody even for that
              --secrets-to file           keeps new secrets there (0600), not on standard output
              --no-api-keys, --save-keys  makes no API keys; saves the vendors' keys again
  export    writes the file of a whole organization, without secrets
              --organization ID
  import file
            brings it about elsewhere, and says what is left to do by hand; options as above
              --issue-keys                makes API keys too
            all of these: --url https://api.example.com --key-file f, or what is below;
            without them the stack that runs on DE_PORT_BASE is meant
  doctor    says what is there and what is missing, changes nothing
  help      shows this

Environment:
  DE_URL         the gateway that tenants are made on
  DE_API_KEY, DE_API_KEY_FILE
                 the key for it, or a file of mode 0600 that has it; a superadmin's for
                 `secrets rotate` of a deployed environment
  DE_PORT_BASE   first port of `dev`, 8787 if unset; two stacks side by side need two, 30 apart
  DE_CACHE_DIR   where build tools are kept, ~/.cache/distributed-electrons if unset
  DE_DOMAIN      where a deployed environment's hosts lie, as --domain says it
  CLOUDFLARE_API_TOKEN, CLOUDFLARE_ACCOUNT_ID
                 for wrangler, where nobody is logged in or several accounts could be meant";

/// The whole text.
pub(crate) fn usage() -> String {
    let (commands, environment) = USAGE.split_once("\n\nEnvironment:").unwrap_or((USAGE, ""));
    format!(
        "{commands}\n\nOn your Cloudflare account:\n{}\n\nEnvironment:{environment}",
        deploy::USAGE
    )
}

/// One command with its options.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Request {
    Advisories,
    Bench {
        args: Vec<String>,
    },
    Blocks,
    Build,
    Ci,
    Dev {
        empty: bool,
        mode: Mode,
        upstream_ports: Vec<u16>,
        watch: bool,
    },
    Doctor,
    Fuzz(fuzz::Order),
    FuzzApi,
    Help,
    NewProvider(new::provider::Order),
    NewWorker(new::worker::Order),
    Operate(Operation),
    RotateSecrets {
        environment: String,
    },
    Size,
    Tenants {
        place: tenants::args::Where,
        wish: tenants::Wish,
    },
    Test,
    Types,
    /// What somebody types to the pinned wrangler.
    Wrangler {
        args: Vec<OsString>,
    },
}

/// How `dev` ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Mode {
    /// Returns once the stack answers; the stack goes on.
    Detach,
    /// Stays until a signal comes, then ends the stack.
    Foreground,
    /// Ends a stack that runs already.
    Stop,
}

/// Reads the command line.
///
/// # Errors
/// A sentence for the caller: no command, an unknown one, or an option that it does not have.
pub(crate) fn parse(mut parser: lexopt::Parser) -> Result<Request, lexopt::Error> {
    let command = match parser.next()? {
        Some(Value(command)) => command.into_string()?,
        Some(Long("help") | Short('h')) => return Ok(Request::Help),
        Some(other) => return Err(other.unexpected()),
        None => return Err("which command?".into()),
    };
    let request = match command.as_str() {
        "bench" => {
            let args = parser.raw_args()?.map(|arg| arg.into_string()).collect::<Result<_, _>>()?;
            return Ok(Request::Bench { args });
        }
        "wrangler" => {
            let mut args: Vec<OsString> = parser.raw_args()?.collect();
            if args.first().is_some_and(|first| first == "--") {
                args.remove(0);
            }
            return Ok(Request::Wrangler { args });
        }
        "advisories" => Request::Advisories,
        "blocks" => Request::Blocks,
        "build" => Request::Build,
        "ci" => Request::Ci,
        "dev" => return dev(parser),
        "doctor" => Request::Doctor,
        "export" => return tenants::args::export(parser).map(wished),
        "fuzz" => return Ok(Request::Fuzz(fuzz::Order::read(parser)?)),
        "fuzz-api" => Request::FuzzApi,
        "help" => Request::Help,
        "import" => return tenants::args::import(parser).map(wished),
        "instance" => return tenants::args::instance(parser).map(wished),
        "new-provider" => {
            return Ok(Request::NewProvider(new::provider::Order::read(parser)?));
        }
        "new-worker" => return Ok(Request::NewWorker(new::worker::Order::read(parser)?)),
        "secrets" => return secrets(parser),
        "size" => Request::Size,
        "test" => Request::Test,
        "types" => Request::Types,
        other => {
            let unknown = || Err(format!("there is no command `{other}`").into());
            return deploy::parse(other, parser)
                .map_or_else(unknown, |read| read.map(Request::Operate));
        }
    };
    match parser.next()? {
        Some(extra) => Err(extra.unexpected()),
        None => Ok(request),
    }
}

fn dev(mut parser: lexopt::Parser) -> Result<Request, lexopt::Error> {
    let mut empty = false;
    let mut mode = Mode::Foreground;
    let mut upstream_ports = Vec::new();
    let mut watch = false;
    while let Some(arg) = parser.next()? {
        let wanted = match arg {
            Long("detach") => Mode::Detach,
            Long("stop") => Mode::Stop,
            Long("empty") => {
                empty = true;
                continue;
            }
            Long("watch") => {
                watch = true;
                continue;
            }
            Long("upstream-ports") => {
                let list = parser.value()?.string()?;
                upstream_ports = list.split(',').map(port).collect::<Result<_, _>>()?;
                continue;
            }
            other => return Err(other.unexpected()),
        };
        if mode != Mode::Foreground && mode != wanted {
            return Err("--detach and --stop exclude each other".into());
        }
        mode = wanted;
    }
    Ok(Request::Dev { empty, mode, upstream_ports, watch })
}

fn secrets(mut parser: lexopt::Parser) -> Result<Request, lexopt::Error> {
    match parser.next()? {
        Some(Value(what)) if what == "rotate" => {}
        Some(other) => return Err(other.unexpected()),
        None => return Err("what about them? `secrets rotate`".into()),
    }
    let mut environment = DEV.to_owned();
    while let Some(arg) = parser.next()? {
        match arg {
            Long("env") => environment = parser.value()?.string()?,
            other => return Err(other.unexpected()),
        }
    }
    Ok(Request::RotateSecrets { environment })
}

fn wished((wish, place): (tenants::Wish, tenants::args::Where)) -> Request {
    Request::Tenants { place, wish }
}

fn port(text: &str) -> Result<u16, lexopt::Error> {
    text.trim().parse().map_err(|_error| format!("`{text}` is no port").into())
}

#[cfg(test)]
mod tests {
    use super::{Mode, Request, parse};

    #[track_caller]
    fn check(line: &str, expected: Result<Request, &str>) {
        let parsed = parse(lexopt::Parser::from_args(line.split_whitespace()));
        assert_eq!(parsed.map_err(|refusal| refusal.to_string()), expected.map_err(str::to_owned));
    }

    fn dev(mode: Mode) -> Request {
        Request::Dev { empty: false, mode, upstream_ports: Vec::new(), watch: false }
    }

    #[test]
    fn commands_and_their_options_are_read() {
        check("advisories", Ok(Request::Advisories));
        check("build", Ok(Request::Build));
        check("dev", Ok(dev(Mode::Foreground)));
        check("dev --detach", Ok(dev(Mode::Detach)));
        check("dev --stop", Ok(dev(Mode::Stop)));
        check(
            "dev --upstream-ports 9001,9002 --detach",
            Ok(Request::Dev {
                empty: false,
                mode: Mode::Detach,
                upstream_ports: vec![9001, 9002],
                watch: false,
            }),
        );
        check(
            "dev --empty --watch",
            Ok(Request::Dev {
                empty: true,
                mode: Mode::Foreground,
                upstream_ports: Vec::new(),
                watch: true,
            }),
        );
        let rotate =
            |environment: &str| Ok(Request::RotateSecrets { environment: environment.to_owned() });
        check("secrets rotate", rotate("dev"));
        check("secrets rotate --env staging", rotate("staging"));
        check("--help", Ok(Request::Help));
        check(
            "bench --requests 10 -- x",
            Ok(Request::Bench {
                args: ["--requests", "10", "--", "x"].map(str::to_owned).to_vec(),
            }),
        );
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        check("", Err("which command?"));
        check("deploy-all", Err("there is no command `deploy-all`"));
        check("dev --detach --stop", Err("--detach and --stop exclude each other"));
        check("dev --upstream-ports 9001,x", Err("`x` is no port"));
        check("secrets", Err("what about them? `secrets rotate`"));
        check("secrets show", Err("unexpected argument \"show\""));
        check("dev --fast", Err("invalid option '--fast'"));
        check("ci now", Err("unexpected argument \"now\""));
    }
}
