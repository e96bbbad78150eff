//! About how many tokens the prompt of a call for text has, as far as we see it: for calls whose vendor names no
//! counts. `docs/cost-estimates.md` tells the rules.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;

use crate::{
    calls::embedding::EmbeddingInput,
    chat::{ChatCall, DocumentSource, Part, ResponseFormat, Source},
    estimate::Estimate,
    media::{Extent, measure, sniff},
};

/// What a chat template adds to a turn or a system text: the role and the marks around it. OpenAI's count:
/// <https://github.com/openai/openai-cookbook/blob/main/examples/How_to_count_tokens_with_tiktoken.ipynb>.
const TOKENS_A_MESSAGE: u64 = 4;
/// What begins the answer; same page.
const TOKENS_A_CALL: u64 = 3;
/// What stands around the declaration of a tool; same page, about.
const TOKENS_A_TOOL: u64 = 8;
/// What a picture has at least, and what each of its tiles adds: OpenAI's count for GPT-4o,
/// <https://platform.openai.com/docs/guides/images-vision>. Anthropic's, by pixels, is near it for pictures of some
/// 800 by 800 and up to twice as much for larger ones.
const TOKENS_A_PICTURE: u64 = 85;
const TOKENS_A_TILE: u64 = 170;
/// What a picture of unknown size is taken for, in pixels.
const USUAL_SIDE: u64 = 1_024;
/// Base64 that is read of a picture for its size; a multiple of 4.
const PICTURE_HEAD: usize = 16_384;

/// About how many tokens the prompt has: texts, tools, schemas, pictures. Documents and sounds are not seen here.
///
/// It is never over what `ceiling::input_tokens` allows for the body.
#[must_use]
pub fn tokens(call: &ChatCall) -> u64 {
    let mut sum = Sum::default();
    for block in &call.system {
        sum.fixed(TOKENS_A_MESSAGE);
        sum.text(&block.text);
    }
    for message in &call.messages {
        sum.fixed(TOKENS_A_MESSAGE);
        for part in &message.parts {
            sum.part(part);
        }
    }
    for tool in &call.tools {
        sum.fixed(TOKENS_A_TOOL);
        sum.text(&tool.name);
        sum.text(tool.description.as_deref().unwrap_or_default());
        sum.schema(&tool.parameters);
    }
    if let Some(ResponseFormat::JsonSchema { name, schema, .. }) = &call.response_format {
        sum.text(name);
        sum.schema(schema);
    }
    if sum.fixed > 0 {
        sum.fixed(TOKENS_A_CALL);
    }
    sum.fixed.saturating_add(sum.text.tokens())
}

/// About how many tokens the inputs of a call for vectors have: those that are token ids are counted.
#[must_use]
pub fn embedding_tokens(input: &EmbeddingInput) -> u64 {
    match input {
        EmbeddingInput::Texts(texts) => {
            let mut sum = Sum::default();
            for text in texts {
                sum.text(text);
            }
            sum.text.tokens()
        }
        EmbeddingInput::Tokens(lists) => {
            u64::try_from(lists.iter().map(Vec::len).sum::<usize>()).unwrap_or(u64::MAX)
        }
    }
}

#[derive(Default)]
struct Sum {
    /// Tokens that are no text.
    fixed: u64,
    text: Estimate,
}

impl Sum {
    fn fixed(&mut self, tokens: u64) {
        self.fixed = self.fixed.saturating_add(tokens);
    }

    fn part(&mut self, part: &Part) {
        match part {
            // Their length is known to those that read them.
            Part::Audio(_) | Part::CacheMark(_) | Part::Citation(_) | Part::Sealed(_) => {}
            Part::Document(document) => {
                self.text(document.name.as_deref().unwrap_or_default());
                self.text(document.context.as_deref().unwrap_or_default());
                if let DocumentSource::Text(text) = &document.source {
                    self.text(text);
                }
            }
            Part::Image(image) => self.fixed(picture(&image.source)),
            Part::Refusal(text) | Part::Text(text) | Part::Thinking { text, .. } => self.text(text),
            Part::ToolCall(call) => {
                self.text(&call.name);
                self.text(&call.arguments);
            }
            Part::ToolResult { content, .. } => {
                for part in content {
                    self.part(part);
                }
            }
        }
    }

    fn schema(&mut self, schema: &Value) {
        if !schema.is_null() {
            self.text(&schema.to_string());
        }
    }

    /// A text by itself.
    fn text(&mut self, text: &str) {
        self.text.push(text.as_bytes());
        self.text.part();
    }
}

fn picture(source: &Source) -> u64 {
    let known = match source {
        Source::Inline { base64, .. } => size(base64),
        Source::Url(_) => None,
    };
    let (width, height) = known.unwrap_or((USUAL_SIDE, USUAL_SIDE));
    let tiles = tiles(width, height);
    TOKENS_A_PICTURE.saturating_add(tiles.saturating_mul(TOKENS_A_TILE))
}

