//! The response cache: a whole answer of a model, kept for a while and given once more to the key that asks the same.
//!
//! It is off unless the project or the call turns it on; then nothing is read and nothing kept. [`Lookup`] is asked
//! between the finding of a model and the reservation of a share ([`crate::admission`]), so a call that is answered
//! from here has passed all that any other passes, is counted, and reserves nothing else. That reservation also tells
//! whether the copies of key and model that the place was made of still hold: where they do not, the call is looked up
//! once more, at the place that the new ones make.
//!
//! Answers rest sealed, under keys that are digests ([`place`]). A cache that fails or is late is an empty one.
//!
//! Of equal calls that come before there is an answer, one asks the vendor ([`flight`]).

pub mod flight;
pub mod place;
mod recording;
mod wish;

use std::{
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering},
    time::Duration,
};

use async_trait::async_trait;
use axum::{
    body::{Body, HttpBody},
    response::Response,
};
use bytes::Bytes;
use futures_channel::oneshot;
use futures_util::{
    FutureExt,
    future::{Either, select},
    stream,
};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use http_body_util::BodyExt;
use serde::{Deserialize, Serialize};

pub use self::wish::{HEADER, TTL_S, Terms, Wish};
use self::{
    flight::{Boarded, Flight, Waits, board},
    place::{Asked, Place},
    recording::{Passed, Recording},
};
use crate::{
    admission::AtHand,
    auth::vault::{self, Kind},
    books::Books,
    caller::Caller,
    http::{
        context::Context,
        error::{ApiError, Code},
    },
    ids::ModelId,
    log::LogLine,
    money::Micros,
    ports::{Platform, PortError},
    registry::Model,
    secret::Secret,
    snapshot::CACHE_PATIENCE,
    time::UnixMillis,
};

/// The largest body that is kept, in bytes: sealing costs some 30 ms a MiB.
pub const LARGEST: usize = 1024 * 1024;

/// The least that is given at once of a stream that was kept, in bytes: whole events, as many as it takes.
const PIECE: usize = 2 * 1024;

/// How often an isolate says that the cache fails.
const COMPLAINS_EVERY_MS: i64 = 60_000;

/// Headers that hold for one call only.
const OF_ONE_CALL: [&str; 4] = ["x-de-attempts", "x-de-cache", "x-de-cost-micros", "x-de-receipt"];

/// An answer that is kept: what is sealed. It is read again by later versions of us.
#[derive(Deserialize, Serialize)]
struct Kept {
    /// When it was whole.
    at: UnixMillis,
    body: String,
    headers: Vec<(String, String)>,
    streamed: bool,
    until: UnixMillis,
}

/// An answer that is given once more.
#[derive(Debug, Eq, PartialEq)]
pub struct Answer {
    age_s: i64,
    body: Bytes,
    headers: Vec<(String, String)>,
    streamed: bool,
}

impl Answer {
    fn of(kept: Kept, now: UnixMillis, terms: Terms) -> Option<Self> {
        let age_s = now.since(kept.at).max(0) / 1_000;
        let is_young = u64::try_from(age_s).is_ok_and(|age_s| age_s < terms.ttl_s);
        (is_young && now < kept.until).then(|| Self {
            age_s,
            body: kept.body.into(),
            headers: kept.headers,
            streamed: kept.streamed,
        })
    }

    /// Its size, in bytes.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        self.body.len()
    }

    /// As it is answered: a stream as a stream, event by event, all else as a whole.
    #[must_use]
    pub fn into_response(self, context: &Context) -> Response {
        let body = if self.streamed {
            let pieces = pieces(&self.body).into_iter().map(Ok::<_, std::convert::Infallible>);
            Body::from_stream(stream::iter(pieces))
        } else {
            Body::from(self.body)
        };
        let mut response = Response::new(body);
        for (name, value) in &self.headers {
            let Ok(name) = HeaderName::try_from(name) else { continue };
            if name.as_str().starts_with("x-de-") {
                context.tell(name, value);
            } else if let Ok(value) = HeaderValue::try_from(value) {
                response.headers_mut().insert(name, value);
            }
        }
        context.tell(header::AGE, &self.age_s.to_string());
        context.tell(HEADER, "hit");
        context.tell(HeaderName::from_static("x-de-attempts"), "0");
        context.tell_cost(Some(Micros::ZERO));
        context.note(|line| line.cache = Some("hit".to_owned()));
        response
    }
}

