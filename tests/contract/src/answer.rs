//! An answer, read in the protocol of its call.

use de_testkit::client::TestResponse;
use serde_json::Value;

use crate::{story::Story, wire::Wire};

/// An answer that was read to its end.
#[derive(Debug)]
pub struct Answer {
    /// By which its row is found.
    pub request_id: String,
    /// Status, headers, body.
    pub response: TestResponse,
    /// In which protocol to read it.
    pub wire: Wire,
}

/// Tokens that an answer says were used.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counts {
    /// Read.
    pub input: u64,
    /// Made.
    pub output: u64,
}

impl Answer {
    /// 100 to 599.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.response.status
    }

    /// The body.
    #[must_use]
    pub fn json(&self) -> Value {
        self.response.json()
    }

    /// A header; empty if absent.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.response.header(name)
    }

    /// Whose receipt it has.
    #[must_use]
    pub fn receipt_id(&self) -> &str {
        self.header("x-de-receipt")
    }

    /// The same answer, once its status is seen to be 200.
    ///
    /// # Panics
    /// If it is another.
    #[track_caller]
    pub fn good(self) -> Self {
        assert_eq!(self.status(), 200, "{}", self.response.text());
        self
    }

    /// What the model said.
    #[must_use]
    pub fn text(&self) -> String {
        let body = self.json();
        let text = match self.wire {
            Wire::Anthropic => {
                let blocks = body["content"].as_array().cloned().unwrap_or_default();
                return blocks.iter().filter_map(|block| block["text"].as_str()).collect();
            }
            Wire::Native => &body["text"],
            Wire::OpenAi => &body["choices"][0]["message"]["content"],
        };
        text.as_str().unwrap_or_default().to_owned()
    }

    /// Why it ended, in the protocol's word.
    #[must_use]
    pub fn finish(&self) -> String {
        let body = self.json();
        let word = match self.wire {
            Wire::Anthropic => &body["stop_reason"],
            Wire::Native => &body["metadata"]["finish_reason"],
            Wire::OpenAi => &body["choices"][0]["finish_reason"],
        };
        word.as_str().unwrap_or_default().to_owned()
    }

    /// What it used.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let body = self.json();
        match self.wire {
            Wire::Native => counts(&body["metadata"], "input_tokens", "output_tokens"),
            Wire::Anthropic => counts(&body["usage"], "input_tokens", "output_tokens"),
            Wire::OpenAi => counts(&body["usage"], "prompt_tokens", "completion_tokens"),
        }
    }

    /// What a streamed answer tells.
    #[must_use]
    pub fn story(&self) -> Story {
        Story::of(self.wire, &self.response.events())
    }

    /// Checks a failure: its status, and its envelope with our code in the form of the protocol.
    ///
    /// # Panics
    /// If it is another.
    #[track_caller]
    pub fn fails(&self, status: u16, code: &str) {
        let text = self.response.text();
        assert_eq!(self.status(), status, "{:?}: {text}", self.wire);
        assert_eq!(self.header("content-type"), "application/json", "{text}");
        assert_eq!(self.header("x-request-id"), self.request_id);
        let body = self.json();
        match self.wire {
            Wire::Anthropic => {
                assert_eq!(body["type"], "error", "{text}");
                assert_eq!(body["error"]["type"], anthropic_type(status), "{text}");
                assert_eq!(body["request_id"], self.request_id.as_str(), "{text}");
                assert_eq!(self.header("request-id"), self.request_id);
            }
            Wire::Native => {
                assert_eq!(body["error_code"], code, "{text}");
                assert_eq!(body["request_id"], self.request_id.as_str(), "{text}");
                assert!(body["error"].is_string(), "{text}");
            }
            Wire::OpenAi => {
                assert_eq!(body["error"]["code"], code.to_ascii_lowercase(), "{text}");
                assert_eq!(body["error"]["type"], openai_type(status), "{text}");
                assert!(body["error"].get("param").is_some(), "{text}");
            }
        }
        assert!(!self.message().is_empty(), "{text}");
    }

    /// The message of a failure.
    #[must_use]
    pub fn message(&self) -> String {
        let body = self.json();
        let message = match self.wire {
            Wire::Native => &body["error"],
            Wire::Anthropic | Wire::OpenAi => &body["error"]["message"],
        };
        message.as_str().unwrap_or_default().to_owned()
    }

    /// The particulars of a failure.
    #[must_use]
    pub fn details(&self) -> Value {
        let body = self.json();
        match self.wire {
            Wire::Native => body["details"].clone(),
            Wire::Anthropic | Wire::OpenAi => body["error"]["details"].clone(),
        }
    }

    /// The wrong fields of a failure, in order.
    #[must_use]
    pub fn fields(&self) -> Vec<String> {
        let details = self.details();
        let fields = details["fields"].as_array().cloned().unwrap_or_default();
        fields.iter().filter_map(|field| field["field"].as_str().map(str::to_owned)).collect()
    }
}

pub(crate) fn counts(usage: &Value, input: &str, output: &str) -> Counts {
    let count = |name: &str| usage[name].as_u64().unwrap_or(0);
    Counts { input: count(input), output: count(output) }
}

/// <https://docs.anthropic.com/en/api/errors>.
pub(crate) fn anthropic_type(status: u16) -> &'static str {
    match status {
        400 | 405 | 415 | 422 => "invalid_request_error",
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        409 => "conflict_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        503 => "overloaded_error",
        504 => "timeout_error",
        _ => "api_error",
    }
}

/// The `type` beside OpenAI's `code`: <https://platform.openai.com/docs/guides/error-codes>.
pub(crate) fn openai_type(status: u16) -> &'static str {
    match status {
        402 => "insufficient_quota",
        429 => "rate_limit_exceeded",
        500.. => "server_error",
        _ => "invalid_request_error",
    }
}
