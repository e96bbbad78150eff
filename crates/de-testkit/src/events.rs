//! Server-sent events, read for tests by a second hand: not by the decoder that they test.

/// One event.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct TestEvent {
    /// The lines of `data:`, joined.
    pub data: String,
    /// The `event:` field, empty if there is none.
    pub name: String,
}

impl TestEvent {
    /// The data as JSON; null if it is none.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.data).unwrap_or_default()
    }
}

/// Reads all events of a text; a last one without a blank line after it counts.
#[must_use]
pub fn events(text: &str) -> Vec<TestEvent> {
    let text = text.replace("\r\n", "\n");
    text.split("\n\n").filter_map(event).collect()
}

/// Reads one event, without the blank line; `None` if it has no data.
pub(crate) fn event(block: &str) -> Option<TestEvent> {
    let mut found = TestEvent::default();
    let mut data = Vec::new();
    for line in block.lines() {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => data.push(value),
            "event" => value.clone_into(&mut found.name),
            // Comments, ids and what we do not know.
            _ => {}
        }
    }
    found.data = data.join("\n");
    (!data.is_empty()).then_some(found)
}
