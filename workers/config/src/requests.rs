//! `/v1/requests` and `/v1/receipts`: calls, one by one, as they stand in the books.

mod events;
mod export;

pub(crate) use events::events;

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use de_core::{
    http::{
        error::ApiError,
        extract::{Incoming, PathText},
        routes::{Allowed, unknown},
    },
    ids::{
        ApiKeyId, InstanceId, ModelId, OrganizationId, ProjectId, ProviderId, ReceiptId, RequestId,
        UserId,
    },
    money::Micros,
    ports::{Platform, PortError},
    protocols::FieldIssue,
    receipt::{Attempt, Receipt, ReceiptStatus, Usage},
    store::usage::{
        self,
        requests::{self as store, RequestQuery},
        selection::Selection,
    },
    time::{Timestamp, UnixMillis},
};
use serde::Serialize;

use crate::{
    resource::{Filters, listed},
    usage::asked::{expected_time, reader, selection, time, wants_csv},
};

const WHAT: &str = "request";

/// A time that is later than any call's.
const EVER: UnixMillis = UnixMillis(253_402_300_800_000);

/// One call, as it stands in the books. No prompt and no reply is there.
#[derive(Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
pub(crate) struct Request {
    /// Its receipt's id: the header `x-de-receipt` of the answer.
    id: ReceiptId,
    /// The caller's word for it, or ours; may repeat.
    request_id: RequestId,
    /// Who pays.
    organization_id: OrganizationId,
    /// The instance.
    instance_id: InstanceId,
    /// The project; null for keys of persons.
    project_id: Option<ProjectId>,
    /// The key; null for sessions.
    api_key_id: Option<ApiKeyId>,
    /// The person, where there is one.
    user_id: Option<UserId>,
    /// The model that served, or was tried last; null if none was reached.
    model_id: Option<ModelId>,
    /// The model or alias as the caller wrote it; null if the default of the instance served.
    requested_model_id: Option<String>,
    /// The provider of `model_id`.
    provider_id: Option<ProviderId>,
    /// What was spoken with it: `anthropic-messages`.
    protocol: Option<String>,
    /// `text`, `image`, `audio`, `video` or `stock`.
    modality: String,
    /// The route that was called: `POST /v1/chat/completions`.
    operation: String,
    /// How it ended: `ok`, `failed`, `cut` (by the vendor) or `cancelled` (by the caller).
    #[cfg_attr(not(target_family = "wasm"), schema(value_type = String))]
    status: ReceiptStatus,
    /// The status that the caller got.
    http_status: u16,
    /// How it failed; null if it did not.
    error_code: Option<String>,
    /// Whether the answer went out as events.
    streamed: bool,
    /// What is billed, by class.
    usage: Usage,
    /// What it cost, in micro-dollars; null if something that was used has no price.
    #[cfg_attr(not(target_family = "wasm"), schema(value_type = Option<u64>))]
    cost_micros: Option<Micros>,
    /// The vendor named no counts, so they are ours.
    estimated: bool,
    /// An answer of the response cache was given: no vendor was asked, and nothing is billed.
    cached: bool,
    /// How many calls it stands for: 1, or more where refused calls share a receipt. All else is that of the first.
    calls: u64,
    /// Every try at a vendor, in order.
    attempts: Vec<Attempt>,
    /// From the request's arrival to the last byte of the answer, in milliseconds.
    latency_ms: i64,
    /// From the request's arrival to the first byte of the answer; null if there was none.
    first_byte_ms: Option<i64>,
    /// What of it was spent waiting for vendors.
    upstream_ms: Option<i64>,
    /// Size of the caller's body, in bytes.
    request_bytes: i64,
    /// Size of the answer's body, in bytes.
    response_bytes: i64,
    /// When the limits let it in: usage sums by this time.
    admitted_at: Timestamp,
    /// When its receipt was written.
    created_at: Timestamp,
}

/// What one call was charged, and why.
#[derive(Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
pub(crate) struct ReceiptShown {
    /// Its id: the header `x-de-receipt` of the answer.
    id: ReceiptId,
    /// The caller's word for the call, or ours.
    request_id: RequestId,
    /// Who pays.
    organization_id: OrganizationId,
    /// The instance.
    instance_id: InstanceId,
    /// The project; null for keys of persons.
    project_id: Option<ProjectId>,
    /// The key; null for sessions.
    api_key_id: Option<ApiKeyId>,
    /// The person, where there is one.
    user_id: Option<UserId>,
    /// The route that was called.
    operation: String,
    /// The model or alias as the caller wrote it.
    requested_model_id: Option<String>,
    /// The model that served, or was tried last.
    model_id: Option<ModelId>,
    /// Its provider.
    provider_id: Option<ProviderId>,
    /// How it ended: `ok`, `failed`, `cut` or `cancelled`.
    #[cfg_attr(not(target_family = "wasm"), schema(value_type = String))]
    status: ReceiptStatus,
    /// How it failed; null if it did not.
    error_code: Option<String>,
    /// What was sent where, in order.
    attempts: Vec<Attempt>,
    /// What is billed, by class.
    usage: Usage,
    /// The prices that it was charged at; null if the model has none.
    price: Option<PriceUsed>,
    /// What it cost, in micro-dollars; null if something that was used has no price.
    #[cfg_attr(not(target_family = "wasm"), schema(value_type = Option<u64>))]
    cost_micros: Option<Micros>,
    /// The vendor named no counts, so they are ours.
    estimated: bool,
    /// The vendor counted more than was reserved; it is booked in full.
    over_ceiling: bool,
    /// The Limiter did not answer, and the instance lets calls through then.
    limiter_bypassed: bool,
    /// An answer of the response cache was given: no vendor was asked, and nothing is billed.
    cached: bool,
    /// How many calls it is of: 1, or more where refused calls share a receipt. All else is that of the first.
    calls: u64,
    /// When the limits let it in.
    admitted_at: Timestamp,
    /// When this was written.
    created_at: Timestamp,
}

