//! Money as integer micro-dollars: sums are exact, and nothing is rounded twice.

use serde::{Deserialize, Serialize};

/// An amount in micro-dollars: `1_000_000` is one US dollar.
#[derive(
    Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(transparent)]
pub struct Micros(pub i64);

impl Micros {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// The amount, if it is one that a database holds: not below nothing, and below 2^53.
    #[must_use]
    pub fn if_plausible(self) -> Option<Self> {
        (0..1 << 53).contains(&self.0).then_some(self)
    }

    /// Reads dollars, as vendors tell them; `None` if that is no amount of money.
    #[must_use]
    pub fn of_dollars(dollars: f64) -> Option<Self> {
        let micros = (dollars * 1e6).round();
        // Above 2^53 an f64 no longer tells neighbours apart.
        let holds = (0.0..9_007_199_254_740_992.0).contains(&micros);
        #[expect(clippy::cast_possible_truncation, reason = "checked above")]
        holds.then_some(Self(micros as i64))
    }

    /// The amount as limits count it: what is below nothing is nothing.
    #[must_use]
    pub fn unsigned(self) -> u64 {
        self.0.max(0).unsigned_abs()
    }

    /// Adds, or says `None` where the sum does not fit.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// Adds, and stays at the largest amount where the sum does not fit.
    #[must_use]
    pub fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Receipts, D1 rows and the limiter's objects hold the bare number.
    #[test]
    fn json_form_is_a_bare_integer() {
        assert_eq!(serde_json::to_string(&Micros(250)).unwrap(), "250");
    }

    #[test]
    fn dollars_become_micros() {
        assert_eq!(Micros::of_dollars(0.04), Some(Micros(40_000)));
        assert_eq!(Micros::of_dollars(0.0), Some(Micros(0)));
        for bad in [-0.01, f64::NAN, f64::INFINITY, 1e12] {
            assert_eq!(Micros::of_dollars(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_amount_that_no_database_holds_is_none() {
        let largest = Micros((1 << 53) - 1);
        assert_eq!(largest.if_plausible(), Some(largest));
        assert_eq!(Micros::ZERO.if_plausible(), Some(Micros::ZERO));
        for bad in [1 << 53, i64::MAX, -1] {
            assert_eq!(Micros(bad).if_plausible(), None, "{bad}");
        }
    }

    #[test]
    fn sums_are_checked() {
        assert_eq!(Micros(1).checked_add(Micros(2)), Some(Micros(3)));
        assert_eq!(Micros(i64::MAX).checked_add(Micros(1)), None);
        assert_eq!(Micros(i64::MAX).saturating_add(Micros(1)), Micros(i64::MAX));
    }
}
