//! What vendors of stock media have in common.

use url::form_urlencoded::Serializer;

use crate::{
    calls::stock::{Bounds, StockCall, StockFile, StockItem, StockKind, StockPage},
    model::OnUnsupported,
    protocols::{FieldIssue, Target, answer::Answer},
};

/// A query string in the order in which it is written.
pub(in crate::protocols) struct Query(Serializer<'static, String>);

impl Query {
    /// An empty one.
    pub(in crate::protocols) fn new() -> Self {
        Self(Serializer::new(String::new()))
    }

    /// Adds a pair.
    pub(in crate::protocols) fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.0.append_pair(name, &value.to_string());
        self
    }

    /// Adds a pair, if there is a value.
    pub(in crate::protocols) fn maybe(self, name: &str, value: Option<impl ToString>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// A path with the query behind it.
    pub(in crate::protocols) fn below(mut self, path: &str) -> String {
        format!("{path}?{}", self.0.finish())
    }
}

/// What a vendor has no word for, found out one by one.
pub(in crate::protocols) struct Lacking {
    issues: Vec<FieldIssue>,
    vendor: &'static str,
}

impl Lacking {
    pub(in crate::protocols) fn of(vendor: &'static str) -> Self {
        Self { issues: Vec::new(), vendor }
    }

    /// Notes `what` at `pointer` if it is asked for.
    pub(in crate::protocols) fn note(mut self, is_asked: bool, pointer: &str, what: &str) -> Self {
        if is_asked {
            let reason = format!("{} has no {what}", self.vendor);
            self.issues.push(FieldIssue { pointer: pointer.to_owned(), reason });
        }
        self
    }

    pub(in crate::protocols) fn issues(self) -> Vec<FieldIssue> {
        self.issues
    }
}

/// The issues that keep a call from being sent: what the vendor lacks counts only where the row refuses it.
pub(in crate::protocols) fn refusing(lacking: Vec<FieldIssue>, target: &Target) -> Vec<FieldIssue> {
    match target.on_unsupported {
        OnUnsupported::Drop | OnUnsupported::Warn => Vec::new(),
        OnUnsupported::Reject => lacking,
    }
}

/// Checks a word against those that a vendor knows; the issue names them.
pub(in crate::protocols) fn known<'a>(
    word: Option<&'a str>,
    words: &[&str],
    pointer: &str,
    issues: &mut Vec<FieldIssue>,
) -> Option<&'a str> {
    let word = word?;
    if words.contains(&word) {
        return Some(word);
    }
    let reason = format!("expected one of {}", words.join(", "));
    issues.push(FieldIssue { pointer: pointer.to_owned(), reason });
    None
}

/// Puts a page together: what has no file is left out, and what the vendor was not told of bounds is
/// applied here. Both are said.
pub(in crate::protocols) fn page(
    call: &StockCall,
    vendor: &str,
    total: u64,
    found: Vec<Option<StockItem>>,
    untold: &Bounds,
) -> StockPage {
    let kind = call.kind.as_str();
    let received = found.len();
    let with_files: Vec<StockItem> = found.into_iter().flatten().collect();
    let without = received - with_files.len();
    let mut notices = Vec::new();
    if without > 0 {
        notices
            .push(format!("{without} of the {kind} from {vendor} had no file and were left out"));
    }
    let names = untold.names();
    let before = with_files.len();
    let items: Vec<StockItem> = with_files.into_iter().filter(|item| untold.hold(item)).collect();
    if !names.is_empty() {
        notices.push(format!(
            "{vendor} cannot search {kind} by {}: {} of {before} on this page were left out, and the total \
             counts them",
            names.join(", "),
            before - items.len()
        ));
    }
    StockPage { items, notices, total }
}

/// `Photo by Ana on Pexels: https://www.pexels.com/photo/7/`.
pub(in crate::protocols) fn attribution(
    kind: StockKind,
    author: Option<&str>,
    vendor: &str,
    page_url: &str,
) -> String {
    let by = author.map(|name| format!(" by {name}")).unwrap_or_default();
    format!("{}{by} on {vendor}: {page_url}", kind.title())
}

/// A member that is an address of the web; whatever else it is, it is absent.
pub(in crate::protocols) fn web(answer: &Answer<'_>, name: &str) -> Option<String> {
    let is_web = |text: &&str| text.starts_with("https://") || text.starts_with("http://");
    answer.word(name).filter(is_web).map(str::to_owned)
}

/// A measure; absent if it is zero, null or no count, as vendors say it of files that they have not.
pub(in crate::protocols) fn measure(answer: &Answer<'_>, name: &str) -> Option<u64> {
    let value = answer.value(name)?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "not negative, rounded"
    )]
    let rounded =
        value.as_f64().filter(|number| *number >= 0.0).map(|number| number.round() as u64);
    // No file is as large, nor as wide, as what a browser cannot count.
    value.as_u64().or(rounded).filter(|number| (1..1 << 53).contains(number))
}

/// An id, which vendors write as a number or as a text.
pub(in crate::protocols) fn id(answer: &Answer<'_>) -> Option<String> {
    let value = answer.value("id")?;
    let text = value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    text.or_else(|| value.as_u64().map(|number| number.to_string()))
}

/// Whether a text can be an id of these vendors: a number, which leads nowhere else in a path.
pub(in crate::protocols) fn checked_id(id: &str) -> Result<&str, Vec<FieldIssue>> {
    if !id.is_empty() && id.len() <= 20 && id.bytes().all(|c| c.is_ascii_digit()) {
        return Ok(id);
    }
    let reason = "expected the number of an item, as a search tells it".to_owned();
    Err(vec![FieldIssue { pointer: "/id".to_owned(), reason }])
}

/// The widest first; those whose width is not known last, in the vendor's order.
pub(in crate::protocols) fn widest_first(files: &mut [StockFile]) {
    files
        .sort_by_key(|file| std::cmp::Reverse((file.width.unwrap_or(0), file.height.unwrap_or(0))));
}

/// How large a picture is that was fitted into a box, never enlarged.
pub(in crate::protocols) fn fitted(
    (width, height): (u64, u64),
    (most_wide, most_high): (u64, u64),
) -> (u64, u64) {
    if width <= most_wide && height <= most_high || width == 0 || height == 0 {
        return (width, height);
    }
    // The side that needs the stronger reduction sets the scale.
    let by_width = width.saturating_mul(most_high) >= height.saturating_mul(most_wide);
    let (above, below) = if by_width { (most_wide, width) } else { (most_high, height) };
    let scaled = |side: u64| (side.saturating_mul(above).saturating_add(below / 2) / below).max(1);
    (scaled(width), scaled(height))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_fitted_in_proportion() {
        for (of, into, expected) in [
            ((4_000, 3_000), (940, 650), (867, 650)),
            ((3_000, 4_000), (940, 650), (488, 650)),
            ((4_000, 1_000), (940, 650), (940, 235)),
            ((100, 50), (940, 650), (100, 50)),
            ((0, 7), (1, 1), (0, 7)),
        ] {
            assert_eq!(fitted(of, into), expected, "{of:?}");
        }
    }

    #[test]
    fn an_id_is_a_number_and_nothing_else() {
        assert!(checked_id("7").is_ok());
        for bad in ["", "7/../8", "-1", "7?x", "%37", "123456789012345678901", "７"] {
            assert!(checked_id(bad).is_err(), "{bad}");
        }
    }
}
