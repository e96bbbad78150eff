//! What searches answer.

use de_core::{
    calls::stock::{StockFile, StockItem, StockKind},
    ids::ProviderId,
    time::Timestamp,
};
use serde::Serialize;

/// A page of what was found.
#[derive(Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
pub(crate) struct Answered {
    /// Always true: a failure has another form.
    pub(crate) success: bool,
    /// What was found: videos and photos in turn, where both were searched.
    pub(crate) media: Vec<Medium>,
    /// How many the vendor has in all, as it counts them; of both kinds together, where both were searched.
    pub(crate) total_results: u64,
    /// Which page this is, from 1.
    pub(crate) page: u64,
    /// How many items a page has, of both kinds together; this one may have fewer.
    pub(crate) per_page: u64,
    /// How it came about.
    pub(crate) metadata: Metadata,
    /// The id of the request.
    pub(crate) request_id: String,
    /// When it was answered.
    pub(crate) timestamp: Timestamp,
}

/// How a page came about.
#[derive(Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
pub(crate) struct Metadata {
    /// Whose library it is.
    pub(crate) provider: ProviderId,
    /// What was looked for, in one line.
    pub(crate) query: String,
    /// How long it took.
    pub(crate) search_time_ms: i64,
    /// Whether no vendor was asked: an earlier search of the last ten minutes found all of this.
    pub(crate) cached: bool,
    /// What a reader has to know, a sentence each: what was left out, what could not be searched.
    pub(crate) notices: Vec<String>,
}

/// A photograph or a piece of footage.
#[derive(Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
pub(crate) struct Medium {
    /// The vendor's id of it: what an import names.
    id: String,
    /// What it is.
    r#type: MediumType,
    /// The best file of it, at the vendor.
    url: String,
    /// A small picture of it; null if the vendor has none.
    preview_url: Option<String>,
    /// Its page at the vendor.
    page_url: String,
    /// What is to be seen, as far as the vendor says.
    title: Option<String>,
    /// How long a video is, in seconds; null for images.
    duration: Option<u64>,
    /// Of the original, in pixels.
    width: Option<u64>,
    /// Of the original, in pixels.
    height: Option<u64>,
    /// Whose library it is from.
    provider: ProviderId,
    /// Who made it; null if the vendor does not say.
    photographer: Option<String>,
    /// The page of who made it, at the vendor.
    photographer_url: Option<String>,
    /// The terms on which it can be used.
    license: Terms,
    /// What has to stand beside it, ready to be shown.
    attribution: String,
    /// All files of it, the best first.
    files: Vec<MediumFile>,
}

/// What a medium is.
#[derive(Clone, Copy, Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub(crate) enum MediumType {
    /// A picture that stands still.
    Image,
    /// Pictures that move.
    Video,
}

/// The terms of a medium.
#[derive(Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
pub(crate) struct Terms {
    /// As the vendor calls them.
    name: String,
    /// Where they can be read.
    url: String,
}

/// One file of a medium.
#[derive(Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
pub(crate) struct MediumFile {
    /// Where it is, at the vendor.
    url: String,
    /// In pixels; null if the vendor does not say.
    width: Option<u64>,
    /// In pixels; null if the vendor does not say.
    height: Option<u64>,
    /// The vendor's word for it: what an import may name, as it may its width.
    quality: Option<String>,
    /// What the vendor says that it is: `video/mp4`.
    content_type: Option<String>,
    /// How large the vendor says that it is.
    size_bytes: Option<u64>,
}

impl Medium {
    /// Shows an item.
    pub(crate) fn of(item: StockItem, provider: &ProviderId) -> Self {
        let (photographer, photographer_url) = match item.author {
            Some(author) => (Some(author.name), author.url),
            None => (None, None),
        };
        Self {
            id: item.id,
            r#type: match item.kind {
                StockKind::Photos => MediumType::Image,
                StockKind::Videos => MediumType::Video,
            },
            url: item.files.first().map(|file| file.url.clone()).unwrap_or_default(),
            preview_url: item.preview_url,
            page_url: item.page_url,
            title: item.title,
            duration: item.duration_seconds,
            width: item.width,
            height: item.height,
            provider: provider.clone(),
            photographer,
            photographer_url,
            license: Terms { name: item.license.name, url: item.license.url },
            attribution: item.attribution,
            files: item.files.into_iter().map(file).collect(),
        }
    }
}

fn file(file: StockFile) -> MediumFile {
    let StockFile { content_type, height, quality, size_bytes, url, width } = file;
    MediumFile { url, width, height, quality, content_type, size_bytes }
}
