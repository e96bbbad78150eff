//! Browser sessions: the cookie, and how long it holds.
//!
//! The cookie's value is made here and known to the browser alone: rows have its digest, as they do for
//! keys. A value that nobody here made is never adopted.

use http::{HeaderMap, header};
use url::{Host, Url};

use super::api_key::{ALPHABET, SECRET, base62, digest};
use crate::{
    ports::{Entropy, Settings, random},
    secret::Secret,
    time::UnixMillis,
};

/// How long a session lasts, however busy it is: 12 hours.
pub const LIFETIME_MS: i64 = 12 * 60 * 60 * 1_000;

/// How long a session lasts without a call: 1 hour.
pub const IDLE_MS: i64 = 60 * 60 * 1_000;

/// How often a call is noted at most: so a session may end a minute earlier than an hour after its last call.
const NOTED_EVERY_MS: i64 = 60 * 1_000;

/// The cookie's name where the front door has a host of its own.
const COOKIE: &str = "__Host-de_session";

/// A session to be. The cookie's value is told once and then forgotten.
#[derive(Debug)]
pub struct NewSession {
    /// What rows hold: SHA-256 of the value, in hex.
    pub digest: String,
    /// The cookie's value: 32 random bytes in base62.
    pub value: Secret,
}

impl NewSession {
    /// Makes one.
    #[must_use]
    pub fn make(entropy: &dyn Entropy) -> Self {
        let value = base62(&random::<32>(entropy), SECRET);
        Self { digest: digest(&value), value: Secret::new(value) }
    }
}

/// The digest of a cookie's value; `None` if it has not the form of one that we make.
#[must_use]
pub fn digest_of(value: &str) -> Option<String> {
    let formed = value.len() == SECRET && value.bytes().all(|c| ALPHABET.contains(&c));
    formed.then(|| digest(value))
}

/// The times of a session that decide whether it holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Times {
    /// It ends then, at the latest.
    pub expires_at: UnixMillis,
    /// Its last call that was noted.
    pub last_seen_at: UnixMillis,
    /// Ended by someone.
    pub revoked_at: Option<UnixMillis>,
}

impl Times {
    /// Those of a session that begins now.
    #[must_use]
    pub fn begin(now: UnixMillis) -> Self {
        Self { expires_at: now.plus(LIFETIME_MS), last_seen_at: now, revoked_at: None }
    }

    /// Whether it holds; it ends at its millisecond.
    #[must_use]
    pub fn hold(&self, now: UnixMillis) -> bool {
        let revoked = self.revoked_at.is_some_and(|at| at <= now);
        !revoked && now < self.expires_at && now < self.last_seen_at.plus(IDLE_MS)
    }

    /// Whether a call at this moment is to be noted.
    #[must_use]
    pub fn are_stale(&self, now: UnixMillis) -> bool {
        now >= self.last_seen_at.plus(NOTED_EVERY_MS)
    }
}

/// The name of the cookie.
///
/// Cookies do not tell ports apart, so on a development stack the name does: `__Host-de_session_8787`.
#[must_use]
pub fn cookie_name(settings: &Settings) -> String {
    let base = settings.public_base.as_deref().and_then(|base| Url::parse(base).ok());
    let is_loopback = |url: &Url| match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    match base.filter(is_loopback).and_then(|url| url.port_or_known_default()) {
        Some(port) => format!("{COOKIE}_{port}"),
        None => COOKIE.to_owned(),
    }
}

/// The value of a request's cookie. Of several by one name the first counts.
#[must_use]
pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(';')).find_map(|pair| {
        let (found, value) = pair.trim().split_once('=')?;
        (found == name).then_some(value)
    })
}

/// `Set-Cookie` for a new session.
#[must_use]
pub fn set_cookie(settings: &Settings, value: &Secret) -> String {
    line(settings, value.expose(), LIFETIME_MS / 1_000)
}

/// `Set-Cookie` that makes the browser forget its session.
#[must_use]
pub fn clear_cookie(settings: &Settings) -> String {
    line(settings, "", 0)
}

