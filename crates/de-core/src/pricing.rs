//! What a vendor asks for a model, as data: one version of a model config holds one [`Pricing`].
//!
//! Figures are integers: micro-dollars for a million units, or for one piece. What a call costs by them
//! is in `cost`. The prices that the original project kept are read by [`Pricing::import`] only.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::time::UnixMillis;

/// The prices of one model.
///
/// Absent means that the vendor names no price for that class: a call that uses it is unpriced, which is
/// not the same as free. Unknown members are refused, so that a misspelt price cannot pass for none.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Pricing {
    /// Always `USD`.
    #[serde(default)]
    pub currency: Currency,
    /// Since when the prices hold: RFC 3339, or a date, which begins at midnight UTC.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "instant")]
    #[cfg_attr(not(target_family = "wasm"), schema(value_type = Option<String>))]
    pub valid_from: Option<UnixMillis>,
    /// Text read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_micros_per_million_tokens: Option<u64>,
    /// Text read from the vendor's cache; absent: as text read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached_input_micros_per_million_tokens: Option<u64>,
    /// Text written to the cache for its shortest life.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write_micros_per_million_tokens: Option<u64>,
    /// Text written to the cache for an hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write_1h_micros_per_million_tokens: Option<u64>,
    /// Text written to the cache for twelve hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write_12h_micros_per_million_tokens: Option<u64>,
    /// Text made, reasoning included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_micros_per_million_tokens: Option<u64>,
    /// Images read, in tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_input_micros_per_million_tokens: Option<u64>,
    /// Images read from the cache, in tokens; absent: as images read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached_image_input_micros_per_million_tokens: Option<u64>,
    /// Images made, in tokens. Where it stands beside `image_micros`, tokens are billed and the other
    /// figure serves when the vendor counted none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_output_micros_per_million_tokens: Option<u64>,
    /// Sound read, in tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio_input_micros_per_million_tokens: Option<u64>,
    /// Sound made, in tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio_output_micros_per_million_tokens: Option<u64>,
    /// One image made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_micros: Option<ImagePrice>,
    /// A million characters spoken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub character_micros_per_million: Option<u64>,
    /// A million seconds of sound or video, so that the figure stays an integer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second_micros_per_million: Option<u64>,
    /// One call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_micros: Option<u64>,
    /// Other prices for long inputs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tiers: Vec<Tier>,
    /// Percent of the list price under a service tier, speed or region: `{"batch": 50}`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[cfg_attr(not(target_family = "wasm"), schema(value_type = BTreeMap<String, u64>))]
    pub multipliers_percent: BTreeMap<String, u32>,
}

/// Prices of tokens that replace the base ones for the whole request once its input is long.
///
/// What a tier does not name keeps its base price.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Tier {
    /// The tier holds when the whole input has more tokens than this.
    pub above_input_tokens: u64,
    /// As in [`Pricing`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_micros_per_million_tokens: Option<u64>,
    /// As in [`Pricing`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached_input_micros_per_million_tokens: Option<u64>,
    /// As in [`Pricing`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write_micros_per_million_tokens: Option<u64>,
    /// As in [`Pricing`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write_1h_micros_per_million_tokens: Option<u64>,
    /// As in [`Pricing`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write_12h_micros_per_million_tokens: Option<u64>,
    /// As in [`Pricing`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_micros_per_million_tokens: Option<u64>,
}

/// The only currency that vendors bill us in.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
pub enum Currency {
    /// US dollars.
    #[default]
    #[serde(rename = "USD")]
    Usd,
}

/// What an image costs.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
#[serde(untagged)]
pub enum ImagePrice {
    /// Micro-dollars, the same for all.
    Each(u64),
    /// Micro-dollars by size, then quality: `{"1024x1024": {"high": 167000}}`. `*` stands for any.
    BySize(BTreeMap<String, BTreeMap<String, u64>>),
}

impl ImagePrice {
    /// The price of one image of that size and quality; `None` if the table has no such row.
    #[must_use]
    pub fn of(&self, size: &str, quality: &str) -> Option<u64> {
        match self {
            Self::Each(micros) => Some(*micros),
            Self::BySize(sizes) => {
                let row = sizes.get(size).or_else(|| sizes.get("*"))?;
                row.get(quality).or_else(|| row.get("*")).copied()
            }
        }
    }
}

