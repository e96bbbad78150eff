//! The output in the vendor's words: what is left out, and the sizes that have names of ours.

use serde_json::{Map, Value, json};

use crate::protocols::FieldIssue;

/// Fills in what the caller left open, and translates what is written in our own words.
///
/// What is wrong with the output stays as it is: it is told with everything else.
pub(super) fn complete(edit: &mut Map<String, Value>, issues: &mut Vec<FieldIssue>) {
    let output = edit.entry("output").or_insert_with(|| Value::Object(Map::new()));
    let Some(output) = output.as_object_mut() else { return };
    output.retain(|_, value| !value.is_null());
    let format = output.entry("format").or_insert_with(|| "mp4".into());
    let (is_film, is_seen) = match format.as_str() {
        Some("mp4" | "gif") => (true, true),
        Some("mp3") => (false, false),
        _ => (false, true),
    };
    if output.contains_key("size") && output.contains_key("resolution") {
        let reason = "size and resolution exclude one another".to_owned();
        issues.push(FieldIssue { pointer: "/output/size".to_owned(), reason });
        return;
    }
    // A number is meant as its word.
    if let Some(number) = output.get("resolution").and_then(Value::as_u64) {
        output.insert("resolution".to_owned(), number.to_string().into());
    }
    match output.get("resolution").and_then(Value::as_str) {
        Some("720") => {
            output.insert("resolution".to_owned(), "hd".into());
        }
        Some("480") => {
            let ratio = output.get("aspectRatio").and_then(Value::as_str).unwrap_or("16:9");
            if let Some((width, height)) = of_480_lines(ratio) {
                output.remove("aspectRatio");
                output.remove("resolution");
                output.insert("size".to_owned(), json!({"width": width, "height": height}));
            }
        }
        Some(_) => {}
        None if is_seen && !output.contains_key("size") => {
            output.entry("resolution").or_insert_with(|| "hd".into());
        }
        None => {}
    }
    if is_film {
        output.entry("fps").or_insert_with(|| 25.into());
    }
}

/// The size whose shorter side is 480: both sides are even, as films want them.
fn of_480_lines(ratio: &str) -> Option<(u16, u16)> {
    match ratio {
        "16:9" => Some((854, 480)),
        "9:16" => Some((480, 854)),
        "1:1" => Some((480, 480)),
        "4:5" => Some((480, 600)),
        "4:3" => Some((640, 480)),
        _ => None,
    }
}
