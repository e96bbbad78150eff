//! Our own protocol for stock media: `POST /search`, `/search/photos`, `/search/videos`, and `POST /import`.
//!
//! Strict, as all of ours: unknown fields are refused by name, and so are those that say nothing of what is
//! looked for.

use core::ops::RangeInclusive;

use serde_json::Value;

use crate::{
    calls::stock::{
        Bounds, MOST_PER_PAGE, Orientation, StockCall, StockKind, StockSize, WantedFile,
    },
    protocols::{
        FieldIssue,
        fields::{Fields, Issues},
    },
};

const FIELDS: [&str; 8] = [
    "instance_id",
    "keywords",
    "model_id",
    "options",
    "orientation",
    "project_id",
    "provider",
    "size",
];

const OPTIONS: [&str; 16] = [
    "category",
    "color",
    "editors_choice",
    "image_type",
    "locale",
    "max_duration",
    "max_height",
    "max_width",
    "min_duration",
    "min_height",
    "min_width",
    "order",
    "page",
    "per_page",
    "safe_search",
    "video_type",
];

const IMPORT_FIELDS: [&str; 7] =
    ["file", "id", "instance_id", "kind", "model_id", "project_id", "provider"];

/// What says something of videos alone.
const OF_VIDEOS: [&str; 3] = ["max_duration", "min_duration", "video_type"];
/// What says something of photos alone.
const OF_PHOTOS: [&str; 1] = ["image_type"];

/// The most words or phrases of a search, and the most characters of one.
const MOST_KEYWORDS: usize = 20;
const LONGEST_KEYWORD: usize = 100;

/// The last page that can be asked for. No vendor has as many.
const LAST_PAGE: u64 = 10_000;

/// The usual page of one kind, and of both together.
const USUAL_PAGE: u64 = 15;
const USUAL_MIXED_PAGE: u64 = 10;

/// What a route looks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Looks {
    /// Photos and videos, in turn.
    Both,
    /// One kind.
    For(StockKind),
}

/// Who is to be asked, and by whom.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StockAsker {
    /// Repeats the caller's instance, or is refused by whoever knows that.
    pub instance_id: Option<String>,
    /// The model or alias; absent where the provider's, or the usual one, shall serve.
    pub model_id: Option<String>,
    /// Repeats the caller's project, or is refused by whoever knows that.
    pub project_id: Option<String>,
    /// Whose library it is.
    pub provider: Option<String>,
}

/// A search, read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StockSearch {
    /// Who is to be asked, and by whom.
    pub asker: StockAsker,
    /// What is asked: one call for each kind, videos before photos.
    pub calls: Vec<StockCall>,
    /// Which page, from 1.
    pub page: u64,
    /// How many items it has, of both kinds together.
    pub per_page: u64,
    /// The keywords in one line.
    pub query: String,
}

impl StockSearch {
    /// Reads a body: `keywords`, `orientation`, `size`, `model_id`, `provider`, `instance_id`, `project_id`,
    /// `options`.
    ///
    /// Of a page with both kinds, half are videos and half photos, with one more video if that leaves one.
    ///
    /// # Errors
    /// Every fault, with its place: the caller's.
    pub fn parse(body: &Value, looks: Looks) -> Result<Self, Vec<FieldIssue>> {
        let mut issues = Issues::default();
        let mut search = Self::default();
        let Some(body) = Fields::of("", body, &mut issues) else { return issues.or(search) };
        body.refuse_unknown(&FIELDS, &mut issues);
        search.asker = asker(&body, &mut issues);
        search.query = keywords(&body, &mut issues);
        let orientation = body.word("orientation", &Orientation::WORDS, &mut issues);
        let size = body.word("size", &StockSize::WORDS, &mut issues);
        let mut call = StockCall {
            orientation: orientation.and_then(Orientation::parse),
            query: search.query.clone(),
            size: size.and_then(StockSize::parse),
            ..StockCall::default()
        };
        let (usual, least) = match looks {
            Looks::Both => (USUAL_MIXED_PAGE, 2),
            Looks::For(_) => (USUAL_PAGE, 1),
        };
        (search.page, search.per_page) = (1, usual);
        if let Some(options) = body.object("options", &mut issues) {
            options.refuse_unknown(&OPTIONS, &mut issues);
            let page = whole(&options, "page", 1..=LAST_PAGE, &mut issues);
            let per_page = whole(&options, "per_page", least..=MOST_PER_PAGE, &mut issues);
            search.page = page.unwrap_or(1);
            search.per_page = per_page.unwrap_or(usual);
            self::options(&options, &mut call, &mut issues);
            if let Looks::For(kind) = looks {
                foreign(&options, kind, &mut issues);
            }
        }
        call.page = search.page;
        search.calls = match looks {
            Looks::Both => halves(&call, search.per_page).into(),
            Looks::For(kind) => vec![StockCall { kind, per_page: search.per_page, ..call }],
        };
        issues.or(search)
    }
}

