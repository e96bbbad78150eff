//! The query of a request, decoded, and the checks that vendors of stock media make of it.

use axum::extract::Query;
use http::Uri;

use crate::endpoint::Incoming;

/// Names and values in the order in which they came.
pub(crate) struct Pairs(Vec<(String, String)>);

/// What is wrong with a query.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Wrong {
    /// The value is none of those that are allowed, or no number.
    Invalid { name: String },
    /// The number is outside of its bounds, or the text too long.
    OutOfRange { name: String },
    /// The name is unknown, or came twice.
    Unknown { name: String },
}

impl Pairs {
    /// Reads the query; one that cannot be decoded is empty.
    pub(crate) fn of(incoming: &Incoming<'_>) -> Self {
        Self::parse(incoming.query)
    }

    fn parse(query: &str) -> Self {
        let uri = format!("/?{query}").parse::<Uri>().ok();
        let pairs = uri.and_then(|uri| Query::<Vec<(String, String)>>::try_from_uri(&uri).ok());
        Self(pairs.map(|Query(pairs)| pairs).unwrap_or_default())
    }

    /// Refuses names that are not among these, and those that came twice.
    pub(crate) fn only(&self, known: &[&str]) -> Result<(), Wrong> {
        for (index, (name, _)) in self.0.iter().enumerate() {
            let again = self.0.iter().take(index).any(|(earlier, _)| earlier == name);
            if again || !known.contains(&name.as_str()) {
                return Err(Wrong::Unknown { name: name.clone() });
            }
        }
        Ok(())
    }

    /// The value of a name; an empty one is as good as none.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// One of these texts.
    pub(crate) fn choice<'a>(
        &'a self,
        name: &str,
        allowed: &[&str],
    ) -> Result<Option<&'a str>, Wrong> {
        match self.text(name) {
            Some(value) if !allowed.contains(&value) => {
                Err(Wrong::Invalid { name: name.to_owned() })
            }
            value => Ok(value),
        }
    }

    /// A whole number between two, both included.
    pub(crate) fn number(
        &self,
        name: &str,
        least: usize,
        most: usize,
    ) -> Result<Option<usize>, Wrong> {
        let Some(value) = self.text(name) else { return Ok(None) };
        match value.parse::<usize>() {
            Ok(number) if (least..=most).contains(&number) => Ok(Some(number)),
            Ok(_) => Err(Wrong::OutOfRange { name: name.to_owned() }),
            Err(_) => Err(Wrong::Invalid { name: name.to_owned() }),
        }
    }

    /// `true` or `false`; false if it is not there.
    pub(crate) fn flag(&self, name: &str) -> Result<bool, Wrong> {
        Ok(self.choice(name, &["true", "false"])? == Some("true"))
    }

    /// All pairs but this name's, to be written again: encoded, joined by `&`.
    pub(crate) fn without(&self, left_out: &str) -> String {
        let kept = self.0.iter().filter(|(name, _)| name != left_out);
        kept.map(|(name, value)| format!("{name}={}", encoded(value))).collect::<Vec<_>>().join("&")
    }
}

impl Wrong {
    /// The name that is meant.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Invalid { name } | Self::OutOfRange { name } | Self::Unknown { name } => name,
        }
    }
}

/// Encodes everything but letters, digits and `-._~`.
pub(crate) fn encoded(text: &str) -> String {
    let mut made = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            made.push(char::from(byte));
        } else {
            made.push_str(&format!("%{byte:02X}"));
        }
    }
    made
}

#[cfg(test)]
mod tests {
    use super::{Pairs, Wrong};

    #[test]
    fn a_query_is_decoded_and_checked() {
        let pairs = Pairs::parse("query=red+k%C3%BCte%26x&page=2&per_page=81&size=huge&page=3");
        assert_eq!(pairs.text("query"), Some("red küte&x"));
        assert_eq!(pairs.number("page", 1, 9), Ok(Some(2)));
        let name = || "per_page".to_owned();
        assert_eq!(pairs.number("per_page", 1, 80), Err(Wrong::OutOfRange { name: name() }));
        assert_eq!(
            pairs.choice("size", &["large"]),
            Err(Wrong::Invalid { name: "size".to_owned() })
        );
        let known = ["query", "page", "per_page", "size"];
        assert_eq!(pairs.only(&known), Err(Wrong::Unknown { name: "page".to_owned() }));
        assert_eq!(Pairs::parse("a=1&b=x y%20z").without("a"), "");
        assert_eq!(Pairs::parse("a=1&b=x+y").without("a"), "b=x%20y");
        assert_eq!(Pairs::parse("").only(&[]), Ok(()));
    }
}
