//! Which address may be called at all: one guard for every URL that a tenant can influence.
//!
//! Used when a provider is saved ([`base_url`], [`host`], [`path`]) or a receiver of events ([`receiver`]), and
//! again before each call, on the URL as it will be sent ([`check_provider`], [`check`]). Redirects are not
//! followed: the port [`crate::ports::Fetch`] follows none, so an answer that points elsewhere is an answer that
//! is no good.
//!
//! Out of scope: what a public name resolves to. The platform's `fetch` reaches no private network.

use std::{collections::BTreeSet, net::IpAddr};

use serde::{Deserialize, Serialize};
use url::{Host, Url};

use crate::ports::Settings;

/// The longest base URL, and the longest path below it.
const LONGEST: usize = 500;
/// The longest address of a receiver: a token may stand in its query.
const LONGEST_RECEIVER: usize = 2_000;

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
    /// No address at all.
    #[error("expected an address: https://api.example.com/v1")]
    NotUrl,
    /// This service itself: a call would come back to it, and go out again.
    #[error("{host} is this service itself")]
    Own {
        /// As it stands in the address.
        host: String,
    },
    /// Not a plain path, or one that leads elsewhere than it says.
    #[error("expected a path: /v1/models, without empty or dot segments")]
    Path,
    /// Another port than 443.
    #[error("port {port} is not allowed")]
    Port {
        /// The port.
        port: u16,
    },
    /// Not `https`.
    #[error("only https is allowed")]
    Scheme,
    /// Written in a way that hides where it leads.
    #[error("is written in an unusual way; it means {meant}")]
    Spelling {
        /// The same in the usual spelling.
        meant: String,
    },
    /// User name, password or fragment.
    #[error("an address with user info or a fragment is not allowed")]
    Trick,
}

/// Where a key may go, as it is kept beside the key: origins, `https://api.example.com`.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(transparent)]
pub struct KeyHosts(BTreeSet<String>);

impl KeyHosts {
    /// Where a provider's key goes: to the origin of its base URL, and to the hosts that are listed beside.
    #[must_use]
    pub fn of(base_url: &str, allowed_hosts: &[String]) -> Self {
        // What cannot be read is called by nobody, and is like nothing but itself.
        let origin = |text: &str| match Url::parse(text).map(|url| url.origin()) {
            Ok(origin) if origin.is_tuple() => origin.ascii_serialization(),
            Ok(_) | Err(_) => text.to_owned(),
        };
        let listed = allowed_hosts.iter().map(|host| {
            let bare = host.strip_prefix("https://").unwrap_or(host);
            origin(&format!("https://{bare}"))
        });
        Self(listed.chain([origin(base_url)]).collect())
    }

    /// Whether a key that was saved for these hosts may be given to a provider: none of its hosts is
    /// another one.
    #[must_use]
    pub fn allow(&self, provider: &Self) -> bool {
        provider.0.is_subset(&self.0)
    }
}

