//! What `wrangler/stack.mjs` is told: one JSON file, which it deletes once it has read it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use de_core::secret::Secret;
use de_services::WORKERS;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::layout::Layout;
use crate::pages::{self, Origins};
use crate::random;
use crate::stack::ports::{Ports, address};
use crate::stack::{logs, state};

/// The whole file. Secret: it holds the master key, and statements with keys in them.
#[derive(Debug, Serialize)]
pub(crate) struct StackInput {
    /// Where a worker's cron can be called before its time.
    cron_port: u16,
    /// In place of what `wrangler/*.jsonc` allow an address.
    failed_log_ins_a_minute: u32,
    /// Whether each collection of garbage is a whole one: what is in memory then is in use.
    full_collections: bool,
    /// Where workers' console lines go.
    log: PathBuf,
    /// The folder of `*.sql`, applied in order of name.
    migrations: PathBuf,
    pages: BTreeMap<&'static str, Page>,
    simulator: Simulator,
    /// The folder of databases and objects.
    state: PathBuf,
    /// Run after the migrations, in batches of one transaction each.
    statements: Vec<Statement>,
    /// Vite's program, if it serves the pages, each anew when a file of it changes; else they are served as built.
    vite: Option<PathBuf>,
    workers: BTreeMap<&'static str, Worker>,
}

/// More than a test run makes: it fails to log in on purpose, and all of it from one address.
const FAILED_LOG_INS_A_MINUTE: u32 = 10_000;
/// The same of calls that are refused: a test finds each of its own in the books.
const OWN_REFUSALS: u32 = 1_000_000;

/// One SQL statement with its bound values: `null`, numbers or texts, by position.
#[derive(Debug, Serialize)]
pub(crate) struct Statement {
    pub(crate) sql: String,
    pub(crate) args: Vec<serde_json::Value>,
}

#[derive(Debug, Serialize)]
struct Page {
    /// Its `wrangler/<name>.jsonc`.
    config: PathBuf,
    /// The folder of what is served, dressed for this stack.
    directory: PathBuf,
    port: u16,
    /// The folder of its sources.
    source: PathBuf,
}

#[derive(Debug, Serialize)]
struct Simulator {
    program: PathBuf,
    args: [String; 2],
    /// The keys go here and not into the arguments, which every user of the machine can read.
    env: BTreeMap<&'static str, String>,
    log: PathBuf,
}

#[derive(Debug, Serialize)]
struct Worker {
    /// Its `wrangler/<name>.jsonc`.
    config: PathBuf,
    /// The folder of `index.js` and `index_bg.wasm`.
    build: PathBuf,
    /// Absent for a worker that only others reach.
    port: Option<u16>,
    /// Added to the variables of its config.
    vars: BTreeMap<String, String>,
}

/// Secrets of one stack, made at its start. Without `Debug`.
#[derive(Deserialize, Serialize)]
pub(crate) struct Secrets {
    /// Whoever has it begins on a stack where nobody is yet.
    #[serde(default)]
    pub(crate) bootstrap_token: Option<String>,
    /// 32 bytes in base64 by version, the first at the start; they open the sealed provider keys.
    pub(crate) master_keys: BTreeMap<u32, String>,
    /// The keys that the simulator accepts, by provider.
    pub(crate) simulator_keys: BTreeMap<String, String>,
}

impl Secrets {
    /// Makes new ones, with a simulator key for each of the providers.
    pub(crate) fn make<'a>(providers: impl IntoIterator<Item = &'a str>) -> Result<Self, Failure> {
        let simulator_keys = providers
            .into_iter()
            .map(|provider| Ok((provider.to_owned(), format!("sim-{provider}-{}", random::hex()?))))
            .collect::<Result<_, Failure>>()?;
        let master_keys = BTreeMap::from([(1, random::master_key()?)]);
        Ok(Self { bootstrap_token: None, master_keys, simulator_keys })
    }

    /// The master keys as the vault takes them.
    pub(crate) fn sealing(&self) -> Vec<(u32, Secret)> {
        let keys = self.master_keys.iter();
        keys.map(|(version, key)| (*version, Secret::new(key.clone()))).collect()
    }
}

impl StackInput {
    /// Says what to run on these ports.
    pub(crate) fn new(
        layout: &Layout,
        ports: Ports,
        upstream_ports: &[u16],
        secrets: &Secrets,
        statements: Vec<Statement>,
    ) -> Result<Self, Failure> {
        let simulator_keys = json(&secrets.simulator_keys)?;
        let loopback_ports = std::iter::once(ports.simulator())
            .chain(ports.spare())
            .chain(upstream_ports.iter().copied());
        let loopback_ports =
            loopback_ports.map(|port| port.to_string()).collect::<Vec<_>>().join(",");
        let logs = logs(layout, ports);
        let workers = WORKERS.iter().map(|row| {
            let name = row.name;
            let worker = Worker {
                config: layout.wrangler().join(format!("{name}.jsonc")),
                build: layout.worker(name).join("build"),
                port: ports.worker(name),
                vars: variables(row, ports, &loopback_ports, secrets),
            };
            (name, worker)
        });
        Ok(Self {
            cron_port: ports.cron(),
            failed_log_ins_a_minute: FAILED_LOG_INS_A_MINUTE,
            full_collections: false,
            log: logs.join("workers.log"),
            migrations: layout.root.join("migrations"),
            pages: pages(layout, ports),
            simulator: Simulator {
                program: layout.target.join("debug/de-simulator"),
                args: ["--port".to_owned(), ports.simulator().to_string()],
                env: BTreeMap::from([("DE_SIMULATOR_KEYS", simulator_keys)]),
                log: logs.join("simulator.log"),
            },
            state: state(layout, ports),
            statements,
            vite: None,
            workers: workers.collect(),
        })
    }

