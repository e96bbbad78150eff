//! Random bytes from the operating system, for keys that live as long as a local stack.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

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
