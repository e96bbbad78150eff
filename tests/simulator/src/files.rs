//! `GET /files/{name}`: what the links of replies lead to, with the faults that they hold.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use bytes::Bytes;
use futures_util::stream;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, LOCATION};
use http::{HeaderValue, Response, StatusCode};

use crate::record::{Exchange, Received};
use crate::results::{self, ResultFault, Target};
use crate::server::Shared;
use crate::{control, media};

/// The most bytes that go out at once.
const PIECE: u64 = 256 << 10;

/// What a file is filled up with.
static FILLING: [u8; PIECE as usize] = [0; PIECE as usize];

/// Pieces of a body that drips.
const DRIPS: u64 = 16;

/// Before a break, so that what was sent has left.
const BREAK_PAUSE: Duration = Duration::from_millis(20);

const PAGE: &str = "<!DOCTYPE html><html><head><title>Gone</title></head>\
    <body><script>document.title</script><p>This link has expired.</p></body></html>";

const DRAWING: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"16\" height=\"16\">\
    <script>document.title</script></svg>";

/// What goes out, and how.
struct Sending {
    /// Bytes of the file that is really there; the rest is filling.
    bytes: Bytes,
    content_type: &'static str,
    /// After so many bytes the connection breaks.
    cut: Option<u64>,
    /// Whether the connection stays open after the first half, without a word.
    hang: bool,
    /// Before each piece.
    pause: Option<Duration>,
    sent: u64,
    /// Whether the size is told beforehand.
    told: bool,
    total: u64,
}

/// `GET /files/{name}`.
pub(crate) async fn file(
    State(shared): State<Arc<Shared>>,
    Path(name): Path<String>,
    request: Request,
) -> Response<Body> {
    let uri = request.uri();
    let path = uri.path_and_query().map(ToString::to_string).unwrap_or_default();
    let query = uri.query().unwrap_or_default();
    let exchange = shared.log.open(&Received {
        body: &[],
        headers: request.headers(),
        method: request.method(),
        path: path.clone(),
        vendor: "files",
    });
    let mut faults = results::of_query(query);
    let times = faults.iter().find_map(|fault| match fault {
        ResultFault::Times(times) => Some(*times),
        _ => None,
    });
    if times.is_some_and(|times| shared.faults.fetched(&path) > times) {
        faults.clear();
    }
    for fault in &faults {
        if let ResultFault::Slow(pause) = fault {
            tokio::time::sleep(*pause).await;
        }
    }
    for fault in &faults {
        match fault {
            ResultFault::Fail(status) => return failed(*status, exchange),
            ResultFault::Redirect(target) => {
                let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
                let origin = format!("http://{}", host.unwrap_or("127.0.0.1"));
                let location = match target {
                    Target::File => {
                        results::link(&origin, &name, &results::without_faults(query), &[])
                    }
                    Target::Inner(place) => place.url().to_owned(),
                    Target::Loop => format!("{origin}{path}"),
                };
                return redirect(&location, exchange);
            }
            _ => {}
        }
    }
    match Sending::new(&name, &faults) {
        Some(sending) => sending.respond(exchange),
        None => {
            let response = control::not_found("no file has a name like this");
            exchange.answered(response.status().as_u16());
            response
        }
    }
}

/// An error as file stores have it.
fn failed(status: u16, mut exchange: Exchange) -> Response<Body> {
    let code = match status {
        403 => "AccessDenied",
        404 => "NoSuchKey",
        _ => "InternalError",
    };
    let text = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code></Error>");
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    exchange.answered(status);
    exchange.finish();
    response
}

fn redirect(location: &str, mut exchange: Exchange) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::FOUND;
    if let Ok(location) = HeaderValue::from_str(location) {
        response.headers_mut().insert(LOCATION, location);
    }
    exchange.answered(StatusCode::FOUND.as_u16());
    exchange.finish();
    response
}

