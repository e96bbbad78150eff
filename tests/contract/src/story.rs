//! What a stream told, read by a second hand: not by the code that wrote it.

use de_testkit::events::TestEvent;
use serde_json::Value;

use crate::{
    answer::{Counts, counts},
    wire::Wire,
};

/// A stream, added up.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Story {
    /// How many last frames there were: `[DONE]`, `message_stop`, `"done": true`.
    pub ends: usize,
    /// The errors that were told.
    pub errors: Vec<Value>,
    /// Why it ended, in the protocol's word; empty if it did not say.
    pub finish: String,
    /// Whether the last frame was the last event.
    pub ends_last: bool,
    /// The pieces of text, in order.
    pub pieces: Vec<String>,
    /// What it used, if it said so.
    pub usage: Option<Counts>,
}

impl Story {
    /// Reads events in a protocol.
    ///
    /// # Panics
    /// If one is not of the protocol's form.
    #[must_use]
    pub fn of(wire: Wire, events: &[TestEvent]) -> Self {
        let mut story = Self::default();
        for event in events {
            let ends = story.ends;
            match wire {
                Wire::Anthropic => story.anthropic(event),
                Wire::Native => story.native(event),
                Wire::OpenAi => story.openai(event),
            }
            story.ends_last = story.ends > ends;
        }
        story
    }

    /// All of the text.
    #[must_use]
    pub fn text(&self) -> String {
        self.pieces.concat()
    }

    /// Checks that all of it came: one last frame, at the end, and no error.
    ///
    /// # Panics
    /// If not.
    #[track_caller]
    pub fn is_whole(&self) {
        assert!(self.errors.is_empty(), "{self:#?}");
        assert_eq!(self.ends, 1, "{self:#?}");
        assert!(self.ends_last, "{self:#?}");
    }

    /// Checks that it broke off: one error, and no frame that says that all of it came.
    ///
    /// # Panics
    /// If not.
    #[track_caller]
    pub fn broke_off(&self) {
        assert_eq!(self.errors.len(), 1, "{self:#?}");
        assert_eq!(self.ends, 0, "{self:#?}");
    }

    fn piece(&mut self, text: &Value) {
        self.pieces.extend(text.as_str().filter(|text| !text.is_empty()).map(str::to_owned));
    }

    fn anthropic(&mut self, event: &TestEvent) {
        let data = event.json();
        assert_eq!(data["type"], event.name.as_str(), "the name stands in the data too: {event:?}");
        match event.name.as_str() {
            "message_start" => {
                self.usage = Some(counts(&data["message"]["usage"], "input_tokens", "none"));
            }
            "content_block_delta" => self.piece(&data["delta"]["text"]),
            "message_delta" => {
                self.finish = data["delta"]["stop_reason"].as_str().unwrap_or_default().to_owned();
                let told = counts(&data["usage"], "input_tokens", "output_tokens");
                let known = self.usage.unwrap_or_default();
                let input = known.input.max(told.input);
                self.usage = Some(Counts { input, output: told.output });
            }
            "message_stop" => self.ends += 1,
            "error" => self.errors.push(data["error"].clone()),
            "content_block_start" | "content_block_stop" | "ping" => {}
            other => panic!("an event that the protocol does not have: {other}"),
        }
    }

    fn native(&mut self, event: &TestEvent) {
        let data = event.json();
        assert!(data["request_id"].is_string(), "{event:?}");
        if event.name == "error" {
            return self.errors.push(data);
        }
        assert_eq!(event.name, "", "{event:?}");
        self.piece(&data["text"]);
        if data["done"] == true {
            self.ends += 1;
            self.finish = data["finish_reason"].as_str().unwrap_or_default().to_owned();
            let usage = &data["usage"];
            self.usage = usage.is_object().then(|| counts(usage, "input_tokens", "output_tokens"));
        }
    }

    fn openai(&mut self, event: &TestEvent) {
        assert_eq!(event.name, "", "OpenAI's events have no name: {event:?}");
        if event.data == "[DONE]" {
            self.ends += 1;
            return;
        }
        let data = event.json();
        if data.get("error").is_some() {
            return self.errors.push(data["error"].clone());
        }
        assert_eq!(data["object"], "chat.completion.chunk", "{event:?}");
        for choice in data["choices"].as_array().into_iter().flatten() {
            self.piece(&choice["delta"]["content"]);
            if let Some(finish) = choice["finish_reason"].as_str() {
                finish.clone_into(&mut self.finish);
            }
        }
        if data["usage"].is_object() {
            self.usage = Some(counts(&data["usage"], "prompt_tokens", "completion_tokens"));
        }
    }
}
