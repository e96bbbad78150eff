//! What a caller can know of a window by its own clock: a call was let in, or refused, at some moment between
//! sending it and having its answer. A promise counts as broken only if it is for any such moments.

/// Calls a window.
pub(crate) const LIMIT: usize = 5;
const WINDOW_MS: u64 = 60_000;
/// A window of a minute is counted in seconds, and an admission may count from the end of a lease.
const LATE_MS: u64 = 1_000 + 2_000;
/// `Retry-After` is in whole seconds, rounded up.
const ROUNDED_MS: u64 = 1_000;

/// One try, in milliseconds since the first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Try {
    pub(crate) answered_ms: u64,
    pub(crate) passed: bool,
    /// From the answer on.
    pub(crate) retry_after_ms: Option<u64>,
    pub(crate) sent_ms: u64,
}

/// What all tries say of the window.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Verdict {
    /// Between the answer to the first that passed and the sending of the sixth.
    pub(crate) again_after_ms: Option<u64>,
    /// Refusals after whose `Retry-After` there was a try.
    pub(crate) judged: usize,
    /// The most that surely passed in one window.
    pub(crate) most_within: usize,
    pub(crate) passed: usize,
    pub(crate) refused: usize,
    /// Refusals when so few had passed that there surely was room.
    pub(crate) refused_with_room: usize,
    /// Refusals whose `Retry-After` ends before the room can come, or after which a try was refused though none
    /// had passed since.
    pub(crate) too_early: usize,
    /// Refusals whose `Retry-After` is later than the room.
    pub(crate) too_late: usize,
}

impl Verdict {
    pub(crate) fn of(mut tries: Vec<Try>) -> Self {
        tries.sort_by_key(|a_try| a_try.sent_ms);
        let (passed, refused): (Vec<Try>, Vec<Try>) = tries.iter().partition(|a_try| a_try.passed);
        let early = |refusal: &Try| was_too_early(refusal, &tries);
        let count = |is: fn(&Try, &[Try]) -> bool| {
            refused.iter().filter(|refusal| is(refusal, &passed)).count()
        };
        let again = passed.first().zip(passed.get(LIMIT));
        Self {
            again_after_ms: again
                .map(|(first, sixth)| sixth.sent_ms.saturating_sub(first.answered_ms)),
            judged: refused.iter().filter_map(early).count(),
            most_within: passed.iter().map(|first| within(first, &passed)).max().unwrap_or(0),
            passed: passed.len(),
            refused: refused.len(),
            refused_with_room: count(has_room),
            too_early: refused
                .iter()
                .filter(|refusal| is_too_early(refusal, &passed) || early(refusal) == Some(true))
                .count(),
            too_late: count(is_too_late),
        }
    }
}

/// How many surely passed in the window that begins when this one was sent.
fn within(first: &Try, passed: &[Try]) -> usize {
    let end = first.sent_ms + WINDOW_MS;
    passed.iter().filter(|a_try| a_try.sent_ms >= first.sent_ms && a_try.answered_ms < end).count()
}

/// Whether there surely was room when this one was refused.
fn has_room(refusal: &Try, passed: &[Try]) -> bool {
    let may_count = |a_try: &&Try| {
        a_try.sent_ms <= refusal.answered_ms
            && refusal.sent_ms <= a_try.answered_ms + WINDOW_MS + LATE_MS
    };
    passed.iter().filter(may_count).count() < LIMIT
}

/// The tries that stand in the way of a refused one; `None` if they are too few for that.
fn in_the_way<'a>(refusal: &Try, passed: &'a [Try]) -> Option<Vec<&'a Try>> {
    let before = passed.iter().rev().filter(|a_try| a_try.sent_ms <= refusal.answered_ms);
    let counting: Vec<_> = before.take(LIMIT).collect();
    (counting.len() == LIMIT).then_some(counting)
}

/// Whether the room comes sooner than was said.
fn is_too_late(refusal: &Try, passed: &[Try]) -> bool {
    let Some(counting) = in_the_way(refusal, passed) else { return false };
    let first = counting.iter().map(|a_try| a_try.answered_ms).min().unwrap_or(u64::MAX);
    let said = refusal.sent_ms + refusal.retry_after_ms.unwrap_or(0);
    said > first.saturating_add(WINDOW_MS + LATE_MS + ROUNDED_MS)
}

