//! Jobs as rows: what lists show, and what is left when an object has forgotten. The object is what is true
//! of a job that is not over.

use serde_json::Value;

use super::statement;
use crate::{jobs::View, ports::Statement};

/// Writes a job as it is. An older view never replaces a newer one, so that it is safe to repeat.
#[must_use]
pub fn put(view: &View) -> Statement {
    let json = serde_json::to_value(view).unwrap_or(Value::Null).to_string();
    let finished_at = view.finished_at.map(|time| time.0);
    statement(
        "INSERT INTO jobs (id, organization_id, instance_id, project_id, api_key_id, receipt_id, modality,
           model_id, provider_id, provider_job_id, status, progress, error_code, result, created_at,
           updated_at, finished_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, CAST(?12 AS INTEGER), ?13, ?14, ?15, ?16, ?17)
         ON CONFLICT (id) DO UPDATE SET model_id = excluded.model_id, provider_id = excluded.provider_id,
           provider_job_id = coalesce(excluded.provider_job_id, jobs.provider_job_id),
           status = excluded.status, progress = excluded.progress, error_code = excluded.error_code,
           result = excluded.result, updated_at = excluded.updated_at, finished_at = excluded.finished_at
         WHERE excluded.updated_at >= jobs.updated_at AND jobs.finished_at IS NULL",
        [
            view.id.as_str().into(),
            view.organization_id.as_str().into(),
            view.instance_id.as_str().into(),
            view.project_id.as_ref().map(|id| id.as_str()).into(),
            view.api_key_id.as_ref().map(|id| id.as_str()).into(),
            view.receipt_id.as_str().into(),
            view.modality.as_str().into(),
            view.model_id.as_ref().map(|id| id.as_str()).into(),
            view.provider_id.as_ref().map(|id| id.as_str()).into(),
            view.provider_job_id.as_deref().into(),
            view.status.as_str().into(),
            view.progress.map(i64::from).into(),
            view.error.as_ref().map(|error| error.code.as_str()).into(),
            json.into(),
            view.created_at.0.into(),
            view.updated_at.0.into(),
            finished_at.into(),
        ],
    )
}
