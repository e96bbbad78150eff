use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

use crate::documentation::commands::refusal;

/// Every workflow, by its file's name: as it is written, and as it is read.
fn workflows() -> Vec<(String, String, Value)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../.github/workflows");
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).unwrap();
        let read = serde_saphyr::from_str(&text).unwrap_or_else(|err| panic!("{name}: {err}"));
        found.push((name, text, read));
    }
    assert!(found.len() >= 4, "some workflows are not where they should be");
    found
}

/// Every job, with `file/job` to name it by.
fn jobs() -> Vec<(String, Value)> {
    let jobs = workflows().into_iter().flat_map(|(file, _, workflow)| {
        let jobs = workflow["jobs"].as_object().unwrap().clone();
        jobs.into_iter().map(move |(name, job)| (format!("{file}/{name}"), job))
    });
    jobs.collect()
}

/// Every step, with the job that it is of.
fn steps() -> Vec<(String, Value)> {
    let steps = jobs().into_iter().flat_map(|(name, job)| {
        let steps = job["steps"].as_array().cloned().unwrap_or_default();
        steps.into_iter().map(move |step| (name.clone(), step))
    });
    steps.collect()
}

#[test]
fn actions_are_pinned_by_digest_and_say_their_version() {
    let mut versions = BTreeMap::new();
    for (file, text, _) in workflows() {
        let uses = text.lines().filter_map(|line| {
            let line = line.trim_start();
            line.strip_prefix("- ").unwrap_or(line).strip_prefix("uses: ")
        });
        for action in uses.filter(|action| !action.starts_with("./")) {
            let Some((pinned, version)) = action.split_once(" # v") else {
                panic!("{file}: `{action}` does not end in a comment with its version");
            };
            let Some((name, digest)) = pinned.split_once('@') else {
                panic!("{file}: `{action}` names no digest");
            };
            let is_digest = digest.len() == 40
                && digest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
            assert!(is_digest, "{file}: `{digest}` is no digest of 40 hexadecimal digits");
            let is_version = version.split('.').count() == 3
                && version.split('.').all(|part| part.parse::<u32>().is_ok());
            assert!(is_version, "{file}: `v{version}` is no whole version");
            let known = versions.entry(name.to_owned()).or_insert_with(|| action.to_owned());
            assert_eq!(known, action, "{file} has another version than the other workflows");
        }
    }
    assert!(versions.contains_key("actions/checkout"), "no action was found: {versions:?}");
}

#[test]
fn workflows_may_read_and_nothing_else() {
    for (file, _, workflow) in workflows() {
        assert_eq!(workflow["permissions"], json!({"contents": "read"}), "{file}");
    }
    for (job, value) in jobs() {
        assert_eq!(value["permissions"], Value::Null, "{job} asks for more than its workflow has");
    }
}

#[test]
fn nothing_of_an_outsider_runs_with_rights() {
    for (file, _, workflow) in workflows() {
        for trigger in ["issue_comment", "pull_request_target", "workflow_run"] {
            assert_eq!(workflow["on"][trigger], Value::Null, "{file} is started by {trigger}");
        }
    }
}

#[test]
fn the_checkout_keeps_no_credentials() {
    let mut checkouts = 0;
    for (job, step) in steps() {
        if step["uses"].as_str().is_some_and(|uses| uses.starts_with("actions/checkout@")) {
            assert_eq!(step["with"]["persist-credentials"], json!(false), "{job}");
            checkouts += 1;
        }
    }
    assert!(checkouts > 0, "nothing is checked out");
}

/// An expression is pasted into the script before the shell reads it: a value with a quote in it is a command, and a
/// secret stands in the process list. Variables are neither.
#[test]
fn scripts_have_no_expressions_in_them() {
    for (job, step) in steps() {
        let script = step["run"].as_str().unwrap_or_default();
        assert!(!script.contains("${{"), "{job}: {script}");
    }
}

/// They run where nobody sees them fail before it matters.
#[test]
fn commands_in_scripts_are_commands_that_there_are() {
    let mut count = 0;
    for (job, step) in steps() {
        for line in step["run"].as_str().unwrap_or_default().lines() {
            let Some(at) = line.find("cargo xtask ") else { continue };
            assert_eq!(refusal(&line[at..]), None, "{job}: {line}");
            count += 1;
        }
    }
    assert!(count >= 8, "only {count} commands were found");
}

/// How a workflow names a secret.
const SECRET: &str = "{{ secrets.";

#[test]
fn secrets_reach_single_steps_of_jobs_with_an_environment() {
    let mut seen = 0;
    for (file, text, workflow) in workflows() {
        let named = text.matches(SECRET).count();
        let mut in_steps = 0;
        for (name, job) in workflow["jobs"].as_object().unwrap() {
            let steps = job["steps"].as_array().cloned().unwrap_or_default();
            let of_job: usize =
                steps.iter().map(|step| step["env"].to_string().matches(SECRET).count()).sum();
            if of_job > 0 {
                assert_ne!(job["environment"], Value::Null, "{file}/{name} has secrets");
            }
            in_steps += of_job;
        }
        assert_eq!(named, in_steps, "{file} has a secret outside of a step's variables");
        seen += named;
    }
    assert!(seen > 0, "no secret was found: is this test blind?");
}