/// Whether the room cannot have come by the time that was said.
fn is_too_early(refusal: &Try, passed: &[Try]) -> bool {
    let Some(counting) = in_the_way(refusal, passed) else { return false };
    let first = counting.iter().map(|a_try| a_try.sent_ms).min().unwrap_or(0);
    let said = refusal.answered_ms + refusal.retry_after_ms.unwrap_or(0);
    said < first + WINDOW_MS
}

/// Whether the first try after the time that was said is refused, though nobody has taken the room in
/// between; `None` if there was no such try.
fn was_too_early(refusal: &Try, tries: &[Try]) -> Option<bool> {
    let when = refusal.answered_ms + refusal.retry_after_ms?;
    let then = tries.iter().find(|a_try| a_try.sent_ms >= when)?;
    let mut between = tries
        .iter()
        .filter(|a_try| a_try.sent_ms >= refusal.answered_ms && a_try.sent_ms <= then.sent_ms);
    Some(!between.any(|a_try| a_try.passed))
}

#[cfg(test)]
mod tests {
    use super::{LIMIT, Try, Verdict};

    fn passed(at_ms: u64) -> Try {
        Try { answered_ms: at_ms + 10, passed: true, retry_after_ms: None, sent_ms: at_ms }
    }

    fn refused(at_ms: u64, retry_after_ms: u64) -> Try {
        let retry_after_ms = Some(retry_after_ms);
        Try { answered_ms: at_ms + 10, passed: false, retry_after_ms, sent_ms: at_ms }
    }

    fn five(at_ms: u64) -> impl Iterator<Item = Try> {
        (0..5).map(move |n| passed(at_ms + 250 * n))
    }

    fn of(tries: impl IntoIterator<Item = Try>) -> Verdict {
        Verdict::of(tries.into_iter().collect())
    }

    #[test]
    fn a_window_that_is_kept() {
        let refused = [refused(2_000, 60_000), refused(60_500, 1_000)];
        let verdict = of(five(0).chain(five(61_250)).chain(refused));
        assert_eq!(
            verdict,
            Verdict {
                again_after_ms: Some(61_240),
                judged: 2,
                most_within: LIMIT,
                passed: 10,
                refused: 2,
                refused_with_room: 0,
                too_early: 0,
                too_late: 0,
            }
        );
    }

    #[test]
    fn six_in_a_window_are_seen() {
        assert_eq!(of(five(0).chain([passed(59_980)])).most_within, 6);
        // It may have been let in a moment later.
        assert_eq!(of(five(0).chain([passed(59_995)])).most_within, 5);
    }

    #[test]
    fn a_refusal_with_room_is_seen() {
        let rows = [(62_900, 0), (63_100, 1), (70_000, 1)];
        for (at_ms, expected) in rows {
            let verdict = of(five(0).chain([refused(at_ms, 1_000)]));
            assert_eq!(verdict.refused_with_room, expected, "{at_ms}");
        }
        assert_eq!(of(five(0).skip(1).chain([refused(2_000, 1_000)])).refused_with_room, 1);
    }

    #[test]
    fn a_time_that_is_too_early_or_too_late_is_seen() {
        let early = of(five(0).chain([refused(2_000, 40_000), refused(50_000, 12_000)]));
        assert_eq!((early.judged, early.too_early), (1, 1));
        // Nobody has to try to know that.
        assert_eq!(of(five(0).chain([refused(2_000, 57_000)])).too_early, 1);
        // Somebody else took the room.
        let taken = [refused(59_000, 2_000), refused(63_000, 60_000)];
        let taken = of(five(0).chain(taken).chain(five(61_020)));
        assert_eq!((taken.judged, taken.too_early), (1, 0));
        for (retry_after_ms, expected) in [(61_000, 0), (62_000, 0), (64_000, 1)] {
            let verdict = of(five(0).chain([refused(2_000, retry_after_ms)]));
            assert_eq!(verdict.too_late, expected, "{retry_after_ms}");
        }
    }
}
