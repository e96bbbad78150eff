//! When the days, weeks and months of a time zone begin and end.

use chrono::{
    DateTime, Datelike, Days, MappedLocalTime, Months, NaiveDate, NaiveTime, TimeDelta, TimeZone,
};
use chrono_tz::Tz;

use super::policy::Period;
use crate::time::UnixMillis;

/// The first and the last moment that periods are reckoned for: the years 1 and 9998. What lies outside is
/// a broken clock, and counts to the nearest of them.
const FIRST_MS: i64 = -62_135_596_800_000;
const LAST_MS: i64 = 253_370_764_800_000;

/// The end of what never ends: the largest number that an object's storage gives back as an integer, since
/// JavaScript calls none above it safe.
pub(super) const NEVER: UnixMillis = UnixMillis((1 << 53) - 1);

/// The calendar of one time zone.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Calendar(Tz);

impl Default for Calendar {
    fn default() -> Self {
        Self(Tz::UTC)
    }
}

/// One period: from `starts_at` on, and before `ends_at`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Stretch {
    /// Its first moment.
    pub starts_at: UnixMillis,
    /// The first moment of the next one.
    pub ends_at: UnixMillis,
}

impl Calendar {
    /// The calendar of a zone by its IANA name; `None` if there is no such zone.
    #[must_use]
    pub fn of(zone: &str) -> Option<Self> {
        zone.parse().ok().map(Self)
    }

    /// The period that a moment lies in.
    ///
    /// Each moment lies in exactly one: where a clock is put back over midnight, the day begins when its
    /// midnight comes for the first time, and where midnight is skipped, with the first moment after that.
    #[must_use]
    pub fn stretch(self, period: Period, at: UnixMillis) -> Stretch {
        let at = UnixMillis(at.0.clamp(FIRST_MS, LAST_MS));
        let whole = Stretch { starts_at: UnixMillis(0), ends_at: NEVER };
        let Some(local) = DateTime::from_timestamp_millis(at.0) else { return whole };
        let date = local.with_timezone(&self.0).date_naive();
        let first = match period {
            Period::Day => Some(date),
            Period::Month => date.with_day(1),
            Period::Total => return whole,
            Period::Week => {
                let days = u64::from(date.weekday().num_days_from_monday());
                date.checked_sub_days(Days::new(days))
            }
        };
        let Some(mut first) = first else { return whole };
        // The date on the wall may be that of the period before, where a clock was put back.
        loop {
            let Some(next) = after(period, first) else { return whole };
            let stretch = Stretch { starts_at: self.midnight(first), ends_at: self.midnight(next) };
            if at < stretch.ends_at {
                return stretch;
            }
            first = next;
        }
    }

    /// The first moment of a date.
    fn midnight(self, date: NaiveDate) -> UnixMillis {
        let mut time = date.and_time(NaiveTime::MIN);
        // Zones that skipped a whole date went a day ahead: two days lead out of any gap.
        for _ in 0..(2 * 24 * 4) {
            match self.0.from_local_datetime(&time) {
                MappedLocalTime::Single(time) | MappedLocalTime::Ambiguous(time, _) => {
                    return UnixMillis(time.timestamp_millis());
                }
                MappedLocalTime::None => time += TimeDelta::minutes(15),
            }
        }
        UnixMillis(date.and_time(NaiveTime::MIN).and_utc().timestamp_millis())
    }
}

