//! A rendered body as bytes: JSON, a form, or multipart.

use serde_json::Value;

use super::variables::File;

/// A body before it is bytes.
#[derive(Clone, Debug, PartialEq)]
pub enum RenderedBody {
    /// `application/x-www-form-urlencoded`, pairs in order.
    Form(Vec<(String, String)>),
    /// JSON.
    Json {
        /// `application/json`, or what the mapping says in its place.
        content_type: String,
        /// The value.
        value: Value,
    },
    /// `multipart/form-data`, parts in order.
    Multipart(Vec<Part>),
    /// No body.
    None,
}

/// One part of a multipart body.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// The field's name.
    pub name: String,
    /// What it holds.
    pub value: PartValue,
}

/// What a part holds.
#[derive(Clone, Debug, PartialEq)]
pub enum PartValue {
    /// A file, sent with its type and a file name.
    File(File),
    /// A text.
    Text(String),
}

/// A body as it is sent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EncodedBody {
    /// The value of `content-type`.
    pub content_type: String,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// Why a body cannot be written.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum EncodeError {
    /// The boundary is none, or stands in a part. Try again with another.
    #[error("the multipart boundary is not usable")]
    Boundary,
}

impl RenderedBody {
    /// Writes the body; `None` where there is none.
    ///
    /// `boundary` separates the parts of a multipart body: 1 to 70 letters and digits, random, so
    /// that no content can end its part. Other bodies ignore it.
    ///
    /// # Errors
    /// [`EncodeError::Boundary`]: try again with another one.
    pub fn encode(&self, boundary: &str) -> Result<Option<EncodedBody>, EncodeError> {
        Ok(Some(match self {
            Self::Form(pairs) => EncodedBody {
                content_type: "application/x-www-form-urlencoded".to_owned(),
                bytes: url::form_urlencoded::Serializer::new(String::new())
                    .extend_pairs(pairs)
                    .finish()
                    .into_bytes(),
            },
            Self::Json { content_type, value } => EncodedBody {
                content_type: content_type.clone(),
                bytes: value.to_string().into_bytes(),
            },
            Self::Multipart(parts) => EncodedBody {
                content_type: format!("multipart/form-data; boundary={boundary}"),
                bytes: multipart(parts, boundary)?,
            },
            Self::None => return Ok(None),
        }))
    }
}

/// More bytes than the head of a part usually has.
const HEAD: usize = 512;

/// Follows RFC 7578; names are escaped as browsers do (WHATWG HTML, multipart/form-data).
fn multipart(parts: &[Part], boundary: &str) -> Result<Vec<u8>, EncodeError> {
    let usable = (1..=70).contains(&boundary.len())
        && boundary.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !usable {
        return Err(EncodeError::Boundary);
    }
    let delimiter = format!("--{boundary}");
    // Files may be large: the body grows once.
    let size = |part: &Part| match &part.value {
        PartValue::File(file) => file.data.len(),
        PartValue::Text(text) => text.len(),
    };
    let heads = parts.len().saturating_add(1).saturating_mul(HEAD);
    let mut body = Vec::with_capacity(parts.iter().map(size).sum::<usize>().saturating_add(heads));
    for part in parts {
        let mut head = format!("{delimiter}\r\ncontent-disposition: form-data; name=\"");
        head.push_str(&escape(&part.name));
        head.push('"');
        let content: &[u8] = match &part.value {
            PartValue::Text(text) => text.as_bytes(),
            PartValue::File(file) => {
                let name = file.filename.as_deref().unwrap_or("file");
                let line = format!("; filename=\"{}\"\r\ncontent-type: ", escape(name));
                head.push_str(&line);
                head.push_str(&escape(&file.content_type));
                &file.data
            }
        };
        if contains(content, delimiter.as_bytes()) {
            return Err(EncodeError::Boundary);
        }
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(b"\r\n\r\n");
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(delimiter.as_bytes());
    body.extend_from_slice(b"--\r\n");
    Ok(body)
}

fn escape(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}

/// Finds by the first byte, which the compiler searches fast, then compares.
fn contains(content: &[u8], delimiter: &[u8]) -> bool {
    let mut rest = content;
    while let Some(position) = rest.iter().position(|byte| *byte == b'-') {
        let (_, from) = rest.split_at(position);
        if from.starts_with(delimiter) {
            return true;
        }
        rest = from.get(1..).unwrap_or_default();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_form_is_percent_encoded() {
        let body = RenderedBody::Form(vec![("a b".into(), "1&2".into()), ("c".into(), "é".into())]);
        let encoded = body.encode("").unwrap().unwrap();
        assert_eq!(encoded.bytes, b"a+b=1%262&c=%C3%A9");
    }

    #[test]
    fn parts_are_separated_and_their_names_escaped() {
        let file = File {
            content_type: "image/png".into(),
            data: vec![0, 255].into(),
            filename: Some("a\"\r\n.png".into()),
        };
        let body = RenderedBody::Multipart(vec![
            Part { name: "model".into(), value: PartValue::Text("m".into()) },
            Part { name: "image".into(), value: PartValue::File(file) },
        ]);
        let encoded = body.encode("b0").unwrap().unwrap();
        assert_eq!(encoded.content_type, "multipart/form-data; boundary=b0");
        let expected = b"--b0\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\nm\r\n\
            --b0\r\ncontent-disposition: form-data; name=\"image\"; \
            filename=\"a%22%0D%0A.png\"\r\ncontent-type: image/png\r\n\r\n\x00\xff\r\n--b0--\r\n";
        assert_eq!(encoded.bytes, expected);
    }

    #[test]
    fn a_boundary_that_stands_in_a_part_is_refused() {
        let part = Part { name: "a".into(), value: PartValue::Text("x--b0".into()) };
        let body = RenderedBody::Multipart(vec![part]);
        assert_eq!(body.encode("b0"), Err(EncodeError::Boundary));
        assert_eq!(body.encode("b\r\n"), Err(EncodeError::Boundary));
        assert!(body.encode("b1").is_ok());
    }

    #[test]
    fn json_keeps_its_order() {
        let value = json!({"b": 1, "a": 2});
        let body = RenderedBody::Json { content_type: "application/json".into(), value };
        assert_eq!(body.encode("").unwrap().unwrap().bytes, br#"{"b":1,"a":2}"#);
    }
}
