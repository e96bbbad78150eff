//! What turns are made of: texts, files, thoughts, calls of tools and what came of them.

use std::sync::Arc;

use super::CacheTtl;
use crate::model::Protocol;

/// One piece of a turn.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// A sound.
    Audio(Audio),
    /// The prompt up to here shall be cached.
    CacheMark(CacheTtl),
    /// What the text before it rests on.
    Citation(Citation),
    /// A document to read.
    Document(Document),
    /// A picture.
    Image(Image),
    /// The model declined, in its words.
    Refusal(String),
    /// A thought that only its vendor can read, or that vendor's seal on the text before it.
    Sealed(Seal),
    /// What the model thought, with the vendor's seal.
    Thinking {
        /// The vendor's signature, needed to send it back.
        seal: Option<Seal>,
        /// The thought.
        text: String,
    },
    /// Plain text.
    Text(String),
    /// The model asks for a tool.
    ToolCall(ToolCall),
    /// What the tool said.
    ToolResult {
        /// The result: texts, pictures and documents.
        content: Vec<Part>,
        /// The id of the call.
        id: String,
        /// Whether the tool failed.
        is_error: bool,
    },
}

/// The texts of parts, joined.
#[must_use]
pub fn text_of<'a>(parts: impl IntoIterator<Item = &'a Part>) -> String {
    let texts = parts.into_iter();
    texts
        .filter_map(|part| if let Part::Text(text) = part { Some(text.as_str()) } else { None })
        .collect()
}

/// Bytes in a prompt, or where they are.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// Bytes in base64 with their media type.
    Inline {
        /// Base64, standard alphabet. Shared: it may be most of a body, and calls are copied.
        base64: Arc<str>,
        /// `image/png`.
        media_type: String,
    },
    /// An address that the vendor fetches.
    Url(String),
}

/// A picture in a prompt.
#[derive(Clone, Debug, PartialEq)]
pub struct Image {
    /// How closely it is looked at: `low`, `high`, `auto`, `original`; OpenAI's own.
    pub detail: Option<String>,
    /// Its bytes.
    pub source: Source,
}

impl From<Source> for Image {
    fn from(source: Source) -> Self {
        Self { detail: None, source }
    }
}

/// A sound in a prompt.
#[derive(Clone, Debug, PartialEq)]
pub struct Audio {
    /// Base64, standard alphabet.
    pub base64: Arc<str>,
    /// `wav` or `mp3`.
    pub format: String,
}

/// A document in a prompt.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// What the model shall know of it and not cite; Anthropic's own.
    pub context: Option<String>,
    /// Whether answers shall cite it; Anthropic's own.
    pub is_cited: bool,
    /// Its title or the name of its file.
    pub name: Option<String>,
    /// What it says.
    pub source: DocumentSource,
}

impl Document {
    /// Its plain text, under its name, for vendors that take texts alone.
    #[must_use]
    pub fn as_text(&self, text: &str) -> String {
        let heads = [self.name.as_deref(), self.context.as_deref()];
        let heads: Vec<&str> =
            heads.into_iter().flatten().filter(|head| !head.is_empty()).collect();
        if heads.is_empty() { text.to_owned() } else { format!("{}\n\n{text}", heads.join("\n")) }
    }
}

/// What a document says, or where it is.
#[derive(Clone, Debug, PartialEq)]
pub enum DocumentSource {
    /// A file: mostly `application/pdf`.
    File(Source),
    /// Plain text.
    Text(String),
}

/// What a piece of an answer rests on.
#[derive(Clone, Debug, PartialEq)]
pub struct Citation {
    /// The words that are cited.
    pub cited_text: Option<String>,
    /// Where they stand.
    pub place: CitedPlace,
    /// The piece of the answer that rests on it, in characters of the answer's whole text, if told.
    pub span: Option<(u64, u64)>,
    /// The title of what is cited.
    pub title: Option<String>,
}

/// Where cited words stand.
#[derive(Clone, Debug, PartialEq)]
pub enum CitedPlace {
    /// In a document of the prompt.
    Document {
        /// The first unit.
        from: u64,
        /// Which document, from 0.
        index: u64,
        /// The unit after the last.
        to: u64,
        /// What is counted.
        unit: CitedUnit,
    },
    /// On a page.
    Web {
        /// The vendor's own mark, needed to send the citation back.
        mark: Option<String>,
        /// The page.
        url: String,
    },
}

/// What the place in a cited document counts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CitedUnit {
    /// Blocks of its content, from 0.
    Blocks,
    /// Characters, from 0.
    Characters,
    /// Pages, from 1.
    Pages,
}

/// Words that only the vendor that wrote them can read: signatures of thoughts, thoughts that were hidden.
///
/// They go back to no other vendor. In another protocol they carry the name of their maker, so that a
/// caller who keeps them can send them back through it.
#[derive(Clone, Debug, PartialEq)]
pub struct Seal {
    /// As the vendor wrote it.
    pub data: String,
    /// The protocol of the vendor that wrote it.
    pub maker: Protocol,
    /// The id of the provider that the vendor is; `None` where only the vendor's own words came, which do not
    /// tell.
    pub provider: Option<String>,
}

impl Seal {
    /// A seal as its vendor wrote it.
    #[must_use]
    pub fn of(maker: Protocol, data: String) -> Self {
        Self { data, maker, provider: None }
    }

    /// How it is told to a caller of the protocol `teller`, if a model of `provider` answered: as it is, or as
    /// [`Seal::marked`].
    #[must_use]
    pub fn told_in(&self, teller: Protocol, provider: &str) -> String {
        if self.maker == teller { self.data.clone() } else { self.marked(provider) }
    }

    /// With the name of its maker before it: `gemini@google:…`, or `gemini:…` where its provider is not known.
    #[must_use]
    pub fn marked(&self, provider: &str) -> String {
        let (maker, data) = (self.maker, &self.data);
        match self.provider.as_deref().unwrap_or(provider) {
            "" => format!("{maker}:{data}"),
            provider => format!("{maker}@{provider}:{data}"),
        }
    }

    /// Reads what [`marked`](Self::marked) wrote; `None` for what a vendor itself did.
    #[must_use]
    pub fn of_mark(text: &str) -> Option<Self> {
        let (mark, data) = text.split_once(':')?;
        let (maker, provider) = match mark.split_once('@') {
            Some((maker, provider)) => (maker, Some(provider.to_owned())),
            None => (mark, None),
        };
        Some(Self { data: data.to_owned(), maker: Protocol::parse(maker)?, provider })
    }

    /// Reads what [`told_in`](Self::told_in) wrote, or what that protocol's own vendor did.
    #[must_use]
    pub fn read_in(teller: Protocol, text: &str) -> Self {
        Self::of_mark(text).unwrap_or_else(|| Self::of(teller, text.to_owned()))
    }
}

/// A call that the model asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolCall {
    /// JSON text, as the model wrote it: it need not be valid.
    pub arguments: String,
    /// The vendor's id for it.
    pub id: String,
    /// The tool.
    pub name: String,
    /// The vendor's seal on it, needed to send it back; Gemini's own.
    pub seal: Option<Seal>,
}
