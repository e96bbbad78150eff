//! The one place that calls wrangler, as `wrangler/package.json` pins it.
//!
//! What it is told goes in arguments, and secrets by standard input. What it did is read from JSON wherever it writes
//! any: its answers with `--json`, and the lines that it writes to the file of `WRANGLER_OUTPUT_FILE_PATH`:
//! <https://developers.cloudflare.com/workers/wrangler/system-environment-variables/>.

mod answers;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

pub(crate) use answers::{Deployment, Upload, Version, Who};

use crate::failure::Failure;
use crate::files;
use crate::layout::Layout;
use crate::run::Run;
use crate::setup::Tools;

/// Calls wrangler for one account.
#[derive(Clone, Debug)]
pub(crate) struct Wrangler {
    environment: Vec<(String, OsString)>,
    /// Where it runs, and where its outputs lie for a moment.
    folder: PathBuf,
    /// The program, and what comes before its own arguments.
    program: Vec<OsString>,
}

/// How a version is named at its upload.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Label<'a> {
    pub(crate) message: &'a str,
    pub(crate) tag: &'a str,
}

impl Wrangler {
    /// The pinned one, for the configs of an environment.
    pub(crate) fn pinned(layout: &Layout, tools: &Tools, folder: &Path) -> Result<Self, Failure> {
        let script = layout.wrangler().join("node_modules/wrangler/bin/wrangler.js");
        let mut environment =
            tools.environment()?.map(|(name, value)| (name.to_owned(), value)).to_vec();
        // Its own log would have the bodies of its requests, secrets among them, where somebody turned this off.
        environment.push(("WRANGLER_LOG_SANITIZE".to_owned(), "true".into()));
        let program = [tools.node.clone(), script].map(PathBuf::into_os_string);
        Self::new(program.to_vec(), environment, folder)
    }

    /// Another program in its place.
    pub(crate) fn new(
        program: Vec<OsString>,
        environment: Vec<(String, OsString)>,
        folder: &Path,
    ) -> Result<Self, Failure> {
        files::make_folder(folder)?;
        Ok(Self { environment, folder: folder.to_owned(), program })
    }

    /// The same for one account, where several could be meant.
    pub(crate) fn for_account(mut self, id: &str) -> Self {
        self.environment.push(("CLOUDFLARE_ACCOUNT_ID".to_owned(), id.into()));
        self
    }

    fn run<I: IntoIterator<Item: AsRef<std::ffi::OsStr>>>(&self, args: I) -> Run {
        let mut program = self.program.iter();
        let first = program.next().cloned().unwrap_or_default();
        let run = self
            .environment
            .iter()
            .fold(Run::new(first), |run, (name, value)| run.env(name, value));
        run.args(program).args(args).dir(&self.folder)
    }

    /// Becomes wrangler, for whoever types its arguments: on their terminal, and in their folder. Comes back only where
    /// that fails.
    pub(crate) fn hand_over(&self, args: &[OsString]) -> Failure {
        let mut command = self.typed(args);
        let source = command.exec();
        Failure::Start { command: format!("{}", command.get_program().display()), source }
    }

    fn typed(&self, args: &[OsString]) -> Command {
        let mut program = self.program.iter();
        let mut command = Command::new(program.next().cloned().unwrap_or_default());
        // Where `CI` is set it asks nobody anything, not even whether a database may go back in time.
        let environment = self.environment.iter().filter(|(name, _)| name != "CI");
        command.args(program).args(args).envs(environment.map(|(name, value)| (name, value)));
        command
    }

    fn text(&self, args: &[&str]) -> Result<String, Failure> {
        self.run(args).progress("wrangler").capture()
    }

    fn json<T: DeserializeOwned>(&self, args: &[&str]) -> Result<T, Failure> {
        let text = self.text(args)?;
        // Notes may stand before it.
        let start = text.lines().position(|line| line.starts_with(['[', '{'])).unwrap_or_default();
        let json: Vec<&str> = text.lines().skip(start).collect();
        serde_json::from_str(&json.join("\n")).map_err(|error| Failure::System {
            action: "read wrangler's answer",
            problem: format!("`wrangler {}`: {error}", args.join(" ")),
        })
    }

