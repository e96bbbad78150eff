//! {{title}}, the vendor's side: {{what}}. Nothing of it is written yet: each call is refused, and says so.
//!
//! Name the vendor's page and what is out of scope here.

use bytes::Bytes;

use super::{Draft, EmbeddingVendor, FieldIssue, Malformed, Target, Vendor, VendorError};
use crate::calls::embedding::{EmbeddingCall, EmbeddingReply};

/// {{title}}'s side.
pub struct {{Type}}Vendor;

impl Vendor for {{Type}}Vendor {
    /// An error has no words of its own yet: its status decides.
    fn error(&self, _status: u16, _body: &[u8]) -> VendorError {
        VendorError::default()
    }

    fn embeddings(&self) -> Option<&dyn EmbeddingVendor> {
        Some(self)
    }
}

impl EmbeddingVendor for {{Type}}Vendor {
    fn request(&self, _call: &EmbeddingCall, _target: &Target) -> Result<Draft, Vec<FieldIssue>> {
        Err(unwritten())
    }

    fn reply(&self, _call: &EmbeddingCall, _body: &Bytes) -> Result<EmbeddingReply, Malformed> {
        Err(unread())
    }
}

/// What is refused until it is written.
fn unwritten() -> Vec<FieldIssue> {
    let reason = "the protocol {{name}} is not written yet: crates/de-core/src/protocols/{{module}}.rs";
    vec![FieldIssue { pointer: "/model".to_owned(), reason: reason.to_owned() }]
}

/// What no answer is until it is read.
fn unread() -> Malformed {
    let reason = "no answer of the protocol {{name}} is read yet".to_owned();
    Malformed { pointer: String::new(), reason }
}