/// The first date of the next period.
fn after(period: Period, first: NaiveDate) -> Option<NaiveDate> {
    match period {
        Period::Day => first.checked_add_days(Days::new(1)),
        Period::Month => first.checked_add_months(Months::new(1)),
        Period::Total => None,
        Period::Week => first.checked_add_days(Days::new(7)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(zone: &str, period: Period, at: &str, from: &str, to: &str) {
        let time = |text: &str| UnixMillis::parse_rfc3339(text).unwrap();
        let stretch = Calendar::of(zone).unwrap().stretch(period, time(at));
        let told = (stretch.starts_at.rfc3339(), stretch.ends_at.rfc3339());
        assert_eq!(told, (time(from).rfc3339(), time(to).rfc3339()), "{zone} {period:?} {at}");
    }

    #[test]
    fn days_begin_at_midnight_of_the_zone() {
        let day = |zone, at, from, to| check(zone, Period::Day, at, from, to);
        day("UTC", "2026-11-26T12:00:00Z", "2026-11-26T00:00:00Z", "2026-11-27T00:00:00Z");
        day(
            "Europe/Berlin",
            "2026-11-26T23:30:00Z",
            "2026-11-26T23:00:00Z",
            "2026-11-27T23:00:00Z",
        );
        day("Asia/Kolkata", "2026-11-26T18:29:59Z", "2026-11-25T18:30:00Z", "2026-11-26T18:30:00Z");
        day(
            "Pacific/Auckland",
            "2026-11-26T11:00:00Z",
            "2026-11-26T11:00:00Z",
            "2026-11-27T11:00:00Z",
        );
    }

    #[test]
    fn a_day_is_as_long_as_its_clock_change_makes_it() {
        let day = |zone, at, from, to| check(zone, Period::Day, at, from, to);
        // 23 hours, 25 hours.
        day(
            "Europe/Berlin",
            "2026-03-29T10:00:00Z",
            "2026-03-28T23:00:00Z",
            "2026-03-29T22:00:00Z",
        );
        day(
            "Europe/Berlin",
            "2026-10-25T10:00:00Z",
            "2026-10-24T22:00:00Z",
            "2026-10-25T23:00:00Z",
        );
        // Midnight is skipped: the day begins at one o'clock.
        day("Africa/Cairo", "2026-04-24T10:00:00Z", "2026-04-23T22:00:00Z", "2026-04-24T21:00:00Z");
        day(
            "America/Santiago",
            "2026-09-06T12:00:00Z",
            "2026-09-06T04:00:00Z",
            "2026-09-07T03:00:00Z",
        );
        // The clock is put back over midnight: the hour before it comes twice.
        day(
            "America/Havana",
            "2026-11-01T12:00:00Z",
            "2026-11-01T04:00:00Z",
            "2026-11-02T05:00:00Z",
        );
        // A date that never was.
        day("Pacific/Apia", "2011-12-30T09:59:59Z", "2011-12-29T10:00:00Z", "2011-12-30T10:00:00Z");
        day("Pacific/Apia", "2011-12-30T10:00:00Z", "2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z");
    }

    #[test]
    fn weeks_begin_on_monday_and_months_on_the_first() {
        check(
            "UTC",
            Period::Week,
            "2026-11-29T23:59:59Z",
            "2026-11-23T00:00:00Z",
            "2026-11-30T00:00:00Z",
        );
        check(
            "Europe/Berlin",
            Period::Week,
            "2026-10-25T22:59:59Z",
            "2026-10-18T22:00:00Z",
            "2026-10-25T23:00:00Z",
        );
        check(
            "UTC",
            Period::Month,
            "2028-02-29T12:00:00Z",
            "2028-02-01T00:00:00Z",
            "2028-03-01T00:00:00Z",
        );
        check(
            "UTC",
            Period::Month,
            "2026-12-31T23:59:59Z",
            "2026-12-01T00:00:00Z",
            "2027-01-01T00:00:00Z",
        );
        check(
            "America/New_York",
            Period::Month,
            "2026-11-01T03:59:59Z",
            "2026-10-01T04:00:00Z",
            "2026-11-01T04:00:00Z",
        );
    }

    #[test]
    fn what_is_total_has_no_end() {
        let whole = Calendar::default().stretch(Period::Total, UnixMillis(5));
        assert_eq!(whole, Stretch { starts_at: UnixMillis(0), ends_at: NEVER });
    }

    #[test]
    fn no_zone_of_that_name_is_none() {
        assert!(Calendar::of("Europe/Atlantis").is_none());
        assert!(Calendar::of("").is_none());
    }

    proptest! {
        /// A moment lies in its period, and the period's moments all lie in it.
        #[test]
        fn periods_follow_each_other_without_a_gap(
            at in 0_i64..4_000_000_000_000,
            zone in prop::sample::select(chrono_tz::TZ_VARIANTS.to_vec()),
            period in prop::sample::select(Period::ALL.to_vec()),
        ) {
            let calendar = Calendar(zone);
            let stretch = calendar.stretch(period, UnixMillis(at));
            prop_assert!(stretch.starts_at <= UnixMillis(at) && UnixMillis(at) < stretch.ends_at);
            prop_assert_eq!(calendar.stretch(period, stretch.starts_at), stretch);
            prop_assert_eq!(calendar.stretch(period, stretch.ends_at.plus(-1)), stretch);
            if period != Period::Total {
                let next = calendar.stretch(period, stretch.ends_at);
                prop_assert_eq!(next.starts_at, stretch.ends_at);
            }
        }

        #[test]
        fn no_clock_makes_it_panic(at: i64, zone in prop::sample::select(chrono_tz::TZ_VARIANTS.to_vec())) {
            for period in Period::ALL {
                let _ = Calendar(zone).stretch(period, UnixMillis(at));
            }
        }
    }
}