    /// Uploads, and reads what came of it.
    fn upload(&self, args: &[&str], kind: &str) -> Result<Upload, Failure> {
        let path = self.folder.join(format!("output-{}.ndjson", std::process::id()));
        files::remove(&path)?;
        self.run(args).env("WRANGLER_OUTPUT_FILE_PATH", &path).progress("wrangler").capture()?;
        let lines = files::read(&path)?;
        files::remove(&path)?;
        let mut found = lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let entry = found.rfind(|entry| entry.get("type").and_then(Value::as_str) == Some(kind));
        entry.and_then(|entry| serde_json::from_value(entry).ok()).ok_or_else(|| Failure::System {
            action: "read wrangler's answer",
            problem: format!("`wrangler {}` does not say what it uploaded", args.join(" ")),
        })
    }

    /// Who is logged in; none if nobody is.
    pub(crate) fn who(&self) -> Result<Option<Who>, Failure> {
        match self.json::<Who>(&["whoami", "--json"]) {
            Ok(who) => Ok(Some(who)),
            Err(Failure::Ended { tail, .. })
                if tail.replace(' ', "").contains("\"loggedIn\":false") =>
            {
                Ok(None)
            }
            Err(other) => Err(other),
        }
    }

    /// The databases of the account, by name.
    pub(crate) fn databases(&self) -> Result<BTreeMap<String, String>, Failure> {
        #[derive(Deserialize)]
        struct Database {
            name: String,
            uuid: String,
        }
        let all: Vec<Database> = self.json(&["d1", "list", "--json"])?;
        Ok(all.into_iter().map(|database| (database.name, database.uuid)).collect())
    }

    pub(crate) fn create_database(
        &self,
        name: &str,
        location: Option<&str>,
    ) -> Result<(), Failure> {
        let location = location.map(|location| ["--location", location]);
        let args: Vec<&str> =
            ["d1", "create", name].into_iter().chain(location.into_iter().flatten()).collect();
        self.text(&args).map(drop)
    }

    pub(crate) fn delete_database(&self, name: &str) -> Result<(), Failure> {
        self.text(&["d1", "delete", name, "--skip-confirmation"]).map(drop)
    }

    /// The namespaces of the account, by title.
    pub(crate) fn namespaces(&self) -> Result<BTreeMap<String, String>, Failure> {
        #[derive(Deserialize)]
        struct Namespace {
            id: String,
            title: String,
        }
        let all: Vec<Namespace> = self.json(&["kv", "namespace", "list"])?;
        Ok(all.into_iter().map(|namespace| (namespace.title, namespace.id)).collect())
    }

    pub(crate) fn create_namespace(&self, title: &str) -> Result<(), Failure> {
        self.text(&["kv", "namespace", "create", title]).map(drop)
    }

    pub(crate) fn delete_namespace(&self, id: &str) -> Result<(), Failure> {
        self.text(&["kv", "namespace", "delete", "--namespace-id", id, "--skip-confirmation"])
            .map(drop)
    }

    /// Whether there is a bucket of this name. Asked for by name, as the list ends after its first page.
    pub(crate) fn has_bucket(&self, name: &str) -> Result<bool, Failure> {
        absent(self.json::<Value>(&["r2", "bucket", "info", name, "--json"]))
            .map(|found| found.is_some())
    }

    pub(crate) fn create_bucket(&self, name: &str, location: Option<&str>) -> Result<(), Failure> {
        let location = location.map(|location| ["--location", location]);
        let args: Vec<&str> = ["r2", "bucket", "create", name]
            .into_iter()
            .chain(location.into_iter().flatten())
            .collect();
        self.text(&args).map(drop)
    }

    pub(crate) fn delete_bucket(&self, name: &str) -> Result<(), Failure> {
        self.text(&["r2", "bucket", "delete", name]).map(drop)
    }

    /// Puts a file under `bucket/key`.
    pub(crate) fn put_object(&self, place: &str, file: &Path) -> Result<(), Failure> {
        let file = file.to_string_lossy();
        self.text(&["r2", "object", "put", place, "--file", &file, "--remote", "--force"]).map(drop)
    }

    /// Fetches what lies under `bucket/key` into a file.
    pub(crate) fn fetch_object(&self, place: &str, file: &Path) -> Result<(), Failure> {
        let file = file.to_string_lossy();
        self.text(&["r2", "object", "get", place, "--file", &file, "--remote"]).map(drop)
    }

    /// The names of a worker's secrets; none if there is no such worker.
    pub(crate) fn secrets(&self, worker: &str) -> Result<Option<BTreeSet<String>>, Failure> {
        #[derive(Deserialize)]
        struct Secret {
            name: String,
        }
        let all = absent(self.json::<Vec<Secret>>(&["secret", "list", "--name", worker]))?;
        Ok(all.map(|all| all.into_iter().map(|secret| secret.name).collect()))
    }

