//! Ports of a real stack that are made to fail: see `de_edge::faults`.

use std::time::Duration;

use de_testkit::client::TestClient;
use http::Method;
use serde_json::Value;

/// The workers that a call to a text model passes, and the object of the stack's instance.
pub struct Faults {
    pub(crate) front: TestClient,
    pub(crate) text: TestClient,
}

/// The instance of the stack's tenant.
const INSTANCE: &str = "inst_dev";

impl Faults {
    /// Makes a port fail for a while, in the text worker and in the Limiters.
    ///
    /// # Panics
    /// If the stack has no such faults.
    pub async fn fail(&self, port: &str, duration: Duration) {
        let query = format!("port={port}&mode=fail&for_ms={}", duration.as_millis());
        let places = [
            (&self.text, format!("/__faults?{query}")),
            (&self.front, format!("/__faults?{query}&object={INSTANCE}")),
        ];
        for (client, path) in places {
            let answer = client.request(Method::POST, &path).send().await.expect("it answers");
            assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        }
    }

    /// The counts of the instance's Limiter.
    ///
    /// # Panics
    /// If the stack has no such faults.
    pub async fn limiter(&self) -> Value {
        let answer = self.front.get(&format!("/__limiter?object={INSTANCE}")).await;
        let answer = answer.expect("it answers");
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }
}
