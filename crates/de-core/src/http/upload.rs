//! Bodies as forms with files (`multipart/form-data`, RFC 7578): capped while they come, so that no isolate
//! fills up with what is refused in the end.
//!
//! What a file is, its sender does not decide: whoever takes it looks at its bytes.

mod paced;

use axum::extract::Request;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, header};
use multer::{Constraints, Field, Multipart, SizeLimit};
use sha2::{Digest, Sha256};

use self::paced::{Idle, Paced};
use super::error::{ApiError, Code};
use crate::protocols::FieldIssue;

/// The longest text of one field, in bytes.
const TEXT_CAP: usize = 256 * 1024;
/// All texts of a form together, in bytes.
const TEXTS_CAP: usize = 2 * 1024 * 1024;
/// How many parts a form may have.
const PARTS: usize = 100;
/// How much may come, in bytes, of which nothing is a part's content: what stands before the first part, and the
/// heads of parts, which the parser holds until they end.
const IDLE_CAP: usize = 1024 * 1024;

/// How much of a form is taken. An isolate has 128 MiB for all it does, and what it takes in, it copies
/// once more to send it on.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The field that brings the files, as an answer names it: `/file`.
    pub field: &'static str,
    /// One file, in bytes.
    pub file: usize,
    /// All files together, in bytes.
    pub files: usize,
}

impl Limits {
    /// The largest body: the files, the texts, and what stands around them. An edge hands one over whole whose
    /// length it knows, so one that announces more is not even read.
    fn body(&self) -> u64 {
        let most = self.files.saturating_add(TEXTS_CAP).saturating_add(IDLE_CAP);
        u64::try_from(most).unwrap_or(u64::MAX)
    }

    fn too_large(&self) -> ApiError {
        too_large("the body", self.body()).with("field", self.field)
    }
}

/// The body of a route that takes files: read, and perhaps no form.
///
/// As [`Body`](super::extract::Body), it never refuses by itself: a call that comes with a key has a
/// receipt, also if its body is bad.
pub struct Upload {
    form: Result<Form, ApiError>,
    size_bytes: usize,
}

/// A form: its texts and its files, in the caller's order.
#[derive(Clone, Debug, Default)]
pub struct Form {
    files: Vec<Part>,
    texts: Vec<(String, String)>,
}

/// A file of a form.
#[derive(Clone, Debug)]
pub struct Part {
    /// Its bytes.
    pub bytes: Bytes,
    /// What its sender says that it is. Not to be trusted.
    pub claimed_type: Option<String>,
    /// As its sender calls it. Not to be trusted.
    pub file_name: Option<String>,
    /// The field: `file`, `image[]`.
    pub name: String,
}

impl Upload {
    /// Whether the request's content type says that its body is such a form.
    #[must_use]
    pub fn is_announced(headers: &HeaderMap) -> bool {
        essence(headers) == "multipart/form-data"
    }

    /// Reads a body to its end, or to where it is too much.
    pub async fn read(request: Request, limits: Limits) -> Self {
        let mut size_bytes = 0;
        let form = read(request, limits, &mut size_bytes).await;
        Self { form, size_bytes }
    }

    /// The form.
    ///
    /// # Errors
    /// `UNSUPPORTED_MEDIA_TYPE`, `BODY_TOO_LARGE` with `limit_bytes`, `INVALID_REQUEST` if it is no form.
    pub fn into_form(self) -> Result<Form, ApiError> {
        self.form
    }

    /// What was taken of its texts and files, in bytes.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        self.size_bytes
    }
}

impl Form {
    /// A form of these texts and files.
    #[must_use]
    pub fn of(texts: Vec<(String, String)>, files: Vec<Part>) -> Self {
        Self { files, texts }
    }

