//! A form with one recording, as vendors take it.

use http::{HeaderMap, HeaderValue, Method, header};
use sha2::{Digest, Sha256};

use super::super::{Draft, FieldIssue, Place};
use crate::{
    auth::api_key::hex,
    calls::File,
    mapping::{
        encode::{Part, PartValue, RenderedBody},
        variables,
    },
};

/// How much of a recording its boundary is made of: all of 25 MiB would take long.
const SAMPLE: usize = 64 * 1024;

/// Fields, in order; the file comes last.
#[derive(Debug, Default)]
pub(in super::super) struct Fields(Vec<Part>);

impl Fields {
    /// Adds a text.
    pub(in super::super) fn text(&mut self, name: &str, text: impl Into<String>) {
        let value = PartValue::Text(text.into());
        self.0.push(Part { name: name.to_owned(), value });
    }

    /// Adds a text that may be absent.
    pub(in super::super) fn optional(&mut self, name: &str, text: Option<impl Into<String>>) {
        if let Some(text) = text {
            self.text(name, text);
        }
    }

    /// Writes the request.
    ///
    /// # Errors
    /// A recording that holds each boundary that was tried: nobody has one by chance.
    pub(in super::super) fn into_draft(
        mut self,
        path: &str,
        file: &File,
    ) -> Result<Draft, Vec<FieldIssue>> {
        let named = variables::File {
            content_type: file.content_type.clone(),
            data: file.bytes.clone(),
            filename: file.file_name.clone(),
        };
        self.0.push(Part { name: "file".to_owned(), value: PartValue::File(named) });
        let body = RenderedBody::Multipart(self.0);
        let sample = file.bytes.get(..SAMPLE).unwrap_or(&file.bytes);
        let boundaries = (0_u8..3).map(|salt| {
            let size = file.bytes.len().to_le_bytes();
            let digest = Sha256::new().chain_update([salt]).chain_update(size);
            hex(&digest.chain_update(sample).finalize())
        });
        let encoded = boundaries.into_iter().find_map(|boundary| body.encode(&boundary).ok());
        let unusable = || {
            let reason = "cannot be sent in a form".to_owned();
            vec![FieldIssue { pointer: "/file".to_owned(), reason }]
        };
        let encoded = encoded.flatten().ok_or_else(unusable)?;
        let content_type = HeaderValue::try_from(encoded.content_type).map_err(|_| unusable())?;
        Ok(Draft {
            body: encoded.bytes.into(),
            headers: HeaderMap::from_iter([(header::CONTENT_TYPE, content_type)]),
            dropped: Vec::new(),
            key_at: Vec::new(),
            method: Method::POST,
            place: Place::Path(path.to_owned()),
            polling: None,
            warns: false,
        })
    }
}
