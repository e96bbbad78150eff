use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

/// Ends the process with the test, however that ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_de-simulator"));
    command.env_remove("DE_SIMULATOR_KEYS").stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

#[tokio::test]
async fn the_first_line_is_the_address() {
    let started = command().args(["--key", "openai=sk-mine"]).spawn().unwrap();
    let mut running = Running(started);
    let mut line = String::new();
    BufReader::new(running.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = serde_json::from_str::<Value>(&line).unwrap()["address"].clone();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("{}/openai/v1/models", address.as_str().unwrap());
    let response = client.get(&url).bearer_auth("sk-mine").send().await.unwrap();
    assert_eq!(response.status().as_u16(), 200);
    let health = client.get(format!("{}/health", address.as_str().unwrap())).send().await.unwrap();
    assert_eq!(health.json::<Value>().await.unwrap(), json!({ "status": "ok" }));
}

#[test]
fn wrong_arguments_end_it_without_the_key() {
    for (arguments, said) in [
        (["--key", "acme=sk-secret"], "no such vendor"),
        (["--key", "sk-secret"], "in the form vendor=key"),
        (["--port", "many"], "wrong arguments"),
    ] {
        let output = command().args(arguments).output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && error.contains(said), "{error}");
        assert!(!error.contains("secret"), "{error}");
    }
}
