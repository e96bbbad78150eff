//! What calls of the protocols that are built in can be told beside the prompt: for whoever builds a form of it.
//!
//! A mapping declares its own. Vendors may take more than stands here, which is sent to them as it is.

use serde::Serialize;

use crate::{
    model::{ModelConfig, Protocol},
    protocols::{gemini, openai_images},
};

/// One option of a call.
#[derive(Clone, Copy, Debug, Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
pub struct CallOption {
    /// What it may be; absent: any text, or any number in its bounds.
    #[serde(rename = "enum", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_family = "wasm"), schema(rename = "enum", value_type = Option<Vec<String>>))]
    pub words: Option<&'static [&'static str]>,
    /// The largest number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<i32>,
    /// The smallest number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<i32>,
    /// Its name among `options`.
    pub name: &'static str,
    /// What it is for, where that is not plain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<&'static str>,
    /// What it is written as.
    #[serde(rename = "type")]
    pub kind: OptionKind,
}

/// What an option is written as.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum OptionKind {
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// A text.
    String,
}

impl CallOption {
    pub(in crate::protocols) const fn number(name: &'static str, min: i32, max: i32) -> Self {
        Self { max: Some(max), min: Some(min), kind: OptionKind::Number, ..Self::text(name, None) }
    }

    pub(in crate::protocols) const fn text(
        name: &'static str,
        description: Option<&'static str>,
    ) -> Self {
        Self { description, kind: OptionKind::String, max: None, min: None, name, words: None }
    }

    pub(in crate::protocols) const fn whole(
        name: &'static str,
        bounds: Option<(i32, i32)>,
    ) -> Self {
        let (min, max) = match bounds {
            Some((min, max)) => (Some(min), Some(max)),
            None => (None, None),
        };
        Self { kind: OptionKind::Integer, max, min, ..Self::text(name, None) }
    }

    pub(in crate::protocols) const fn word(
        name: &'static str,
        words: &'static [&'static str],
    ) -> Self {
        Self { words: Some(words), ..Self::text(name, None) }
    }
}

/// The options of a model's calls for pictures; `None` where its mapping says them, or where it makes none.
#[must_use]
pub fn of_pictures(config: &ModelConfig) -> Option<&'static [CallOption]> {
    if config.capabilities.image != Some(true) {
        return None;
    }
    match config.protocol {
        Protocol::Gemini => Some(gemini::PICTURE_OPTIONS),
        Protocol::OpenaiImages => Some(openai_images::PICTURE_OPTIONS),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::*;
    use crate::{
        calls::ImageCall,
        model::OnUnsupported,
        protocols::{
            FieldIssue, ImageVendor, gemini::GeminiVendor, openai_images::OpenAiImagesVendor,
            test_target,
        },
    };

    fn issues(vendor: &dyn ImageVendor, name: &str, value: Value) -> Vec<FieldIssue> {
        let options = Map::from_iter([(name.to_owned(), value)]);
        let mut call =
            ImageCall { n: 1, options, prompt: "A boat".to_owned(), ..ImageCall::default() };
        // How many there shall be is no option any more once a call is read.
        if let Some(count) = call.options.shift_remove("num_images") {
            call.n = count.as_u64().and_then(|count| u32::try_from(count).ok()).unwrap_or(0);
        }
        let target = test_target("gpt-image-1", OnUnsupported::Reject);
        vendor.request(&call, &target).err().unwrap_or_default()
    }

    #[test]
    fn what_is_told_is_what_is_taken() {
        let all: [(&dyn ImageVendor, &[CallOption]); 2] = [
            (&GeminiVendor, gemini::PICTURE_OPTIONS),
            (&OpenAiImagesVendor, openai_images::PICTURE_OPTIONS),
        ];
        for (vendor, options) in all {
            for option in options {
                let name = option.name;
                for word in option.words.unwrap_or_default() {
                    assert_eq!(issues(vendor, name, json!(word)), [], "{name}: {word}");
                }
                for bound in [option.min, option.max].into_iter().flatten() {
                    assert_eq!(issues(vendor, name, json!(bound)), [], "{name}: {bound}");
                }
                // And nothing beyond.
                if option.words.is_some() {
                    assert_ne!(issues(vendor, name, json!("nothing of that")), [], "{name}");
                }
                if let (Some(min), Some(max)) = (option.min, option.max) {
                    for bound in [min - 1, max + 1] {
                        assert_ne!(issues(vendor, name, json!(bound)), [], "{name}: {bound}");
                    }
                }
                if option.kind != OptionKind::String {
                    assert_ne!(issues(vendor, name, json!("x")), [], "{name}");
                }
            }
        }
    }
}
