//! Thoughts: items of type `reasoning`, whose `encrypted_content` is good for the item of that id alone.
//!
//! So the id is a part of the seal. Another vendor's seal is told as `encrypted_content` under the name of its
//! maker; so is one of this vendor's that cannot stand under its own id.

use crate::{chat::Seal, model::Protocol};

/// Makes the seal of an item.
pub(super) fn seal(id: &str, encrypted: &str) -> Seal {
    let own = || Seal::of(Protocol::OpenaiResponses, format!("{id}:{encrypted}"));
    Seal::of_mark(encrypted).unwrap_or_else(own)
}

/// The `encrypted_content` of a seal in the item of this id, if a model of `provider` answered.
pub(super) fn encrypted_content(seal: &Seal, id: &str, provider: &str) -> String {
    match own(seal) {
        Some((own, encrypted)) if own == id => encrypted.to_owned(),
        Some(_) | None => seal.marked(provider),
    }
}

/// The id and the `encrypted_content` of a seal that this vendor made.
pub(super) fn own(seal: &Seal) -> Option<(&str, &str)> {
    let is_own = seal.maker == Protocol::OpenaiResponses;
    is_own.then(|| seal.data.split_once(':')).flatten()
}

/// Whether a text that stands as `encrypted_content` is the vendor's own, as it wrote it.
pub(super) fn is_own_text(encrypted: &str) -> bool {
    Seal::of_mark(encrypted).is_none()
}
