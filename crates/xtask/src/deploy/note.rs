//! What a version's message says of it, so that the next deploy knows what is there already.

use std::fmt::{self, Display};

/// A version's message. The platform keeps its first 100 bytes; this has fewer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Note {
    /// A hash of code and config.
    pub(crate) content: String,
    /// The tag of the last migration of its objects; `-` for one without.
    pub(crate) objects: String,
    /// A hash of the seeds, and of the database that has had them; `-` for all but the front door.
    pub(crate) seeds: String,
}

/// How much of a hash stands in it.
const DIGITS: usize = 16;
/// Stands for nothing.
pub(crate) const NONE: &str = "-";

impl Note {
    pub(crate) fn new(content: &str, objects: Option<&str>, seeds: Option<&str>) -> Self {
        let short = |hash: &str| hash.chars().take(DIGITS).collect::<String>();
        Self {
            content: short(content),
            objects: objects.unwrap_or(NONE).to_owned(),
            seeds: seeds.map_or_else(|| NONE.to_owned(), short),
        }
    }

    /// Reads a message; `None` for one that was not written by [`Display`].
    pub(crate) fn parse(message: &str) -> Option<Self> {
        let mut words = message.split(' ');
        let mut next =
            |name: &str| words.next()?.strip_prefix(name)?.strip_prefix('=').map(str::to_owned);
        Some(Self { content: next("content")?, objects: next("objects")?, seeds: next("seeds")? })
    }
}

impl Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { content, objects, seeds } = self;
        write!(f, "content={content} objects={objects} seeds={seeds}")
    }
}

#[cfg(test)]
mod tests {
    use super::Note;

    #[test]
    fn a_note_is_read_again_and_fits() {
        let note = Note::new(&"a".repeat(64), Some("v12"), Some(&"b".repeat(64)));
        // What is deployed has been noted so: another form would make every worker look changed.
        assert_eq!(note.to_string(), "content=aaaaaaaaaaaaaaaa objects=v12 seeds=bbbbbbbbbbbbbbbb");
        assert!(note.to_string().len() < 100);
        assert_eq!(Note::parse(&note.to_string()), Some(note));
        let bare = Note::new("c", None, None);
        assert_eq!(Note::parse(&bare.to_string()), Some(bare));
        for other in ["", "Automatic deployment on upload.", "content=1 objects=2"] {
            assert_eq!(Note::parse(other), None, "{other}");
        }
    }
}
