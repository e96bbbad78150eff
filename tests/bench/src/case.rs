//! What is measured: roads through the text worker, lengths of streams, numbers of callers.

use std::{fmt, time::Duration};

use serde::Serialize;
use serde_json::{Value, json};

/// The gateway's name for the model of the OpenAI protocol.
pub(crate) const CHAT_MODEL: &str = "bench-chat";
/// The gateway's name for the model of Anthropic's.
pub(crate) const CLAUDE_MODEL: &str = "bench-claude";
/// Its name for the model whose requests and answers a mapping writes and reads.
pub(crate) const MAPPED_MODEL: &str = "bench-mapped";

/// Which way an answer takes through the text worker. All callers speak the OpenAI protocol.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Road {
    /// One JSON object.
    Json,
    /// A stream of the caller's own protocol that wants usage: passes as it is.
    Relayed,
    /// One that does not want it: the event with the usage is taken out.
    Filtered,
    /// A stream of Anthropic's protocol: every event is written anew.
    Translated,
}

impl Road {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Relayed => "relayed",
            Self::Filtered => "filtered",
            Self::Translated => "translated",
        }
    }
}

/// One line of the table.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub(crate) struct Case {
    pub(crate) road: Road,
    /// Events with text in the answer; none for JSON.
    pub(crate) chunks: u32,
    /// Between two of them; 0: each is sent as soon as the one before has left.
    pub(crate) gap_ms: u64,
    /// Callers at once.
    pub(crate) concurrency: usize,
    /// Requests of one round and side.
    pub(crate) requests: usize,
}

impl fmt::Display for Case {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.road.word())?;
        if self.chunks > 0 {
            write!(out, " {}", self.chunks)?;
        }
        if self.gap_ms > 0 {
            write!(out, " every {} ms", self.gap_ms)?;
        }
        Ok(())
    }
}

/// How much of it.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) cases: Vec<Case>,
    pub(crate) rounds: usize,
    /// No request of a round begins later than this after its first.
    pub(crate) round_limit: Duration,
}

impl Plan {
    /// Enough for figures: about six minutes.
    pub(crate) fn full() -> Self {
        let mut cases = vec![case(Road::Json, 0, 0, 1, 150), case(Road::Json, 0, 0, 8, 400)];
        for road in [Road::Relayed, Road::Filtered, Road::Translated] {
            cases.extend([
                case(road, 200, 0, 1, 30),
                case(road, 200, 0, 8, 80),
                case(road, 2_000, 0, 1, 6),
                case(road, 200, 10, 8, 8),
            ]);
        }
        Self { cases, rounds: 7, round_limit: Duration::from_secs(10) }
    }

    /// Whether it all still works: under a minute, its figures are no good.
    pub(crate) fn quick() -> Self {
        let mut cases = vec![case(Road::Json, 0, 0, 1, 40), case(Road::Json, 0, 0, 8, 80)];
        for road in [Road::Relayed, Road::Filtered, Road::Translated] {
            cases.extend([case(road, 200, 0, 8, 16), case(road, 2_000, 0, 1, 2)]);
        }
        Self { cases, rounds: 2, round_limit: Duration::from_secs(3) }
    }
}

/// One line.
pub(crate) fn case(
    road: Road,
    chunks: u32,
    gap_ms: u64,
    concurrency: usize,
    requests: usize,
) -> Case {
    Case { road, chunks, gap_ms, concurrency, requests }
}

/// Who stands between the caller and the vendor.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Side {
    Bare,
    /// Nobody: the vendor is asked itself.
    Direct,
    /// LiteLLM's proxy.
    Litellm,
    /// The text worker, for a model whose requests and answers a mapping writes and reads.
    Mapped,
    /// Portkey's gateway.
    Portkey,
    /// The bare worker where it splits the stream.
    Split,
    Text,
}

impl Side {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::Direct => "direct",
            Self::Litellm => "litellm",
            Self::Mapped => "mapped",
            Self::Portkey => "portkey",
            Self::Split => "split",
            Self::Text => "text",
        }
    }
}