/// A stream of events in pieces that hold whole events.
fn pieces(body: &Bytes) -> Vec<Bytes> {
    let mut pieces = Vec::new();
    let mut begin = 0;
    let mut blank = true;
    for (place, byte) in body.iter().enumerate() {
        match byte {
            b'\n' if blank && place + 1 - begin >= PIECE => {
                pieces.push(body.slice(begin..=place));
                begin = place + 1;
            }
            b'\n' => blank = true,
            b'\r' => {}
            _ => blank = false,
        }
    }
    if begin < body.len() {
        pieces.push(body.slice(begin..));
    }
    pieces
}

/// What a look into the cache came to.
pub enum Looked {
    /// It is there.
    Hit(Answer),
    /// It is not, and is to be kept.
    Miss(Keeper),
    /// The cache is off.
    Off,
}

/// The cache, as one call asks it.
pub struct Lookup {
    asked: Asked,
    last: Mutex<Option<Last>>,
    platform: Platform,
    waits: Waits,
    wish: Option<Wish>,
}

struct Last {
    answer: Option<Answer>,
    keeper: Keeper,
}

impl Lookup {
    /// Prepares the look of a call.
    #[must_use]
    pub fn new(platform: &Platform, wish: Option<Wish>, asked: Asked, waits: Waits) -> Self {
        Self { asked, last: Mutex::default(), platform: platform.clone(), waits, wish }
    }

    /// What the last look came to.
    #[must_use]
    pub fn looked(&self) -> Looked {
        match self.last().take() {
            Some(Last { answer: Some(answer), .. }) => Looked::Hit(answer),
            Some(Last { answer: None, keeper }) => Looked::Miss(keeper),
            None => Looked::Off,
        }
    }

    fn last(&self) -> MutexGuard<'_, Option<Last>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What there is at a place; without an answer, whether others wait for that of this call. `before` is what this
    /// call leads since an earlier look.
    async fn look(
        &self,
        place: &Place,
        terms: Terms,
        models: &[Arc<Model>],
        before: Option<Flight>,
    ) -> Result<(Option<Answer>, Option<Flight>), ApiError> {
        let platform = &self.platform;
        if !terms.reads {
            return Ok((None, None));
        }
        match read(platform, place, terms).await {
            Read::Answer(answer) => return Ok((Some(answer), None)),
            Read::Nothing if before.is_some() => return Ok((None, before)),
            Read::Nothing => {}
            Read::Down => return Ok((None, None)),
        }
        let waited_ms = self.waited_ms();
        let flight = match board(platform, place, models, &self.waits).await {
            Boarded::Alone => None,
            Boarded::Answered(sealed) => {
                return Ok((open(platform, place, terms, &sealed), None));
            }
            Boarded::Leads(flight) => Some(flight),
            Boarded::Left => {
                return Err(ApiError::new(Code::ClientLeft, "the client went away"));
            }
        };
        if self.waited_ms() > waited_ms {
            // The answer may have come here, and not to the object.
            if let Read::Answer(answer) = read(platform, place, terms).await {
                return Ok((Some(answer), None));
            }
        }
        Ok((None, flight))
    }
}

#[async_trait]
impl AtHand for Lookup {
    async fn finds(&self, caller: &Caller, models: &[Arc<Model>]) -> Result<bool, ApiError> {
        let Some(model) = models.first() else { return Ok(false) };
        let terms = Terms::of(self.wish, caller.key());
        let place =
            terms.and_then(|terms| Place::of(caller.key(), terms.generation, model, &self.asked));
        // What is led at another place than before is led no more.
        let before = self.last().take().map(|last| last.keeper);
        let before = before.filter(|keeper| place.as_ref() == Some(&keeper.place));
        let before = before.and_then(|keeper| keeper.flight);
        let last = match terms.zip(place) {
            Some((terms, place)) => {
                let (answer, flight) = self.look(&place, terms, models, before).await?;
                let (model_id, version) = (model.config.model_id.clone(), model.config.version);
                let ttl_s = terms.ttl_s;
                Some(Last { answer, keeper: Keeper { flight, model_id, place, ttl_s, version } })
            }
            None => None,
        };
        let finds = last.as_ref().is_some_and(|last| last.answer.is_some());
        *self.last() = last;
        if self.waited_ms() > 0 {
            // It may have been over while the call waited.
            caller.unexpired(self.platform.clock.now())?;
        }
        Ok(finds)
    }

