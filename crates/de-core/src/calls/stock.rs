//! Stock photographs and footage: what is looked for, and what a vendor has.

use http::HeaderMap;
use serde::{Deserialize, Serialize};

use crate::time::UnixMillis;

/// The most items of one page.
pub const MOST_PER_PAGE: u64 = 80;

/// What kind of thing is looked for.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum StockKind {
    /// Pictures that stand still.
    #[default]
    Photos,
    /// Pictures that move.
    Videos,
}

impl StockKind {
    /// The word for many of them: `photos`, `videos`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Photos => "photos",
            Self::Videos => "videos",
        }
    }

    /// The word for one of them, as attributions begin: `Photo`, `Video`.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Photos => "Photo",
            Self::Videos => "Video",
        }
    }
}

/// Which side is the longer one.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Orientation {
    /// The width.
    Landscape,
    /// The height.
    Portrait,
    /// Neither.
    Square,
}

impl Orientation {
    /// The words of our own protocol.
    pub const WORDS: [&'static str; 3] = ["landscape", "portrait", "square"];

    /// The word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Landscape => "landscape",
            Self::Portrait => "portrait",
            Self::Square => "square",
        }
    }

    /// Reads the word; `None` for any other.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Landscape, Self::Portrait, Self::Square]
            .into_iter()
            .find(|known| known.as_str() == word)
    }
}

/// How large it must be at least, in steps that the vendor sets.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum StockSize {
    /// Photos of 24 megapixels, videos in 4K.
    Large,
    /// Photos of 12 megapixels, videos in Full HD.
    Medium,
    /// Photos of 4 megapixels, videos in HD.
    Small,
}

impl StockSize {
    /// The words of our own protocol.
    pub const WORDS: [&'static str; 3] = ["large", "medium", "small"];

    /// The word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Large => "large",
            Self::Medium => "medium",
            Self::Small => "small",
        }
    }

    /// Reads the word; `None` for any other.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Large, Self::Medium, Self::Small].into_iter().find(|known| known.as_str() == word)
    }
}

/// Items that are looked for, all of one kind.
///
/// Its JSON is part of the keys under which results are kept: it says the same of the same search.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct StockCall {
    /// What bounds width, height and duration.
    #[serde(flatten)]
    pub bounds: Bounds,
    /// A subject, in the vendor's word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// The prevailing colour: a word of the vendor's, or `#` and six hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub color: Option<String>,
    /// Only what the vendor's editors have chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub editors_choice: Option<bool>,
    /// `photo`, `illustration`, `vector` or `all`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_type: Option<String>,
    /// Photos or videos.
    pub kind: StockKind,
    /// The language of the query: `de-DE`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    /// `popular` or `latest`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
    /// Which side is the longer one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub orientation: Option<Orientation>,
    /// Which page, from 1.
    pub page: u64,
    /// How many items it has, 1 to [`MOST_PER_PAGE`].
    pub per_page: u64,
    /// What is looked for, at least one character.
    pub query: String,
    /// Only what is fit for all ages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub safe_search: Option<bool>,
    /// How large it must be at least.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<StockSize>,
    /// `film`, `animation` or `all`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub video_type: Option<String>,
}

/// The least and the most that an item may measure, both included.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Bounds {
    /// In seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_duration: Option<u64>,
    /// In pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_height: Option<u64>,
    /// In pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_width: Option<u64>,
    /// In seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_duration: Option<u64>,
    /// In pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_height: Option<u64>,
    /// In pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_width: Option<u64>,
}

impl Bounds {
    /// The names of those that are set, in the order of names.
    #[must_use]
    pub fn names(&self) -> Vec<&'static str> {
        let all = [
            ("max_duration", self.max_duration),
            ("max_height", self.max_height),
            ("max_width", self.max_width),
            ("min_duration", self.min_duration),
            ("min_height", self.min_height),
            ("min_width", self.min_width),
        ];
        all.into_iter().filter_map(|(name, bound)| bound.map(|_| name)).collect()
    }

    /// Whether an item keeps to them. One whose measure is not known does not.
    #[must_use]
    pub fn hold(&self, item: &StockItem) -> bool {
        let within = |size: Option<u64>, least: Option<u64>, most: Option<u64>| {
            (least.is_none() && most.is_none())
                || size.is_some_and(|size| {
                    least.is_none_or(|least| size >= least) && most.is_none_or(|most| size <= most)
                })
        };
        within(item.width, self.min_width, self.max_width)
            && within(item.height, self.min_height, self.max_height)
            && within(item.duration_seconds, self.min_duration, self.max_duration)
    }
}

/// One page of what a vendor has.
///
/// Copies of it lie in KV for some minutes, so a new member needs a default.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct StockPage {
    /// In the vendor's order.
    pub items: Vec<StockItem>,
    /// What a reader has to know about it, a sentence each.
    #[serde(default)]
    pub notices: Vec<String>,
    /// How many the vendor has in all, as it counts them.
    pub total: u64,
}

/// One photograph or piece of footage.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct StockItem {
    /// What has to stand beside it, ready to be shown.
    pub attribution: String,
    /// Whose it is; absent if the vendor does not say.
    pub author: Option<Author>,
    /// How long a video is.
    pub duration_seconds: Option<u64>,
    /// Where it can be had, at least one, the best first.
    pub files: Vec<StockFile>,
    /// In pixels, of the original.
    pub height: Option<u64>,
    /// The vendor's.
    pub id: String,
    /// Photo or video.
    pub kind: StockKind,
    /// On which terms.
    pub license: License,
    /// Its page at the vendor.
    pub page_url: String,
    /// A small picture of it.
    pub preview_url: Option<String>,
    /// What is to be seen, as far as the vendor says.
    pub title: Option<String>,
    /// In pixels, of the original.
    pub width: Option<u64>,
}