/// A deployment that is cut off half-way is what the next one has to clean up.
#[test]
fn one_deployment_at_a_time_and_none_is_cut_off() {
    let groups = [("deploy.yml", "deploy"), ("operate.yml", "operate")];
    for (file, job) in groups {
        let (_, _, workflow) = workflows().into_iter().find(|(name, _, _)| name == file).unwrap();
        let of_job = &workflow["jobs"][job]["concurrency"];
        let concurrency = if of_job.is_null() { &workflow["concurrency"] } else { of_job };
        let group = concurrency["group"].as_str().unwrap();
        assert!(group.starts_with("environment-${{"), "{file}: {group}");
        assert_eq!(concurrency["cancel-in-progress"], json!(false), "{file}");
    }
}

/// The steps of the one job that deploys.
fn steps_of_deploy() -> Vec<Value> {
    let steps = steps().into_iter().filter(|(job, _)| job == "deploy.yml/deploy");
    steps.map(|(_, step)| step).collect()
}

/// A job that is out of time ends without its last step, which is the one that takes a bad release back.
#[test]
fn the_steps_of_a_deployment_are_over_before_their_job() {
    let (_, job) = jobs().into_iter().find(|(name, _)| name == "deploy.yml/deploy").unwrap();
    let mut minutes = 0;
    for step in steps_of_deploy() {
        if step["run"].as_str().is_some_and(|run| run.contains("cargo xtask ")) {
            let name = &step["name"];
            minutes += step["timeout-minutes"].as_u64().unwrap_or_else(|| panic!("{name}: no end"));
        }
    }
    assert!(minutes > 0 && minutes < job["timeout-minutes"].as_u64().unwrap(), "{minutes}");
}

/// Runs a step's script with a `cargo` that fails as often as it is told; whether the step passes, and the calls.
fn run_with_failures(script: &str, failures: usize) -> (bool, usize) {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let cargo = format!(
        "#!/bin/bash\necho \"$@\" >> {calls}\n(( $(wc -l < {calls}) > {failures} ))\n",
        calls = path("calls").display()
    );
    for (name, text) in [("cargo", cargo.as_str()), ("sleep", "#!/bin/bash\n")] {
        fs::write(path(name), text).unwrap();
        fs::set_permissions(path(name), fs::Permissions::from_mode(0o700)).unwrap();
    }
    let before = std::env::var("PATH").unwrap();
    let ended = Command::new("bash")
        // As GitHub runs a step whose shell is bash.
        .args(["--noprofile", "--norc", "-eo", "pipefail", "-c", script])
        .env("PATH", format!("{}:{before}", folder.path().display()))
        .env("DE_ENV", "staging")
        .status()
        .unwrap();
    (ended.success(), fs::read_to_string(path("calls")).unwrap().lines().count())
}

#[test]
fn one_lost_answer_does_not_take_a_good_release_back() {
    let steps = steps_of_deploy();
    let health = steps.iter().find(|step| step["id"] == "health").unwrap();
    let script = health["run"].as_str().unwrap();
    assert_eq!(run_with_failures(script, 0), (true, 1));
    assert_eq!(run_with_failures(script, 1), (true, 2));
    assert_eq!(run_with_failures(script, 9), (false, 4));
}

#[test]
fn a_tag_that_is_not_the_version_is_refused() {
    let steps = steps_of_deploy();
    let step = steps.iter().find(|step| step["name"] == "The tag is the version").unwrap();
    assert_eq!(step["if"], "${{ github.ref_type == 'tag' }}");
    let folder = tempfile::tempdir().unwrap();
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    fs::copy(root.join("Cargo.toml"), folder.path().join("Cargo.toml")).unwrap();
    fs::create_dir(folder.path().join("docs")).unwrap();
    let version = env!("CARGO_PKG_VERSION");
    let passes = |tag: &str, changes: &str| {
        fs::write(folder.path().join("docs/CHANGELOG.md"), changes).unwrap();
        Command::new("bash")
            .args(["--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"].as_str().unwrap()])
            .env("GITHUB_REF_NAME", tag)
            .current_dir(folder.path())
            .status()
            .unwrap()
            .success()
    };
    let told = format!("## Unreleased\n\n## {version} (2026-12-01)\n");
    assert!(passes(&format!("v{version}"), &told));
    assert!(passes(&format!("v{version}"), &format!("## {version}\n")));
    assert!(!passes("v999.0.0", &told));
    assert!(!passes(version, &told));
    assert!(!passes(&format!("v{version}"), "## Unreleased\n"));
    assert!(!passes(&format!("v{version}"), &format!("## {version}9\n")));
}
