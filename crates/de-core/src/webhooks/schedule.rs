//! When a message is tried again, and what an answer means: pure.

use std::time::Duration;

use super::EventType;

const MINUTE_MS: i64 = 60 * 1_000;

/// How long after each failed try the next one comes; after the last there is none. Five tries over a day.
const WAITS_MS: [i64; 4] = [MINUTE_MS, 15 * MINUTE_MS, 120 * MINUTE_MS, 22 * 60 * MINUTE_MS];

/// What came of a try.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// The receiver has it.
    Delivered,
    /// The receiver wants no more of this webhook: 410.
    Gone,
    /// It may be tried again.
    Refused,
}

/// What a receiver's status means. Redirects are refusals: whoever moves says so by changing the webhook.
#[must_use]
pub fn verdict(status: u16) -> Verdict {
    match status {
        200..300 => Verdict::Delivered,
        410 => Verdict::Gone,
        _ => Verdict::Refused,
    }
}

/// How long to wait after the failed try number `tries` (1 is the first), in milliseconds; `None` to give up.
///
/// Up to a tenth is added by `random`, one random byte, so that what failed together does not come back
/// together. What the receiver asked for (`asked`) counts as the least, up to a day.
#[must_use]
pub fn wait_ms(event_type: &str, tries: u32, asked: Option<Duration>, random: u8) -> Option<i64> {
    if event_type == EventType::WebhookTest.as_str() {
        return None;
    }
    let step = *WAITS_MS.get(usize::try_from(tries.checked_sub(1)?).ok()?)?;
    let jittered = step + step / 10 * i64::from(random) / 255;
    let asked = asked.and_then(|asked| i64::try_from(asked.as_millis()).ok()).unwrap_or(0);
    Some(jittered.max(asked.min(24 * 60 * MINUTE_MS)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_tries_take_a_day() {
        let job = EventType::JobSucceeded.as_str();
        let wait = |tries, random| wait_ms(job, tries, None, random);
        let waits: Vec<i64> = (1..5).map(|tries| wait(tries, 0).unwrap()).collect();
        assert_eq!(waits, [60_000, 900_000, 7_200_000, 79_200_000]);
        assert_eq!(wait(5, 0), None);
        assert_eq!(wait(0, 0), None);
        assert_eq!((wait(1, 255), wait(4, 255)), (Some(66_000), Some(87_120_000)));
        let all: i64 = waits.iter().sum();
        assert!((24 * 3_600_000..25 * 3_600_000).contains(&all), "{all}");
    }

    #[test]
    fn a_receiver_may_ask_for_more_time_and_not_for_less() {
        let job = EventType::JobSucceeded.as_str();
        let asked = |seconds| wait_ms(job, 1, Some(Duration::from_secs(seconds)), 0);
        assert_eq!(asked(1), Some(60_000));
        assert_eq!(asked(600), Some(600_000));
        assert_eq!(asked(1_000_000), Some(86_400_000));
        assert_eq!(wait_ms("webhook.test", 1, None, 0), None, "whoever tests looks at once");
    }

    #[test]
    fn only_success_is_a_delivery() {
        for (status, expected) in [
            (200, Verdict::Delivered),
            (204, Verdict::Delivered),
            (299, Verdict::Delivered),
            (301, Verdict::Refused),
            (308, Verdict::Refused),
            (400, Verdict::Refused),
            (404, Verdict::Refused),
            (410, Verdict::Gone),
            (429, Verdict::Refused),
            (500, Verdict::Refused),
        ] {
            assert_eq!(verdict(status), expected, "{status}");
        }
    }
}
