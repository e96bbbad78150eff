//! Pixabay, the vendor's side: photos and videos, searched, and one of them by its id.
//!
//! It searches by colour, category, language, type, order and least width and height, and photos by
//! orientation (but for squares); the other bounds are applied to its page. It counts all that it has and gives
//! out the first 500 of it. A page has at least three items there, so smaller ones are cut out of larger.
//! Its errors are plain text. Out of scope: JSONP.
//!
//! Follows <https://pixabay.com/api/docs/>.

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
    calls::stock::{
        Author, Bounds, License, Orientation, Rates, StockCall, StockFile, StockItem, StockKind,
        StockPage,
    },
    time::UnixMillis,
};

const NAME: &str = "Pixabay";

/// The longest query, in characters.
const LONGEST_QUERY: usize = 100;

const CATEGORIES: [&str; 20] = [
    "backgrounds",
    "fashion",
    "nature",
    "science",
    "education",
    "feelings",
    "health",
    "people",
    "religion",
    "places",
    "animals",
    "industry",
    "computer",
    "food",
    "sports",
    "transportation",
    "travel",
    "buildings",
    "business",
    "music",
];

const COLORS: [&str; 14] = [
    "grayscale",
    "transparent",
    "red",
    "orange",
    "yellow",
    "green",
    "turquoise",
    "blue",
    "lilac",
    "pink",
    "white",
    "gray",
    "black",
    "brown",
];

const LANGUAGES: [&str; 26] = [
    "cs", "da", "de", "en", "es", "fr", "id", "it", "hu", "nl", "no", "pl", "pt", "ro", "sk", "fi",
    "sv", "tr", "vi", "th", "bg", "ru", "el", "ja", "ko", "zh",
];

/// Pixabay's side.
pub struct PixabayVendor;

impl Vendor for PixabayVendor {
    /// Plain text: `[ERROR 400] Invalid or missing API key (…)`. There is no code beside it, so what the
    /// documented sentences mean is read from their first words.
    fn error(&self, _status: u16, body: &[u8]) -> VendorError {
        let Ok(text) = std::str::from_utf8(body) else { return VendorError::default() };
        let said = text.trim();
        if said.is_empty() || said.starts_with(['<', '{']) {
            return VendorError::default();
        }
        let (_, words) = said.split_once("] ").unwrap_or(("", said));
        let key_refused = words.starts_with("Invalid or missing API key");
        let code = match words {
            _ if key_refused => Some("invalid_key"),
            _ if words.starts_with("\"id\" is invalid") => Some("invalid_id"),
            _ => None,
        };
        VendorError {
            code: code.map(str::to_owned),
            key_refused,
            message: Some(words.to_owned()),
            ..VendorError::default()
        }
    }

    fn stock(&self) -> Option<&dyn StockVendor> {
        Some(self)
    }
}

impl StockVendor for PixabayVendor {
    fn lacks(&self, call: &StockCall) -> Vec<FieldIssue> {
        let of_videos = call.kind == StockKind::Videos;
        let square = call.orientation == Some(Orientation::Square) && !of_videos;
        let orientation = call.orientation.is_some() && of_videos;
        let color = call.color.is_some() && of_videos;
        Lacking::of(NAME)
            .note(square, "/orientation", "search for squares")
            .note(orientation, "/orientation", "orientation to search videos by")
            .note(
                call.size.is_some(),
                "/size",
                "sizes; use options.min_width and options.min_height",
            )
            .note(color, "/options/color", "colour to search videos by")
            .issues()
    }

