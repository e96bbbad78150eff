//! Asks a stack whether it is ready to answer.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use crate::failure::Failure;
use crate::say::Watch;
use crate::stack::record::Record;

/// How long one question may take.
const QUESTION: Duration = Duration::from_secs(5);

/// Waits until the front door is ready and every other host is healthy.
///
/// `check` is asked between two questions and may end the wait. Returns what is wrong once the time is over, else
/// nothing.
///
/// # Errors
/// Those of `check`.
pub(crate) fn wait(
    record: &Record,
    time: Duration,
    mut check: impl FnMut() -> Result<(), Failure>,
) -> Result<Option<String>, Failure> {
    let watch = Watch::start();
    let hosts = record.hosts.values().map(|host| (host.as_str(), "/health"));
    for (host, path) in std::iter::once((record.base.as_str(), "/ready")).chain(hosts) {
        loop {
            check()?;
            let answer = match status(host, path) {
                // A front door without that route is judged by its health.
                Ok(404) if path == "/ready" => status(host, "/health"),
                answer => answer,
            };
            if answer == Ok(200) {
                break;
            }
            if watch.elapsed() > time {
                let said = match answer {
                    Ok(status) => format!("answers {status}"),
                    Err(error) => format!("does not answer ({error})"),
                };
                return Ok(Some(format!("is not ready: {host}{path} {said}")));
            }
            thread::sleep(Duration::from_millis(100));
        }
    }
    Ok(None)
}

/// Asks one question over plain HTTP and reads no more than the status.
fn status(host: &str, path: &str) -> Result<u16, String> {
    ask(host, path).map_err(|error| error.to_string()).and_then(|head| {
        let status = head.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
        status.ok_or_else(|| "no HTTP status".to_owned())
    })
}

fn ask(host: &str, path: &str) -> std::io::Result<String> {
    let address = host.strip_prefix("http://").unwrap_or(host);
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(QUESTION))?;
    // In one piece: a server may answer, and hang up, as soon as it has read the first.
    let question = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(question.as_bytes())?;
    let mut head = Vec::new();
    stream.take(64).read_to_end(&mut head)?;
    Ok(String::from_utf8_lossy(&head).into_owned())
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread;

    use super::status;

    #[test]
    fn status_is_read_from_the_first_line() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = format!("http://{}", listener.local_addr().unwrap());
        let server = thread::spawn(move || {
            for reply in
                ["HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 503 Service Unavailable\r\n\r\nbusy", "what?"]
            {
                let (mut stream, _) = listener.accept().unwrap();
                let mut question = [0; 512];
                assert!(stream.read(&mut question).unwrap() > 0);
                stream.write_all(reply.as_bytes()).unwrap();
            }
        });
        assert_eq!(status(&host, "/ready"), Ok(200));
        assert_eq!(status(&host, "/ready"), Ok(503));
        assert_eq!(status(&host, "/ready"), Err("no HTTP status".to_owned()));
        server.join().unwrap();
    }
}
