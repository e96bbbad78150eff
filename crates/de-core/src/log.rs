//! The lines of the log: one type for all of them, and what it holds is all that a log may know.
//!
//! `docs/logging.md` has the same fields as a table; a test compares both. No field takes a prompt, a reply, a key, an
//! e-mail or an IP address, and none takes a path or a query: those are the caller's words.

use serde::{Deserialize, Serialize};

use crate::{
    ids::{ApiKeyId, InstanceId, OrganizationId, ProjectId},
    ports::Row,
    receipt::{Receipt, ReceiptStatus},
    time::UnixMillis,
};

/// How urgent a line is.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Someone must act.
    Error,
    /// What we did.
    #[default]
    Info,
    /// We coped.
    Warn,
}

/// What a line is about.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Event {
    /// One run of what is done every minute, at its end.
    Cron,
    /// One job, at its end.
    Job,
    /// Anything on the way that is worth a word.
    #[default]
    Note,
    /// One request, at its end.
    Request,
}

/// How a request, a job or a run ended.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Ending {
    /// Whoever waited for it left, or did not want it any more.
    Cancelled,
    /// It broke off after its head had gone out.
    Cut,
    /// It came to an error.
    Failed,
    /// It came to its end.
    Ok,
}

impl From<ReceiptStatus> for Ending {
    fn from(status: ReceiptStatus) -> Self {
        match status {
            ReceiptStatus::Cancelled => Self::Cancelled,
            ReceiptStatus::Cut => Self::Cut,
            ReceiptStatus::Failed => Self::Failed,
            ReceiptStatus::Ok => Self::Ok,
        }
    }
}

/// One line, as JSON. What is not known, or does not apply, is absent.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct LogLine {
    /// When it was written: RFC 3339 in UTC, with milliseconds.
    pub time: String,
    /// `error`: someone must act; `warn`: we coped; `info`: what was done.
    pub level: Level,
    /// `request`, `job`, `cron`, or `note`.
    pub event: Event,
    /// The worker.
    pub service: String,
    /// The version of the worker, by the platform's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// A sentence that can be read alone.
    pub message: String,
    /// The caller's id of the request, or ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The trace that the request belongs to: 32 hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// The request's own span: 16 hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub span_id: Option<String>,
    /// The span of whoever called, where a `traceparent` came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_span_id: Option<String>,
    /// `GET`, `POST`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// The template of the route: `/v1/projects/{id}`. Absent where no route has the path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
    /// The HTTP status of the head; 499 where the caller left before there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// `ok`, `failed`, `cut` or `cancelled`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Ending>,
    /// Our code, as in the error envelope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
    /// What went wrong, in words that are for operators only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// From its arrival to its end, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<i64>,
    /// From its arrival to the first byte of a streamed answer, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_byte_ms: Option<i64>,
    /// What of it was spent in finding out who calls, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_ms: Option<i64>,
    /// What of it was spent in finding the model and asking the limits, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_ms: Option<i64>,
    /// What of it was spent waiting for vendors, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream_ms: Option<i64>,
    /// Whether the answer went out as a stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub streamed: Option<bool>,
    /// The worker that the front door handed the request to: its line has the rest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forwarded_to: Option<String>,
    /// Who pays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization_id: Option<String>,
    /// The tenant's instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_id: Option<String>,
    /// The project of the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
    /// The key, by its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key_id: Option<String>,
    /// The log-in of a browser, by its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// The model that served, or the last one that was tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_id: Option<String>,
    /// Its vendor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_id: Option<String>,
    /// How many tries at vendors there were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<usize>,
    /// Whether another model served than the one that was tried first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<bool>,
    /// Everything read, in tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_tokens: Option<u64>,
    /// The part of `input_tokens` that came from the vendor's cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached_input_tokens: Option<u64>,
    /// Everything made, in tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<u64>,
    /// Whether the counts are ours, because the vendor named none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimated: Option<bool>,
    /// What it costs, in millionths of a dollar; absent if it has no price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_micros: Option<i64>,
    /// What the response cache came to: `hit`, `miss`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache: Option<String>,
    /// Whether the answer is one that was kept for its `Idempotency-Key`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replayed: Option<bool>,
    /// Whether it went on though the Limiter did not answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limiter_bypassed: Option<bool>,
    /// How many members of the body are named as left out, 50 at most, where the caller is warned of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropped: Option<usize>,
    /// The call in the books.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt_id: Option<String>,
    /// The job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
    /// The asset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asset_id: Option<String>,
    /// What else a note has to tell: numbers, and ids of ours, by name.
    #[serde(default, skip_serializing_if = "Row::is_empty")]
    #[cfg_attr(not(target_family = "wasm"), schema(value_type = Object))]
    pub details: Row,
}

impl LogLine {
    /// A note that someone must act on.
    pub fn error(message: impl Into<String>) -> Self {
        Self { level: Level::Error, message: message.into(), ..Self::default() }
    }

    /// A note of what was done.
    pub fn info(message: impl Into<String>) -> Self {
        Self { level: Level::Info, message: message.into(), ..Self::default() }
    }

    /// A note that we coped.
    pub fn warn(message: impl Into<String>) -> Self {
        Self { level: Level::Warn, message: message.into(), ..Self::default() }
    }

    /// Adds what went wrong.
    #[must_use]
    pub fn because(mut self, cause: &impl ToString) -> Self {
        self.cause = Some(cause.to_string());
        self
    }

