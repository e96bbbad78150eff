//! Lists in pages: a cursor says after which row the next page begins.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Serialize;

/// How many rows a page has unless asked otherwise.
pub const USUAL: u32 = 50;
/// How many rows a page has at most.
pub const MOST: u32 = 200;

/// Which page is wanted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PageQuery {
    /// The sort key of the last row of the page before; `None` for the first page.
    pub after: Option<String>,
    /// How many rows, 1 to [`MOST`].
    pub limit: u32,
}

impl Default for PageQuery {
    fn default() -> Self {
        Self { after: None, limit: USUAL }
    }
}

/// Why a page cannot be asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum BadPage {
    /// Not a cursor that we gave out.
    #[error("the cursor is not one of ours")]
    Cursor,
    /// Not a number from 1 to [`MOST`].
    #[error("the limit must be a whole number from 1 to 200")]
    Limit,
}

impl PageQuery {
    /// Reads `?limit=` and `?cursor=`.
    ///
    /// # Errors
    /// [`BadPage`].
    pub fn parse(limit: Option<&str>, cursor: Option<&str>) -> Result<Self, BadPage> {
        let limit = match limit {
            None => USUAL,
            Some(text) => text.parse().map_err(|_| BadPage::Limit)?,
        };
        if !(1..=MOST).contains(&limit) {
            return Err(BadPage::Limit);
        }
        let after = cursor.map(|cursor| decode(cursor).ok_or(BadPage::Cursor)).transpose()?;
        Ok(Self { after, limit })
    }

    /// How many rows to read: one more than the page has, which tells whether there is a next one.
    pub(super) fn rows_to_read(&self) -> i64 {
        i64::from(self.limit) + 1
    }

    /// Makes the page of the rows read; `key` is a row's sort key.
    #[must_use]
    pub fn page<T>(&self, mut rows: Vec<T>, key: impl Fn(&T) -> &str) -> Page<T> {
        let limit = self.limit as usize;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let last = rows.last().filter(|_| more);
        Page { next_cursor: last.map(|row| URL_SAFE_NO_PAD.encode(key(row))), data: rows }
    }
}

/// One page of a list, as replies show it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Page<T> {
    /// The rows.
    pub data: Vec<T>,
    /// What `?cursor=` has to be for the next page; `null` after the last one.
    pub next_cursor: Option<String>,
}

fn decode(cursor: &str) -> Option<String> {
    String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cursor_of_a_page_leads_to_the_next() {
        let query = PageQuery::parse(Some("2"), None).unwrap();
        let page = query.page(vec!["a", "b", "c"], |row| row);
        assert_eq!(page.data, ["a", "b"]);
        let next = PageQuery::parse(Some("2"), page.next_cursor.as_deref()).unwrap();
        assert_eq!(next.after.as_deref(), Some("b"));
        assert_eq!(next.page(vec!["c"], |row| row).next_cursor, None);
    }

    #[test]
    fn what_is_no_page_is_refused() {
        for limit in ["0", "201", "-1", "x", ""] {
            assert_eq!(PageQuery::parse(Some(limit), None), Err(BadPage::Limit), "{limit}");
        }
        assert_eq!(PageQuery::parse(None, Some("%%")), Err(BadPage::Cursor));
    }
}