/// An import, read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StockImport {
    /// Who is to be asked, and by whom.
    pub asker: StockAsker,
    /// Which file of it; absent: the best.
    pub file: Option<WantedFile>,
    /// The vendor's id of the item.
    pub id: String,
    /// Photo or video.
    pub kind: StockKind,
}

impl StockImport {
    /// Reads a body: `kind` (`photo` or `video`, or the words of searches and of their items), `id` (text or
    /// number), `file` (a width in pixels or the vendor's word), `model_id`, `provider`, `instance_id`,
    /// `project_id`.
    ///
    /// # Errors
    /// Every fault, with its place: the caller's.
    pub fn parse(body: &Value) -> Result<Self, Vec<FieldIssue>> {
        let mut issues = Issues::default();
        let mut import = Self::default();
        let Some(body) = Fields::of("", body, &mut issues) else { return issues.or(import) };
        body.refuse_unknown(&IMPORT_FIELDS, &mut issues);
        import.asker = asker(&body, &mut issues);
        body.require("kind", &mut issues);
        let words = ["image", "photo", "photos", "video", "videos"];
        import.kind = match body.word("kind", &words, &mut issues) {
            Some("video" | "videos") => StockKind::Videos,
            Some(_) | None => StockKind::Photos,
        };
        body.require("id", &mut issues);
        match body.value("id") {
            Some(Value::String(text)) => text.clone_into(&mut import.id),
            Some(Value::Number(number)) => import.id = number.to_string(),
            Some(other) => issues.expected(body.at("id"), "a string or a number", other),
            None => {}
        }
        import.file = match body.value("file") {
            Some(Value::String(text)) if !text.is_empty() => {
                Some(WantedFile::Quality(text.clone()))
            }
            Some(value) => match value.as_u64().filter(|width| *width > 0) {
                Some(width) => Some(WantedFile::Width(width)),
                None => {
                    issues.expected(body.at("file"), "a width in pixels or a word", value);
                    None
                }
            },
            None => None,
        };
        issues.or(import)
    }
}

fn asker(body: &Fields<'_>, issues: &mut Issues) -> StockAsker {
    let mut name = |member: &str| {
        let text = body.string(member, issues)?;
        if text.trim().is_empty() {
            issues.add(body.at(member), "must not be blank");
        }
        Some(text.to_owned())
    };
    StockAsker {
        instance_id: name("instance_id"),
        model_id: name("model_id"),
        project_id: name("project_id"),
        provider: name("provider"),
    }
}

/// The keywords in one line, with single spaces.
fn keywords(body: &Fields<'_>, issues: &mut Issues) -> String {
    body.require("keywords", issues);
    let at = body.at("keywords");
    let words = body.list("keywords", issues).unwrap_or_default();
    if words.is_empty() && body.value("keywords").is_some_and(Value::is_array) {
        issues.add(at.as_str(), "expected at least one keyword");
    }
    if words.len() > MOST_KEYWORDS {
        issues.add(at.as_str(), format!("expected at most {MOST_KEYWORDS} keywords"));
    }
    let mut line = Vec::new();
    for (index, word) in words.iter().enumerate().take(MOST_KEYWORDS) {
        let at = format!("{at}/{index}");
        match word.as_str() {
            Some(text) if text.trim().is_empty() => issues.add(at, "must not be blank"),
            Some(text) if text.chars().count() > LONGEST_KEYWORD => {
                issues.add(at, format!("expected at most {LONGEST_KEYWORD} characters"));
            }
            Some(text) => line.extend(text.split_whitespace()),
            None => issues.expected(at, "a string", word),
        }
    }
    line.join(" ")
}

