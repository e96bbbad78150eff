//! Pixabay: `GET /api/` for pictures and `GET /api/videos/` for videos.
//!
//! The key stands in the query; errors are plain text. A word of `q` that begins with `photo-` or
//! `video-` is a fault of that search alone. Unknown parameters are refused. Out of scope: `callback`.
//! Follows <https://pixabay.com/api/docs/>.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::catalogue::{self, Item, SUBJECTS, Shape, Wanted};
use crate::endpoint::{Content, Incoming, Plan, Reply, prompt_of};
use crate::faults::{self, Script};
use crate::query::{Pairs, Wrong};
use crate::results::{self, ResultFault};

/// What the numbers of pictures and videos begin with.
const FIRST_PICTURE: usize = 70_000;
const FIRST_VIDEO: usize = 90_000;

/// How many hits can be reached at most, whatever the total is.
const MOST_HITS: usize = 500;

/// The most characters of a query.
const LONGEST_QUERY: usize = 100;

const BOTH: [&str; 13] = [
    "category",
    "editors_choice",
    "id",
    "key",
    "lang",
    "min_height",
    "min_width",
    "order",
    "page",
    "per_page",
    "pretty",
    "q",
    "safesearch",
];
const PICTURES: [&str; 3] = ["colors", "image_type", "orientation"];
const VIDEOS: [&str; 1] = ["video_type"];

const LANGUAGES: &[&str] = &[
    "cs", "da", "de", "en", "es", "fr", "id", "it", "hu", "nl", "no", "pl", "pt", "ro", "sk", "fi",
    "sv", "tr", "vi", "th", "bg", "ru", "el", "ja", "ko", "zh",
];

