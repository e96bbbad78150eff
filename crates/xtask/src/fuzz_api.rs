//! `cargo xtask fuzz-api`: schemathesis asks a stack what its description allows, and what it forbids.
//!
//! The tool is a Python package, which nobody has to have: without Python there is nothing to do. It is installed at
//! one version into the cache of build tools.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::dev;
use crate::failure::Failure;
use crate::files;
use crate::layout::Layout;
use crate::run::Run;
use crate::say::{self, Watch};
use crate::setup;
use crate::stack::Stack;
use crate::stack::ports::Ports;
use crate::{build, ci::Steps};

const VERSION: &str = "4.32.5";

/// How many questions each operation is asked, beside those that follow from its description.
const QUESTIONS: &str = "50";

/// The groups of operations that a project's key is for; all others want a person's.
const OF_PROJECTS: [&str; 2] = ["models", "text"];

/// Runs the command.
pub(crate) fn run(layout: &Layout) -> Result<(), Failure> {
    if Run::new("python3").args(["-c", "import venv"]).capture().is_err() {
        say::line("skipped: there is no python3 with venv on PATH, which schemathesis needs");
        return Ok(());
    }
    let tools = setup::prepare(layout)?;
    let schemathesis = schemathesis(layout)?;
    build::all(layout, &tools)?;
    let description = description(layout)?;
    let ports = Ports::free()?;
    let stack = dev::start_for_tests(layout, &tools, ports)?;
    let mut steps = Steps::begin();
    let keys = &stack.record.keys;
    let ask = |key: &str, which: &str| {
        let tags = OF_PROJECTS.iter().flat_map(|tag| [which, tag]);
        ask(layout, &schemathesis, &description, &stack).args(tags).env("DE_KEY", key).show()
    };
    // First those that need what is there: the control plane is asked to remove it too.
    steps.run("models and text", || ask(&keys.client_key, "--include-tag"))?;
    steps.run("control plane", || ask(&keys.admin_key, "--exclude-tag"))?;
    if steps.have_passed() {
        stack.forget(layout, ports);
    }
    steps.end()
}

fn ask(layout: &Layout, schemathesis: &Path, description: &Path, stack: &Stack) -> Run {
    let config = layout.root.join("tests/schemathesis.toml");
    Run::new(schemathesis)
        .args(["--config-file".as_ref(), config.as_os_str(), "run".as_ref()])
        .args([description])
        .args(["--url", &stack.record.base, "--max-examples", QUESTIONS])
        .dir(&layout.dev())
}

/// The description as the tool reads it: of event streams it would take the schema of the whole for that of
/// each event. The contract suite checks those.
fn description(layout: &Layout) -> Result<PathBuf, Failure> {
    let path = layout.root.join("docs/openapi.json");
    let mut document: Value = serde_json::from_str(&files::read(&path)?).map_err(|error| {
        Failure::Content { path: path.clone(), problem: format!("it is no JSON: {error}") }
    })?;
    drop_stream_schemas(&mut document);
    let changed = layout.dev().join("fuzz-api.json");
    files::write(&changed, &document.to_string())?;
    Ok(changed)
}

fn drop_stream_schemas(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(drop_stream_schemas),
        Value::Object(members) => {
            let stream = members.get_mut("text/event-stream").and_then(Value::as_object_mut);
            stream.and_then(|stream| stream.remove("schema"));
            members.values_mut().for_each(drop_stream_schemas);
        }
        _ => {}
    }
}

/// Installs the tool, unless it is there.
fn schemathesis(layout: &Layout) -> Result<PathBuf, Failure> {
    let tools = layout.cache.join("tools");
    let root = tools.join(format!("schemathesis-{VERSION}"));
    let binary = root.join("bin/schemathesis");
    let stamp = root.join(".installed");
    if setup::stamped(&stamp, VERSION) {
        return Ok(binary);
    }
    let watch = Watch::start();
    say::line(&format!("installing schemathesis {VERSION} (half a minute, once)"));
    files::make_folder(&tools)?;
    // What an interrupted install left is no start for another one.
    files::remove(&root)?;
    Run::new("python3").args(["-m", "venv"]).args([&root]).capture()?;
    Run::new(root.join("bin/pip"))
        .args(["install", "--quiet", "--disable-pip-version-check"])
        .args([format!("schemathesis=={VERSION}")])
        .progress("pip install")
        .capture()?;
    files::write(&stamp, VERSION)?;
    say::line(&format!("installed schemathesis ({})", watch.text()));
    Ok(binary)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::drop_stream_schemas;

    #[test]
    fn only_the_schemas_of_streams_are_left_out() {
        let schema = json!({"schema": {"type": "string"}});
        let mut content = json!([{"application/json": schema, "text/event-stream": schema}]);
        drop_stream_schemas(&mut content);
        assert_eq!(content, json!([{"application/json": schema, "text/event-stream": {}}]));
    }
}
