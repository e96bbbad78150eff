//! What goes out to a provider: to an address that is guarded, with the provider's own headers, and with
//! the key where its scheme wants it. Nothing else attaches a key.

use http::{HeaderName, HeaderValue, header};
use url::Url;

use super::{
    failure::{Failure, misconfigured},
    job::Line,
};
use crate::{
    auth::vault,
    guard,
    http::error::{ApiError, Code},
    last_used,
    mapping::render::KeyPlace,
    ports::{Outbound, Settings},
    protocols::{Draft, Place},
    registry::{Model, Provider},
    secret::Secret,
    store::providers::ProviderAuth,
    trace,
};

/// Adds address and key to a draft; the key comes back for masking what the vendor says.
pub(super) fn complete(
    line: Line<'_>,
    model: &Model,
    draft: Draft,
) -> Result<(Outbound, Secret), Failure> {
    let settings = &line.platform.settings;
    let provider = &model.provider;
    let bad = |reason: String| misconfigured(provider, reason);
    let url = address(provider, draft.place, settings).map_err(bad)?;
    let key = key(line, model)?;
    last_used::provider_key(line.platform, line.instance, &provider.id);
    let mut outbound =
        Outbound { body: draft.body, headers: draft.headers, method: draft.method, url };
    attach(&mut outbound, provider, draft.key_at, &key).map_err(bad)?;
    Ok((outbound, key))
}

/// The instance's key for a model's provider, opened.
pub(super) fn key(line: Line<'_>, model: &Model) -> Result<Secret, Failure> {
    let provider = &model.provider;
    let Some(sealed) = &model.sealed_key else {
        let message = if model.is_key_bound_elsewhere {
            format!(
                "this instance's key for the provider {} was saved for another address; it has to be \
                 saved again",
                provider.id
            )
        } else {
            format!("this instance has no key for the provider {}", provider.id)
        };
        return Err(Failure::passing_on(ApiError::new(Code::MissingApiKey, message)));
    };
    vault::open(&line.platform.settings, line.instance, &provider.id, sealed)
        .map_err(|err| misconfigured(provider, err.to_string()))
}

/// Where a request goes, once it is seen that the provider's key may go there.
///
/// # Errors
/// For the log: an operator has to mend the provider.
pub(crate) fn address(
    provider: &Provider,
    place: Place,
    settings: &Settings,
) -> Result<Url, String> {
    let url = match place {
        Place::Path(path) => {
            let joined = format!("{}{path}", provider.base_url.as_str().trim_end_matches('/'));
            Url::parse(&joined).map_err(|err| err.to_string())?
        }
        Place::Url(url) => url,
    };
    guard::check_provider(&url, &provider.base_url, &provider.allowed_hosts, settings)
        .map_err(|err| err.to_string())?;
    Ok(url)
}

/// Adds the provider's headers, where the request has none of that name, and the key: where a mapping
/// wants it, else where the provider's scheme says.
///
/// # Errors
/// For the log: an operator has to mend the provider or its key.
pub(crate) fn attach(
    outbound: &mut Outbound,
    provider: &Provider,
    key_at: Vec<KeyPlace>,
    key: &Secret,
) -> Result<(), String> {
    for (name, value) in &provider.headers {
        if !outbound.headers.contains_key(name) {
            outbound.headers.insert(name.clone(), value.clone());
        }
    }
    if key_at.is_empty() {
        return match &provider.auth {
            ProviderAuth::Bearer => {
                put(outbound, header::AUTHORIZATION, format!("Bearer {}", key.expose()))
            }
            ProviderAuth::Header { name, prefix } => {
                let before = prefix.as_deref().unwrap_or_default();
                put(outbound, header_name(name)?, format!("{before}{}", key.expose()))
            }
            ProviderAuth::Query { name } => {
                outbound.url.query_pairs_mut().append_pair(name, key.expose());
                Ok(())
            }
        };
    }
    for place in key_at {
        match place {
            KeyPlace::Header { name, before, after } => {
                put(outbound, header_name(&name)?, format!("{before}{}{after}", key.expose()))?;
            }
            KeyPlace::Query { name, before, after } => {
                let value = format!("{before}{}{after}", key.expose());
                outbound.url.query_pairs_mut().append_pair(&name, &value);
            }
        }
    }
    Ok(())
}

/// Says which part of which trace a request is, unless the provider's row has a word of its own for that: an empty
/// one keeps it from being told.
///
/// What other systems noted in the trace stays with us (`tracestate`): it is no vendor's business.
pub(crate) fn within(outbound: &mut Outbound, parent: &str) {
    match outbound.headers.get(trace::PARENT) {
        Some(own) if own.is_empty() => drop(outbound.headers.remove(trace::PARENT)),
        Some(_) => {}
        None => {
            if let Ok(parent) = HeaderValue::from_str(parent) {
                outbound.headers.insert(trace::PARENT, parent);
            }
        }
    }
}

fn header_name(name: &str) -> Result<HeaderName, String> {
    HeaderName::from_bytes(name.as_bytes()).map_err(|err| err.to_string())
}

fn put(outbound: &mut Outbound, name: HeaderName, text: String) -> Result<(), String> {
    let mut value =
        HeaderValue::from_str(&text).map_err(|_| "the key is no header value".to_owned())?;
    value.set_sensitive(true);
    outbound.headers.insert(name, value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, Method};

    use super::*;

    #[test]
    fn the_providers_own_word_for_a_trace_goes_before_ours() {
        let rows = [(None, Some("ours")), (Some(""), None), (Some("theirs"), Some("theirs"))];
        for (own, sent) in rows {
            let mut headers = HeaderMap::new();
            headers.extend(own.map(|own| (trace::PARENT, HeaderValue::from_static(own))));
            let url = Url::parse("https://api.example.com").unwrap();
            let mut outbound = Outbound { body: Bytes::new(), headers, method: Method::GET, url };
            within(&mut outbound, "ours");
            let told = outbound.headers.get(trace::PARENT).map(|value| value.to_str().unwrap());
            assert_eq!(told, sent, "{own:?}");
        }
    }
}