    /// Sets secrets of a worker, and removes those that are `None`. It makes a worker that is not there yet.
    ///
    /// What serves from then on is the newest version with these secrets: see [`Self::newest_serves`].
    pub(crate) fn put_secrets(
        &self,
        worker: &str,
        secrets: &BTreeMap<String, Option<String>>,
    ) -> Result<(), Failure> {
        self.change_secrets(&["secret", "bulk", "--name", worker], secrets)
    }

    /// The same for a worker whose newest version does not serve: it makes a version of that one, which serves nobody
    /// either, and whose secrets the next upload takes over.
    pub(crate) fn put_secrets_of_newest(
        &self,
        worker: &str,
        secrets: &BTreeMap<String, Option<String>>,
    ) -> Result<(), Failure> {
        let message = "other secrets, for the version after it";
        let args = ["versions", "secret", "bulk", "--name", worker, "--message", message];
        self.change_secrets(&args, secrets)
    }

    fn change_secrets(
        &self,
        args: &[&str],
        secrets: &BTreeMap<String, Option<String>>,
    ) -> Result<(), Failure> {
        let text = serde_json::to_string(secrets).map_err(|error| Failure::System {
            action: "write JSON",
            problem: error.to_string(),
        })?;
        self.run(args).input(&text).progress("wrangler").capture().map(drop)
    }

    /// What a worker serves now; none if there is no such worker, or nothing of it was deployed.
    pub(crate) fn deployment(&self, worker: &str) -> Result<Option<Deployment>, Failure> {
        absent(self.json(&["deployments", "status", "--name", worker, "--json"]))
    }

    /// Whether the newest version of a worker has all its calls; so too where nothing serves yet.
    ///
    /// After a roll-back, or a rollout that was broken off, it has not. The platform refuses to change secrets then
    /// (10214, 10215), as what would serve is the newest version, which somebody had taken out of use.
    pub(crate) fn newest_serves(&self, worker: &str) -> Result<bool, Failure> {
        let Some(deployment) = self.deployment(worker)? else { return Ok(true) };
        let newest = self.versions(worker)?.pop();
        Ok(match (deployment.versions.as_slice(), newest) {
            ([only], Some(newest)) => only.version_id == newest.id,
            _ => false,
        })
    }

    /// What a worker served lately, the newest last.
    pub(crate) fn deployments(&self, worker: &str) -> Result<Vec<Deployment>, Failure> {
        let mut all: Vec<Deployment> =
            self.json(&["deployments", "list", "--name", worker, "--json"])?;
        all.sort_by(|former, next| former.created_on.cmp(&next.created_on));
        Ok(all)
    }

    pub(crate) fn version(&self, worker: &str, id: &str) -> Result<Version, Failure> {
        self.json(&["versions", "view", id, "--name", worker, "--json"])
    }

    /// The newest versions of a worker, the newest last.
    pub(crate) fn versions(&self, worker: &str) -> Result<Vec<Version>, Failure> {
        let mut all: Vec<Version> = self.json(&["versions", "list", "--name", worker, "--json"])?;
        all.sort_by(|former, next| former.created_on().cmp(next.created_on()));
        Ok(all)
    }

    /// Uploads and serves at once, with migrations of objects, hosts and crons.
    pub(crate) fn deploy(&self, config: &Path, label: Label<'_>) -> Result<Upload, Failure> {
        let config = config.to_string_lossy();
        let args = ["deploy", "--config", &config, "--tag", label.tag, "--message", label.message];
        self.upload(&args, "deploy")
    }

    /// Bundles as `deploy` would, without an account.
    pub(crate) fn bundle(&self, config: &Path, into: &Path) -> Result<(), Failure> {
        let (config, into) = (config.to_string_lossy(), into.to_string_lossy());
        self.text(&["deploy", "--config", &config, "--dry-run", "--outdir", &into]).map(drop)
    }

    /// Uploads a version that serves nobody yet.
    pub(crate) fn upload_version(
        &self,
        config: &Path,
        label: Label<'_>,
    ) -> Result<Upload, Failure> {
        let config = config.to_string_lossy();
        let args = [
            "versions",
            "upload",
            "--config",
            &config,
            "--tag",
            label.tag,
            "--message",
            label.message,
        ];
        self.upload(&args, "version-upload")
    }

