//! Pexels, the vendor's side: photos and videos, searched, and one of them by its id.
//!
//! It searches by orientation, size and locale, and photos by colour too; the bounds of our protocol it does
//! not know, so they are applied to its page. A video's files are told apart by their width: labels
//! (`hd`, `uhd`, null) overlap, and a playlist (`hls`) is no file to be had. Out of scope: what is curated or
//! popular, and collections.
//!
//! Follows <https://www.pexels.com/api/documentation/>.

use http::HeaderMap;
use serde_json::Value;

use super::{
    Draft, FieldIssue, Malformed, StockVendor, Target, Vendor, VendorError,
    answer::Answer,
    stock::{
        Lacking, Query, attribution, checked_id, fitted, id, known, measure, page, refusing, web,
        widest_first,
    },
};
use crate::{
    calls::stock::{Author, License, Rates, StockCall, StockFile, StockItem, StockKind, StockPage},
    json,
    time::UnixMillis,
};

const NAME: &str = "Pexels";

const COLORS: [&str; 12] = [
    "red",
    "orange",
    "yellow",
    "green",
    "turquoise",
    "blue",
    "violet",
    "pink",
    "brown",
    "black",
    "gray",
    "white",
];

const LOCALES: [&str; 28] = [
    "en-US", "pt-BR", "es-ES", "ca-ES", "de-DE", "it-IT", "fr-FR", "sv-SE", "id-ID", "pl-PL",
    "ja-JP", "zh-TW", "zh-CN", "ko-KR", "th-TH", "nl-NL", "hu-HU", "vi-VN", "cs-CZ", "da-DK",
    "fi-FI", "uk-UA", "el-GR", "ro-RO", "nb-NO", "sk-SK", "tr-TR", "ru-RU",
];

/// Pexels' side.
pub struct PexelsVendor;

impl Vendor for PexelsVendor {
    /// `{"error": "…"}`, or `{"status", "code"}` from older parts of it.
    fn error(&self, _status: u16, body: &[u8]) -> VendorError {
        let Ok(body) = json::parse(body) else { return VendorError::default() };
        let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
        VendorError { code: text("code"), message: text("error"), ..VendorError::default() }
    }

    fn stock(&self) -> Option<&dyn StockVendor> {
        Some(self)
    }
}

impl StockVendor for PexelsVendor {
    fn lacks(&self, call: &StockCall) -> Vec<FieldIssue> {
        let color = call.color.is_some() && call.kind == StockKind::Videos;
        Lacking::of(NAME)
            .note(color, "/options/color", "colour to search videos by")
            .note(call.category.is_some(), "/options/category", "categories")
            .note(call.editors_choice.is_some(), "/options/editors_choice", "choice of editors")
            .note(call.safe_search.is_some(), "/options/safe_search", "such switch")
            .note(call.order.is_some(), "/options/order", "choice of order")
            .note(call.image_type.is_some(), "/options/image_type", "types of images")
            .note(call.video_type.is_some(), "/options/video_type", "types of videos")
            .issues()
    }

    fn request(&self, call: &StockCall, target: &Target) -> Result<Draft, Vec<FieldIssue>> {
        let mut issues = refusing(self.lacks(call), target);
        let color = match call.color.as_deref() {
            Some(code) if is_hex(code) => Some(code),
            _ if call.kind == StockKind::Videos => None,
            word => known(word, &COLORS, "/options/color", &mut issues),
        };
        let color = color.filter(|_| call.kind == StockKind::Photos);
        let locale = known(call.locale.as_deref(), &LOCALES, "/options/locale", &mut issues);
        if !issues.is_empty() {
            return Err(issues);
        }
        let query = Query::new()
            .with("query", &call.query)
            .maybe("orientation", call.orientation.map(|orientation| orientation.as_str()))
            .maybe("size", call.size.map(|size| size.as_str()))
            .maybe("color", color)
            .maybe("locale", locale)
            .with("page", call.page)
            .with("per_page", call.per_page);
        Ok(Draft::get(query.below(match call.kind {
            StockKind::Photos => "/v1/search",
            StockKind::Videos => "/v1/videos/search",
        })))
    }

    fn page(&self, call: &StockCall, body: &Value) -> Result<StockPage, Malformed> {
        let answer = Answer::whole(body)?;
        let list = call.kind.as_str();
        if answer.value(list).is_none() {
            return Err(answer.fault(list, "required"));
        }
        let items = answer.objects(list)?;
        let found = items.iter().map(|item| read(call.kind, item)).collect::<Result<_, _>>()?;
        let total = answer.count("total_results");
        let total = total.ok_or_else(|| answer.fault("total_results", "required"))?;
        Ok(page(call, NAME, total, found, &call.bounds))
    }

