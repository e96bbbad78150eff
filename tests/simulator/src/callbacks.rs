//! Calls that a vendor makes by itself when a job has ended: a POST of JSON, unsigned.
//!
//! Only addresses of the loopback interface are called, whatever a request says; the others are skipped.

use std::time::Duration;

use http::Uri;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// How often one call is tried.
const TRIES: u32 = 3;

/// Between two tries.
const PAUSE: Duration = Duration::from_millis(500);

/// For one try.
const DEADLINE: Duration = Duration::from_secs(5);

/// Posts a body until it is answered with 2xx, three times at most. Whether it was, nobody learns:
/// vendors do not tell either.
pub(crate) async fn post(url: &str, body: &Value) {
    let Some(request) = request(url, body) else { return };
    for attempt in 0..TRIES {
        if attempt > 0 {
            tokio::time::sleep(PAUSE).await;
        }
        if tokio::time::timeout(DEADLINE, sent(&request)).await == Ok(true) {
            return;
        }
    }
}

struct Request {
    address: String,
    text: String,
}

/// Absent for an address that is none, or not on the loopback interface.
fn request(url: &str, body: &Value) -> Option<Request> {
    let uri: Uri = url.parse().ok().filter(|uri: &Uri| uri.scheme_str() == Some("http"))?;
    let host = uri.host().filter(|host| matches!(*host, "127.0.0.1" | "localhost" | "[::1]"))?;
    let port = uri.port_u16().unwrap_or(80);
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let body = body.to_string();
    let text = format!(
        "POST {path} HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len(),
    );
    Some(Request { address: format!("{host}:{port}"), text })
}

/// Whether the answer begins as a good one does.
async fn sent(request: &Request) -> bool {
    let Ok(mut connection) = TcpStream::connect(&request.address).await else { return false };
    if connection.write_all(request.text.as_bytes()).await.is_err() {
        return false;
    }
    let mut status = [0; 10];
    match connection.read_exact(&mut status).await {
        Ok(_) => status.starts_with(b"HTTP/1.1 2"),
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::request;

    #[test]
    fn only_the_loopback_interface_is_called() {
        let made = request("http://127.0.0.1:9/hook?a=1", &json!({ "id": "ü" })).unwrap();
        assert_eq!(made.address, "127.0.0.1:9");
        assert!(made.text.starts_with("POST /hook?a=1 HTTP/1.1\r\n"));
        assert!(made.text.contains("Content-Length: 11\r\n"), "{}", made.text);
        for url in ["https://127.0.0.1/", "http://10.0.0.1/", "http://127.0.0.1.example/", "/x", ""]
        {
            assert!(request(url, &json!({})).is_none(), "{url}");
        }
    }
}
