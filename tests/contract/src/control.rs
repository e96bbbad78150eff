//! The control plane, spoken to by someone with a key.

use de_testkit::client::{TestClient, TestResponse};
use http::Method;
use serde_json::{Value, json};

use crate::{document::check, wait::unique};

/// Someone who asks.
pub struct Control {
    /// The front door with their key.
    pub client: TestClient,
}

/// What they are told.
#[derive(Debug)]
pub struct Told(TestResponse);

/// A tenant that a test made for itself: an organization with an instance with a project.
#[derive(Clone, Debug)]
pub struct Tenant {
    /// `inst_…`
    pub instance: String,
    /// `org_…`
    pub organization: String,
    /// `proj_…`
    pub project: String,
}

/// Someone of a tenant, with a key for everything.
pub struct Person {
    /// What they do with it.
    pub control: Control,
    /// `user_…`
    pub id: String,
    /// The key.
    pub key: String,
}

impl Control {
    /// Speaks through this client.
    #[must_use]
    pub fn of(client: TestClient) -> Self {
        Self { client: client.witnessed(check::answer) }
    }

    /// Reads.
    ///
    /// # Panics
    /// If there is no answer.
    pub async fn get(&self, path: &str) -> Told {
        Told(self.client.get(path).await.unwrap())
    }

    /// Reads a list to its end; the path has its filters already, behind a `?`.
    ///
    /// # Panics
    /// If a page cannot be read.
    pub async fn all(&self, path: &str) -> Vec<Value> {
        let (mut all, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = self.get(&format!("{path}&limit=200{cursor}")).await.is(200).json();
            all.extend(page["data"].as_array().expect("a page has data").iter().cloned());
            let Some(next) = page["next_cursor"].as_str() else { return all };
            cursor = format!("&cursor={next}");
        }
    }

    /// Makes something.
    ///
    /// # Panics
    /// If there is no answer.
    pub async fn post(&self, path: &str, body: &Value) -> Told {
        Told(self.client.post(path, body).await.unwrap())
    }

    /// Puts something into its place.
    ///
    /// # Panics
    /// If there is no answer.
    pub async fn put(&self, path: &str, body: &Value) -> Told {
        Told(self.client.request(Method::PUT, path).json(body).send().await.unwrap())
    }

    /// Changes fields.
    ///
    /// # Panics
    /// If there is no answer.
    pub async fn patch(&self, path: &str, body: &Value) -> Told {
        Told(self.client.request(Method::PATCH, path).json(body).send().await.unwrap())
    }

    /// Removes.
    ///
    /// # Panics
    /// If there is no answer.
    pub async fn delete(&self, path: &str) -> Told {
        Told(self.client.request(Method::DELETE, path).send().await.unwrap())
    }

    /// Makes a row of a resource, and says what it is.
    ///
    /// # Panics
    /// If it is not made.
    pub async fn make(&self, resource: &str, body: Value) -> Value {
        self.post(&format!("/v1/{resource}"), &body).await.is(201).json()
    }

    /// Makes a tenant of one's own.
    ///
    /// # Panics
    /// If it is not made.
    pub async fn tenant(&self) -> Tenant {
        let id = |made: Value| made["id"].as_str().expect("a row has an id").to_owned();
        let organization = id(self.make("organizations", json!({"name": unique("tenant")})).await);
        let instance =
            json!({"organization_id": organization, "name": "I", "environment": "production"});
        let instance = id(self.make("instances", instance).await);
        let project =
            id(self.make("projects", json!({"instance_id": instance, "name": "P"})).await);
        Tenant { instance, organization, project }
    }

    /// Makes a person of an organization, with a key.
    ///
    /// # Panics
    /// If they are not made.
    pub async fn person(&self, organization: &str, role: &str) -> Person {
        let email = format!("{}@example.com", unique(role));
        let body = json!({"organization_id": organization, "email": email, "role": role});
        let made = self.make("users", body).await;
        let id = made["id"].as_str().expect("a row has an id").to_owned();
        let body = json!({"user_id": id, "scopes": ["admin", "read", "text"]});
        let made = self.make("api-keys", body).await;
        let key = made["secret"].as_str().expect("it is shown this once").to_owned();
        let client = self.client.clone().with_key(&key).expect("a key can be a header");
        Person { control: Self::of(client), id, key }
    }

    /// Gives a person a grant on an instance, or another one.
    ///
    /// # Panics
    /// If they do not get it.
    pub async fn grant(&self, user: &str, instance: &str, role: &str) -> TestResponse {
        let path = format!("/v1/users/{user}/grants/{instance}");
        let told = self.put(&path, &json!({"role": role})).await;
        assert!([200, 201].contains(&told.status()), "{}", told.0.text());
        told.0
    }
}

impl Told {
    /// 100 to 599.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.0.status
    }

    /// The same, once its status is seen to be this.
    ///
    /// # Panics
    /// If it is another.
    #[track_caller]
    pub fn is(self, status: u16) -> TestResponse {
        assert_eq!(self.0.status, status, "{}", self.0.text());
        self.0
    }

    /// The body of a failure, once status and code are seen to be these.
    ///
    /// # Panics
    /// If they are others.
    #[track_caller]
    pub fn fails(self, status: u16, code: &str) -> Value {
        let text = self.0.text();
        assert_eq!(self.0.status, status, "{text}");
        let body = self.0.json();
        assert_eq!(body["error_code"], code, "{text}");
        assert!(body["request_id"].is_string(), "{text}");
        body
    }
}
