//! Random bytes and the time from the operating system, for keys that live as long as a local stack.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use de_core::ports::Entropy;
use de_core::time::UnixMillis;

use crate::failure::Failure;

/// Makes `N` random bytes.
pub(crate) fn bytes<const N: usize>() -> Result<[u8; N], Failure> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| Failure::System {
        action: "get random bytes",
        problem: error.to_string(),
    })?;
    Ok(bytes)
}

/// Makes 32 random bytes in base64, the form of a master key.
pub(crate) fn master_key() -> Result<String, Failure> {
    Ok(STANDARD.encode(bytes::<32>()?))
}

/// Makes 32 hexadecimal digits, the end of a key that only the simulator accepts.
pub(crate) fn hex() -> Result<String, Failure> {
    Ok(bytes::<16>()?.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// What time it is; 1970 on a machine whose clock stands before it.
pub(crate) fn now() -> UnixMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// The operating system as the port that de-core asks.
pub(crate) struct System;

impl Entropy for System {
    fn fill(&self, bytes: &mut [u8]) {
        if let Err(error) = getrandom::fill(bytes) {
            // The port cannot refuse, and keys that can be guessed are worse than no stack.
            eprintln!("xtask: cannot get random bytes: {error}");
            std::process::exit(1);
        }
    }
}
