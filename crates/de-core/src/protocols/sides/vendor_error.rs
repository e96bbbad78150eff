//! What a vendor said when it refused or failed.

use crate::secret::Secret;

/// What a vendor said when it refused or failed.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct VendorError {
    /// The vendor's own word: `insufficient_quota`.
    pub code: Option<String>,
    /// For a person; masked and cut before anyone sees it.
    pub message: Option<String>,
    /// Money, not pace: waiting will not help.
    pub out_of_money: bool,
    /// It does not take our key, or serves nobody with it from where we are, whatever the status.
    pub key_refused: bool,
    /// Refused for safety: no other try will help.
    pub refused: bool,
    /// The vendor's word says that another try may help, whatever the status.
    pub retry: bool,
    /// The vendor's word says that the request is too large for the model.
    pub too_long: bool,
    /// The vendor's word says that the model does not do something that the request asks for.
    pub unsupported: bool,
}

/// Codes by which vendors say that the request is at fault, beside those that have a flag of their own.
const OF_THE_REQUEST: [&str; 4] =
    ["INVALID_ARGUMENT", "invalid_image", "invalid_prompt", "invalid_request_error"];

impl VendorError {
    /// Whether the request is at fault, and not the vendor: told within a stream too, after its 200.
    #[must_use]
    pub fn is_of_the_request(&self) -> bool {
        let by_code = self.code.as_deref().is_some_and(|code| OF_THE_REQUEST.contains(&code));
        self.refused || self.too_long || self.unsupported || by_code
    }

    /// The same where the vendor quotes our key: with `***` in its place.
    #[must_use]
    pub fn without(self, key: &Secret) -> Self {
        let hidden = |text: Option<String>| text.map(|text| key.mask(&text));
        Self { code: hidden(self.code), message: hidden(self.message), ..self }
    }
}
