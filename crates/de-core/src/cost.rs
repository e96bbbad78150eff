//! From counts to money: price × usage, in integers, rounded once.
//!
//! A call that used something without a price has no cost, rather than a cost of 0. What a call may cost at
//! most is in `ceiling`.

use crate::{
    money::Micros,
    pricing::{Pricing, Tier},
    receipt::Usage,
};

/// What a call costs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Cost {
    /// All that was used has a price.
    Known(Micros),
    /// Something was used that has none.
    Unpriced {
        /// The first such member of [`Usage`]: `audio_input_tokens`.
        class: &'static str,
    },
}

impl Cost {
    /// The money, as receipts hold it: absent if unknown.
    #[must_use]
    pub fn micros(self) -> Option<Micros> {
        match self {
            Self::Known(micros) => Some(micros),
            Self::Unpriced { .. } => None,
        }
    }
}

/// On which terms a call was served.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// Quality of the images made, where their price depends on it; else empty.
    pub image_quality: &'a str,
    /// Size of the images made, `1024x1024`, where their price depends on it; else empty.
    pub image_size: &'a str,
    /// Percent of the list price, from `multipliers_percent` by the service tier that really served.
    pub percent: u32,
}

impl Default for Terms<'_> {
    fn default() -> Self {
        Self { image_quality: "", image_size: "", percent: 100 }
    }
}

/// Tokens and characters are priced by the million, seconds by the million and counted in milliseconds,
/// the multiplier is in percent: all fits over one denominator, so that one division rounds.
const DENOMINATOR: u128 = 1_000_000 * 1_000 * 100;

/// Percent of the list price under a service tier, in the vendor's word; 100 if the tier has no multiplier
/// (`default`, `standard`) or none was told.
#[must_use]
pub fn percent(pricing: &Pricing, tier: Option<&str>) -> u32 {
    tier.and_then(|tier| pricing.multipliers_percent.get(tier)).copied().unwrap_or(100)
}

/// What a call costs at list price. See [`cost_on`].
#[must_use]
pub fn cost(pricing: &Pricing, usage: &Usage) -> Cost {
    cost_on(Terms::default(), pricing, usage)
}

/// What a call costs: the sum over its classes of units × price, rounded once, half a micro-dollar up.
///
/// The tier is picked by the whole input. Cached tokens without a price of their own cost as much as
/// fresh ones. `requests` without a price are free as long as something else was counted, since most
/// vendors do not bill by the call. An amount too large for [`Micros`] stays at its largest.
#[must_use]
pub fn cost_on(terms: Terms<'_>, pricing: &Pricing, usage: &Usage) -> Cost {
    let mut sum: u128 = 0;
    for Line { class, per_unit, price, units } in lines(terms, pricing, usage) {
        match (units, price) {
            (0, _) => {}
            (_, None) => return Cost::Unpriced { class },
            (_, Some(price)) => {
                let amount = u128::from(units).saturating_mul(u128::from(price));
                sum = sum.saturating_add(amount.saturating_mul(per_unit));
            }
        }
    }
    let scaled = sum.saturating_mul(u128::from(terms.percent));
    let micros = scaled.saturating_add(DENOMINATOR / 2) / DENOMINATOR;
    Cost::Known(Micros(i64::try_from(micros).unwrap_or(i64::MAX)))
}

/// One line of a bill.
struct Line {
    class: &'static str,
    /// Numerator over [`DENOMINATOR`] of one unit at a price of 1, without the percent.
    per_unit: u128,
    price: Option<u64>,
    units: u64,
}

