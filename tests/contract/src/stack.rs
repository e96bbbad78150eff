//! The system under test, wherever it runs.

use std::{collections::BTreeMap, env, fs, path::PathBuf, time::Duration};

use de_core::{
    auth::api_key::{ApiKey, KeyKind},
    ids::JobId,
    log::{Event, LogLine},
    ports::Platform,
};
use de_testkit::{client::TestClient, entropy::SeededEntropy};
use http::Method;
use serde::Deserialize;

use crate::{
    books::Books, call::Call, document::check, faults::Faults, local::Local, vendors::Vendors,
    wait::until, wire::Wire,
};

/// A stack that answers.
pub struct Stack {
    /// The rows that calls leave.
    pub books: Books,
    /// Where the runtime calls a worker's cron before its time; none in process.
    pub cron: Option<String>,
    /// The front door, without a key.
    pub front: TestClient,
    /// The keys of its tenant.
    pub keys: Keys,
    /// The origin of one of our own pages, which may use sessions.
    pub interface_origin: String,
    /// An origin whose pages may read answers.
    pub page_origin: String,
    /// The text worker's own host, without a key.
    pub text: TestClient,
    /// `http://127.0.0.1:<port>` of `front`.
    pub front_base: String,
    /// The same of `text`.
    pub text_base: String,
    /// What the vendors received.
    pub vendors: Vendors,
    /// The workers' own hosts, where they are known: on a real stack.
    pub hosts: BTreeMap<String, String>,
    /// Whether it is wasm in workerd.
    pub is_real: bool,
    /// What the workers of a real stack log.
    log_file: Option<PathBuf>,
    /// Where a real stack keeps its state.
    pub state: Option<PathBuf>,
    /// Where on this machine a provider of a test's own may live: the first that is free.
    pub spare_ports: Vec<u16>,
    /// The process that starts the runtime, if that may be killed: for whoever has the stack to themselves.
    mortal: Option<u32>,
    /// The keys that the vendors accept, by provider.
    pub vendor_keys: BTreeMap<String, String>,
    local: Option<Local>,
}

/// The keys of a stack's tenant.
#[derive(Clone, Debug)]
pub struct Keys {
    /// Of its superadmin.
    pub admin: String,
    /// Of a project.
    pub client: String,
    /// Of a project, and its time is over.
    pub expired: String,
    /// Of a project, and withdrawn.
    pub revoked: String,
}

/// The part of `stack.json` that is read here.
#[derive(Deserialize)]
struct Record {
    admin_key: String,
    base: String,
    client_key: String,
    cron: String,
    hosts: BTreeMap<String, String>,
    refused_keys: BTreeMap<String, String>,
    simulator: String,
    simulator_keys: BTreeMap<String, String>,
    /// The first is that of `stack.mjs`, which starts the others.
    pids: Vec<u32>,
}

/// How far from a stack's base its spare ports are, as `crates/xtask/src/stack/ports.rs` has them.
const SPARE: std::ops::Range<u16> = 22..30;

/// The variable that lets a test kill the runtime. It runs alone then.
const MAY_KILL: &str = "DE_MAY_KILL_WORKERD";

impl Stack {
    /// The stack of `BASE_URL` and `STACK_JSON`, else one in process, made for this test alone.
    ///
    /// # Panics
    /// If there is none.
    pub async fn ready() -> Self {
        match (env::var("BASE_URL"), env::var("STACK_JSON")) {
            (Ok(base), Ok(file)) => Self::real(&base, &PathBuf::from(file)),
            (Err(_), Err(_)) => Self::in_process().await,
            (Ok(_), Err(_)) => panic!("BASE_URL needs STACK_JSON beside it: it has the keys"),
            (Err(_), Ok(_)) => panic!("STACK_JSON needs BASE_URL beside it"),
        }
    }

    async fn in_process() -> Self {
        let local = Local::start().await;
        let tenant = &local.tenant;
        let text_of = |key: &de_core::secret::Secret| key.expose().to_owned();
        Self {
            books: Books::in_process(local.database.clone()),
            cron: None,
            front: client(&local.front.base()),
            front_base: local.front.base(),
            hosts: BTreeMap::new(),
            is_real: false,
            log_file: None,
            state: None,
            spare_ports: vec![local.spare_port],
            mortal: None,
            keys: Keys {
                admin: text_of(&tenant.admin_key),
                client: text_of(&tenant.client_key),
                expired: text_of(&tenant.expired_key),
                revoked: text_of(&tenant.revoked_key),
            },
            interface_origin: local.interface_origin(),
            page_origin: local.page_origin(),
            text: client(&local.text.base()),
            text_base: local.text.base(),
            vendor_keys: Local::vendor_keys(),
            vendors: Vendors::at(&local.simulator.address()),
            local: Some(local),
        }
    }

