//! What vendors of sound answer, always the same.

use de_testkit::fetch::Answer;
use serde_json::json;
use url::Url;

/// The answer at an address; `None` if it is none of sound.
pub(super) fn answer(url: &Url) -> Option<Answer> {
    let path = url.path();
    if path.ends_with("/audio/speech") || path.contains("/v1/text-to-speech/") {
        // Frames of silence: MPEG audio, layer III, 128 kbit/s, 44.1 kHz.
        let mut frame = vec![0xff, 0xfb, 0x90, 0x00];
        frame.resize(417, 0);
        let sound = Answer::ok().header("content-type", "audio/mpeg");
        return Some(sound.header("character-cost", "44").chunk(frame.repeat(100)));
    }
    if path.ends_with("/audio/transcriptions") {
        let usage = json!({"type": "duration", "seconds": 1});
        return Some(Answer::json(200, &json!({"text": "Hello there.", "usage": usage})));
    }
    if !path.ends_with("/voices") {
        return None;
    }
    // <https://elevenlabs.io/docs/api-reference/voices/search>.
    let rachel = json!({"voice_id": "21m00Tcm4TlvDq8ikWAM", "name": "Rachel", "category": "premade",
        "labels": {"accent": "american", "gender": "female"}, "description": null,
        "preview_url": "https://storage.example.com/rachel.mp3"});
    let mut body = json!({"voices": [rachel]});
    if path.contains("/v2/") {
        body["has_more"] = json!(false);
        body["total_count"] = json!(1);
        body["next_page_token"] = json!(null);
    }
    Some(Answer::json(200, &body))
}
