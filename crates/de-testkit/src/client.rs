//! One client for tests, with two back ends: a router in process, or a base URL.

use std::{pin::Pin, time::Duration};

use axum::{Router, body::Body};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, header};
use serde_json::Value;

use crate::{
    events::{TestEvent, event, events},
    host::handle,
};

/// Calls a router or a server.
#[derive(Clone)]
pub struct TestClient {
    back: Back,
    headers: HeaderMap,
    witness: Option<Witness>,
}

/// Looks at every answer that is read to its end, and panics if it is not as it should be.
pub type Witness = fn(&Asked, &TestResponse);

/// What an answer is to.
#[derive(Clone, Debug)]
pub struct Asked {
    /// GET, POST, …
    pub method: Method,
    /// With its query.
    pub path: String,
}

#[derive(Clone)]
enum Back {
    Http { base: String, client: reqwest::Client },
    Router(Router),
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// What the test wants to send is no HTTP.
    #[error("not a request")]
    BadRequest(#[from] http::Error),
    /// A header that the test wants to send is none.
    #[error("not a header: {name}")]
    BadHeader {
        /// Its name.
        name: String,
    },
    /// The server could not be reached.
    #[error("no answer")]
    NoAnswer(#[from] reqwest::Error),
}

/// How long a connection is kept for the next request. A server closes one after its own time, workerd after 5 s: who
/// writes on it in that moment gets no answer, as a test did whose stream had run for four.
const IDLE: Duration = Duration::from_secs(2);

impl TestClient {
    /// Calls a router in process.
    #[must_use]
    pub fn of_router(router: Router) -> Self {
        Self { back: Back::Router(router), headers: HeaderMap::new(), witness: None }
    }

    /// Calls a server: `http://127.0.0.1:8787`, without a slash at the end.
    ///
    /// # Errors
    /// What reqwest says.
    pub fn of_url(base: &str) -> Result<Self, ClientError> {
        let client = reqwest::Client::builder()
            .no_proxy()
            .pool_idle_timeout(IDLE)
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        let base = base.trim_end_matches('/').to_owned();
        Ok(Self { back: Back::Http { base, client }, headers: HeaderMap::new(), witness: None })
    }

    /// The same client with a header on each request.
    ///
    /// # Errors
    /// [`ClientError::BadHeader`].
    pub fn with_header(mut self, name: &str, value: &str) -> Result<Self, ClientError> {
        put(&mut self.headers, name, value)?;
        Ok(self)
    }

    /// The same client with someone who looks at its answers.
    #[must_use]
    pub fn witnessed(self, witness: Witness) -> Self {
        Self { witness: Some(witness), ..self }
    }

    /// The same client with nobody who looks: for answers that are not as they should be.
    #[must_use]
    pub fn unwitnessed(self) -> Self {
        Self { witness: None, ..self }
    }

    /// The same client with a key as bearer token.
    ///
    /// # Errors
    /// [`ClientError::BadHeader`].
    pub fn with_key(self, key: &str) -> Result<Self, ClientError> {
        self.with_header("authorization", &format!("Bearer {key}"))
    }

    /// A request to be filled in. `path` begins with a slash.
    #[must_use]
    pub fn request(&self, method: Method, path: &str) -> TestRequest {
        TestRequest {
            back: self.back.clone(),
            bad_header: None,
            body: Bytes::new(),
            headers: self.headers.clone(),
            method,
            path: path.to_owned(),
            witness: self.witness,
        }
    }

    /// GET, to its end.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn get(&self, path: &str) -> Result<TestResponse, ClientError> {
        self.request(Method::GET, path).send().await
    }

    /// POST of JSON, to its end.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn post(&self, path: &str, body: &Value) -> Result<TestResponse, ClientError> {
        self.request(Method::POST, path).json(body).send().await
    }

    /// POST of JSON, up to the head of the answer.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn stream(&self, path: &str, body: &Value) -> Result<TestStream, ClientError> {
        self.request(Method::POST, path).json(body).stream().await
    }
}

/// A request on its way.
pub struct TestRequest {
    back: Back,
    bad_header: Option<ClientError>,
    body: Bytes,
    headers: HeaderMap,
    method: Method,
    path: String,
    witness: Option<Witness>,
}

