//! `/v1/instances`, described.

use de_core::{
    ids::{InstanceId, ModelId, OrganizationId},
    openapi::{document::Tag, operation::Operation, shape::Shape},
    store::Activity,
};
use serde_json::json;
use utoipa::ToSchema;

use super::{
    Kind, by_status,
    values::{Environment, Name, OnLimiterFailure, Origin},
};
use crate::instances::Instance;

pub(super) const TAG: Tag =
    Tag { about: "Each has its own vendors' keys, defaults and limits.", name: "instances" };

const KIND: Kind = Kind {
    ids: ["getInstance", "createInstance", "updateInstance", "deleteInstance", "listInstances"],
    one: "an instance",
    many: "instances",
    path: "/v1/instances",
};

/// The model that serves where a call names none, by modality.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes what the handler reads")]
struct DefaultModels {
    /// For sound.
    #[schema(nullable = false)]
    audio: Option<ModelId>,
    /// For pictures.
    #[schema(nullable = false)]
    image: Option<ModelId>,
    /// For text.
    #[schema(nullable = false)]
    text: Option<ModelId>,
    /// For moving pictures.
    #[schema(nullable = false)]
    video: Option<ModelId>,
}

/// A new instance.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes what the handler reads")]
struct NewInstance {
    /// Whose it is; fixed from then on.
    organization_id: OrganizationId,
    /// For people.
    name: Name,
    /// What it is for.
    environment: Environment,
    /// Origins of pages that may read answers.
    #[schema(max_items = 100)]
    allowed_origins: Option<Vec<Origin>>,
    /// How many days its media and logs are kept; null keeps them.
    #[schema(minimum = 1, maximum = 36_500)]
    retention_days: Option<i64>,
    /// What happens to calls when the Limiter does not answer; `refuse` unless given.
    on_limiter_failure: Option<OnLimiterFailure>,
    /// The model that serves where a call names none, by modality.
    default_models: Option<DefaultModels>,
    /// The output bound in tokens for calls and models that give none.
    #[schema(minimum = 1, maximum = 10_000_000)]
    default_max_output_tokens: Option<i64>,
    /// Keys of a suspended instance are refused; `active` unless given.
    status: Option<Activity>,
}

/// Changes of an instance.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes what the handler reads")]
struct InstanceChanges {
    /// For people.
    #[schema(nullable = false)]
    name: Option<Name>,
    /// What it is for; null: `production`.
    environment: Option<Environment>,
    /// Origins of pages that may read answers; null: none.
    #[schema(max_items = 100)]
    allowed_origins: Option<Vec<Origin>>,
    /// How many days its media and logs are kept; null keeps them.
    #[schema(minimum = 1, maximum = 36_500)]
    retention_days: Option<i64>,
    /// What happens to calls when the Limiter does not answer; null: `refuse`.
    on_limiter_failure: Option<OnLimiterFailure>,
    /// The model that serves where a call names none, by modality; null: none. The whole is replaced.
    default_models: Option<DefaultModels>,
    /// The output bound in tokens for calls and models that give none; null: none.
    #[schema(minimum = 1, maximum = 10_000_000)]
    default_max_output_tokens: Option<i64>,
    /// Keys of a suspended instance are refused; null: `active`.
    status: Option<Activity>,
}

pub(super) fn operations() -> Vec<Operation> {
    let row = Shape::shown::<Instance>;
    let list = by_status(KIND.list(row().page("InstanceList")))
        .query("organization_id", Shape::of::<OrganizationId>(), "Only those of this organization.")
        .query("environment", Shape::of::<Environment>(), "Only those that are for this.");
    vec![
        list,
        KIND.create(
            Shape::of::<NewInstance>(),
            json!({
                "organization_id": "org_dev",
                "name": "Shop",
                "environment": "production",
                "allowed_origins": ["https://shop.example.com"],
                "default_models": {"text": "gpt-4o-mini"},
            }),
            row(),
        ),
        KIND.read::<InstanceId>(row()),
        KIND.update::<InstanceId>(
            Shape::of::<InstanceChanges>(),
            json!({"retention_days": 30, "default_max_output_tokens": 2_000}),
            row(),
        ),
        KIND.delete::<InstanceId>(),
    ]
}
