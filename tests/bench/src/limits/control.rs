//! The control plane, and what local builds can be told beside it (`de_edge::faults`).

use std::time::{Duration, Instant};

use de_core::limits::wire::Stats;
use reqwest::Method;
use serde_json::Value;

use crate::{failure::Failure, gateway::Gateway};

/// How often it is looked whether something has come.
const PAUSE: Duration = Duration::from_millis(250);

/// Who operates the stack.
#[derive(Clone)]
pub(crate) struct Control {
    base: String,
    client: reqwest::Client,
    key: String,
    text: String,
}

impl Control {
    pub(crate) fn of(gateway: &Gateway, client: reqwest::Client) -> Self {
        Self {
            base: gateway.base.clone(),
            client,
            key: gateway.admin_key.clone(),
            text: gateway.text().to_owned(),
        }
    }

    /// Asks, and takes no other status for an answer than this one.
    ///
    /// # Errors
    /// `Control` for another status, `Request` for no answer.
    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        expected: u16,
    ) -> Result<Value, Failure> {
        self.ask_at(&self.base, method, path, body, expected).await
    }

    /// Reads. As [`Self::ask`] else.
    pub(crate) async fn get(&self, path: &str) -> Result<Value, Failure> {
        self.ask(Method::GET, path, None, 200).await
    }

    /// Makes a row of a resource. As [`Self::ask`] else.
    pub(crate) async fn make(&self, resource: &str, body: Value) -> Result<Value, Failure> {
        self.ask(Method::POST, &format!("/v1/{resource}"), Some(&body), 201).await
    }

    /// Puts something into its place, new or not. As [`Self::ask`] else.
    pub(crate) async fn put(&self, path: &str, body: Value) -> Result<Value, Failure> {
        self.ask(Method::PUT, path, Some(&body), 200).await
    }

    /// Whether the front door answers.
    pub(crate) async fn is_up(&self) -> bool {
        self.get("/health").await.is_ok()
    }

    /// Makes a port of the text worker be so for a while; for no time at all: as it was.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub(crate) async fn fault_of_text(
        &self,
        port: &str,
        mode: &str,
        duration: Duration,
    ) -> Result<(), Failure> {
        let path = format!("/__faults?port={port}&mode={mode}&for_ms={}", duration.as_millis());
        self.ask_at(&self.text, Method::POST, &path, None, 200).await?;
        Ok(())
    }

    /// The same for the Limiters' isolate, by one of them.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub(crate) async fn fault_of_limiters(
        &self,
        object: &str,
        port: &str,
        mode: &str,
        duration: Duration,
    ) -> Result<(), Failure> {
        let for_ms = duration.as_millis();
        let path = format!("/__faults?port={port}&mode={mode}&for_ms={for_ms}&object={object}");
        self.ask(Method::POST, &path, None, 200).await?;
        Ok(())
    }

    /// The counts of a Limiter.
    ///
    /// # Errors
    /// As [`Self::ask`], `Json` for what are no counts.
    pub(crate) async fn stats(&self, object: &str) -> Result<Stats, Failure> {
        let told = self.get(&format!("/__limiter?object={object}")).await?;
        serde_json::from_value(told).map_err(|source| Failure::Json { source })
    }

    async fn ask_at(
        &self,
        base: &str,
        method: Method,
        path: &str,
        body: Option<&Value>,
        expected: u16,
    ) -> Result<Value, Failure> {
        let asking = |source| Failure::Request { what: format!("{path} was asked"), source };
        let request = self.client.request(method, format!("{base}{path}")).bearer_auth(&self.key);
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        let response = request.send().await.map_err(asking)?;
        let status = response.status().as_u16();
        let body = response.text().await.map_err(asking)?;
        // What is put may be new.
        if status != expected && !(expected == 200 && status == 201) {
            return Err(Failure::Control { path: path.to_owned(), status, body });
        }
        Ok(serde_json::from_str(&body).unwrap_or_default())
    }
}

/// Looks until there is an answer; `None` if it does not come in time.
///
/// # Errors
/// Those of the looking.
pub(crate) async fn until<T>(
    patience: Duration,
    mut look: impl AsyncFnMut() -> Result<Option<T>, Failure>,
) -> Result<Option<T>, Failure> {
    let begun = Instant::now();
    loop {
        let found = look().await?;
        if found.is_some() || begun.elapsed() > patience {
            return Ok(found);
        }
        tokio::time::sleep(PAUSE).await;
    }
}
