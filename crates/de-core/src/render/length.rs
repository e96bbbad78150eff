//! How long a film will be, as far as its edit says: what is billed if nobody learns what became of it.

use serde_json::{Map, Value};

use crate::receipt::Usage;

/// Whether an edit makes a picture.
#[must_use]
pub fn is_picture(edit: &Map<String, Value>) -> bool {
    let format = edit.get("output").and_then(|output| output.get("format"));
    matches!(format.and_then(Value::as_str), Some("jpg" | "png"))
}

/// What an edit uses when it is made: a picture, or so much film.
///
/// Clips that are as long as their source count for nothing here, as that is not known.
#[must_use]
pub fn usage(edit: &Map<String, Value>) -> Usage {
    let usage = Usage { requests: 1, ..Usage::default() };
    if is_picture(edit) {
        return Usage { images: 1, ..usage };
    }
    let tracks = edit.get("timeline").and_then(|timeline| timeline.get("tracks"));
    let tracks = tracks.and_then(Value::as_array).into_iter().flatten();
    let all = tracks.map(track_seconds).fold(0.0, f64::max);
    let range = edit.get("output").and_then(|output| output.get("range"));
    let part = |name: &str| range.and_then(|range| range.get(name)).and_then(Value::as_f64);
    let rest = (all - part("start").unwrap_or(0.0)).max(0.0);
    let seconds = part("length").map_or(rest, |length| length.min(rest));
    Usage { media_ms: millis(seconds), ..usage }
}

/// Whole milliseconds, begun ones counted; nothing for what is no length.
#[must_use]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
pub fn millis(seconds: f64) -> u64 {
    // Within a thousandth of a millisecond it is a whole one: 0.1 has no exact double.
    (seconds * 1_000.0 - 0.001).ceil().clamp(0.0, 1e12) as u64
}

fn track_seconds(track: &Value) -> f64 {
    let clips = track.get("clips").and_then(Value::as_array).into_iter().flatten();
    let mut ends_at = 0.0_f64;
    let mut last = 0.0_f64;
    for clip in clips {
        let number = |name: &str| clip.get(name).and_then(Value::as_f64);
        // `auto`: where the clip before it ends.
        let starts_at = number("start").unwrap_or(last);
        last = starts_at + number("length").unwrap_or(0.0);
        ends_at = ends_at.max(last);
    }
    ends_at
}
