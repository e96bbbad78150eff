//! A clone, an account and an internet of a test's own.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::build::Purpose;
use crate::deploy::args::DeployWish;
use crate::deploy::environments::Environment;
use crate::deploy::given::Given;
use crate::deploy::person::Person;
use crate::deploy::release::Release;
use crate::deploy::services;
use crate::deploy::smoke::Patience;
use crate::deploy::web::Web;
use crate::deploy::wrangler::Wrangler;
use crate::deploy::{Site, perform, survey};
use crate::failure::Failure;
use crate::files;
use crate::layout::Layout;

/// Answers from a list, and notes what it was shown.
pub(super) struct Scripted {
    pub(super) answers: Mutex<Vec<&'static str>>,
    pub(super) is_there: bool,
    pub(super) shown: Mutex<String>,
}

impl Scripted {
    pub(super) fn there() -> Self {
        Self { answers: Mutex::default(), is_there: true, shown: Mutex::default() }
    }

    pub(super) fn away() -> Self {
        Self { is_there: false, ..Self::there() }
    }

    pub(super) fn says(answer: &'static str) -> Self {
        Self { answers: Mutex::new(vec![answer]), ..Self::there() }
    }

    pub(super) fn shown(&self) -> String {
        self.shown.lock().unwrap().clone()
    }
}

impl Person for Scripted {
    fn is_there(&self) -> bool {
        self.is_there
    }

    fn ask(&self, question: &str) -> Result<String, Failure> {
        let answer = self.answers.lock().unwrap().pop();
        let unanswered = || Failure::System { action: "answer", problem: question.to_owned() };
        answer.map(str::to_owned).ok_or_else(unanswered)
    }

    fn show(&self, text: &str) {
        self.shown.lock().unwrap().push_str(text);
    }
}

pub(super) struct World {
    folder: TempDir,
    pub(super) given: BTreeMap<String, String>,
    pub(super) layout: Layout,
    origin: String,
    port: String,
    /// Hosts that have another use.
    pub(super) resolving: Vec<String>,
    wrangler: Child,
}

impl Drop for World {
    fn drop(&mut self) {
        // It ends with its standard input as well.
        let _ended = self.wrangler.kill().and_then(|()| self.wrangler.wait());
    }
}

/// The Node that runs the stand-ins: the packaged one where set-up has been, else the machine's.
pub(super) fn node() -> PathBuf {
    let layout = clone();
    crate::setup::node::packaged(&layout).unwrap_or_else(|_missing| PathBuf::from("node"))
}

/// The clone that the tests are of.
pub(super) fn clone() -> Layout {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap();
    Layout { target: root.join("target"), cache: root.join("cache"), root }
}

