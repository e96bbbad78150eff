//! Receipts on their way into `usage_logs`, and out of it. What they come to: [`sums`].

mod columns;
pub mod requests;
pub mod rollups;
pub mod selection;
pub mod sums;

use serde::Deserialize;
use serde_json::Value;

use super::{json_text, statement};
use crate::{
    ids::LeaseId,
    ports::{PortError, Row, Statement, row},
    receipt::{Attempt, Receipt},
};

/// Writes as much as receipts of `size_bytes` may need, and takes it back: in one batch, of which nothing stays.
///
/// A database that is full answers, and takes a batch that adds nothing. This one it refuses, so that whoever was
/// refused can tell whether the fault is theirs. At most 900 kB: D1 takes 2 MB in one value.
#[must_use]
pub fn probe(size_bytes: u64) -> [Statement; 2] {
    // Written as hexadecimal digits, two a byte, and once more in an index.
    let half = i64::try_from(size_bytes.clamp(64 * 1024, 900_000) / 2).unwrap_or(i64::MAX);
    let insert = statement(
        "INSERT INTO stray_objects (storage_key, due_at)
         VALUES ('probe/' || hex(zeroblob(CAST(?1 AS INTEGER))), 9007199254740991)
         ON CONFLICT (storage_key) DO NOTHING",
        [half.into()],
    );
    let delete = statement(
        "DELETE FROM stray_objects
         WHERE storage_key = 'probe/' || hex(zeroblob(CAST(?1 AS INTEGER)))",
        [half.into()],
    );
    [insert, delete]
}

/// Delivers receipts: `receipts` is the JSON text of a list of them, at most 500 and 1 MB.
///
/// Two statements for one batch. One receipt delivered twice is one row. The first brings the
/// `receipt_id` of each that was new, and a trigger marks its hour to be summed ([`rollups`]). The keys they
/// name learn when they were last used. A Limiter adds [`super::epochs::touch`].
#[must_use]
pub fn deliver(receipts: &str) -> [Statement; 2] {
    let insert = statement(
        "INSERT INTO usage_logs (
           receipt_id, request_id, organization_id, instance_id, project_id, api_key_id, user_id,
           model_id, requested_model_id, provider_id, protocol, modality, operation, status,
           http_status, error_code, streamed, input_tokens, cached_input_tokens,
           cache_write_tokens, cache_write_1h_tokens, cache_write_12h_tokens, output_tokens,
           reasoning_tokens, image_input_tokens, cached_image_input_tokens, image_output_tokens,
           audio_input_tokens, audio_output_tokens, images, characters, media_ms, requests,
           cost_micros, price_version, price_valid_from, estimated, over_ceiling,
           limiter_bypassed, attempts, latency_ms, first_byte_ms, upstream_ms, request_bytes,
           response_bytes, admitted_at, created_at, lease_id, cached, calls
         )
         SELECT
           r.value ->> '$.receipt_id', r.value ->> '$.request_id',
           r.value ->> '$.organization_id', r.value ->> '$.instance_id',
           r.value ->> '$.project_id', r.value ->> '$.api_key_id', r.value ->> '$.user_id',
           r.value ->> '$.model_id', r.value ->> '$.requested_model_id',
           r.value ->> '$.provider_id', r.value ->> '$.protocol', r.value ->> '$.modality',
           r.value ->> '$.operation', r.value ->> '$.status',
           CAST(r.value ->> '$.http_status' AS INTEGER), r.value ->> '$.error_code',
           CAST(r.value ->> '$.streamed' AS INTEGER),
           coalesce(CAST(r.value ->> '$.input_tokens' AS INTEGER), 0),
           coalesce(CAST(r.value ->> '$.cached_input_tokens' AS INTEGER), 0),
           coalesce(CAST(r.value ->> '$.cache_write_tokens' AS INTEGER), 0),
           coalesce(CAST(r.value ->> '$.cache_write_1h_tokens' AS INTEGER), 0),
           coalesce(CAST(r.value ->> '$.cache_write_12h_tokens' AS INTEGER), 0),
           coalesce(CAST(r.value ->> '$.output_tokens' AS INTEGER), 0),
           coalesce(CAST(r.value ->> '$.reasoning_tokens' AS INTEGER), 0),
           coalesce(CAST(r.value ->> '$.image_input_tokens' AS INTEGER), 0),
           coalesce(CAST(r.value ->> '$.cached_image_input_tokens' AS INTEGER), 0),
           coalesce(CAST(r.value ->> '$.image_output_tokens' AS INTEGER), 0),
           coalesce(CAST(r.value ->> '$.audio_input_tokens' AS INTEGER), 0),
           coalesce(CAST(r.value ->> '$.audio_output_tokens' AS INTEGER), 0),
           coalesce(CAST(r.value ->> '$.images' AS INTEGER), 0),
           coalesce(CAST(r.value ->> '$.characters' AS INTEGER), 0),
           coalesce(CAST(r.value ->> '$.media_ms' AS INTEGER), 0),
           coalesce(CAST(r.value ->> '$.requests' AS INTEGER), 0),
           CAST(r.value ->> '$.cost_micros' AS INTEGER),
           CAST(r.value ->> '$.price_version' AS INTEGER),
           CAST(r.value ->> '$.price_valid_from' AS INTEGER),
           CAST(r.value ->> '$.estimated' AS INTEGER),
           CAST(r.value ->> '$.over_ceiling' AS INTEGER),
           CAST(r.value ->> '$.limiter_bypassed' AS INTEGER),
           coalesce(r.value -> '$.attempts', '[]'), CAST(r.value ->> '$.latency_ms' AS INTEGER),
           CAST(r.value ->> '$.first_byte_ms' AS INTEGER),
           CAST(r.value ->> '$.upstream_ms' AS INTEGER),
           CAST(r.value ->> '$.request_bytes' AS INTEGER),
           CAST(r.value ->> '$.response_bytes' AS INTEGER),
           CAST(r.value ->> '$.admitted_at' AS INTEGER),
           CAST(r.value ->> '$.created_at' AS INTEGER), r.value ->> '$.lease_id',
           coalesce(CAST(r.value ->> '$.cached' AS INTEGER), 0),
           coalesce(CAST(r.value ->> '$.calls' AS INTEGER), 1)
         FROM json_each(?1) AS r WHERE true
         ON CONFLICT (receipt_id) DO NOTHING
         RETURNING receipt_id",
        [receipts.into()],
    );
    let keys = statement(
        "UPDATE api_keys SET last_used_at = used.at
         FROM (
           SELECT r.value ->> '$.api_key_id' AS id, max(CAST(r.value ->> '$.admitted_at' AS INTEGER)) AS at
           FROM json_each(?1) AS r GROUP BY 1
         ) AS used
         WHERE api_keys.id = used.id AND coalesce(api_keys.last_used_at, 0) <= used.at - 60000",
        [receipts.into()],
    );
    [insert, keys]
}

