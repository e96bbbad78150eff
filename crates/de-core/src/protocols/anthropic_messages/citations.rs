//! Citations: what a piece of an answer's text rests on.
//!
//! Follows <https://platform.claude.com/docs/en/build-with-claude/citations>.

use serde_json::{Map, Value};

use super::super::{
    Malformed,
    answer::Answer,
    fields::{Fields, Issues},
};
use crate::chat::{Citation, CitedPlace, CitedUnit};

/// The `type` of a citation by unit, and the names of its first and last unit.
const UNITS: [(CitedUnit, &str, &str, &str); 3] = [
    (CitedUnit::Blocks, "content_block_location", "start_block_index", "end_block_index"),
    (CitedUnit::Characters, "char_location", "start_char_index", "end_char_index"),
    (CitedUnit::Pages, "page_location", "start_page_number", "end_page_number"),
];
const WEB: &str = "web_search_result_location";

/// Reads a citation of an answer; `None` if it is of a kind that we do not know.
pub(super) fn read(told: &Answer<'_>) -> Result<Option<Citation>, Malformed> {
    let kind = told.string("type")?.unwrap_or_default();
    let place = if kind == WEB {
        CitedPlace::Web {
            mark: told.string("encrypted_index")?.map(str::to_owned),
            url: told.string_or_empty("url")?,
        }
    } else {
        let Some((unit, _, from, to)) = UNITS.into_iter().find(|unit| unit.1 == kind) else {
            return Ok(None);
        };
        CitedPlace::Document {
            from: told.count(from).unwrap_or(0),
            index: told.count("document_index").unwrap_or(0),
            to: told.count(to).unwrap_or(0),
            unit,
        }
    };
    let title = if kind == WEB { "title" } else { "document_title" };
    Ok(Some(Citation {
        cited_text: told.string("cited_text")?.map(str::to_owned),
        place,
        span: None,
        title: told.string(title)?.map(str::to_owned),
    }))
}

/// Reads a citation that a caller sends back.
pub(super) fn sent_back(told: &Fields<'_>, issues: &mut Issues) -> Option<Citation> {
    let kind = told.string("type", issues)?;
    let place = if kind == WEB {
        let mark = told.string("encrypted_index", issues).map(str::to_owned);
        CitedPlace::Web { mark, url: told.string("url", issues)?.to_owned() }
    } else {
        let (unit, _, from, to) = UNITS.into_iter().find(|unit| unit.1 == kind)?;
        CitedPlace::Document {
            from: told.count(from, 0, issues)?,
            index: told.count("document_index", 0, issues)?,
            to: told.count(to, 0, issues)?,
            unit,
        }
    };
    let title = if kind == WEB { "title" } else { "document_title" };
    Some(Citation {
        cited_text: told.string("cited_text", issues).map(str::to_owned),
        place,
        span: None,
        title: told.string(title, issues).map(str::to_owned),
    })
}

/// Writes a citation.
pub(super) fn write(citation: &Citation) -> Value {
    let mut told = Map::new();
    let mut set = |name: &str, value: Value| {
        told.insert(name.to_owned(), value);
    };
    let cited = citation.cited_text.as_deref().unwrap_or_default();
    match &citation.place {
        CitedPlace::Document { from, index, to, unit } => {
            if let Some((_, kind, first, last)) = UNITS.into_iter().find(|known| known.0 == *unit) {
                set("type", kind.into());
                set("cited_text", cited.into());
                set("document_index", (*index).into());
                set("document_title", citation.title.clone().into());
                set(first, (*from).into());
                set(last, (*to).into());
            }
        }
        CitedPlace::Web { mark, url } => {
            set("type", WEB.into());
            set("cited_text", cited.into());
            set("encrypted_index", mark.as_deref().unwrap_or_default().into());
            set("title", citation.title.clone().into());
            set("url", url.as_str().into());
        }
    }
    Value::Object(told)
}

/// Whether the vendor takes it back: a page without the vendor's mark is none of its own.
pub(super) fn is_own(citation: &Citation) -> bool {
    match &citation.place {
        CitedPlace::Document { .. } => true,
        CitedPlace::Web { mark, url: _ } => mark.as_ref().is_some_and(|mark| !mark.is_empty()),
    }
}
