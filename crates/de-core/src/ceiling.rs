//! What a call may use and cost at most, before anything is sent: upper bounds, not estimates.
//!
//! A budget is kept because each call holds the most that it may cost. So every token is taken at the
//! dearest price that it can reach: of its classes, of the tiers for long inputs, of the service tiers.
//! What has no price has no bound.

use crate::{
    calls::embedding::EmbeddingInput,
    limits::wire::Need,
    money::Micros,
    pricing::{ImagePrice, Pricing, Tier},
    receipt::Usage,
    registry::Model,
};

/// What makes the input of a text call as large as it can be. See [`text_tokens`].
#[derive(Clone, Copy, Debug, Default)]
pub struct TextSize {
    /// Tokens of images and documents, at most: the vendor's bound for each.
    pub attachment_tokens: u64,
    /// How many answers were asked for (`n`); 0 counts as 1.
    pub choices: u64,
    /// How many messages there are, system prompts included.
    pub messages: u64,
    /// The most tokens that one answer may have, reasoning included.
    pub output_bound: u64,
    /// UTF-8 bytes of all text that is sent: messages, names, and tools as JSON.
    pub text_bytes: u64,
    /// How many tools are declared.
    pub tools: u64,
}

/// What chat templates add around a message: role, separators.
const TOKENS_A_MESSAGE: u64 = 16;
/// What they add around a whole request.
const TOKENS_A_REQUEST: u64 = 64;
/// What they add around a tool's declaration.
const TOKENS_A_TOOL: u64 = 32;
/// The hidden prompt that explains tools; Anthropic's is the longest, some 350 to 700 tokens:
/// <https://docs.anthropic.com/en/docs/agents-and-tools/tool-use/overview#pricing>.
const TOKENS_FOR_TOOLS: u64 = 1_024;

/// An upper bound of the tokens that a text call reads.
///
/// No tokenizer in use makes more tokens than the text has bytes. The bound is loose (four times the
/// count, for English), which is what keeps a limit from being passed; settling gives the rest back.
#[must_use]
pub fn input_tokens(size: TextSize) -> u64 {
    let for_tools = if size.tools == 0 { 0 } else { TOKENS_FOR_TOOLS };
    let input = [
        size.text_bytes,
        size.attachment_tokens,
        size.messages.saturating_mul(TOKENS_A_MESSAGE),
        size.tools.saturating_mul(TOKENS_A_TOOL),
        for_tools,
        TOKENS_A_REQUEST,
    ];
    input.into_iter().fold(0, u64::saturating_add)
}

/// An upper bound of the tokens that a text call makes, in all its answers.
#[must_use]
pub fn output_tokens(size: TextSize) -> u64 {
    size.choices.max(1).saturating_mul(size.output_bound)
}

/// An upper bound of all tokens of a text call.
#[must_use]
pub fn text_tokens(size: TextSize) -> u64 {
    input_tokens(size).saturating_add(output_tokens(size))
}

/// An upper bound of the tokens that a call for vectors reads. It makes none.
#[must_use]
pub fn embedding_tokens(input: &EmbeddingInput) -> u64 {
    let (count, tokens) = match input {
        EmbeddingInput::Texts(texts) => (texts.len(), texts.iter().map(String::len).sum()),
        EmbeddingInput::Tokens(lists) => (lists.len(), lists.iter().map(Vec::len).sum::<usize>()),
    };
    let frames = u64::try_from(count).unwrap_or(u64::MAX).saturating_mul(TOKENS_A_MESSAGE);
    u64::try_from(tokens)
        .unwrap_or(u64::MAX)
        .saturating_add(frames)
        .saturating_add(TOKENS_A_REQUEST)
}

/// The most that a call may use, by what it is priced by.
#[derive(Clone, Copy, Debug, Default)]
pub struct Most<'a> {
    /// Characters spoken.
    pub characters: u64,
    /// Pictures made.
    pub images: u64,
    /// Tokens read, of any class.
    pub input_tokens: u64,
    /// Sound or video, in milliseconds.
    pub media_ms: u64,
    /// Tokens made, of any class.
    pub output_tokens: u64,
    /// Quality of the pictures, where the caller names one.
    pub quality: Option<&'a str>,
    /// Size of the pictures, where the caller names one.
    pub size: Option<&'a str>,
    /// The service tier that the caller names; absent: the vendor's usual one, at list price.
    pub tier: Option<&'a str>,
    /// Tokens of which nobody knows whether they are read or made.
    pub tokens: u64,
}

