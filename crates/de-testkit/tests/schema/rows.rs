//! Rows that both statements and seeds are made of.

use de_core::{
    ids::{OrganizationId, ProviderId},
    model::ModelConfig,
    store::providers::{Provider, ProviderAuth, ProviderRow},
    time::UnixMillis,
};
use serde_json::json;

pub(super) fn config() -> ModelConfig {
    ModelConfig::parse(&json!({
        "model_id": "m", "provider_id": "openai", "display_name": "M", "protocol": "openai-chat",
        "capabilities": {"text": true}, "aliases": ["small"], "rate_limits": {"rpm": 5}
    }))
    .unwrap()
}

pub(super) fn provider() -> Provider {
    Provider {
        id: ProviderId::parse("openai").unwrap(),
        display_name: "OpenAI".to_owned(),
        base_url: "https://api.openai.com/v1".to_owned(),
        allowed_hosts: Vec::new(),
        auth: ProviderAuth::Bearer,
        headers: [("a".to_owned(), "b".to_owned())].into(),
        protocol_defaults: serde_json::Map::new(),
        key_test: None,
    }
}

pub(super) fn provider_row(
    owner: Option<&OrganizationId>,
    base_url: &str,
    at: UnixMillis,
) -> ProviderRow {
    let Provider { id, display_name, allowed_hosts, auth, headers, protocol_defaults, .. } =
        provider();
    ProviderRow {
        id,
        organization_id: owner.cloned(),
        display_name,
        base_url: base_url.to_owned(),
        allowed_hosts,
        auth,
        headers,
        protocol_defaults,
        key_test: None,
        created_at: at,
        updated_at: at,
    }
}