impl Sending {
    fn new(name: &str, faults: &[ResultFault]) -> Option<Self> {
        let (content_type, bytes) = media::made(name)?;
        let mut sending = Self {
            total: bytes.len() as u64,
            bytes,
            content_type,
            cut: None,
            hang: false,
            pause: None,
            sent: 0,
            told: true,
        };
        for fault in faults {
            sending.apply(*fault);
        }
        // Half of what it is in the end: sizes may stand behind `cut`.
        if faults.contains(&ResultFault::Cut(None)) {
            sending.cut = Some(sending.total / 2);
        }
        Some(sending)
    }

    fn apply(&mut self, fault: ResultFault) {
        match fault {
            ResultFault::Cut(after) => self.cut = after,
            ResultFault::Disguised => self.replace(PAGE, self.content_type),
            ResultFault::Drip(pause) => self.pause = Some(pause),
            ResultFault::Hang => self.hang = true,
            ResultFault::Html => self.replace(PAGE, "text/html; charset=utf-8"),
            ResultFault::Length(bytes) => self.total = bytes,
            ResultFault::Size(bytes) => (self.total, self.told) = (bytes, false),
            ResultFault::Svg => self.replace(DRAWING, "image/svg+xml"),
            ResultFault::Type(name) => self.content_type = results::content_type(name),
            ResultFault::Fail(_)
            | ResultFault::Link(_)
            | ResultFault::None
            | ResultFault::Redirect(_)
            | ResultFault::Slow(_)
            | ResultFault::Times(_)
            | ResultFault::Unsafe => {}
        }
    }

    fn replace(&mut self, text: &'static str, content_type: &'static str) {
        self.bytes = Bytes::from_static(text.as_bytes());
        self.content_type = content_type;
        self.total = self.bytes.len() as u64;
    }

    fn respond(self, mut exchange: Exchange) -> Response<Body> {
        if self.total == 0 && self.cut.is_none() && !self.hang {
            // Nobody asks an empty body for its bytes.
            exchange.finish();
        }
        exchange.answered(StatusCode::OK.as_u16());
        let (content_type, told) = (self.content_type, self.told.then_some(self.total));
        let mut response = Response::new(self.body(exchange));
        let headers = response.headers_mut();
        if !content_type.is_empty() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        if let Some(length) = told {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        response
    }

    fn body(self, exchange: Exchange) -> Body {
        Body::from_stream(stream::unfold((self, exchange), |(mut sending, mut exchange)| async {
            // Not ready once between two pieces: this is what makes hyper flush.
            tokio::task::yield_now().await;
            if sending.cut.is_some_and(|cut| sending.sent >= cut.min(sending.total)) {
                tokio::time::sleep(BREAK_PAUSE).await;
                exchange.broken_off();
                let error = io::Error::new(io::ErrorKind::ConnectionReset, "cut on demand");
                return Some((Err(error), (sending, exchange)));
            }
            if sending.hang && sending.sent >= sending.total / 2 {
                // Ends when the connection closes: the body is dropped, and the exchange with it.
                std::future::pending::<()>().await;
            }
            if sending.sent >= sending.total {
                exchange.finish();
                return None;
            }
            if let Some(pause) = sending.pause {
                tokio::time::sleep(pause).await;
            }
            let piece = sending.next();
            exchange.sent();
            // With a length told, hyper does not ask again after the last byte.
            if sending.sent >= sending.total && sending.cut.is_none() {
                exchange.finish();
            }
            Some((Ok(piece), (sending, exchange)))
        }))
    }

    /// The next piece; there is one as long as not all is sent.
    fn next(&mut self) -> Bytes {
        let mut most = PIECE;
        if self.pause.is_some() {
            most = most.min(self.total.div_ceil(DRIPS));
        }
        let end = if self.hang && self.sent < self.total / 2 { self.total / 2 } else { self.total };
        let end = self.cut.map_or(end, |cut| end.min(cut));
        most = most.min(end - self.sent);
        let from = usize::try_from(self.sent).unwrap_or(usize::MAX);
        let size = usize::try_from(most).unwrap_or(usize::MAX);
        let piece = if from < self.bytes.len() {
            self.bytes.slice(from..self.bytes.len().min(from + size))
        } else {
            Bytes::from_static(&FILLING).slice(..size)
        };
        self.sent += piece.len() as u64;
        piece
    }
}
