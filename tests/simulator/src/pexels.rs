//! Pexels: photos and videos, searched, curated and popular, and one by its id.
//!
//! The key stands alone in `Authorization`. A word of the query that begins with `photo-` or `video-` is
//! a fault of that search alone. Unknown parameters are refused. Out of scope: collections.
//! Follows <https://www.pexels.com/api/documentation/>.

use serde_json::{Value, json};

use crate::catalogue::{self, COLORS, Item, Shape, Wanted};
use crate::endpoint::{Incoming, Plan, Reply, prompt_of};
use crate::faults::{self, Script};
use crate::query::{Pairs, Wrong};
use crate::results::{self, ResultFault};

/// What the numbers of photos and videos begin with.
const FIRST_PHOTO: usize = 1_000;
const FIRST_VIDEO: usize = 5_000;

const LOCALES: &[&str] = &[
    "en-US", "pt-BR", "es-ES", "ca-ES", "de-DE", "it-IT", "fr-FR", "sv-SE", "id-ID", "pl-PL",
    "ja-JP", "zh-TW", "zh-CN", "ko-KR", "th-TH", "nl-NL", "hu-HU", "vi-VN", "cs-CZ", "da-DK",
    "fi-FI", "uk-UA", "el-GR", "ro-RO", "nb-NO", "sk-SK", "tr-TR", "ru-RU",
];

const PAGES: [&str; 2] = ["page", "per_page"];
const SEARCH: [&str; 5] = ["color", "locale", "orientation", "query", "size"];
const BOUNDS: [&str; 6] =
    ["max_duration", "max_height", "max_width", "min_duration", "min_height", "min_width"];

/// What the reply is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Subject {
    Photos,
    Videos,
}

/// One page of what was found.
struct Page {
    found: Vec<Item>,
    origin: String,
    page: usize,
    /// The path with the vendor's prefix.
    path: String,
    per_page: usize,
    /// The rest of the query.
    query: String,
    subject: Subject,
    total: usize,
}

/// `GET /v1/search`.
pub(crate) fn search(incoming: &Incoming<'_>) -> Result<Plan, Reply> {
    searched(incoming, Subject::Photos)
}

/// `GET /v1/curated`.
pub(crate) fn curated(incoming: &Incoming<'_>) -> Result<Plan, Reply> {
    listed(incoming, Subject::Photos, &[])
}

/// `GET /v1/photos/{id}`.
pub(crate) fn photo(incoming: &Incoming<'_>) -> Result<Plan, Reply> {
    one(incoming, Subject::Photos)
}

/// `GET /v1/videos/search`, and the old `GET /videos/search`.
pub(crate) fn search_videos(incoming: &Incoming<'_>) -> Result<Plan, Reply> {
    searched(incoming, Subject::Videos)
}

/// `GET /v1/videos/popular`, and the old `GET /videos/popular`.
pub(crate) fn popular_videos(incoming: &Incoming<'_>) -> Result<Plan, Reply> {
    listed(incoming, Subject::Videos, &BOUNDS)
}

/// `GET /v1/videos/videos/{id}`, and the old `GET /videos/videos/{id}`.
pub(crate) fn video(incoming: &Incoming<'_>) -> Result<Plan, Reply> {
    one(incoming, Subject::Videos)
}

/// The error of the `fail` fault; older parts of the API answer in another form.
pub(crate) fn failure(status: u16) -> Reply {
    let code = match status {
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        429 => "Too Many Requests",
        500.. => return error(status, "Something went wrong on our side"),
        _ => return error(status, "The request is invalid"),
    };
    Reply::json(status, &json!({ "status": status, "code": code }))
}

fn error(status: u16, message: &str) -> Reply {
    Reply::json(status, &json!({ "error": message }))
}

fn authenticate(incoming: &Incoming<'_>) -> Result<(), Reply> {
    match incoming.header("authorization") {
        None => Err(error(401, "Authorization field missing")),
        Some(key) if incoming.config.accepts(incoming.vendor, key) => Ok(()),
        Some(_) => Err(failure(401)),
    }
}

