//! A tenant with keys, as the development stack has it.

use std::{collections::HashMap, fs, io, path::Path};

use de_core::{
    auth::{
        api_key::{ApiKey, KeyKind},
        vault,
    },
    ids::ProviderId,
    model::{CircuitBreaker, ModelConfig},
    ports::{Database, Entropy, PortError, Settings},
    secret::Secret,
    seeds::{self, DevKey, DevProviderKey, DevTenant, SeedError},
    store::providers::Provider,
    time::UnixMillis,
};

/// A tenant and its keys in clear.
#[derive(Clone, Debug)]
pub struct TestTenant {
    /// Of the superadmin.
    pub admin_key: Secret,
    /// Of the project.
    pub client_key: Secret,
    /// Of the project, no longer good.
    pub expired_key: Secret,
    /// Of the project, withdrawn.
    pub revoked_key: Secret,
    /// Well formed, and nobody's.
    pub stranger_key: Secret,
    /// What was put into the database.
    pub tenant: DevTenant,
    /// The vendors' keys: `test-<provider>-key-0001`.
    pub vendor_keys: HashMap<ProviderId, Secret>,
}

/// Why a database could not be seeded.
#[derive(Debug, thiserror::Error)]
pub enum SeedingError {
    /// The database refused.
    #[error("the database refused the seeds")]
    Database(#[from] PortError),
    /// The files could not be read.
    #[error("seeds are not readable")]
    Io(#[from] io::Error),
    /// A file is wrong.
    #[error("{file} is wrong")]
    Seed {
        /// Which.
        file: String,
        /// Why.
        #[source]
        source: SeedError,
    },
    /// Nothing can be sealed.
    #[error("the settings have no master key")]
    Vault(#[from] vault::VaultError),
}

/// Puts the catalogue of `seeds/` into a database, and says which providers it has.
///
/// # Errors
/// [`SeedingError`].
pub async fn seed_catalogue(
    database: &dyn Database,
    base_urls: &HashMap<ProviderId, String>,
    now: UnixMillis,
) -> Result<Vec<Provider>, SeedingError> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../seeds");
    let wrong = |file: &Path| {
        let file = file.display().to_string();
        |source| SeedingError::Seed { file, source }
    };
    let file = root.join("providers.json");
    let providers =
        seeds::read_providers(&fs::read_to_string(&file)?, base_urls).map_err(wrong(&file))?;
    let mut files = Vec::new();
    for entry in fs::read_dir(root.join("models"))? {
        files.push(entry?.path());
    }
    files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    let mut models: Vec<ModelConfig> = Vec::new();
    for file in files {
        models.extend(seeds::read_models(&fs::read_to_string(&file)?).map_err(wrong(&file))?);
    }
    // Tests make the vendors that are played fail, and other calls must not be refused for it.
    for model in models.iter_mut().filter(|model| base_urls.contains_key(&model.provider_id)) {
        model.circuit_breaker = CircuitBreaker::off();
    }
    database.batch(seeds::catalogue(&providers, &models, now)).await?;
    Ok(providers)
}

impl TestTenant {
    /// Makes keys for everyone and puts the tenant into a database. `providers` get a key each.
    ///
    /// # Errors
    /// [`SeedingError`].
    pub async fn make(
        database: &dyn Database,
        settings: &Settings,
        entropy: &dyn Entropy,
        providers: &[Provider],
        now: UnixMillis,
    ) -> Result<Self, SeedingError> {
        let malformed = || PortError::Malformed { port: "seeds", message: "an id".to_owned() };
        let mut tenant = DevTenant::bare().ok_or_else(malformed)?;
        let mut key = |kind, name: &str, expires_at, revoked_at| {
            let made = ApiKey::make(kind, entropy);
            tenant.keys.push(DevKey {
                digest: made.key.digest,
                expires_at,
                id: made.key.id,
                kind,
                last_four: made.secret.last_four(),
                name: name.to_owned(),
                revoked_at,
            });
            made.secret
        };
        let admin_key = key(KeyKind::Admin, "dev admin", None, None);
        let client_key = key(KeyKind::Test, "dev client", None, None);
        let expired_key = key(KeyKind::Test, "dev expired", Some(now.plus(-1)), None);
        let revoked_key = key(KeyKind::Test, "dev revoked", None, Some(now.plus(-1)));
        let stranger_key = ApiKey::make(KeyKind::Test, entropy).secret;
        let mut vendor_keys = HashMap::new();
        for provider in providers {
            let key = Secret::new(format!("test-{}-key-0001", provider.id));
            let sealed = vault::seal(settings, entropy, &tenant.instance_id, &provider.id, &key)?;
            tenant.provider_keys.push(DevProviderKey {
                hosts: provider.key_hosts(),
                last_four: key.last_four(),
                provider_id: provider.id.clone(),
                sealed,
            });
            vendor_keys.insert(provider.id.clone(), key);
        }
        database.batch(seeds::dev_tenant(&tenant, now)).await?;
        Ok(Self {
            admin_key,
            client_key,
            expired_key,
            revoked_key,
            stranger_key,
            tenant,
            vendor_keys,
        })
    }
}