fn options(options: &Fields<'_>, call: &mut StockCall, issues: &mut Issues) {
    let mut bound = |name: &str| options.count(name, 0, issues);
    call.bounds = Bounds {
        max_duration: bound("max_duration"),
        max_height: bound("max_height"),
        max_width: bound("max_width"),
        min_duration: bound("min_duration"),
        min_height: bound("min_height"),
        min_width: bound("min_width"),
    };
    let bounds = &call.bounds;
    for (name, least, most) in [
        ("duration", bounds.min_duration, bounds.max_duration),
        ("height", bounds.min_height, bounds.max_height),
        ("width", bounds.min_width, bounds.max_width),
    ] {
        if least.zip(most).is_some_and(|(least, most)| least > most) {
            let reason = format!("is over max_{name}: nothing is left between");
            issues.add(options.at(&format!("min_{name}")), reason);
        }
    }
    call.category = options.string("category", issues).map(str::to_owned);
    call.color = options.string("color", issues).map(str::to_owned);
    call.editors_choice = options.boolean("editors_choice", issues);
    let types = ["all", "photo", "illustration", "vector"];
    call.image_type = options.word("image_type", &types, issues).map(str::to_owned);
    call.locale = options.string("locale", issues).map(str::to_owned);
    call.order = options.word("order", &["popular", "latest"], issues).map(str::to_owned);
    call.safe_search = options.boolean("safe_search", issues);
    let types = ["all", "film", "animation"];
    call.video_type = options.word("video_type", &types, issues).map(str::to_owned);
}

/// Refuses what says nothing of the one kind that is looked for.
fn foreign(options: &Fields<'_>, kind: StockKind, issues: &mut Issues) {
    let (names, other): (&[&str], _) = match kind {
        StockKind::Photos => (&OF_VIDEOS, StockKind::Videos),
        StockKind::Videos => (&OF_PHOTOS, StockKind::Photos),
    };
    for name in names.iter().filter(|name| options.has(name)) {
        let reason = format!("says something of {} only", other.as_str());
        issues.add(options.at(name), reason);
    }
}

/// Videos, then photos: each with what says something of it.
fn halves(call: &StockCall, per_page: u64) -> [StockCall; 2] {
    let photos = per_page / 2;
    let videos = per_page - photos;
    let timeless = Bounds { max_duration: None, min_duration: None, ..call.bounds };
    [
        StockCall { image_type: None, kind: StockKind::Videos, per_page: videos, ..call.clone() },
        StockCall {
            bounds: timeless,
            kind: StockKind::Photos,
            per_page: photos,
            video_type: None,
            ..call.clone()
        },
    ]
}

