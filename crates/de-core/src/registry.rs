//! A caller and a model's name in, a compiled model with its provider's access out.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Map, Value};
use url::Url;

use crate::{
    caller::Caller,
    guard::KeyHosts,
    http::error::{ApiError, Code},
    ids::ProviderId,
    limits::Epochs,
    mapping::{AuthScheme, PayloadMapping, ProviderRules},
    model::{Deadlines, Modality, ModelConfig, Protocol, Status, in_one_line},
    ports::{Platform, PortError},
    protocols::{
        MaxTokensField, SeedField, Target, Vendor, anthropic_messages::AnthropicMessagesVendor,
        elevenlabs_speech::ElevenLabsSpeechVendor,
        elevenlabs_transcription::ElevenLabsTranscriptionVendor, gemini::GeminiVendor,
        gemini_embeddings::GeminiEmbeddingsVendor, mapped::MappedVendor,
        openai_chat::OpenAiChatVendor, openai_embeddings::OpenAiEmbeddingsVendor,
        openai_images::OpenAiImagesVendor, openai_responses::OpenAiResponsesVendor,
        openai_speech::OpenAiSpeechVendor, openai_transcriptions::OpenAiTranscriptionsVendor,
        pexels::PexelsVendor, pixabay::PixabayVendor, shotstack::ShotstackVendor,
    },
    snapshot::{self, Named},
    store::{
        models::ResolvedRow,
        providers::{self, AccessColumns, ProviderAuth},
    },
};

/// A model that is ready to be called.
pub struct Model {
    /// What its row says.
    pub config: ModelConfig,
    /// How fresh this is.
    pub epochs: Epochs,
    /// Whether the instance has a key that was saved while the provider lived elsewhere: it does not go
    /// there, and `sealed_key` is absent.
    pub is_key_bound_elsewhere: bool,
    /// Where it is called.
    pub provider: Provider,
    /// The instance's key for the provider, sealed; absent if it has none that may go there.
    pub sealed_key: Option<String>,
    /// How its vendor is spoken to.
    pub vendor: Arc<dyn Vendor>,
}

/// Where a vendor lives, and where its key goes.
#[derive(Clone, Debug)]
pub struct Provider {
    /// Hosts beside that of the base URL which may get the key.
    pub allowed_hosts: Vec<String>,
    /// How it wants its key.
    pub auth: ProviderAuth,
    /// Where its paths begin.
    pub base_url: Url,
    /// Sent with every call.
    pub headers: HeaderMap,
    /// `openai`.
    pub id: ProviderId,
    /// The member that bounds the output, where hosts of one protocol differ.
    pub max_tokens_field: MaxTokensField,
    /// The member that seeds the sampling, where hosts of one protocol differ.
    pub seed_field: SeedField,
    /// Whether it takes the caller's name for its user.
    pub takes_user: bool,
}

impl Model {
    /// Compiles a row.
    ///
    /// # Errors
    /// What is wrong with it, for the log: an operator has to mend it.
    pub fn compile(row: ResolvedRow, epochs: Epochs) -> Result<Self, String> {
        let config = row.model.parse().map_err(|issues| in_one_line(&issues))?;
        let (base_url, allowed_hosts) = (&row.provider.base_url, &row.provider.allowed_hosts);
        let goes_to = KeyHosts::of(
            base_url.as_deref().unwrap_or_default(),
            allowed_hosts.as_deref().unwrap_or_default(),
        );
        let may_go = row.key_hosts.is_some_and(|bound| bound.allow(&goes_to));
        let is_key_bound_elsewhere = row.sealed.is_some() && !may_go;
        let sealed_key = row.sealed.filter(|_| may_go);
        let model = Self::of(config, row.provider, sealed_key, epochs)?;
        Ok(Self { is_key_bound_elsewhere, ..model })
    }

    /// Compiles a config that no row has to hold, without a key: for a look at what it would send.
    ///
    /// # Errors
    /// As [`Model::compile`].
    pub fn unsaved(config: ModelConfig, provider: providers::Provider) -> Result<Self, String> {
        let columns = AccessColumns {
            provider_id: Some(provider.id),
            provider_organization_id: None,
            base_url: Some(provider.base_url),
            allowed_hosts: Some(provider.allowed_hosts),
            auth: Some(provider.auth),
            headers: Some(provider.headers),
            protocol_defaults: Some(provider.protocol_defaults),
        };
        Self::of(config, columns, None, Epochs::default())
    }

