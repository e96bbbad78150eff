//! Failed proofs of who calls: counted an address, and braked.
//!
//! Over the limit, a proof that fails is answered 429 instead of 401. One that holds is never braked where it
//! is a key or a session: others behind the same address must not lock its owner out. Log-ins are refused
//! for a minute before anything is looked up, whatever they bring.

use std::{
    net::{IpAddr, Ipv6Addr},
    time::Duration,
};

use http::HeaderMap;

use crate::{
    http::error::{ApiError, Code},
    ports::Platform,
};

/// How long log-ins are refused after the brake took hold.
const HELD_MS: i64 = 60 * 1_000;

/// Where a request comes from, as the platform says; `None` where it says nothing, and then nothing is
/// counted.
#[must_use]
pub fn address(headers: &HeaderMap) -> Option<IpAddr> {
    headers.get("cf-connecting-ip")?.to_str().ok()?.parse().ok()
}

/// Counts a failed proof, and says what its caller is told: the refusal itself, or to wait.
///
/// Refusals that are about anything else than the proof pass uncounted.
pub async fn failed(platform: &Platform, address: Option<IpAddr>, refusal: ApiError) -> ApiError {
    let is_proof =
        matches!(refusal.code(), Code::InvalidApiKey | Code::KeyExpired | Code::SessionExpired);
    let Some(address) = address.filter(|_| is_proof) else { return refusal };
    if platform.brake.allows(&address.to_string()).await {
        return refusal;
    }
    platform.memory.hold(network(address), platform.clock.now().plus(HELD_MS));
    too_many().because(refusal.cause().unwrap_or(refusal.message()).to_owned())
}

/// Refuses a log-in from where too many have just failed, before anything is looked up.
///
/// # Errors
/// `RATE_LIMIT_EXCEEDED`.
pub fn admit(platform: &Platform, address: Option<IpAddr>) -> Result<(), ApiError> {
    let now = platform.clock.now();
    let held = address.is_some_and(|address| platform.memory.is_held(&network(address), now));
    if held { Err(too_many()) } else { Ok(()) }
}

fn too_many() -> ApiError {
    let message = "too many failed log-ins from this address; wait a minute";
    ApiError::new(Code::RateLimitExceeded, message).retry_after(Duration::from_secs(60))
}

/// What counts as one place: of the newer kind of address, whoever has one has 2^64 of them.
fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).to_string()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_of_the_newer_kind_is_one_place() {
        let rows = [
            ("203.0.113.7", "203.0.113.7"),
            ("::ffff:203.0.113.7", "203.0.113.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
            ("2001:db8:1:2::1", "2001:db8:1:2::"),
        ];
        for (address, place) in rows {
            assert_eq!(network(address.parse().unwrap()), place, "{address}");
        }
    }
}
