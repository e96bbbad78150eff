//! Puts `wrangler/guard.js` in front of a worker's entrypoint: see there, and ADR 0017.
//!
//! Behind the build and not part of it, as it costs nothing and the steps before it cost minutes.

use crate::failure::Failure;
use crate::files;
use crate::layout::Layout;

use super::Purpose;

const BEGIN: &str = "\n/* guard */\n";
const END: &str = "const DeGuarded = guarded(";
const DEFAULT: &str = " as default";
const OURS: &str = "DeGuarded as default";

/// Puts the guard into what was built of a worker, in place of one that is there.
///
/// # Errors
/// `Content` if worker-build has made something else than it used to.
pub(super) fn put(layout: &Layout, purpose: Purpose, worker: &str) -> Result<(), Failure> {
    let guard = files::read(&layout.wrangler().join("guard.js"))?;
    let path = purpose.folder(layout, worker).join("index.js");
    let script = files::read(&path)?;
    let guarded = guarded(&script, &guard).ok_or_else(|| Failure::Content {
        path: path.clone(),
        problem: "it exports no default class that could be guarded".to_owned(),
    })?;
    if guarded == script {
        return Ok(());
    }
    // Not written over: it may be one file with that of another worktree.
    files::remove(&path)?;
    files::write(&path, &guarded)
}

fn guarded(script: &str, guard: &str) -> Option<String> {
    let script = bare(script)?;
    let (code, exports) = script.rsplit_once("export{")?;
    let (before, after) = exports.split_once(DEFAULT)?;
    let start = before.rfind(['{', ',', ' ']).map_or(0, |place| place + 1);
    let (others, inner) = before.split_at(start);
    Some(format!("{code}{BEGIN}{guard}{END}{inner});export{{{others}{OURS}{after}"))
}

/// The script as worker-build has made it.
fn bare(script: &str) -> Option<String> {
    let Some((code, rest)) = script.split_once(BEGIN) else { return Some(script.to_owned()) };
    let (_, rest) = rest.rsplit_once(END)?;
    let (inner, exports) = rest.split_once(");")?;
    Some(format!("{code}{}", exports.replace(OURS, &format!("{inner}{DEFAULT}"))))
}

#[cfg(test)]
mod tests {
    use std::{path::Path, process::Command};

    use de_core::{
        http::{
            context::{Context, Envelope},
            error::{ApiError, Code},
        },
        ids::RequestId,
        time::UnixMillis,
    };
    use http::{HeaderMap, HeaderName, HeaderValue};
    use serde_json::{Value, json};

    use super::{bare, guarded};

    /// Behind the guard: a worker that traps at each call, and what becomes of the calls.
    const DEAD: &str = r#"
        class Dead {
          async fetch() {
            throw new WebAssembly.RuntimeError("unreachable");
          }
        }
        const worker = new (guarded(Dead))();
        const answers = [];
        for (const { headers, path } of JSON.parse(process.argv.at(-1))) {
          const answer = await worker.fetch(new Request(`https://gateway.example${path}`, { headers }));
          const { status } = answer;
          answers.push({ body: await answer.json(), headers: Object.fromEntries(answer.headers), status });
        }
        console.log(JSON.stringify(answers));
    "#;

    const MESSAGE: &str =
        "this call was lost by a failure of the service, and nobody knows what became of it";

    const VERSION: [&str; 2] = ["anthropic-version", "2023-06-01"];

