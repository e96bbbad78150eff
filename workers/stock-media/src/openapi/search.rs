//! `POST /stock-media/search`, `…/photos` and `…/videos`, described.

use de_core::{
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
use crate::wire::Answered;

/// A search. Fields that are not here are refused by name; null counts as absent. So is by name what the vendor
/// has no word for, unless its row says to leave that out; then a notice says so.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes what `StockSearch::parse` reads")]
struct StockSearchRequest {
    /// Words or phrases that are looked for together.
    #[schema(min_items = 1, max_items = 20)]
    keywords: Vec<Keyword>,
    /// Which side is the longer one. Pixabay has no squares, and none for videos.
    orientation: Option<SearchOrientation>,
    /// How large it must be at least. Pixabay has none.
    size: Option<SearchSize>,
    /// The library or an alias of it; without one the provider's serves, and without that Pexels.
    #[schema(min_length = 1, pattern = "\\S")]
    model_id: Option<String>,
    /// Whose library: `pexels`, `pixabay`.
    #[schema(min_length = 1, pattern = "\\S")]
    provider: Option<String>,
    /// How the search is narrowed.
    options: Option<StockSearchOptions>,
    /// May repeat the instance of the key.
    instance_id: Option<InstanceId>,
    /// May repeat the project of the key.
    project_id: Option<ProjectId>,
}

/// A word or a phrase.
#[derive(ToSchema)]
#[schema(min_length = 1, max_length = 100, pattern = "\\S")]
#[expect(dead_code, reason = "describes what `StockSearch::parse` reads")]
struct Keyword(String);

/// Which side is the longer one.
#[derive(ToSchema)]
#[serde(rename_all = "lowercase")]
#[expect(dead_code, reason = "describes what `StockSearch::parse` reads")]
enum SearchOrientation {
    /// The width.
    Landscape,
    /// The height.
    Portrait,
    /// Neither.
    Square,
}

/// How large it must be at least.
#[derive(ToSchema)]
#[serde(rename_all = "lowercase")]
#[expect(dead_code, reason = "describes what `StockSearch::parse` reads")]
enum SearchSize {
    /// Photos of 24 megapixels, videos in 4K.
    Large,
    /// Photos of 12 megapixels, videos in Full HD.
    Medium,
    /// Photos of 4 megapixels, videos in HD.
    Small,
}

/// How a search is narrowed. Bounds that the vendor does not know are applied to its page: then a notice says so,
/// and the total counts what was left out.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes what `StockSearch::parse` reads")]
struct StockSearchOptions {
    /// Which page.
    #[schema(minimum = 1, maximum = 10_000, default = 1)]
    page: Option<u64>,
    /// How many items: 15 of one kind, 10 of both together, of which half are videos. At least 2 of both.
    #[schema(minimum = 1, maximum = 80)]
    per_page: Option<u64>,
    /// In pixels.
    #[schema(minimum = 0)]
    min_width: Option<u64>,
    /// In pixels.
    #[schema(minimum = 0)]
    max_width: Option<u64>,
    /// In pixels.
    #[schema(minimum = 0)]
    min_height: Option<u64>,
    /// In pixels.
    #[schema(minimum = 0)]
    max_height: Option<u64>,
    /// In seconds; of videos only.
    #[schema(minimum = 0)]
    min_duration: Option<u64>,
    /// In seconds; of videos only.
    #[schema(minimum = 0)]
    max_duration: Option<u64>,
    /// The prevailing colour, of photos only: a word of the vendor's; at Pexels also `#` and six hexadecimal
    /// digits.
    color: Option<String>,
    /// The language of the keywords: `de-DE`.
    locale: Option<String>,
    /// A subject in the vendor's word. Pexels has none.
    category: Option<String>,
    /// Only what the vendor's editors have chosen. Pexels has no such choice.
    editors_choice: Option<bool>,
    /// Only what is fit for all ages. Pexels has no such switch.
    safe_search: Option<bool>,
    /// What comes first. Pexels has no choice.
    order: Option<SearchOrder>,
    /// Of photos only. Pexels has no types.
    image_type: Option<SearchImageType>,
    /// Of videos only. Pexels has no types.
    video_type: Option<SearchVideoType>,
}

/// What comes first.
#[derive(ToSchema)]
#[serde(rename_all = "lowercase")]
#[expect(dead_code, reason = "describes what `StockSearch::parse` reads")]
enum SearchOrder {
    /// What is new.
    Latest,
    /// What many like.
    Popular,
}

/// Of what make an image is; photographs unless it is said.
#[derive(ToSchema)]
#[serde(rename_all = "lowercase")]
#[expect(dead_code, reason = "describes what `StockSearch::parse` reads")]
enum SearchImageType {
    /// Any.
    All,
    /// Drawings.
    Illustration,
    /// Photographs.
    Photo,
    /// Drawings of lines and shapes.
    Vector,
}

/// Of what make a video is.
#[derive(ToSchema)]
#[serde(rename_all = "lowercase")]
#[expect(dead_code, reason = "describes what `StockSearch::parse` reads")]
enum SearchVideoType {
    /// Any.
    All,
    /// Drawn or computed.
    Animation,
    /// Filmed.
    Film,
}

pub(super) fn operations() -> [Operation; 3] {
    let both = Operation::new(
        Method::POST,
        "/stock-media/search",
        "searchStockMedia",
        "Searches videos and photos",
    )
    .notes(
        "At the same time; they come in turn, videos first. If one kind cannot be searched, the other comes \
         with a notice. Results are kept for ten minutes.",
    );
    let photos = Operation::new(
        Method::POST,
        "/stock-media/search/photos",
        "searchStockPhotos",
        "Searches photos",
    );
    let videos = Operation::new(
        Method::POST,
        "/stock-media/search/videos",
        "searchStockVideos",
        "Searches videos",
    );
    let search = |operation: Operation, options: serde_json::Value| {
        let example = json!({
            "keywords": ["mountain lake"],
            "orientation": "landscape",
            "options": options,
        });
        asks(operation)
            .header("x-de-fallback")
            .header("x-de-on-unsupported")
            .fails(&[Code::AllProvidersFailed])
            .body(Shape::of::<StockSearchRequest>(), example)
            .answers(
                Answer::json(200, "What was found.", Shape::shown::<Answered>())
                    .of_call()
                    .left_out(),
            )
    };
    [
        search(both, json!({"per_page": 2})),
        search(photos, json!({"per_page": 1, "color": "blue"})),
        search(videos, json!({"per_page": 1, "min_duration": 5})),
    ]
}