    /// Divides the calls of a worker among versions.
    pub(crate) fn share(
        &self,
        worker: &str,
        shares: &[(&str, u8)],
        message: &str,
    ) -> Result<(), Failure> {
        let shares: Vec<String> =
            shares.iter().map(|(id, share)| format!("{id}@{share}%")).collect();
        let head = ["versions", "deploy"].into_iter().map(str::to_owned);
        let tail = ["--name", worker, "--message", message, "--yes"].into_iter().map(str::to_owned);
        self.run(head.chain(shares).chain(tail)).progress("wrangler").capture().map(drop)
    }

    /// Lets a worker serve a former version alone.
    pub(crate) fn roll_back(
        &self,
        worker: &str,
        version_id: &str,
        message: &str,
    ) -> Result<(), Failure> {
        self.text(&["rollback", version_id, "--name", worker, "--message", message, "--yes"])
            .map(drop)
    }

    /// Brings hosts and crons of a deployed worker into line with its config; what wrangler says of it comes back.
    pub(crate) fn triggers(&self, config: &Path) -> Result<String, Failure> {
        self.text(&["triggers", "deploy", "--config", &config.to_string_lossy()])
    }

    /// Removes a worker with its objects, hosts and crons.
    pub(crate) fn delete_worker(&self, worker: &str) -> Result<(), Failure> {
        self.text(&["delete", "--name", worker, "--force"]).map(drop)
    }

    /// What `d1 migrations list` says of the database of a config.
    pub(crate) fn migrations(&self, config: &Path, database: &str) -> Result<String, Failure> {
        self.text(&[
            "d1",
            "migrations",
            "list",
            database,
            "--remote",
            "--config",
            &config.to_string_lossy(),
        ])
    }

    pub(crate) fn apply_migrations(&self, config: &Path, database: &str) -> Result<(), Failure> {
        self.text(&[
            "d1",
            "migrations",
            "apply",
            database,
            "--remote",
            "--config",
            &config.to_string_lossy(),
        ])
        .map(drop)
    }

    /// The rows of one query.
    pub(crate) fn rows(&self, database: &str, sql: &str) -> Result<Vec<Value>, Failure> {
        #[derive(Deserialize)]
        struct Answer {
            #[serde(default)]
            results: Vec<Value>,
        }
        let answers: Vec<Answer> =
            self.json(&["d1", "execute", database, "--remote", "--json", "--command", sql])?;
        Ok(answers.into_iter().flat_map(|answer| answer.results).collect())
    }

    /// Runs a file of SQL, whole or not at all.
    pub(crate) fn execute(&self, database: &str, file: &Path) -> Result<(), Failure> {
        self.text(&[
            "d1",
            "execute",
            database,
            "--remote",
            "--yes",
            "--file",
            &file.to_string_lossy(),
        ])
        .map(drop)
    }

    /// Writes everything in a database to a file.
    pub(crate) fn export(&self, database: &str, file: &Path) -> Result<(), Failure> {
        let file = file.to_string_lossy();
        self.text(&["d1", "export", database, "--remote", "--output", &file, "--skip-confirmation"])
            .map(drop)
    }
}

/// Tells what is not there from what could not be asked.
fn absent<T>(answer: Result<T, Failure>) -> Result<Option<T>, Failure> {
    // 10007: no such worker. 10006: no such bucket. The sentences are wrangler's own.
    const WORDS: [&str; 4] =
        ["[code: 10007]", "[code: 10006]", "has no deployments", "\" not found."];
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(Failure::Ended { tail, .. }) if WORDS.iter().any(|word| tail.contains(word)) => {
            Ok(None)
        }
        Err(other) => Err(other),
    }
}

#[cfg(test)]
mod tests {
    use super::Wrangler;

    #[test]
    fn what_somebody_types_is_handed_on_where_they_are_and_may_be_asked_back() {
        let folder = tempfile::tempdir().unwrap();
        let script = "printf '%s|' \"$PWD\" \"$WRANGLER_SEND_METRICS\" \"$@\"";
        let program = ["bash", "-c", script, "wrangler"].map(Into::into).to_vec();
        let environment = [("CI", "1"), ("WRANGLER_SEND_METRICS", "false")];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.into()));
        let wrangler = Wrangler::new(program, environment.to_vec(), folder.path()).unwrap();
        let args = ["d1", "time-travel", "info", "de"].map(Into::into);
        let mut command = wrangler.typed(&args);
        assert!(command.get_envs().all(|(name, _)| name != "CI"));
        let said = command.output().unwrap().stdout;
        let here = std::env::current_dir().unwrap();
        let expected = format!("{}|false|d1|time-travel|info|de|", here.display());
        assert_eq!(String::from_utf8(said).unwrap(), expected);
    }
}
