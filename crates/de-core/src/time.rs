//! Points in time. The clock itself is a port: nothing here asks what time it is.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Milliseconds since 1970-01-01 UTC.
#[derive(
    Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(transparent)]
pub struct UnixMillis(pub i64);

impl UnixMillis {
    /// The point that is `duration_ms` later (earlier, if negative).
    #[must_use]
    pub fn plus(self, duration_ms: i64) -> Self {
        Self(self.0.saturating_add(duration_ms))
    }

    /// Milliseconds from `earlier` to here; 0 if the clock went back.
    #[must_use]
    pub fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0).max(0)
    }

    /// RFC 3339 in UTC with milliseconds: `2026-11-25T15:49:36.120Z`.
    ///
    /// A time outside of the years that RFC 3339 can say is shown as the epoch.
    #[must_use]
    pub fn rfc3339(self) -> String {
        DateTime::<Utc>::from_timestamp_millis(self.0)
            .unwrap_or_default()
            .to_rfc3339_opts(SecondsFormat::Millis, true)
    }

    /// Reads RFC 3339 with any offset; `None` if the text is not that.
    #[must_use]
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        DateTime::parse_from_rfc3339(text).ok().map(|time| Self(time.timestamp_millis()))
    }

    /// The HTTP date of RFC 9110, as `Sunset` wants it: `Wed, 25 Nov 2026 15:49:36 GMT`.
    #[must_use]
    pub fn http_date(self) -> String {
        DateTime::<Utc>::from_timestamp_millis(self.0)
            .unwrap_or_default()
            .format("%a, %d %b %Y %H:%M:%S GMT")
            .to_string()
    }
}

/// The same as replies show it: RFC 3339 in UTC with milliseconds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Timestamp(pub UnixMillis);

impl From<UnixMillis> for Timestamp {
    fn from(time: UnixMillis) -> Self {
        Self(time)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.0.rfc3339())
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let time = UnixMillis::parse_rfc3339(&text);
        time.map(Self).ok_or_else(|| serde::de::Error::custom("expected a time as RFC 3339 has it"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_written_as_rfc3339() {
        let time = UnixMillis(1_795_621_776_120);
        assert_eq!(time.rfc3339(), "2026-11-25T15:49:36.120Z");
        assert_eq!(UnixMillis::parse_rfc3339("2026-11-25T16:49:36.120+01:00"), Some(time));
        assert_eq!(UnixMillis::parse_rfc3339("2026-11-25 15:49"), None);
        assert_eq!(time.http_date(), "Wed, 25 Nov 2026 15:49:36 GMT");
    }
}