    /// The names of the files that nobody has taken, in order.
    pub fn file_names(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|part| part.name.as_str())
    }

    /// The texts that nobody has taken, in order.
    #[must_use]
    pub fn into_texts(self) -> Vec<(String, String)> {
        self.texts
    }

    /// The files of a field, taken out: `["image", "image[]"]` for one that may be a list.
    pub fn take_files(&mut self, names: &[&str]) -> Vec<Part> {
        let (taken, left) = std::mem::take(&mut self.files)
            .into_iter()
            .partition(|part| names.contains(&part.name.as_str()));
        self.files = left;
        taken
    }

    /// The texts of a field, taken out.
    pub fn take_texts(&mut self, names: &[&str]) -> Vec<String> {
        let (taken, left): (Vec<_>, Vec<_>) = std::mem::take(&mut self.texts)
            .into_iter()
            .partition(|(name, _)| names.contains(&name.as_str()));
        self.texts = left;
        taken.into_iter().map(|(_, text)| text).collect()
    }

    /// The text of a field that stands once at most; an empty one counts as absent. A second one is an
    /// issue.
    pub fn take_text(&mut self, name: &str, issues: &mut Vec<FieldIssue>) -> Option<String> {
        let mut texts = self.take_texts(&[name]);
        if texts.len() > 1 {
            let reason = "stands more than once".to_owned();
            issues.push(FieldIssue { pointer: format!("/{name}"), reason });
        }
        texts.pop().filter(|text| !text.is_empty())
    }

    /// What is said in it, whatever the line that tells its parts apart: SHA-256.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let mut sum = Sha256::new();
        let mut part = |bytes: &[u8]| {
            // With its length before it, no part can pass for the end of another.
            sum.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
            sum.update(bytes);
        };
        for (name, text) in &self.texts {
            part(name.as_bytes());
            part(text.as_bytes());
        }
        // Where the files begin.
        part(&[u8::MAX]);
        for file in &self.files {
            part(file.name.as_bytes());
            part(&file.bytes);
        }
        sum.finalize().into()
    }

    /// The names of what nobody has taken, each once.
    #[must_use]
    pub fn left(&self) -> Vec<&str> {
        let files = self.files.iter().map(|part| part.name.as_str());
        let mut names: Vec<&str> =
            self.texts.iter().map(|(name, _)| name.as_str()).chain(files).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

async fn read(request: Request, limits: Limits, taken: &mut usize) -> Result<Form, ApiError> {
    let (head, body) = request.into_parts();
    if !Upload::is_announced(&head.headers) {
        let message =
            format!("the content type is {:?}; send multipart/form-data", essence(&head.headers));
        return Err(ApiError::new(Code::UnsupportedMediaType, message));
    }
    let announced = head.headers.get(header::CONTENT_LENGTH).and_then(|n| n.to_str().ok());
    if announced.and_then(|n| n.parse::<u64>().ok()).is_some_and(|n| n > limits.body()) {
        return Err(limits.too_large());
    }
    let boundary = head.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let boundary = multer::parse_boundary(boundary.unwrap_or_default()).map_err(|err| {
        let message = "the content type names no boundary";
        ApiError::new(Code::InvalidRequest, message).because(err.to_string())
    })?;
    let most = SizeLimit::new().whole_stream(limits.body());
    let constraints = Constraints::new().size_limit(most);
    let idle = Idle::default();
    let body = Paced::new(body.into_data_stream(), idle.clone());
    let mut parts = Multipart::with_constraints(body, boundary, constraints);
    let mut form = Form::default();
    let (mut held, mut said) = (0, 0);
    let mut number = 0;
    while let Some(field) = parts.next_field().await.map_err(|err| broken(&err, &idle, limits))? {
        idle.over();
        number += 1;
        if number > PARTS {
            let message = format!("the form has more than {PARTS} parts");
            return Err(ApiError::new(Code::InvalidRequest, message));
        }
        let Some(name) = field.name().filter(|name| name.len() <= 100).map(str::to_owned) else {
            let message = format!("part {number} of the form has no name, or one too long");
            return Err(ApiError::new(Code::InvalidRequest, message));
        };
        let file_name = field.file_name().map(str::to_owned);
        let claimed_type = field.content_type().map(|kind| kind.essence_str().to_owned());
        // A part with a file name is a file; so is one of a type that no text has.
        let is_text = claimed_type.as_deref().is_none_or(|kind| kind.starts_with("text/"));
        if file_name.is_none() && is_text {
            let cap = TEXT_CAP.min(TEXTS_CAP.saturating_sub(said));
            let bytes = whole(field, &name, cap, taken, &idle, limits).await?;
            said += bytes.len();
            let text = String::from_utf8(bytes.into()).map_err(|_| {
                let reason = "is not UTF-8".to_owned();
                ApiError::fields(&[FieldIssue { pointer: format!("/{name}"), reason }])
            })?;
            form.texts.push((name, text));
            continue;
        }
        let most = limits.file.min(limits.files.saturating_sub(held));
        let bytes = whole(field, &name, most, taken, &idle, limits).await?;
        held += bytes.len();
        form.files.push(Part { bytes, claimed_type, file_name, name });
    }
    Ok(form)
}

/// All of a part, unless it is longer than `cap`.
async fn whole(
    mut field: Field<'_>,
    name: &str,
    cap: usize,
    taken: &mut usize,
    idle: &Idle,
    limits: Limits,
) -> Result<Bytes, ApiError> {
    let mut all = BytesMut::new();
    while let Some(chunk) = field.chunk().await.map_err(|err| broken(&err, idle, limits))? {
        idle.over();
        *taken += chunk.len();
        if all.len() + chunk.len() > cap {
            return Err(too_large(name, cap).with("field", format!("/{name}")));
        }
        all.extend_from_slice(&chunk);
    }
    Ok(all.freeze())
}

fn too_large(what: &str, cap: impl TryInto<u64>) -> ApiError {
    let cap: u64 = cap.try_into().unwrap_or(u64::MAX);
    let message = format!("{what} is larger than {cap} bytes");
    ApiError::new(Code::BodyTooLarge, message).with("limit_bytes", cap)
}

fn broken(err: &multer::Error, idle: &Idle, limits: Limits) -> ApiError {
    if idle.is_too_long() {
        let message = format!(
            "the form has more than {IDLE_CAP} bytes before its first part, or in the head of a part"
        );
        return ApiError::new(Code::InvalidRequest, message);
    }
    if matches!(err, multer::Error::StreamSizeExceeded { .. }) {
        return limits.too_large();
    }
    let message = "the body is no whole multipart form";
    ApiError::new(Code::InvalidRequest, message).because(err.to_string())
}

fn essence(headers: &HeaderMap) -> String {
    let given = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let given = given.unwrap_or_default();
    given.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use futures_util::StreamExt as _;
    use http::header::CONTENT_TYPE;

    use super::*;

    const LIMITS: Limits = Limits { field: "/file", file: 10, files: 15 };

    fn request(content_type: &str, body: &str) -> Request {
        // Small pieces, as a network might cut them.
        let pieces: Vec<Result<Bytes, std::io::Error>> =
            body.as_bytes().chunks(7).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        let body = Body::from_stream(futures_util::stream::iter(pieces));
        Request::builder().header(CONTENT_TYPE, content_type).body(body).unwrap()
    }

    fn form(parts: &[(&str, &str)]) -> Request {
        let mut body = String::new();
        for (head, content) in parts {
            body += &format!("--b\r\nContent-Disposition: form-data; {head}\r\n\r\n{content}\r\n");
        }
        request("multipart/form-data; boundary=b", &(body + "--b--\r\n"))
    }

    #[tokio::test]
    async fn texts_and_files_come_out_by_name() {
        let request = form(&[
            (r#"name="model""#, "whisper-1"),
            (r#"name="file"; filename="a.mp3""#, "ID3abc"),
            (r#"name="include[]""#, "logprobs"),
            (r#"name="language""#, ""),
        ]);
        let upload = Upload::read(request, LIMITS).await;
        assert_eq!(upload.size_bytes(), 23);
        let mut form = upload.into_form().unwrap();
        assert_eq!(form.left(), ["file", "include[]", "language", "model"]);
        let mut issues = Vec::new();
        assert_eq!(form.take_text("model", &mut issues).as_deref(), Some("whisper-1"));
        assert_eq!(form.take_text("language", &mut issues), None);
        let files = form.take_files(&["file"]);
        assert_eq!(files[0].bytes, "ID3abc");
        assert_eq!(files[0].file_name.as_deref(), Some("a.mp3"));
        assert_eq!(form.left(), ["include[]"]);
        assert!(issues.is_empty());
    }

    #[tokio::test]
    async fn a_field_that_stands_twice_is_an_issue() {
        let request = form(&[(r#"name="model""#, "a"), (r#"name="model""#, "b")]);
        let mut form = Upload::read(request, LIMITS).await.into_form().unwrap();
        let mut issues = Vec::new();
        form.take_text("model", &mut issues);
        assert_eq!(issues[0].pointer, "/model");
    }

    #[tokio::test]
    async fn what_is_too_large_is_not_read_to_its_end() {
        let file = r#"name="file"; filename="a""#;
        for (parts, limit) in
            [(vec![(file, "12345678901")], 10), (vec![(file, "1234567890"), (file, "123456")], 5)]
        {
            let refused = Upload::read(form(&parts), LIMITS).await.into_form().unwrap_err();
            assert_eq!(refused.code(), Code::BodyTooLarge);
            assert_eq!(refused.details()["limit_bytes"], limit);
        }
        let long = "x".repeat(TEXT_CAP + 1);
        let refused = Upload::read(form(&[(r#"name="prompt""#, &long)]), LIMITS).await;
        assert_eq!(refused.into_form().unwrap_err().code(), Code::BodyTooLarge);
        let full = "x".repeat(TEXT_CAP);
        let texts = vec![(r#"name="a""#, full.as_str()); TEXTS_CAP / TEXT_CAP];
        Upload::read(form(&texts), LIMITS).await.into_form().unwrap();
        let texts: Vec<_> = texts.into_iter().chain([(r#"name="b""#, "x")]).collect();
        let refused = Upload::read(form(&texts), LIMITS).await.into_form().unwrap_err();
        assert_eq!(
            (refused.code(), &refused.details()["field"]),
            (Code::BodyTooLarge, &"/b".into())
        );
        let many = vec![(r#"name="a""#, ""); PARTS + 1];
        let refused = Upload::read(form(&many), LIMITS).await.into_form().unwrap_err();
        assert_eq!(refused.code(), Code::InvalidRequest);
    }

    /// A body of known length is handed over whole: reading its first byte takes all of it.
    #[tokio::test]
    async fn of_what_announces_too_much_not_a_byte_is_read() {
        let announced = |length: u64| {
            let unread = futures_util::stream::poll_fn(|_| -> std::task::Poll<Option<_>> {
                panic!("it was read")
            });
            let body = Body::from_stream(unread.map(|()| Ok::<_, std::io::Error>(Bytes::new())));
            let kind = "multipart/form-data; boundary=b";
            let request = Request::builder().header(CONTENT_TYPE, kind);
            request.header(header::CONTENT_LENGTH, length).body(body).unwrap()
        };
        let most = LIMITS.body();
        assert!(most < 4 * 1024 * 1024, "{most}");
        for length in [most + 1, 100 * 1024 * 1024, u64::MAX] {
            let refused = Upload::read(announced(length), LIMITS).await.into_form().unwrap_err();
            assert_eq!(refused.code(), Code::BodyTooLarge);
            assert_eq!(refused.details()["limit_bytes"], most);
            assert_eq!(refused.details()["field"], "/file");
        }
        let mut small = form(&[(r#"name="file"; filename="a""#, "12345")]);
        small.headers_mut().insert(header::CONTENT_LENGTH, most.into());
        Upload::read(small, LIMITS).await.into_form().unwrap();
    }

    #[tokio::test]
    async fn what_is_no_part_is_not_held_for_long() {
        let long = "x".repeat(2 * IDLE_CAP);
        let head = "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n";
        for (before, after) in [
            (String::new(), format!("\r\n{head}\r\nx\r\n--b--\r\n")),
            (head.to_owned() + "X-Long: ", "\r\n\r\nx\r\n--b--\r\n".to_owned()),
        ] {
            let body = Bytes::from(before + &long + &after);
            let pieces: Vec<usize> = vec![1_000, body.len()];
            for piece in pieces {
                let chunks: Vec<Result<Bytes, std::io::Error>> =
                    body.chunks(piece).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
                let body = Body::from_stream(futures_util::stream::iter(chunks));
                let kind = "multipart/form-data; boundary=b";
                let request = Request::builder().header(CONTENT_TYPE, kind).body(body).unwrap();
                let refused = Upload::read(request, LIMITS).await.into_form().unwrap_err();
                assert_eq!(refused.code(), Code::InvalidRequest);
                assert!(refused.message().contains("1048576 bytes"), "{}", refused.message());
            }
        }
    }

    #[tokio::test]
    async fn a_long_file_that_comes_at_once_is_taken() {
        let content = "x".repeat(3 * IDLE_CAP);
        let body = format!(
            "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n{content}\r\n--b--\r\n"
        );
        let request = Request::builder().header(CONTENT_TYPE, "multipart/form-data; boundary=b");
        let limits = Limits { field: "/file", file: content.len(), files: content.len() };
        let upload = Upload::read(request.body(Body::from(body)).unwrap(), limits).await;
        assert_eq!(upload.into_form().unwrap().take_files(&["file"])[0].bytes, content);
    }

    #[tokio::test]
    async fn what_is_no_form_is_refused() {
        let rows = [
            ("application/json", "{}", Code::UnsupportedMediaType),
            ("multipart/form-data", "--b--", Code::InvalidRequest),
            ("multipart/form-data; boundary=b", "", Code::InvalidRequest),
            (
                "multipart/form-data; boundary=b",
                "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx",
                Code::InvalidRequest,
            ),
            (
                "multipart/form-data; boundary=b",
                "--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--\r\n",
                Code::InvalidRequest,
            ),
        ];
        for (content_type, body, code) in rows {
            let refused = Upload::read(request(content_type, body), LIMITS).await.into_form();
            assert_eq!(refused.unwrap_err().code(), code, "{content_type} {body:?}");
        }
    }
}
