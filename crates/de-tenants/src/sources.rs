//! Where the vendors' keys come from that a file names: the environment, and lines on standard input.

use std::collections::BTreeMap;

use de_core::secret::Secret;

use crate::document::Source;

/// The longest key that the gateway takes.
const LONGEST: usize = 4_096;

/// The secrets that a run may use.
#[derive(Default)]
pub struct Sources {
    environment: BTreeMap<String, Secret>,
    lines: BTreeMap<String, Secret>,
}

impl Sources {
    /// From variables, and from the text of standard input: `NAME=secret` a line; blank lines and those that
    /// begin with `#` are passed over.
    ///
    /// # Errors
    /// The number of a line that is none of these. Its text is not repeated: it may be a secret.
    pub fn of(
        environment: impl IntoIterator<Item = (String, String)>,
        input: &str,
    ) -> Result<Self, String> {
        let mut lines = BTreeMap::new();
        for (index, line) in input.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (name, secret) = line.split_once('=').ok_or_else(|| {
                format!("standard input, line {}: expected NAME=secret", index + 1)
            })?;
            lines.insert(name.trim().to_owned(), Secret::new(secret.trim().to_owned()));
        }
        let environment =
            environment.into_iter().map(|(name, value)| (name, Secret::new(value))).collect();
        Ok(Self { environment, lines })
    }

    /// The secret of a source.
    ///
    /// # Errors
    /// What to do so that there is one.
    pub fn secret(&self, source: &Source) -> Result<&Secret, String> {
        let (found, name, where_to) = match source {
            Source::Environment(name) => {
                (self.environment.get(name), name, format!("set the variable {name}"))
            }
            Source::StandardInput(name) => {
                (self.lines.get(name), name, format!("give a line {name}=… on standard input"))
            }
        };
        let secret = found.filter(|secret| !secret.expose().is_empty());
        let secret = secret.ok_or_else(|| format!("has no key: {where_to}"))?;
        let text = secret.expose();
        if text.len() > LONGEST || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(format!("{name} is no key: expected 1 to {LONGEST} visible characters"));
        }
        Ok(secret)
    }
}

#[cfg(test)]
mod tests {
    use super::Sources;
    use crate::document::Source;

    fn looked_up(source: &Source) -> Result<String, String> {
        let environment =
            [("SET".to_owned(), "a".to_owned()), ("BAD".to_owned(), "a b".to_owned())];
        let input = "# keys\n\nLINE = b=c \nEMPTY=\n";
        let sources = Sources::of(environment, input).unwrap();
        sources.secret(source).map(|secret| secret.expose().to_owned())
    }

    #[test]
    fn a_key_comes_from_where_the_file_says_and_from_nowhere_else() {
        let environment = |name: &str| looked_up(&Source::Environment(name.to_owned()));
        let input = |name: &str| looked_up(&Source::StandardInput(name.to_owned()));
        assert_eq!(environment("SET").as_deref(), Ok("a"));
        assert_eq!(input("LINE").as_deref(), Ok("b=c"));
        assert_eq!(environment("LINE"), Err("has no key: set the variable LINE".to_owned()));
        for name in ["SET", "EMPTY"] {
            let expected = format!("has no key: give a line {name}=… on standard input");
            assert_eq!(input(name), Err(expected));
        }
        assert!(environment("BAD").unwrap_err().starts_with("BAD is no key"));
    }

    #[test]
    fn a_line_that_is_none_is_not_repeated() {
        let refusal = Sources::of([], "A=b\nsk-secret").err();
        assert_eq!(refusal.as_deref(), Some("standard input, line 2: expected NAME=secret"));
    }
}
