//! A client that goes away, in the two ways that TCP knows.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::Instant,
};

/// How a client goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Leave {
    /// It closes its socket, having read all that came. To the server that looks as if it had only done
    /// sending: what tells is the reset that answers the server's next write.
    ByClosing,
    /// It resets the connection, as the kernel does too for a socket that is closed with bytes unread.
    ByReset,
}

/// A request as it goes over the wire, and where.
pub(crate) struct Wired {
    pub(crate) address: String,
    pub(crate) bytes: Vec<u8>,
}

impl Wired {
    /// Sends it and leaves when `moment` has come, for which it waits from the first bytes of the answer's body on
    /// if it waits for them. Says how long after sending that was.
    pub(crate) async fn leave(
        self,
        how: Leave,
        moment: impl Future<Output = ()>,
        waits: bool,
    ) -> Duration {
        let mut stream = TcpStream::connect(&self.address).await.expect("it listens");
        stream.write_all(&self.bytes).await.expect("it reads");
        let sent = Instant::now();
        let mut got = Vec::new();
        while waits && !begins(&got) {
            let count = stream.read_buf(&mut got).await.expect("it answers");
            assert!(count > 0, "it hung up first: {}", String::from_utf8_lossy(&got));
        }
        moment.await;
        match how {
            Leave::ByClosing => {
                // What lies unread would make a reset of it.
                let mut rest = vec![0; 1 << 20];
                while stream.try_read(&mut rest).is_ok_and(|count| count > 0) {}
            }
            Leave::ByReset => stream.set_zero_linger().expect("the socket takes it"),
        }
        let left = sent.elapsed();
        drop(stream);
        left
    }
}

/// Whether the body of an answer has begun.
fn begins(got: &[u8]) -> bool {
    let end = got.windows(4).position(|window| window == b"\r\n\r\n");
    end.is_some_and(|end| got.len() > end + 4)
}
