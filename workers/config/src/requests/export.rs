//! Calls as a table, sent page by page as it is read.

use axum::{body::Body, response::Response};
use bytes::Bytes;
use de_core::{
    http::error::ApiError,
    ids::{RequestId, UserId},
    ports::{Platform, PortError},
    store::{
        pages::{MOST, PageQuery},
        usage::{
            requests::{Listed, RequestQuery},
            selection::Selection,
        },
    },
    time::UnixMillis,
};
use futures_util::stream;
use serde_json::{Map, Value};

use super::{read, shown};
use crate::usage::csv::{self, Csv};

/// How many lines a table has at most, beside the first.
const MOST_LINES: usize = 10_000;

/// Which calls.
pub(super) struct Asked {
    pub(super) from: UnixMillis,
    pub(super) page: PageQuery,
    pub(super) request: Option<RequestId>,
    pub(super) selection: Selection,
    pub(super) to: UnixMillis,
    pub(super) user: Option<UserId>,
}

/// How far a table is.
struct Sent {
    asked: Asked,
    first: Option<Vec<Listed>>,
    is_over: bool,
    lines: usize,
    platform: Platform,
}

/// All calls that are asked for, at most [`MOST_LINES`], from the cursor on. What goes wrong with the first page is
/// answered; after it, the line breaks off.
pub(super) async fn table(platform: Platform, mut asked: Asked) -> Result<Response, ApiError> {
    asked.page.limit = MOST;
    let first = page(&platform, &asked).await?;
    let sent = Sent { asked, first: Some(first), is_over: false, lines: 0, platform };
    let body = Body::from_stream(stream::try_unfold(sent, async |mut sent| {
        if sent.is_over {
            return Ok::<_, PortError>(None);
        }
        let mut csv = Csv::default();
        let rows = match sent.first.take() {
            Some(first) => {
                csv.line(names());
                first
            }
            None => page(&sent.platform, &sent.asked).await?,
        };
        let page = sent.asked.page.page(rows, |one| &one.place);
        for one in page.data.iter().take(MOST_LINES - sent.lines) {
            csv.line(line(one));
        }
        sent.lines = (sent.lines + page.data.len()).min(MOST_LINES);
        sent.is_over = page.next_cursor.is_none() || sent.lines >= MOST_LINES;
        sent.asked.page.after = page.data.last().map(|one| one.place.clone());
        Ok(Some((Bytes::from(csv.into_text()), sent)))
    }));
    Ok(csv::response(body, "requests.csv"))
}

async fn page(platform: &Platform, asked: &Asked) -> Result<Vec<Listed>, PortError> {
    let Asked { from, ref page, ref request, ref selection, to, ref user } = *asked;
    let (page, request, user) = (page.clone(), request.as_ref(), user.as_ref());
    let query = RequestQuery { from, page, request, selection, to, user };
    read(platform, &query).await
}

/// The columns: the members of a call, those of its usage among them, and how many tries there were.
const COLUMNS: [&str; 46] = [
    "id",
    "request_id",
    "organization_id",
    "instance_id",
    "project_id",
    "api_key_id",
    "user_id",
    "model_id",
    "requested_model_id",
    "provider_id",
    "protocol",
    "modality",
    "operation",
    "status",
    "http_status",
    "error_code",
    "streamed",
    "input_tokens",
    "cached_input_tokens",
    "cache_write_tokens",
    "cache_write_1h_tokens",
    "cache_write_12h_tokens",
    "output_tokens",
    "reasoning_tokens",
    "image_input_tokens",
    "cached_image_input_tokens",
    "image_output_tokens",
    "audio_input_tokens",
    "audio_output_tokens",
    "images",
    "characters",
    "media_ms",
    "requests",
    "cost_micros",
    "estimated",
    "cached",
    "attempts",
    "latency_ms",
    "first_byte_ms",
    "upstream_ms",
    "request_bytes",
    "response_bytes",
    "admitted_at",
    "created_at",
    "price_version",
    "calls",
];

fn names() -> impl Iterator<Item = Value> {
    COLUMNS.into_iter().map(|name| match name {
        // As in sums of usage.
        "requests" => "billed_requests".into(),
        name => name.into(),
    })
}

fn line(one: &Listed) -> impl Iterator<Item = Value> {
    let mut members = match serde_json::to_value(shown(&one.receipt)) {
        Ok(Value::Object(members)) => members,
        Ok(_) | Err(_) => Map::new(),
    };
    if let Some(Value::Object(usage)) = members.remove("usage") {
        members.extend(usage);
    }
    members.insert("attempts".to_owned(), one.receipt.attempts.len().into());
    members.insert("price_version".to_owned(), one.receipt.price_version.into());
    COLUMNS.into_iter().map(move |name| members.remove(name).unwrap_or_default())
}