    fn real(base: &str, file: &PathBuf) -> Self {
        let text = fs::read_to_string(file).expect("STACK_JSON names a file");
        let record: Record = serde_json::from_str(&text).expect("the file is a stack's record");
        let base = base.trim_end_matches('/');
        assert_eq!(record.base, base, "BASE_URL and STACK_JSON describe one stack");
        let port: u16 = base.rsplit(':').next().unwrap().parse().expect("the base has a port");
        let folder = file.parent().expect("the file lies in a folder");
        let refused = |why: &str| {
            record.refused_keys.get(why).cloned().unwrap_or_else(|| panic!("no {why} key"))
        };
        let text_base = record.hosts.get("text").expect("the text worker has a host").clone();
        let state = folder.join("state").join(port.to_string());
        Self {
            books: Books::of_state(&state),
            state: Some(state),
            cron: Some(record.cron.clone()),
            front: client(base),
            front_base: base.to_owned(),
            hosts: record.hosts,
            is_real: true,
            log_file: Some(folder.join("logs").join(port.to_string()).join("workers.log")),
            spare_ports: (port + SPARE.start..port + SPARE.end).collect(),
            mortal: record.pids.first().copied().filter(|_| env::var_os(MAY_KILL).is_some()),
            keys: Keys {
                admin: record.admin_key.clone(),
                client: record.client_key.clone(),
                expired: refused("expired"),
                revoked: refused("revoked"),
            },
            interface_origin: format!("http://127.0.0.1:{}", port + 1),
            page_origin: format!("http://127.0.0.1:{}", port + 1),
            text: client(&text_base),
            text_base,
            vendor_keys: record.simulator_keys,
            vendors: Vendors::at(&record.simulator),
            local: None,
        }
    }