    fn of(
        config: ModelConfig,
        columns: AccessColumns,
        sealed_key: Option<String>,
        epochs: Epochs,
    ) -> Result<Self, String> {
        if columns.base_url.is_none() {
            return Err(format!("there is no provider {}", config.provider_id));
        }
        let defaults = columns.protocol_defaults.clone().unwrap_or_default();
        let provider = Provider::of(columns)?;
        let vendor = vendor(&config, &provider, &defaults)?;
        let is_key_bound_elsewhere = false;
        Ok(Self { config, epochs, is_key_bound_elsewhere, provider, sealed_key, vendor })
    }

    /// How long the vendor may take.
    #[must_use]
    pub fn deadlines(&self) -> Deadlines {
        self.config.timeouts.deadlines()
    }

    /// The refusal of a model that cannot do what a route is for; `why` goes on after its id: `does not speak`.
    #[must_use]
    pub fn cannot_serve(&self, why: &str) -> ApiError {
        let id = &self.config.model_id;
        ApiError::new(Code::ModelCapability, format!("{id} {why}")).with("model", id.as_str())
    }

    /// The refusal of a model whose protocol no code speaks yet.
    #[must_use]
    pub fn not_built(&self) -> ApiError {
        let (id, protocol) = (&self.config.model_id, self.config.protocol);
        let message = format!("the protocol {protocol} of {id} is not built yet");
        ApiError::new(Code::NotImplemented, message)
    }

    /// What the vendor's side of a protocol needs to know; `bound` is the output in tokens for
    /// protocols that must be told one.
    #[must_use]
    pub fn target(&self, bound: u64) -> Target {
        Target {
            default_max_output_tokens: bound,
            max_tokens_field: self.provider.max_tokens_field,
            on_unsupported: self.config.on_unsupported,
            reasoning: self.config.capabilities.reasoning,
            reasoning_budget: self.config.capabilities.reasoning_budget,
            reasoning_effort: self.config.capabilities.reasoning_effort,
            sampling_params: self.config.capabilities.sampling_params,
            seed_field: self.provider.seed_field,
            takes_thoughts: self.config.capabilities.reasoning_input == Some(true),
            takes_user: self.provider.takes_user,
            thinking_always_on: self.config.capabilities.thinking_always_on,
            unknown_options: self
                .vendor
                .mapping()
                .map_or(self.config.on_unsupported, PayloadMapping::unknown_options),
            upstream_model: self.config.upstream_model.clone(),
        }
    }
}

impl Provider {
    /// Reads what a row says of a provider.
    ///
    /// # Errors
    /// What is wrong with it, for the log: an operator has to mend it.
    pub fn of(columns: AccessColumns) -> Result<Self, String> {
        let (Some(id), Some(base_url), Some(auth)) =
            (columns.provider_id, columns.base_url, columns.auth)
        else {
            return Err("there is no such provider".to_owned());
        };
        let mut headers = HeaderMap::new();
        for (name, value) in columns.headers.unwrap_or_default() {
            let name = HeaderName::try_from(name).map_err(|err| err.to_string())?;
            headers.insert(name, HeaderValue::try_from(value).map_err(|err| err.to_string())?);
        }
        let defaults = columns.protocol_defaults.unwrap_or_default();
        let word = |name: &str| defaults.get(name).and_then(Value::as_str);
        Ok(Self {
            allowed_hosts: columns.allowed_hosts.unwrap_or_default(),
            auth,
            base_url: Url::parse(&base_url).map_err(|err| format!("base_url: {err}"))?,
            headers,
            id,
            max_tokens_field: match word("max_tokens_field") {
                Some("max_tokens") => MaxTokensField::MaxTokens,
                _ => MaxTokensField::MaxCompletionTokens,
            },
            seed_field: match word("seed_field") {
                Some("random_seed") => SeedField::RandomSeed,
                _ => SeedField::Seed,
            },
            takes_user: defaults.get("takes_user") != Some(&false.into()),
        })
    }
}