impl StockItem {
    /// The file of this name or width; without one the best.
    #[must_use]
    pub fn file(&self, wanted: Option<&WantedFile>) -> Option<&StockFile> {
        match wanted {
            None => self.files.first(),
            Some(WantedFile::Quality(word)) => {
                self.files.iter().find(|file| file.quality.as_deref() == Some(word))
            }
            Some(WantedFile::Width(width)) => {
                self.files.iter().find(|file| file.width == Some(*width))
            }
        }
    }
}

/// Which file of an item is wanted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum WantedFile {
    /// By the vendor's word: `large2x`, `hd`.
    Quality(String),
    /// By its width in pixels.
    Width(u64),
}

/// One file of an item.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct StockFile {
    /// As the vendor says: `video/mp4`.
    pub content_type: Option<String>,
    /// In pixels.
    pub height: Option<u64>,
    /// The vendor's word for it: `original`, `hd`.
    pub quality: Option<String>,
    /// As the vendor says.
    pub size_bytes: Option<u64>,
    /// Where it is. Not to be trusted.
    pub url: String,
    /// In pixels.
    pub width: Option<u64>,
}

/// Whose an item is.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Author {
    /// As the vendor shows it.
    pub name: String,
    /// Its page at the vendor.
    pub url: Option<String>,
}

/// The terms of an item.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct License {
    /// As the vendor calls it.
    pub name: String,
    /// Where it can be read.
    pub url: String,
}

/// How much a vendor still allows, in its own headers.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Rates {
    /// How many calls there are in all.
    pub limit: Option<u64>,
    /// How many are left.
    pub remaining: Option<u64>,
    /// When they are full again.
    pub resets_at: Option<UnixMillis>,
}

impl Rates {
    /// Reads `X-RateLimit-{Limit,Remaining,Reset}`; `at` says what a reset means, in whatever unit it is.
    #[must_use]
    pub fn read(headers: &HeaderMap, at: impl Fn(i64) -> UnixMillis) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let count = |name: &str| text(name).and_then(|text| text.trim().parse().ok());
        let reset = text("x-ratelimit-reset").and_then(|text| text.trim().parse::<i64>().ok());
        Self {
            limit: count("x-ratelimit-limit"),
            remaining: count("x-ratelimit-remaining"),
            resets_at: reset.filter(|reset| *reset >= 0).map(at),
        }
    }

    /// Until when nothing more is allowed; absent if something is, or if it is not known.
    #[must_use]
    pub fn used_up_until(&self) -> Option<UnixMillis> {
        self.resets_at.filter(|_| self.remaining == Some(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(width: u64, height: u64, seconds: Option<u64>) -> StockItem {
        let (width, height) = (Some(width), Some(height));
        StockItem { duration_seconds: seconds, height, width, ..StockItem::default() }
    }

    #[test]
    fn bounds_are_inclusive_and_want_a_measure() {
        let bounds = Bounds { min_width: Some(100), max_width: Some(200), ..Bounds::default() };
        for (width, holds) in [(99, false), (100, true), (200, true), (201, false)] {
            assert_eq!(bounds.hold(&item(width, 1, None)), holds, "{width}");
        }
        let long = Bounds { min_duration: Some(5), ..Bounds::default() };
        assert!(long.hold(&item(1, 1, Some(5))) && !long.hold(&item(1, 1, None)));
        assert!(Bounds::default().hold(&StockItem::default()));
        assert_eq!(bounds.names(), ["max_width", "min_width"]);
    }

    /// Keys of kept results are made of this: what says the same must look the same.
    #[test]
    fn a_search_is_written_in_one_way() {
        let call = StockCall {
            bounds: Bounds { min_width: Some(100), ..Bounds::default() },
            orientation: Some(Orientation::Square),
            page: 1,
            per_page: 10,
            query: "sea".to_owned(),
            ..StockCall::default()
        };
        assert_eq!(
            serde_json::to_string(&call).unwrap(),
            r#"{"min_width":100,"kind":"photos","orientation":"square","page":1,"per_page":10,"query":"sea"}"#
        );
    }

    #[test]
    fn only_what_is_used_up_is_worth_waiting_for() {
        let mut headers = HeaderMap::new();
        headers.insert("x-ratelimit-limit", "200".parse().unwrap());
        headers.insert("x-ratelimit-remaining", "1".parse().unwrap());
        headers.insert("x-ratelimit-reset", "1795608060".parse().unwrap());
        let at = |seconds: i64| UnixMillis(seconds * 1_000);
        let rates = Rates::read(&headers, at);
        assert_eq!((rates.limit, rates.remaining), (Some(200), Some(1)));
        assert_eq!(rates.used_up_until(), None);
        headers.insert("x-ratelimit-remaining", "0".parse().unwrap());
        let until = Rates::read(&headers, at).used_up_until();
        assert_eq!(until, Some(UnixMillis(1_795_608_060_000)));
        headers.insert("x-ratelimit-reset", "soon".parse().unwrap());
        assert_eq!(Rates::read(&headers, at).used_up_until(), None);
    }
}
