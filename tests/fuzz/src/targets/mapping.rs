//! Mappings, saved and used: a mapping, then a call's options, then the vendor's reply, one on each line.
//!
//! Whoever may save one must not get a request to another host, out of its headers, or over its size.

use de_core::{
    json,
    mapping::{
        AuthScheme, PayloadMapping, ProviderRules,
        encode::{PartValue, RenderedBody},
        render::{MAX_RENDERED, MAX_SPLICED, RenderedRequest},
        variables::Reserved,
    },
};
use serde_json::{Map, Value, json};
use url::Url;

use super::{json::is_same, texts};

/// Stands for a vendor's key.
const KEY: &str = "vendor-key-0123456789";

pub(super) fn provider() -> ProviderRules {
    ProviderRules {
        allowed_hosts: vec!["cdn.vendor.test".to_owned()],
        auth: AuthScheme::Bearer,
        base_url: Url::parse("https://api.vendor.test/v1/").expect("an address"),
        mapping_sees_key: false,
    }
}

/// The same, and a mapping may say where the key stands.
fn trusting() -> ProviderRules {
    let auth = AuthScheme::Header { name: "X-Key".to_owned() };
    ProviderRules { auth, mapping_sees_key: true, ..provider() }
}

pub(super) fn run(input: &[u8]) {
    let Some([mapping, options, reply]) = texts::<3>(input) else { return };
    let Ok(mapping) = json::parse(mapping.as_bytes()) else { return };
    let options = json::object(options.as_bytes()).unwrap_or_default();
    let reply = json::parse(reply.as_bytes()).unwrap_or(Value::Null);
    // An absolute endpoint may leave the base path, not the provider's hosts.
    let endpoint = mapping.get("endpoint").and_then(Value::as_str).unwrap_or_default();
    let base_path = if endpoint.contains("://") { "/" } else { "/v1/" };
    for rules in [provider(), trusting()] {
        if let Ok(parsed) = PayloadMapping::parse(&mapping, &rules) {
            used(&parsed, (&options, &reply), rules.mapping_sees_key, base_path);
        }
    }
}

fn used(
    mapping: &PayloadMapping,
    (options, reply): (&Map<String, Value>, &Value),
    sees_key: bool,
    base_path: &str,
) {
    let _ = mapping.check_examples();
    let _ = mapping.preview(options);
    // A prompt is whatever a caller says: here what a template, JSON and a header end with.
    let prompt = "{api_key} {{x}} \"}],\r\nx-evil: 1\u{0}\\";
    let reserved = Reserved {
        messages: Some(json!([{"role": "user", "content": prompt}])),
        model: Some("m".to_owned()),
        request_id: Some("req_1".to_owned()),
        stream: Some(false),
        user_prompt: Some(prompt.to_owned()),
        ..Reserved::default()
    };
    if let Ok((variables, _)) = mapping.variables(reserved, options) {
        let _ = mapping.reply_kind(&variables);
        if let Ok(mut request) = mapping.render(&variables) {
            rendered(&request, base_path);
            assert!(sees_key || request.key_at.is_empty(), "it was not to see the key");
            request.insert_key(KEY);
            rendered(&request, base_path);
        }
    }
    if let Ok(read) = mapping.reply(200, &[("x-reply".to_owned(), "1".to_owned())], reply) {
        assert!(serde_json::to_string(&read).is_ok());
    }
    let _ = mapping.error(reply);
    let _ = mapping.event(&reply.to_string());
}

/// What goes out goes to the vendor, in one piece.
fn rendered(request: &RenderedRequest, base_path: &str) {
    let url = &request.url;
    assert_eq!(url.scheme(), "https");
    assert!(matches!(url.host_str(), Some("api.vendor.test" | "cdn.vendor.test")), "{url}");
    assert!(url.port().is_none() && url.username().is_empty() && url.password().is_none(), "{url}");
    assert!(url.fragment().is_none(), "{url}");
    assert!(
        url.host_str() != Some("api.vendor.test") || url.path().starts_with(base_path),
        "{url}"
    );
    for (name, value) in &request.headers {
        assert!(http::HeaderName::from_bytes(name.as_bytes()).is_ok(), "{name:?}");
        assert!(http::HeaderValue::from_str(value).is_ok(), "{name}: {value:?}");
    }
    let Ok(Some(body)) = request.body.encode("boundary-0123456789") else { return };
    assert!(http::HeaderValue::from_str(&body.content_type).is_ok(), "{:?}", body.content_type);
    // Escapes of JSON take up to six bytes for one.
    assert!(body.bytes.len() <= 6 * MAX_RENDERED + 2 * MAX_SPLICED);
    match &request.body {
        RenderedBody::Json { value, .. } => {
            let told: Value = serde_json::from_slice(&body.bytes).expect("it is JSON");
            assert!(is_same(&told, value), "{value} is sent as {told}");
        }
        RenderedBody::Multipart(parts) => {
            let files = parts.iter().filter(|part| matches!(part.value, PartValue::File(_)));
            let sum = String::from_utf8_lossy(&body.bytes).matches("filename=").count();
            assert!(sum >= files.count());
        }
        RenderedBody::Form(_) | RenderedBody::None => {}
    }
}
