//! Shotstack: an edit is ordered by `POST /render`, and asked about by `GET /render/{id}`.
//!
//! Two environments have the same form and keys of their own: `v1`, and `stage`, which marks its films and
//! bills nothing. Each is a provider. A callback of theirs is not signed and only makes us ask again.
//! Follows <https://shotstack.io/docs/api/>.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use url::Url;

use super::{Draft, FieldIssue, Malformed, RenderVendor, Target, Vendor, VendorError, mapped};
use crate::{
    calls::{RenderCall, RenderReply},
    json,
    mapping::{
        PayloadMapping, ProviderRules,
        poll::{KeptPolling, Polling},
        reply::MappedReply,
        variables::Variables,
    },
};

/// How long a render is followed: an hour. Most take a third of their length.
const FOLLOWS_MS: u64 = 3_600_000;

/// The vendor's side.
pub struct ShotstackVendor {
    /// How an order is asked about; what orders it is written here.
    asks: Arc<PayloadMapping>,
}

impl ShotstackVendor {
    /// For a provider.
    ///
    /// # Errors
    /// Why its renders cannot be asked about, for the log: an operator has to mend the provider.
    pub fn new(rules: &ProviderRules) -> Result<Self, String> {
        let asks = PayloadMapping::parse(&asks(), rules).map_err(|issues| {
            issues.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
        })?;
        Ok(Self { asks: Arc::new(asks) })
    }
}

/// How a render goes. It has no percentage: the state stands for one.
fn asks() -> Value {
    json!({
        "endpoint": "/render",
        "body": {},
        "response_mapping": {"job_id": "$.response.id"},
        "response": {
            "kind": "poll",
            "endpoint": "/render/{job_id}",
            "query": {"data": "false"},
            "every_ms": 2_000,
            "timeout_ms": FOLLOWS_MS,
            "status": "$.response.status",
            "done": ["done"],
            "failed": ["failed"],
            "error": {"message": "$.response.error"},
            "progress": {
                "path": "$.response.status",
                "map": {"queued": 5, "fetching": 20, "rendering": 50, "saving": 90, "done": 99, "*": null},
            },
            "result": {
                "video_url": "$.response.url",
                "poster": "$.response.poster",
                "thumbnail": "$.response.thumbnail",
                "duration": "$.response.duration",
            },
        },
    })
}

impl Vendor for ShotstackVendor {
    /// Reads `{"success": false, "message", "response": {"error", "message", "details"}}`, or of their gateway
    /// `{"message": "Forbidden"}`.
    fn error(&self, status: u16, body: &[u8]) -> VendorError {
        let body = json::parse(body).unwrap_or_default();
        let word = |pointer: &str| {
            let text = body.pointer(pointer).and_then(Value::as_str);
            text.filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let message = ["/response/message", "/response", "/message"];
        VendorError {
            code: word("/response/error"),
            message: message.into_iter().find_map(word),
            out_of_money: status == 402,
            ..VendorError::default()
        }
    }

    fn follows_ms(&self) -> u64 {
        FOLLOWS_MS
    }

    fn resume(&self, kept: &KeptPolling) -> Option<Result<Polling, String>> {
        Polling::restore(self.asks.clone(), kept).map_err(|err| err.to_string()).transpose()
    }

    fn renders(&self) -> Option<&dyn RenderVendor> {
        Some(self)
    }
}

impl RenderVendor for ShotstackVendor {
    fn request(
        &self,
        call: &RenderCall,
        callback: Option<&Url>,
        _target: &Target,
    ) -> Result<Draft, Vec<FieldIssue>> {
        let mut body: Map<String, Value> = call.edit.clone();
        if let Some(callback) = callback {
            body.insert("callback".to_owned(), callback.as_str().into());
        }
        let polling = Polling::new(self.asks.clone(), &Variables::default())
            .map_err(|err| vec![FieldIssue { pointer: String::new(), reason: err.to_string() }])?;
        Ok(Draft { polling, ..Draft::json("/render", &Value::Object(body)) })
    }

    fn ordered(&self, call: &RenderCall, reply: MappedReply) -> Result<RenderReply, Malformed> {
        mapped::render_reply(call, reply)
    }
}
