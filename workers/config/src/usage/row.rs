//! A row of usage, as answers show it.

use de_core::{
    store::usage::sums::{Group, Sums},
    time::Timestamp,
};
use serde::Serialize;
#[cfg(not(target_family = "wasm"))]
use {
    de_core::ids::{ApiKeyId, InstanceId, ModelId, ProjectId, ProviderId},
    utoipa::ToSchema,
};

use super::asked::Column;

/// Sums of calls, and the time that they are of.
#[derive(Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(ToSchema))]
pub(crate) struct UsageReport {
    /// From when calls are summed, by when they were admitted: the hour in which the `from` of the request
    /// lies, or the interval where that is shorter.
    pub(super) from: Timestamp,
    /// Until when, that moment not included: the end of the hour in which the `to` of the request lies, or of the
    /// interval where that is shorter.
    pub(super) to: Timestamp,
    /// The sums, by time, then by what else was asked.
    pub(super) data: Vec<UsageRow>,
}

/// What some calls came to. What they are grouped by stands first; the rest of that is absent.
#[derive(Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(ToSchema))]
pub(crate) struct UsageRow {
    /// The minute, by its beginning.
    #[serde(skip_serializing_if = "Option::is_none")]
    minute: Option<Timestamp>,
    /// The five minutes, by their beginning.
    #[serde(skip_serializing_if = "Option::is_none")]
    five_minutes: Option<Timestamp>,
    /// The quarter of an hour, by its beginning.
    #[serde(skip_serializing_if = "Option::is_none")]
    quarter_hour: Option<Timestamp>,
    /// The hour, by its beginning.
    #[serde(skip_serializing_if = "Option::is_none")]
    hour: Option<Timestamp>,
    /// The day in UTC: `2026-11-25`.
    #[serde(skip_serializing_if = "Option::is_none")]
    day: Option<String>,
    /// The month in UTC: `2026-11`.
    #[serde(skip_serializing_if = "Option::is_none")]
    month: Option<String>,
    /// The instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_family = "wasm"), schema(value_type = Option<InstanceId>))]
    instance_id: Option<Option<String>>,
    /// The project; null for the keys of persons.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_family = "wasm"), schema(value_type = Option<ProjectId>))]
    project_id: Option<Option<String>>,
    /// The key; null for sessions.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_family = "wasm"), schema(value_type = Option<ApiKeyId>))]
    api_key_id: Option<Option<String>>,
    /// The model that served, or was tried last; null if none was reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_family = "wasm"), schema(value_type = Option<ModelId>))]
    model_id: Option<Option<String>>,
    /// Its provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_family = "wasm"), schema(value_type = Option<ProviderId>))]
    provider_id: Option<Option<String>>,
    /// `text`, `image`, `audio`, `video` or `stock`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_family = "wasm"), schema(value_type = Option<String>))]
    modality: Option<Option<String>>,
    /// How they ended: `ok`, `failed`, `cut` (by the vendor) or `cancelled` (by the caller).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_family = "wasm"), schema(value_type = Option<String>))]
    status: Option<Option<String>>,
    /// How they failed; null if they did not.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_family = "wasm"), schema(value_type = Option<String>))]
    error_code: Option<Option<String>>,
    /// How many calls there were.
    requests: u64,
    /// How many of them failed or were cut by the vendor.
    errors: u64,
    /// Text read, not from a cache.
    input_tokens: u64,
    /// Text read from the vendor's cache.
    cached_input_tokens: u64,
    /// Text written to the vendor's cache for its shortest life.
    cache_write_tokens: u64,
    /// Text written to the cache for an hour.
    cache_write_1h_tokens: u64,
    /// Text written to the cache for twelve hours.
    cache_write_12h_tokens: u64,
    /// Text made, reasoning included.
    output_tokens: u64,
    /// The part of `output_tokens` that was reasoning.
    reasoning_tokens: u64,
    /// Images read.
    image_input_tokens: u64,
    /// Images read from the vendor's cache.
    cached_image_input_tokens: u64,
    /// Images made, where the vendor counts them in tokens.
    image_output_tokens: u64,
    /// Sound read.
    audio_input_tokens: u64,
    /// Sound made.
    audio_output_tokens: u64,
    /// Images made, where the vendor counts them by piece.
    images: u64,
    /// Characters spoken.
    characters: u64,
    /// Sound or video heard or made, in milliseconds.
    media_ms: u64,
    /// Calls, where the vendor bills by the call.
    billed_requests: u64,
    /// What they cost, in micro-dollars, as far as there are prices.
    cost_micros: u64,
    /// How many of them used something that has no price: they are not in `cost_micros`.
    unpriced: u64,
    /// For how many of them the vendor named no counts, so that they are ours.
    estimated: u64,
    /// How many of them were answered from the response cache: no vendor was asked, and nothing billed.
    cached: u64,
    /// How long half of them took at most, to the last byte, in milliseconds; null if there were none. Within a
    /// factor of √2.
    p50_ms: Option<u64>,
    /// The same of 95 of 100.
    p95_ms: Option<u64>,
    /// The same of 99 of 100.
    p99_ms: Option<u64>,
    /// How long half of them took at most to the first byte; null if none had one.
    first_byte_p50_ms: Option<u64>,
    /// The same of 95 of 100.
    first_byte_p95_ms: Option<u64>,
    /// The same of 99 of 100.
    first_byte_p99_ms: Option<u64>,
}