    fn waited_ms(&self) -> i64 {
        self.waits.waited_ms.load(Ordering::Relaxed)
    }
}

/// Keeps the answer of one call.
pub struct Keeper {
    /// There if others wait for it.
    flight: Option<Flight>,
    model_id: ModelId,
    place: Place,
    ttl_s: u64,
    version: u64,
}

impl Keeper {
    /// Whether an answer of this model is kept: only that of the model which was asked for. A fallback's would go
    /// on being given when the first is well again.
    #[must_use]
    pub fn keeps(&self, model: &Model) -> bool {
        model.config.model_id == self.model_id && model.config.version == self.version
    }

    /// Gives an answer, and keeps it once all of it has passed, if the books then say that it may be repeated
    /// ([`Books::is_repeatable`]) and it is no larger than [`LARGEST`].
    pub async fn keeping(
        self,
        platform: &Platform,
        context: &Context,
        books: Arc<Books>,
        response: Response,
    ) -> Response {
        let (parts, body) = response.into_parts();
        let headers = kept_headers(&parts.headers, &context.headers_told());
        let streamed = parts
            .headers
            .get(header::CONTENT_TYPE)
            .is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
        let (tell, told) = oneshot::channel::<Passed>();
        let worker = platform.clone();
        let keep = async move {
            let body = match told.await {
                Ok(Passed::Whole(body)) => body,
                Ok(Passed::Unkept) => return self.keeps_nothing(),
                Err(_) => return,
            };
            let Ok(body) = String::from_utf8(body.into()) else { return self.keeps_nothing() };
            let at = worker.clock.now();
            let until = at.plus(i64::try_from(self.ttl_s * 1_000).unwrap_or(i64::MAX));
            self.keep(&worker, &Kept { at, body, headers, streamed, until }).await;
        };
        // Begun now, it is done however the request ends.
        platform.background.spawn(keep.boxed());
        if body.size_hint().exact().is_none() {
            let recording = Recording::new(body.into_data_stream(), books, tell);
            return Response::from_parts(parts, Body::from_stream(recording));
        }
        let body = body.collect().await.map(|all| all.to_bytes()).unwrap_or_default();
        let is_kept = books.is_repeatable() && body.len() <= LARGEST;
        let passed = if is_kept { Passed::Whole(body.clone()) } else { Passed::Unkept };
        // The receiver waits in the background for as long as the runtime lives.
        drop(tell.send(passed));
        Response::from_parts(parts, Body::from(body))
    }

    /// Seals an answer, and gives it to who waits for it and to who comes later.
    async fn keep(self, platform: &Platform, kept: &Kept) {
        let Some(sealed) = seal(platform, &self.place, kept) else { return self.keeps_nothing() };
        if let Some(flight) = self.flight {
            flight.lands(sealed.clone());
        }
        let life = Duration::from_secs(self.ttl_s);
        if let Err(err) = platform.answers.put(&self.place.key(), sealed, life).await {
            complain(platform, err.to_string());
        }
    }

    /// Goes without an answer: nobody need wait for it. One that is dropped instead, as its client has left, is
    /// followed by the next call that asks the same.
    pub fn keeps_nothing(self) {
        if let Some(flight) = self.flight {
            flight.lands_empty();
        }
    }
}

/// What is kept of an answer's head: what it is, and who gave it.
fn kept_headers(own: &HeaderMap, told: &HeaderMap) -> Vec<(String, String)> {
    let is_kept = |name: &HeaderName| {
        let name = name.as_str();
        name == "content-type" || (name.starts_with("x-de-") && !OF_ONE_CALL.contains(&name))
    };
    own.iter()
        .chain(told)
        .filter(|(name, _)| is_kept(name))
        .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())))
        .collect()
}

/// What KV says of a place.
enum Read {
    Answer(Answer),
    /// It did not say.
    Down,
    Nothing,
}