/// Prices that a call was charged at.
#[derive(Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
pub(crate) struct PriceUsed {
    /// The version of the model config that they stand in.
    version: i64,
    /// Since when they hold; null if that is not told.
    valid_from: Option<Timestamp>,
}

/// Lists calls, the newest first.
pub(crate) async fn list(
    platform: Platform,
    allowed: Allowed,
    incoming: Incoming,
    mut filters: Filters,
) -> Result<Response, ApiError> {
    let selection = selection(&mut filters, &allowed)?;
    let request = filters.id("request_id", RequestId::parse);
    let user = filters.id("user_id", UserId::parse);
    let from = filters.one_of("from", time, expected_time).unwrap_or_default();
    let to = filters.one_of("to", time, expected_time).unwrap_or(EVER);
    let is_csv = wants_csv(&mut filters, &incoming.headers);
    let page = filters.page();
    filters.finish()?;
    if from >= to {
        let reason = "must be before `to`".to_owned();
        return Err(ApiError::fields(&[FieldIssue { pointer: "?from".to_owned(), reason }]));
    }
    if is_csv {
        let asked = export::Asked { from, page, request, selection, to, user };
        return export::table(platform, asked).await;
    }
    let query = RequestQuery {
        from,
        page,
        request: request.as_ref(),
        selection: &selection,
        to,
        user: user.as_ref(),
    };
    let page = query.page.page(read(&platform, &query).await?, |one| &one.place);
    Ok(listed(page, |one| shown(&one.receipt)))
}

/// A page of the list, and one more.
async fn read(
    platform: &Platform,
    query: &RequestQuery<'_>,
) -> Result<Vec<store::Listed>, PortError> {
    let mut answers = platform.database.batch(vec![store::list(query)]).await?;
    answers.pop().unwrap_or_default().into_iter().map(store::listed).collect()
}

/// Shows one call.
pub(crate) async fn show(
    platform: Platform,
    allowed: Allowed,
    PathText(id): PathText,
    filters: Filters,
) -> Result<Response, ApiError> {
    filters.finish()?;
    let receipt = find(&platform, &allowed, &id, WHAT).await?;
    Ok(Json(shown(&receipt)).into_response())
}

/// Shows what one call was charged.
pub(crate) async fn receipt(
    platform: Platform,
    allowed: Allowed,
    PathText(id): PathText,
    filters: Filters,
) -> Result<Response, ApiError> {
    filters.finish()?;
    let receipt = find(&platform, &allowed, &id, "receipt").await?;
    let price = receipt
        .price_version
        .map(|version| PriceUsed { version, valid_from: receipt.price_valid_from.map(Timestamp) });
    let shown = ReceiptShown {
        id: receipt.receipt_id,
        request_id: receipt.request_id,
        organization_id: receipt.organization_id,
        instance_id: receipt.instance_id,
        project_id: receipt.project_id,
        api_key_id: receipt.api_key_id,
        user_id: receipt.user_id,
        operation: receipt.operation,
        requested_model_id: receipt.requested_model_id,
        model_id: receipt.model_id,
        provider_id: receipt.provider_id,
        status: receipt.status,
        error_code: receipt.error_code,
        attempts: receipt.attempts,
        usage: receipt.usage,
        price,
        cost_micros: receipt.cost_micros,
        estimated: receipt.estimated,
        over_ceiling: receipt.over_ceiling,
        limiter_bypassed: receipt.limiter_bypassed,
        cached: receipt.cached,
        calls: receipt.calls,
        admitted_at: receipt.admitted_at.into(),
        created_at: receipt.created_at.into(),
    };
    Ok(Json(shown).into_response())
}

async fn find(
    platform: &Platform,
    allowed: &Allowed,
    id: &str,
    what: &str,
) -> Result<Receipt, ApiError> {
    let id = ReceiptId::parse(id).map_err(|_| unknown(what))?;
    let selection = Selection::all(reader(allowed)?);
    let mut answers = platform.database.batch(vec![store::find(&selection, &id)]).await?;
    let row = answers.pop().and_then(|mut rows| rows.pop()).ok_or_else(|| unknown(what))?;
    Ok(usage::receipt(row)?)
}

fn shown(receipt: &Receipt) -> Request {
    let Receipt {
        receipt_id,
        request_id,
        organization_id,
        instance_id,
        project_id,
        api_key_id,
        user_id,
        model_id,
        requested_model_id,
        provider_id,
        protocol,
        modality,
        operation,
        error_code,
        attempts,
        ..
    } = receipt.clone();
    Request {
        id: receipt_id,
        request_id,
        organization_id,
        instance_id,
        project_id,
        api_key_id,
        user_id,
        model_id,
        requested_model_id,
        provider_id,
        protocol,
        modality,
        operation,
        status: receipt.status,
        http_status: receipt.http_status,
        error_code,
        streamed: receipt.streamed,
        usage: receipt.usage,
        cost_micros: receipt.cost_micros,
        estimated: receipt.estimated,
        cached: receipt.cached,
        calls: receipt.calls,
        attempts,
        latency_ms: receipt.latency_ms,
        first_byte_ms: receipt.first_byte_ms,
        upstream_ms: receipt.upstream_ms,
        request_bytes: receipt.request_bytes,
        response_bytes: receipt.response_bytes,
        admitted_at: receipt.admitted_at.into(),
        created_at: receipt.created_at.into(),
    }
}