fn unfit(wrong: &Wrong) -> Reply {
    let name = wrong.name();
    error(
        400,
        &match wrong {
            Wrong::Invalid { .. } => format!("Invalid value for parameter '{name}'"),
            Wrong::OutOfRange { .. } => format!("Parameter '{name}' is out of range"),
            Wrong::Unknown { .. } => format!("Unknown parameter '{name}'"),
        },
    )
}

fn searched(incoming: &Incoming<'_>, subject: Subject) -> Result<Plan, Reply> {
    authenticate(incoming)?;
    let pairs = Pairs::of(incoming);
    let query = pairs.text("query").ok_or_else(|| error(400, "Parameter 'query' is missing"))?;
    let page = found(incoming, &pairs, subject).map_err(|wrong| unfit(&wrong))?;
    let scope = if subject == Subject::Photos { "photo-" } else { "video-" };
    let prompt = prompt_of(&[query, &faults::scoped(query, scope)]);
    Ok(Plan { prompt, stream: false, answer: Box::new(move |script| page.reply(script)) })
}

fn listed(incoming: &Incoming<'_>, subject: Subject, more: &[&str]) -> Result<Plan, Reply> {
    authenticate(incoming)?;
    let pairs = Pairs::of(incoming);
    let known = [PAGES.as_slice(), more].concat();
    let page = pairs.only(&known).and_then(|()| found(incoming, &pairs, subject));
    let page = page.map_err(|wrong| unfit(&wrong))?;
    let answer = move |script: &Script| page.reply(script);
    Ok(Plan { prompt: String::new(), stream: false, answer: Box::new(answer) })
}

fn one(incoming: &Incoming<'_>, subject: Subject) -> Result<Plan, Reply> {
    authenticate(incoming)?;
    Pairs::of(incoming).only(&[]).map_err(|wrong| unfit(&wrong))?;
    let id = incoming.path.rsplit('/').next().unwrap_or_default();
    let id: usize = id.parse().map_err(|_| failure(404))?;
    let (first, mut items): (_, Box<dyn Iterator<Item = Item>>) = match subject {
        Subject::Photos => (FIRST_PHOTO, Box::new(catalogue::pictures())),
        Subject::Videos => (FIRST_VIDEO, Box::new(catalogue::videos())),
    };
    let item = items.find(|item| first + item.number == id).ok_or_else(|| failure(404))?;
    let origin = incoming.origin();
    let answer = move |script: &Script| good(&subject.json(&item, &origin, &script.result));
    Ok(Plan { prompt: String::new(), stream: false, answer: Box::new(answer) })
}

fn found(incoming: &Incoming<'_>, pairs: &Pairs, subject: Subject) -> Result<Page, Wrong> {
    let bounds: &[&str] = if subject == Subject::Videos { &BOUNDS } else { &[] };
    pairs.only(&[PAGES.as_slice(), &SEARCH, bounds].concat())?;
    let page = pairs.number("page", 1, usize::MAX)?.unwrap_or(1);
    let per_page = pairs.number("per_page", 1, 80)?.unwrap_or(15);
    pairs.choice("locale", LOCALES)?;
    let wanted = Wanted::new(pairs.text("query").unwrap_or_default());
    let shape = match pairs.choice("orientation", &["landscape", "portrait", "square"])? {
        Some("landscape") => Some(Shape::Landscape),
        Some("portrait") => Some(Shape::Portrait),
        Some(_) => Some(Shape::Square),
        None => None,
    };
    let size = pairs.choice("size", &["large", "medium", "small"])?;
    let color = pairs.text("color").map(color).transpose()?;
    let mut limits = Vec::new();
    for name in bounds {
        limits.push((*name, pairs.number(name, 0, usize::MAX)?));
    }
    let fits = |item: &Item| {
        wanted.finds(item)
            && shape.is_none_or(|shape| item.shape() == shape)
            && size.is_none_or(|size| subject.is_large_enough(item, size))
            && color.is_none_or(|color| item.color == color)
            && limits
                .iter()
                .all(|(name, limit)| limit.is_none_or(|limit| within(item, name, limit)))
    };
    let items: Vec<Item> = match subject {
        Subject::Photos => catalogue::pictures().filter(fits).collect(),
        Subject::Videos => catalogue::videos().filter(fits).collect(),
    };
    let total = items.len();
    let start = (page - 1).saturating_mul(per_page);
    Ok(Page {
        found: items.into_iter().skip(start).take(per_page).collect(),
        origin: incoming.origin(),
        page,
        path: format!("/{}{}", incoming.vendor.id(), incoming.path),
        per_page,
        query: pairs.without("page"),
        subject,
        total,
    })
}

