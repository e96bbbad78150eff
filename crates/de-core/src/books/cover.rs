//! Which share covers which try: one in the caller's scopes, and one in those of its model.

use serde::{Deserialize, Serialize};

use crate::{
    ids::{LeaseId, ModelId},
    receipt::Receipt,
};

/// A share that was asked for on behalf of a call.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct Held {
    /// Whether it covers a try that ran beside the one that was served: then it covers no other.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) beside: bool,
    /// Whether the call went on with it. An answer that never came may still have been a grant.
    pub(super) granted: bool,
    /// Whether the try that it covers in the caller's scopes is lost: a vendor may have billed it without
    /// answering. Then nothing is given back.
    pub(super) keeps: bool,
    /// The same in the scopes of its model.
    #[serde(default)]
    pub(super) keeps_at_model: bool,
    pub(super) lease_id: LeaseId,
    /// Which call it is of those that spend of this lease; absent for a lease of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) number: Option<u64>,
    /// The money that it holds, if that has a bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) micros: Option<u64>,
    pub(super) share: Share,
    pub(super) tokens: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// What a share is for.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Share {
    /// One more try at the same model: an admission there, and where the try before is lost, tokens and
    /// money there.
    Again,
    /// The call itself, with the first try at its model.
    Call,
    /// The first try at a fallback, in the scopes of that model.
    Fallback(ModelId),
    /// Tokens and money in the caller's scopes for one more try, as the try before is lost and keeps its own.
    More,
}

impl Share {
    /// Whether it covers a try in the caller's scopes.
    fn covers_caller(&self) -> bool {
        matches!(self, Self::Call | Self::More)
    }

    /// Whether it covers a try in the scopes of its model, if it holds anything.
    fn covers_model(&self) -> bool {
        !matches!(self, Self::More)
    }
}

/// The share that covers the try under way in the caller's scopes.
pub(super) fn caller_cover(leases: &[Held]) -> Option<usize> {
    let covers = |held: &Held| held.granted && !held.beside && held.share.covers_caller();
    leases.iter().rposition(covers)
}

/// The share that covers the try under way in the scopes of its model: a repetition of a try that was
/// refused has none of its own, but that of the try before.
pub(super) fn model_cover(leases: &[Held]) -> Option<usize> {
    let covers = |held: &Held| {
        let is_bare = held.share == Share::Again && held.tokens == 0 && held.micros == Some(0);
        held.granted && !held.beside && held.share.covers_model() && !is_bare
    };
    leases.iter().rposition(covers)
}

/// Keeps what the try under way holds: nobody knows what became of it.
pub(super) fn lose(leases: &mut [Held]) {
    let (of_caller, of_model) = (caller_cover(leases), model_cover(leases));
    for (place, held) in leases.iter_mut().enumerate() {
        held.keeps |= Some(place) == of_caller;
        held.keeps_at_model |= Some(place) == of_model;
    }
}

/// The share that bears what the receipt says: that of the try that was served, and where none was, that of
/// the last one of which nobody knows whether it was.
pub(super) fn bearer(
    leases: &[Held],
    receipt: &Receipt,
    cover: fn(&[Held]) -> Option<usize>,
    keeps: fn(&Held) -> bool,
) -> Option<usize> {
    let is_served = receipt.attempts.last().is_some_and(|attempt| attempt.error_code.is_none());
    let lost = || leases.iter().rposition(keeps);
    if is_served { cover(leases) } else { lost().or_else(|| cover(leases)) }
}