impl From<TextSize> for Most<'_> {
    fn from(size: TextSize) -> Self {
        let (input_tokens, output_tokens) = (input_tokens(size), output_tokens(size));
        Self { input_tokens, output_tokens, ..Self::default() }
    }
}

impl From<Usage> for Most<'_> {
    fn from(usage: Usage) -> Self {
        let Usage { characters, images, media_ms, .. } = usage;
        Self {
            characters,
            images,
            input_tokens: usage.total_input_tokens(),
            media_ms,
            output_tokens: usage.total_output_tokens(),
            ..Self::default()
        }
    }
}

/// The most that one try at a model may cost, in micro-dollars, rounded up. `None` if something that it may
/// use has no price.
///
/// A model that bills pictures, speech or films in one of several units holds the dearest of those that it
/// has a price for.
#[must_use]
pub fn micros(pricing: Option<&Pricing>, most: Most<'_>) -> Option<Micros> {
    let pricing = pricing?;
    let input = input_price(pricing, most);
    let output = output_price(pricing);
    let by_million = |units: u64, price: u64| u128::from(units) * u128::from(price) * 1_000;
    let tokens = |units: u64, price: Option<u64>| match (units, price) {
        (0, _) => Some(0),
        (units, price) => price.map(|price| by_million(units, price)),
    };
    // Over a million thousandths, as seconds are priced by the million and counted in milliseconds.
    let in_tokens = [
        tokens(most.input_tokens, input),
        tokens(most.output_tokens, output),
        tokens(most.tokens, input.max(output)),
    ];
    let in_tokens =
        in_tokens.into_iter().try_fold(0_u128, |sum, part| Some(sum.saturating_add(part?)));
    let has_tokens = most.input_tokens > 0 || most.output_tokens > 0 || most.tokens > 0;
    let in_pieces = pieces(pricing, most);
    let has_pieces = most.images > 0 || most.characters > 0 || most.media_ms > 0;
    let dearest = match (in_tokens.filter(|_| has_tokens), in_pieces.filter(|_| has_pieces)) {
        (Some(tokens), Some(pieces)) => tokens.max(pieces),
        (Some(part), None) | (None, Some(part)) => part,
        // Billed by the call alone, or by nothing that has a price.
        (None, None) => pricing.request_micros.map(|_| 0)?,
    };
    let request = u128::from(pricing.request_micros.unwrap_or(0)) * 1_000_000_000;
    let sum = dearest.saturating_add(request);
    let scaled = sum.saturating_mul(u128::from(percent(pricing, most.tier)));
    let micros = scaled.div_ceil(1_000_000_000 * 100);
    i64::try_from(micros).ok().map(Micros)
}

/// What one try at a model is reserved for: an admission, a slot, so many tokens, and the most that it may
/// cost.
#[must_use]
pub fn need(model: &Model, most: Most<'_>, tokens: u64) -> Need {
    let micros = micros(model.config.pricing.as_ref(), most).map(Micros::unsigned);
    Need { micros, requests: 1, slots: 1, tokens }
}

/// Pictures, characters and time at their prices, over 10^9; `None` if one of them has no price.
fn pieces(pricing: &Pricing, most: Most<'_>) -> Option<u128> {
    let part = |units: u64, price: Option<u64>, each: u128| match units {
        0 => Some(0),
        units => price.map(|price| u128::from(units).saturating_mul(u128::from(price)) * each),
    };
    let image = pricing.image_micros.as_ref().and_then(|price| dearest_image(price, most));
    let images = part(most.images, image, 1_000_000_000)?;
    let characters = part(most.characters, pricing.character_micros_per_million, 1_000)?;
    let media = part(most.media_ms, pricing.second_micros_per_million, 1)?;
    Some(images.saturating_add(characters).saturating_add(media))
}

/// The price of a picture of the size and quality that are named; the dearest where one is not, or where
/// the table names it only among others.
fn dearest_image(price: &ImagePrice, most: Most<'_>) -> Option<u64> {
    let table = match price {
        ImagePrice::Each(micros) => return Some(*micros),
        ImagePrice::BySize(table) => table,
    };
    if let (Some(size), Some(quality)) = (most.size, most.quality)
        && let Some(micros) = table.get(size).and_then(|row| row.get(quality))
    {
        return Some(*micros);
    }
    table.values().flat_map(std::collections::BTreeMap::values).copied().max()
}

