//! What the vendors received, as the simulator recorded it.

use serde_json::Value;

use crate::wait::until;

/// The simulator's control endpoints.
pub struct Vendors {
    address: String,
    client: reqwest::Client,
}

impl Vendors {
    pub(crate) fn at(address: &str) -> Self {
        let client = reqwest::Client::builder().no_proxy().build().expect("a client can be made");
        Self { address: address.to_owned(), client }
    }

    /// Where a vendor lives: `openai/v1`.
    #[must_use]
    pub fn base_url(&self, place: &str) -> String {
        format!("{}/{place}", self.address)
    }

    /// The requests in which this word stands, oldest first: `vendor`, `path`, `headers`, `body`, `status`,
    /// `client_hung_up`, `hung_up_after_ms`.
    ///
    /// # Panics
    /// If the simulator does not answer.
    pub async fn received(&self, word: &str) -> Vec<Value> {
        let url = format!("{}/control/requests?contains={word}", self.address);
        let answer = self.client.get(url).send().await.expect("the simulator answers");
        answer.json().await.expect("the simulator answers a list")
    }

    /// The requests whose last words of the user were these, oldest first: as [`Vendors::received`], also those whose
    /// bodies are too large to be on record, of which `body` is `omitted_bytes`.
    ///
    /// # Panics
    /// If the simulator does not answer.
    pub async fn prompted(&self, words: &str) -> Vec<Value> {
        let url = format!("{}/control/requests?prompt={words}", self.address);
        let answer = self.client.get(url).send().await.expect("the simulator answers");
        answer.json().await.expect("the simulator answers a list")
    }

    /// The messages that a receiver of webhooks has got under this name, oldest first: `headers`, `body`,
    /// `status`.
    ///
    /// # Panics
    /// If the simulator does not answer.
    pub async fn hooks(&self, name: &str) -> Vec<Value> {
        let url = format!("{}/control/hooks/{name}", self.address);
        let answer = self.client.get(url).send().await.expect("the simulator answers");
        answer.json().await.expect("the simulator answers a list")
    }

    /// The one request in which this word stands, once it is there.
    ///
    /// # Panics
    /// If none comes, or more than one.
    pub async fn only(&self, word: &str) -> Value {
        let mut found = until("a request to a vendor", async || {
            Some(self.received(word).await).filter(|found| !found.is_empty())
        })
        .await;
        assert_eq!(found.len(), 1, "one call, one request: {found:#?}");
        found.remove(0)
    }

    /// The one request in which this word stands, once its client has hung up.
    ///
    /// # Panics
    /// If that does not come.
    pub async fn hung_up(&self, word: &str) -> Value {
        until("the vendor's connection to close", async || {
            let found = self.received(word).await;
            found.into_iter().find(|record| record["client_hung_up"] == true)
        })
        .await
    }
}
