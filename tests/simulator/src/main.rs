//! `de-simulator`: serves all vendors on one address of the loopback interface.
//!
//! Prints one line `{"address":"http://127.0.0.1:PORT"}` when it listens, and ends on ctrl-c or
//! SIGTERM.

use std::io::{self, Read};
use std::process::ExitCode;

use de_simulator::{Config, Simulator, VendorError};
use tokio::signal::unix::{SignalKind, signal};

const HELP: &str = "\
de-simulator [--port N] [--key VENDOR=KEY]... [--keys-stdin] [--accept-retired]

  --port N           the port on 127.0.0.1; 0, the default, takes a free one
  --key VENDOR=KEY   a key to accept instead of the vendor's default one; may be repeated
  --keys-stdin       reads {\"VENDOR\": \"KEY\", ...} from standard input
  --accept-retired   lets retired models answer

DE_SIMULATOR_KEYS may hold the same JSON as --keys-stdin reads.";

/// Why the simulator did not start, or ended.
#[derive(Debug, thiserror::Error)]
enum StartError {
    #[error("wrong arguments")]
    Arguments {
        #[source]
        source: lexopt::Error,
    },
    #[error("the system refused")]
    System {
        #[source]
        source: io::Error,
    },
    #[error("a key cannot be read")]
    Key {
        #[source]
        source: VendorError,
    },
}

impl From<lexopt::Error> for StartError {
    fn from(source: lexopt::Error) -> Self {
        Self::Arguments { source }
    }
}

impl From<io::Error> for StartError {
    fn from(source: io::Error) -> Self {
        Self::System { source }
    }
}

impl From<VendorError> for StartError {
    fn from(source: VendorError) -> Self {
        Self::Key { source }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            eprintln!("de-simulator: {error}: {}", cause.unwrap_or_default());
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), StartError> {
    let Some(config) = arguments()? else {
        println!("{HELP}");
        return Ok(());
    };
    let mut terminate = signal(SignalKind::terminate())?;
    let simulator = Simulator::start(config).await?;
    println!("{}", serde_json::json!({ "address": simulator.address() }));
    tokio::select! {
        pressed = tokio::signal::ctrl_c() => pressed?,
        _ = terminate.recv() => {}
    }
    Ok(())
}

/// Reads arguments, environment and standard input; absent when only help is wanted.
fn arguments() -> Result<Option<Config>, StartError> {
    use lexopt::prelude::{Long, Short, ValueExt};

    let mut config = Config::default();
    if let Ok(keys) = std::env::var("DE_SIMULATOR_KEYS") {
        config.accept_json(&keys)?;
    }
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("accept-retired") => config.accept_retired = true,
            Long("help") | Short('h') => return Ok(None),
            Long("key") => config.accept(&parser.value()?.string()?)?,
            Long("keys-stdin") => {
                let mut json = String::new();
                io::stdin().read_to_string(&mut json)?;
                config.accept_json(&json)?;
            }
            Long("port") => config.port = parser.value()?.parse()?,
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(Some(config))
}
