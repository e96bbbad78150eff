//! `POST /stock-media/import`, described.

use de_core::{
    assets::shown::Asset,
    http::error::Code,
    ids::{InstanceId, ProjectId},
    openapi::{
        operation::{Answer, Operation},
        shape::Shape,
    },
};
use http::Method;
use serde_json::json;
use utoipa::ToSchema;

use super::asks;

/// An item to be taken over. Fields that are not here are refused by name; null counts as absent.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes what `StockImport::parse` reads")]
struct StockImportRequest {
    /// What it is.
    kind: ImportKind,
    /// The vendor's id of it, as a search tells it.
    id: ImportId,
    /// Which file of it; the best without it.
    file: Option<ImportFile>,
    /// The library or an alias of it; without one the provider's serves, and without that Pexels.
    #[schema(min_length = 1, pattern = "\\S")]
    model_id: Option<String>,
    /// Whose library: `pexels`, `pixabay`.
    #[schema(min_length = 1, pattern = "\\S")]
    provider: Option<String>,
    /// May repeat the instance of the key.
    instance_id: Option<InstanceId>,
    /// The project that the asset belongs to: that of the key, or one that a person names.
    project_id: Option<ProjectId>,
}

/// What an item is, in the words of items or of searches.
#[derive(ToSchema)]
#[serde(rename_all = "lowercase")]
#[expect(dead_code, reason = "describes what `StockImport::parse` reads")]
enum ImportKind {
    /// As items say it.
    Image,
    /// The same.
    Photo,
    /// As searches say it.
    Photos,
    /// As items say it.
    Video,
    /// As searches say it.
    Videos,
}

/// The vendor's id of an item.
#[derive(ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "describes what `StockImport::parse` reads")]
enum ImportId {
    /// As a number.
    Number(u64),
    /// As a text of digits.
    Text(String),
}

/// A file of an item.
#[derive(ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "describes what `StockImport::parse` reads")]
enum ImportFile {
    /// By its `width`.
    Width(u64),
    /// By its `quality`.
    Quality(String),
}

pub(super) fn operation() -> Operation {
    let import = Operation::new(
        Method::POST,
        "/stock-media/import",
        "importStockMedia",
        "Makes an asset of an item",
    )
    .notes(
        "The item is read again from its vendor and its file stored. The asset's `source` holds where it is \
         from, its licence, and whom to name.",
    );
    let example = json!({"provider": "pexels", "kind": "image", "id": "2014422", "file": "large"});
    asks(import)
        .bought_once()
        .fails(&[Code::NotFound])
        .body(Shape::of::<StockImportRequest>(), example)
        .answers(
            Answer::json(201, "The asset.", Shape::shown::<Asset>())
                .of_call()
                .headers(&["Location", "Idempotency-Replayed"]),
        )
}