    fn request(&self, call: &StockCall, target: &Target) -> Result<Draft, Vec<FieldIssue>> {
        let mut issues = refusing(self.lacks(call), target);
        let of_photos = call.kind == StockKind::Photos;
        if call.query.chars().count() > LONGEST_QUERY {
            let reason =
                format!("{NAME} takes at most {LONGEST_QUERY} characters, spaces included");
            issues.push(FieldIssue { pointer: "/keywords".to_owned(), reason });
        }
        let color = call.color.as_deref().filter(|_| of_photos);
        let color = known(color, &COLORS, "/options/color", &mut issues);
        let category = call.category.as_deref();
        let category = known(category, &CATEGORIES, "/options/category", &mut issues);
        let language = language(call.locale.as_deref(), &mut issues);
        if !issues.is_empty() {
            return Err(issues);
        }
        let orientation = call.orientation.filter(|_| of_photos).and_then(|word| match word {
            Orientation::Landscape => Some("horizontal"),
            Orientation::Portrait => Some("vertical"),
            Orientation::Square => None,
        });
        let (image_type, video_type) = match call.kind {
            // Drawings are no photographs: who wants them says so.
            StockKind::Photos => (Some(call.image_type.as_deref().unwrap_or("photo")), None),
            StockKind::Videos => (None, call.video_type.as_deref()),
        };
        let cut = Cut::of(call);
        let query = Query::new()
            .with("q", &call.query)
            .maybe("lang", language)
            .maybe("image_type", image_type)
            .maybe("video_type", video_type)
            .maybe("orientation", orientation)
            .maybe("category", category)
            .maybe("min_width", call.bounds.min_width)
            .maybe("min_height", call.bounds.min_height)
            .maybe("colors", color)
            .maybe("editors_choice", call.editors_choice)
            .maybe("safesearch", call.safe_search)
            .maybe("order", call.order.as_deref())
            .with("page", cut.page)
            .with("per_page", cut.per_page);
        Ok(Draft::get(query.below(path(call.kind))))
    }

    fn page(&self, call: &StockCall, body: &Value) -> Result<StockPage, Malformed> {
        let answer = Answer::whole(body)?;
        if answer.value("hits").is_none() {
            return Err(answer.fault("hits", "required"));
        }
        let hits = answer.objects("hits")?;
        let Cut { skip, take, .. } = Cut::of(call);
        let hits = hits.iter().skip(skip).take(take);
        let found = hits.map(|hit| read(call.kind, hit)).collect::<Result<_, _>>()?;
        let total = answer.count("total").ok_or_else(|| answer.fault("total", "required"))?;
        let untold = Bounds { min_height: None, min_width: None, ..call.bounds };
        let mut page = page(call, NAME, total, found, &untold);
        if let Some(within_reach) = answer.count("totalHits").filter(|reach| *reach < total) {
            let kind = call.kind.as_str();
            page.notices
                .push(format!("{NAME} gives out the first {within_reach} of these {total} {kind}"));
        }
        Ok(page)
    }

    fn item_request(&self, kind: StockKind, id: &str) -> Result<Draft, Vec<FieldIssue>> {
        Ok(Draft::get(Query::new().with("id", checked_id(id)?).below(path(kind))))
    }

    fn item(&self, kind: StockKind, body: &Value) -> Result<Option<StockItem>, Malformed> {
        let answer = Answer::whole(body)?;
        let hits = answer.objects("hits")?;
        hits.first().map_or(Ok(None), |hit| read(kind, hit))
    }

    /// The reset is in seconds from now.
    fn rates(&self, headers: &HeaderMap, now: UnixMillis) -> Rates {
        Rates::read(headers, |seconds| now.plus(seconds.saturating_mul(1_000)))
    }
}

fn path(kind: StockKind) -> &'static str {
    match kind {
        StockKind::Photos => "/api/",
        StockKind::Videos => "/api/videos/",
    }
}

/// `de-DE` is `de` here, and `nb-NO` is `no`.
fn language<'a>(locale: Option<&'a str>, issues: &mut Vec<FieldIssue>) -> Option<&'a str> {
    let language = locale.map(|locale| locale.split('-').next().unwrap_or_default());
    match language {
        Some("nb" | "nn") => Some("no"),
        language => known(language, &LANGUAGES, "/options/locale", issues),
    }
}

/// The vendor's page in which ours lies, and which part of it ours is.
struct Cut {
    page: u64,
    per_page: u64,
    skip: usize,
    take: usize,
}

impl Cut {
    fn of(call: &StockCall) -> Self {
        let size = call.per_page.max(1);
        // As many of ours as fill a page of at least three: they never lie across two of the vendor's.
        let fold = match size {
            1 => 3,
            2 => 2,
            _ => 1,
        };
        let before = call.page.max(1) - 1;
        let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        Self {
            page: before / fold + 1,
            per_page: size * fold,
            skip: count((before % fold) * size),
            take: count(size),
        }
    }
}

