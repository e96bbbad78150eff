//! What one call used and what it cost: one [`Receipt`] a call, one row of `usage_logs`.
//!
//! A receipt is written when the call ends, whatever its end, and never changed. It carries no prompt
//! and no reply. How counts become money is in `cost`; how receipts travel is in `outbox`.

use serde::{Deserialize, Serialize};

use crate::{
    ids::{
        ApiKeyId, InstanceId, ModelId, OrganizationId, ProjectId, ProviderId, ReceiptId, RequestId,
        UserId,
    },
    money::Micros,
    time::UnixMillis,
};

/// One call, as it stands in the books: its JSON members are the columns of `usage_logs`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Receipt {
    /// Ours, the primary key: the header `x-de-receipt`.
    pub receipt_id: ReceiptId,
    /// The caller's word or ours; may repeat.
    pub request_id: RequestId,
    /// Who pays.
    pub organization_id: OrganizationId,
    /// The tenant's instance.
    pub instance_id: InstanceId,
    /// Absent for keys of persons.
    pub project_id: Option<ProjectId>,
    /// Absent for browser sessions.
    pub api_key_id: Option<ApiKeyId>,
    /// The person, where there is one.
    pub user_id: Option<UserId>,
    /// The model that served, or the last one that was tried; absent if none was reached.
    pub model_id: Option<ModelId>,
    /// The model or alias as the caller wrote it; absent if the instance's default served.
    pub requested_model_id: Option<String>,
    /// The vendor of `model_id`.
    pub provider_id: Option<ProviderId>,
    /// What was spoken with the vendor: `anthropic-messages`.
    pub protocol: Option<String>,
    /// `text`, `image`, `audio`, `video`, `stock`.
    pub modality: String,
    /// The route that was called: `POST /v1/chat/completions`.
    pub operation: String,
    /// How it ended.
    pub status: ReceiptStatus,
    /// The status that the caller got; that of the head, if the call broke off later.
    pub http_status: u16,
    /// Our code, as in the error envelope; absent if all went well.
    pub error_code: Option<String>,
    /// Whether the answer went out as events.
    pub streamed: bool,
    /// What is billed, by class.
    #[serde(flatten)]
    pub usage: Usage,
    /// Money; absent if a used class has no price. Nothing used costs 0.
    pub cost_micros: Option<Micros>,
    /// The version of the model config whose prices were used.
    pub price_version: Option<i64>,
    /// Since when these prices hold.
    pub price_valid_from: Option<UnixMillis>,
    /// The vendor named no counts, so they are ours.
    pub estimated: bool,
    /// The vendor counted more than was reserved; it is booked in full.
    pub over_ceiling: bool,
    /// The Limiter did not answer and the instance lets calls through then.
    pub limiter_bypassed: bool,
    /// An answer that was kept was given: no vendor was asked, and nothing is billed.
    #[serde(default, skip_serializing_if = "is_false")]
    pub cached: bool,
    /// How many calls it is of: 1, or more where refused calls share one ([`crate::books::Refusals`]). All else is
    /// that of the first of them.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub calls: u64,
    /// Every try at a vendor, in order.
    pub attempts: Vec<Attempt>,
    /// From the request's arrival to the last byte of the answer.
    pub latency_ms: i64,
    /// From the request's arrival to the first byte of the answer; absent if there was none.
    pub first_byte_ms: Option<i64>,
    /// What of it was spent waiting for vendors.
    pub upstream_ms: Option<i64>,
    /// Size of the caller's body.
    pub request_bytes: i64,
    /// Size of the answer's body.
    pub response_bytes: i64,
    /// When the limits let it in: usage sums by this time.
    pub admitted_at: UnixMillis,
    /// When this receipt was written.
    pub created_at: UnixMillis,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_false(flag: &bool) -> bool {
    !flag
}

fn one() -> u64 {
    1
}

// Where a pointer is smaller than it, it is not that trivial.
#[cfg_attr(
    not(target_family = "wasm"),
    expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")
)]
fn is_one(calls: &u64) -> bool {
    *calls == 1
}

/// How a call ended.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ReceiptStatus {
    /// The caller left before the end.
    Cancelled,
    /// The vendor's stream broke off before its end.
    Cut,
    /// The caller got an error.
    Failed,
    /// The caller got a whole answer.
    Ok,
}

/// The code of a try that was given up because another one, which ran beside it, came to its end first.
pub const OVERTAKEN: &str = "OVERTAKEN";

