//! A vendor that lies. A socket and no HTTP library, as those are too honest: what it sends is said byte for byte.
//!
//! Which lie it tells stands in the prompt: `lie:redirect`. Each connection takes one request and is closed.

mod told;

use std::{net::Ipv4Addr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
    time::sleep,
};

use crate::{stack::Stack, wait::until};

/// It, for as long as this lives.
pub struct Liar {
    port: u16,
    task: JoinHandle<()>,
}

/// One step of an answer.
#[derive(Clone, Debug)]
pub enum Step {
    /// These bytes.
    Bytes(Vec<u8>),
    /// Nothing more, until the other side closes.
    Hang,
    /// Nothing, for a while.
    Pause(Duration),
    /// The same bytes so many times.
    Repeat(Vec<u8>, usize),
    /// The connection is reset.
    Reset,
}

/// In whose form the vendor speaks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Tongue {
    /// Messages.
    Anthropic,
    /// Chat completions.
    OpenAi,
}

impl Tongue {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Anthropic, Self::OpenAi];

    /// The name of the protocol in a model config.
    #[must_use]
    pub fn protocol(self) -> &'static str {
        match self {
            Self::Anthropic => "anthropic-messages",
            Self::OpenAi => "openai-chat",
        }
    }
}

impl Liar {
    /// Listens where the stack lets a provider of a test live.
    ///
    /// # Panics
    /// If none of those places is free in time.
    pub async fn listen(stack: &Stack) -> Self {
        let ports = stack.spare_ports.clone();
        let listener = until("a port for a vendor of a test's own", async || {
            for port in &ports {
                if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).await {
                    return Some(listener);
                }
            }
            None
        })
        .await;
        let port = listener.local_addr().expect("it has an address").port();
        let task = tokio::spawn(accept(listener));
        Self { port, task }
    }

    /// Where it lives, as the base URL of a provider.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://127.0.0.1:{}/v1", self.port)
    }
}

impl Drop for Liar {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener) {
    while let Ok((connection, _)) = listener.accept().await {
        tokio::spawn(serve(connection));
    }
}

async fn serve(mut connection: TcpStream) -> Option<()> {
    let text = read(&mut connection).await?;
    for step in told::answer(&text) {
        match step {
            Step::Bytes(bytes) => connection.write_all(&bytes).await.ok()?,
            Step::Hang => {
                // What still comes is nothing that anybody asked for.
                while connection.read(&mut [0; 1024]).await.ok()? > 0 {}
            }
            Step::Pause(time) => sleep(time).await,
            Step::Repeat(bytes, times) => {
                // In large pieces: what is tried is the reader.
                let at_once = (65_536 / bytes.len()).clamp(1, times);
                let block = bytes.repeat(at_once);
                for _ in 0..times / at_once {
                    connection.write_all(&block).await.ok()?;
                }
            }
            Step::Reset => {
                connection.set_zero_linger().ok()?;
                return Some(());
            }
        }
    }
    connection.shutdown().await.ok()
}

/// A request, whole.
async fn read(connection: &mut TcpStream) -> Option<String> {
    let mut got = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&got);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
            });
            if body.len() >= length.unwrap_or(0) {
                return Some(text.into_owned());
            }
        }
        if connection.read_buf(&mut got).await.ok()? == 0 {
            return None;
        }
    }
}
