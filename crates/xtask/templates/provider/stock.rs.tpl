//! {{title}}, the vendor's side: {{what}}. Nothing of it is written yet: each call is refused, and says so.
//!
//! Name the vendor's page and what is out of scope here.

use http::HeaderMap;
use serde_json::Value;

use super::{Draft, FieldIssue, Malformed, StockVendor, Target, Vendor, VendorError};
use crate::{
    calls::stock::{Rates, StockCall, StockItem, StockKind, StockPage},
    time::UnixMillis,
};

/// {{title}}'s side.
pub struct {{Type}}Vendor;

impl Vendor for {{Type}}Vendor {
    /// An error has no words of its own yet: its status decides.
    fn error(&self, _status: u16, _body: &[u8]) -> VendorError {
        VendorError::default()
    }

    fn stock(&self) -> Option<&dyn StockVendor> {
        Some(self)
    }
}

impl StockVendor for {{Type}}Vendor {
    fn lacks(&self, _call: &StockCall) -> Vec<FieldIssue> {
        Vec::new()
    }

    fn request(&self, _call: &StockCall, _target: &Target) -> Result<Draft, Vec<FieldIssue>> {
        Err(unwritten())
    }

    fn page(&self, _call: &StockCall, _body: &Value) -> Result<StockPage, Malformed> {
        Err(unread())
    }

    fn item_request(&self, _kind: StockKind, _id: &str) -> Result<Draft, Vec<FieldIssue>> {
        Err(unwritten())
    }

    fn item(&self, _kind: StockKind, _body: &Value) -> Result<Option<StockItem>, Malformed> {
        Err(unread())
    }

    fn rates(&self, _headers: &HeaderMap, _now: UnixMillis) -> Rates {
        Rates::default()
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
