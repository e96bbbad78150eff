//! Files that are read, and files that are not.

use serde_json::{Value, json};

use super::{Source, Tenant};

#[track_caller]
fn wrong(document: &Value) -> Vec<(String, String)> {
    let issues = Tenant::parse(&document.to_string()).unwrap_err();
    issues.into_iter().map(|issue| (issue.pointer, issue.reason)).collect()
}

#[test]
fn everything_that_is_wrong_is_told_at_once_and_by_its_place() {
    let document = json!({
        "format_version": 2,
        "organization": {"name": " ", "limits": {"requests_per_minute": -1, "rpm": 3}},
        "models": [{"model_id": "a"}],
        "users": [{"email": "a@example.com", "role": "boss"}, {"email": "A@example.com"}],
        "instances": [{
            "name": "Shop", "environment": "prod", "retention_days": 0,
            "grants": [{"email": "a@example.com", "role": "king"}],
            "budgets": [
                {"period": "day", "amount_micros": 1.5},
                {"period": "day", "amount_micros": 1, "alerts": [0]}
            ],
            "projects": [{"name": "P", "api_keys": [
                {"name": "k", "scopes": ["text", "fly"], "expires_at": "tomorrow"},
                {"name": "k", "scopes": "text", "allowed_addresses": ["here"]}
            ]}]
        }],
        "tenants": []
    });
    let pointers: Vec<String> = wrong(&document).into_iter().map(|(pointer, _)| pointer).collect();
    for expected in [
        "/format_version",
        "/organization/name",
        "/organization/limits/requests_per_minute",
        "/organization/limits/rpm",
        "/users/0/role",
        "/users/1/email",
        "/instances/0/environment",
        "/instances/0/retention_days",
        "/instances/0/grants/0/role",
        "/instances/0/budgets/0/amount_micros",
        "/instances/0/budgets/1/alerts",
        "/instances/0/budgets/1/period",
        "/instances/0/projects/0/api_keys/0/scopes",
        "/instances/0/projects/0/api_keys/0/expires_at",
        "/instances/0/projects/0/api_keys/1/scopes",
        "/instances/0/projects/0/api_keys/1/allowed_addresses",
        "/instances/0/projects/0/api_keys/1/name",
        "/tenants",
    ] {
        assert!(pointers.iter().any(|pointer| pointer == expected), "{expected}: {pointers:#?}");
    }
    assert!(pointers.iter().any(|pointer| pointer.starts_with("/models/0/")), "{pointers:#?}");
}

#[test]
fn a_key_that_stands_in_a_file_is_refused_and_not_repeated() {
    for told in [json!("sk-secret"), json!({"secret": "sk-secret"}), json!({"env": "sk-secret"})] {
        let document = json!({
            "format_version": 1, "organization": {"name": "A"},
            "instances": [{"name": "I", "provider_keys": {"openai": told}}]
        });
        let issues = wrong(&document);
        assert_eq!(issues.len(), 1);
        assert_eq!(issues[0].0, "/instances/0/provider_keys/openai");
        assert!(!issues[0].1.contains("sk-secret"), "{}", issues[0].1);
    }
}

#[test]
fn what_is_read_is_as_the_gateway_shows_it() {
    let document = json!({
        "format_version": 1,
        "organization": {"name": "A", "time_zone": null},
        "users": [{"email": "Ada@Example.com"}],
        "instances": [{
            "name": "I", "environment": "production", "allowed_origins": null,
            "provider_keys": {"a": {"env": "A_KEY"}, "b": {"stdin": "B_KEY"}, "c": {}},
            "projects": [{"name": "P", "api_keys": [{
                "name": "k", "scopes": ["text", "text"], "expires_at": "2099-01-01T00:00:00Z",
                "allowed_addresses": ["2001:DB8:0::1"]
            }]}]
        }]
    });
    let tenant = Tenant::parse(&document.to_string()).unwrap();
    assert_eq!(tenant.organization.row.fields["time_zone"], "UTC");
    assert_eq!(tenant.users[0].row.fields["email"], "ada@example.com");
    let instance = &tenant.instances[0];
    assert_eq!(instance.row.fields["allowed_origins"], json!([]));
    let sources: Vec<Option<Source>> =
        instance.provider_keys.iter().map(|key| key.source.clone()).collect();
    let environment = Source::Environment("A_KEY".to_owned());
    let input = Source::StandardInput("B_KEY".to_owned());
    assert_eq!(sources, [Some(environment), Some(input), None]);
    let key = &instance.projects[0].api_keys[0].row.fields;
    assert_eq!(key["scopes"], json!(["text"]));
    assert_eq!(key["expires_at"], "2099-01-01T00:00:00.000Z");
    assert_eq!(key["allowed_addresses"], json!(["2001:db8::1"]));
}

#[test]
fn a_text_that_is_no_json_says_where() {
    let issues = Tenant::parse("{\"a\": 1,\n}").unwrap_err();
    assert!(issues[0].reason.contains("line 2"), "{}", issues[0].reason);
}

#[test]
fn the_example_is_a_whole_file() {
    let text = include_str!("../../../../docs/instances.example.json");
    let tenant = Tenant::parse(text).unwrap_or_else(|issues| panic!("{issues:#?}"));
    assert_eq!(tenant.instances[0].projects[0].api_keys.len(), 1);
}