/// Checks an address: https on port 443 of a public name that is not ours, or loopback on a port that is
/// listed.
///
/// `settings.loopback_ports` is empty on every deployment; `cargo xtask dev` lists its simulator there.
///
/// # Errors
/// [`Refusal`]: the caller's (an operator's) fault, and final.
pub fn check(url: &Url, settings: &Settings) -> Result<(), Refusal> {
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return Err(Refusal::Trick);
    }
    let host = url.host_str().unwrap_or_default().to_owned();
    if is_own(url, settings) {
        return Err(Refusal::Own { host });
    }
    if host == "127.0.0.1" {
        let port = url.port_or_known_default().unwrap_or(0);
        let listed = settings.loopback_ports.contains(&port);
        return match url.scheme() {
            "http" | "https" if listed => Ok(()),
            "http" | "https" => Err(Refusal::NotPublic { host }),
            _ => Err(Refusal::Scheme),
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
    settings: &Settings,
) -> Result<(), Refusal> {
    check(url, settings)?;
    if url.origin() == base.origin() || is_listed(url, allowed_hosts) {
        return Ok(());
    }
    Err(Refusal::ForeignHost { host: url.host_str().unwrap_or_default().to_owned() })
}

/// Whether an address is https at one of these hosts. Rows may say `api.example.com`,
/// `api.example.com:443` or its origin.
#[must_use]
pub fn is_listed(url: &Url, allowed_hosts: &[String]) -> bool {
    let is = |entry: &String| {
        let entry = entry.strip_prefix("https://").unwrap_or(entry).trim_end_matches('/');
        Url::parse(&format!("https://{entry}")).is_ok_and(|entry| {
            entry.host_str() == url.host_str()
                && entry.port_or_known_default() == url.port_or_known_default()
        })
    };
    url.scheme() == "https" && allowed_hosts.iter().any(is)
}

/// Reads a provider's base URL, as it is saved: without a slash at the end.
///
/// # Errors
/// [`Refusal`] for an address that may not be called, and for one that is written so that a person reads
/// another one than is called.
pub fn base_url(text: &str, settings: &Settings) -> Result<String, Refusal> {
    let url = Url::parse(text).map_err(|_| Refusal::NotUrl)?;
    check(&url, settings)?;
    if url.query().is_some() || text.len() > LONGEST {
        return Err(Refusal::NotUrl);
    }
    let meant = url.as_str().trim_end_matches('/');
    let written = text.strip_suffix('/').unwrap_or(text);
    // Not only the host: `/v1/../x` and `/v1//x` lead elsewhere than they seem to.
    let is_plain = url.path() == "/" || plain_path(url.path().trim_end_matches('/'));
    if written != meant || !is_plain {
        return Err(Refusal::Spelling { meant: meant.to_owned() });
    }
    Ok(meant.to_owned())
}

/// Reads a host that may get a provider's key beside that of its base URL: a bare public name.
///
/// # Errors
/// [`Refusal`].
pub fn host(text: &str, settings: &Settings) -> Result<String, Refusal> {
    let bare = text.strip_prefix("https://").unwrap_or(text);
    let url = Url::parse(&format!("https://{bare}")).map_err(|_| Refusal::NotUrl)?;
    check(&url, settings)?;
    let meant = url.host_str().unwrap_or_default();
    // An origin, a port, a path, capitals, or a name that only looks like this one.
    if meant != text {
        return Err(Refusal::Spelling { meant: meant.to_owned() });
    }
    Ok(text.to_owned())
}

/// Reads an address that wants to be told of events, as it is saved. It may have a query.
///
/// # Errors
/// [`Refusal`] for an address that may not be called, and for one that is written so that a person reads
/// another one than is called.
pub fn receiver(text: &str, settings: &Settings) -> Result<String, Refusal> {
    let url = Url::parse(text).map_err(|_| Refusal::NotUrl)?;
    check(&url, settings)?;
    if text.len() > LONGEST_RECEIVER {
        return Err(Refusal::NotUrl);
    }
    // `https://example.com` is well understood, and so is what it means.
    if url.as_str() != text && url.as_str().strip_suffix('/') != Some(text) {
        return Err(Refusal::Spelling { meant: url.into() });
    }
    Ok(url.into())
}

/// Puts a path, which may have a query, below a base URL.
///
/// # Errors
/// [`Refusal::Path`] for one that would leave it, or that is no path.
pub fn path(base: &Url, path: &str) -> Result<Url, Refusal> {
    let (bare, query) = match path.split_once('?') {
        Some((bare, query)) => (bare, Some(query)),
        None => (path, None),
    };
    let above = base.path().trim_end_matches('/');
    let expected = format!("{above}{bare}");
    let mut url = base.clone();
    url.set_path(&expected);
    url.set_query(query);
    let as_written = url.path() == expected && url.query() == query;
    // Some servers have a slash at the end of their paths and redirect without it.
    let is_plain = plain_path(bare.strip_suffix('/').unwrap_or(bare));
    if path.len() <= LONGEST && is_plain && as_written { Ok(url) } else { Err(Refusal::Path) }
}

/// Slashes with something between them that does not walk.
fn plain_path(path: &str) -> bool {
    let walks = |segment: &str| {
        let segment = segment.to_ascii_lowercase().replace("%2e", ".");
        segment.is_empty() || segment == "." || segment == ".."
    };
    let hidden = |text: &str| ["%2f", "%5c", "%00"].iter().any(|escape| text.contains(escape));
    path.strip_prefix('/').is_some_and(|rest| !rest.split('/').any(walks))
        && !path.contains(|c: char| c == '\\' || c == '#' || c.is_control() || c.is_whitespace())
        && !hidden(&path.to_ascii_lowercase())
}

/// Whether an address leads back to this service: the host of its front door, or one below that.
fn is_own(url: &Url, settings: &Settings) -> bool {
    let Some(own) = settings.public_base.as_deref().and_then(|base| Url::parse(base).ok()) else {
        return false;
    };
    let (Some(Host::Domain(host)), Some(Host::Domain(own))) = (url.host(), own.host()) else {
        // On loopback many live on one address.
        return url.origin() == own.origin();
    };
    let host = host.trim_end_matches('.');
    host.strip_suffix(own).is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

/// A name with a dot, of letters, digits and dashes, not of a private zone, not a number in disguise, and
/// without the dot at the end that makes another name of it.
///
/// `Url` has already turned decimal, octal and hexadecimal spellings of IPv4 into addresses, and other
/// alphabets into `xn--` names.
fn is_public(name: &str) -> bool {
    const PRIVATE: [&str; 15] = [
        "alt",
        "arpa",
        "corp",
        "home",
        "internal",
        "intranet",
        "invalid",
        "lan",
        "local",
        "localdomain",
        "localhost",
        "onion",
        "private",
        "svc",
        "test",
    ];
    /// A public name by which a cloud's own machines find what knows their keys.
    const METADATA: &str = "metadata.goog";
    let Some((_, zone)) = name.rsplit_once('.') else { return false };
    !name.split('.').any(|label| label.is_empty() || label.starts_with('-') || label.ends_with('-'))
        && name.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || b".-".contains(&c))
        // No zone begins with a digit: `7-1` is none, and who knows who takes it for a number.
        && zone.starts_with(|c: char| c.is_ascii_lowercase())
        && !PRIVATE.contains(&zone)
        && name != METADATA
        && name.parse::<IpAddr>().is_err()
}

#[cfg(test)]
mod tests;