/// The dearest price of a token read: of all classes, and of the tiers that an input of that length can
/// reach. A vendor decides itself what it reads from its cache and what it writes to it.
fn input_price(pricing: &Pricing, most: Most<'_>) -> Option<u64> {
    let longest = most.input_tokens.saturating_add(most.tokens);
    let tiers = pricing.tiers.iter().filter(|tier| longest > tier.above_input_tokens);
    let of_tiers = tiers.flat_map(|tier: &Tier| {
        [
            tier.input_micros_per_million_tokens,
            tier.cached_input_micros_per_million_tokens,
            tier.cache_write_micros_per_million_tokens,
            tier.cache_write_1h_micros_per_million_tokens,
            tier.cache_write_12h_micros_per_million_tokens,
        ]
    });
    let base = [
        pricing.input_micros_per_million_tokens,
        pricing.cached_input_micros_per_million_tokens,
        pricing.cache_write_micros_per_million_tokens,
        pricing.cache_write_1h_micros_per_million_tokens,
        pricing.cache_write_12h_micros_per_million_tokens,
        pricing.image_input_micros_per_million_tokens,
        pricing.cached_image_input_micros_per_million_tokens,
        pricing.audio_input_micros_per_million_tokens,
    ];
    base.into_iter().chain(of_tiers).flatten().max()
}

fn output_price(pricing: &Pricing) -> Option<u64> {
    let tiers = pricing.tiers.iter().map(|tier| tier.output_micros_per_million_tokens);
    let base = [
        pricing.output_micros_per_million_tokens,
        pricing.image_output_micros_per_million_tokens,
        pricing.audio_output_micros_per_million_tokens,
    ];
    base.into_iter().chain(tiers).flatten().max()
}