    fn item_request(&self, kind: StockKind, id: &str) -> Result<Draft, Vec<FieldIssue>> {
        let id = checked_id(id)?;
        Ok(Draft::get(match kind {
            StockKind::Photos => format!("/v1/photos/{id}"),
            StockKind::Videos => format!("/v1/videos/videos/{id}"),
        }))
    }

    fn item(&self, kind: StockKind, body: &Value) -> Result<Option<StockItem>, Malformed> {
        read(kind, &Answer::whole(body)?)
    }

    /// The reset is in Unix seconds, and is that of the month.
    fn rates(&self, headers: &HeaderMap, _now: UnixMillis) -> Rates {
        Rates::read(headers, |seconds| UnixMillis(seconds.saturating_mul(1_000)))
    }
}

fn is_hex(code: &str) -> bool {
    code.strip_prefix('#')
        .is_some_and(|digits| digits.len() == 6 && digits.bytes().all(|c| c.is_ascii_hexdigit()))
}

/// Reads an item; `None` if it has no file.
fn read(kind: StockKind, item: &Answer<'_>) -> Result<Option<StockItem>, Malformed> {
    let id = id(item).ok_or_else(|| item.fault("id", "required"))?;
    let page_url = web(item, "url").ok_or_else(|| item.fault("url", "required"))?;
    let (width, height) = (measure(item, "width"), measure(item, "height"));
    let (files, preview_url, author) = match kind {
        StockKind::Photos => {
            let name = item.word("photographer").map(str::to_owned);
            let author = name.map(|name| Author { name, url: web(item, "photographer_url") });
            let Some(src) = item.object("src")? else { return Ok(None) };
            (photo_files(&src, width.zip(height)), web(&src, "medium"), author)
        }
        StockKind::Videos => {
            let user = item.object("user")?;
            let author = user.and_then(|user| {
                let name = user.word("name")?.to_owned();
                Some(Author { name, url: web(&user, "url") })
            });
            (video_files(&item.objects("video_files")?), web(item, "image"), author)
        }
    };
    if files.is_empty() {
        return Ok(None);
    }
    let name = author.as_ref().map(|author| author.name.as_str());
    Ok(Some(StockItem {
        attribution: attribution(kind, name, NAME, &page_url),
        author,
        duration_seconds: match kind {
            StockKind::Photos => None,
            StockKind::Videos => measure(item, "duration"),
        },
        files,
        height,
        id,
        kind,
        license: License {
            name: "Pexels License".to_owned(),
            url: "https://www.pexels.com/license/".to_owned(),
        },
        page_url,
        preview_url,
        title: item.word("alt").map(str::to_owned),
        width,
    }))
}

/// The original first. Sizes are those of the documentation: some are fitted into a box, some cut to it.
fn photo_files(src: &Answer<'_>, original: Option<(u64, u64)>) -> Vec<StockFile> {
    let any = u64::MAX / 1_000_000;
    let sizes = [
        ("original", original),
        ("large2x", original.map(|size| fitted(size, (1_880, 1_300)))),
        ("large", original.map(|size| fitted(size, (940, 650)))),
        ("medium", original.map(|size| fitted(size, (any, 350)))),
        ("small", original.map(|size| fitted(size, (any, 130)))),
        ("portrait", Some((800, 1_200))),
        ("landscape", Some((1_200, 627))),
        ("tiny", Some((280, 200))),
    ];
    let file = |(name, size): (&str, Option<(u64, u64)>)| {
        Some(StockFile {
            content_type: None,
            height: size.map(|(_, height)| height),
            quality: Some(name.to_owned()),
            size_bytes: None,
            url: web(src, name)?,
            width: size.map(|(width, _)| width),
        })
    };
    sizes.into_iter().filter_map(file).collect()
}

fn video_files(files: &[Answer<'_>]) -> Vec<StockFile> {
    let file = |file: &Answer<'_>| {
        let content_type = file.word("file_type");
        // A list of pieces to be played, which leads to other addresses.
        let is_playlist = file.word("quality") == Some("hls")
            || content_type.is_some_and(|kind| kind.to_ascii_lowercase().contains("mpegurl"));
        if is_playlist {
            return None;
        }
        Some(StockFile {
            content_type: content_type.map(str::to_owned),
            height: measure(file, "height"),
            quality: file.word("quality").map(str::to_owned),
            size_bytes: measure(file, "size"),
            url: web(file, "link")?,
            width: measure(file, "width"),
        })
    };
    let mut files: Vec<StockFile> = files.iter().filter_map(file).collect();
    widest_first(&mut files);
    files
}