/// Finds the road to a vendor.
fn vendor(
    config: &ModelConfig,
    provider: &Provider,
    protocol_defaults: &Map<String, Value>,
) -> Result<Arc<dyn Vendor>, String> {
    Ok(match config.protocol {
        Protocol::AnthropicMessages => Arc::new(AnthropicMessagesVendor),
        Protocol::ElevenlabsSpeech => Arc::new(ElevenLabsSpeechVendor),
        Protocol::ElevenlabsTranscription => Arc::new(ElevenLabsTranscriptionVendor),
        Protocol::Gemini => Arc::new(GeminiVendor),
        Protocol::GeminiEmbeddings => Arc::new(GeminiEmbeddingsVendor),
        Protocol::Mapped => {
            let Provider { allowed_hosts, auth, base_url, .. } = provider.clone();
            let rules = rules(base_url, allowed_hosts, &auth, protocol_defaults);
            let mapping = config.payload_mapping.clone().unwrap_or_default();
            let mapping = PayloadMapping::parse(&mapping, &rules).map_err(|issues| {
                issues.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
            })?;
            Arc::new(MappedVendor::new(mapping.in_row(config.unknown_options)))
        }
        Protocol::OpenaiChat => Arc::new(OpenAiChatVendor),
        Protocol::OpenaiEmbeddings => Arc::new(OpenAiEmbeddingsVendor),
        Protocol::OpenaiResponses => Arc::new(OpenAiResponsesVendor),
        Protocol::Shotstack => {
            let Provider { allowed_hosts, auth, base_url, .. } = provider.clone();
            let rules = rules(base_url, allowed_hosts, &auth, protocol_defaults);
            Arc::new(ShotstackVendor::new(&rules)?)
        }
        Protocol::Pexels => Arc::new(PexelsVendor),
        Protocol::Pixabay => Arc::new(PixabayVendor),
        Protocol::OpenaiSpeech => Arc::new(OpenAiSpeechVendor),
        Protocol::OpenaiTranscriptions => Arc::new(OpenAiTranscriptionsVendor),
        Protocol::OpenaiImages => Arc::new(OpenAiImagesVendor),
        // mark: roads. `cargo xtask new-provider` writes above this line.
        other => Arc::new(crate::protocols::mapped::Unbuilt(other)),
    })
}

/// What a provider's mappings are checked against, when they are saved and when they are called.
#[must_use]
pub fn rules(
    base_url: Url,
    allowed_hosts: Vec<String>,
    auth: &ProviderAuth,
    protocol_defaults: &Map<String, Value>,
) -> ProviderRules {
    let auth = match auth {
        ProviderAuth::Bearer => AuthScheme::Bearer,
        ProviderAuth::Header { name, .. } => AuthScheme::Header { name: name.clone() },
        ProviderAuth::Query { name } => AuthScheme::Query { name: name.clone() },
    };
    let mapping_sees_key = protocol_defaults.get("mapping_sees_key") == Some(&Value::Bool(true));
    ProviderRules { allowed_hosts, auth, base_url, mapping_sees_key }
}

/// Finds the model that a caller means.
///
/// # Errors
/// `MODEL_NOT_FOUND` (also for a disabled one), `MODEL_NOT_ALLOWED`, `MODEL_CAPABILITY` if it works in
/// another modality.
pub async fn resolve(
    platform: &Platform,
    caller: &Caller,
    name: &str,
    modality: Modality,
) -> Result<Arc<Model>, ApiError> {
    let unknown = || {
        ApiError::new(Code::ModelNotFound, format!("there is no model {}", shown(name)))
            .with("model", shown(name))
    };
    // What cannot be an id is none: nothing of it becomes a key of a cache.
    if crate::ids::ModelId::parse(name).is_err() {
        return Err(unknown());
    }
    let organization = caller.organization_id();
    let instance = caller.instance_id();
    let found = snapshot::model(platform, organization, instance, name, caller.epochs()).await;
    let model = match found {
        Ok(Named::Model(model)) if model.config.status != Status::Disabled => model,
        Ok(Named::Broken { status: Status::Disabled, .. } | Named::Model(_) | Named::Nothing) => {
            return Err(unknown());
        }
        Ok(Named::Broken { cause, .. }) | Err(PortError::Malformed { message: cause, .. }) => {
            let told = format!("the model {name} is configured wrongly");
            return Err(ApiError::new(Code::ProviderUnavailable, told).because(cause));
        }
        Err(err) => return Err(err.into()),
    };
    caller.may_call(&model.config.model_id)?;
    if !model.config.works_in(modality) {
        let able: Vec<&str> = model.config.modalities().iter().map(|can| can.as_str()).collect();
        let message = format!("{name} makes {}, not {modality}", able.join(" and "));
        return Err(ApiError::new(Code::ModelCapability, message).with("model", name));
    }
    Ok(model)
}

/// A caller's word, cut: it may be anything.
fn shown(name: &str) -> String {
    name.chars().take(100).collect()
}
