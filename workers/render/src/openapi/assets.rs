//! `/assets` and `/v1/assets`, described.

use de_core::{
    assets::shown::Asset,
    http::error::Code,
    ids::{AssetId, JobId, ProjectId},
    media::MediaKind,
    openapi::{
        operation::{Answer, Operation},
        shape::Shape,
    },
};
use http::Method;
use serde_json::json;
use utoipa::ToSchema;

/// A page of assets.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the handler writes")]
struct AssetPage {
    /// The newest first.
    data: Vec<Asset>,
    /// What `?cursor=` has to be for the next page; null after the last one.
    #[schema(required)]
    next_cursor: Option<String>,
}

pub(super) fn operations() -> Vec<Operation> {
    let asks = |operation: Operation| operation.scope(None).fails(&[Code::LimiterUnavailable]);
    let text = |about: &str| Shape::plain(json!({"type": "string", "description": about}));
    let bytes = Operation::new(Method::GET, "/assets/{id}", "getAssetBytes", "Sends an asset's bytes")
        .notes(
            "The `url` of an asset leads here, with `expires` and `signature` in its query: whoever has it needs no \
             key until it ends. Without it, a key or session that may see the asset. `HEAD` works too. Bytes under an \
             id never change: the `ETag` is strong, conditions and single ranges are honoured, several ranges are \
             answered with the whole.",
        )
        .id::<AssetId>("id", "Its id.")
        .query("expires", text("Seconds since 1970."), "When the link ends; signed.")
        .query("signature", text("`v1.…`"), "What makes the link one of ours.")
        .fails(&[Code::PreconditionFailed, Code::RangeNotSatisfiable])
        .answers(Answer::bytes(200, "All of it.").headers(&["Cache-Control", "ETag"]))
        .answers(Answer::bytes(206, "The range.").headers(&["Cache-Control", "ETag"]))
        .answers(
            Answer::empty(304, "You have it.").headers(&["Cache-Control", "ETag"]),
        );
    let list = Operation::new(Method::GET, "/v1/assets", "listAssets", "Lists assets")
        .notes(
            "The newest first. A project's key sees its project's, a person's all of the instance.",
        )
        .query("project_id", Shape::of::<ProjectId>(), "Of this project.")
        .query("job_id", Shape::of::<JobId>(), "Made by this job.")
        .query("kind", Shape::of::<MediaKind>(), "Of this kind.")
        .paged()
        .answers(Answer::json(200, "The assets.", Shape::shown::<AssetPage>()));
    let read = Operation::new(Method::GET, "/v1/assets/{id}", "getAsset", "Shows an asset")
        .notes("With a link to its bytes that is good for 24 hours from now.")
        .id::<AssetId>("id", "Its id.")
        .answers(Answer::json(200, "The asset.", Shape::shown::<Asset>()));
    let delete = Operation::new(Method::DELETE, "/v1/assets/{id}", "deleteAsset", "Deletes an asset")
        .notes(
            "Its bytes, too; links to it lead nowhere from then on. The key needs one of the scopes `audio`, `image`, \
             `render` and `stock`.",
        )
        .id::<AssetId>("id", "Its id.")
        .answers(Answer::empty(204, "It has gone."));
    [bytes, list, read, delete].map(asks).into()
}