fn lines(terms: Terms<'_>, pricing: &Pricing, usage: &Usage) -> [Line; 15] {
    const BY_MILLION: u128 = 1_000;
    const BY_PIECE: u128 = 1_000 * 1_000_000;
    const BY_MILLION_SECONDS: u128 = 1;
    let tier = pricing.tier(usage.total_input_tokens());
    let in_tier = |of: fn(&Tier) -> Option<u64>, base| tier.and_then(of).or(base);
    let input =
        in_tier(|t| t.input_micros_per_million_tokens, pricing.input_micros_per_million_tokens);
    let cached = in_tier(
        |t| t.cached_input_micros_per_million_tokens,
        pricing.cached_input_micros_per_million_tokens,
    );
    let write = in_tier(
        |t| t.cache_write_micros_per_million_tokens,
        pricing.cache_write_micros_per_million_tokens,
    );
    let write_1h = in_tier(
        |t| t.cache_write_1h_micros_per_million_tokens,
        pricing.cache_write_1h_micros_per_million_tokens,
    );
    let write_12h = in_tier(
        |t| t.cache_write_12h_micros_per_million_tokens,
        pricing.cache_write_12h_micros_per_million_tokens,
    );
    let output =
        in_tier(|t| t.output_micros_per_million_tokens, pricing.output_micros_per_million_tokens);
    let image_input = pricing.image_input_micros_per_million_tokens;
    let cached_image = pricing.cached_image_input_micros_per_million_tokens.or(image_input);
    let image_output = pricing.image_output_micros_per_million_tokens;
    let audio_input = pricing.audio_input_micros_per_million_tokens;
    let audio_output = pricing.audio_output_micros_per_million_tokens;
    // Images that were billed in tokens are not billed by the piece again.
    let pieces =
        if image_output.is_some() && usage.image_output_tokens > 0 { 0 } else { usage.images };
    let piece = pricing
        .image_micros
        .as_ref()
        .and_then(|price| price.of(terms.image_size, terms.image_quality));
    let only_requests = Usage { requests: 0, ..*usage } == Usage::default();
    let request = pricing.request_micros.or(if only_requests { None } else { Some(0) });

    let line = |class, per_unit, price, units| Line { class, per_unit, price, units };
    let tokens = |class, price, units| line(class, BY_MILLION, price, units);
    [
        tokens("input_tokens", input, usage.input_tokens),
        tokens("cached_input_tokens", cached.or(input), usage.cached_input_tokens),
        tokens("cache_write_tokens", write, usage.cache_write_tokens),
        tokens("cache_write_1h_tokens", write_1h, usage.cache_write_1h_tokens),
        tokens("cache_write_12h_tokens", write_12h, usage.cache_write_12h_tokens),
        tokens("output_tokens", output, usage.output_tokens),
        tokens("image_input_tokens", image_input, usage.image_input_tokens),
        tokens("cached_image_input_tokens", cached_image, usage.cached_image_input_tokens),
        tokens("image_output_tokens", image_output, usage.image_output_tokens),
        tokens("audio_input_tokens", audio_input, usage.audio_input_tokens),
        tokens("audio_output_tokens", audio_output, usage.audio_output_tokens),
        line("images", BY_PIECE, piece, pieces),
        line("characters", BY_MILLION, pricing.character_micros_per_million, usage.characters),
        line("media_ms", BY_MILLION_SECONDS, pricing.second_micros_per_million, usage.media_ms),
        line("requests", BY_PIECE, request, usage.requests),
    ]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    #[track_caller]
    fn check(pricing: Value, usage: Value, expected: Cost) {
        let pricing = Pricing::import(&pricing).unwrap();
        let usage: Usage = serde_json::from_value(usage).unwrap();
        assert_eq!(cost(&pricing, &usage), expected);
    }

    #[test]
    fn the_tier_sets_the_percent() {
        let pricing =
            json!({"currency": "USD", "multipliers_percent": {"flex": 50, "priority": 200}});
        let pricing = Pricing::import(&pricing).unwrap();
        let tiers = [Some("flex"), Some("priority"), Some("default"), Some("new"), None];
        assert_eq!(tiers.map(|tier| percent(&pricing, tier)), [50, 200, 100, 100, 100]);
    }

    fn known(micros: i64) -> Cost {
        Cost::Known(Micros(micros))
    }

    fn unpriced(class: &'static str) -> Cost {
        Cost::Unpriced { class }
    }

    #[test]
    fn classes_are_summed_before_they_are_rounded() {
        let mini = json!({"input_micros_per_million_tokens": 150_000, "output_micros_per_million_tokens": 600_000});
        // 1.35 + 1.8
        check(mini.clone(), json!({"input_tokens": 9, "output_tokens": 3}), known(3));
        // 0.45 alone is nothing, 0.45 + 0.6 is one.
        check(mini.clone(), json!({"input_tokens": 3}), known(0));
        check(mini.clone(), json!({"input_tokens": 3, "output_tokens": 1}), known(1));
        check(mini, json!({"input_tokens": 1_000_000, "output_tokens": 1_000_000}), known(750_000));
        let half = json!({"input_micros_per_million_tokens": 500_000});
        check(half, json!({"input_tokens": 1}), known(1));
    }

    #[test]
    fn a_receipt_holds_what_is_known_and_nothing_where_a_price_is_missing() {
        assert_eq!(known(7).micros(), Some(Micros(7)));
        assert_eq!(unpriced("images").micros(), None);
    }

    #[test]
    fn nothing_used_costs_nothing() {
        check(json!({}), json!({}), known(0));
    }

    #[test]
    fn c19_a_used_class_without_a_price_is_never_zero() {
        let text =
            json!({"input_micros_per_million_tokens": 1, "output_micros_per_million_tokens": 1});
        check(text.clone(), json!({"audio_input_tokens": 1}), unpriced("audio_input_tokens"));
        check(text.clone(), json!({"input_tokens": 9, "images": 1}), unpriced("images"));
        check(text, json!({"cache_write_tokens": 1}), unpriced("cache_write_tokens"));
        check(json!({}), json!({"requests": 1}), unpriced("requests"));
    }

    #[test]
    fn cached_tokens_cost_their_own_price_or_that_of_fresh_ones() {
        let usage = json!({"cached_input_tokens": 1_000_000});
        let own = json!({"input_micros_per_million_tokens": 100, "cached_input_micros_per_million_tokens": 10});
        check(own, usage.clone(), known(10));
        check(json!({"input_micros_per_million_tokens": 100}), usage, known(100));
    }

    #[test]
    fn a_long_input_is_billed_at_its_tier_as_a_whole() {
        let pricing = json!({
            "input_micros_per_million_tokens": 10_000_000,
            "cached_input_micros_per_million_tokens": 1_000_000,
            "output_micros_per_million_tokens": 50_000_000,
            "tiers": [{"above_input_tokens": 272_000, "input_micros_per_million_tokens": 20_000_000,
                       "output_micros_per_million_tokens": 75_000_000}],
        });
        check(
            pricing.clone(),
            json!({"input_tokens": 272_000, "output_tokens": 10}),
            known(2_720_500),
        );
        let long = json!({"input_tokens": 272_000, "cached_input_tokens": 1, "output_tokens": 10});
        check(pricing, long, known(5_440_751));
    }

    #[test]
    fn other_units_have_their_own_prices() {
        check(json!({"image_micros": 80_000}), json!({"images": 2}), known(160_000));
        check(
            json!({"character_micros_per_million": 80_000_000}),
            json!({"characters": 12}),
            known(960),
        );
        // 2.4 s at 61.1 a second.
        check(
            json!({"second_micros_per_million": 61_100_000}),
            json!({"media_ms": 2_400}),
            known(147),
        );
        check(json!({"request_micros": 5}), json!({"requests": 3}), known(15));
        check(json!({"request_micros": 0}), json!({"requests": 3}), known(0));
    }

    #[test]
    fn images_counted_in_tokens_are_not_billed_by_the_piece_too() {
        let both =
            json!({"image_micros": 134_000, "image_output_micros_per_million_tokens": 120_000_000});
        check(both.clone(), json!({"images": 1, "image_output_tokens": 1_000}), known(120_000));
        check(both, json!({"images": 1}), known(134_000));
    }

    #[test]
    fn terms_scale_the_list_price() {
        let pricing =
            Pricing::import(&json!({"input_micros_per_million_tokens": 1_000_000})).unwrap();
        let usage = Usage { input_tokens: 3, ..Usage::default() };
        let at = |percent| cost_on(Terms { percent, ..Terms::default() }, &pricing, &usage);
        assert_eq!(at(50), known(2));
        assert_eq!(at(600), known(18));
        let table = json!({"image_micros": {"1024x1024": {"high": 167_000}}});
        let pricing = Pricing::import(&table).unwrap();
        let usage = Usage { images: 1, ..Usage::default() };
        let high = Terms { image_quality: "high", image_size: "1024x1024", ..Terms::default() };
        assert_eq!(cost_on(high, &pricing, &usage), known(167_000));
        assert_eq!(cost(&pricing, &usage), unpriced("images"));
    }

    proptest! {
        #[test]
        fn no_count_and_no_price_overflows(units: [u64; 4], prices: [u64; 4], percent: u32) {
            let pricing = Pricing {
                input_micros_per_million_tokens: Some(prices[0]),
                output_micros_per_million_tokens: Some(prices[1]),
                second_micros_per_million: Some(prices[2]),
                request_micros: Some(prices[3]),
                ..Pricing::default()
            };
            let usage = Usage {
                input_tokens: units[0],
                output_tokens: units[1],
                media_ms: units[2],
                requests: units[3],
                ..Usage::default()
            };
            let all = cost_on(Terms { percent, ..Terms::default() }, &pricing, &usage).micros();
            let less = Usage { requests: 0, ..usage };
            let part = cost_on(Terms { percent, ..Terms::default() }, &pricing, &less).micros();
            prop_assert!(all >= part && part >= Some(Micros(0)));
        }
    }
}
