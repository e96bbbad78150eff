//! What becomes of a result that a reply links to: a picture, a film, a sound.
//!
//! A prompt (or an order at the control endpoint) says it with words such as `result:size=200MB`;
//! whoever makes the reply passes what was found to [`link`], which writes it into the link's query.
//! So a link behaves the same for whoever fetches it, and any vendor's results can misbehave.
//! `files` serves what is said here.

use std::fmt;
use std::time::Duration;

use crate::faults;

/// The member of a link's query that holds the faults, split by commas.
const MEMBER: &str = "result=";

/// Content types that a file may falsely claim, by the word for them.
const TYPES: &[(&str, &str)] = &[
    ("html", "text/html; charset=utf-8"),
    ("jpeg", "image/jpeg"),
    ("json", "application/json"),
    ("mp4", "video/mp4"),
    ("none", ""),
    ("octets", "application/octet-stream"),
    ("png", "image/png"),
    ("svg", "image/svg+xml"),
    ("text", "text/plain"),
];

/// One thing that goes wrong with a result's link or its bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ResultFault {
    /// `result:cut`, `result:cut=1MB`: the connection breaks half way, or after so many bytes.
    Cut(Option<u64>),
    /// `result:disguised`: a page of HTML that claims to be the file that was linked to.
    Disguised,
    /// `result:drip=100ms`: the body comes in 16 pieces or more, with a pause before each.
    Drip(Duration),
    /// `result:fail=403`: an error of the file's host, 400 to 599, in XML as stores have it.
    Fail(u16),
    /// `result:hang`: the headers, the first half of the body, and then nothing, ever.
    Hang,
    /// `result:html`: a page of HTML that says so, with status 200.
    Html,
    /// `result:length=200MB`: a file of that size, and `Content-Length` tells it.
    Length(u64),
    /// `result:link=metadata`: the link itself leads to an inner address.
    Link(Place),
    /// `result:none`: the vendor answers well, and made nothing.
    None,
    /// `result:redirect=metadata`: a 302 to an inner address; `=loop`: to itself; `=file`: to the
    /// good file.
    Redirect(Target),
    /// `result:size=200MB`: a file of that size, and no `Content-Length`.
    Size(u64),
    /// `result:slow=3s`: this long before the first byte, headers included.
    Slow(Duration),
    /// `result:svg`: a drawing with a script in it, with the type of one.
    Svg,
    /// `result:times=2`: all other faults meet only the first so many fetches of a link.
    Times(u32),
    /// `result:type=octets`: the right bytes with another content type, or with `none`.
    Type(&'static str),
    /// `result:unsafe`: of what was made the vendor withholds the first one, in its own way.
    Unsafe,
}

/// Where a redirect leads.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Target {
    /// To the same link without its faults.
    File,
    /// To an address that a gateway must not ask.
    Inner(Place),
    /// To itself.
    Loop,
}

/// An address that a gateway must not ask, whoever names it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Place {
    /// `disk`: `file:///etc/passwd`.
    Disk,
    /// `ipv6`: the loopback interface, as IPv6.
    Ipv6,
    /// `loopback`: port 1 of the loopback interface.
    Loopback,
    /// `metadata`: where clouds keep their machines' keys.
    Metadata,
    /// `private`: a network at home.
    Private,
}

