//! `.dev.vars`: keys of real vendors, for a stack that calls them.

use std::collections::BTreeMap;
use std::path::Path;

use crate::failure::Failure;
use crate::files;

/// The end of every name in the file; what stands before it is the provider's id in capitals.
const SUFFIX: &str = "_API_KEY";

/// Keys by provider id. Without `Debug`: they are worth money.
#[derive(Default)]
pub(crate) struct VendorKeys(BTreeMap<String, String>);

impl VendorKeys {
    /// Reads the file; none means no keys.
    ///
    /// # Errors
    /// `Content` with the line that is neither a comment nor `<PROVIDER>_API_KEY=value`.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        if !path.exists() {
            return Ok(Self::default());
        }
        Self::parse(&files::read(path)?)
            .map_err(|problem| Failure::Content { path: path.to_owned(), problem })
    }

    /// The key of a provider; none if the simulator plays it.
    pub(crate) fn of(&self, provider: &str) -> Option<&str> {
        self.0.get(provider).map(String::as_str)
    }

    /// The providers that have a key.
    pub(crate) fn providers(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut keys = BTreeMap::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let named = line.split_once('=').and_then(|(name, value)| {
                let provider = name.trim().strip_suffix(SUFFIX)?;
                Some((provider.to_lowercase().replace('_', "-"), value.trim().trim_matches('"')))
            });
            // The line itself may hold a key, so only its number is told.
            let Some((provider, key)) = named else {
                return Err(format!("line {}: expected is <PROVIDER>{SUFFIX}=<key>", index + 1));
            };
            if !key.is_empty() {
                keys.insert(provider, key.to_owned());
            }
        }
        Ok(Self(keys))
    }
}

#[cfg(test)]
mod tests {
    use super::VendorKeys;

    #[test]
    fn keys_are_found_by_provider_and_empty_ones_are_none() {
        let text = "# keys\n\nOPENAI_API_KEY=sk-1=2\nANTHROPIC_API_KEY=\nSTABLE_DIFFUSION_API_KEY = \"x\"\n";
        let keys = VendorKeys::parse(text).unwrap_or_default();
        assert_eq!(keys.of("openai"), Some("sk-1=2"));
        assert_eq!(keys.of("anthropic"), None);
        assert_eq!(keys.of("stable-diffusion"), Some("x"));
        assert_eq!(keys.providers().count(), 2);
    }

    #[test]
    fn a_line_that_is_no_key_is_named_by_number_only() {
        let refusal = VendorKeys::parse("# one\nSECRET=sk-secret").err();
        assert_eq!(refusal.as_deref(), Some("line 2: expected is <PROVIDER>_API_KEY=<key>"));
    }
}
