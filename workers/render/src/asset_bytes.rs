//! `GET /assets/{id}`: the bytes, for whoever has the signed link, and for who may see the asset anyway.
//!
//! They go from R2 to the client by the platform's own means; here only the head of the answer is made.

use axum::{
    extract::{FromRequestParts, Request},
    response::{IntoResponse, Response},
};
use de_core::{
    assets::link::{self, LinkError},
    caller::Caller,
    http::{
        asset::{self, Answer, Stored},
        context::Context,
        error::{ApiError, Code},
        extract::PathText,
        relayed,
    },
    ids::AssetId,
    ports::{BlobRange, Platform},
    store::assets::AssetRow,
    time::UnixMillis,
};
use http::{Method, header, request::Parts};

use crate::assets::{find, is_projects, missing};

/// Sends an asset, or the part of it that is asked for.
pub(crate) async fn read(
    platform: Platform,
    PathText(id): PathText,
    context: Context,
    request: Request,
) -> Result<Response, ApiError> {
    let (mut parts, _) = request.into_parts();
    let now = platform.clock.now();
    let id = AssetId::parse(&id);
    let query = parts.uri.query().unwrap_or_default();
    let signed = match &id {
        Ok(id) => link::verify(&platform.settings, id, query, now),
        Err(_) => Err(LinkError::Unsigned),
    };
    let (row, until) = match signed {
        Ok(until) => {
            let id = id.map_err(|_| missing())?;
            (find(&platform, &id).await?, Some(until))
        }
        Err(_) => {
            let caller = known(&mut parts, signed).await?;
            let id = id.map_err(|_| missing())?;
            let row = find(&platform, &id).await?;
            may_see(&platform, caller, &row).await?;
            (row, None)
        }
    };
    context.note(|line| line.asset_id = Some(row.id.as_str().to_owned()));
    send(&platform, &context, &parts, &row, until).await
}

/// Who asks without a link that is good. A link that is not, and nothing else, is told of no asset.
async fn known(
    parts: &mut Parts,
    signed: Result<UnixMillis, LinkError>,
) -> Result<Caller, ApiError> {
    let caller = Caller::from_request_parts(parts, &()).await;
    match (&caller, signed) {
        (Err(refusal), Err(LinkError::Expired | LinkError::Forged))
            if refusal.code() == Code::MissingAuth =>
        {
            Err(missing())
        }
        _ => caller,
    }
}

/// A person sees what is of an instance that they may act for; they need not name it, as a page's `<img>`
/// cannot.
async fn may_see(platform: &Platform, caller: Caller, row: &AssetRow) -> Result<(), ApiError> {
    let acting = caller
        .acting_for(platform, &row.instance_id)
        .await
        .map_err(|refusal| if refusal.code() == Code::NotFound { missing() } else { refusal })?;
    let caller = acting.current(platform).await?;
    if is_projects(&caller, row) { Ok(()) } else { Err(missing()) }
}

async fn send(
    platform: &Platform,
    context: &Context,
    parts: &Parts,
    row: &AssetRow,
    until: Option<UnixMillis>,
) -> Result<Response, ApiError> {
    let file_name = format!("{}.{}", row.id, row.extension);
    let stored = Stored {
        content_type: &row.content_type,
        file_name: &file_name,
        modified_at: row.created_at,
        sha256: &row.sha256,
        size_bytes: row.size_bytes,
    };
    let answer = asset::decide(&parts.method, &parts.headers, &stored).inspect_err(|refusal| {
        if refusal.code() == Code::RangeNotSatisfiable {
            context.tell(header::CONTENT_RANGE, &asset::unsatisfied(&stored));
        }
    })?;
    let mut head = answer.status().into_response();
    let headers = asset::headers(answer, &stored, until, platform.clock.now());
    head.headers_mut().extend(headers);
    if answer == Answer::NotModified || parts.method == Method::HEAD {
        return Ok(head);
    }
    let range = match answer {
        Answer::Part { first, last } => Some(BlobRange { length: last - first + 1, offset: first }),
        Answer::NotModified | Answer::Whole => None,
    };
    let blob = platform.blobs.read(&row.storage_key, range).await?;
    // Removed a moment ago, by who deletes it: the row goes last.
    let blob = blob.ok_or_else(|| missing().because("its object is not there"))?;
    Ok(relayed(head, blob.body.pass()))
}
