//! What a job has made, with a link to each.

use de_core::{
    assets::link::{self, Link},
    http::error::ApiError,
    jobs::{Output, View},
    ports::{Platform, PortError, row},
    store::assets::{self, AssetRow},
};

/// A picture that is kept.
pub(crate) struct Picture {
    /// A signed link to it, good for a day.
    pub(crate) link: Link,
    pub(crate) output: Output,
    /// Where its bytes are in R2.
    pub(crate) storage_key: String,
}

impl Picture {
    /// `png`, `jpeg`, `webp`, …
    pub(crate) fn format(&self) -> &str {
        let kind = self.output.content_type.as_str();
        kind.strip_prefix("image/").unwrap_or(kind)
    }

    /// `1024x1024`, where the bytes tell.
    pub(crate) fn dimensions(&self) -> Option<String> {
        Some(format!("{}x{}", self.output.width?, self.output.height?))
    }
}

/// The pictures of a job, in order.
///
/// # Errors
/// `INTERNAL_ERROR` with `job_id`: they are made and paid for, and the job still has them.
pub(crate) async fn of(platform: &Platform, view: &View) -> Result<Vec<Picture>, ApiError> {
    found(platform, view).await.map_err(|err| err.with("job_id", view.id.as_str()))
}

async fn found(platform: &Platform, view: &View) -> Result<Vec<Picture>, ApiError> {
    let finds = view.outputs.iter().map(|output| assets::find(&output.asset_id)).collect();
    let answers = platform.database.batch(finds).await?;
    let now = platform.clock.now();
    let mut pictures = Vec::with_capacity(answers.len());
    for (output, mut rows) in view.outputs.iter().zip(answers) {
        let Some(found) = rows.pop() else {
            return Err(ApiError::internal("a picture of a job has no row"));
        };
        let found: AssetRow = row(found).map_err(|err: PortError| ApiError::from(err))?;
        let ends_at = found.expires_at;
        let link = link::make(&platform.settings, &output.asset_id, now, link::LIFE, ends_at)
            .map_err(|err| ApiError::internal(err.to_string()))?;
        let storage_key = found.storage_key;
        pictures.push(Picture { link, output: output.clone(), storage_key });
    }
    match pictures.is_empty() {
        true => Err(ApiError::internal("a job succeeded without a picture")),
        false => Ok(pictures),
    }
}
