//! What is kept of paid work: assets and jobs.

use de_core::{
    ids::{AssetId, InstanceId, JobId, OrganizationId, ProjectId},
    jobs::View,
    media::MediaKind,
    ports::Statement,
    store::{
        assets,
        jobs::{self, JobQuery},
        pages::PageQuery,
    },
};
use serde_json::json;

use crate::NOW;

/// What is kept of paid work.
pub(super) fn paid_work() -> Vec<Statement> {
    let organization = OrganizationId::parse("org_1").unwrap();
    let instance = InstanceId::parse("inst_1").unwrap();
    let project = ProjectId::parse("proj_1").unwrap();
    let (id, job) = (AssetId::parse("asset_1").unwrap(), JobId::parse("job_1").unwrap());
    let new = assets::NewAsset {
        api_key_id: None,
        content_type: "image/png",
        cost_micros: None,
        duration_ms: None,
        extension: "png",
        height: Some(1),
        id: &id,
        instance_id: &instance,
        job_id: Some(&job),
        kind: MediaKind::Image,
        model_id: None,
        organization_id: &organization,
        project_id: Some(&project),
        provider_id: None,
        receipt_id: None,
        request_id: None,
        sha256: "00",
        size_bytes: 1,
        source: Some(&json!({})),
        storage_key: "k",
        user_id: None,
        width: Some(1),
    };
    let all = assets::AssetQuery { instance: &instance, job: None, kind: None, project: None };
    let jobs_of_instance = JobQuery {
        instance: &instance,
        modality: Some("image"),
        project: None,
        status: Some("failed"),
    };
    let of_project = assets::AssetQuery { project: Some(&project), ..all };
    let of_job = assets::AssetQuery { job: Some(&job), kind: Some(MediaKind::Image), ..of_project };
    let page = PageQuery::default();
    let mut statements = vec![
        assets::delete(std::slice::from_ref(&id)),
        assets::due_strays(NOW),
        assets::expired(NOW),
        assets::find(&id),
        assets::leave_by_instance(&instance),
        assets::leave_by_organization(&organization),
        assets::list(all, &page, NOW),
        assets::list(of_job, &page, NOW),
        assets::list(of_project, &page, NOW),
        assets::stray("k", NOW),
        jobs::find(&job),
        jobs::list(jobs_of_instance, &page),
        jobs::list(JobQuery { project: Some(&project), ..jobs_of_instance }, &page),
        jobs::put(&view()),
    ];
    statements.extend(assets::insert(&new, NOW));
    statements
}

/// A job, as its row has it.
fn view() -> View {
    let view = json!({
        "attempts": 1,
        "created_at": "2026-11-22T00:00:00.000Z",
        "id": "job_1",
        "instance_id": "inst_1",
        "modality": "image",
        "notices": [],
        "operation": "POST /generate",
        "organization_id": "org_1",
        "outputs": [],
        "project_id": "proj_1",
        "receipt_id": "rcpt_1",
        "request_id": "r",
        "revision": 1,
        "status": "running",
        "updated_at": "2026-11-22T00:00:00.000Z",
    });
    serde_json::from_value(view).unwrap()
}