const COLORS: &[&str] = &[
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

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Subject {
    Pictures,
    Videos,
}

struct Page {
    hits: Vec<Item>,
    origin: String,
    pretty: bool,
    subject: Subject,
    total: usize,
}

/// `GET /api/`.
pub(crate) fn pictures(incoming: &Incoming<'_>) -> Result<Plan, Reply> {
    search(incoming, Subject::Pictures, "photo-")
}

/// `GET /api/videos/`.
pub(crate) fn videos(incoming: &Incoming<'_>) -> Result<Plan, Reply> {
    search(incoming, Subject::Videos, "video-")
}

/// The error of the `fail` fault.
pub(crate) fn failure(status: u16) -> Reply {
    error(
        status,
        match status {
            400 => "Bad request.",
            401 | 403 => "Access denied.",
            404 => "Not found.",
            429 => "API rate limit exceeded",
            500.. => "Internal server error.",
            _ => "The request failed.",
        },
    )
}

/// Headers of every reply; the window is a minute.
pub(crate) fn reply_headers() -> Vec<(&'static str, String)> {
    vec![
        ("x-ratelimit-limit", "100".to_owned()),
        ("x-ratelimit-remaining", "99".to_owned()),
        ("x-ratelimit-reset", "60".to_owned()),
    ]
}

fn error(status: u16, message: &str) -> Reply {
    let bytes = Bytes::from(format!("[ERROR {status}] {message}"));
    Reply {
        content: Content::Whole { bytes, content_type: "text/html; charset=utf-8" },
        headers: Vec::new(),
        status,
    }
}

fn search(incoming: &Incoming<'_>, subject: Subject, scope: &str) -> Result<Plan, Reply> {
    let pairs = Pairs::of(incoming);
    let key = pairs.text("key").unwrap_or_default();
    if !incoming.config.accepts(incoming.vendor, key) {
        return Err(error(400, "Invalid or missing API key (https://pixabay.com/api/docs/)."));
    }
    let page = found(incoming, &pairs, subject).map_err(|wrong| {
        let name = wrong.name();
        error(
            400,
            &match wrong {
                Wrong::Invalid { .. } => format!("\"{name}\" is invalid."),
                Wrong::OutOfRange { .. } => format!("\"{name}\" is out of valid range."),
                Wrong::Unknown { .. } => format!("\"{name}\" is no parameter."),
            },
        )
    })?;
    let query = pairs.text("q").unwrap_or_default();
    let prompt = prompt_of(&[query, &faults::scoped(query, scope)]);
    Ok(Plan { prompt, stream: false, answer: Box::new(move |script| page.reply(script)) })
}

fn found(incoming: &Incoming<'_>, pairs: &Pairs, subject: Subject) -> Result<Page, Wrong> {
    let more: &[&str] = if subject == Subject::Videos { &VIDEOS } else { &PICTURES };
    pairs.only(&[BOTH.as_slice(), more].concat())?;
    let out_of_range = |name: &str| Wrong::OutOfRange { name: name.to_owned() };
    let query = pairs.text("q").unwrap_or_default();
    if query.chars().count() > LONGEST_QUERY {
        return Err(out_of_range("q"));
    }
    let page = pairs.number("page", 1, usize::MAX)?.unwrap_or(1);
    let per_page = pairs.number("per_page", 3, 200)?.unwrap_or(20);
    pairs.choice("lang", LANGUAGES)?;
    let categories = SUBJECTS.map(|(_, category)| category);
    let category = pairs.choice("category", &categories)?;
    let min_width = pairs.number("min_width", 0, usize::MAX)?.unwrap_or(0);
    let min_height = pairs.number("min_height", 0, usize::MAX)?.unwrap_or(0);
    let chosen = pairs.flag("editors_choice")?;
    let safe = pairs.flag("safesearch")?;
    let latest = pairs.choice("order", &["popular", "latest"])? == Some("latest");
    let kind = pairs.choice("image_type", &["all", "photo", "illustration", "vector"])?;
    let kind = pairs.choice("video_type", &["all", "film", "animation"])?.or(kind);
    let kind = kind.filter(|kind| *kind != "all");
    let shape = match pairs.choice("orientation", &["all", "horizontal", "vertical"])? {
        Some("horizontal") => Some(Shape::Landscape),
        Some("vertical") => Some(Shape::Portrait),
        Some(_) | None => None,
    };
    let colors: Vec<&str> =
        pairs.text("colors").map(|colors| colors.split(',').collect()).unwrap_or_default();
    if colors.iter().any(|color| !COLORS.contains(color)) {
        return Err(Wrong::Invalid { name: "colors".to_owned() });
    }
    let id = pairs.number("id", 0, usize::MAX)?;
    let wanted = Wanted::new(query);
    let fits = |item: &Item| {
        wanted.finds(item)
            && category.is_none_or(|category| item.category == category)
            && item.width as usize >= min_width
            && item.height as usize >= min_height
            && (!chosen || item.number.is_multiple_of(4))
            && (!safe || item.number % 9 != 8)
            && kind.is_none_or(|kind| subject.kind(item) == kind)
            && shape.is_none_or(|shape| item.shape() == shape)
            && (colors.is_empty() || colors.iter().any(|color| has_color(item, color)))
            && id.is_none_or(|id| subject.id(item) == id)
    };
    let mut items: Vec<Item> = match subject {
        Subject::Pictures => catalogue::pictures().filter(fits).collect(),
        Subject::Videos => catalogue::videos().filter(fits).collect(),
    };
    let total = items.len();
    if id.is_some() && total == 0 {
        return Err(Wrong::Invalid { name: "id".to_owned() });
    }
    let start = (page - 1).saturating_mul(per_page);
    if page > 1 && start >= total.min(MOST_HITS) {
        return Err(out_of_range("page"));
    }
    if latest {
        items.reverse();
    }
    Ok(Page {
        hits: items.into_iter().take(MOST_HITS).skip(start).take(per_page).collect(),
        origin: incoming.origin(),
        pretty: pairs.flag("pretty")?,
        subject,
        total,
    })
}

fn has_color(item: &Item, color: &str) -> bool {
    match color {
        "grayscale" => ["black", "gray", "white"].contains(&item.color),
        "lilac" => item.color == "violet",
        "transparent" => Subject::Pictures.kind(item) == "vector",
        color => item.color == color,
    }
}

impl Page {
    fn reply(&self, script: &Script) -> Reply {
        let hit = |item| match self.subject {
            Subject::Pictures => picture_json(item, &self.origin, &script.result),
            Subject::Videos => video_json(item, &self.origin, &script.result),
        };
        let nothing = results::makes_nothing(&script.result);
        let total = if nothing { 0 } else { self.total };
        let hits = self.hits.iter().filter(|_| !nothing);
        let body = json!({
            "total": total,
            "totalHits": total.min(MOST_HITS),
            "hits": hits.map(hit).collect::<Vec<_>>(),
        });
        let mut reply = Reply::json(200, &body);
        if self.pretty {
            reply.content = Content::Whole {
                bytes: Bytes::from(format!("{body:#}")),
                content_type: "application/json",
            };
        }
        reply
    }
}

impl Subject {
    fn id(self, item: &Item) -> usize {
        item.number + if self == Self::Pictures { FIRST_PICTURE } else { FIRST_VIDEO }
    }

    fn kind(self, item: &Item) -> &'static str {
        match (self, item.number % 5) {
            (Self::Pictures, 3) => "illustration",
            (Self::Pictures, 4) => "vector",
            (Self::Pictures, _) => "photo",
            (Self::Videos, 4) => "animation",
            (Self::Videos, _) => "film",
        }
    }
}

