//! One question over plain HTTP to a stack on this machine, without a client library.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// The largest answer.
const CAP: u64 = 4 << 20;

/// Posts nothing to a path, with a key; the status and the JSON that came back, null if it is none.
///
/// # Errors
/// A sentence: no connection, or no HTTP.
pub(crate) fn post(host: &str, path: &str, key: &str) -> Result<(u16, Value), String> {
    let raw = send(host, path, key).map_err(|error| error.to_string())?;
    let (status, body) = read(&raw).ok_or_else(|| "no HTTP answer".to_owned())?;
    Ok((status, serde_json::from_slice(&body).unwrap_or_default()))
}

fn send(host: &str, path: &str, key: &str) -> std::io::Result<Vec<u8>> {
    let address = host.strip_prefix("http://").unwrap_or(host);
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    // In one piece: a server may answer, and hang up, as soon as it has read the first.
    let question = format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {key}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(question.as_bytes())?;
    let mut raw = Vec::new();
    stream.take(CAP).read_to_end(&mut raw)?;
    Ok(raw)
}

/// Status and body of a whole answer.
fn read(raw: &[u8]) -> Option<(u16, Vec<u8>)> {
    let end = raw.windows(4).position(|window| window == b"\r\n\r\n")?;
    let (head, rest) = raw.split_at_checked(end)?;
    let body = rest.get(4..)?;
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let status = head.strip_prefix("http/1.1 ")?.get(..3)?.parse().ok()?;
    let in_chunks = head.lines().any(|line| {
        line.strip_prefix("transfer-encoding:").is_some_and(|coding| coding.trim() == "chunked")
    });
    Some((status, if in_chunks { joined(body)? } else { body.to_owned() }))
}

/// The chunks of a body as one: <https://datatracker.ietf.org/doc/html/rfc9112#section-7.1>.
fn joined(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|window| window == b"\r\n")?;
        let (line, after) = rest.split_at_checked(end)?;
        let size = std::str::from_utf8(line).ok()?.split(';').next()?.trim();
        let size = usize::from_str_radix(size, 16).ok()?;
        let after = after.get(2..)?;
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(after.get(..size)?);
        rest = after.get(size..)?.strip_prefix(b"\r\n")?;
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread;

    use serde_json::{Value, json};

    use super::post;

    #[test]
    fn answers_are_read_whole_in_both_forms() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = format!("http://{}", listener.local_addr().unwrap());
        let server = thread::spawn(move || {
            for reply in [
                "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{\"a\": [1]}",
                "HTTP/1.1 409 Conflict\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n{\"a\"\r\n5;x\r\n: 2 }\r\n0\r\n\r\n",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                "HTTP/1.1 204 No Content\r\n\r\n",
            ] {
                let (mut stream, _) = listener.accept().unwrap();
                let mut question = [0; 512];
                let count = stream.read(&mut question).unwrap();
                let question = String::from_utf8_lossy(&question[..count]).into_owned();
                assert!(question.contains("authorization: Bearer de_admin_1\r\n"), "{question}");
                stream.write_all(reply.as_bytes()).unwrap();
            }
        });
        let ask = || post(&host, "/v1/x", "de_admin_1");
        assert_eq!(ask(), Ok((200, json!({"a": [1]}))));
        assert_eq!(ask(), Ok((409, json!({"a": 2}))));
        assert_eq!(ask(), Err("no HTTP answer".to_owned()));
        assert_eq!(ask(), Ok((204, Value::Null)));
        server.join().unwrap();
    }
}
