//! The rows that a fresh stack starts with: the shared catalogue of `seeds/`, and a tenant whose keys are made here.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Display;
use std::path::Path;

use de_core::auth::api_key::{ApiKey, KeyKind};
use de_core::auth::vault;
use de_core::ids::ProviderId;
use de_core::model::CircuitBreaker;
use de_core::ports::{self, Arg, Settings};
use de_core::secret::Secret;
use de_core::seeds::{self, DevKey, DevProviderKey, DevTenant};
use de_core::store::providers::Provider;
use serde_json::Value;

use crate::dev::vendor_keys::VendorKeys;
use crate::failure::Failure;
use crate::files;
use crate::random::{self, System};
use crate::stack::input::{Secrets, Statement};

/// The providers that the simulator can play, and what follows its address in their base URLs.
pub(crate) const SIMULATED: [(&str, &str); 15] = [
    ("anthropic", "/anthropic"),
    ("deepseek", "/deepseek/v1"),
    ("elevenlabs", "/elevenlabs"),
    ("fal", "/fal"),
    ("google", "/google/v1beta"),
    ("groq", "/groq/v1"),
    ("ideogram", "/ideogram"),
    ("mistral", "/mistral/v1"),
    ("openai", "/openai/v1"),
    ("pexels", "/pexels"),
    ("pixabay", "/pixabay"),
    ("replicate", "/replicate/v1"),
    ("shotstack", "/shotstack/edit/v1"),
    ("shotstack-stage", "/shotstack/edit/stage"),
    ("together", "/together/v1"),
];

/// What the rows depend on.
pub(crate) struct Wishes<'a> {
    /// The pages that may call with a browser.
    pub(crate) origins: Vec<String>,
    pub(crate) secrets: &'a Secrets,
    /// The folder of `providers.json` and `models/`.
    pub(crate) seeds: &'a Path,
    /// The simulator's address.
    pub(crate) simulator: &'a str,
    pub(crate) vendor_keys: &'a VendorKeys,
}

/// The rows, and the keys that open what they describe: all empty where nobody is.
#[derive(Default)]
pub(crate) struct Tenant {
    /// A key of the operator.
    pub(crate) admin_key: String,
    /// A key of the project.
    pub(crate) client_key: String,
    /// Keys of the project that must be refused: `expired`, `revoked`.
    pub(crate) refused_keys: BTreeMap<String, String>,
    pub(crate) statements: Vec<Statement>,
}

/// Makes the rows of one fresh stack.
///
/// # Errors
/// `Content` for a seed file, or a name in `.dev.vars`, that cannot be used.
pub(crate) fn tenant(wishes: &Wishes<'_>) -> Result<Tenant, Failure> {
    let now = random::now();
    let Catalogue { providers, statements } = catalogue(wishes)?;
    let mut tenant = DevTenant::bare().ok_or_else(|| Failure::System {
        action: "make a tenant",
        problem: "its ids are malformed".to_owned(),
    })?;
    tenant.allowed_origins.clone_from(&wishes.origins);
    tenant.provider_keys = provider_keys(wishes, &providers, &tenant)?;
    let yesterday = now.plus(-24 * 60 * 60 * 1000);
    let mut make = |kind, name: &str, expires_at, revoked_at| {
        let made = ApiKey::make(kind, &System);
        tenant.keys.push(DevKey {
            digest: made.key.digest,
            expires_at,
            id: made.key.id,
            kind,
            last_four: made.secret.last_four(),
            name: name.to_owned(),
            revoked_at,
        });
        made.secret.expose().to_owned()
    };
    let admin_key = make(KeyKind::Admin, "Operator", None, None);
    let client_key = make(KeyKind::Test, "Client", None, None);
    let refused_keys = BTreeMap::from([
        ("expired".to_owned(), make(KeyKind::Test, "Expired", Some(yesterday), None)),
        ("revoked".to_owned(), make(KeyKind::Test, "Revoked", None, Some(yesterday))),
    ]);
    let rows = seeds::dev_tenant(&tenant, now).into_iter().map(statement);
    let statements = statements.into_iter().chain(rows).collect();
    Ok(Tenant { admin_key, client_key, refused_keys, statements })
}

