//! What a job looks like from outside.

use serde::{Deserialize, Serialize};

use super::{Fault, Record, Stage};
use crate::{
    exchange::LeftOut,
    ids::{
        ApiKeyId, AssetId, InstanceId, JobId, ModelId, OrganizationId, ProjectId, ProviderId,
        ReceiptId, RequestId, UserId,
    },
    money::Micros,
    receipt::Usage,
    time::Timestamp,
};

/// A job as its object shows it to the workers. Links are not in it: who shows it to a caller signs them.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct View {
    /// The key that ordered it.
    pub api_key_id: Option<ApiKeyId>,
    /// How many requests were sent to vendors.
    pub attempts: usize,
    /// What it costs, in micro-dollars, once that is known.
    pub cost_micros: Option<Micros>,
    /// When it was ordered.
    pub created_at: Timestamp,
    /// What of the order was left out, once somebody serves it; absent in views of before it was told.
    #[serde(default)]
    pub dropped: Vec<String>,
    /// Why it came to nothing.
    pub error: Option<Fault>,
    /// When it was over.
    pub finished_at: Option<Timestamp>,
    /// Its id.
    pub id: JobId,
    /// Whose instance.
    pub instance_id: InstanceId,
    /// `audio`, `image` or `video`.
    pub modality: String,
    /// Who serves it, once that is known.
    pub model_id: Option<ModelId>,
    /// What is missing among its outputs, for a person.
    pub notices: Vec<String>,
    /// The route that ordered it.
    pub operation: String,
    /// Whose organization.
    pub organization_id: OrganizationId,
    /// What it made, as far as that is kept.
    pub outputs: Vec<Output>,
    /// How far it is, in percent, if the vendor tells; 100 when it has succeeded.
    pub progress: Option<u8>,
    /// The project of the key.
    pub project_id: Option<ProjectId>,
    /// Who serves it, once that is known.
    pub provider_id: Option<ProviderId>,
    /// The vendor's id of it.
    pub provider_job_id: Option<String>,
    /// The vendor's word for its state.
    pub provider_status: Option<String>,
    /// Its receipt.
    pub receipt_id: ReceiptId,
    /// The request that ordered it.
    pub request_id: RequestId,
    /// Counts its changes.
    pub revision: u64,
    /// `queued`, `submitting`, `running`, `copying`, `succeeded`, `failed` or `cancelled`.
    pub status: String,
    /// When it changed last.
    pub updated_at: Timestamp,
    /// What was used, once it is over.
    pub usage: Option<Usage>,
    /// The person who ordered it.
    pub user_id: Option<UserId>,
    /// Why each of `dropped` was left out, where somebody wants to be warned.
    #[serde(default)]
    pub warnings: Vec<String>,
}

/// Something that a job made, and that we keep.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
pub struct Output {
    /// Its asset.
    #[cfg_attr(not(target_family = "wasm"), schema(value_type = String))]
    pub asset_id: AssetId,
    /// Read from its bytes: `image/png`.
    pub content_type: String,
    /// How long it is, read from its bytes; absent where that cannot be read.
    pub duration_ms: Option<u64>,
    /// When its asset is deleted by itself; absent: never, and in outputs of before it was kept.
    #[cfg_attr(not(target_family = "wasm"), schema(value_type = Option<String>))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// In pixels, read from its bytes.
    pub height: Option<u32>,
    /// The prompt as the vendor rewrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revised_prompt: Option<String>,
    /// `image`, `audio`, `video`, or of a film `poster`, `thumbnail`.
    pub role: String,
    /// What it could be made from again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Of its bytes, in hexadecimal digits.
    pub sha256: String,
    /// How large it is.
    pub size_bytes: u64,
    /// In pixels, read from its bytes.
    pub width: Option<u32>,
}

impl View {
    /// Whether nothing more will become of it.
    #[must_use]
    pub fn is_over(&self) -> bool {
        ["succeeded", "failed", "cancelled"].contains(&self.status.as_str())
    }

    /// What of the order was left out, as answers tell it.
    #[must_use]
    pub fn left_out(&self) -> LeftOut {
        LeftOut { dropped: self.dropped.clone(), warnings: self.warnings.clone() }
    }

    /// What a job looks like.
    #[must_use]
    pub fn of(record: &Record) -> Self {
        let order = &record.order;
        let receipt = order.books.receipt();
        let is_over = record.stage.is_over();
        let mut view = Self {
            api_key_id: order.api_key_id.clone(),
            attempts: receipt.attempts.len(),
            cost_micros: receipt.cost_micros.filter(|_| is_over),
            created_at: record.created_at.into(),
            dropped: record.left_out.dropped.clone(),
            error: None,
            finished_at: record.finished_at.map(Into::into),
            id: record.id.clone(),
            instance_id: order.instance_id.clone(),
            modality: order.work.modality().as_str().to_owned(),
            model_id: record.served_by.as_ref().map(|who| who.model_id.clone()),
            notices: Vec::new(),
            operation: order.operation.clone(),
            organization_id: order.organization_id.clone(),
            outputs: Vec::new(),
            progress: None,
            project_id: order.project_id.clone(),
            provider_id: record.served_by.as_ref().map(|who| who.provider_id.clone()),
            provider_job_id: record.served_by.as_ref().and_then(|who| who.job_id.clone()),
            provider_status: None,
            receipt_id: receipt.receipt_id.clone(),
            request_id: order.request_id.clone(),
            revision: record.revision,
            status: record.stage.as_str().to_owned(),
            updated_at: record.updated_at.into(),
            usage: is_over.then_some(receipt.usage),
            user_id: order.user_id.clone(),
            warnings: record.left_out.warnings.clone(),
        };
        match &record.stage {
            Stage::Cancelled | Stage::Queued | Stage::Submitting => {}
            Stage::Copying { outputs, notices, .. } => {
                view.outputs.clone_from(outputs);
                view.notices.clone_from(notices);
            }
            Stage::Failed { fault } => view.error = Some(fault.clone()),
            Stage::Running { progress, status, .. } => {
                view.progress = *progress;
                view.provider_status.clone_from(status);
            }
            Stage::Succeeded { outputs, notices } => {
                view.outputs.clone_from(outputs);
                view.notices.clone_from(notices);
                view.progress = Some(100);
            }
        }
        view
    }
}