/// One try at a vendor.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
pub struct Attempt {
    /// The model that was tried.
    pub model_id: ModelId,
    /// Its vendor.
    pub provider_id: ProviderId,
    /// The vendor's HTTP status; absent if it gave none.
    pub status: Option<u16>,
    /// From the request's arrival to sending, in milliseconds; null in receipts of before it was noted.
    #[serde(default)]
    pub started_ms: Option<i64>,
    /// From sending to the end of this try.
    pub duration_ms: i64,
    /// Our code for what went wrong; absent if nothing did. `OVERTAKEN`: another model, which was asked at the
    /// same time, answered first. The vendor may bill it all the same.
    pub error_code: Option<String>,
}

/// What a vendor bills for one call, in units by class. A class counts no unit of another one.
///
/// So `input_tokens` is without cached tokens (OpenAI and Gemini count them in: the protocols subtract
/// them) and without images or sound where the vendor counts those apart. The exception is
/// `reasoning_tokens`, which is a part of `output_tokens`, shown but not priced.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Usage {
    /// Text read, not from a cache.
    pub input_tokens: u64,
    /// Text read from the vendor's cache.
    pub cached_input_tokens: u64,
    /// Text written to the vendor's cache for its shortest life.
    pub cache_write_tokens: u64,
    /// Text written to the cache for an hour.
    pub cache_write_1h_tokens: u64,
    /// Text written to the cache for twelve hours.
    pub cache_write_12h_tokens: u64,
    /// Text made, reasoning included.
    pub output_tokens: u64,
    /// The part of `output_tokens` that was reasoning.
    pub reasoning_tokens: u64,
    /// Images read.
    pub image_input_tokens: u64,
    /// Images read from the vendor's cache.
    pub cached_image_input_tokens: u64,
    /// Images made, where the vendor counts them in tokens.
    pub image_output_tokens: u64,
    /// Sound read.
    pub audio_input_tokens: u64,
    /// Sound made.
    pub audio_output_tokens: u64,
    /// Images made, where the vendor counts them by piece.
    pub images: u64,
    /// Characters spoken.
    pub characters: u64,
    /// Sound or video heard or made, in milliseconds.
    pub media_ms: u64,
    /// Calls, where the vendor bills by the call.
    pub requests: u64,
}

impl Usage {
    /// Takes the larger count of each class, as for an estimate that must not be less than what is known.
    ///
    /// Not for a vendor's counts one after the other: the last ones are the truth, and may be less.
    #[must_use]
    pub fn merge_max(self, other: Self) -> Self {
        self.zip(other, u64::max)
    }

