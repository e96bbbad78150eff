//! The requests for predictions at Replicate.
//!
//! Follows <https://replicate.com/docs/reference/http> and the input schema of
//! <https://replicate.com/meta/meta-llama-3-8b-instruct>.

use crate::schema::{Field, Kind, OBJECT, TEXT, optional, required};

const EVENTS: Kind = Kind::List(&Kind::Choice(&["start", "output", "logs", "completed"]), 0, 4);

/// `POST /v1/models/{owner}/{name}/predictions`.
pub(crate) const PREDICTION: &[Field] = &[
    required("input", OBJECT),
    optional("stream", Kind::Bool),
    optional("webhook", TEXT),
    optional("webhook_events_filter", EVENTS),
];

/// `POST /v1/predictions`.
pub(crate) const VERSIONED: &[Field] = &[
    required("input", OBJECT),
    required("version", TEXT),
    optional("stream", Kind::Bool),
    optional("webhook", TEXT),
    optional("webhook_events_filter", EVENTS),
];

/// What the language model takes.
pub(crate) const INPUT: &[Field] = &[
    required("prompt", TEXT),
    optional("frequency_penalty", Kind::Number(-2.0, 2.0)),
    optional("length_penalty", Kind::Number(0.0, 5.0)),
    optional("log_performance_metrics", Kind::Bool),
    optional("max_tokens", Kind::Integer(1, 4_096)),
    optional("min_tokens", Kind::Integer(-1, 4_096)),
    optional("presence_penalty", Kind::Number(-2.0, 2.0)),
    optional("prompt_template", TEXT),
    optional("seed", Kind::Integer(0, i64::MAX)),
    optional("stop_sequences", TEXT),
    optional("system_prompt", TEXT),
    optional("temperature", Kind::Number(0.0, 5.0)),
    optional("top_k", Kind::Integer(-1, i64::MAX)),
    optional("top_p", Kind::Number(0.0, 1.0)),
];
