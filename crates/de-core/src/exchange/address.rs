//! Where a request goes, and where its key stands: the same for what is sent and for what is only shown.

use http::{HeaderName, HeaderValue, header};
use url::Url;

use crate::{
    guard,
    mapping::render::KeyPlace,
    ports::Outbound,
    protocols::{Draft, Place},
    registry::Provider,
    secret::Secret,
    store::providers::ProviderAuth,
};

/// The address of a request, which only its provider's hosts have.
///
/// # Errors
/// What is wrong with it: an operator has to mend it.
pub fn address(provider: &Provider, place: &Place, loopback_ports: &[u16]) -> Result<Url, String> {
    let url = match place {
        Place::Path(path) => {
            let joined = format!("{}{path}", provider.base_url.as_str().trim_end_matches('/'));
            Url::parse(&joined).map_err(|err| err.to_string())?
        }
        Place::Url(url) => url.clone(),
    };
    guard::check_provider(&url, &provider.base_url, &provider.allowed_hosts, loopback_ports)
        .map_err(|err| err.to_string())?;
    Ok(url)
}

/// A request with the provider's headers and a key, ready to be sent to its [`address`].
///
/// # Errors
/// What is wrong with the provider or the key: an operator has to mend it.
pub fn with_key(
    provider: &Provider,
    draft: Draft,
    mut url: Url,
    key: &Secret,
) -> Result<Outbound, String> {
    let mut headers = draft.headers;
    for (name, value) in &provider.headers {
        if !headers.contains_key(name) {
            headers.insert(name.clone(), value.clone());
        }
    }
    let secret = |text: String| {
        let value = HeaderValue::from_str(&text);
        let mut value = value.map_err(|_| "the key is no header value".to_owned())?;
        value.set_sensitive(true);
        Ok::<_, String>(value)
    };
    let named = |name: &str| HeaderName::from_bytes(name.as_bytes()).map_err(|err| err.to_string());
    if draft.key_at.is_empty() {
        match &provider.auth {
            ProviderAuth::Bearer => {
                headers.insert(header::AUTHORIZATION, secret(format!("Bearer {}", key.expose()))?);
            }
            ProviderAuth::Header { name, prefix } => {
                let before = prefix.as_deref().unwrap_or_default();
                headers.insert(named(name)?, secret(format!("{before}{}", key.expose()))?);
            }
            ProviderAuth::Query { name } => {
                url.query_pairs_mut().append_pair(name, key.expose());
            }
        }
    }
    for place in draft.key_at {
        match place {
            KeyPlace::Header { name, before, after } => {
                headers.insert(named(&name)?, secret(format!("{before}{}{after}", key.expose()))?);
            }
            KeyPlace::Query { name, before, after } => {
                let value = format!("{before}{}{after}", key.expose());
                url.query_pairs_mut().append_pair(&name, &value);
            }
        }
    }
    Ok(Outbound { body: draft.body, headers, method: draft.method, url })
}