/// What is written of a call whose receipt went past its Limiter.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub struct DirectRow {
    /// The call's lease.
    pub lease_id: LeaseId,
    /// Every try at a vendor.
    #[serde(deserialize_with = "json_text")]
    pub attempts: Vec<Attempt>,
    /// What it cost, in micro-dollars; absent if that is not known.
    pub cost_micros: Option<u64>,
    /// What it counts against limits of tokens.
    pub tokens: u64,
}

/// Finds the receipts of some leases that went past their Limiter, a [`DirectRow`] each.
#[must_use]
pub fn of_leases(leases: &[LeaseId]) -> Statement {
    statement(
        "SELECT lease_id, attempts, cost_micros,
           input_tokens + cached_input_tokens + cache_write_tokens + cache_write_1h_tokens
           + cache_write_12h_tokens + output_tokens + image_input_tokens + cached_image_input_tokens
           + image_output_tokens + audio_input_tokens + audio_output_tokens AS tokens
         FROM usage_logs
         WHERE lease_id IN (SELECT value FROM json_each(?1))",
        [serde_json::to_string(leases).unwrap_or_default().into()],
    )
}

/// The columns of a receipt, of `usage_logs AS u`.
macro_rules! receipt_columns {
    () => {
        "u.receipt_id, u.request_id, u.organization_id, u.instance_id, u.project_id, u.api_key_id, u.user_id,
         u.model_id, u.requested_model_id, u.provider_id, u.protocol, u.modality, u.operation, u.status,
         u.http_status, u.error_code, u.streamed, u.input_tokens, u.cached_input_tokens,
         u.cache_write_tokens, u.cache_write_1h_tokens, u.cache_write_12h_tokens, u.output_tokens,
         u.reasoning_tokens, u.image_input_tokens, u.cached_image_input_tokens, u.image_output_tokens,
         u.audio_input_tokens, u.audio_output_tokens, u.images, u.characters, u.media_ms, u.requests,
         u.cost_micros, u.price_version, u.price_valid_from, u.estimated, u.over_ceiling,
         u.limiter_bypassed, u.attempts, u.latency_ms, u.first_byte_ms, u.upstream_ms, u.request_bytes,
         u.response_bytes, u.admitted_at, u.created_at, u.cached, u.calls"
    };
}

use receipt_columns;

/// Reads a row of `usage_logs`.
///
/// # Errors
/// [`PortError::Malformed`] if the row is no receipt.
pub fn receipt(mut columns: Row) -> Result<Receipt, PortError> {
    for flag in ["streamed", "estimated", "over_ceiling", "limiter_bypassed", "cached"] {
        if let Some(value) = columns.get_mut(flag) {
            *value = Value::Bool(value.as_f64().is_some_and(|number| number != 0.0));
        }
    }
    if let Some(attempts) = columns.get_mut("attempts") {
        let text = attempts.as_str().unwrap_or_default();
        *attempts = serde_json::from_str(text).map_err(|err| PortError::Malformed {
            port: "database",
            message: format!("usage_logs.attempts: {err}"),
        })?;
    }
    row(columns)
}