/// The prefix of the name demands `Secure`, `Path=/` and no `Domain`.
fn line(settings: &Settings, value: &str, seconds: i64) -> String {
    let name = cookie_name(settings);
    format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; Secure; SameSite=Strict")
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    struct Sevens;

    impl Entropy for Sevens {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(7);
        }
    }

    fn at(public_base: &str) -> Settings {
        Settings { public_base: Some(public_base.to_owned()), ..Settings::default() }
    }

    /// Browsers hold these values and rows hold these digests: a change logs everyone out.
    #[test]
    fn the_form_is_stable() {
        let made = NewSession::make(&Sevens);
        assert_eq!(made.value.expose(), "1fJjkkpe9PiTw9KSulA8Ghct30vZz4HpdQ5c5b9cPF1");
        assert_eq!(digest_of(made.value.expose()).as_ref(), Some(&made.digest));
        assert_eq!(made.digest, "26fca6c4c417639026b1bd0c26c3812975c04245a0fb46ecdc4d822653b782e5");
    }

    #[test]
    fn what_has_not_our_form_is_nobodys() {
        let good = "a".repeat(SECRET);
        assert!(digest_of(&good).is_some());
        for bad in ["", "a", &format!("{good}a"), &good.replacen('a', "-", 1), &"é".repeat(21)] {
            assert_eq!(digest_of(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_session_lasts_half_a_day_and_an_hour_of_silence() {
        assert_eq!((LIFETIME_MS, IDLE_MS), (43_200_000, 3_600_000));
    }

    #[test]
    fn a_session_ends_by_age_by_silence_and_by_hand() {
        let start = UnixMillis(1_000);
        let times = Times::begin(start);
        let seen = |after_ms| Times { last_seen_at: start.plus(after_ms), ..times };
        let revoked = |at| Times { revoked_at: Some(at), ..times };
        let rows = [
            (times, 0, true),
            (times, IDLE_MS - 1, true),
            (times, IDLE_MS, false),
            (seen(IDLE_MS - 1), IDLE_MS, true),
            (seen(LIFETIME_MS - 1), LIFETIME_MS - 1, true),
            (seen(LIFETIME_MS - 1), LIFETIME_MS, false),
            (revoked(start.plus(5)), 4, true),
            (revoked(start.plus(5)), 5, false),
        ];
        for (times, after_ms, holds) in rows {
            assert_eq!(times.hold(start.plus(after_ms)), holds, "{times:?} {after_ms}");
        }
    }

    #[test]
    fn a_call_is_noted_once_a_minute() {
        let times = Times::begin(UnixMillis(0));
        let rows = [(0, false), (59_999, false), (60_000, true), (90_000, true)];
        for (now, stale) in rows {
            assert_eq!(times.are_stale(UnixMillis(now)), stale, "{now}");
        }
    }

    #[test]
    fn the_cookie_is_bound_to_its_host_and_on_loopback_to_its_port() {
        let rows = [
            ("https://api.example.com", "__Host-de_session"),
            ("https://api.example.com:8443", "__Host-de_session"),
            ("http://127.0.0.1:8787", "__Host-de_session_8787"),
            ("http://localhost:9000", "__Host-de_session_9000"),
            ("http://[::1]:9000", "__Host-de_session_9000"),
            ("http://localhost", "__Host-de_session_80"),
            ("nonsense", "__Host-de_session"),
        ];
        for (base, name) in rows {
            assert_eq!(cookie_name(&at(base)), name, "{base}");
        }
        assert_eq!(cookie_name(&Settings::default()), "__Host-de_session");
        let settings = at("https://api.example.com");
        assert_eq!(
            set_cookie(&settings, &Secret::new("v".to_owned())),
            "__Host-de_session=v; Path=/; Max-Age=43200; HttpOnly; Secure; SameSite=Strict"
        );
        assert_eq!(
            clear_cookie(&settings),
            "__Host-de_session=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Strict"
        );
    }

    #[test]
    fn a_cookie_is_found_by_its_whole_name() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, HeaderValue::from_static("a=1; xb=2;b=3=4"));
        headers.append(header::COOKIE, HeaderValue::from_static("c=; b=5"));
        let rows = [("a", Some("1")), ("b", Some("3=4")), ("c", Some("")), ("d", None)];
        for (name, value) in rows {
            assert_eq!(cookie(&headers, name), value, "{name}");
        }
        assert_eq!(cookie(&HeaderMap::new(), "a"), None);
    }
}
