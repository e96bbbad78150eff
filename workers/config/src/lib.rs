//! The control plane, and the front door of every modality.
//!
//! Each route of [`control_plane`] names its permission; `de_core::auth::access` says who has it. The
//! paths of a modality (`/v1/chat/*`, `/text/*`, …) go on to its worker, which looks at the key itself.

mod api_keys;
mod audit_events;
mod bootstrap;
mod budgets;
#[cfg(target_family = "wasm")]
mod entry;
mod epochs;
mod front_door;
mod grants;
mod instances;
mod limits;
mod metrics;
mod model_configs;
#[cfg(not(target_family = "wasm"))]
pub mod openapi;
mod openapi_json;
mod organizations;
mod projects;
mod provider_health;
mod provider_keys;
mod providers;
mod requests;
mod resource;
pub mod scheduled;
mod scoped;
mod services;
mod sessions;
mod usage;
mod users;
mod webhooks;

use axum::{Router, http::Method};
use de_core::{
    auth::access::Permission,
    http::{self, routes::Routes},
    ports::Platform,
    store::{
        api_keys::ApiKeyRow, instances::InstanceRow, organizations::OrganizationRow,
        projects::ProjectRow, users::UserRow,
    },
};

/// The operations of the control plane.
#[must_use]
pub fn control_plane() -> Routes {
    use Permission as P;
    let organization = "/v1/organizations/{id}";
    let instance = "/v1/instances/{id}";
    let project = "/v1/projects/{id}";
    let cached = "/v1/projects/{id}/response-cache";
    let key = "/v1/api-keys/{id}";
    let user = "/v1/users/{id}";
    let grant = "/v1/users/{id}/grants/{instance_id}";
    let session = "/v1/sessions/{id}";
    let provider = "/v1/providers/{id}";
    let provider_key = "/v1/provider-keys/{instance_id}/{provider_id}";
    let key_test = "/v1/provider-keys/{instance_id}/{provider_id}/test";
    let model = "/v1/model-configs/{id}";
    let webhook = "/v1/webhooks/{id}";
    let limits = "/v1/limits/{scope}/{id}";
    let budgets = "/v1/budgets/{scope}/{id}";
    let redelivery = "/v1/webhooks/{id}/deliveries/{delivery_id}/redeliver";
    Routes::default()
        .get("/v1/organizations", P::OrganizationRead, organizations::list)
        .post("/v1/organizations", P::OrganizationCreate, organizations::create)
        .get(organization, P::OrganizationRead, resource::read::<OrganizationRow>)
        .patch(organization, P::OrganizationWrite, resource::update::<OrganizationRow>)
        .delete(organization, P::OrganizationDelete, resource::delete::<OrganizationRow>)
        .get("/v1/instances", P::InstanceRead, instances::list)
        .post("/v1/instances", P::InstanceCreate, instances::create)
        .get(instance, P::InstanceRead, resource::read::<InstanceRow>)
        .patch(instance, P::InstanceWrite, resource::update::<InstanceRow>)
        .delete(instance, P::InstanceDelete, resource::delete::<InstanceRow>)
        .get("/v1/projects", P::ProjectRead, projects::list)
        .post("/v1/projects", P::ProjectWrite, projects::create)
        .get(project, P::ProjectRead, resource::read::<ProjectRow>)
        .patch(project, P::ProjectWrite, resource::update::<ProjectRow>)
        .delete(project, P::ProjectDelete, resource::delete::<ProjectRow>)
        .delete(cached, P::ProjectWrite, projects::clear_response_cache)
        .get("/v1/api-keys", P::ApiKeyRead, api_keys::list)
        .post("/v1/api-keys", P::ApiKeyWrite, api_keys::create)
        .get(key, P::ApiKeyRead, resource::read::<ApiKeyRow>)
        .patch(key, P::ApiKeyWrite, resource::update::<ApiKeyRow>)
        .delete(key, P::ApiKeyWrite, api_keys::delete)
        .post("/v1/api-keys/{id}/rotate", P::ApiKeyWrite, api_keys::rotate)
        .get("/v1/users", P::UserRead, users::list)
        .post("/v1/users", P::UserWrite, users::create)
        .get(user, P::UserRead, resource::read::<UserRow>)
        .patch(user, P::UserWrite, resource::update::<UserRow>)
        .delete(user, P::UserWrite, resource::delete::<UserRow>)
        .get("/v1/users/{id}/grants", P::UserRead, grants::of_user)
        .put(grant, P::GrantWrite, grants::put)
        .delete(grant, P::GrantWrite, grants::delete)
        .get("/v1/instances/{id}/grants", P::GrantRead, grants::of_instance)
        .get("/v1/audit-events", P::AuditRead, audit_events::list)
        .get("/v1/audit-events/{id}", P::AuditRead, audit_events::read)
        .open(Method::POST, "/v1/bootstrap", bootstrap::create)
        .open(Method::POST, "/v1/sessions", sessions::create)
        .get("/v1/sessions", P::SessionRead, sessions::list)
        .of_session(Method::GET, session, P::SessionRead, sessions::read)
        .of_session(Method::DELETE, session, P::SessionWrite, sessions::delete)
        .get("/v1/model-configs", P::ModelConfigRead, model_configs::list)
        .post("/v1/model-configs", P::ModelConfigWrite, model_configs::create)
        .get(model, P::ModelConfigRead, model_configs::read)
        .patch(model, P::ModelConfigWrite, model_configs::update)
        .delete(model, P::ModelConfigWrite, model_configs::delete)
        .get("/v1/model-configs/{id}/versions", P::ModelConfigRead, model_configs::versions)
        .get(
            "/v1/model-configs/{id}/versions/{version}",
            P::ModelConfigRead,
            model_configs::version,
        )
        .get("/v1/model-configs/{id}/export", P::ModelConfigRead, model_configs::export)
        .post("/v1/model-configs/import", P::ModelConfigWrite, model_configs::import)
        .post("/v1/model-configs/preview", P::ModelConfigWrite, model_configs::preview_unsaved)
        .post("/v1/model-configs/{id}/preview", P::ModelConfigRead, model_configs::preview)
        .post("/v1/model-configs/{id}/test", P::ModelConfigTest, model_configs::test)
        .post("/v1/model-configs/{id}/rollback", P::ModelConfigWrite, model_configs::roll_back)
        .open(Method::GET, "/v1/openapi.json", openapi_json::read)
        .get("/v1/services", P::ServiceRead, services::list)
        .get("/v1/providers", P::ProviderRead, providers::list)
        .post("/v1/providers", P::ProviderWrite, providers::create)
        .get(provider, P::ProviderRead, providers::read)
        .patch(provider, P::ProviderWrite, providers::update)
        .delete(provider, P::ProviderWrite, providers::delete)
        .get("/v1/provider-keys", P::ProviderKeyRead, provider_keys::list)
        .get(provider_key, P::ProviderKeyRead, provider_keys::read)
        .put(provider_key, P::ProviderKeyWrite, provider_keys::put)
        .delete(provider_key, P::ProviderKeyWrite, provider_keys::delete)
        .post(key_test, P::ProviderKeyWrite, provider_keys::test)
        .post("/v1/provider-keys/reseal", P::ProviderKeyReseal, provider_keys::reseal)
        .get("/v1/providers/{id}/health", P::UsageRead, provider_health::read)
        .get("/v1/provider-health", P::UsageRead, provider_health::list)
        .get("/v1/usage", P::UsageRead, usage::read)
        .get("/v1/usage/timeseries", P::UsageRead, usage::timeseries)
        .get("/v1/requests", P::UsageRead, requests::list)
        .get("/v1/requests/events", P::UsageRead, requests::events)
        .get("/v1/requests/{id}", P::UsageRead, requests::show)
        .get("/v1/receipts/{receipt_id}", P::UsageRead, requests::receipt)
        .get("/v1/metrics", P::UsageRead, metrics::read)
        .get("/v1/limits", P::LimitRead, limits::list)
        .get(limits, P::LimitRead, limits::read)
        .put(limits, P::LimitWrite, limits::put)
        .delete(limits, P::LimitWrite, limits::delete)
        .get("/v1/budgets", P::LimitRead, budgets::list)
        .get(budgets, P::LimitRead, budgets::read)
        .put(budgets, P::LimitWrite, budgets::put)
        .delete(budgets, P::LimitWrite, budgets::delete)
        .get("/v1/webhooks", P::WebhookRead, webhooks::list)
        .post("/v1/webhooks", P::WebhookWrite, webhooks::create)
        .get(webhook, P::WebhookRead, resource::read::<webhooks::Held>)
        .patch(webhook, P::WebhookWrite, resource::update::<webhooks::Held>)
        .delete(webhook, P::WebhookWrite, webhooks::delete)
        .post("/v1/webhooks/{id}/rotate", P::WebhookWrite, webhooks::rotate)
        .post("/v1/webhooks/{id}/test", P::WebhookWrite, webhooks::test)
        .get("/v1/webhooks/{id}/deliveries", P::WebhookRead, webhooks::deliveries)
        .post(redelivery, P::WebhookWrite, webhooks::redeliver)
}

/// The worker, as the others and the log call it.
pub(crate) const NAME: &str = "config";

/// Everything that the worker answers.
pub fn router(platform: Platform) -> Router {
    http::service(NAME, platform, |routes| {
        let routes = routes.merge(control_plane().into_router());
        front_door::routes(routes)
    })
}
