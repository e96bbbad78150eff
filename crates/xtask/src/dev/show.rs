//! What a person is told about a stack that answers.

use std::fmt::Write;

use crate::layout::Layout;
use crate::stack::ports::Ports;
use crate::stack::{Stack, logs};

/// Addresses, keys, files, and commands to paste.
pub(crate) fn table(layout: &Layout, ports: Ports, stack: &Stack) -> String {
    let record = &stack.record;
    let logs = logs(layout, ports);
    let mut rows = vec![("front door".to_owned(), record.base.clone())];
    rows.extend(record.hosts.iter().map(|(worker, host)| (worker.clone(), host.clone())));
    rows.extend(record.interfaces.iter().map(|(page, host)| (page.clone(), host.clone())));
    rows.push(("simulator".to_owned(), record.simulator.clone()));
    match &record.keys.bootstrap_token {
        Some(token) => rows.push(("token".to_owned(), token.clone())),
        None => {
            rows.push(("client key".to_owned(), record.keys.client_key.clone()));
            rows.push(("admin key".to_owned(), record.keys.admin_key.clone()));
        }
    }
    rows.push(("logs".to_owned(), layout.short(&logs).display().to_string()));
    rows.push(("all of this".to_owned(), layout.short(&stack.file).display().to_string()));
    let mut text = String::from("\n");
    for (name, value) in rows {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {name:<12} {value}");
    }
    if record.keys.bootstrap_token.is_some() {
        let panel = record.interfaces.get("admin-panel").unwrap_or(&record.base);
        return text + &beginning(panel);
    }
    let host = record.hosts.get("text").unwrap_or(&record.base);
    text + &examples(host, &record.base, &record.keys.client_key)
}

fn beginning(panel: &str) -> String {
    format!("\nNobody is there yet: open {panel}/setup, and begin with the token.\n")
}

fn examples(text_host: &str, base: &str, key: &str) -> String {
    format!(
        r#"
Try it:

  curl -s {text_host}/generate -H 'Authorization: Bearer {key}' -H 'Content-Type: application/json' \
    -d '{{"prompt": "Hello world", "model_id": "gpt-4o-mini"}}'

  curl -sN {base}/v1/chat/completions -H 'Authorization: Bearer {key}' -H 'Content-Type: application/json' \
    -d '{{"model": "gpt-4o-mini", "stream": true, "messages": [{{"role": "user", "content": "Hello world"}}]}}'
"#
    )
}

#[cfg(test)]
mod tests {
    use super::examples;

    #[test]
    fn commands_can_be_pasted() {
        let text = examples("http://127.0.0.1:8797", "http://127.0.0.1:8787", "de_test_1");
        assert!(text.contains(
            "curl -s http://127.0.0.1:8797/generate -H 'Authorization: Bearer de_test_1'"
        ));
        assert!(text.contains(r#"-d '{"prompt": "Hello world", "model_id": "gpt-4o-mini"}'"#));
    }
}