    /// What callers ask for, and things that only look like it.
    const PATHS: [&str; 41] = [
        "/",
        "/generate",
        "/health",
        "/image/generate",
        "/messages",
        "/render/render/job_1",
        "/text/v1/chat/completions",
        "/text/v1/messages",
        "/audio/v1/text-to-speech/a/stream",
        "/v1/audio/speech",
        "/v1/audio/transcriptions",
        "/v1/capabilities",
        "/v1/chat",
        "/v1/chat%2Fcompletions",
        "/v1/chat/completions",
        "/v1/completions",
        "/v1/embeddings",
        "/v1/images/edits",
        "/v1/images/generations",
        "/v1/jobs/job_1/events",
        "/v1/messages",
        "/v1/messages-of-mine",
        "/v1/messages/count_tokens",
        "/v1/model-configs",
        "/v1/models",
        "/v1/models/gpt-4o",
        "/v1/models/v1/messages",
        "/v1/organizations",
        "/v1/organizations/v1/messages",
        "/v1/organizations/v2/voices",
        "/v1/responses",
        "/v1/responses/resp_1",
        "/v1/text-to-speech",
        "/v1/text-to-speech/a",
        "/v1/voices",
        "/v1/voices-of-mine",
        "/v1/voices/a",
        "/v2/models",
        "/v2/voices",
        "/v2/voices-of-mine",
        "/voices",
    ];

    fn node(script: &str, argument: &Value) -> Value {
        let mut node = Command::new("node");
        node.args(["--input-type=module", "--eval", script, "--", &argument.to_string()]);
        let ended = node.output().unwrap();
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
        serde_json::from_slice(&ended.stdout).unwrap()
    }

    #[test]
    fn what_the_guard_answers_is_what_the_dead_worker_would_have() {
        let guard = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wrangler/guard.js");
        let guard = std::fs::read_to_string(guard).unwrap();
        let script = format!("globalThis.addEventListener = () => undefined;\n{guard}\n{DEAD}");
        let mut asked = Vec::new();
        for path in PATHS {
            for versions in [Vec::new(), vec![VERSION]] {
                let headers: Vec<_> =
                    versions.into_iter().chain([["x-request-id", "req_1"]]).collect();
                asked.push((path, headers));
            }
        }
        let rows = asked.iter().map(|(path, headers)| json!({"headers": headers, "path": path}));
        let told = node(&script, &rows.collect());
        let told = told.as_array().unwrap();
        assert_eq!(told.len(), asked.len());
        for ((path, headers), told) in asked.iter().zip(told) {
            let parsed: HeaderMap = headers
                .iter()
                .map(|[name, value]| {
                    (HeaderName::from_static(name), HeaderValue::from_static(value))
                })
                .collect();
            let envelope = Envelope::of(path, &parsed);
            let id = RequestId::parse("req_1").unwrap();
            let context = Context::new(id, envelope, UnixMillis(0));
            let expected = ApiError::new(Code::InternalError, MESSAGE).for_good();
            assert_eq!(told["body"], expected.body(&context), "{path} {headers:?}: {envelope:?}");
            let answer = expected.render(&context);
            assert_eq!(told["status"], answer.status().as_u16(), "{path}");
            for name in ["content-type", "x-should-retry"] {
                assert_eq!(
                    told["headers"][name],
                    answer.headers()[name].to_str().unwrap(),
                    "{path}"
                );
            }
            assert_eq!(told["headers"]["x-request-id"], "req_1", "{path}");
        }
    }

    const MADE: &str =
        "var a=1;var Fe=new Proxy(M,P);export{je as R2Range,Fe as default,x as Job};\n";

    #[test]
    fn the_guard_stands_in_the_place_of_the_entrypoint() {
        let script = guarded(MADE, "const guarded = (inner) => inner;\n").unwrap();
        assert!(script.contains("const DeGuarded = guarded(Fe);"), "{script}");
        assert!(script.ends_with("export{je as R2Range,DeGuarded as default,x as Job};\n"));
        assert_eq!(bare(&script).as_deref(), Some(MADE));
    }

    #[test]
    fn another_guard_takes_its_place_and_the_same_one_changes_nothing() {
        let first = guarded(MADE, "/* one */").unwrap();
        assert_eq!(guarded(&first, "/* one */").as_ref(), Some(&first));
        let second = guarded(&first, "/* two */").unwrap();
        assert!(second.contains("two") && !second.contains("one"), "{second}");
        assert_eq!(guarded("export default 1;", ""), None);
        assert_eq!(guarded("export{a as b};", ""), None);
    }
}
