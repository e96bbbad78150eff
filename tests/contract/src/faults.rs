//! Ports of a real stack that are made to fail: see `de_edge::faults`.

use std::{collections::BTreeMap, time::Duration};

use de_testkit::client::TestClient;
use http::Method;
use serde_json::Value;

/// The workers that a call to a text model passes, and the object of the stack's instance.
pub struct Faults {
    pub(crate) front: TestClient,
    /// The workers with hosts of their own.
    pub(crate) hosts: BTreeMap<String, TestClient>,
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

    /// Makes a port of one worker `fail`, or late by `slow:<ms>`, for a while.
    ///
    /// # Panics
    /// If there is no such worker, or it has no such faults.
    pub async fn set(&self, worker: &str, port: &str, mode: &str, duration: Duration) {
        let client = if worker == "config" { &self.front } else { &self.hosts[worker] };
        let path = format!("/__faults?port={port}&mode={mode}&for_ms={}", duration.as_millis());
        let answer = client.request(Method::POST, &path).send().await.expect("it answers");
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    }

    /// The same of the Limiter of an instance, whose isolate all of them share.
    ///
    /// # Panics
    /// If it has no such faults.
    pub async fn set_limiter(&self, instance: &str, port: &str, mode: &str, duration: Duration) {
        let millis = duration.as_millis();
        let path = format!("/__faults?port={port}&mode={mode}&for_ms={millis}&object={instance}");
        let answer = self.front.request(Method::POST, &path).send().await.expect("it answers");
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    }

    /// Panics in the isolate of a worker, and says what whoever asked for it is answered.
    ///
    /// # Panics
    /// If there is no such worker.
    pub async fn panic(&self, worker: &str) -> u16 {
        let client = if worker == "config" { &self.front } else { &self.hosts[worker] };
        let sent = client.request(Method::POST, "/__panic").send().await;
        sent.expect("it answers").status
    }

    /// Panics in the isolate of the Limiters, while it does what one of them is asked.
    ///
    /// # Panics
    /// If there is no answer at all.
    pub async fn panic_limiter(&self, instance: &str) -> u16 {
        let path = format!("/__panic?object={instance}");
        let sent = self.front.request(Method::POST, &path).send().await;
        sent.expect("it answers").status
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
