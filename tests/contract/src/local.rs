//! The stack in process: two workers on loopback and others behind the front door, doubles of the ports, the simulator.

use std::{collections::BTreeMap, net::Ipv4Addr, sync::Arc};

use de_core::{
    ids::ProviderId,
    ports::{Arg, Database, Platform, Statement},
};
use de_simulator::{Config, Simulator, Vendor};
use de_testkit::{
    background::TokioBackground, cache::MemoryCache, clock::FakeClock, database::SqliteDatabase,
    fetch::ReqwestFetch, host::Host, jobs::LocalJobs, log::MemoryLog, peers::RouterPeers,
    platform::TestPlatform, tenant::TestTenant,
};
use tokio::net::TcpListener;

use crate::workers;

/// Where a page of the local stack would live.
const PAGE: &str = "http://127.0.0.1:9001";

/// Where one of our own pages would live.
const INTERFACE: &str = "http://127.0.0.1:9002";

/// Everything that has to live as long as the test.
pub struct Local {
    /// What goes on after an answer.
    pub background: Arc<TokioBackground>,
    /// KV.
    pub cache: Arc<MemoryCache>,
    /// What the time is to all of it.
    pub clock: Arc<FakeClock>,
    /// D1.
    pub database: Arc<SqliteDatabase>,
    /// The config worker.
    pub front: Host,
    /// The job objects.
    pub jobs: Arc<LocalJobs>,
    /// What was logged.
    pub log: Arc<MemoryLog>,
    /// The ports, as a third isolate has them.
    pub platform: Platform,
    /// The vendors.
    pub simulator: Simulator,
    /// Where a provider of a test's own may live.
    pub spare_port: u16,
    /// Who calls.
    pub tenant: TestTenant,
    /// The text worker.
    pub text: Host,
}

impl Local {
    /// Starts it on free ports.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn start() -> Self {
        let mut keys = Vendor::ALL.map(|vendor| (vendor, vec![vendor_key(vendor)]));
        for (_, keys) in keys.iter_mut().filter(|(vendor, _)| *vendor == Vendor::Shotstack) {
            keys.push("test-shotstack-stage-key-0001".to_owned());
        }
        let config = Config { keys: keys.into_iter().collect(), ..Config::default() };
        let simulator = Simulator::start(config).await.expect("the simulator starts");
        let port = simulator.addr.port();
        let peers = Arc::new(RouterPeers::default());
        // Links and callbacks name the front door: it has its port before it has its router.
        let door = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port is free");
        let base = format!("http://{}", door.local_addr().expect("it has an address"));
        let spare_port = spare_port().await;
        let mut builder = TestPlatform::builder()
            .pools_shares()
            .loopback_port(spare_port)
            .public_base(base)
            .interface_origin(INTERFACE)
            .peers(peers.clone())
            .fetch(|background| {
                Arc::new(ReqwestFetch::new(background).expect("an HTTP client can be made"))
            });
        for vendor in Vendor::ALL {
            let id = ProviderId::parse(vendor.id()).expect("vendors have the providers' ids");
            builder = builder.base_url(id, simulator.base_url(vendor), Some(port));
        }
        let sandbox = ProviderId::parse("shotstack-stage").expect("a provider of the seeds");
        let place = simulator.base_url(Vendor::Shotstack).replace("/edit/v1", "/edit/stage");
        builder = builder.base_url(sandbox, place, Some(port));
        let made = builder.build().await.expect("the platform can be made");
        let origins = Statement {
            args: vec![Arg::Text(serde_json::json!([PAGE]).to_string())],
            sql: "UPDATE instances SET allowed_origins = ?1",
        };
        made.database.batch(vec![origins]).await.expect("the origins can be set");
        let text = de_text::router(made.another_isolate());
        workers::bind(&peers, &made);
        let front = de_config::router(made.another_isolate());
        let platform = made.another_isolate();
        Self {
            background: made.background,
            cache: made.cache,
            clock: made.clock,
            database: made.database,
            front: Host::serve_on(door, front).expect("the front door is served"),
            jobs: made.jobs,
            log: made.log,
            platform,
            simulator,
            spare_port,
            tenant: made.tenant,
            text: Host::serve(text).await.expect("a port is free"),
        }
    }

    /// The origin of one of our own pages.
    #[must_use]
    pub fn interface_origin(&self) -> String {
        INTERFACE.to_owned()
    }

    /// The keys that the vendors accept, by provider.
    #[must_use]
    pub fn vendor_keys() -> BTreeMap<String, String> {
        Vendor::ALL.map(|vendor| (vendor.id().to_owned(), vendor_key(vendor))).into_iter().collect()
    }

    /// An origin that the instance lists.
    #[must_use]
    pub fn page_origin(&self) -> String {
        PAGE.to_owned()
    }
}

/// A port that is free at this moment: nothing else of this process asks for one without a number.
async fn spare_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port is free");
    listener.local_addr().expect("it has an address").port()
}

/// The key that the test tenant has for a vendor.
fn vendor_key(vendor: Vendor) -> String {
    format!("test-{}-key-0001", vendor.id())
}
