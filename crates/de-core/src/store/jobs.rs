//! Jobs as rows: what lists show, and what is left when an object has forgotten. The object is what is true
//! of a job that is not over.

use serde::Deserialize;
use serde_json::Value;

use super::{pages::PageQuery, statement};
use crate::{
    ids::{InstanceId, JobId, ProjectId},
    jobs::View,
    ports::Statement,
};

/// The columns of [`JobRow`].
macro_rules! columns {
    () => {
        "id, result, created_at || '/' || id AS place"
    };
}

/// A job as its row has it.
#[derive(Clone, Debug, Deserialize)]
pub struct JobRow {
    /// Its id.
    pub id: JobId,
    /// Its place in lists.
    pub place: String,
    /// The [`View`], as JSON.
    result: String,
}

impl JobRow {
    /// The job as it was when the row was written; `None` if nobody can read that any more.
    #[must_use]
    pub fn view(&self) -> Option<View> {
        serde_json::from_str(&self.result).ok()
    }
}

/// Which jobs a list has.
#[derive(Clone, Copy, Debug)]
pub struct JobQuery<'a> {
    /// Of this instance.
    pub instance: &'a InstanceId,
    /// Of this modality.
    pub modality: Option<&'static str>,
    /// Of this project.
    pub project: Option<&'a ProjectId>,
    /// In this state.
    pub status: Option<&'static str>,
}

/// Finds a job, whoever's it is: a [`JobRow`].
#[must_use]
pub fn find(id: &JobId) -> Statement {
    let sql = concat!("SELECT ", columns!(), " FROM jobs WHERE id = ?1");
    statement(sql, [id.as_str().into()])
}

/// Lists jobs, the newest first: [`JobRow`]s for [`PageQuery::page`], by their `place`.
///
/// A cursor that is not one of this list begins at the end, so it finds nothing.
#[must_use]
pub fn list(query: JobQuery<'_>, page: &PageQuery) -> Statement {
    macro_rules! select {
        ($narrow:literal) => {
            concat!(
                "SELECT ",
                columns!(),
                " FROM jobs WHERE ",
                $narrow,
                " AND (?3 IS NULL OR +status = ?3) AND (?4 IS NULL OR modality = ?4)
                  AND created_at <= CAST(?5 AS INTEGER)
                  AND (created_at < CAST(?5 AS INTEGER) OR id < ?6)
                  ORDER BY created_at DESC, id DESC LIMIT CAST(?7 AS INTEGER)"
            )
        };
    }
    let sql = match query.project {
        Some(_) => select!("project_id = ?2 AND +instance_id = ?1"),
        None => select!("instance_id = ?1 AND ?2 IS NULL"),
    };
    // Later than anything, and a letter after that of `job_`.
    let (millis, id): (i64, &str) = match page.after.as_deref() {
        None => (1 << 52, "k"),
        Some(place) => match place.split_once('/') {
            Some((millis, id)) => (millis.parse().unwrap_or(0), id),
            None => (0, ""),
        },
    };
    statement(
        sql,
        [
            query.instance.as_str().into(),
            query.project.map(ProjectId::as_str).into(),
            query.status.into(),
            query.modality.into(),
            millis.into(),
            id.into(),
            page.rows_to_read().into(),
        ],
    )
}

/// Writes a job as it is. An older view never replaces a newer one, so that it is safe to repeat.
///
/// A project or key whose row has gone is not named; where the instance has gone, nothing is written.
#[must_use]
pub fn put(view: &View) -> Statement {
    let json = serde_json::to_value(view).unwrap_or(Value::Null).to_string();
    let finished_at = view.finished_at.map(|time| time.0);
    statement(
        "INSERT INTO jobs (id, organization_id, instance_id, project_id, api_key_id, receipt_id, modality,
           model_id, provider_id, provider_job_id, status, progress, error_code, result, created_at,
           updated_at, finished_at)
         SELECT ?1, organization_id, id, (SELECT id FROM projects WHERE id = ?4),
           (SELECT id FROM api_keys WHERE id = ?5), ?6, ?7, ?8, ?9, ?10, ?11, CAST(?12 AS INTEGER), ?13, ?14,
           CAST(?15 AS INTEGER), CAST(?16 AS INTEGER), CAST(?17 AS INTEGER)
         FROM instances WHERE id = ?3 AND organization_id = ?2
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