/// Tiles of 512 pixels that cover a picture, once it fits 2,048 by 2,048 and its shorter side is 768 at most.
fn tiles(width: u64, height: u64) -> u64 {
    let (long, short) = (width.max(height).max(1), width.min(height).max(1));
    let (long, short) = if long > 2_048 {
        (2_048, (short.saturating_mul(2_048) / long).max(1))
    } else {
        (long, short)
    };
    let (long, short) =
        if short > 768 { (long.saturating_mul(768) / short, 768) } else { (long, short) };
    long.div_ceil(512).saturating_mul(short.div_ceil(512))
}

/// Width and height of a picture in base64, if its first bytes tell them.
fn size(base64: &str) -> Option<(u64, u64)> {
    let head = base64.get(..PICTURE_HEAD).unwrap_or(base64);
    let bytes = STANDARD.decode(head).ok()?;
    let measures = measure(sniff(&bytes).ok()?, &Extent::whole(&bytes));
    Some((measures.width?.into(), measures.height?.into()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{STANDARD, picture, tiles, tokens};
    use crate::chat::{ChatCall, Message, Part, ResponseFormat, Role, Source, Tool, ToolCall};
    use base64::Engine;

    fn turn(parts: Vec<Part>) -> Message {
        Message { parts, role: Role::User }
    }

    /// A call with one turn.
    fn call(parts: Vec<Part>) -> ChatCall {
        ChatCall { messages: vec![turn(parts)], ..ChatCall::default() }
    }

    #[test]
    fn every_part_of_a_prompt_counts() {
        let text = || Part::Text("The cat sat on the mat.".to_owned());
        assert_eq!(tokens(&ChatCall::default()), 0);
        let plain = tokens(&call(vec![text()]));
        assert_eq!(plain, 7 + 4 + 3);
        let system = ChatCall { system: vec!["Be brief.".into()], ..call(vec![text()]) };
        assert_eq!(tokens(&system), plain + 3 + 4);
        let two = ChatCall {
            messages: vec![turn(vec![text()]), turn(vec![text()])],
            ..ChatCall::default()
        };
        assert_eq!(tokens(&two), 2 * 7 + 2 * 4 + 3);

        let image = Part::Image(Source::Url("https://example.org/a.png".to_owned()).into());
        assert_eq!(tokens(&call(vec![text(), image])), plain + 765);
        let asked = ToolCall {
            arguments: r#"{"city":"Oslo"}"#.to_owned(),
            id: "call_1".to_owned(),
            name: "weather".to_owned(),
            seal: None,
        };
        let more = tokens(&call(vec![text(), Part::ToolCall(asked)])) - plain;
        assert!((5..=10).contains(&more), "{more}");
        let result =
            Part::ToolResult { content: vec![text()], id: "call_1".to_owned(), is_error: false };
        assert_eq!(tokens(&call(vec![text(), result])), plain + 7);

        let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}});
        let tool = Tool {
            cache: None,
            description: Some("The cat sat on the mat.".to_owned()),
            name: "weather".to_owned(),
            parameters: schema.clone(),
            strict: None,
        };
        let with_tool = ChatCall { tools: vec![tool], ..call(vec![text()]) };
        let more = tokens(&with_tool) - plain;
        assert!((8 + 1 + 7 + 10..=8 + 1 + 7 + 20).contains(&more), "{more}");
        let format =
            ResponseFormat::JsonSchema { name: "weather".to_owned(), schema, strict: None };
        let with_format = ChatCall { response_format: Some(format), ..call(vec![text()]) };
        assert_eq!(tokens(&with_format), tokens(&with_tool) - 8 - 7);
    }

    #[test]
    fn a_picture_counts_by_its_tiles() {
        for (width, height, expected) in [
            (1, 1, 1),
            (512, 512, 1),
            (513, 100, 2),
            (1_024, 1_024, 4),
            (2_048, 4_096, 6),
            (768, 2_048, 8),
            (4_096, 512, 4),
            (u64::MAX, 1, 4),
            (u64::MAX, u64::MAX, 4),
            (0, 0, 1),
        ] {
            assert_eq!(tiles(width, height), expected, "{width} × {height}");
        }
    }

    #[test]
    fn the_size_of_a_picture_is_read_from_its_head() {
        // The signature and the first chunk of a PNG of 600 by 500.
        let mut png =
            b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\x02\x58\0\0\x01\xf4\x08\x02\0\0\0".to_vec();
        png.extend([0; 40_000]);
        let inline = |base64: String| Source::Inline {
            base64: base64.into(),
            media_type: "image/png".to_owned(),
        };
        assert_eq!(picture(&inline(STANDARD.encode(&png))), 85 + 2 * 170);
        for unknown in ["", "!", "é", "AAAA"] {
            assert_eq!(picture(&inline(unknown.to_owned())), 765, "{unknown:?}");
        }
        let cut_in_a_character = inline("é".repeat(10_000));
        assert_eq!(picture(&cut_in_a_character), 765);
    }
}
