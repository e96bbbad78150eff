//! What a database starts with: shared providers and models from JSON files, and a tenant to play with.
//!
//! The files hold the forms of [`bundle`]. Everything here can run again: what is so
//! already stays, and what an operator changed is left alone.

use std::collections::HashMap;

use serde_json::Value;

use crate::{
    auth::{Scope, api_key::KeyKind},
    bundle,
    guard::KeyHosts,
    ids::{ApiKeyId, InstanceId, OrganizationId, ProjectId, ProviderId, UserId},
    json::{self, JsonError},
    model::{ModelConfig, in_one_line},
    ports::Statement,
    protocols::FieldIssue,
    store::{
        epochs::{self, EpochScope},
        models,
        provider_keys::{self, NewProviderKey},
        providers::{self, Provider},
        tenants::{self, KeyHolder, NewInstance, NewKey, NewUser},
    },
    time::UnixMillis,
};

/// Why a seed file cannot be used. The fault is the file's.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SeedError {
    /// A base URL is overridden for a provider that the file does not have.
    #[error("no provider {provider} whose base URL could be another one")]
    NoSuchProvider {
        /// The provider.
        provider: ProviderId,
    },
    /// Not JSON.
    #[error("the file is not JSON")]
    NotJson(#[source] JsonError),
    /// An entry has not the form of its kind.
    #[error("entry {index} ({id}): {}", in_one_line(issues))]
    Unreadable {
        /// Its id, as far as it has one.
        id: String,
        /// Its place in the file, from 0.
        index: usize,
        /// What is wrong with it.
        issues: Vec<FieldIssue>,
    },
}

/// Reads providers: a JSON list of [`Provider`]s, or one of them.
///
/// `base_urls` replaces base URLs by provider, as a development stack does that talks to a simulator.
///
/// # Errors
/// [`SeedError`] for the first entry that cannot be used.
pub fn read_providers(
    text: &str,
    base_urls: &HashMap<ProviderId, String>,
) -> Result<Vec<Provider>, SeedError> {
    let mut read = Vec::new();
    for (index, entry) in entries(text)?.into_iter().enumerate() {
        let id = name(&entry, "id");
        let mut provider = bundle::provider(entry).map_err(|issues| SeedError::Unreadable {
            id,
            index,
            issues,
        })?;
        if let Some(base_url) = base_urls.get(&provider.id) {
            provider.base_url.clone_from(base_url);
        }
        read.push(provider);
    }
    let known = |id: &ProviderId| read.iter().any(|provider| provider.id == *id);
    match base_urls.keys().find(|id| !known(id)) {
        Some(provider) => Err(SeedError::NoSuchProvider { provider: provider.clone() }),
        None => Ok(read),
    }
}

/// Reads models: a JSON list of [`ModelConfig`]s, or one of them.
///
/// # Errors
/// [`SeedError`] for the first entry that cannot be used, with all that is wrong with it.
pub fn read_models(text: &str) -> Result<Vec<ModelConfig>, SeedError> {
    let mut read = Vec::new();
    for (index, entry) in entries(text)?.into_iter().enumerate() {
        let id = name(&entry, "model_id");
        let model =
            bundle::model(entry).map_err(|issues| SeedError::Unreadable { id, index, issues })?;
        read.push(model);
    }
    Ok(read)
}

/// One batch that puts providers and models into the shared catalogue, and raises its epoch if that
/// changed anything. A later run needs a later `now`.
#[must_use]
pub fn catalogue(
    providers: &[Provider],
    models: &[ModelConfig],
    now: UnixMillis,
) -> Vec<Statement> {
    let mut batch: Vec<Statement> =
        providers.iter().map(|provider| providers::seed(provider, now)).collect();
    batch.extend(models.iter().flat_map(|model| models::seed(model, now)));
    batch.extend(models::seeded(now));
    batch
}

/// A tenant to play with. Keys are made anew at each fresh start, so none is in this file.
#[derive(Clone, Debug)]
pub struct DevTenant {
    /// Origins of the pages that may call.
    pub allowed_origins: Vec<String>,
    /// Modality → model id, for calls that name no model.
    pub default_models: Value,
    /// The superadmin, in lower case.
    pub email: String,
    /// Its instance.
    pub instance_id: InstanceId,
    /// Keys of the project and of the superadmin.
    pub keys: Vec<DevKey>,
    /// Its organization.
    pub organization_id: OrganizationId,
    /// Its project.
    pub project_id: ProjectId,
    /// The vendors' keys.
    pub provider_keys: Vec<DevProviderKey>,
    /// Its superadmin.
    pub user_id: UserId,
}

/// A key of ours, as far as rows know it.
#[derive(Clone, Debug)]
pub struct DevKey {
    /// The SHA-256 of the whole key, in hex.
    pub digest: String,
    /// Not good from then on.
    pub expires_at: Option<UnixMillis>,
    /// Its public part.
    pub id: ApiKeyId,
    /// `Admin` makes it the superadmin's, the others the project's.
    pub kind: KeyKind,
    /// Its end, for people.
    pub last_four: String,
    /// For people. Earlier keys of the same name and holder are revoked.
    pub name: String,
    /// Not good since then.
    pub revoked_at: Option<UnixMillis>,
}

/// A vendor's key, sealed by the vault for the tenant's instance.
#[derive(Clone, Debug)]
pub struct DevProviderKey {
    /// Where it may go: where its provider lives.
    pub hosts: KeyHosts,
    /// Its end, for people.
    pub last_four: String,
    /// Whose key it is.
    pub provider_id: ProviderId,
    /// What the vault made of it.
    pub sealed: String,
}

