//! A whole platform of doubles.

use std::{collections::HashMap, sync::Arc};

use de_core::{
    auth::access_token::AccessTeam,
    ids::ProviderId,
    ports::{Arg, Database, Fetch, Peers, Platform, Settings, Statement},
    secret::Secret,
    shares::Shares,
    snapshot::Memory,
    time::UnixMillis,
};
use serde_json::Value;

use crate::{
    background::TokioBackground,
    blobs::MemoryBlobs,
    brake::MemoryBrake,
    cache::MemoryCache,
    claims::LocalClaims,
    clock::FakeClock,
    database::{MigrationError, SqliteDatabase},
    entropy::SeededEntropy,
    fetch::ScriptedFetch,
    jobs::LocalJobs,
    limiter::LocalLimiter,
    log::MemoryLog,
    peers::NoPeers,
    tenant::{SeedingError, TestTenant, seed_catalogue},
};

/// When tests begin, unless they say otherwise: 2026-11-25T12:00:00Z.
pub const START: UnixMillis = UnixMillis(1_795_608_000_000);

/// The doubles, each by its own type, and the platform that holds them.
pub struct TestPlatform {
    /// `join_all` waits for what goes on after an answer.
    pub background: Arc<TokioBackground>,
    /// R2.
    pub blobs: Arc<MemoryBlobs>,
    /// What counts failed log-ins.
    pub brake: Arc<MemoryBrake>,
    /// KV.
    pub cache: Arc<MemoryCache>,
    /// The claims on `Idempotency-Key`s.
    pub claims: Arc<LocalClaims>,
    /// The clock; all doubles go by it.
    pub clock: Arc<FakeClock>,
    /// D1, seeded.
    pub database: Arc<SqliteDatabase>,
    /// The script of the vendors; not in use if another [`Fetch`] was given.
    pub fetch: Arc<ScriptedFetch>,
    /// The job objects.
    pub jobs: Arc<LocalJobs>,
    /// The Limiters.
    pub limiter: Arc<LocalLimiter>,
    /// What was logged.
    pub log: Arc<MemoryLog>,
    /// What a router takes.
    pub platform: Platform,
    pools_shares: bool,
    /// Whose keys tests use.
    pub tenant: TestTenant,
}

