//! The caller's side: the form of `POST /v1/audio/transcriptions`.

use super::super::FieldIssue;
use crate::{
    calls::{File, TranscriptionCall},
    http::upload::{Form, Part},
    media::{self, MediaKind, MediaType},
};

/// The forms of an answer.
const FORMATS: [&str; 6] = ["json", "text", "srt", "verbose_json", "vtt", "diarized_json"];

/// The longest stem of a file's name, in characters.
const LONGEST_STEM: usize = 100;

/// A request, read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OpenAiTranscriptionCall {
    /// In the canonical form.
    pub call: TranscriptionCall,
    /// What the recording is, by its bytes; absent in a request with issues.
    pub media: Option<MediaType>,
    /// The model or alias.
    pub model: String,
}

impl OpenAiTranscriptionCall {
    /// Reads a form. Fields that we do not know are kept: they reach vendors that speak this protocol.
    ///
    /// # Errors
    /// Every issue found.
    pub fn parse(mut form: Form) -> Result<Self, Vec<FieldIssue>> {
        let mut issues = Vec::new();
        let note = |pointer: &str, reason: String, issues: &mut Vec<FieldIssue>| {
            issues.push(FieldIssue { pointer: pointer.to_owned(), reason });
        };
        let model = form.take_text("model", &mut issues);
        if model.is_none() {
            note("/model", "required".to_owned(), &mut issues);
        }
        let format = form.take_text("response_format", &mut issues);
        let format = format.unwrap_or_else(|| "json".to_owned());
        if !FORMATS.contains(&format.as_str()) {
            let reason = format!("expected one of {}", FORMATS.join(", "));
            note("/response_format", reason, &mut issues);
        }
        let temperature = form.take_text("temperature", &mut issues).and_then(|text| {
            let number = text.trim().parse().ok().filter(|n: &f64| (0.0..=1.0).contains(n));
            if number.is_none() {
                note("/temperature", "expected a number from 0 to 1".to_owned(), &mut issues);
            }
            number
        });
        let granularities =
            form.take_texts(&["timestamp_granularities[]", "timestamp_granularities"]);
        if granularities.iter().any(|word| !["segment", "word"].contains(&word.as_str())) {
            let reason = "expected word or segment".to_owned();
            note("/timestamp_granularities", reason, &mut issues);
        } else if !granularities.is_empty() && format != "verbose_json" {
            let reason = "needs response_format verbose_json".to_owned();
            note("/timestamp_granularities", reason, &mut issues);
        }
        if form.take_text("stream", &mut issues).is_some_and(|word| word != "false") {
            let reason = "this service answers transcriptions when they are done; leave it out";
            note("/stream", reason.to_owned(), &mut issues);
        }
        let language = form.take_text("language", &mut issues);
        let prompt = form.take_text("prompt", &mut issues);
        let (file, media) = match recording(&mut form) {
            Ok((file, media)) => (file, Some(media)),
            Err(reason) => {
                note("/file", reason, &mut issues);
                (File::default(), None)
            }
        };
        for name in form.file_names() {
            note(&format!("/{name}"), "takes no file".to_owned(), &mut issues);
        }
        if !issues.is_empty() {
            return Err(issues);
        }
        let call = TranscriptionCall {
            extra: form.into_texts(),
            file,
            format,
            language,
            prompt,
            temperature,
            timestamp_granularities: granularities,
        };
        Ok(Self { call, media, model: model.unwrap_or_default() })
    }
}

/// The one file, if its bytes are sound, or a film.
fn recording(form: &mut Form) -> Result<(File, MediaType), String> {
    let mut files = form.take_files(&["file"]);
    if files.len() > 1 {
        return Err("stands more than once".to_owned());
    }
    let part = files.pop().ok_or("required, as a file")?;
    let media = media::sniff(&part.bytes).map_err(|err| err.to_string())?;
    if media.kind() == MediaKind::Image {
        return Err(format!("is {media}, not a recording"));
    }
    let file_name = Some(name(&part, media));
    let content_type = media.content_type().to_owned();
    Ok((File { bytes: part.bytes, content_type, file_name, storage_key: None }, media))
}

/// The caller's name without its ending, and the ending that is true: vendors go by it.
fn name(part: &Part, media: MediaType) -> String {
    let given = part.file_name.as_deref().unwrap_or_default();
    let given = given.rsplit(['/', '\\']).next().unwrap_or_default();
    let stem = given.rsplit_once('.').map_or(given, |(stem, _)| stem);
    let stem: String = stem.chars().filter(|c| !c.is_control()).take(LONGEST_STEM).collect();
    let stem = if stem.trim_matches('.').is_empty() { "audio".to_owned() } else { stem };
    format!("{stem}.{}", media.extension())
}
