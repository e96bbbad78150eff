//! The public gateways, each as its own page says to run it, with one worker, on a port of the loopback interface.
//!
//! `cargo xtask bench gateways` installs them by lock files and says where they are; who is not named is not measured.

use std::{
    env, fs,
    net::TcpListener,
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::process::{Child, Command};

use crate::{
    case::{CHAT_MODEL, Side},
    failure::Failure,
    load::Target,
};

const START: Duration = Duration::from_secs(120);
const END: Duration = Duration::from_secs(10);
/// Who asks LiteLLM for anything.
const LITELLM_KEY: &str = "sk-bench";

/// One that answers. It is killed with us.
pub(crate) struct Rival {
    child: Child,
    pub(crate) target: Target,
}

impl Rival {
    /// Starts those that are installed.
    ///
    /// # Errors
    /// `System` if one cannot be started, `Unexpected` if it does not answer within two minutes.
    pub(crate) async fn all(
        root: &Path,
        vendor_port: u16,
        client: &reqwest::Client,
    ) -> Result<Vec<Self>, Failure> {
        let mut all = Vec::new();
        if let Some(modules) = env::var_os("DE_BENCH_PORTKEY") {
            all.push(portkey(Path::new(&modules), vendor_port).await?);
        }
        if let Some(python) = env::var_os("DE_BENCH_LITELLM") {
            all.push(litellm(root, Path::new(&python), vendor_port, client).await?);
        }
        Ok(all)
    }

    /// Ends it, and waits until it has gone.
    ///
    /// # Errors
    /// `Unexpected` if it stays.
    pub(crate) async fn end(mut self) -> Result<(), Failure> {
        let name = self.target.side.word();
        let gone = tokio::time::timeout(END, self.child.kill()).await;
        match gone {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => {
                Err(Failure::Unexpected { problem: format!("{name} cannot be ended: {error}") })
            }
            Err(_late) => Err(Failure::Unexpected { problem: format!("{name} does not end") }),
        }
    }
}

/// By its package's own server. It asks nobody for a key, keeps no limits, and is told by headers where to go.
async fn portkey(modules: &Path, vendor_port: u16) -> Result<Rival, Failure> {
    let node = env::var_os("DE_NODE").ok_or(Failure::Setting { name: "DE_NODE" })?;
    let port = free()?;
    let server = modules.join("@portkey-ai/gateway/build/start-server.js");
    let child = Command::new(node)
        .arg(&server)
        .args([format!("--port={port}"), "--headless".to_owned()])
        .env("NODE_ENV", "production")
        .env("TRUSTED_CUSTOM_HOSTS", "127.0.0.1")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(Failure::system("start", &server))?;
    let mut headers = HeaderMap::new();
    let host = format!("http://127.0.0.1:{vendor_port}/v1");
    for (name, value) in [("x-portkey-provider", "openai"), ("x-portkey-custom-host", &host)] {
        let value = HeaderValue::from_str(value)
            .map_err(|error| Failure::Unexpected { problem: error.to_string() })?;
        headers.insert(HeaderName::from_static(name), value);
    }
    let client = reqwest::Client::builder()
        .no_proxy()
        .tcp_nodelay(true)
        .default_headers(headers)
        .timeout(crate::PATIENCE)
        .build()
        .map_err(|source| Failure::Request { what: "making a client".to_owned(), source })?;
    let target = Target {
        client,
        key: "bench".to_owned(),
        pid: child.id(),
        side: Side::Portkey,
        url: format!("http://127.0.0.1:{port}"),
    };
    answering(Rival { child, target }, "/").await
}

/// By its own command, with a key to ask with and one model. Without a database it keeps no budgets and no books.
async fn litellm(
    root: &Path,
    python: &Path,
    vendor_port: u16,
    client: &reqwest::Client,
) -> Result<Rival, Failure> {
    let port = free()?;
    let folder = root.join("target/bench");
    fs::create_dir_all(&folder).map_err(Failure::system("create", &folder))?;
    let file = folder.join("litellm.yaml");
    let config = format!(
        "model_list:\n  - model_name: {CHAT_MODEL}\n    litellm_params:\n      model: openai/{CHAT_MODEL}\n      \
         api_base: http://127.0.0.1:{vendor_port}/v1\n      api_key: bench\nlitellm_settings:\n  \
         telemetry: false\ngeneral_settings:\n  master_key: {LITELLM_KEY}\n"
    );
    fs::write(&file, config).map_err(Failure::system("write", &file))?;
    let child = Command::new(python)
        // The script that pip writes names the folder in which it was made.
        .args(["-I", "-c", "from litellm import run_server; run_server()"])
        .arg("--config")
        .arg(&file)
        .args(["--host", "127.0.0.1", "--port", &port.to_string(), "--num_workers", "1"])
        .env("LITELLM_LOG", "ERROR")
        .env("LITELLM_LOCAL_MODEL_COST_MAP", "True")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(Failure::system("start", python))?;
    let target = Target {
        client: client.clone(),
        key: LITELLM_KEY.to_owned(),
        pid: child.id(),
        side: Side::Litellm,
        url: format!("http://127.0.0.1:{port}"),
    };
    answering(Rival { child, target }, "/health/liveliness").await
}

/// Waits until somebody answers there, whatever it says.
async fn answering(mut rival: Rival, path: &str) -> Result<Rival, Failure> {
    let name = rival.target.side.word();
    let begun = Instant::now();
    let url = format!("{}{path}", rival.target.url);
    while rival.target.client.get(&url).send().await.is_err() {
        let ended = rival.child.try_wait().ok().flatten();
        if ended.is_some() || begun.elapsed() > START {
            let problem = format!("{name} does not start");
            return Err(Failure::Unexpected { problem });
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Ok(rival)
}

/// A port that nobody has at this moment.
fn free() -> Result<u16, Failure> {
    let bound = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    bound.map(|address| address.port()).map_err(Failure::system("look for a port on", "127.0.0.1"))
}