/// Why there is no platform.
#[derive(Debug, thiserror::Error)]
pub enum PlatformError {
    /// No database.
    #[error(transparent)]
    Migration(#[from] MigrationError),
    /// No seeds in it.
    #[error(transparent)]
    Seeding(#[from] SeedingError),
}

/// What can be different about a [`TestPlatform`].
#[derive(Default)]
pub struct Builder {
    access: Option<AccessTeam>,
    base_urls: HashMap<ProviderId, String>,
    bootstrap_token: Option<Secret>,
    clock: Option<FakeClock>,
    failed_log_ins: Option<u32>,
    fetch: Option<MakeFetch>,
    interface_origins: Vec<String>,
    loopback_ports: Vec<u16>,
    peers: Option<Arc<dyn Peers>>,
    pools_shares: bool,
    public_base: Option<String>,
}

type MakeFetch = Box<dyn FnOnce(Arc<TokioBackground>) -> Arc<dyn Fetch> + Send>;

impl Builder {
    /// Another clock than one that flows from [`START`].
    #[must_use]
    pub fn clock(mut self, clock: FakeClock) -> Self {
        self.clock = Some(clock);
        self
    }

    /// How many failed log-ins an address has a minute; else more than any test needs.
    #[must_use]
    pub fn failed_log_ins(mut self, limit: u32) -> Self {
        self.failed_log_ins = Some(limit);
        self
    }

    /// Other vendors than scripted ones.
    #[must_use]
    pub fn fetch(
        mut self,
        make: impl FnOnce(Arc<TokioBackground>) -> Arc<dyn Fetch> + Send + 'static,
    ) -> Self {
        self.fetch = Some(Box::new(make));
        self
    }

    /// Lets a provider live at another base URL, on loopback if `port` is named too.
    #[must_use]
    pub fn base_url(mut self, provider: ProviderId, base_url: String, port: Option<u16>) -> Self {
        self.base_urls.insert(provider, base_url);
        self.loopback_ports.extend(port.filter(|port| !self.loopback_ports.contains(port)));
        self
    }

    /// Lets providers live on this port of the machine.
    #[must_use]
    pub fn loopback_port(mut self, port: u16) -> Self {
        self.loopback_ports.push(port);
        self
    }

    /// Takes log-ins of a Cloudflare Access team, whose keys are on loopback if `port` is named.
    #[must_use]
    pub fn access(mut self, team: AccessTeam, port: Option<u16>) -> Self {
        self.access = Some(team);
        self.loopback_ports.extend(port);
        self
    }

    /// What makes the first superadmin.
    #[must_use]
    pub fn bootstrap_token(mut self, token: &str) -> Self {
        self.bootstrap_token = Some(Secret::new(token.to_owned()));
        self
    }

    /// The origin of one of our own pages.
    #[must_use]
    pub fn interface_origin(mut self, origin: &str) -> Self {
        self.interface_origins.push(origin.to_owned());
        self
    }

    /// Other workers.
    #[must_use]
    pub fn peers(mut self, peers: Arc<dyn Peers>) -> Self {
        self.peers = Some(peers);
        self
    }

    /// Calls take of shares that others were granted, as they do on workerd; else each asks for itself.
    #[must_use]
    pub fn pools_shares(mut self) -> Self {
        self.pools_shares = true;
        self
    }

    /// The origin of the front door.
    #[must_use]
    pub fn public_base(mut self, origin: String) -> Self {
        self.public_base = Some(origin);
        self
    }

    /// Makes it, on the present tokio runtime.
    ///
    /// # Errors
    /// [`PlatformError`], when migrations or seeds are wrong.
    pub async fn build(self) -> Result<TestPlatform, PlatformError> {
        let background = Arc::new(TokioBackground::new());
        let blobs = Arc::new(MemoryBlobs::default());
        let clock = Arc::new(self.clock.unwrap_or_else(|| FakeClock::flowing(START)));
        let brake = Arc::new(MemoryBrake::new(clock.clone()));
        if let Some(limit) = self.failed_log_ins {
            brake.set_limit(limit);
        }
        let cache = Arc::new(MemoryCache::new(clock.clone()));
        let claims = Arc::new(LocalClaims::new(clock.clone()));
        let database = Arc::new(SqliteDatabase::migrated()?);
        let entropy = Arc::new(SeededEntropy::new(1));
        let scripted = Arc::new(ScriptedFetch::new(background.clone()));
        let fetch: Arc<dyn Fetch> = match self.fetch {
            Some(make) => make(background.clone()),
            None => scripted.clone(),
        };
        let limiter = Arc::new(LocalLimiter::new(clock.clone(), database.clone()));
        let jobs = Arc::new(LocalJobs::new(clock.clone()));
        let log = Arc::new(MemoryLog::default());
        let settings = Arc::new(Settings {
            access: self.access,
            bootstrap_token: self.bootstrap_token,
            collector: None,
            deployment: None,
            interface_origins: self.interface_origins,
            loopback_ports: self.loopback_ports,
            master_keys: vec![(1, Secret::new("a master key for tests only, 0001".to_owned()))],
            own_refusals: None,
            public_base: self.public_base,
            service: "test",
        });
        let now = de_core::ports::Clock::now(&*clock);
        let providers = seed_catalogue(&*database, &self.base_urls, now).await?;
        let tenant = TestTenant::make(&*database, &settings, &*entropy, &providers, now).await?;
        let platform = Platform {
            answers: cache.clone(),
            background: background.clone(),
            blobs: blobs.clone(),
            brake: brake.clone(),
            cache: cache.clone(),
            circuits: Arc::default(),
            claims: claims.clone(),
            clock: clock.clone(),
            database: database.clone(),
            entropy,
            fetch,
            jobs: jobs.clone(),
            limiter: limiter.clone(),
            log: log.clone(),
            memory: Arc::new(Memory::default()),
            peers: self.peers.unwrap_or_else(|| Arc::new(NoPeers)),
            refusals: Arc::default(),
            settings,
            shares: shares(self.pools_shares),
        };
        jobs.run_on(Platform {
            circuits: Arc::default(),
            memory: Arc::new(Memory::default()),
            ..platform.clone()
        });
        Ok(TestPlatform {
            background,
            blobs,
            brake,
            cache,
            claims,
            clock,
            database,
            fetch: scripted,
            jobs,
            limiter,
            log,
            platform,
            pools_shares: self.pools_shares,
            tenant,
        })
    }
}

fn shares(pools: bool) -> Arc<Shares> {
    Arc::new(if pools { Shares::pooled() } else { Shares::alone() })
}

impl TestPlatform {
    /// The usual one: scripted vendors, a flowing clock, no peers.
    ///
    /// # Errors
    /// [`PlatformError`], when migrations or seeds are wrong.
    pub async fn new() -> Result<Self, PlatformError> {
        Builder::default().build().await
    }

    /// One that differs.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The platform as a second isolate has it: everything shared but what an isolate remembers.
    #[must_use]
    pub fn another_isolate(&self) -> Platform {
        Platform {
            circuits: Arc::default(),
            memory: Arc::new(Memory::default()),
            refusals: Arc::default(),
            shares: shares(self.pools_shares),
            ..self.platform.clone()
        }
    }

    /// Runs a statement behind everyone's back: its rows, as objects.
    ///
    /// # Panics
    /// If the database refuses it.
    #[expect(clippy::expect_used, reason = "a test's own statement is one that the schema takes")]
    pub async fn sql(&self, sql: &'static str, args: &[&str]) -> Vec<Value> {
        let args = args.iter().map(|arg| Arg::Text((*arg).to_owned())).collect();
        let answers = self.database.batch(vec![Statement { args, sql }]).await;
        let answers = answers.expect("the database takes a test's statement");
        answers.into_iter().flatten().map(Value::Object).collect()
    }
}
