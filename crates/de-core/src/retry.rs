//! Which failures are worth another try, and after how long: pure.
//!
//! A chat completion that ended with an error status was not billed, so it may be asked for again. One
//! that gave no answer at all (a time-out, a lost connection) may have been made and billed: it is
//! not repeated at the same vendor.

use std::time::Duration;

use http::HeaderMap;

use crate::time::UnixMillis;

/// Tries at one model, the first included.
pub const TRIES: u32 = 3;

/// The longest wait that we take upon us; a vendor that asks for more is left to the caller.
pub const LONGEST_WAIT: Duration = Duration::from_millis(2_000);

const FIRST_STEP_MS: u64 = 200;

/// Whether a status says that the same request may succeed soon, without having been served.
///
/// 504 is not among them: the vendor's own deadline may have passed while the model was at work.
#[must_use]
pub fn is_passing(status: u16) -> bool {
    matches!(status, 409 | 425 | 429 | 500 | 502 | 503 | 529)
}

/// Whether a status comes from someone between us and the vendor's model, who has given up waiting for it: what was
/// asked for may have been made. 520 to 524 are Cloudflare's:
/// <https://developers.cloudflare.com/support/troubleshooting/http-status-codes/cloudflare-5xx-errors/>.
#[must_use]
pub fn is_untold(status: u16) -> bool {
    matches!(status, 408 | 502 | 504 | 520..=524)
}

/// How long to wait before try number `next` (2 is the first repetition), or `None` to give up.
///
/// Full jitter: between half and the whole of a doubling step, so that callers who failed together do
/// not come back together. `random` is one random byte. A vendor's own word (`asked`) counts as the
/// least.
#[must_use]
pub fn wait(next: u32, asked: Option<Duration>, random: u8) -> Option<Duration> {
    if next > TRIES {
        return None;
    }
    let step = FIRST_STEP_MS << next.saturating_sub(2).min(10);
    let jittered = Duration::from_millis(step / 2 + step * u64::from(random) / 510);
    let wait = asked.map_or(jittered, |asked| asked.max(jittered));
    (wait <= LONGEST_WAIT).then_some(wait)
}

/// What a vendor says of the next try: `retry-after-ms`, else `Retry-After` in seconds or as a date.
///
/// A date in the past means now. Anything else is no word at all. RFC 9110, section 10.2.3.
#[must_use]
pub fn asked(headers: &HeaderMap, now: UnixMillis) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    if let Some(ms) = text("retry-after-ms").and_then(|ms| ms.parse::<f64>().ok()) {
        return duration_ms(ms);
    }
    let after = text("retry-after")?;
    if let Ok(seconds) = after.parse::<f64>() {
        return duration_ms(seconds * 1_000.0);
    }
    let date = chrono::DateTime::parse_from_rfc2822(after).ok()?;
    let wait = UnixMillis(date.timestamp_millis()).since(now);
    Some(Duration::from_millis(u64::try_from(wait).unwrap_or(0)))
}

/// At most a day: a vendor's slip must not become a year.
fn duration_ms(ms: f64) -> Option<Duration> {
    (ms.is_finite() && ms >= 0.0).then(|| Duration::from_secs_f64((ms / 1_000.0).min(86_400.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        headers
    }

    #[test]
    fn c23_both_forms_of_retry_after_are_read() {
        let now = UnixMillis(1_795_621_776_000);
        let check = |name, value: &str, expected: Option<u64>| {
            let read = asked(&headers(name, value), now).map(|wait| wait.as_millis() as u64);
            assert_eq!(read, expected, "{name}: {value}");
        };
        check("retry-after", "2", Some(2_000));
        check("retry-after", "0.5", Some(500));
        check("retry-after-ms", "250", Some(250));
        check("retry-after", "Wed, 25 Nov 2026 15:49:40 GMT", Some(4_000));
        check("retry-after", "Wed, 25 Nov 2026 15:00:00 GMT", Some(0));
        check("retry-after", "soon", None);
        check("retry-after", "-1", None);
        check("retry-after", "1e300", Some(86_400_000));
        assert_eq!(asked(&HeaderMap::new(), now), None);
    }

    #[test]
    fn waits_grow_and_end() {
        assert_eq!(wait(2, None, 0), Some(Duration::from_millis(100)));
        assert_eq!(wait(2, None, 255), Some(Duration::from_millis(200)));
        assert_eq!(wait(3, None, 255), Some(Duration::from_millis(400)));
        assert_eq!(wait(4, None, 0), None);
        assert_eq!(wait(2, Some(Duration::from_secs(1)), 0), Some(Duration::from_secs(1)));
        assert_eq!(wait(2, Some(Duration::from_secs(30)), 0), None);
    }
}