impl TestRequest {
    /// Sets a header, instead of the client's own of that name.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let Err(error) = put(&mut self.headers, name, value) {
            self.bad_header = Some(error);
        }
        self
    }

    /// Sets a header beside one of that name.
    #[must_use]
    pub fn another(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.append(name, HeaderValue::from_static(value));
        self
    }

    /// Leaves out a header of the client's own.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.headers.remove(name);
        self
    }

    /// Sets a JSON body and its content type.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json").body(body.to_string())
    }

    /// Sets the bytes of the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Sends, and reads the answer to its end.
    ///
    /// # Errors
    /// [`ClientError`]; not for an answer that breaks off, which is told in the response.
    pub async fn send(self) -> Result<TestResponse, ClientError> {
        let asked = Asked { method: self.method.clone(), path: self.path.clone() };
        let witness = self.witness;
        let mut stream = self.stream().await?;
        let mut body = Vec::new();
        while let Some(chunk) = stream.next_chunk().await {
            body.extend_from_slice(&chunk);
        }
        let TestStream { broken, headers, status, .. } = stream;
        let response = TestResponse { body: body.into(), broken, headers, status };
        if let Some(witness) = witness {
            witness(&asked, &response);
        }
        Ok(response)
    }

    /// Sends, and returns with the head of the answer. Dropping the future or the stream is leaving.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn stream(self) -> Result<TestStream, ClientError> {
        if let Some(error) = self.bad_header {
            return Err(error);
        }
        let (status, headers, chunks): (_, _, Chunks) = match self.back {
            Back::Http { base, client } => {
                let url = format!("{base}{}", self.path);
                let sent = client.request(self.method, url).headers(self.headers).body(self.body);
                let answer = sent.send().await?;
                let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
                (status, headers, Box::pin(answer.bytes_stream().map(Result::ok)))
            }
            Back::Router(router) => {
                let mut request = Request::builder()
                    .method(self.method)
                    .uri(&self.path)
                    .header(header::HOST, "test.invalid")
                    .body(Body::from(self.body))?;
                request.headers_mut().extend(self.headers);
                let (head, body) = handle(router, request).await.into_parts();
                let chunks = body.into_data_stream().map(Result::ok);
                (head.status.as_u16(), head.headers, Box::pin(chunks))
            }
        };
        Ok(TestStream { broken: false, chunks, headers, rest: String::new(), status })
    }
}

/// `None` is a broken connection.
type Chunks = Pin<Box<dyn Stream<Item = Option<Bytes>> + Send>>;

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub struct TestResponse {
    /// All that came.
    pub body: Bytes,
    /// Whether it broke off.
    pub broken: bool,
    /// Its headers.
    pub headers: HeaderMap,
    /// 100 to 599.
    pub status: u16,
}

impl TestResponse {
    /// The body as JSON; null if it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as server-sent events.
    #[must_use]
    pub fn events(&self) -> Vec<TestEvent> {
        events(&self.text())
    }

    /// A header as text; empty if absent or no text.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        text_of(&self.headers, name)
    }
}

/// An answer that still comes. Dropping it is leaving.
pub struct TestStream {
    /// Whether it broke off, once it has ended.
    pub broken: bool,
    chunks: Chunks,
    /// Its headers.
    pub headers: HeaderMap,
    rest: String,
    /// 100 to 599.
    pub status: u16,
}

impl TestStream {
    /// The next bytes as they come; `None` at the end, also at a broken one.
    pub async fn next_chunk(&mut self) -> Option<Bytes> {
        let chunk = self.chunks.next().await?;
        self.broken |= chunk.is_none();
        chunk
    }

    /// The next event; `None` at the end. Not to be mixed with [`TestStream::next_chunk`].
    pub async fn next_event(&mut self) -> Option<TestEvent> {
        loop {
            while let Some((block, rest)) = self.rest.split_once("\n\n") {
                let found = event(block);
                self.rest = rest.to_owned();
                if found.is_some() {
                    return found;
                }
            }
            let Some(chunk) = self.next_chunk().await else {
                return event(&std::mem::take(&mut self.rest));
            };
            // Our own events are ASCII around their JSON, and what tests send through is whole.
            self.rest.push_str(&String::from_utf8_lossy(&chunk).replace("\r\n", "\n"));
        }
    }

    /// A header as text; empty if absent or no text.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        text_of(&self.headers, name)
    }
}

fn put(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), ClientError> {
    let bad = || ClientError::BadHeader { name: name.to_owned() };
    let known = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad())?;
    headers.insert(known, HeaderValue::from_str(value).map_err(|_| bad())?);
    Ok(())
}

fn text_of<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}
