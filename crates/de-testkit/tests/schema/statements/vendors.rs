//! Providers and their keys, and what else rests sealed.

use de_core::{
    ids::{InstanceId, OrganizationId, ProviderId, UserId},
    ports::Statement,
    store::{
        Viewer, idempotency,
        pages::PageQuery,
        provider_keys,
        providers::{self, removal},
    },
};

use super::provider_key;
use crate::{NOW, rows::provider_row};

/// What providers and their keys are read and changed by.
pub(super) fn vendors() -> Vec<Statement> {
    let organization = OrganizationId::parse("org_1").unwrap();
    let instance = InstanceId::parse("inst_1").unwrap();
    let user = UserId::parse("user_1").unwrap();
    let openai = ProviderId::parse("openai").unwrap();
    let page = || PageQuery { after: Some("inst_1/a".to_owned()), limit: 2 };
    let old = provider_keys::OldRow {
        instance_id: instance.clone(),
        organization_id: organization.clone(),
        provider_id: openai.clone(),
        sealed: "v1.a.b".to_owned(),
    };
    let reply = idempotency::OldReply {
        holder: "key_1".to_owned(),
        key_digest: "d".to_owned(),
        reply: "v1.a.b".to_owned(),
        route: "POST /v1/projects".to_owned(),
    };
    let tried = provider_keys::Tried { at: NOW, message: None, ok: true };
    let mut all = vec![
        provider_keys::find(&instance, &openai),
        provider_keys::insert(&provider_key(&instance, &openai), NOW),
        provider_keys::unchanged("audit_1", &instance, &openai, NOW),
        provider_keys::tried(&instance, &openai, "v1.a.b", tried),
        provider_keys::older(2),
        provider_keys::count_older(2),
        provider_keys::reseal(&old, "v2.a.b"),
        idempotency::older(2, NOW),
        idempotency::count_older(2, NOW),
        idempotency::reseal(&reply, "v2.a.b"),
    ];
    for owner in [None, Some(&organization)] {
        let row = provider_row(owner, "https://api.openai.com/v1", NOW);
        all.extend([
            providers::find(&openai, owner),
            providers::find_all(std::slice::from_ref(&openai), owner),
            providers::find_of(&openai, owner),
            providers::insert(&row),
            providers::update(&row),
            removal::hanging(&openai, owner),
            removal::named_by(&openai, owner),
            removal::unnamed("audit_1", &openai, owner),
            providers::unchanged("audit_1", &openai, owner, NOW),
            removal::still("audit_1", &openai, owner, &[]),
        ]);
        all.extend(providers::delete(&openai, owner));
        for own in [None, Some(true)] {
            let query = providers::ProviderQuery { organization: owner, own, page: page() };
            all.push(providers::list(&query));
        }
    }
    let person = Viewer::Person { organization: Some(&organization), user: &user };
    for viewer in [Viewer::Everything, person] {
        for instance in [None, Some(&instance)] {
            let provider = Some(&openai);
            let query = provider_keys::ProviderKeyQuery { instance, page: page(), provider };
            all.push(provider_keys::list(&query, viewer));
        }
    }
    all
}
