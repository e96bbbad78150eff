//! A polite vendor of stock media: Pexels, and where its files lie.

use de_testkit::fetch::Answer;
use serde_json::{Value, json};
use url::Url;

/// The head of a PNG of 1280 by 720.
const PNG: &[u8] =
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x05\x00\x00\x00\x02\xd0\x08\x02\x00\x00\x00\x00\x00\x00\x00";

/// The head of an MP4.
const MP4: &[u8] = b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2\x00\x00\x00\x08mdat";

/// What it answers; `None` where it is not asked. Follows <https://www.pexels.com/api/documentation/>.
pub(crate) fn answer(url: &Url) -> Option<Answer> {
    let path = url.path();
    let file = |bytes: &'static [u8]| Answer::ok().chunk(bytes);
    match url.host_str() {
        Some("api.pexels.com") => {}
        Some("images.pexels.com") => return Some(file(PNG)),
        Some("videos.pexels.com") => return Some(file(MP4)),
        Some(_) | None => return None,
    }
    let body = match path {
        "/v1/search" => {
            json!({"page": 1, "per_page": 1, "photos": [photo()], "total_results": 8_000})
        }
        "/v1/videos/search" => {
            json!({"page": 1, "per_page": 1, "videos": [video()], "total_results": 620})
        }
        _ if path.starts_with("/v1/photos/") => photo(),
        _ if path.starts_with("/v1/videos/videos/") => video(),
        _ => return None,
    };
    Some(Answer::json(200, &body))
}

fn photo() -> Value {
    let file = "https://images.pexels.com/photos/2014422/pexels-photo-2014422.jpeg";
    json!({
        "id": 2_014_422, "width": 3_024, "height": 3_024,
        "url": "https://www.pexels.com/photo/brown-rocks-during-golden-hour-2014422/",
        "photographer": "Ana Reis", "photographer_url": "https://www.pexels.com/@ana-reis",
        "photographer_id": 680_589, "avg_color": "#978E82",
        "src": {
            "original": file,
            "large": format!("{file}?auto=compress&cs=tinysrgb&h=650&w=940"),
            "medium": format!("{file}?auto=compress&cs=tinysrgb&h=350"),
        },
        "liked": false, "alt": "Brown rocks at a mountain lake",
    })
}

fn video() -> Value {
    json!({
        "id": 1_448_735, "width": 1_920, "height": 1_080,
        "url": "https://www.pexels.com/video/video-of-a-mountain-lake-1448735/",
        "image": "https://images.pexels.com/videos/1448735/free-video-1448735.jpg", "duration": 32,
        "user": {"id": 574_687, "name": "Bo Lind", "url": "https://www.pexels.com/@bo-lind"},
        "video_files": [{"id": 58_649, "quality": "hd", "file_type": "video/mp4", "width": 1_920,
            "height": 1_080, "fps": 25, "link": "https://videos.pexels.com/video-files/1448735.mp4"}],
        "video_pictures": [],
    })
}