    /// A call with the client's key, on the text worker's own host.
    #[must_use]
    pub fn call(&self, wire: Wire, model: &str, prompt: &str) -> Call<'_> {
        Call::new(self, wire, model, prompt)
    }

    /// All that the database holds, as text; `None` for a stack that is not in process.
    ///
    /// # Panics
    /// If it cannot be read.
    #[must_use]
    pub fn dump(&self) -> Option<String> {
        self.local.as_ref().map(|local| local.database.dump().expect("the database can be read"))
    }

    /// Checks that none of these stands in what is kept: database, cache, log. On workerd that is done for
    /// all suites together, when they are over.
    ///
    /// # Panics
    /// If one does.
    pub async fn left_nothing(&self, words: &[String]) {
        let Some(local) = &self.local else { return };
        local.background.join_all().await;
        let kept = [
            ("database", local.database.dump().expect("the database can be read")),
            ("cache", format!("{:?}", local.cache.entries())),
            ("log", local.log.text()),
        ];
        for (place, text) in kept {
            assert!(!text.is_empty());
            let found: Vec<_> = words.iter().filter(|word| text.contains(word.as_str())).collect();
            assert!(found.is_empty(), "in the {place}: {found:?}");
        }
    }

    /// The lines that the workers have logged so far, as the schema reads them.
    ///
    /// # Panics
    /// If the log cannot be read, or a line of it is none of the schema's.
    #[must_use]
    pub fn log(&self) -> Vec<LogLine> {
        if let Some(local) = &self.local {
            return local.log.lines();
        }
        let file = self.log_file.as_ref().expect("a real stack has a log");
        let text = fs::read(file).expect("the log can be read");
        let text = String::from_utf8_lossy(&text).into_owned();
        let lines = text.lines().filter_map(|line| line.get(line.find("{\"time\"")?..));
        lines
            .map(|line| serde_json::from_str(line).unwrap_or_else(|err| panic!("{err}: {line}")))
            .collect()
    }

    /// Waits until `count` requests of this id have their lines, and returns them, the workers' before the front
    /// door's.
    ///
    /// # Panics
    /// If they do not come, or if there are more.
    pub async fn lines(&self, request_id: &str, count: usize) -> Vec<LogLine> {
        let of_it = |line: &LogLine| {
            line.event == Event::Request && line.request_id.as_deref() == Some(request_id)
        };
        let mut found = until(&format!("{count} lines of {request_id}"), async || {
            let found: Vec<_> = self.log().into_iter().filter(of_it).collect();
            (found.len() >= count).then_some(found)
        })
        .await;
        assert_eq!(found.len(), count, "{found:#?}");
        found.sort_by_key(|line| line.forwarded_to.is_some());
        found
    }

    /// Runs what the config worker does every minute. In process, a minute has passed.
    ///
    /// # Panics
    /// If the runtime does not run it.
    pub async fn minute(&self) {
        if let Some(local) = &self.local {
            local.clock.advance(Duration::from_secs(60));
            return de_config::scheduled::run(local.platform.clone()).await;
        }
        let cron = self.cron.as_ref().expect("a real stack has a cron");
        let runtime = TestClient::of_url(cron).expect("a client can be made");
        let request = runtime.request(Method::GET, "?format=json&cron=*+*+*+*+*");
        let answer = request.header("mf-route-override", "de-config").send().await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.json()["outcome"], "ok");
    }

    /// Cuts these jobs off in the middle of what they do, and lets them go on from what they have written: in
    /// process each by itself, on workerd by killing the runtime, which Miniflare starts again. `false` if
    /// that is not ours to do.
    ///
    /// # Panics
    /// If it cannot be killed, or does not come back.
    pub async fn cut_off(&self, jobs: &[JobId]) -> bool {
        if let Some(local) = &self.local {
            for job in jobs {
                local.jobs.crash(job);
            }
            return true;
        }
        let Some(pid) = self.mortal else { return false };
        // Under another number if it has died and been started again since the record was written.
        let pid = child(pid, "workerd").await;
        let killed = std::process::Command::new("kill").args(["-KILL", &pid.to_string()]).status();
        assert!(killed.expect("kill can be run").success(), "workerd is no more");
        // The signal returns before the process is gone, and until then it may still answer.
        until("the killed workerd to be gone", async || {
            let asked = std::process::Command::new("kill")
                .args(["-0", &pid.to_string()])
                .stderr(std::process::Stdio::null())
                .status();
            (!asked.expect("kill can be run").success()).then_some(())
        })
        .await;
        until("workerd to come back", async || {
            // Each port by itself: they open one after the other, and before what is behind them answers.
            let front = self.front.get("/ready").await.ok()?;
            let text = self.text.get("/ready").await.ok()?;
            ((front.status, text.status) == (200, 200)).then_some(())
        })
        .await;
        true
    }

    /// What makes its ports fail, for a test that runs alone on a real stack.
    ///
    /// # Panics
    /// If no client can be made.
    #[must_use]
    pub fn faults(&self) -> Option<Faults> {
        // The checks of the documented API know nothing of these paths.
        let plain = |base: &str| TestClient::of_url(base).expect("a client can be made");
        let hosts = || self.hosts.iter().map(|(name, base)| (name.clone(), plain(base))).collect();
        let made = || Faults {
            front: plain(&self.front_base),
            hosts: hosts(),
            text: plain(&self.text_base),
        };
        self.mortal.map(|_| made())
    }

    /// The ports behind it; `None` for a stack that is not in process.
    #[must_use]
    pub fn platform(&self) -> Option<&Platform> {
        self.local.as_ref().map(|local| &local.platform)
    }

    /// The front door with the admin's key.
    #[must_use]
    pub fn admin(&self) -> TestClient {
        self.front.clone().with_key(&self.keys.admin).unwrap()
    }

    /// The front door with the client's key.
    #[must_use]
    pub fn client(&self) -> TestClient {
        self.front.clone().with_key(&self.keys.client).unwrap()
    }
}

/// A well-formed key that nobody has.
#[must_use]
pub fn stranger_key() -> String {
    ApiKey::make(KeyKind::Test, &SeededEntropy::new(7_777)).secret.expose().to_owned()
}

fn client(base: &str) -> TestClient {
    TestClient::of_url(base).expect("a client can be made").witnessed(check::answer)
}

/// The child of this name that a process has now.
async fn child(parent: u32, name: &str) -> u32 {
    until(&format!("a {name} below {parent}"), async || {
        let args = ["-P", &parent.to_string(), "-x", name];
        let found = std::process::Command::new("pgrep").args(args).output();
        String::from_utf8(found.expect("pgrep can be run").stdout).ok()?.trim().parse().ok()
    })
    .await
}