fn tags(item: &Item) -> String {
    [item.color, item.subject, item.scene].join(", ")
}

fn picture_json(item: &Item, origin: &str, faults: &[ResultFault]) -> Value {
    let id = Subject::Pictures.id(item);
    let link = |(width, height): (u32, u32)| {
        results::link(origin, &format!("pixabay-{id}_{width}x{height}.jpg"), "", faults)
    };
    let (preview, web, large) = (item.scaled(150), item.scaled(640), item.scaled(1_280));
    json!({
        "id": id,
        "pageURL": format!("https://pixabay.com/photos/{}-{id}/", item.subject),
        "type": Subject::Pictures.kind(item),
        "tags": tags(item),
        "previewURL": link(preview),
        "previewWidth": preview.0,
        "previewHeight": preview.1,
        "webformatURL": link(web),
        "webformatWidth": web.0,
        "webformatHeight": web.1,
        "largeImageURL": link(large),
        "imageWidth": item.width,
        "imageHeight": item.height,
        "imageSize": item.width * item.height / 5,
        "views": 1_000 + item.number,
        "downloads": 500 + item.number,
        "collections": 10 + item.number,
        "likes": 20 + item.number,
        "comments": item.number % 7,
        "user_id": item.author_id,
        "user": item.author,
        "userImageURL": "",
    })
}

/// Only videos in 4K have a `large` one; without it the link is empty and the size zero.
fn video_json(item: &Item, origin: &str, faults: &[ResultFault]) -> Value {
    let id = Subject::Videos.id(item);
    let file = |name: &str, longest: u32| {
        let (width, height) = item.scaled(longest);
        let stem = format!("pixabay-video-{id}_{}ms_{width}x{height}", item.seconds * 1_000);
        if name == "large" && item.width.max(item.height) < 3_840 {
            return json!({ "url": "", "width": 0, "height": 0, "size": 0, "thumbnail": "" });
        }
        json!({
            "url": results::link(origin, &format!("{stem}.mp4"), "", faults),
            "width": width,
            "height": height,
            "size": u64::from(width) * item.seconds * 500,
            "thumbnail": results::link(origin, &format!("{stem}.jpg"), "", faults),
        })
    };
    json!({
        "id": id,
        "pageURL": format!("https://pixabay.com/videos/id-{id}/"),
        "type": Subject::Videos.kind(item),
        "tags": tags(item),
        "duration": item.seconds,
        "videos": {
            "large": file("large", 3_840),
            "medium": file("medium", 1_920),
            "small": file("small", 1_280),
            "tiny": file("tiny", 960),
        },
        "views": 1_000 + item.number,
        "downloads": 500 + item.number,
        "likes": 20 + item.number,
        "comments": item.number % 7,
        "user_id": item.author_id,
        "user": item.author,
        "userImageURL": "",
    })
}
