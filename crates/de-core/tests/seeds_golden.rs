//! The seeded models: each mapping makes the request that its vendor documents, and reads the reply.
//!
//! A golden file holds cases in the form of a mapping's own `examples`, with the vendor's page and the
//! day it was read.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops at the first thing that is not as it should be"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use de_core::bundle;
use de_core::json;
use de_core::mapping::encode::RenderedBody;
use de_core::mapping::variables::Reserved;
use de_core::mapping::{AuthScheme, PayloadMapping, ProviderRules};
use de_core::model::ModelConfig;
use serde_json::{Map, Value, json};

/// The models that came with the original, whose mappings did not work.
const ORIGINAL: [&str; 7] = [
    "claude-3-5-haiku-20241022",
    "claude-sonnet-4-20250514",
    "dall-e-3",
    "eleven_multilingual_v2",
    "gpt-4o",
    "gpt-4o-mini",
    "ideogram-v2",
];

fn folder(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: &Path) -> Value {
    let bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    json::parse(&bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All seeds, by model id.
fn seeds() -> BTreeMap<String, Value> {
    let files = fs::read_dir(folder("../../seeds/models")).expect("seeds");
    let seed = |path: PathBuf| {
        let seed = read(&path);
        let id = seed["model_id"].as_str().expect("an id").to_owned();
        let name = format!("{}.json", id.replace('/', "__"));
        assert_eq!(path.file_name().and_then(|name| name.to_str()), Some(name.as_str()));
        (id, seed)
    };
    files.map(|file| seed(file.expect("a file").path())).collect()
}

/// The vendors as they are in production.
fn provider(id: &str) -> ProviderRules {
    let header = |name: &str| AuthScheme::Header { name: name.to_owned() };
    let (base_url, auth) = match id {
        "anthropic" => ("https://api.anthropic.com", header("x-api-key")),
        "fal" => ("https://queue.fal.run", header("Authorization")),
        "elevenlabs" => ("https://api.elevenlabs.io", header("xi-api-key")),
        "ideogram" => ("https://api.ideogram.ai", header("Api-Key")),
        "openai" => ("https://api.openai.com/v1", AuthScheme::Bearer),
        other => panic!("no mapping was expected for {other}"),
    };
    ProviderRules {
        allowed_hosts: Vec::new(),
        auth,
        base_url: base_url.parse().expect("a URL"),
        mapping_sees_key: false,
    }
}

fn parse(mapping: &Value, provider: &ProviderRules) -> PayloadMapping {
    PayloadMapping::parse(mapping, provider).unwrap_or_else(|issues| {
        panic!("{}", issues.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    })
}

fn mapping_of(seed: &Value) -> PayloadMapping {
    let provider = seed["provider_id"].as_str().expect("a provider");
    parse(&seed["payload_mapping"], &self::provider(provider))
}

#[test]
fn every_seed_is_a_model_config() {
    let seeds = seeds();
    for (id, seed) in &seeds {
        let config = ModelConfig::parse(seed).unwrap_or_else(|issues| panic!("{id} {issues:?}"));
        assert_eq!(config.model_id.to_string(), *id);
        assert!(config.pricing.is_some(), "{id}");
    }
    assert!(ORIGINAL.iter().all(|id| seeds.contains_key(*id)));
}

/// <https://developers.openai.com/api/docs/guides/deployment-checklist>: beside an effort chat completions take neither
/// tools nor sampling parameters, and what thinks of itself has an effort where none is told.
#[test]
fn openais_models_that_think_speak_responses() {
    let seeds = seeds();
    let thinks = |seed: &&Value| {
        seed["provider_id"] == "openai" && seed["capabilities"]["reasoning"] == json!(true)
    };
    let thinking: Vec<&Value> = seeds.values().filter(thinks).collect();
    assert!(thinking.len() >= 5);
    for seed in thinking {
        let (id, can) = (&seed["model_id"], &seed["capabilities"]);
        assert_eq!(seed["protocol"], "openai-responses", "{id}");
        let at_will = id == "gpt-5.4-mini";
        assert_eq!(can.get("sampling_params").is_none(), at_will, "{id}");
        assert_ne!(can.get("sampling_params"), Some(&json!(true)), "{id}");
        let always = id == "gpt-6-astra" || id == "gpt-6.1-sol";
        assert_eq!(can["thinking_always_on"], json!(always), "{id}");
    }
}

#[test]
fn every_mapping_parses_and_its_own_examples_hold() {
    let mapped = seeds().into_values().filter(|seed| seed.get("payload_mapping").is_some());
    let mut count = 0;
    for seed in mapped {
        assert_eq!(mapping_of(&seed).check_examples(), [], "{}", seed["model_id"]);
        count += 1;
    }
    assert!(count > ORIGINAL.len());
}

#[test]
fn c05_every_seeded_model_makes_the_documented_request_and_reads_the_reply() {
    let seeds = seeds();
    for model in ORIGINAL {
        let golden = read(&folder("fixtures/golden").join(format!("{model}.json")));
        let seed = &seeds[model];
        let mut mapping = seed["payload_mapping"].clone();
        mapping["examples"] = golden["cases"].clone();
        let provider = provider(seed["provider_id"].as_str().expect("a provider"));
        let issues = parse(&mapping, &provider).check_examples();
        let told: Vec<String> = issues.iter().map(ToString::to_string).collect();
        assert!(told.is_empty(), "{model}\n{}", told.join("\n"));
    }
}

#[test]
fn a_golden_file_that_differs_is_noticed() {
    let seed = &seeds()["gpt-4o"];
    let golden = read(&folder("fixtures/golden/gpt-4o.json"));
    for (pointer, other) in [
        ("/1/request/body/temperature", json!(0.7)),
        ("/1/request/body/messages/1/content", json!("Say hi")),
        ("/0/output/text", json!("Ho!")),
        ("/2/output/usage/input_tokens", json!(8)),
    ] {
        let mut mapping = seed["payload_mapping"].clone();
        mapping["examples"] = golden["cases"].clone();
        *mapping["examples"].pointer_mut(pointer).expect(pointer) = other;
        assert_eq!(parse(&mapping, &provider("openai")).check_examples().len(), 1, "{pointer}");
    }
}

#[test]
fn c20_zero_reaches_the_vendor_as_zero() {
    let seeds = seeds();
    for model in ["gpt-4o", "gpt-4o-mini", "claude-sonnet-4-20250514", "claude-3-5-haiku-20241022"]
    {
        let mapping = mapping_of(&seeds[model]);
        let reserved = Reserved { user_prompt: Some("hi".into()), ..Reserved::default() };
        let options: Map<String, Value> =
            [("temperature".to_owned(), json!(0))].into_iter().collect();
        let (variables, _) = mapping.variables(reserved, &options).expect("known options");
        let RenderedBody::Json { value, .. } = mapping.render(&variables).expect("a request").body
        else {
            panic!("{model} speaks JSON");
        };
        assert_eq!(value["temperature"], json!(0), "{model}");
    }
}

#[test]
fn a_mapping_follows_its_provider_to_another_base_url() {
    let seed = &seeds()["gpt-4o"];
    let local = ProviderRules {
        base_url: "http://127.0.0.1:9000/openai/v1".parse().expect("a URL"),
        ..provider("openai")
    };
    let mapping = parse(&seed["payload_mapping"], &local);
    let request = mapping.preview(&Map::new()).request.expect("a request");
    assert_eq!(request.url, "http://127.0.0.1:9000/openai/v1/chat/completions");
}

/// The mappings as the original wrote them: absolute endpoints, keys in headers, a media type among the
/// paths. An import of them parses, and each goes to its vendor.
#[test]
fn c01_mappings_in_the_original_form_are_read() {
    let original = |provider_id: &str, header: &str, key: &str, endpoint: &str, reply: Value| {
        let mapping = json!({
            "endpoint": endpoint, "method": "POST",
            "headers": {"Content-Type": "application/json", header: key},
            "body": {"text": "{user_text}", "n": "{n}"},
            "response_mapping": reply, "defaults": {"n": 1, "voice_id": "v"}
        });
        let mapping = parse(&mapping, &provider(provider_id));
        let input: Map<String, Value> = [("prompt".to_owned(), json!("hi"))].into_iter().collect();
        mapping.preview(&input).request.expect("a request").url
    };
    let openai = "https://api.openai.com/v1/chat/completions";
    let reply = json!({"text": "$.choices[0].message.content"});
    let key = "Bearer {api_key}";
    assert_eq!(original("openai", "Authorization", key, openai, reply), openai);
    let speech = "https://api.elevenlabs.io/v1/text-to-speech/{voice_id}";
    let reply = json!({"audio_data": "$", "content_type": "audio/mpeg"});
    let url = original("elevenlabs", "xi-api-key", "{api_key}", speech, reply);
    assert_eq!(url, "https://api.elevenlabs.io/v1/text-to-speech/v");
}

#[test]
fn retired_models_name_a_successor_that_is_seeded() {
    let seeds = seeds();
    for (id, seed) in &seeds {
        let fallbacks = seed["fallbacks"].as_array().cloned().unwrap_or_default();
        if seed["status"] == "deprecated" {
            assert!(seed["deprecation_date"].is_string() && !fallbacks.is_empty(), "{id}");
        }
        for fallback in fallbacks {
            let successor = &seeds[fallback.as_str().expect("an id")];
            assert_eq!(successor["status"], "active", "{id}");
        }
    }
}

#[test]
fn f08_an_export_of_every_seed_is_read_as_it_was() {
    for (id, seed) in seeds() {
        let config = bundle::model(seed).unwrap_or_else(|issues| panic!("{id}: {issues:?}"));
        let file = bundle::export(&config);
        assert_eq!(bundle::model(file.clone()), Ok(config.clone()), "{id}");
        let bundle = bundle::read(json!({"models": [file]})).expect("a file");
        assert_eq!(bundle.models[0].read, Ok(config), "{id}");
    }
}
