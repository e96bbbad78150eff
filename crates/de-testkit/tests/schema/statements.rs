//! Every statement of the store, with values of each kind that its callers have.

mod books;
mod control_plane;
mod limits_and_budgets;
mod model_configs;
mod paid_work;
mod persons;
mod vendors;
mod webhooks;

use de_core::{
    auth::{Scope as KeyScope, api_key::KeyKind},
    ids::{ApiKeyId, InstanceId, ModelId, OrganizationId, ProjectId, ProviderId, UserId},
    limits::{Kind, Scope, ScopeKind, Span},
    model::{Modality, Status},
    ports::Statement,
    store::{
        access,
        epochs::{self, EpochScope},
        limits, models,
        pages::PageQuery,
        policies,
        provider_keys::{self, NewProviderKey},
        providers, tenants, upkeep, usage,
    },
};
use serde_json::json;

use crate::{
    NOW,
    rows::{config, provider},
};

pub(super) fn every_statement() -> Vec<Statement> {
    let organization = OrganizationId::parse("org_1").unwrap();
    let instance = InstanceId::parse("inst_1").unwrap();
    let project = ProjectId::parse("proj_1").unwrap();
    let user = UserId::parse("user_1").unwrap();
    let openai = ProviderId::parse("openai").unwrap();
    let model = ModelId::parse("m").unwrap();
    let (own, shared) = (Some(&organization), None);
    let list = |organization, modality| models::ModelQuery {
        allowed: Some(std::slice::from_ref(&model)),
        modality,
        organization,
        page: PageQuery { after: Some("a".to_owned()), limit: 2 },
        provider: Some(&openai),
        status: Some(Status::Active),
        without_disabled: true,
    };
    let key = tenants::NewKey {
        allowed_models: None,
        digest: "d",
        expires_at: None,
        holder: tenants::KeyHolder::Project(&project),
        id: &ApiKeyId::parse("key_1").unwrap(),
        kind: KeyKind::Test,
        last_four: "1234",
        name: "k",
        revoked_at: None,
        scopes: &[KeyScope::Text],
    };
    let of_user = tenants::NewKey { holder: tenants::KeyHolder::User(&user), ..key.clone() };
    let limit = limits::NewLimit {
        amount: 5,
        instance: Some(&instance),
        kind: Kind::Requests(Span::Minute),
        organization: &organization,
        scope: &Scope::new(ScopeKind::Key, "key_1"),
        shadow: false,
    };
    let instance_row = tenants::NewInstance {
        allowed_origins: &[],
        default_models: &json!({}),
        id: &instance,
        is_production: false,
        name: "I",
        organization_id: &organization,
    };
    let user_row = tenants::NewUser {
        email: "a@b.c",
        id: &user,
        name: "U",
        organization_id: &organization,
        role: "user",
    };
    let mut all = vec![
        access::by_digest("d"),
        access::instance_for_user(&instance, &user),
        epochs::all_told(EpochScope::Catalogue, 1),
        epochs::pending(None),
        epochs::of_instance(&instance),
        epochs::instances_of(&organization, None),
        epochs::instances_active_since(NOW, Some(&instance)),
        epochs::touch(&instance, NOW),
        limits::put(&limit, NOW),
        models::resolve("m", own, Some(&instance)),
        models::resolve("m", shared, None),
        models::list(&list(own, Some(Modality::Text))),
        models::list(&list(shared, None)),
        models::list(&models::ModelQuery::default()),
        provider_keys::of_instance(&instance),
        provider_keys::put(&provider_key(&instance, &openai), NOW),
        provider_keys::delete(&instance, &openai),
        provider_keys::touch(&instance, &openai, NOW),
        providers::find(&openai, own),
        providers::seed(&provider(), NOW),
        tenants::put_organization(&organization, "O", NOW),
        tenants::put_instance(&instance_row, NOW),
        tenants::put_project(&project, &instance, "P", NOW),
        tenants::put_user(user_row, NOW),
        tenants::put_grant(&user, &instance, "owner", NOW),
        tenants::put_key(&key, NOW),
        tenants::revoke_namesakes(&key, NOW),
        tenants::revoke_namesakes(&of_user, NOW),
        upkeep::expired_replies(NOW),
        upkeep::expired_turns(NOW),
        upkeep::old_deliveries(NOW),
        upkeep::expired_sessions(NOW),
    ];
    all.extend(control_plane::control_plane());
    all.extend(limits_and_budgets::limits_and_budgets());
    all.extend(persons::persons());
    all.extend(vendors::vendors());
    all.extend(paid_work::paid_work());
    all.extend(webhooks::hooks());
    all.extend(webhooks::messages());
    all.extend(usage::deliver("[]"));
    all.extend(usage::probe(1));
    all.extend(books::books());
    all.extend(policies::load(&instance, NOW));
    all.extend(policies::load_organization(&organization));
    all.extend(epochs::bump(EpochScope::Tenant(&organization), NOW));
    all.extend(model_configs::model_configs());
    all.extend(models::seed(&config(), NOW));
    all.extend(models::seeded(NOW));
    all
}

/// The same as someone saved it.
fn provider_key<'a>(instance: &'a InstanceId, provider: &'a ProviderId) -> NewProviderKey<'a> {
    NewProviderKey { hosts: None, instance, last_four: "1234", provider, sealed: "v1.a.b" }
}
