//! The workers over doubles whose every part can be looked at and changed: for what no caller may do, and
//! for persons that no route makes.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use de_core::{
    auth::{
        Scope,
        api_key::{ApiKey, KeyKind},
    },
    ids::{OrganizationId, UserId},
    ports::{Arg, Database, Platform, Row, Settings, Statement},
    secret::Secret,
    store::tenants::{self, KeyHolder, NewKey, NewUser},
};
use de_testkit::{
    client::TestClient,
    entropy::SeededEntropy,
    platform::{START, TestPlatform},
};

use crate::control::Control;

/// One world, whose vendors answer what a test scripts.
pub struct World {
    /// Its parts.
    pub test: TestPlatform,
    people: AtomicU64,
    platform: Platform,
}

impl World {
    /// The usual one.
    ///
    /// # Panics
    /// If it cannot be made.
    pub async fn new() -> Self {
        let test = TestPlatform::new().await.expect("the platform can be made");
        let platform = test.another_isolate();
        Self { people: AtomicU64::new(0), platform, test }
    }

    /// The same world once the operator has changed master keys: one more, or without the text one less.
    #[must_use]
    pub fn with_master_key(mut self, version: u32, text: Option<&str>) -> Self {
        let mut settings = Settings::clone(&self.platform.settings);
        settings.master_keys.retain(|(known, _)| *known != version);
        settings.master_keys.extend(text.map(|text| (version, Secret::new(text.to_owned()))));
        self.platform = Platform { settings: Arc::new(settings), ..self.platform };
        self
    }

    /// The config worker, in an isolate that remembers nothing, with a key.
    ///
    /// # Panics
    /// If the key is no header.
    #[must_use]
    pub fn control(&self, key: &Secret) -> Control {
        let router = de_config::router(self.isolate());
        Control::of(TestClient::of_router(router).with_key(key.expose()).unwrap())
    }

    /// The same with the operator's key.
    #[must_use]
    pub fn operator(&self) -> Control {
        self.control(&self.test.tenant.admin_key)
    }

    /// The text worker, in an isolate that remembers nothing, with the project's key.
    ///
    /// # Panics
    /// If the key is no header.
    #[must_use]
    pub fn text(&self) -> TestClient {
        let router = de_text::router(self.isolate());
        TestClient::of_router(router).with_key(self.test.tenant.client_key.expose()).unwrap()
    }

    /// Someone who administers an organization.
    ///
    /// # Panics
    /// If the rows are not taken.
    pub async fn admin_of(&self, organization: &str) -> Control {
        let n = self.people.fetch_add(1, Ordering::Relaxed);
        let user = UserId::parse(&format!("user_person-{n}")).unwrap();
        let organization = OrganizationId::parse(organization).unwrap();
        let made = ApiKey::make(KeyKind::Admin, &SeededEntropy::new(7_000 + n));
        let email = format!("person-{n}@example.com");
        let person = NewUser {
            email: &email,
            id: &user,
            name: "Person",
            organization_id: &organization,
            role: "admin",
        };
        let key = NewKey {
            allowed_models: None,
            digest: &made.key.digest,
            expires_at: None,
            holder: KeyHolder::User(&user),
            id: &made.key.id,
            kind: KeyKind::Admin,
            last_four: "0000",
            name: "Person",
            revoked_at: None,
            scopes: &[Scope::Admin, Scope::Read],
        };
        let rows = vec![tenants::put_user(person, START), tenants::put_key(&key, START)];
        self.test.database.batch(rows).await.unwrap();
        self.control(&made.secret)
    }

    /// Runs a statement behind everyone's back.
    ///
    /// # Panics
    /// If the database refuses it.
    pub async fn sql(&self, sql: &'static str, args: &[&str]) -> Vec<Row> {
        let args = args.iter().map(|arg| Arg::Text((*arg).to_owned())).collect();
        self.test.database.batch(vec![Statement { args, sql }]).await.unwrap().remove(0)
    }

    /// Everything that rests or was written down anywhere, as one text.
    ///
    /// # Panics
    /// If the database cannot be read.
    #[must_use]
    pub fn everything(&self) -> String {
        let copies = format!("{:?}", self.test.cache.entries());
        [self.test.database.dump().unwrap(), copies, self.test.log.text()].join("\n")
    }

    /// The ports, as one more isolate has them.
    #[must_use]
    pub fn platform(&self) -> Platform {
        self.isolate()
    }

    fn isolate(&self) -> Platform {
        let settings = self.platform.settings.clone();
        Platform { settings, ..self.test.another_isolate() }
    }
}