impl ResultFault {
    /// Reads what stands behind `result:`. Sizes are whole numbers with `B`, `kB`, `MB` or `GB`
    /// (powers of ten), durations whole numbers with `ms` or `s`. Absent if it is no such fault.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (word, None),
        };
        match (name, value) {
            ("cut", None) => Some(Self::Cut(None)),
            ("cut", Some(value)) => size(value).map(|bytes| Self::Cut(Some(bytes))),
            ("disguised", None) => Some(Self::Disguised),
            ("drip", Some(value)) => faults::duration(value).map(Self::Drip),
            ("fail", Some(value)) => {
                value.parse().ok().filter(|status| (400..600).contains(status)).map(Self::Fail)
            }
            ("hang", None) => Some(Self::Hang),
            ("html", None) => Some(Self::Html),
            ("length", Some(value)) => size(value).map(Self::Length),
            ("link", Some(value)) => Place::parse(value).map(Self::Link),
            ("none", None) => Some(Self::None),
            ("redirect", Some("file")) => Some(Self::Redirect(Target::File)),
            ("redirect", Some("loop")) => Some(Self::Redirect(Target::Loop)),
            ("redirect", Some(value)) => {
                Place::parse(value).map(|place| Self::Redirect(Target::Inner(place)))
            }
            ("size", Some(value)) => size(value).map(Self::Size),
            ("slow", Some(value)) => faults::duration(value).map(Self::Slow),
            ("svg", None) => Some(Self::Svg),
            ("times", Some(value)) => value.parse().ok().map(Self::Times),
            ("type", Some(value)) => {
                TYPES.iter().find(|(name, _)| *name == value).map(|(name, _)| Self::Type(name))
            }
            ("unsafe", None) => Some(Self::Unsafe),
            _ => None,
        }
    }
}

/// The word behind `result:`, which [`ResultFault::parse`] reads again.
impl fmt::Display for ResultFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cut(None) => f.write_str("cut"),
            Self::Cut(Some(bytes)) => write!(f, "cut={bytes}B"),
            Self::Disguised => f.write_str("disguised"),
            Self::Drip(pause) => write!(f, "drip={}ms", pause.as_millis()),
            Self::Fail(status) => write!(f, "fail={status}"),
            Self::Hang => f.write_str("hang"),
            Self::Html => f.write_str("html"),
            Self::Length(bytes) => write!(f, "length={bytes}B"),
            Self::Link(place) => write!(f, "link={}", place.name()),
            Self::None => f.write_str("none"),
            Self::Redirect(Target::File) => f.write_str("redirect=file"),
            Self::Redirect(Target::Inner(place)) => write!(f, "redirect={}", place.name()),
            Self::Redirect(Target::Loop) => f.write_str("redirect=loop"),
            Self::Size(bytes) => write!(f, "size={bytes}B"),
            Self::Slow(pause) => write!(f, "slow={}ms", pause.as_millis()),
            Self::Svg => f.write_str("svg"),
            Self::Times(times) => write!(f, "times={times}"),
            Self::Type(name) => write!(f, "type={name}"),
            Self::Unsafe => f.write_str("unsafe"),
        }
    }
}

impl Place {
    const ALL: [Self; 5] = [Self::Disk, Self::Ipv6, Self::Loopback, Self::Metadata, Self::Private];

    /// The address.
    #[must_use]
    pub const fn url(self) -> &'static str {
        match self {
            Self::Disk => "file:///etc/passwd",
            Self::Ipv6 => "http://[::1]:1/",
            Self::Loopback => "http://127.0.0.1:1/",
            Self::Metadata => "http://169.254.169.254/latest/meta-data/",
            Self::Private => "http://10.0.0.1/",
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Disk => "disk",
            Self::Ipv6 => "ipv6",
            Self::Loopback => "loopback",
            Self::Metadata => "metadata",
            Self::Private => "private",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|place| place.name() == name)
    }
}

/// Whether nothing at all shall be made.
pub(crate) fn makes_nothing(faults: &[ResultFault]) -> bool {
    faults.contains(&ResultFault::None)
}

/// Writes the link to a file of the simulator: `http://…/files/{name}?{query}`.
///
/// `name` ends with the kind of file (`.png`, `.mp4`), `query` is what the vendor's own links have there,
/// perhaps nothing. The faults come last; `link=` among them replaces the whole link.
pub(crate) fn link(origin: &str, name: &str, query: &str, faults: &[ResultFault]) -> String {
    let place = faults.iter().rev().find_map(|fault| match fault {
        ResultFault::Link(place) => Some(place.url().to_owned()),
        _ => None,
    });
    place.unwrap_or_else(|| {
        let words: Vec<String> = faults.iter().map(ToString::to_string).collect();
        let faults = if words.is_empty() { String::new() } else { MEMBER.to_owned() };
        let members = [query.to_owned(), faults + &words.join(",")];
        let members: Vec<String> = members.into_iter().filter(|text| !text.is_empty()).collect();
        let mark = if members.is_empty() { "" } else { "?" };
        format!("{origin}/files/{name}{mark}{}", members.join("&"))
    })
}