impl DevTenant {
    /// The tenant of `cargo xtask dev`, still without keys: its ids are the same at each start, so that
    /// its usage adds up.
    ///
    /// `None` never comes: the ids in this function are well formed.
    #[must_use]
    pub fn bare() -> Option<Self> {
        Some(Self {
            allowed_origins: Vec::new(),
            default_models: serde_json::json!({
                "audio": "eleven_multilingual_v2",
                "image": "gpt-image-2",
                "text": "gpt-4o-mini",
                "video": "shotstack",
            }),
            email: "admin@dev.invalid".to_owned(),
            instance_id: InstanceId::parse("inst_dev").ok()?,
            keys: Vec::new(),
            organization_id: OrganizationId::parse("org_dev").ok()?,
            project_id: ProjectId::parse("proj_dev").ok()?,
            provider_keys: Vec::new(),
            user_id: UserId::parse("user_dev").ok()?,
        })
    }
}

/// One batch that makes the tenant or brings it into line, and raises its epoch.
#[must_use]
pub fn dev_tenant(tenant: &DevTenant, now: UnixMillis) -> Vec<Statement> {
    let every_call = Scope::ALL.iter().copied().filter(|scope| *scope != Scope::Admin);
    let project_scopes: Vec<Scope> = every_call.collect();
    const USER_SCOPES: [Scope; 2] = [Scope::Admin, Scope::Read];
    let instance = NewInstance {
        allowed_origins: &tenant.allowed_origins,
        default_models: &tenant.default_models,
        id: &tenant.instance_id,
        is_production: false,
        name: "Development",
        organization_id: &tenant.organization_id,
    };
    let user = NewUser {
        email: &tenant.email,
        id: &tenant.user_id,
        name: "Dev",
        organization_id: &tenant.organization_id,
        role: "superadmin",
    };
    let mut batch = vec![
        tenants::put_organization(&tenant.organization_id, "Dev", now),
        tenants::put_instance(&instance, now),
        tenants::put_project(&tenant.project_id, &tenant.instance_id, "Playground", now),
        tenants::put_user(user, now),
        tenants::put_grant(&tenant.user_id, &tenant.instance_id, "owner", now),
    ];
    for key in &tenant.keys {
        let (holder, scopes): (_, &[Scope]) = match key.kind {
            KeyKind::Admin => (KeyHolder::User(&tenant.user_id), &USER_SCOPES),
            KeyKind::Live | KeyKind::Test => {
                (KeyHolder::Project(&tenant.project_id), &project_scopes)
            }
        };
        let key = NewKey {
            allowed_models: None,
            digest: &key.digest,
            expires_at: key.expires_at,
            holder,
            id: &key.id,
            kind: key.kind,
            last_four: &key.last_four,
            name: &key.name,
            revoked_at: key.revoked_at,
            scopes,
        };
        batch.push(tenants::revoke_namesakes(&key, now));
        batch.push(tenants::put_key(&key, now));
    }
    for key in &tenant.provider_keys {
        let key = NewProviderKey {
            hosts: Some(&key.hosts),
            instance: &tenant.instance_id,
            last_four: &key.last_four,
            provider: &key.provider_id,
            sealed: &key.sealed,
        };
        batch.push(provider_keys::put(&key, now));
    }
    batch.extend(epochs::bump(EpochScope::Tenant(&tenant.organization_id), now));
    batch
}

/// The entries of a file that holds one object or a list of them.
fn entries(text: &str) -> Result<Vec<Value>, SeedError> {
    Ok(match json::parse(text.as_bytes()).map_err(SeedError::NotJson)? {
        Value::Array(entries) => entries,
        one => vec![one],
    })
}

fn name(entry: &Value, member: &str) -> String {
    entry.get(member).and_then(Value::as_str).unwrap_or("without an id").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROVIDERS: &str = include_str!("../../../seeds/providers.json");

    #[test]
    fn providers_are_read_and_can_live_elsewhere() {
        let openai = ProviderId::parse("openai").unwrap();
        let elsewhere = HashMap::from([(openai.clone(), "http://127.0.0.1:9/openai".to_owned())]);
        let providers = read_providers(PROVIDERS, &elsewhere).unwrap();
        let found = providers.iter().find(|provider| provider.id == openai).unwrap();
        assert_eq!(found.base_url, "http://127.0.0.1:9/openai");
        let unknown = HashMap::from([(ProviderId::parse("nobody").unwrap(), String::new())]);
        let refused = read_providers(PROVIDERS, &unknown).unwrap_err();
        assert!(matches!(refused, SeedError::NoSuchProvider { .. }), "{refused}");
    }

    #[test]
    fn every_provider_is_https_and_without_a_trailing_slash() {
        for provider in read_providers(PROVIDERS, &HashMap::new()).unwrap() {
            assert!(provider.base_url.starts_with("https://"), "{}", provider.base_url);
            assert!(!provider.base_url.ends_with('/'), "{}", provider.base_url);
            assert!(url::Url::parse(&provider.base_url).is_ok());
        }
    }

    #[test]
    fn a_bad_entry_is_named() {
        let refused = read_models(r#"[{"model_id": "a"}]"#).unwrap_err().to_string();
        assert!(refused.starts_with("entry 0 (a): /provider_id is required; "), "{refused}");
    }
}