fn whole(
    fields: &Fields<'_>,
    name: &str,
    range: RangeInclusive<u64>,
    issues: &mut Issues,
) -> Option<u64> {
    let number = fields.count(name, *range.start(), issues)?;
    if number > *range.end() {
        issues.add(fields.at(name), format!("expected at most {}, got {number}", range.end()));
    }
    Some(number)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const PHOTOS: Looks = Looks::For(StockKind::Photos);

    #[track_caller]
    fn refused(looks: Looks, body: Value, expected: &[&str]) {
        let issues = StockSearch::parse(&body, looks).unwrap_err();
        let told: Vec<String> =
            issues.iter().map(|issue| format!("{} {}", issue.pointer, issue.reason)).collect();
        assert_eq!(told, expected);
    }

    #[test]
    fn c24_keywords_are_a_list_of_words() {
        refused(PHOTOS, json!({"keywords": "sea"}), &["/keywords expected a list, got a string"]);
        refused(PHOTOS, json!({}), &["/keywords required"]);
        refused(PHOTOS, json!({"keywords": []}), &["/keywords expected at least one keyword"]);
        refused(
            PHOTOS,
            json!({"keywords": ["a", " ", 7, "x".repeat(101)]}),
            &[
                "/keywords/1 must not be blank",
                "/keywords/2 expected a string, got a number",
                "/keywords/3 expected at most 100 characters",
            ],
        );
        let many = vec!["a"; 21];
        refused(PHOTOS, json!({"keywords": many}), &["/keywords expected at most 20 keywords"]);
        let search = StockSearch::parse(&json!({"keywords": [" deep  blue", "sea"]}), PHOTOS);
        assert_eq!(search.unwrap().query, "deep blue sea");
    }

    #[test]
    fn c25_pages_are_bounded_and_unknown_fields_named() {
        refused(
            PHOTOS,
            json!({"keywords": ["a"], "colour": "red", "size": "huge", "orientation": "diagonal",
                "options": {"page": 0, "per_page": 81, "min_width": -1, "order": "oldest"}}),
            &[
                "/colour unknown; there are instance_id, keywords, model_id, options, orientation, \
                 project_id, provider, size",
                "/orientation expected one of landscape, portrait, square",
                "/size expected one of large, medium, small",
                "/options/page expected a whole number of at least 1, got 0",
                "/options/per_page expected at most 80, got 81",
                "/options/min_width expected a whole number of at least 0, got -1",
                "/options/order expected one of popular, latest",
            ],
        );
        refused(
            Looks::Both,
            json!({"keywords": ["a"], "options": {"per_page": 1}}),
            &["/options/per_page expected a whole number of at least 2, got 1"],
        );
        let options = json!({"min_width": 9, "max_width": 8});
        refused(
            PHOTOS,
            json!({"keywords": ["a"], "options": options}),
            &["/options/min_width is over max_width: nothing is left between"],
        );
    }

    #[test]
    fn what_says_nothing_of_what_is_looked_for_is_refused() {
        let options = json!({"min_duration": 5, "video_type": "film"});
        refused(
            PHOTOS,
            json!({"keywords": ["a"], "options": options}),
            &[
                "/options/min_duration says something of videos only",
                "/options/video_type says something of videos only",
            ],
        );
        refused(
            Looks::For(StockKind::Videos),
            json!({"keywords": ["a"], "options": {"image_type": "photo"}}),
            &["/options/image_type says something of photos only"],
        );
    }

    #[test]
    fn both_kinds_share_a_page() {
        let body = json!({"keywords": ["a"], "options": {"per_page": 5, "page": 3,
            "min_duration": 5, "min_width": 7, "image_type": "vector"}});
        let search = StockSearch::parse(&body, Looks::Both).unwrap();
        let [videos, photos] = search.calls.as_slice() else { panic!("{search:?}") };
        assert_eq!((videos.per_page, photos.per_page), (3, 2));
        assert_eq!((videos.page, photos.page), (3, 3));
        assert_eq!(videos.bounds.names(), ["min_duration", "min_width"]);
        assert_eq!(photos.bounds.names(), ["min_width"]);
        assert_eq!((&videos.image_type, photos.image_type.as_deref()), (&None, Some("vector")));
        let usual = |looks| StockSearch::parse(&json!({"keywords": ["a"]}), looks).unwrap();
        assert_eq!(usual(Looks::Both).per_page, 10);
        assert_eq!(usual(PHOTOS).per_page, 15);
    }

    #[test]
    fn an_import_names_an_item_and_a_file() {
        let read = |body: Value| StockImport::parse(&body);
        let import = read(json!({"kind": "image", "id": 7, "file": 1_280})).unwrap();
        assert_eq!((import.id.as_str(), import.kind), ("7", StockKind::Photos));
        assert_eq!(import.file, Some(WantedFile::Width(1_280)));
        let import = read(json!({"kind": "video", "id": "7", "file": "hd"})).unwrap();
        assert_eq!(import.kind, StockKind::Videos);
        assert_eq!(import.file, Some(WantedFile::Quality("hd".to_owned())));
        let issues = read(json!({"kind": "film", "id": [], "file": 0, "url": "x"})).unwrap_err();
        let places: Vec<&str> = issues.iter().map(|issue| issue.pointer.as_str()).collect();
        assert_eq!(places, ["/url", "/kind", "/id", "/file"]);
    }
}