/// A color by its name, or the nearest of them by its code, with or without `#`.
fn color(text: &str) -> Result<&'static str, Wrong> {
    if let Some((name, _)) = COLORS.iter().find(|(name, _)| *name == text) {
        return Ok(name);
    }
    let wrong = || Wrong::Invalid { name: "color".to_owned() };
    let [red, green, blue] = channels(text).ok_or_else(wrong)?;
    let nearest = COLORS.iter().min_by_key(|(_, hex)| {
        let [r, g, b] = channels(hex).unwrap_or_default();
        (r - red).pow(2) + (g - green).pow(2) + (b - blue).pow(2)
    });
    nearest.map(|(name, _)| *name).ok_or_else(wrong)
}

fn channels(text: &str) -> Option<[i32; 3]> {
    let digits = text.strip_prefix('#').unwrap_or(text);
    let number = i32::from_str_radix(digits, 16).ok().filter(|_| digits.len() == 6)?;
    Some([number >> 16, number >> 8 & 0xFF, number & 0xFF])
}

fn within(item: &Item, name: &str, limit: usize) -> bool {
    let value = match name.split_once('_').map(|(_, measure)| measure) {
        Some("duration") => usize::try_from(item.seconds).unwrap_or(usize::MAX),
        Some("height") => item.height as usize,
        _ => item.width as usize,
    };
    if name.starts_with("min") { value >= limit } else { value <= limit }
}

/// A success, with the headers that only successes have.
fn good(body: &Value) -> Reply {
    let mut reply = Reply::json(200, body);
    reply.headers = vec![
        ("x-ratelimit-limit", "20000".to_owned()),
        ("x-ratelimit-remaining", "19684".to_owned()),
        ("x-ratelimit-reset", "1797678400".to_owned()),
    ];
    reply
}

impl Page {
    fn reply(&self, script: &Script) -> Reply {
        let nothing = results::makes_nothing(&script.result);
        let total = if nothing { 0 } else { self.total };
        let items = self.found.iter().filter(|_| !nothing);
        let items = items.map(|item| self.subject.json(item, &self.origin, &script.result));
        let list = if self.subject == Subject::Photos { "photos" } else { "videos" };
        let mut body = json!({
            "page": self.page,
            "per_page": self.per_page,
            list: items.collect::<Vec<_>>(),
            "total_results": total,
        });
        if let Some(body) = body.as_object_mut() {
            if self.subject == Subject::Videos {
                body.insert("url".to_owned(), json!("https://www.pexels.com/videos/"));
            }
            if self.page.saturating_mul(self.per_page) < total {
                body.insert("next_page".to_owned(), json!(self.link(self.page + 1)));
            }
            if self.page > 1 {
                body.insert("prev_page".to_owned(), json!(self.link(self.page - 1)));
            }
        }
        good(&body)
    }

    fn link(&self, page: usize) -> String {
        let rest = if self.query.is_empty() { String::new() } else { format!("&{}", self.query) };
        format!("{}{}?page={page}{rest}", self.origin, self.path)
    }
}