/// Reads an item; `None` if it has no file.
fn read(kind: StockKind, hit: &Answer<'_>) -> Result<Option<StockItem>, Malformed> {
    let id = id(hit).ok_or_else(|| hit.fault("id", "required"))?;
    let page_url = web(hit, "pageURL").ok_or_else(|| hit.fault("pageURL", "required"))?;
    let of_photo = measure(hit, "imageWidth").zip(measure(hit, "imageHeight"));
    let (files, preview_url) = match kind {
        StockKind::Photos => (photo_files(hit, of_photo), preview_of_photo(hit)),
        StockKind::Videos => {
            let Some(videos) = hit.object("videos")? else { return Ok(None) };
            video_files(&videos)?
        }
    };
    let Some(best) = files.first() else { return Ok(None) };
    let (width, height) = match kind {
        StockKind::Photos => (of_photo.map(|size| size.0), of_photo.map(|size| size.1)),
        // What the original measures, it does not say.
        StockKind::Videos => (best.width, best.height),
    };
    let author =
        hit.word("user").map(|name| Author { name: name.to_owned(), url: profile(hit, name) });
    let name = author.as_ref().map(|author| author.name.as_str());
    Ok(Some(StockItem {
        attribution: attribution(kind, name, NAME, &page_url),
        author,
        duration_seconds: match kind {
            StockKind::Photos => None,
            StockKind::Videos => measure(hit, "duration"),
        },
        files,
        height,
        id,
        kind,
        license: License {
            name: "Pixabay Content License".to_owned(),
            url: "https://pixabay.com/service/license-summary/".to_owned(),
        },
        page_url,
        preview_url,
        title: hit.word("tags").map(str::to_owned),
        width,
    }))
}

/// Told, or made of name and number as documented.
fn profile(hit: &Answer<'_>, name: &str) -> Option<String> {
    if let Some(told) = web(hit, "userURL") {
        return Some(told);
    }
    let number = measure(hit, "user_id")?;
    let mut url = url::Url::parse("https://pixabay.com/users/").ok()?;
    url.path_segments_mut().ok()?.pop_if_empty().push(&format!("{name}-{number}")).push("");
    Some(url.into())
}

fn preview_of_photo(hit: &Answer<'_>) -> Option<String> {
    web(hit, "webformatURL").or_else(|| web(hit, "previewURL"))
}

/// The largest first. The original and the one of 1,920 pixels only accounts with full access are told of.
fn photo_files(hit: &Answer<'_>, original: Option<(u64, u64)>) -> Vec<StockFile> {
    let told = |name: &str| {
        measure(hit, &format!("{name}Width")).zip(measure(hit, &format!("{name}Height")))
    };
    let boxed = |side: u64| original.map(|size| fitted(size, (side, side)));
    let files = [
        ("imageURL", "original", original, measure(hit, "imageSize")),
        ("fullHDURL", "full_hd", boxed(1_920), None),
        ("largeImageURL", "large", boxed(1_280), None),
        ("webformatURL", "webformat", told("webformat"), None),
        ("previewURL", "preview", told("preview"), None),
    ];
    let file = |(member, quality, size, size_bytes): (&str, &str, Option<(u64, u64)>, _)| {
        Some(StockFile {
            content_type: None,
            height: size.map(|(_, height)| height),
            quality: Some(quality.to_owned()),
            size_bytes,
            url: web(hit, member)?,
            width: size.map(|(width, _)| width),
        })
    };
    files.into_iter().filter_map(file).collect()
}

/// The files and a still. One that does not exist in a size has an empty address there.
fn video_files(videos: &Answer<'_>) -> Result<(Vec<StockFile>, Option<String>), Malformed> {
    let (mut files, mut stills) = (Vec::new(), Vec::new());
    for quality in ["large", "medium", "small", "tiny"] {
        let Some(video) = videos.object(quality)? else { continue };
        let Some(url) = web(&video, "url") else { continue };
        stills.extend(web(&video, "thumbnail"));
        files.push(StockFile {
            content_type: None,
            height: measure(&video, "height"),
            quality: Some(quality.to_owned()),
            size_bytes: measure(&video, "size"),
            url,
            width: measure(&video, "width"),
        });
    }
    widest_first(&mut files);
    // The smallest is enough to be looked at.
    Ok((files, stills.pop()))
}