/// Percent of the list price: at least all of it, since a vendor may serve at its usual tier. A tier that is
/// named and not priced may be any.
fn percent(pricing: &Pricing, tier: Option<&str>) -> u32 {
    let Some(tier) = tier else { return 100 };
    let named = pricing.multipliers_percent.get(tier).copied();
    let dearest = || pricing.multipliers_percent.values().copied().max();
    let usual = matches!(tier, "default" | "standard" | "standard_only");
    let percent = named.or_else(|| if usual { None } else { dearest() });
    percent.unwrap_or(100).max(100)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::cost::{Cost, Terms, cost_on};

    #[track_caller]
    fn check(pricing: Value, most: Most<'_>, expected: Option<i64>) {
        let pricing = Pricing::import(&pricing).unwrap();
        assert_eq!(micros(Some(&pricing), most), expected.map(Micros));
    }

    #[test]
    fn a_ceiling_is_never_under_what_is_sent() {
        let size = TextSize { messages: 1, output_bound: 16, text_bytes: 6, ..TextSize::default() };
        assert_eq!(text_tokens(size), 6 + 16 + 64 + 16);
        assert_eq!(text_tokens(TextSize { choices: 3, ..size }), 6 + 16 + 64 + 48);
        assert_eq!(text_tokens(TextSize { tools: 1, ..size }), 6 + 16 + 64 + 16 + 32 + 1_024);
        assert_eq!(text_tokens(TextSize { output_bound: u64::MAX, ..size }), u64::MAX);
    }

    #[test]
    fn a_call_holds_the_dearest_that_it_can_reach() {
        let mini = || json!({"input_micros_per_million_tokens": 150_000, "output_micros_per_million_tokens": 600_000});
        let most = Most { input_tokens: 1_000, output_tokens: 100, ..Most::default() };
        // 150 + 60
        check(mini(), most, Some(210));
        // Rounded up.
        check(mini(), Most { input_tokens: 1, ..Most::default() }, Some(1));
        let mut writes = mini();
        writes["cache_write_1h_micros_per_million_tokens"] = json!(300_000);
        check(writes, most, Some(360));
        let mut tiers = mini();
        tiers["tiers"] = json!([
            {"above_input_tokens": 999, "input_micros_per_million_tokens": 300_000},
            {"above_input_tokens": 1_000, "input_micros_per_million_tokens": 900_000},
        ]);
        check(tiers, most, Some(360));
        let mut priority = mini();
        priority["multipliers_percent"] = json!({"batch": 50, "priority": 200});
        check(priority.clone(), most, Some(210));
        check(priority.clone(), Most { tier: Some("priority"), ..most }, Some(420));
        check(priority.clone(), Most { tier: Some("batch"), ..most }, Some(210));
        check(priority.clone(), Most { tier: Some("default"), ..most }, Some(210));
        // `auto` may be any of them.
        check(priority, Most { tier: Some("auto"), ..most }, Some(420));
    }

    #[test]
    fn what_has_no_price_has_no_bound() {
        let most = Most { input_tokens: 10, output_tokens: 10, ..Most::default() };
        check(json!({}), most, None);
        check(json!({"input_micros_per_million_tokens": 1}), most, None);
        check(
            json!({"input_micros_per_million_tokens": 1}),
            Most { images: 1, ..Most::default() },
            None,
        );
        assert_eq!(micros(None, most), None);
        assert_eq!(micros(None, Most::default()), None);
        // Billed by the call, whatever it uses.
        check(json!({"request_micros": 7}), Most { images: 3, ..Most::default() }, Some(7));
        check(json!({"request_micros": 0}), Most::default(), Some(0));
    }

    #[test]
    fn pictures_hold_the_dearest_of_their_table() {
        let table = || json!({"image_micros": {"1024x1024": {"high": 167_000, "low": 11_000}, "1536x1024": {"high": 250_000}}});
        let of = |size, quality| Most { images: 2, quality, size, ..Most::default() };
        check(table(), of(None, None), Some(500_000));
        check(table(), of(Some("1024x1024"), Some("low")), Some(22_000));
        check(table(), of(Some("1024x1024"), None), Some(500_000));
        check(table(), of(Some("9x9"), Some("low")), Some(500_000));
        // Where tokens are priced too, the dearer of both.
        let both =
            json!({"image_micros": 40_000, "image_output_micros_per_million_tokens": 120_000_000});
        check(both, Most { tokens: 1_000, ..of(None, None) }, Some(120_000));
    }

    #[test]
    fn speech_and_films_hold_what_they_are_billed_by() {
        let speech = json!({"character_micros_per_million": 80_000_000});
        check(speech, Most { characters: 12, ..Most::default() }, Some(960));
        let film = json!({"second_micros_per_million": 61_100_000});
        check(film, Most { media_ms: 2_400, ..Most::default() }, Some(147));
    }

    proptest! {
        /// Whatever a call within its bound really uses, it costs no more than it holds.
        #[test]
        fn no_bill_is_above_its_ceiling(
            prices in prop::array::uniform8(prop::option::of(0_u64..100_000_000)),
            bounds: [u32; 2],
            parts: [u16; 6],
            tier_above in 0_u64..1_000_000,
            percent in 1_u32..700,
        ) {
            let pricing = Pricing {
                input_micros_per_million_tokens: prices[0],
                cached_input_micros_per_million_tokens: prices[1],
                cache_write_micros_per_million_tokens: prices[2],
                output_micros_per_million_tokens: prices[3],
                audio_input_micros_per_million_tokens: prices[4],
                audio_output_micros_per_million_tokens: prices[5],
                tiers: vec![Tier {
                    above_input_tokens: tier_above,
                    input_micros_per_million_tokens: prices[6],
                    output_micros_per_million_tokens: prices[7],
                    ..Tier::default()
                }],
                multipliers_percent: [("fast".to_owned(), percent)].into(),
                ..Pricing::default()
            };
            let most = Most {
                input_tokens: bounds[0].into(),
                output_tokens: bounds[1].into(),
                tier: Some("fast"),
                ..Most::default()
            };
            let share = |of: u64, part: u16, parts: u64| of * u64::from(part) / 65_536 / parts;
            let usage = Usage {
                input_tokens: share(most.input_tokens, parts[0], 4),
                cached_input_tokens: share(most.input_tokens, parts[1], 4),
                cache_write_tokens: share(most.input_tokens, parts[2], 4),
                audio_input_tokens: share(most.input_tokens, parts[3], 4),
                output_tokens: share(most.output_tokens, parts[4], 2),
                audio_output_tokens: share(most.output_tokens, parts[5], 2),
                ..Usage::default()
            };
            let bill = cost_on(Terms { percent, ..Terms::default() }, &pricing, &usage);
            if let (Some(ceiling), Cost::Known(cost)) = (micros(Some(&pricing), most), bill) {
                prop_assert!(cost <= ceiling, "{cost:?} > {ceiling:?}");
            }
        }
    }
}
