//! Forms with files: however their bytes come, the same form is read, and never more than is allowed.

use std::{convert::Infallible, sync::OnceLock};

use axum::body::Body;
use bytes::Bytes;
use de_core::http::{
    error::Code,
    upload::{Limits, Upload},
};
use futures_util::stream;
use http::{Request, header};
use tokio::runtime::{Builder, Runtime};

use super::pieces;

const LIMITS: Limits = Limits { field: "/file", file: 500, files: 700 };

pub(super) fn run(input: &[u8]) {
    let Some((whole, pieces)) = pieces(input) else { return };
    let (at_once, size) = read(vec![Bytes::copy_from_slice(whole)]);
    let (in_pieces, size_in_pieces) = read(pieces.map(Bytes::copy_from_slice).collect());
    // Of two faults the one is told that comes first, and that depends on the pieces.
    assert_eq!(at_once.ok(), in_pieces.ok(), "{at_once:?} {in_pieces:?}");
    assert!(size <= whole.len() && size_in_pieces <= whole.len());
    if at_once.is_ok() {
        assert_eq!(size, size_in_pieces);
    }
}

/// What was read: a digest of texts and files, or why not.
fn read(pieces: Vec<Bytes>) -> (Result<[u8; 32], Code>, usize) {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    let runtime = RUNTIME.get_or_init(|| Builder::new_current_thread().build().expect("a runtime"));
    let body = Body::from_stream(stream::iter(pieces.into_iter().map(Ok::<_, Infallible>)));
    let kind = "multipart/form-data; boundary=b";
    let request = Request::builder().header(header::CONTENT_TYPE, kind).body(body);
    let upload = runtime.block_on(Upload::read(request.expect("a request"), LIMITS));
    let size = upload.size_bytes();
    let form = match upload.into_form() {
        Ok(form) => form,
        Err(refusal) => return (Err(refusal.code()), size),
    };
    let digest = form.digest();
    let mut form = form;
    let names: Vec<String> = form.file_names().map(str::to_owned).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let files = form.take_files(&names);
    assert!(files.iter().all(|file| file.bytes.len() <= LIMITS.file && file.name.len() <= 100));
    assert!(files.iter().map(|file| file.bytes.len()).sum::<usize>() <= LIMITS.files);
    assert!(form.file_names().next().is_none());
    assert!(form.into_texts().iter().all(|(name, _)| name.len() <= 100));
    (Ok(digest), size)
}
