//! How far subtitles go: SubRip and WebVTT write the times of a line alike.

/// The latest end of a line, in milliseconds; `None` without a line.
pub(super) fn end_ms(subtitles: &[u8]) -> Option<u64> {
    let text = String::from_utf8_lossy(subtitles);
    let ends = text.lines().filter_map(|line| clock_ms(line.split_once("-->")?.1));
    ends.max()
}

/// `00:01:02,400`, `01:02.400`; settings may follow.
fn clock_ms(text: &str) -> Option<u64> {
    let clock = text.split_whitespace().next()?;
    let (clock, millis) = clock.split_once([',', '.'])?;
    let millis: u64 = millis.parse().ok().filter(|millis| *millis < 1_000)?;
    let mut seconds = 0_u64;
    for part in clock.split(':') {
        seconds = seconds.checked_mul(60)?.checked_add(part.parse().ok()?)?;
    }
    seconds.checked_mul(1_000)?.checked_add(millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_end_of_a_line_is_found() {
        let check = |text: &str, expected: Option<u64>| {
            assert_eq!(end_ms(text.as_bytes()), expected, "{text}");
        };
        check(
            "1\n00:00:00,000 --> 00:00:02,400\nHi.\n\n2\n00:00:03,000 --> 01:00:04,005\nBye.\n",
            Some(3_604_005),
        );
        check("WEBVTT\n\n00:00.000 --> 00:02.400 align:start\nHi.\n", Some(2_400));
        check("1\n00:00:00,000 --> 00:00:02,400\nan arrow --> here\n", Some(2_400));
        for none in ["", "WEBVTT\n", "--> \n", "0 --> 18446744073709551615:00:00.000", "0 --> 1:2"]
        {
            check(none, None);
        }
    }
}