/// Why a price cannot be read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PricingError {
    /// Not the documented shape: unknown member, wrong type.
    #[error("pricing is not in the documented form: {message}")]
    Shape {
        /// Which member, and why.
        message: String,
    },
    /// A dollar figure of the original that is negative, no number or too large.
    #[error("{field} is not a price")]
    NotAPrice {
        /// The member.
        field: &'static str,
    },
}

impl Pricing {
    /// Reads prices in the form above, or with the original's members among them: `cost_per_1k_tokens`,
    /// `cost_per_image`, `cost_per_1k_characters`, in dollars. A member of the form above wins over the
    /// original's; the original had one price for tokens of either direction.
    ///
    /// # Errors
    /// [`PricingError`] names the member: the caller's to mend.
    pub fn import(value: &Value) -> Result<Self, PricingError> {
        let Value::Object(members) = value else {
            return Err(PricingError::Shape { message: "expected an object".to_owned() });
        };
        let mut ours = members.clone();
        // Dollars for a thousand are 10^9 times as many micro-dollars for a million.
        if let Some(price) = take_dollars(&mut ours, "cost_per_1k_tokens", 1e9)? {
            ours.entry("input_micros_per_million_tokens").or_insert_with(|| price.into());
            ours.entry("output_micros_per_million_tokens").or_insert_with(|| price.into());
        }
        if let Some(price) = take_dollars(&mut ours, "cost_per_image", 1e6)? {
            ours.entry("image_micros").or_insert_with(|| price.into());
        }
        if let Some(price) = take_dollars(&mut ours, "cost_per_1k_characters", 1e9)? {
            ours.entry("character_micros_per_million").or_insert_with(|| price.into());
        }
        let ours = Value::Object(ours);
        if let Some(member) = above_most("pricing", &ours) {
            let message = format!("{member} is larger than {MOST}");
            return Err(PricingError::Shape { message });
        }
        serde_json::from_value(ours).map_err(|err| PricingError::Shape { message: err.to_string() })
    }

    /// The tier that holds for an input of that many tokens: the highest one that it exceeds.
    #[must_use]
    pub fn tier(&self, input_tokens: u64) -> Option<&Tier> {
        self.tiers
            .iter()
            .filter(|tier| input_tokens > tier.above_input_tokens)
            .max_by_key(|tier| tier.above_input_tokens)
    }
}

/// The largest figure of a price. Above it not every reader has the same number, and a call would cost more than any
/// database holds: it would have no cost at all.
const MOST: u64 = (1 << 53) - 1;

/// The name of the first member, at any depth, that is a number above [`MOST`].
fn above_most<'a>(name: &'a str, value: &'a Value) -> Option<&'a str> {
    match value {
        Value::Number(number) => {
            number.as_u64().is_some_and(|figure| figure > MOST).then_some(name)
        }
        Value::Array(items) => items.iter().find_map(|item| above_most(name, item)),
        Value::Object(members) => {
            members.iter().find_map(|(name, member)| above_most(name, member))
        }
        _ => None,
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "checked to lie in 0..=2^53 before the cast"
)]
fn take_dollars(
    members: &mut Map<String, Value>,
    field: &'static str,
    micros_per_dollar: f64,
) -> Result<Option<u64>, PricingError> {
    let Some(value) = members.remove(field) else { return Ok(None) };
    let micros = value.as_f64().map(|dollars| (dollars * micros_per_dollar).round());
    match micros {
        Some(micros) if (0.0..=9_007_199_254_740_992.0).contains(&micros) => {
            Ok(Some(micros as u64))
        }
        Some(_) | None => Err(PricingError::NotAPrice { field }),
    }
}

/// Points in time as the API writes them.
mod instant {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    use crate::time::UnixMillis;