impl World {
    /// Nothing is deployed.
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("clone");
        let layout =
            Layout { target: root.join("target"), cache: root.join("cache"), root: root.clone() };
        let original = clone();
        for path in files::entries(&original.wrangler()).unwrap() {
            if path.is_file() {
                files::make_folder(&layout.wrangler()).unwrap();
                fs::copy(&path, layout.wrangler().join(path.file_name().unwrap())).unwrap();
            }
        }
        for name in ["migrations", "seeds"] {
            std::os::unix::fs::symlink(original.root.join(name), root.join(name)).unwrap();
        }
        for page in services::pages() {
            let dist = root.join("interfaces").join(page).join("dist");
            files::write(
                &dist.join("index.html"),
                "<meta content=\"https://api.de.invalid\"><meta content=\"https://admin-panel.de.invalid\">",
            )
            .unwrap();
            files::write(
                &dist.join("_headers"),
                "/*\n  Content-Security-Policy: connect-src 'self' https://api.de.invalid\n",
            )
            .unwrap();
            files::write(&dist.join("manifest.json"), "{}").unwrap();
        }
        let account = folder.path().join("account");
        let first = json!({
            "accounts": [{ "id": "account-1", "name": "Acme" }],
            "buckets": [], "calls": [], "databases": {}, "namespaces": {}, "subdomain": "acme", "workers": {},
            "migrations": survey::migrations(&root).unwrap(),
        });
        files::write(&account.join("account.json"), &first.to_string()).unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/deploy/tests/wrangler.mjs");
        let mut wrangler = Command::new(node())
            .args([script.as_path(), &account])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut port = String::new();
        BufReader::new(wrangler.stdout.take().unwrap()).read_line(&mut port).unwrap();
        let world = Self {
            folder,
            given: BTreeMap::new(),
            origin: internet(account, layout.deploy()),
            layout,
            port: port.trim().to_owned(),
            resolving: Vec::new(),
            wrangler,
        };
        services::workers().for_each(|worker| world.change(worker, "first"));
        world
    }

    /// Another code of a worker.
    pub(super) fn change(&self, worker: &str, code: &str) {
        let folder = Purpose::Deployment.folder(&self.layout, worker);
        files::write(&folder.join("index.js"), code).unwrap();
        files::write(&folder.join("index_bg.wasm"), code).unwrap();
    }

    pub(super) fn edit_config(&self, file: &str, from: &str, to: &str) {
        let path = self.layout.wrangler().join(file);
        let text = files::read(&path).unwrap();
        assert!(text.contains(from), "{file} has no {from}");
        files::write(&path, &text.replace(from, to)).unwrap();
    }

    pub(super) fn site<'a>(&'a self, environment: &str, person: &'a Scripted) -> Site<'a> {
        let environment = Environment::read(&self.layout, environment).unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/deploy/tests/wrangler.sh");
        let program = vec!["bash".into(), script.into_os_string(), self.port.clone().into()];
        let wrangler =
            Wrangler::new(program, Vec::new(), &self.layout.deploy().join(&environment.name))
                .unwrap();
        let web = Web {
            node: node(),
            resolving: Some(self.resolving.clone()),
            script: self.layout.wrangler().join("ask.mjs"),
            through: Some(self.origin.clone()),
        };
        let patience = Patience { deadline: Duration::ZERO, pause: Duration::from_millis(10) };
        Site {
            account: "Acme".to_owned(),
            environment,
            given: Given(self.given.clone()),
            layout: &self.layout,
            patience,
            person,
            web,
            wrangler,
        }
    }

    /// Deploys without being asked, to example.com.
    pub(super) fn deploy(
        &self,
        environment: &str,
        tag: &str,
        person: &Scripted,
    ) -> Result<(), Failure> {
        self.deploy_to(environment, tag, Some("example.com"), person)
    }

    pub(super) fn deploy_to(
        &self,
        environment: &str,
        tag: &str,
        domain: Option<&str>,
        person: &Scripted,
    ) -> Result<(), Failure> {
        let wish = DeployWish {
            domain: domain.map(str::to_owned),
            environment: environment.to_owned(),
            yes: true,
            ..DeployWish::default()
        };
        let release = Release { tag: tag.to_owned() };
        perform::run(&self.site(environment, person), &wish, &release, || Ok(()))
    }

    pub(super) fn account(&self) -> Value {
        serde_json::from_str(&files::read(&self.path()).unwrap()).unwrap()
    }

    pub(super) fn put(&self, member: &str, value: Value) {
        let mut account = self.account();
        account[member] = value;
        files::write(&self.path(), &account.to_string()).unwrap();
    }

    /// Lets the next call that begins so fail, before or after its work.
    pub(super) fn break_at(&self, call: &str, when: &str) {
        self.put("break", json!({ "call": call, "when": when }));
    }

    pub(super) fn path(&self) -> PathBuf {
        self.folder.path().join("account/account.json")
    }

    /// The calls since the `from`th that changed something.
    pub(super) fn changes(&self, from: usize) -> Vec<String> {
        const LOOKS: [&str; 10] = [
            "d1 list",
            "d1 migrations list",
            "deployments",
            "kv namespace list",
            "r2 bucket info",
            "r2 object get",
            "secret list",
            "versions list",
            "versions view",
            "whoami",
        ];
        let calls = self.account()["calls"].as_array().unwrap().clone();
        let lines = calls.iter().skip(from).map(|call| call[0].as_str().unwrap().to_owned());
        let is_query =
            |line: &str| line.starts_with("d1 execute ") && line.contains(" --remote --json ");
        lines
            .filter(|line| !is_query(line) && !LOOKS.iter().any(|look| line.starts_with(look)))
            .collect()
    }

    pub(super) fn count(&self) -> usize {
        self.account()["calls"].as_array().unwrap().len()
    }

    /// What is there, without what tells when it was made.
    pub(super) fn state(&self) -> Value {
        let account = self.account();
        let workers = account["workers"].as_object().unwrap().iter().map(|(name, worker)| {
            let serving = worker["deployments"].as_array().unwrap().last().map(|deployment| {
                let shares = deployment["versions"].as_array().unwrap().iter().map(|share| {
                    let all = worker["versions"].as_array().unwrap();
                    let version = all.iter().find(|version| version["id"] == share["version_id"]).unwrap();
                    json!({ "annotations": version["annotations"], "bindings": version["resources"]["bindings"], "percentage": share["percentage"] })
                });
                shares.collect::<Vec<_>>()
            });
            let secrets: BTreeSet<&String> = worker["secrets"].as_object().unwrap().keys().collect();
            (name.clone(), json!({ "secrets": secrets, "serving": serving, "triggers": worker["triggers"] }))
        });
        let mut databases = account["databases"].clone();
        databases.as_object_mut().unwrap().values_mut().for_each(|database| {
            database.as_object_mut().unwrap().remove("executed");
        });
        json!({
            "buckets": account["buckets"],
            "databases": databases,
            "namespaces": account["namespaces"],
            "workers": workers.collect::<BTreeMap<_, _>>(),
        })
    }

    /// The tag of the version that has most of a worker's calls.
    pub(super) fn serving(&self, worker: &str) -> String {
        let worker = &self.account()["workers"][worker];
        let id =
            worker["deployments"].as_array().unwrap().last().unwrap()["versions"][0]["version_id"]
                .clone();
        let all = worker["versions"].as_array().unwrap();
        let version = all.iter().find(|version| version["id"] == id).unwrap();
        version["annotations"]["workers/tag"].as_str().unwrap_or("-").to_owned()
    }
}