impl UsageRow {
    /// A row with these columns of its group.
    pub(super) fn of(columns: &[Column], group: &Group, sums: &Sums) -> Self {
        let at = |column: Column| columns.contains(&column).then_some(group.at);
        let id = |column: Column, text: &str| {
            columns.contains(&column).then(|| (!text.is_empty()).then(|| text.to_owned()))
        };
        let date = |letters: usize| {
            move |at: de_core::time::UnixMillis| at.rfc3339().chars().take(letters).collect()
        };
        let usage = &sums.usage;
        Self {
            minute: at(Column::Minute).map(Timestamp),
            five_minutes: at(Column::FiveMinutes).map(Timestamp),
            quarter_hour: at(Column::QuarterHour).map(Timestamp),
            hour: at(Column::Hour).map(Timestamp),
            day: at(Column::Day).map(date("2026-11-25".len())),
            month: at(Column::Month).map(date("2026-11".len())),
            instance_id: id(Column::Instance, &group.instance_id),
            project_id: id(Column::Project, &group.project_id),
            api_key_id: id(Column::Key, &group.api_key_id),
            model_id: id(Column::Model, &group.model_id),
            provider_id: id(Column::Provider, &group.provider_id),
            modality: id(Column::Modality, &group.modality),
            status: id(Column::Status, &group.status),
            error_code: id(Column::ErrorCode, &group.error_code),
            requests: sums.calls,
            errors: sums.errors,
            input_tokens: usage.input_tokens,
            cached_input_tokens: usage.cached_input_tokens,
            cache_write_tokens: usage.cache_write_tokens,
            cache_write_1h_tokens: usage.cache_write_1h_tokens,
            cache_write_12h_tokens: usage.cache_write_12h_tokens,
            output_tokens: usage.output_tokens,
            reasoning_tokens: usage.reasoning_tokens,
            image_input_tokens: usage.image_input_tokens,
            cached_image_input_tokens: usage.cached_image_input_tokens,
            image_output_tokens: usage.image_output_tokens,
            audio_input_tokens: usage.audio_input_tokens,
            audio_output_tokens: usage.audio_output_tokens,
            images: usage.images,
            characters: usage.characters,
            media_ms: usage.media_ms,
            billed_requests: usage.requests,
            cost_micros: sums.cost_micros,
            unpriced: sums.unpriced,
            estimated: sums.estimated,
            cached: sums.cached,
            p50_ms: sums.latency.percentile(50),
            p95_ms: sums.latency.percentile(95),
            p99_ms: sums.latency.percentile(99),
            first_byte_p50_ms: sums.first_byte.percentile(50),
            first_byte_p95_ms: sums.first_byte.percentile(95),
            first_byte_p99_ms: sums.first_byte.percentile(99),
        }
    }
}