/// The faults that a link's query holds; words that are none are skipped.
pub(crate) fn of_query(query: &str) -> Vec<ResultFault> {
    let words = query.split('&').filter_map(|member| member.strip_prefix(MEMBER));
    words.flat_map(|words| words.split(',')).filter_map(ResultFault::parse).collect()
}

/// A link's query without its faults.
pub(crate) fn without_faults(query: &str) -> String {
    let members = query.split('&').filter(|member| !member.starts_with(MEMBER));
    members.collect::<Vec<_>>().join("&")
}

/// The content type that a word of `type=` stands for; empty for none at all.
pub(crate) fn content_type(name: &str) -> &'static str {
    TYPES.iter().find(|(known, _)| *known == name).map_or("", |(_, content_type)| content_type)
}

fn size(value: &str) -> Option<u64> {
    let digits = value.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match value.strip_prefix(digits)? {
        "B" => 1,
        "kB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::{Duration, Place, ResultFault, Target, link, of_query, without_faults};

    #[test]
    fn every_fault_is_read_and_written_back() {
        for (word, fault) in [
            ("cut", ResultFault::Cut(None)),
            ("cut=1MB", ResultFault::Cut(Some(1_000_000))),
            ("disguised", ResultFault::Disguised),
            ("drip=100ms", ResultFault::Drip(Duration::from_millis(100))),
            ("fail=403", ResultFault::Fail(403)),
            ("hang", ResultFault::Hang),
            ("html", ResultFault::Html),
            ("length=3GB", ResultFault::Length(3_000_000_000)),
            ("link=metadata", ResultFault::Link(Place::Metadata)),
            ("none", ResultFault::None),
            ("redirect=disk", ResultFault::Redirect(Target::Inner(Place::Disk))),
            ("redirect=file", ResultFault::Redirect(Target::File)),
            ("redirect=ipv6", ResultFault::Redirect(Target::Inner(Place::Ipv6))),
            ("redirect=loop", ResultFault::Redirect(Target::Loop)),
            ("redirect=loopback", ResultFault::Redirect(Target::Inner(Place::Loopback))),
            ("redirect=private", ResultFault::Redirect(Target::Inner(Place::Private))),
            ("size=0B", ResultFault::Size(0)),
            ("slow=3s", ResultFault::Slow(Duration::from_secs(3))),
            ("svg", ResultFault::Svg),
            ("times=2", ResultFault::Times(2)),
            ("type=octets", ResultFault::Type("octets")),
            ("unsafe", ResultFault::Unsafe),
        ] {
            assert_eq!(ResultFault::parse(word), Some(fault), "{word}");
            assert_eq!(ResultFault::parse(&fault.to_string()), Some(fault), "{word}");
        }
        for word in ["", "cut=", "fail=200", "size=200", "size=MB", "link=x", "type=exe", "html=1"]
        {
            assert_eq!(ResultFault::parse(word), None, "{word}");
        }
    }

    #[test]
    fn a_link_holds_its_faults() {
        let faults = [ResultFault::Size(7), ResultFault::Cut(None)];
        let made = link("http://o", "a.png", "sig=00", &faults);
        assert_eq!(made, "http://o/files/a.png?sig=00&result=size=7B,cut");
        let (_, query) = made.split_once('?').unwrap();
        assert_eq!(of_query(query), faults);
        assert_eq!(without_faults(query), "sig=00");
        assert_eq!(link("http://o", "a.png", "", &[]), "http://o/files/a.png");
        let inner = [ResultFault::Link(Place::Loopback)];
        assert_eq!(link("http://o", "a.png", "sig=00", &inner), "http://127.0.0.1:1/");
    }
}
