//! Which address may be called at all: one guard for every URL that a tenant can influence.
//!
//! Used when a provider is saved and again before each call, on the URL as it will be sent.

use std::net::IpAddr;

use url::{Host, Url};

/// Why an address is not called.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// The host is not one that this provider may be called at.
    #[error("{host} is not one of the provider's hosts")]
    ForeignHost {
        /// As it stands in the address.
        host: String,
    },
    /// A number instead of a name, or a name of a private network.
    #[error("{host} is not a public host name")]
    NotPublic {
        /// As it stands in the address.
        host: String,
    },
    /// Another port than 443.
    #[error("port {port} is not allowed")]
    Port {
        /// The port.
        port: u16,
    },
    /// Not `https`.
    #[error("only https is allowed")]
    Scheme,
    /// User name, password or fragment.
    #[error("an address with user info or a fragment is not allowed")]
    Trick,
}

/// Checks an address: https on port 443 of a public name, or loopback on a port that is listed.
///
/// `loopback_ports` is empty on every deployment; `cargo xtask dev` lists its simulator there.
///
/// # Errors
/// [`Refusal`]: the caller's (an operator's) fault, and final.
pub fn check(url: &Url, loopback_ports: &[u16]) -> Result<(), Refusal> {
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return Err(Refusal::Trick);
    }
    let host = url.host_str().unwrap_or_default().to_owned();
    if host == "127.0.0.1" {
        let port = url.port_or_known_default().unwrap_or(0);
        return if loopback_ports.contains(&port) {
            Ok(())
        } else {
            Err(Refusal::NotPublic { host })
        };
    }
    if url.scheme() != "https" {
        return Err(Refusal::Scheme);
    }
    match url.port() {
        None | Some(443) => {}
        Some(port) => return Err(Refusal::Port { port }),
    }
    match url.host() {
        Some(Host::Domain(name)) if is_public(name) => Ok(()),
        _ => Err(Refusal::NotPublic { host }),
    }
}

/// Checks an address of a provider: as [`check`], and its origin is that of the base URL, or its host
/// one of `allowed_hosts` (`api.openai.com`).
///
/// # Errors
/// [`Refusal`].
pub fn check_provider(
    url: &Url,
    base: &Url,
    allowed_hosts: &[String],
    loopback_ports: &[u16],
) -> Result<(), Refusal> {
    check(url, loopback_ports)?;
    let host = url.host_str().unwrap_or_default();
    let own = url.origin() == base.origin();
    let listed =
        url.scheme() == "https" && allowed_hosts.iter().any(|allowed| bare(allowed) == host);
    if own || listed { Ok(()) } else { Err(Refusal::ForeignHost { host: host.to_owned() }) }
}

/// A listed host as a bare name: rows may say `api.example.com`, `api.example.com:443` or its origin.
fn bare(allowed: &str) -> &str {
    let host = allowed.strip_prefix("https://").unwrap_or(allowed);
    let host = host.strip_suffix('/').unwrap_or(host);
    host.strip_suffix(":443").unwrap_or(host)
}

/// A name with a dot, not of a private zone, not a number in disguise.
///
/// `Url` has already turned decimal, octal and hexadecimal spellings of IPv4 into addresses.
fn is_public(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    let private =
        ["localhost", "local", "internal", "lan", "home", "corp", "test", "invalid", "arpa"];
    let Some((_, zone)) = name.rsplit_once('.') else { return false };
    !private.contains(&zone) && name.parse::<IpAddr>().is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(url: &str) -> bool {
        check(&Url::parse(url).unwrap(), &[9000]).is_ok()
    }

    #[test]
    fn s01_only_public_https_is_called() {
        for good in
            ["https://api.openai.com/v1", "https://api.openai.com:443/", "http://127.0.0.1:9000/x"]
        {
            assert!(allowed(good), "{good}");
        }
        for bad in [
            "http://api.openai.com/",
            "https://api.openai.com:8443/",
            "https://user@api.openai.com/",
            "https://api.openai.com/#x",
            "https://localhost/",
            "https://127.0.0.1/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://0177.0.0.1/",
            "https://[::1]/",
            "https://[::ffff:10.0.0.1]/",
            "https://10.0.0.1/",
            "https://metadata.google.internal/",
            "https://printer.local./",
            "https://intranet/",
            "http://127.0.0.1:9001/",
            "http://127.0.0.1/",
            "ftp://api.openai.com/",
        ] {
            assert!(!allowed(bad), "{bad}");
        }
    }

    #[test]
    fn a_provider_is_called_at_its_own_hosts() {
        let base = Url::parse("https://api.openai.com/v1").unwrap();
        let check = |url: &str| {
            check_provider(&Url::parse(url).unwrap(), &base, &["eu.api.openai.com".to_owned()], &[])
                .is_ok()
        };
        assert!(check("https://api.openai.com/v2/x"));
        assert!(check("https://eu.api.openai.com/v1"));
        assert_eq!(bare("https://api.example.com:443/"), "api.example.com");
        assert!(!check("https://evil.example/v1"));
        assert!(!check("https://api.openai.com.evil.example/"));
    }
}
