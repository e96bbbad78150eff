//! Which of several models serves a call, each for its part of all calls: no clock, no I/O.
//!
//! It is weighted rendezvous hashing (Schindelhauer and Schomaker, Weighted Distributed Hash Tables, 2005). A call
//! has a seed, each model a score made of the seed and its id, and the models stand in the order of their scores.
//! The first one is any of them as often as its weight says. Without it the second one is, by the weights of
//! those that are left: so one that is not to be asked loses its own calls to all others, and no other call
//! moves. A weight that grows takes of all others, and gives nothing back to them.

use sha2::{Digest, Sha256};

use crate::{
    caller::Caller,
    ids::{InstanceId, ModelId},
    model::Sticky,
    ports::{Entropy, random},
    registry::Model,
};

/// What decides which of a model's targets serves a call, beside their weights.
#[derive(Clone, Copy)]
pub struct Splitting<'a> {
    /// Whether the second may serve in place of the first, which was asked for: not where its answer would mean
    /// something else.
    pub alike: fn(&Model, &Model) -> bool,
    /// The conversation that the call belongs to, in the caller's words: the header `x-de-session`.
    pub conversation: Option<&'a str>,
    /// The user that the request names.
    pub user: Option<&'a str>,
}

impl Default for Splitting<'_> {
    fn default() -> Self {
        Self { alike: |_, _| true, conversation: None, user: None }
    }
}

impl<'a> Splitting<'a> {
    /// That of a call with these headers.
    #[must_use]
    pub fn of(headers: &'a http::HeaderMap) -> Self {
        let conversation = headers.get("x-de-session").and_then(|value| value.to_str().ok());
        Self { conversation, ..Self::default() }
    }

    /// That of a call which its model answers itself, whoever else has a part of its calls.
    #[must_use]
    pub fn none() -> Self {
        Self { alike: |_, _| false, ..Self::default() }
    }
}

/// What decides the order of the models of one call.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Seed([u8; 32]);

impl Seed {
    /// The seed of a call: that of all calls which have in common what `sticky` says, else a new one.
    #[must_use]
    pub fn of(
        caller: &Caller,
        asked: &ModelId,
        sticky: Option<Sticky>,
        splitting: &Splitting<'_>,
        entropy: &dyn Entropy,
    ) -> Self {
        let key = caller.key();
        let of_key = || {
            let project = key.project_id.as_ref().map_or("", |id| id.as_str());
            let key = key.api_key_id.as_ref().map(|id| id.as_str());
            let key = key.or(caller.key().user_id.as_ref().map(|id| id.as_str()))?;
            Some(format!("{project} {key}"))
        };
        let word = |word: Option<&str>| word.filter(|word| !word.is_empty()).map(str::to_owned);
        let common = match sticky {
            None => None,
            Some(Sticky::Conversation) => word(splitting.conversation),
            Some(Sticky::Key) => of_key(),
            Some(Sticky::User) => word(splitting.user),
        };
        match sticky.zip(common) {
            Some((sticky, common)) => Self::common(caller.instance_id(), asked, sticky, &common),
            None => Self::new(entropy),
        }
    }

    /// One that no other call has.
    #[must_use]
    pub fn new(entropy: &dyn Entropy) -> Self {
        Self(random(entropy))
    }

    /// That of all calls for a model in an instance which have something in common.
    #[must_use]
    pub fn common(instance: &InstanceId, asked: &ModelId, sticky: Sticky, common: &str) -> Self {
        let parts = [instance.as_str(), asked.as_str(), sticky.as_str(), common];
        Self(digest(parts.map(str::as_bytes)))
    }

    /// The order of models with their weights, each by its place: those of weight 0 are left out.
    #[must_use]
    pub fn order(self, models: &[(&ModelId, u64)]) -> Vec<usize> {
        let scored = models.iter().enumerate().filter(|(_, (_, weight))| *weight > 0);
        let mut scored: Vec<(f64, usize)> =
            scored.map(|(place, (id, weight))| (self.score(id, *weight), place)).collect();
        scored.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        scored.into_iter().map(|(_, place)| place).collect()
    }

    /// When the model would come if all came by chance, each as often as its weight says. The least comes first.
    #[expect(clippy::cast_precision_loss, reason = "what is left of the digest has 53 bits")]
    fn score(self, id: &ModelId, weight: u64) -> f64 {
        let [first, second, third, fourth, fifth, sixth, seventh, eighth, ..] =
            digest([self.0.as_slice(), id.as_str().as_bytes()]);
        let word =
            u64::from_be_bytes([first, second, third, fourth, fifth, sixth, seventh, eighth]);
        // Between 0 and 1, and neither: the logarithm has an end.
        let chance = ((word >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
        -chance.ln() / weight as f64
    }
}

/// SHA-256 of parts, each with its length: where one ends is part of it.
fn digest<const N: usize>(parts: [&[u8]; N]) -> [u8; 32] {
    let mut sum = Sha256::new();
    for part in parts {
        let length = u64::try_from(part.len()).unwrap_or(u64::MAX);
        sum.update(length.to_be_bytes());
        sum.update(part);
    }
    sum.finalize().into()
}

#[cfg(test)]
mod tests;
