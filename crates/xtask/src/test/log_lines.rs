//! The log that a stack leaves after all suites: every JSON line in it is one of the schema's, and each request has one
//! line in each worker that it came to.

use std::collections::BTreeMap;
use std::path::Path;

use de_core::log::{Event, LogLine};

use crate::failure::Failure;
use crate::layout::Layout;
use crate::stack::logs;
use crate::stack::ports::Ports;

/// How many wrong lines are told of.
const TOLD: usize = 5;

/// Reads what the workers of the stack on these ports have logged.
///
/// # Errors
/// `System` with lines that are not of the schema, or with requests that have several, or none was there.
pub(crate) fn check(layout: &Layout, ports: Ports) -> Result<(), Failure> {
    let path = logs(layout, ports).join("workers.log");
    let text = read(&path)?;
    let problems = wrong(&text);
    if problems.is_empty() {
        return Ok(());
    }
    let shown = problems.iter().take(TOLD).map(String::as_str).collect::<Vec<_>>().join("; ");
    let problem = format!("{} of {}: {shown}", problems.len(), path.display());
    Err(Failure::System { action: "read the log as docs/logging.md has it", problem })
}

fn read(path: &Path) -> Result<String, Failure> {
    let bytes = std::fs::read(path).map_err(|error| Failure::System {
        action: "read the workers' log",
        problem: format!("{}: {error}", path.display()),
    })?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// What of a log is not as it has to be.
fn wrong(text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let mut spans: BTreeMap<(String, String), usize> = BTreeMap::new();
    // The stack puts time and level before what a worker wrote; the runtime's own words are no JSON.
    let lines = text.lines().filter_map(|line| line.get(line.find("{\"")?..));
    for line in lines {
        match serde_json::from_str::<LogLine>(line) {
            Ok(read) if read.event == Event::Request => {
                let span = read.span_id.unwrap_or_default();
                *spans.entry((read.service, span)).or_default() += 1;
            }
            Ok(_) => {}
            Err(error) => problems.push(format!("{error}: {line}")),
        }
    }
    if spans.is_empty() {
        problems.push("it tells of no request".to_owned());
    }
    let twice = spans.into_iter().filter(|(_, count)| *count > 1);
    problems.extend(twice.map(|((service, span), count)| {
        format!("{service} has {count} lines of the request with the span {span}")
    }));
    problems
}

#[cfg(test)]
mod tests {
    use super::wrong;

    const LINE: &str = r#"2026-11-26T17:40:27.003Z log {"time":"2026-11-26T17:40:27.003Z","level":"info","event":"request","service":"text","message":"m","span_id":"00f067aa0ba902b7"}"#;

    #[test]
    fn what_is_not_of_the_schema_and_what_stands_twice_is_told() {
        assert_eq!(wrong(LINE), Vec::<String>::new());
        assert_eq!(wrong(&format!("workerd: started\n{LINE}")), Vec::<String>::new());
        assert_eq!(wrong("workerd: started").len(), 1);
        assert_eq!(wrong(&format!("{LINE}\n{LINE}")).len(), 1);
        let other = LINE.replace("\"message\"", "\"path\":\"/v1\",\"message\"");
        assert!(wrong(&format!("{LINE}\n{other}"))[0].contains("path"));
    }
}