async fn read(platform: &Platform, place: &Place, terms: Terms) -> Read {
    if platform.memory.answers_rest.lasts(platform.clock.now()) {
        return Read::Down;
    }
    let key = place.key();
    let late = platform.clock.sleep(CACHE_PATIENCE);
    match select(platform.answers.get(&key), pin!(late)).await {
        Either::Left((Ok(sealed), _)) => {
            let answer = sealed.and_then(|sealed| open(platform, place, terms, &sealed));
            answer.map_or(Read::Nothing, Read::Answer)
        }
        Either::Left((Err(err), _)) => {
            if !matches!(err, PortError::Unbound { .. }) {
                complain(platform, err.to_string());
            }
            Read::Down
        }
        Either::Right(_) => {
            platform.memory.answers_rest.begin(platform.clock.now());
            complain(platform, "it was late".to_owned());
            Read::Down
        }
    }
}

/// The answer in what was kept, if it is young enough.
fn open(platform: &Platform, place: &Place, terms: Terms, sealed: &str) -> Option<Answer> {
    let opened = vault::open_for(&platform.settings, Kind::Answer, place.digest(), sealed);
    match opened {
        Ok(text) => {
            let kept = serde_json::from_str(text.expose()).ok()?;
            Answer::of(kept, platform.clock.now(), terms)
        }
        Err(err) => {
            complain(platform, err.to_string());
            None
        }
    }
}

fn seal(platform: &Platform, place: &Place, kept: &Kept) -> Option<String> {
    let text = serde_json::to_string(kept).ok()?;
    let (settings, entropy) = (&platform.settings, &*platform.entropy);
    let sealed =
        vault::seal_for(settings, entropy, Kind::Answer, place.digest(), &Secret::new(text));
    sealed.map_err(|err| complain(platform, err.to_string())).ok()
}

/// Says now and then that the cache fails: calls go on without it.
fn complain(platform: &Platform, cause: String) {
    if !platform.memory.is_due("response cache", platform.clock.now(), COMPLAINS_EVERY_MS) {
        return;
    }
    platform.log.write(LogLine {
        cause: Some(cause),
        ..LogLine::warn("the response cache did not work; the vendors do")
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_whole_events_and_lose_nothing() {
        let event = |n: usize| format!("event: x\ndata: {}\n\n", "é".repeat(n));
        for (end, least) in [("\n", 4), ("\r\n", 4)] {
            let text: String = (0..40).map(|n| event(n * 10)).collect();
            let body = Bytes::from(text.replace('\n', end));
            let pieces = pieces(&body);
            assert!(pieces.len() >= least, "{}", pieces.len());
            assert_eq!(pieces.concat(), body);
            let (last, rest) = pieces.split_last().unwrap();
            assert!(!last.is_empty());
            for piece in rest {
                assert!(piece.len() >= PIECE && piece.ends_with(format!("{end}{end}").as_bytes()));
                assert!(piece.starts_with(b"event: x"), "{piece:?}");
            }
        }
        assert_eq!(pieces(&Bytes::from_static(b"data: 1\n\n")).len(), 1);
        assert_eq!(pieces(&Bytes::new()).len(), 0);
        let unended = Bytes::from_static(b"data: 1\n\ndata: 2");
        assert_eq!(pieces(&unended).concat(), unended);
    }

    /// Kept answers hold this for a month: a change needs a reader for the old form first.
    #[test]
    fn the_form_of_a_kept_answer_is_stable() {
        let text = r#"{"at":1000,"body":"{}","headers":[["content-type","application/json"]],"streamed":false,"until":61000}"#;
        let kept: Kept = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&kept).unwrap(), text);
    }

    #[test]
    fn an_answer_is_given_until_it_is_too_old_for_the_call_or_for_itself() {
        let given = |now: i64, ttl_s: u64| {
            let headers = Vec::new();
            let (at, until) = (UnixMillis(1_000_000), UnixMillis(1_100_000));
            let kept = Kept { at, body: String::new(), headers, streamed: false, until };
            let terms = Terms { generation: 0, reads: true, ttl_s };
            Answer::of(kept, UnixMillis(now), terms).map(|answer| answer.age_s)
        };
        assert_eq!(given(1_000_000, 60), Some(0));
        assert_eq!(given(1_059_999, 60), Some(59));
        assert_eq!(given(1_060_000, 60), None, "too old for the call");
        assert_eq!(given(1_060_000, 3_600), Some(60));
        assert_eq!(given(1_099_999, 3_600), Some(99));
        assert_eq!(given(1_100_000, 3_600), None, "its time is over");
        assert_eq!(given(900_000, 60), Some(0), "by a clock that is behind");
    }
}
