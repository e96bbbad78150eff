//! What the simulator received, and how each exchange ended.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::UNIX_EPOCH;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method};
use serde::Serialize;
use serde_json::{Map, Value, json};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::multipart::{self, Part};

/// How many requests are kept; the oldest go first.
const MOST_RECORDS: usize = 20_000;

/// A body above so many bytes is recorded by its size alone.
const LARGEST_BODY: usize = 1 << 20;

/// Headers that hold a key.
const SECRETS: [&str; 5] =
    ["authorization", "api-key", "x-api-key", "x-goog-api-key", "xi-api-key"];

/// One request and what became of it.
#[derive(Clone, Debug, Serialize)]
pub struct Record {
    /// Counts from 1 since the start; also part of the ids in the reply.
    pub id: u64,
    /// The vendor's id; `files` for a file that a reply linked to.
    pub vendor: &'static str,
    /// `POST`, ….
    pub method: String,
    /// The path with the vendor's prefix, and the query, in which a `key` is masked, too.
    pub path: String,
    /// Header names in lower case; keys are masked but for the last four characters.
    pub headers: Map<String, Value>,
    /// The JSON that came; of a form `{"fields": [[name, text], …], "files": [{name, file_name,
    /// content_type, size_bytes}, …]}`; otherwise a string, `{"omitted_bytes": n}` above 1 MiB.
    pub body: Value,
    /// The same as text, to be searched: tests ask many times a second.
    #[serde(skip)]
    pub(crate) body_text: String,
    /// The text that the faults were looked for in: the prompt of a request that the vendor would
    /// answer. Absent for a request that it refuses, and above 1 MiB.
    pub prompt: Option<String>,
    /// Unix time in milliseconds.
    pub received_at_ms: u64,
    /// The status that was answered; absent while there is none.
    pub status: Option<u16>,
    /// Pieces of the body that were handed to the connection; events, if it is a stream.
    pub chunks_sent: u64,
    /// Whether the whole reply was handed to the connection, as it was planned without `cut`.
    pub finished: bool,
    /// Whether the client closed the connection before that.
    pub client_hung_up: bool,
    /// Milliseconds from the receipt to the hang-up.
    pub hung_up_after_ms: Option<u64>,
}

/// How many requests of a kind there were: what a client ordered, and perhaps paid.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Tally {
    /// POST requests that the vendor would answer, whatever became of them.
    pub posts: usize,
    /// Those of them that were answered with 2xx.
    pub succeeded: usize,
}

impl Tally {
    /// Counts the POST requests among the records.
    pub(crate) fn of<'a>(records: impl Iterator<Item = &'a Record>) -> Self {
        let mut tally = Self::default();
        for record in records.filter(|record| record.method == "POST" && record.prompt.is_some()) {
            tally.posts += 1;
            let succeeded = record.status.is_some_and(|status| (200..300).contains(&status));
            tally.succeeded += usize::from(succeeded);
        }
        tally
    }
}

/// The list of records; a clone is another handle on the same one.
#[derive(Clone)]
pub(crate) struct Log {
    changes: Arc<watch::Sender<u64>>,
    records: Arc<Mutex<Records>>,
}

#[derive(Default)]
struct Records {
    kept: VecDeque<Record>,
    last_id: u64,
}

/// What came in, as far as it is recorded.
pub(crate) struct Received<'a> {
    pub(crate) body: &'a [u8],
    pub(crate) headers: &'a HeaderMap,
    pub(crate) method: &'a Method,
    pub(crate) path: String,
    /// The vendor's id, or `files`.
    pub(crate) vendor: &'static str,
}

/// One exchange that is going on. Dropped before its end, it records that the client hung up:
/// hyper drops the handler, or the body, when the connection closes.
pub(crate) struct Exchange {
    ended: bool,
    id: u64,
    log: Log,
    started: Instant,
}

impl Default for Log {
    fn default() -> Self {
        Self { changes: Arc::new(watch::Sender::new(0)), records: Arc::default() }
    }
}

impl Log {
    /// Records a request.
    pub(crate) fn open(&self, received: &Received<'_>) -> Exchange {
        let body = recorded_body(received.headers, received.body);
        let body_text = body.to_string();
        let mut records = self.records();
        records.last_id += 1;
        let id = records.last_id;
        if records.kept.len() >= MOST_RECORDS {
            records.kept.pop_front();
        }
        records.kept.push_back(Record {
            body,
            body_text,
            chunks_sent: 0,
            client_hung_up: false,
            finished: false,
            headers: masked(received.headers),
            hung_up_after_ms: None,
            id,
            method: received.method.to_string(),
            path: masked_path(&received.path),
            prompt: None,
            received_at_ms: now_ms(),
            status: None,
            vendor: received.vendor,
        });
        drop(records);
        self.announce();
        Exchange { ended: false, id, log: self.clone(), started: Instant::now() }
    }

    /// The records that fit, oldest first.
    pub(crate) fn all(&self, fits: impl Fn(&Record) -> bool) -> Vec<Record> {
        self.records().kept.iter().filter(|record| fits(record)).cloned().collect()
    }

    /// How many POST requests fit.
    pub(crate) fn tally(&self, fits: impl Fn(&Record) -> bool) -> Tally {
        Tally::of(self.records().kept.iter().filter(|record| fits(record)))
    }

    /// Forgets all records; exchanges that still go on are not recorded again.
    pub(crate) fn clear(&self) {
        self.records().kept.clear();
        self.announce();
    }

