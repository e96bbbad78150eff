//! Tables as RFC 4180 has them, safe to open with a spreadsheet.

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, header};
use serde_json::Value;

/// Lines, so far.
#[derive(Default)]
pub(crate) struct Csv(String);

impl Csv {
    /// Adds a line: numbers as they are, null as nothing, text as [`cell`].
    pub(crate) fn line(&mut self, values: impl IntoIterator<Item = Value>) {
        for (index, value) in values.into_iter().enumerate() {
            if index > 0 {
                self.0.push(',');
            }
            match value {
                Value::Null => {}
                Value::String(text) => self.0.push_str(&cell(&text)),
                other @ (Value::Bool(_) | Value::Number(_)) => self.0.push_str(&other.to_string()),
                other @ (Value::Array(_) | Value::Object(_)) => {
                    self.0.push_str(&cell(&other.to_string()))
                }
            }
        }
        self.0.push_str("\r\n");
    }

    /// The lines.
    pub(crate) fn into_text(self) -> String {
        self.0
    }

    /// All of it, as a file of this name.
    pub(crate) fn response(self, name: &str) -> Response {
        response(self.0.into(), name)
    }
}

/// A body of lines, as a file of this name.
pub(crate) fn response(body: Body, name: &str) -> Response {
    let mut response = body.into_response();
    let headers = response.headers_mut();
    let kind = HeaderValue::from_static("text/csv; charset=utf-8; header=present");
    headers.insert(header::CONTENT_TYPE, kind);
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    response
}

/// A text as a cell. One that a spreadsheet would take for a formula begins with an apostrophe
/// (<https://owasp.org/www-community/attacks/CSV_Injection>).
fn cell(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
    let text = if is_formula { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn cells_are_quoted_where_they_must_be_and_are_no_formulas() {
        for (text, expected) in [
            ("gpt-4o-mini", "gpt-4o-mini"),
            ("a,b", "\"a,b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("two\r\nlines", "\"two\r\nlines\""),
            ("=HYPERLINK(\"x\")", "\"'=HYPERLINK(\"\"x\"\")\""),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\tx", "'\tx"),
            ("", ""),
        ] {
            assert_eq!(cell(text), expected);
        }
        let mut csv = Csv::default();
        csv.line([json!("a"), json!(null), json!(-3), json!(true), json!([{"a": 1}])]);
        assert_eq!(csv.into_text(), "a,,-3,true,\"[{\"\"a\"\":1}]\"\r\n");
    }
}