    /// Adds up two calls, as for attempts that were both billed.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        self.zip(other, u64::saturating_add)
    }

    /// Everything read, in tokens: cached, fresh, text, images and sound.
    #[must_use]
    pub fn total_input_tokens(&self) -> u64 {
        [
            self.input_tokens,
            self.cached_input_tokens,
            self.cache_write_tokens,
            self.cache_write_1h_tokens,
            self.cache_write_12h_tokens,
            self.image_input_tokens,
            self.cached_image_input_tokens,
            self.audio_input_tokens,
        ]
        .into_iter()
        .fold(0, u64::saturating_add)
    }

    /// Everything made, in tokens.
    #[must_use]
    pub fn total_output_tokens(&self) -> u64 {
        self.output_tokens
            .saturating_add(self.image_output_tokens)
            .saturating_add(self.audio_output_tokens)
    }

    /// What counts against a token limit.
    #[must_use]
    pub fn total_tokens(&self) -> u64 {
        self.total_input_tokens().saturating_add(self.total_output_tokens())
    }

    fn zip(self, other: Self, with: fn(u64, u64) -> u64) -> Self {
        Self {
            input_tokens: with(self.input_tokens, other.input_tokens),
            cached_input_tokens: with(self.cached_input_tokens, other.cached_input_tokens),
            cache_write_tokens: with(self.cache_write_tokens, other.cache_write_tokens),
            cache_write_1h_tokens: with(self.cache_write_1h_tokens, other.cache_write_1h_tokens),
            cache_write_12h_tokens: with(self.cache_write_12h_tokens, other.cache_write_12h_tokens),
            output_tokens: with(self.output_tokens, other.output_tokens),
            reasoning_tokens: with(self.reasoning_tokens, other.reasoning_tokens),
            image_input_tokens: with(self.image_input_tokens, other.image_input_tokens),
            cached_image_input_tokens: with(
                self.cached_image_input_tokens,
                other.cached_image_input_tokens,
            ),
            image_output_tokens: with(self.image_output_tokens, other.image_output_tokens),
            audio_input_tokens: with(self.audio_input_tokens, other.audio_input_tokens),
            audio_output_tokens: with(self.audio_output_tokens, other.audio_output_tokens),
            images: with(self.images, other.images),
            characters: with(self.characters, other.characters),
            media_ms: with(self.media_ms, other.media_ms),
            requests: with(self.requests, other.requests),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECEIPT: &str = r#"{"receipt_id":"rcpt_1","request_id":"r-1","organization_id":"org_1","instance_id":"inst_1","project_id":"proj_1","api_key_id":"key_1","user_id":null,"model_id":"gpt-4o-mini","requested_model_id":"small","provider_id":"openai","protocol":"openai-chat","modality":"text","operation":"POST /v1/chat/completions","status":"ok","http_status":200,"error_code":null,"streamed":true,"input_tokens":9,"cached_input_tokens":0,"cache_write_tokens":0,"cache_write_1h_tokens":0,"cache_write_12h_tokens":0,"output_tokens":3,"reasoning_tokens":1,"image_input_tokens":0,"cached_image_input_tokens":0,"image_output_tokens":0,"audio_input_tokens":0,"audio_output_tokens":0,"images":0,"characters":0,"media_ms":0,"requests":1,"cost_micros":4,"price_version":2,"price_valid_from":1790000000000,"estimated":false,"over_ceiling":false,"limiter_bypassed":false,"attempts":[{"model_id":"gpt-4o-mini","provider_id":"openai","status":200,"duration_ms":120,"error_code":null}],"latency_ms":130,"first_byte_ms":40,"upstream_ms":120,"request_bytes":80,"response_bytes":512,"admitted_at":1795621776120,"created_at":1795621776250}"#;

    /// Outboxes of live objects hold this JSON, and the statement that delivers it to `usage_logs` picks
    /// the members by name: a new member needs a default, a renamed one a reader for the old name.
    #[test]
    fn receipt_json_is_stable() {
        let receipt: Receipt = serde_json::from_str(RECEIPT).unwrap();
        assert_eq!(receipt.usage.output_tokens, 3);
        assert_eq!(receipt.status, ReceiptStatus::Ok);
        let told = |ms: &str| {
            RECEIPT.replace(r#""duration_ms""#, &format!(r#""started_ms":{ms},"duration_ms""#))
        };
        assert_eq!(serde_json::to_string(&receipt).unwrap(), told("null"));
        let timed = told("5");
        let receipt: Receipt = serde_json::from_str(&timed).unwrap();
        assert_eq!(receipt.attempts[0].started_ms, Some(5));
        assert_eq!(serde_json::to_string(&receipt).unwrap(), timed);
        let cached = timed.replace(r#"false,"attempts""#, r#"false,"cached":true,"attempts""#);
        let receipt: Receipt = serde_json::from_str(&cached).unwrap();
        assert!(receipt.cached);
        assert_eq!(receipt.calls, 1);
        assert_eq!(serde_json::to_string(&receipt).unwrap(), cached);
        let shared = cached.replace(r#"true,"attempts""#, r#"true,"calls":57,"attempts""#);
        let receipt: Receipt = serde_json::from_str(&shared).unwrap();
        assert_eq!(receipt.calls, 57);
        assert_eq!(serde_json::to_string(&receipt).unwrap(), shared);
    }

    #[test]
    fn an_estimate_is_not_less_than_what_is_known() {
        let start = Usage { input_tokens: 9, output_tokens: 1, ..Usage::default() };
        let delta = Usage { output_tokens: 4, ..Usage::default() };
        let both = Usage { input_tokens: 9, output_tokens: 4, ..Usage::default() };
        assert_eq!(start.merge_max(delta), both);
        assert_eq!(delta.merge_max(start), both);
    }

    #[test]
    fn reasoning_is_counted_once() {
        let usage =
            Usage { input_tokens: 2, output_tokens: 5, reasoning_tokens: 4, ..Usage::default() };
        assert_eq!(usage.total_tokens(), 7);
        let huge = Usage { input_tokens: u64::MAX, output_tokens: 1, ..Usage::default() };
        assert_eq!(huge.total_tokens(), u64::MAX);
    }
}