    /// Waits until a record fits. Ends only then: the caller sets the deadline.
    pub(crate) async fn wait_for(&self, fits: impl Fn(&Record) -> bool) -> Record {
        let mut changes = self.changes.subscribe();
        loop {
            changes.mark_unchanged();
            let found = self.records().kept.iter().find(|record| fits(record)).cloned();
            if let Some(record) = found {
                return record;
            }
            // The sender lives in `self`, so an error cannot come; if it did, look again.
            if changes.changed().await.is_err() {
                tokio::task::yield_now().await;
            }
        }
    }

    fn update(&self, id: u64, change: impl FnOnce(&mut Record)) {
        // From the end: those that still go on are mostly young.
        if let Some(record) = self.records().kept.iter_mut().rfind(|record| record.id == id) {
            change(record);
        }
        self.announce();
    }

    fn announce(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    /// A panic elsewhere leaves nothing half written here, so a poisoned lock is still good.
    fn records(&self) -> MutexGuard<'_, Records> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Exchange {
    /// The record's id.
    pub(crate) const fn id(&self) -> u64 {
        self.id
    }

    /// The request is one that the vendor would answer.
    pub(crate) fn accepted(&self, prompt: &str) {
        if prompt.len() <= LARGEST_BODY {
            self.log.update(self.id, |record| record.prompt = Some(prompt.to_owned()));
        }
    }

    /// The status is decided.
    pub(crate) fn answered(&self, status: u16) {
        self.log.update(self.id, |record| record.status = Some(status));
    }

    /// A piece of the body goes out.
    pub(crate) fn sent(&self) {
        self.log.update(self.id, |record| record.chunks_sent += 1);
    }

    /// The whole body is out.
    pub(crate) fn finish(&mut self) {
        if !self.ended {
            self.ended = true;
            self.log.update(self.id, |record| record.finished = true);
        }
    }

    /// We break off ourselves.
    pub(crate) const fn broken_off(&mut self) {
        self.ended = true;
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if !self.ended {
            let after = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
            self.log.update(self.id, |record| {
                record.client_hung_up = true;
                record.hung_up_after_ms = Some(after);
            });
        }
    }
}

/// A path whose query may hold a key, as at Pixabay.
fn masked_path(path: &str) -> String {
    let Some((path, query)) = path.split_once('?') else { return path.to_owned() };
    let members = query.split('&').map(|member| match member.strip_prefix("key=") {
        Some(key) => format!("key={}", mask(key)),
        None => member.to_owned(),
    });
    format!("{path}?{}", members.collect::<Vec<_>>().join("&"))
}

/// A form without the bytes of its files: `{"fields": [["model", "whisper-1"]], "files": […]}`.
fn recorded_form(parts: &[Part]) -> Value {
    let (files, fields): (Vec<_>, Vec<_>) = parts.iter().partition(|part| part.file_name.is_some());
    let fields = fields.iter().map(|field| json!([field.name, field.text()]));
    let files = files.iter().map(|file| {
        json!({
            "name": file.name,
            "file_name": file.file_name,
            "content_type": file.content_type,
            "size_bytes": file.bytes.len(),
        })
    });
    json!({ "fields": fields.collect::<Vec<_>>(), "files": files.collect::<Vec<_>>() })
}

fn recorded_body(headers: &HeaderMap, body: &[u8]) -> Value {
    let content_type = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    if let Ok(parts) = multipart::parts(content_type.unwrap_or_default(), body) {
        return recorded_form(&parts);
    }
    if body.is_empty() {
        return Value::Null;
    }
    if body.len() > LARGEST_BODY {
        return json!({ "omitted_bytes": body.len() });
    }
    serde_json::from_slice(body)
        .unwrap_or_else(|_| Value::from(String::from_utf8_lossy(body).into_owned()))
}

fn masked(headers: &HeaderMap) -> Map<String, Value> {
    let mut kept = Map::new();
    for (name, value) in headers {
        let text = String::from_utf8_lossy(value.as_bytes());
        let shown = if SECRETS.contains(&name.as_str()) { mask(&text) } else { text.into_owned() };
        kept.insert(name.as_str().to_owned(), Value::from(shown));
    }
    kept
}

fn mask(text: &str) -> String {
    let (scheme, secret) = match text.split_once(' ') {
        Some((scheme, secret)) => (format!("{scheme} "), secret),
        None => (String::new(), text),
    };
    let length = secret.chars().count();
    // A secret of eight characters or less would be half told by its end.
    let end: String = secret.chars().skip(if length > 8 { length - 4 } else { length }).collect();
    format!("{scheme}***{end}")
}

#[expect(clippy::disallowed_methods, reason = "the simulator runs on the host alone")]
fn now_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::{HeaderMap, Log, MOST_RECORDS, Method, Received, mask};

    #[test]
    fn keys_are_masked_but_for_their_end() {
        for (text, shown) in [
            ("Bearer sk-simulator-key-0001", "Bearer ***0001"),
            ("sk-ant-1234567", "***4567"),
            ("Bearer short", "Bearer ***"),
            ("", "***"),
        ] {
            assert_eq!(mask(text), shown);
        }
    }

    #[test]
    fn only_the_last_ones_are_kept() {
        let log = Log::default();
        let headers = HeaderMap::new();
        for _ in 0..MOST_RECORDS + 5 {
            log.open(&Received {
                body: b"{}",
                headers: &headers,
                method: &Method::POST,
                path: "/openai/v1/x".to_owned(),
                vendor: "openai",
            })
            .finish();
        }
        let all = log.all(|_| true);
        assert_eq!((all.len(), all.first().map(|record| record.id)), (MOST_RECORDS, Some(6)));
        assert!(all.iter().all(|record| record.finished && !record.client_hung_up));
    }
}
