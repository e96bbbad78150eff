//! What an answer rests on: pages that were searched, and works that were repeated.
//!
//! Follows <https://ai.google.dev/api/generate-content#GroundingMetadata> and
//! <https://ai.google.dev/api/generate-content#citationmetadata>.

use super::super::{Malformed, answer::Answer};
use crate::chat::{Citation, CitedPlace};

/// The sources of a candidate so far: indices count over all events of a stream.
#[derive(Debug, Default)]
pub(super) struct Sources {
    found: Vec<Source>,
    told: Vec<Citation>,
}

#[derive(Clone, Debug)]
struct Source {
    title: Option<String>,
    url: Option<String>,
}

impl Sources {
    /// Reads the citations that are new; `text` is what the candidate has said so far.
    pub(super) fn new_citations(
        &mut self,
        candidate: &Answer<'_>,
        text: &str,
    ) -> Result<Vec<Citation>, Malformed> {
        let mut citations = Vec::new();
        if let Some(grounding) = candidate.object("groundingMetadata")? {
            self.find(&grounding)?;
            for support in grounding.objects("groundingSupports")? {
                let span = match support.object("segment")? {
                    Some(segment) => span(&segment, text)?,
                    None => None,
                };
                let indices = support.value("groundingChunkIndices").and_then(|v| v.as_array());
                for index in indices.into_iter().flatten() {
                    let index = index.as_u64().and_then(|index| usize::try_from(index).ok());
                    let source = index.and_then(|index| self.found.get(index));
                    citations.extend(source.and_then(|source| source.cited(span)));
                }
            }
        }
        if let Some(repeated) = candidate.object("citationMetadata")? {
            // Named otherwise by the same vendor's other platform.
            for name in ["citationSources", "citations"] {
                for source in repeated.objects(name)? {
                    let span = span(&source, text)?;
                    citations.extend(Source::of(&source)?.cited(span));
                }
            }
        }
        citations.retain(|citation| !self.told.contains(citation));
        citations.dedup();
        self.told.extend(citations.iter().cloned());
        Ok(citations)
    }

    /// What was found and never told as a source of anything: where the vendor names no places at all.
    pub(super) fn uncited(&self) -> Vec<Citation> {
        if !self.told.is_empty() {
            return Vec::new();
        }
        self.found.iter().filter_map(|source| source.cited(None)).collect()
    }

    fn find(&mut self, grounding: &Answer<'_>) -> Result<(), Malformed> {
        for chunk in grounding.objects("groundingChunks")? {
            let place = match chunk.object("web")? {
                Some(web) => Some(web),
                None => chunk.object("retrievedContext")?,
            };
            // One that cannot be cited keeps its number.
            self.found.push(match place {
                Some(place) => Source::of(&place)?,
                None => Source { title: None, url: None },
            });
        }
        Ok(())
    }
}

impl Source {
    fn of(place: &Answer<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            title: place.string("title")?.map(str::to_owned),
            url: place.string("uri")?.filter(|url| !url.is_empty()).map(str::to_owned),
        })
    }

    fn cited(&self, span: Option<(u64, u64)>) -> Option<Citation> {
        let url = self.url.clone()?;
        let place = CitedPlace::Web { mark: None, url };
        Some(Citation { cited_text: None, place, span, title: self.title.clone() })
    }
}

/// Reads the place of a piece of the answer. The vendor counts bytes of the part that it stands in, which
/// need not be the whole text: where it says the words too, these decide.
fn span(segment: &Answer<'_>, text: &str) -> Result<Option<(u64, u64)>, Malformed> {
    let Some(end) = segment.count("endIndex") else { return Ok(None) };
    let start = segment.count("startIndex").unwrap_or(0);
    let (Ok(mut start), Ok(mut end)) = (usize::try_from(start), usize::try_from(end)) else {
        return Ok(None);
    };
    if let Some(words) = segment.string("text")?.filter(|words| !words.is_empty())
        && text.get(start..end) != Some(words)
        && let Some(found) = text.find(words)
    {
        (start, end) = (found, found.saturating_add(words.len()));
    }
    let characters = |bytes: usize| {
        let before = text.char_indices().take_while(|(at, _)| *at < bytes).count();
        u64::try_from(before).unwrap_or(u64::MAX)
    };
    Ok(Some((characters(start), characters(end))))
}