    /// Serves no pages: for whoever measures the workers alone.
    pub(crate) fn without_pages(mut self) -> Self {
        self.pages.clear();
        self
    }

    /// The same, with nothing in memory that is of no use any more.
    pub(crate) fn collected(self) -> Self {
        Self { full_collections: true, ..self }
    }

    /// Lets Vite serve the pages.
    pub(crate) fn watched(mut self, layout: &Layout) -> Self {
        self.vite = Some(pages::vite(layout));
        self
    }

    /// Puts the pages where they are served from.
    pub(crate) fn dress_pages(&self, layout: &Layout, ports: Ports) -> Result<(), Failure> {
        let origins = Origins {
            api: address(ports.base()),
            pages: ports.pages().map(|(page, port)| (page, address(port))).collect(),
        };
        self.pages
            .iter()
            .try_for_each(|(name, page)| pages::dress(layout, name, &origins, &page.directory))
    }

    /// The file's text.
    pub(crate) fn json(&self) -> Result<String, Failure> {
        json(self)
    }
}

fn pages(layout: &Layout, ports: Ports) -> BTreeMap<&'static str, Page> {
    let folder = layout.dev().join("pages").join(ports.base().to_string());
    let sources = pages::folder(layout);
    let pages = ports.pages().map(|(name, port)| {
        let config = layout.wrangler().join(format!("{name}.jsonc"));
        (name, Page { config, directory: folder.join(name), port, source: sources.join(name) })
    });
    pages.collect()
}

fn json(value: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string(value)
        .map_err(|error| Failure::System { action: "write JSON", problem: error.to_string() })
}

fn variables(
    worker: &de_services::Worker,
    ports: Ports,
    loopback_ports: &str,
    secrets: &Secrets,
) -> BTreeMap<String, String> {
    let mut variables = BTreeMap::from([
        (
            "DE_INTERFACE_ORIGINS".to_owned(),
            ports.pages().map(|(_page, port)| address(port)).collect::<Vec<_>>().join(","),
        ),
        ("DE_LOOPBACK_PORTS".to_owned(), loopback_ports.to_owned()),
        ("DE_OWN_REFUSALS".to_owned(), OWN_REFUSALS.to_string()),
        ("DE_PUBLIC_BASE".to_owned(), address(ports.base())),
    ]);
    // Who is called by others alone keeps counts and money, and opens no provider key.
    if worker.takes_keys() {
        let master_keys = secrets.master_keys.iter();
        variables.extend(
            master_keys.map(|(version, key)| (format!("DE_MASTER_KEY_V{version}"), key.clone())),
        );
    }
    if let Some(token) = secrets.bootstrap_token.as_ref().filter(|_token| worker.name == "config") {
        variables.insert("DE_BOOTSTRAP_TOKEN".to_owned(), token.clone());
    }
    variables
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::PathBuf;

    use de_services::{PAGES, WORKERS};

    use super::{Secrets, StackInput, Statement};
    use crate::layout::Layout;
    use crate::stack::ports::Ports;

    #[test]
    fn the_file_names_every_worker_and_only_those_who_need_it_get_the_master_key() {
        let root = PathBuf::from("/clone");
        let layout = Layout { target: root.join("target"), cache: root.join("cache"), root };
        let ports = Ports::free().unwrap();
        let mut secrets = Secrets::make(["openai"]).unwrap();
        secrets.master_keys.insert(2, "second".to_owned());
        secrets.bootstrap_token = Some("begin".to_owned());
        let statement = Statement { sql: "SELECT ?1".to_owned(), args: vec![1.into()] };
        let input = StackInput::new(&layout, ports, &[9001], &secrets, vec![statement])
            .unwrap()
            .json()
            .unwrap();
        let input: serde_json::Value = serde_json::from_str(&input).unwrap();
        let workers = input["workers"].as_object().unwrap();
        assert_eq!(workers.len(), WORKERS.len());
        assert_eq!(workers["config"]["port"], ports.base());
        let loopback = workers["text"]["vars"]["DE_LOOPBACK_PORTS"].as_str().unwrap();
        assert!(loopback.starts_with(&format!("{},{}", ports.simulator(), ports.cron() + 1)));
        assert!(loopback.ends_with(",9001"), "{loopback}");
        let origins = workers["text"]["vars"]["DE_INTERFACE_ORIGINS"].as_str().unwrap();
        assert_eq!(origins.split(',').count(), PAGES.len());
        assert!(origins.starts_with(&format!("http://127.0.0.1:{},", ports.base() + 1)));
        assert_eq!(workers["text"]["vars"]["DE_MASTER_KEY_V1"], secrets.master_keys[&1]);
        assert_eq!(workers["text"]["vars"]["DE_MASTER_KEY_V2"], "second");
        assert_eq!(workers["rate-limiter"]["vars"].get("DE_MASTER_KEY_V1"), None);
        assert!(workers["rate-limiter"]["port"].is_null());
        let begins =
            workers.iter().filter(|(_, worker)| worker["vars"]["DE_BOOTSTRAP_TOKEN"] == "begin");
        assert_eq!(begins.map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["config"]);
        let keys = input["simulator"]["env"]["DE_SIMULATOR_KEYS"].as_str().unwrap();
        let keys: BTreeMap<String, String> = serde_json::from_str(keys).unwrap();
        assert_eq!(keys, secrets.simulator_keys);
        assert_eq!(input["cron_port"], ports.cron());
        assert_eq!(input["failed_log_ins_a_minute"], 10_000);
        assert_eq!(input["statements"][0]["args"][0], 1);
    }
}
