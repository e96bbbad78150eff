//! `POST /import`: one item becomes an asset, with its licence and whom to name.
//!
//! The item is read again from its vendor, so that nothing of it is the caller's word. Its file is fetched
//! without a key, as the address is the vendor's word.

use std::time::Duration;

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use de_core::{
    assets::{Deposit, Owner, Promise, Provenance, fetch, shown::Asset},
    auth::Scope,
    books::Outcome,
    caller::{Caller, Tenant},
    calls::stock::{StockFile, StockItem, StockKind, WantedFile},
    http::{
        error::{ApiError, Code},
        extract::{Body, Incoming},
        turn::{Entrance, Taken, Turn},
    },
    ids::{AssetId, ProjectId},
    media::MediaKind,
    model::Modality,
    ports::{Platform, rows},
    protocols::{FieldIssue, native::stock::StockImport},
    receipt::Usage,
    registry::Model,
    store::projects::{self, ProjectRow},
};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};
use url::Url;

use crate::{
    admit::{MODALITY, admitted, library},
    legs::{Search, malformed},
};

/// How long a file may take to come: 2 GiB at 60 Mbit/s.
const FETCHING: Duration = Duration::from_secs(300);

/// How long an import may hold its `Idempotency-Key`: item and file, each with its deadline, and the rest.
const HOLD: Duration = Duration::from_secs(420);

/// Takes an item over.
pub(crate) async fn import(
    platform: Platform,
    Tenant(caller): Tenant,
    incoming: Incoming,
    body: Body,
) -> Result<Response, ApiError> {
    let entrance = Entrance::new("POST /import", MODALITY, Scope::Stock).with_body(&body);
    let entrance = Entrance { hold: HOLD, ..entrance };
    let turn = match entrance.take(&platform, &caller, &incoming).await? {
        Taken::Mine(turn) => turn,
        Taken::Replayed(response) => return Ok(response),
    };
    let answered = answer(&turn, caller, body).await;
    turn.end_free(answered).await
}

async fn answer(turn: &Turn<'_>, caller: Caller, body: Body) -> Result<Response, ApiError> {
    let (books, platform, context) = (&turn.books, turn.platform, &turn.incoming.context);
    let caller = caller.entitled(platform, Scope::Stock).await?;
    let body = Value::Object(body.into_object()?);
    let import = StockImport::parse(&body).map_err(|issues| ApiError::fields(&issues))?;
    let asker = &import.asker;
    caller.must_be(asker.instance_id.as_deref(), asker.project_id.as_deref())?;
    let owner = owner(platform, &caller, asker.project_id.as_deref()).await?;
    let (modality, kind) = match import.kind {
        StockKind::Photos => (Modality::Image, MediaKind::Image),
        StockKind::Videos => (Modality::Video, MediaKind::Video),
    };
    // An id means something at one vendor only: nobody else is asked.
    let admitted = admitted(turn, caller, asker, Some(""), modality).await?;
    // An item has no settings that a library could lack.
    let search = Search { admitted: &admitted, on_unsupported: None, turn };
    let draft = |model: &Model| {
        let written = library(model)?.item_request(import.kind, &import.id);
        written.map_err(|issues| ApiError::fields(&issues))
    };
    let job = search.job(&draft);
    let (model, body) = match search.answer(&job).await {
        Ok(answer) => answer,
        Err(error) if is_unknown(&error) => return Err(unknown(&import)),
        Err(error) => return Err(search.with_known_end(error).await),
    };
    let item = library(&model)?.item(import.kind, &body).map_err(|err| malformed(&model, &err))?;
    let item = item.ok_or_else(|| unknown(&import))?;
    let file = wanted(&item, import.file.as_ref())?;
    let url = Url::parse(&file.url).map_err(|err| {
        let message = format!("{} sent an address that is none", model.config.provider_id);
        ApiError::new(Code::ProviderMalformed, message).because(err.to_string())
    })?;
    books.counted(&Usage { requests: 1, ..Usage::default() });
    let cost = books.cost();
    let deposit = Deposit {
        cap_bytes: None,
        // Under the same key it is the same asset, however often it is begun.
        id: turn.ticket.as_ref().map(|ticket| {
            let token = ticket.token();
            AssetId::make(token.made_at(), token.random())
        }),
        owner,
        promise: Promise::Kind(kind),
        provenance: Provenance {
            cost_micros: cost,
            job_id: None,
            model_id: None,
            provider_id: Some(model.config.provider_id.clone()),
            receipt_id: books.receipt_id(),
            request_id: Some(context.request_id().clone()),
            source: Some(source(&item, file, &model)),
        },
    };
    let row = fetch::result(platform, deposit, &url, FETCHING).await?;
    context.tell_cost(cost);
    let asset = Asset::of(&platform.settings, &row, platform.clock.now())
        .map_err(|err| ApiError::internal(err.to_string()))?;
    let location = HeaderValue::try_from(format!("/v1/assets/{}", asset.id))
        .map_err(|err| ApiError::internal(err.to_string()))?;
    books.close(Outcome::Ok, StatusCode::CREATED.as_u16());
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(asset)).into_response())
}

/// Whose the asset becomes: the project's of the key. A person's key may name one of its instance.
async fn owner(
    platform: &Platform,
    caller: &Caller,
    project: Option<&str>,
) -> Result<Owner, ApiError> {
    let mut owner = Owner::of(caller);
    let Some(project) = project.filter(|_| owner.project_id.is_none()) else { return Ok(owner) };
    let absent = || ApiError::new(Code::NotFound, "there is no such project");
    let project = ProjectId::parse(project).map_err(|_| absent())?;
    let found: Vec<ProjectRow> = rows(&*platform.database, projects::find(&project, None)).await?;
    if !found.iter().any(|row| row.instance_id == owner.instance_id) {
        return Err(absent());
    }
    owner.project_id = Some(project);
    Ok(owner)
}

/// Whether a vendor says that it has no such item.
fn is_unknown(error: &ApiError) -> bool {
    let details = error.details();
    details.get("provider_status").and_then(Value::as_u64) == Some(404)
        || details.get("provider_code").and_then(Value::as_str) == Some("invalid_id")
}

fn unknown(import: &StockImport) -> ApiError {
    let kind = import.kind.title().to_lowercase();
    ApiError::new(Code::NotFound, format!("the provider has no {kind} with this id"))
}

fn wanted<'i>(item: &'i StockItem, file: Option<&WantedFile>) -> Result<&'i StockFile, ApiError> {
    item.file(file).ok_or_else(|| {
        let name = |file: &StockFile| match (&file.quality, file.width) {
            (Some(quality), Some(width)) => format!("{quality} ({width})"),
            (Some(quality), None) => quality.clone(),
            (None, Some(width)) => width.to_string(),
            (None, None) => "one without a name".to_owned(),
        };
        let names: Vec<String> = item.files.iter().map(name).collect();
        let reason = format!("this item has no such file; there are {}", names.join(", "));
        ApiError::fields(&[FieldIssue { pointer: "/file".to_owned(), reason }])
    })
}

/// Licence and attribution, and where it came from: stays with the asset.
fn source(item: &StockItem, file: &StockFile, model: &Model) -> Value {
    json!({
        "provider": model.config.provider_id.as_str(),
        "kind": item.kind.as_str(),
        "id": item.id,
        "title": item.title,
        "page_url": item.page_url,
        "file_url": file.url,
        "quality": file.quality,
        "author": item.author,
        "license": item.license,
        "attribution": item.attribution,
    })
}