/// Makes the rows of a fresh stack where nobody is yet: the catalogue, as an installation has it.
///
/// # Errors
/// As [`tenant`].
pub(crate) fn nobody(wishes: &Wishes<'_>) -> Result<Tenant, Failure> {
    let Catalogue { statements, .. } = catalogue(wishes)?;
    Ok(Tenant { statements, ..Tenant::default() })
}

/// The shared catalogue, and its rows.
struct Catalogue {
    providers: Vec<Provider>,
    statements: Vec<Statement>,
}

fn catalogue(wishes: &Wishes<'_>) -> Result<Catalogue, Failure> {
    let providers = providers(wishes)?;
    let mut models = models(&wishes.seeds.join("models"))?;
    // A vendor that is made to fail on demand must not shut its models for everybody on this stack.
    let is_played = |id: &ProviderId| {
        SIMULATED.iter().any(|(known, _place)| *known == id.as_str())
            && wishes.vendor_keys.of(id.as_str()).is_none()
    };
    for model in models.iter_mut().filter(|model| is_played(&model.provider_id)) {
        model.circuit_breaker = CircuitBreaker::off();
    }
    let statements = seeds::catalogue(&providers, &models, random::now());
    Ok(Catalogue { providers, statements: statements.into_iter().map(statement).collect() })
}

/// The providers of the seeds, those without a real key with the simulator's address.
fn providers(wishes: &Wishes<'_>) -> Result<Vec<Provider>, Failure> {
    let path = wishes.seeds.join("providers.json");
    let mut base_urls = HashMap::new();
    for (provider, place) in SIMULATED {
        if wishes.vendor_keys.of(provider).is_none() {
            let id = ProviderId::parse(provider).map_err(|error| content(&path, error))?;
            base_urls.insert(id, format!("{}{place}", wishes.simulator));
        }
    }
    let providers = seeds::read_providers(&files::read(&path)?, &base_urls)
        .map_err(|error| content(&path, error))?;
    let known = |id: &str| providers.iter().any(|provider| provider.id.as_str() == id);
    match wishes.vendor_keys.providers().find(|id| !known(id)) {
        Some(id) => Err(content(Path::new(".dev.vars"), format!("there is no provider `{id}`"))),
        None => Ok(providers),
    }
}

/// Every model of a folder of seeds.
pub(crate) fn models(folder: &Path) -> Result<Vec<de_core::model::ModelConfig>, Failure> {
    let mut models = Vec::new();
    for path in files::entries(folder)? {
        if path.extension().is_some_and(|extension| extension == "json") {
            models.extend(
                seeds::read_models(&files::read(&path)?).map_err(|error| content(&path, error))?,
            );
        }
    }
    Ok(models)
}

/// One sealed key for each provider that is called for real or played.
fn provider_keys(
    wishes: &Wishes<'_>,
    providers: &[Provider],
    tenant: &DevTenant,
) -> Result<Vec<DevProviderKey>, Failure> {
    let master_keys = wishes.secrets.sealing();
    let settings = Settings { master_keys, ..Settings::default() };
    let mut keys = Vec::new();
    for provider in providers {
        let id = &provider.id;
        let simulated =
            || wishes.secrets.simulator_keys.get(vendor(id.as_str())).map(String::as_str);
        let Some(key) = wishes.vendor_keys.of(id.as_str()).or_else(simulated) else { continue };
        let key = Secret::new(key.to_owned());
        let sealed =
            vault::seal(&settings, &System, &tenant.instance_id, id, &key).map_err(|error| {
                Failure::System { action: "seal a provider key", problem: error.to_string() }
            })?;
        keys.push(DevProviderKey {
            hosts: provider.key_hosts(),
            last_four: key.last_four(),
            provider_id: id.clone(),
            sealed,
        });
    }
    Ok(keys)
}

/// Who plays a provider: one vendor may be several providers.
pub(crate) fn vendor(provider: &str) -> &str {
    let place = SIMULATED.iter().find(|(id, _)| *id == provider).map(|(_, place)| *place);
    place.and_then(|place| place.split('/').nth(1)).unwrap_or(provider)
}

