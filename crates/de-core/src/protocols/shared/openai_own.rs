//! What a caller says in one of OpenAI's protocols, and no vendor of another can be told.

use crate::{
    chat::{ChatCall, OwnWord, Weight},
    protocols::FieldIssue,
};

/// Notes what only OpenAI's own protocols can say.
pub(in crate::protocols) fn own(call: &mut ChatCall, pointer: String, weight: Weight) {
    let reason = "only OpenAI's own protocol can say this, and this model's vendor speaks another"
        .to_owned();
    call.own_words.push(OwnWord { issue: FieldIssue { pointer, reason }, weight });
}

/// Notes a piece of the conversation or a tool that only a relay can carry.
pub(in crate::protocols) fn relay_only(call: &mut ChatCall, pointer: String) {
    own(call, pointer, Weight::Essential);
}