/// A server that answers as everything that the account serves would; its origin.
fn internet(account: PathBuf, deployed: PathBuf) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (account, deployed) = (account.clone(), deployed.clone());
            // A reader that has gone is its own affair.
            thread::spawn(move || {
                stream.ok().and_then(|stream| answer(stream, &account, &deployed).ok())
            });
        }
    });
    origin
}

fn answer(mut stream: TcpStream, account: &Path, deployed: &Path) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let first = lines.next().unwrap_or_else(|| Ok(String::new()))?;
    let mut headers = BTreeMap::new();
    for line in lines {
        let line = line?;
        let Some((name, value)) = line.split_once(": ") else { break };
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let path = first.split(' ').nth(1).unwrap_or_default();
    let host = headers.get("x-de-meant-host").cloned().unwrap_or_default();
    let account: Value = serde_json::from_str(&fs::read_to_string(account.join("account.json"))?)?;
    let suffix = if host.contains("-staging.") { "-staging" } else { "" };
    let (status, policy, body) = if let Some(page) = page_at(&host, suffix) {
        let environment = if suffix.is_empty() { "production" } else { "staging" };
        let headers = fs::read_to_string(
            deployed.join(environment).join("pages").join(page).join("_headers"),
        )?;
        let policy = headers
            .lines()
            .find_map(|line| line.trim().strip_prefix("Content-Security-Policy: "))
            .unwrap_or_default()
            .to_owned();
        (200, policy, "a page".to_owned())
    } else if path == "/v1/provider-keys/reseal" {
        let secrets = account["workers"][format!("de-config{suffix}")]["secrets"]
            .as_object()
            .cloned()
            .unwrap_or_default();
        let newest = secrets
            .keys()
            .filter_map(|name| name.strip_prefix("DE_MASTER_KEY_V")?.parse::<u64>().ok())
            .max();
        let is_known = headers.get("authorization").is_some_and(|key| key == "Bearer de_admin_1");
        let told = json!({ "failed": [], "newest_version": newest, "remaining": 0, "resealed": 3 });
        if is_known {
            (200, String::new(), told.to_string())
        } else {
            (401, String::new(), json!({"error": "no"}).to_string())
        }
    } else {
        let worker =
            path.trim_start_matches('/').split_once('/').map_or("config", |(worker, _)| worker);
        let name = format!("de-{worker}{suffix}");
        let serving = account["workers"][&name]["deployments"]
            .as_array()
            .and_then(|all| all.last())
            .cloned()
            .unwrap_or_default();
        let ids: Vec<String> = serving["versions"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|share| share["version_id"].as_str().unwrap_or_default().to_owned())
            .collect();
        let meant = headers.get("cloudflare-workers-version-overrides");
        let is = |member: &str, name: &str| account[member].as_str() == Some(name);
        let asked = ids
            .iter()
            .find(|id| meant.is_some_and(|meant| meant.contains(&format!("{name}=\"{id}\""))))
            .filter(|_| !is("unseen", &name));
        // Of two that serve the former one is the last.
        let id = asked.or(ids.last()).cloned().unwrap_or_default();
        // The front door is not ready where the Limiter is not.
        let limiter = format!("de-rate-limiter{suffix}");
        let unready = is("unready", &name) && asked.is_some()
            || worker == "config"
                && is("unready", &limiter)
                && meant.is_some_and(|meant| meant.starts_with(&limiter));
        let told = json!({ "deployment": { "id": id }, "service": worker, "status": if unready { "not_ready" } else { "ready" } });
        (if id.is_empty() || unready { 503 } else { 200 }, String::new(), told.to_string())
    };
    write!(
        stream,
        "HTTP/1.1 {status} OK\r\ncontent-security-policy: {policy}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

fn page_at(host: &str, suffix: &str) -> Option<&'static str> {
    let first = host.split('.').next()?;
    services::pages().find(|page| {
        services::label(page).is_some_and(|label| first == format!("{label}{suffix}"))
            || first == format!("de-{page}{suffix}")
    })
}