    /// Adds a number, or an id of ours that has no field.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<serde_json::Value>) -> Self {
        self.details.insert(name.to_owned(), value.into());
        self
    }

    /// Says where and when it is written: only whoever writes it knows.
    #[must_use]
    pub fn stamped(mut self, now: UnixMillis, service: &str, version: Option<&str>) -> Self {
        self.time = now.rfc3339();
        if self.service.is_empty() {
            service.clone_into(&mut self.service);
        }
        self.version = version.map(str::to_owned);
        self
    }

    /// Takes over what the books say of a call.
    pub fn take(&mut self, receipt: &Receipt) {
        let Receipt { attempts, usage, .. } = receipt;
        let first = attempts.first().map(|attempt| &attempt.model_id);
        self.request_id = Some(receipt.request_id.as_str().to_owned());
        self.organization_id = Some(receipt.organization_id.as_str().to_owned());
        self.instance_id = Some(receipt.instance_id.as_str().to_owned());
        self.project_id = receipt.project_id.as_ref().map(|id| id.as_str().to_owned());
        self.api_key_id = receipt.api_key_id.as_ref().map(|id| id.as_str().to_owned());
        self.model_id = receipt.model_id.as_ref().map(|id| id.as_str().to_owned());
        self.provider_id = receipt.provider_id.as_ref().map(|id| id.as_str().to_owned());
        self.receipt_id = Some(receipt.receipt_id.as_str().to_owned());
        self.outcome = Some(receipt.status.into());
        self.error_code = receipt.error_code.clone().or_else(|| self.error_code.take());
        self.streamed = Some(receipt.streamed);
        self.first_byte_ms = receipt.first_byte_ms.filter(|_| receipt.streamed);
        self.upstream_ms = receipt.upstream_ms;
        self.attempts = Some(attempts.len());
        self.fallback = first.map(|first| receipt.model_id.as_ref() != Some(first));
        self.input_tokens = Some(usage.total_input_tokens());
        self.cached_input_tokens =
            Some(usage.cached_input_tokens.saturating_add(usage.cached_image_input_tokens));
        self.output_tokens = Some(usage.total_output_tokens());
        self.estimated = Some(receipt.estimated);
        self.cost_micros = receipt.cost_micros.map(|cost| cost.0);
        self.limiter_bypassed = Some(true).filter(|_| receipt.limiter_bypassed);
    }

    /// Takes over who called.
    pub fn take_caller(
        &mut self,
        organization: &OrganizationId,
        instance: Option<&InstanceId>,
        project: Option<&ProjectId>,
        key: Option<&ApiKeyId>,
    ) {
        self.organization_id = Some(organization.as_str().to_owned());
        self.instance_id = instance.map(|id| id.as_str().to_owned());
        self.project_id = project.map(|id| id.as_str().to_owned());
        self.api_key_id = key.map(|id| id.as_str().to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What an operator's queries and alerts go by: a field may be added; none is renamed, and none gets another type.
    #[test]
    fn a_note_is_short() {
        let line = LogLine::warn("the cache did not answer").because(&"late").with("removed", 3);
        let line = line.stamped(UnixMillis(1_795_621_776_120), "text", Some("v1"));
        assert_eq!(
            serde_json::to_string(&line).unwrap(),
            r#"{"time":"2026-11-25T15:49:36.120Z","level":"warn","event":"note","service":"text","version":"v1","message":"the cache did not answer","cause":"late","details":{"removed":3}}"#
        );
        let read: LogLine = serde_json::from_str(&serde_json::to_string(&line).unwrap()).unwrap();
        assert_eq!(read, line);
    }

    /// The page's table of fields: name, type, and whether it is there in every line.
    fn page() -> Vec<(String, String, bool)> {
        let page = include_str!("../../../docs/logging.md");
        let (_, table) = page.split_once("| --- | --- | --- | --- |\n").unwrap();
        let rows = table.lines().take_while(|line| line.starts_with("| `"));
        let row = |line: &str| {
            let cells: Vec<&str> =
                line.split(" | ").map(|cell| cell.trim_matches(['|', ' ', '`'])).collect();
            (cells[0].to_owned(), cells[1].to_owned(), cells[2] == "always")
        };
        rows.map(row).collect()
    }

    /// The same of the type.
    fn schema() -> Vec<(String, String, bool)> {
        let schema = serde_json::to_value(<LogLine as utoipa::PartialSchema>::schema()).unwrap();
        let always = schema["required"].as_array().unwrap().clone();
        let kind = |field: &serde_json::Value| match &field["type"] {
            serde_json::Value::String(kind) => kind.clone(),
            serde_json::Value::Array(kinds) => kinds[0].as_str().unwrap().to_owned(),
            // One of our own words.
            _ => "string".to_owned(),
        };
        let fields = schema["properties"].as_object().unwrap().iter();
        fields
            .map(|(name, field)| {
                (name.clone(), kind(field), always.contains(&name.as_str().into()))
            })
            .collect()
    }

    #[test]
    fn the_page_has_all_fields_of_the_type_and_no_others() {
        let (mut page, mut schema) = (page(), schema());
        page.sort();
        schema.sort();
        assert_eq!(page, schema);
    }

    #[test]
    fn a_field_that_the_schema_does_not_name_is_none() {
        let text = r#"{"time":"x","level":"info","event":"note","service":"a","message":"m","path":"/v1"}"#;
        assert!(serde_json::from_str::<LogLine>(text).is_err());
    }
}
