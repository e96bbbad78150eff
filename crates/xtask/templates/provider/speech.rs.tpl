//! {{title}}, the vendor's side: {{what}}. Nothing of it is written yet: each call is refused, and says so.
//!
//! Name the vendor's page and what is out of scope here.

use super::{Draft, FieldIssue, SpeechVendor, Target, Vendor, VendorError};
use crate::calls::SpeechCall;

/// {{title}}'s side.
pub struct {{Type}}Vendor;

impl Vendor for {{Type}}Vendor {
    /// An error has no words of its own yet: its status decides.
    fn error(&self, _status: u16, _body: &[u8]) -> VendorError {
        VendorError::default()
    }

    fn speech(&self) -> Option<&dyn SpeechVendor> {
        Some(self)
    }
}

impl SpeechVendor for {{Type}}Vendor {
    fn request(&self, _call: &SpeechCall, _target: &Target) -> Result<Draft, Vec<FieldIssue>> {
        Err(unwritten())
    }
}

/// What is refused until it is written.
fn unwritten() -> Vec<FieldIssue> {
    let reason = "the protocol {{name}} is not written yet: crates/de-core/src/protocols/{{module}}.rs";
    vec![FieldIssue { pointer: "/model".to_owned(), reason: reason.to_owned() }]
}