impl Case {
    /// Where the request goes. The bare worker changes nothing, so its caller has to speak the vendor's
    /// protocol.
    pub(crate) fn path(&self, side: Side) -> &'static str {
        match (self.road, side) {
            (Road::Translated, Side::Bare) => "/v1/messages",
            (_, Side::Split) => "/split/v1/chat/completions",
            _ => "/v1/chat/completions",
        }
    }

    /// What the request says.
    pub(crate) fn body(&self, side: Side) -> String {
        let model = match (self.road, side) {
            (Road::Translated, _) => CLAUDE_MODEL,
            (_, Side::Mapped) => MAPPED_MODEL,
            _ => CHAT_MODEL,
        };
        let prompt = Wish { chunks: self.chunks, gap_ms: self.gap_ms }.to_string();
        let mut body = json!({
            "model": model,
            "messages": [
                {"role": "system", "content": "You answer in as many words as you are asked to."},
                {"role": "user", "content": prompt},
            ],
            "temperature": 0.5,
            "max_tokens": 4_000,
        });
        if self.path(side) == "/v1/messages" {
            body = json!({
                "model": model,
                "system": "You answer in as many words as you are asked to.",
                "messages": [{"role": "user", "content": prompt}],
                "temperature": 0.5,
                "max_tokens": 4_000,
            });
        }
        if let Some(members) = body.as_object_mut() {
            if self.road != Road::Json {
                members.insert("stream".to_owned(), true.into());
            }
            if self.road == Road::Relayed {
                members.insert("stream_options".to_owned(), json!({"include_usage": true}));
            }
        }
        body.to_string()
    }
}

/// What the prompt asks of the vendor.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Wish {
    pub(crate) chunks: u32,
    pub(crate) gap_ms: u64,
}

impl Wish {
    /// Reads the last prompt of a request of either protocol.
    pub(crate) fn of_request(body: &Value) -> Option<Self> {
        let prompt = body.get("messages")?.as_array()?.last()?.get("content")?;
        // The gateway writes Anthropic's content as blocks.
        let text = prompt.as_str().or_else(|| prompt.get(0)?.get("text")?.as_str())?;
        let mut words = text.split_whitespace();
        let mut number = || words.find_map(|word| word.parse::<u64>().ok());
        Some(Self { chunks: u32::try_from(number()?).ok()?, gap_ms: number()? })
    }
}

impl fmt::Display for Wish {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Say {} words and rest {} ms between two of them.", self.chunks, self.gap_ms)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Plan, Road, Side, Wish, case};

    #[test]
    fn a_wish_is_read_from_each_protocol() {
        let wished = case(Road::Translated, 200, 10, 1, 1);
        for side in [Side::Bare, Side::Text] {
            let body: Value = serde_json::from_str(&wished.body(side)).unwrap();
            let wish = Wish::of_request(&body);
            assert_eq!(wish, Some(Wish { chunks: 200, gap_ms: 10 }), "{side:?}");
        }
        let blocks = json!({"messages": [{"role": "user", "content": [
            {"type": "text", "text": "Say 3 words and rest 0 ms between two of them."},
        ]}]});
        assert_eq!(Wish::of_request(&blocks), Some(Wish { chunks: 3, gap_ms: 0 }));
        assert_eq!(Wish::of_request(&json!({"messages": []})), None);
    }

    #[test]
    fn only_who_wants_usage_asks_for_it() {
        for road in [Road::Json, Road::Relayed, Road::Filtered, Road::Translated] {
            let body: Value =
                serde_json::from_str(&case(road, 2, 0, 1, 1).body(Side::Text)).unwrap();
            assert_eq!(body["stream"] == true, road != Road::Json);
            assert_eq!(!body["stream_options"].is_null(), road == Road::Relayed);
        }
    }

    #[test]
    fn both_plans_measure_every_road() {
        for plan in [Plan::full(), Plan::quick()] {
            for road in [Road::Json, Road::Relayed, Road::Filtered, Road::Translated] {
                assert!(plan.cases.iter().any(|case| case.road == road));
            }
        }
    }
}
