//! The mappings of `docs/payload-mapping.md` are right: each parses, and its examples hold.

#![allow(clippy::panic, clippy::unwrap_used, reason = "what does not hold ends the test")]

use de_core::mapping::{AuthScheme, PayloadMapping, ProviderRules};
use serde_json::Value;

const PAGE: &str = include_str!("../../../docs/payload-mapping.md");

/// The page's blocks of JSON that are a mapping, alone or in a model config.
fn mappings() -> Vec<Value> {
    let blocks = PAGE.split("```json\n").skip(1).filter_map(|rest| rest.split("```").next());
    let values = blocks.map(|block| {
        let value: Value =
            serde_json::from_str(block).unwrap_or_else(|err| panic!("{err}: {block}"));
        value.get("payload_mapping").cloned().unwrap_or(value)
    });
    values.collect()
}

#[test]
fn every_mapping_of_the_page_parses_and_its_examples_hold() {
    let provider = ProviderRules {
        allowed_hosts: Vec::new(),
        auth: AuthScheme::Bearer,
        base_url: "https://api.acme.example/v1".parse().unwrap(),
        mapping_sees_key: false,
    };
    let mappings = mappings();
    assert!(mappings.len() >= 5, "{}", mappings.len());
    for mapping in mappings {
        let parsed = PayloadMapping::parse(&mapping, &provider);
        let parsed = parsed.unwrap_or_else(|issues| panic!("{issues:#?} in {mapping:#}"));
        assert_eq!(parsed.check_examples(), [], "{mapping:#}");
    }
}
