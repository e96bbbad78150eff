//! {{title}}, the vendor's side: {{what}}. Nothing of it is written yet: each call is refused, and says so.
//!
//! Name the vendor's page and what is out of scope here.

use serde_json::Value;

use super::{Draft, FieldIssue, Malformed, Target, Vendor, VendorError};
use crate::chat::{ChatCall, ChatReply};

/// {{title}}'s side.
pub struct {{Type}}Vendor;

impl Vendor for {{Type}}Vendor {
    fn request(&self, _call: &ChatCall, _target: &Target) -> Result<Draft, Vec<FieldIssue>> {
        Err(unwritten())
    }

    fn reply(&self, _body: &Value) -> Result<ChatReply, Malformed> {
        Err(unread())
    }

    /// Until there is a `VendorStream`, a caller's stream is written from the whole answer.
    fn streams(&self) -> bool {
        false
    }

    /// An error has no words of its own yet: its status decides.
    fn error(&self, _status: u16, _body: &[u8]) -> VendorError {
        VendorError::default()
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