/// A statement as the stack takes it: JSON.
pub(crate) fn statement(ports::Statement { args, sql }: ports::Statement) -> Statement {
    let args = args.into_iter().map(|arg| match arg {
        Arg::Bool(flag) => Value::from(u8::from(flag)),
        Arg::Int(number) => Value::from(number),
        Arg::Null => Value::Null,
        Arg::Text(text) => Value::from(text),
    });
    Statement { args: args.collect(), sql: sql.to_owned() }
}

fn content(path: &Path, problem: impl Display) -> Failure {
    Failure::Content { path: path.to_owned(), problem: problem.to_string() }
}

#[cfg(test)]
mod tests {
    use de_core::auth::api_key::ApiKey;

    use super::{SIMULATED, Tenant, Wishes, nobody, tenant, vendor};
    use crate::dev::vendor_keys::VendorKeys;
    use crate::files;
    use crate::stack::input::Secrets;

    const PROVIDERS: &str = include_str!("../../../../seeds/providers.json");

    fn seeded(secrets: &Secrets, vendor_keys: &str) -> Result<Tenant, String> {
        made(secrets, vendor_keys, tenant)
    }

    fn made(
        secrets: &Secrets,
        vendor_keys: &str,
        make: fn(&Wishes<'_>) -> Result<Tenant, crate::failure::Failure>,
    ) -> Result<Tenant, String> {
        let folder = tempfile::tempdir().unwrap();
        files::write(&folder.path().join("providers.json"), PROVIDERS).unwrap();
        let wishes = Wishes {
            origins: vec!["http://127.0.0.1:9001".to_owned()],
            secrets,
            seeds: folder.path(),
            simulator: "http://127.0.0.1:9020",
            vendor_keys: &VendorKeys::parse(vendor_keys)?,
        };
        make(&wishes).map_err(|failure| failure.to_string())
    }

    /// Everything that the rows say, in one text.
    fn text(tenant: &Tenant) -> String {
        serde_json::to_string(&tenant.statements).unwrap()
    }

    #[test]
    fn a_provider_is_played_unless_it_has_a_real_key() {
        let secrets = Secrets::make(SIMULATED.map(|(provider, _place)| vendor(provider))).unwrap();
        let played = text(&seeded(&secrets, "").unwrap());
        assert!(played.contains("http://127.0.0.1:9020/openai/v1"));
        assert!(!played.contains("https://api.openai.com/v1"));
        let real = text(&seeded(&secrets, "OPENAI_API_KEY=sk-real").unwrap());
        assert!(real.contains("https://api.openai.com/v1"));
        assert!(real.contains("http://127.0.0.1:9020/anthropic"));
        let unknown = seeded(&secrets, "NOBODY_API_KEY=x").err();
        assert_eq!(unknown.as_deref(), Some(".dev.vars: there is no provider `nobody`"));
    }

    #[test]
    fn where_nobody_is_there_is_the_catalogue_alone() {
        let secrets = Secrets::make(SIMULATED.map(|(provider, _place)| vendor(provider))).unwrap();
        let empty = made(&secrets, "", nobody).unwrap();
        assert!(text(&empty).contains("http://127.0.0.1:9020/openai/v1"));
        let full = seeded(&secrets, "").unwrap();
        for table in
            ["organizations", "users", "instances", "projects", "api_keys", "provider_keys"]
        {
            let fills = |tenant: &Tenant| {
                let mut words = tenant.statements.iter().map(|one| one.sql.split_whitespace());
                words.any(|words| words.take(3).eq(["INSERT", "INTO", table]))
            };
            assert_eq!((fills(&full), fills(&empty)), (true, false), "{table}");
        }
        assert_eq!((empty.admin_key.as_str(), empty.client_key.as_str()), ("", ""));
    }

    #[test]
    fn rows_hold_no_secret() {
        let secrets = Secrets::make(SIMULATED.map(|(provider, _place)| vendor(provider))).unwrap();
        let tenant = seeded(&secrets, "OPENAI_API_KEY=sk-real").unwrap();
        let rows = text(&tenant);
        let ours =
            [&tenant.admin_key, &tenant.client_key].into_iter().chain(tenant.refused_keys.values());
        for key in ours {
            ApiKey::parse(key).unwrap();
            assert!(!rows.contains(key.as_str()));
        }
        for key in
            secrets.simulator_keys.values().chain([&secrets.master_keys[&1], &"sk-real".to_owned()])
        {
            assert!(!rows.contains(key.as_str()));
        }
    }
}