impl Subject {
    /// Photos are measured in megapixels, videos by their lines.
    fn is_large_enough(self, item: &Item, size: &str) -> bool {
        let (pixels, lines) = match size {
            "large" => (24_000_000, 2_160),
            "medium" => (12_000_000, 1_080),
            _ => (4_000_000, 720),
        };
        match self {
            Self::Photos => item.width * item.height >= pixels,
            Self::Videos => item.width.min(item.height) >= lines,
        }
    }

    fn json(self, item: &Item, origin: &str, faults: &[ResultFault]) -> Value {
        match self {
            Self::Photos => photo_json(item, origin, faults),
            Self::Videos => video_json(item, origin, faults),
        }
    }
}

fn photo_json(item: &Item, origin: &str, faults: &[ResultFault]) -> Value {
    let id = FIRST_PHOTO + item.number;
    let link = |(width, height): (u32, u32)| {
        let name = format!("pexels-photo-{id}_{width}x{height}.jpeg");
        results::link(origin, &name, "auto=compress&cs=tinysrgb", faults)
    };
    let handle = item.author.to_lowercase().replace(' ', "-");
    json!({
        "id": id,
        "width": item.width,
        "height": item.height,
        "url": format!("https://www.pexels.com/photo/{id}/"),
        "photographer": item.author,
        "photographer_url": format!("https://www.pexels.com/@{handle}"),
        "photographer_id": item.author_id,
        "avg_color": item.hex,
        "src": {
            "original": link((item.width, item.height)),
            "large2x": link(item.fitted(1_880, 1_300)),
            "large": link(item.fitted(940, 650)),
            "medium": link(item.fitted(u32::MAX, 350)),
            "small": link(item.fitted(u32::MAX, 130)),
            "portrait": link((800, 1_200)),
            "landscape": link((1_200, 627)),
            "tiny": link((280, 200)),
        },
        "liked": false,
        "alt": item.title(),
    })
}

/// Every tenth video has a playlist among its files, without a size; every fortieth has no file at all.
fn video_json(item: &Item, origin: &str, faults: &[ResultFault]) -> Value {
    let id = FIRST_VIDEO + item.number;
    let picture = |number: usize| {
        let (width, height) = item.scaled(630);
        let name = format!("pexels-video-{id}-{number}_{width}x{height}.jpeg");
        results::link(origin, &name, "", faults)
    };
    let file = |(index, longest): (usize, u32)| {
        let (width, height) = item.scaled(longest);
        let quality = match width.min(height) {
            2_160.. => "uhd",
            720.. => "hd",
            _ => "sd",
        };
        let millis = item.seconds * 1_000;
        let name = format!("pexels-video-{id}_{millis}ms_{width}x{height}.mp4");
        json!({
            "id": id * 10 + index,
            "quality": quality,
            "file_type": "video/mp4",
            "width": width,
            "height": height,
            "fps": 25.0,
            "link": results::link(origin, &name, "", faults),
        })
    };
    let most = item.width.max(item.height);
    let sides = [3_840, 1_920, 1_280, 960, 640].into_iter().filter(|longest| *longest <= most);
    let mut files: Vec<Value> = sides.enumerate().map(file).collect();
    if item.number % 10 == 9 {
        files.insert(
            0,
            json!({
                "id": id * 10 + 9,
                "quality": "hls",
                "file_type": "application/x-mpegURL",
                "width": null,
                "height": null,
                "fps": null,
                "link": format!("https://player.example.test/{id}.m3u8"),
            }),
        );
    }
    if item.number % 40 == 39 {
        files.clear();
    }
    let handle = item.author.to_lowercase().replace(' ', "-");
    json!({
        "id": id,
        "width": item.width,
        "height": item.height,
        "url": format!("https://www.pexels.com/video/{id}/"),
        "image": picture(0),
        "full_res": null,
        "tags": [],
        "duration": item.seconds,
        "user": {
            "id": item.author_id,
            "name": item.author,
            "url": format!("https://www.pexels.com/@{handle}"),
        },
        "video_files": files,
        "video_pictures": [{ "id": id * 10, "picture": picture(0), "nr": 0 }],
    })
}
