//! Where a mapping's request goes: under the provider's base URL, or at an origin that it allows.
//!
//! Checked when the mapping is saved and again with the values filled in. A value is one
//! percent-encoded path segment (or part of one), so it can neither add a segment nor leave one.

use url::Url;

use super::ProviderRules;
use super::fill::{Frame, Renderer};
use super::filter::scalar_text;
use super::render::RenderError;
use super::template::{Part, Template};
use crate::guard;

/// Why an endpoint may not be called. The same endpoint fails again.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum EndpointFault {
    /// The provider's base URL is no plain https URL.
    #[error(
        "the provider's base URL must be https (http only for loopback), without user, query and fragment"
    )]
    BaseUrl,
    /// A character or an escape that a path of ours does not need.
    #[error("{found:?} may not stand in an endpoint; query parameters stand in query")]
    Character {
        /// What was found.
        found: String,
    },
    /// An empty segment, or one that walks: `.` and `..`.
    #[error("the endpoint has an empty or a dot segment")]
    Segment,
    /// An origin that is not the provider's.
    #[error("{origin:?} is neither the base URL's origin nor an allowed host by https")]
    Origin {
        /// Scheme, host and port as written.
        origin: String,
    },
    /// The parts do not make the URL that was meant.
    #[error("the endpoint is not a URL")]
    NotUrl,
}

/// A parsed endpoint.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    /// Scheme, host, port, and the base path where the endpoint is relative; no slash at the end.
    base: Url,
    path: Vec<Part>,
}

impl Endpoint {
    /// Splits off the origin and checks what is literal.
    pub(crate) fn parse(
        text: &str,
        template: Template,
        provider: &ProviderRules,
    ) -> Result<Self, EndpointFault> {
        let base = &provider.base_url;
        let plain = base.username().is_empty()
            && base.password().is_none()
            && base.query().is_none()
            && base.fragment().is_none()
            && base.host_str().is_some()
            && (base.scheme() == "https" || (base.scheme() == "http" && is_loopback(base)));
        if !plain {
            return Err(EndpointFault::BaseUrl);
        }
        let mut path = template.into_parts();
        let absolute = text.contains("://");
        let base = if absolute { origin(text, provider)? } else { base.clone() };
        if absolute {
            strip_origin(&mut path)?;
        }
        for part in &path {
            if let Part::Literal(literal) = part {
                check_literal(literal)?;
            }
        }
        let endpoint = Self { base, path };
        // With harmless values in place the whole must stand; real ones are checked at each call.
        endpoint.assemble(&endpoint.fill(|_| Ok::<_, EndpointFault>("x".to_owned()))?)?;
        Ok(endpoint)
    }

    /// Fills in the values and checks the whole again.
    pub(crate) fn render(&self, renderer: &mut Renderer<'_>) -> Result<Url, RenderError> {
        let filled = self.fill(|part| {
            let Part::Slot(slot) = part else { return Ok(String::new()) };
            let resolved = renderer.resolve(slot, Frame::OUTSIDE)?;
            let value = resolved.ok_or_else(|| RenderError::Missing { name: slot.name.clone() })?;
            let text = value.json().and_then(scalar_text);
            let text = text.ok_or_else(|| RenderError::NotText { name: slot.name.clone() })?;
            if text.is_empty() {
                return Err(RenderError::Missing { name: slot.name.clone() });
            }
            renderer.budget.take_bytes(text.len())?;
            Ok(percent_encode(&text))
        })?;
        Ok(self.assemble(&filled)?)
    }

    /// Where the paths of this endpoint begin: with the base path, without a slash at the end.
    pub(crate) fn base_path(&self) -> &str {
        self.base.path().trim_end_matches('/')
    }

    fn fill<E>(&self, mut value: impl FnMut(&Part) -> Result<String, E>) -> Result<String, E> {
        let mut filled = String::new();
        for part in &self.path {
            match part {
                Part::Literal(text) => filled.push_str(text),
                Part::Slot(_) => filled.push_str(&value(part)?),
            }
        }
        Ok(filled)
    }

    fn assemble(&self, path: &str) -> Result<Url, EndpointFault> {
        let path = path.strip_prefix('/').unwrap_or(path);
        let walks = |segment: &str| {
            let segment = segment.to_ascii_lowercase().replace("%2e", ".");
            segment.is_empty() || segment == "." || segment == ".."
        };
        // One slash at the end is a path of its own to some vendors.
        if path.strip_suffix('/').unwrap_or(path).split('/').any(walks) {
            return Err(EndpointFault::Segment);
        }
        let expected = format!("{}/{path}", self.base_path());
        let mut url = self.base.clone();
        url.set_path(&expected);
        let meant = url.path() == expected && url.origin() == self.base.origin();
        if meant { Ok(url) } else { Err(EndpointFault::NotUrl) }
    }
}

/// The origin of an absolute endpoint, if the provider has it.
fn origin(text: &str, provider: &ProviderRules) -> Result<Url, EndpointFault> {
    let end = text.match_indices('/').nth(2).map_or(text.len(), |(position, _)| position);
    let written = text.split_at_checked(end).map_or(text, |(origin, _)| origin);
    let refused = || EndpointFault::Origin { origin: written.chars().take(100).collect() };
    // Nothing but a scheme, a host and a port: no placeholder, user, backslash or other trick.
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-:/[]".contains(&byte);
    if !written.bytes().all(plain) {
        return Err(refused());
    }
    let url = Url::parse(written).map_err(|_| refused())?;
    let base = &provider.base_url;
    let of_base = url.origin() == base.origin();
    let listed = guard::is_listed(&url, &provider.allowed_hosts);
    if of_base || listed { Ok(url) } else { Err(refused()) }
}

/// Takes `https://host` off the first literal, which holds all of it.
fn strip_origin(path: &mut Vec<Part>) -> Result<(), EndpointFault> {
    let Some(Part::Literal(first)) = path.first_mut() else {
        return Err(EndpointFault::NotUrl);
    };
    let (_, rest) = first.split_once("://").ok_or(EndpointFault::NotUrl)?;
    let (_, rest) = rest.split_once('/').ok_or(EndpointFault::Segment)?;
    *first = rest.to_owned();
    if first.is_empty() {
        path.remove(0);
    }
    Ok(())
}

fn check_literal(text: &str) -> Result<(), EndpointFault> {
    let refused = |found: &str| Err(EndpointFault::Character { found: found.to_owned() });
    let mut rest = text;
    while let Some(position) = rest.find(|c: char| !is_path_character(c)) {
        let (_, from) = rest.split_at(position);
        let escape: String = from.chars().take(3).collect();
        let mut characters = escape.chars();
        let percent = characters.next() == Some('%');
        let digits = escape.len() == 3 && characters.all(|c| c.is_ascii_hexdigit());
        // An escaped separator is a segment to some servers and a separator to others.
        let hidden = ["%2e", "%2f", "%5c", "%00"].contains(&escape.to_ascii_lowercase().as_str());
        if !(percent && digits) || hidden {
            return refused(&escape.chars().take(if percent { 3 } else { 1 }).collect::<String>());
        }
        rest = from.get(3..).unwrap_or_default();
    }
    Ok(())
}

fn is_path_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || "/-._~!$&()*+,;=:@".contains(c)
}

/// Encodes a value as (part of) one path segment: only RFC 3986's unreserved characters stay.
fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
            encoded.push('%');
            encoded.push(digit(byte >> 4).to_ascii_uppercase());
            encoded.push(digit(byte & 15).to_ascii_uppercase());
        }
    }
    encoded
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