    #[expect(clippy::ref_option, reason = "serde hands the field over like this")]
    pub(super) fn serialize<S: Serializer>(
        time: &Option<UnixMillis>,
        into: S,
    ) -> Result<S::Ok, S::Error> {
        time.map(UnixMillis::rfc3339).serialize(into)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<UnixMillis>, D::Error> {
        let Some(text) = Option::<String>::deserialize(from)? else { return Ok(None) };
        UnixMillis::parse_rfc3339(&text)
            .or_else(|| UnixMillis::parse_rfc3339(&format!("{text}T00:00:00Z")))
            .map(Some)
            .ok_or_else(|| D::Error::custom("valid_from is neither RFC 3339 nor a date"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn documented_prices_survive_a_round_trip() {
        let written = json!({
            "currency": "USD",
            "valid_from": "2026-11-01T00:00:00.000Z",
            "input_micros_per_million_tokens": 10_000_000,
            "cached_input_micros_per_million_tokens": 1_000_000,
            "output_micros_per_million_tokens": 50_000_000,
            "tiers": [{"above_input_tokens": 272_000, "input_micros_per_million_tokens": 20_000_000}],
            "multipliers_percent": {"batch": 50, "priority": 200},
        });
        let pricing = Pricing::import(&written).unwrap();
        assert_eq!(serde_json::to_value(&pricing).unwrap(), written);
    }

    #[test]
    fn the_originals_dollars_become_micros() {
        let check = |original: Value, expected: Value| {
            let mut expected = expected;
            expected["currency"] = json!("USD");
            assert_eq!(
                serde_json::to_value(Pricing::import(&original).unwrap()).unwrap(),
                expected,
                "{original}"
            );
        };
        check(
            json!({"currency": "USD", "cost_per_1k_tokens": 0.00015}),
            json!({"input_micros_per_million_tokens": 150_000, "output_micros_per_million_tokens": 150_000}),
        );
        check(
            json!({"cost_per_1k_tokens": 0.005, "output_micros_per_million_tokens": 1}),
            json!({"input_micros_per_million_tokens": 5_000_000, "output_micros_per_million_tokens": 1}),
        );
        check(json!({"cost_per_image": 0.08}), json!({"image_micros": 80_000}));
        check(
            json!({"cost_per_1k_characters": 0.3}),
            json!({"character_micros_per_million": 300_000_000}),
        );
    }

    #[test]
    fn what_is_no_price_is_refused_by_name() {
        for bad in [json!(-0.1), json!("0.1"), json!(1e300), json!(null)] {
            let refused = Pricing::import(&json!({"cost_per_image": bad})).unwrap_err();
            assert_eq!(refused, PricingError::NotAPrice { field: "cost_per_image" });
        }
        let bad = [
            json!({"input_micros_per_milion_tokens": 1}),
            json!({"tiers": [{"above_input_tokens": 1, "image_micros": 1}]}),
            json!({"input_micros_per_million_tokens": -1}),
            json!({"input_micros_per_million_tokens": 0.5}),
            json!({"input_micros_per_million_tokens": 1_u64 << 53}),
            json!({"tiers": [{"above_input_tokens": 1, "output_micros_per_million_tokens": u64::MAX}]}),
            json!({"image_micros": {"*": {"*": u64::MAX}}}),
            json!({"currency": "EUR"}),
            json!({"valid_from": "soon"}),
            json!([]),
        ];
        for bad in bad {
            assert!(matches!(Pricing::import(&bad), Err(PricingError::Shape { .. })), "{bad}");
        }
    }

    #[test]
    fn the_highest_tier_that_is_exceeded_holds() {
        let tier = |above_input_tokens| Tier { above_input_tokens, ..Tier::default() };
        let pricing = Pricing { tiers: vec![tier(500), tier(100)], ..Pricing::default() };
        let held = |tokens| pricing.tier(tokens).map(|tier| tier.above_input_tokens);
        assert_eq!(held(100), None);
        assert_eq!(held(101), Some(100));
        assert_eq!(held(500), Some(100));
        assert_eq!(held(501), Some(500));
    }

    #[test]
    fn images_have_one_price_or_a_table() {
        let table: ImagePrice =
            serde_json::from_value(json!({"1024x1024": {"high": 167, "*": 42}, "*": {"*": 200}}))
                .unwrap();
        assert_eq!(table.of("1024x1024", "high"), Some(167));
        assert_eq!(table.of("1024x1024", "low"), Some(42));
        assert_eq!(table.of("1x1", "low"), Some(200));
        assert_eq!(ImagePrice::Each(7).of("", ""), Some(7));
        assert_eq!(ImagePrice::BySize(BTreeMap::new()).of("1x1", "low"), None);
    }
}
