//! `/v1/providers`, described.

use std::collections::{BTreeMap, BTreeSet};

use de_core::{
    ids::{OrganizationId, ProviderId},
    openapi::{document::Tag, operation::Operation, shape::Shape},
    store::providers::{KeyTest, ProviderAuth},
};
use serde_json::json;
use utoipa::ToSchema;

use super::{
    Kind,
    values::{MaxTokensField, Name, SeedField},
};
use crate::providers::Provider;

pub(super) const TAG: Tag =
    Tag { about: "Where vendors live, and where their keys may go.", name: "providers" };

const KIND: Kind = Kind {
    ids: ["getProvider", "createProvider", "updateProvider", "deleteProvider", "listProviders"],
    one: "a provider",
    many: "providers",
    path: "/v1/providers",
};

/// Where hosts of one protocol differ.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes what the handler reads")]
struct ProtocolDefaults {
    /// Whether a mapping may say itself where the key goes.
    #[schema(nullable = false)]
    mapping_sees_key: Option<bool>,
    /// How the output bound is called.
    #[schema(nullable = false)]
    max_tokens_field: Option<MaxTokensField>,
    /// How the seed is called.
    #[schema(nullable = false)]
    seed_field: Option<SeedField>,
    /// Whether the host takes `user`.
    #[schema(nullable = false)]
    takes_user: Option<bool>,
}

/// A new provider.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes what the handler reads")]
struct NewProvider {
    /// What models and keys call it; fixed from then on.
    id: ProviderId,
    /// Whose it is: null is the shared catalogue for who operates the service, else one's own organization.
    organization_id: Option<OrganizationId>,
    /// For people.
    display_name: Name,
    /// Where its paths begin: https, port 443, a public name.
    #[schema(min_length = 1, max_length = 500)]
    base_url: String,
    /// Hosts beside that of `base_url` which may get its key.
    #[schema(max_items = 100)]
    allowed_hosts: Option<BTreeSet<String>>,
    /// How it wants its key.
    auth: ProviderAuth,
    /// Sent with every call, unless the protocol sets the same one; at most 20. Never a key.
    headers: Option<BTreeMap<String, String>>,
    /// Where hosts of one protocol differ.
    protocol_defaults: Option<ProtocolDefaults>,
    /// The cheap call that tells whether the vendor takes a key.
    key_test: Option<KeyTest>,
}

/// Changes of a provider.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes what the handler reads")]
struct ProviderChanges {
    /// For people.
    #[schema(nullable = false)]
    display_name: Option<Name>,
    /// Where its paths begin: https, port 443, a public name.
    #[schema(nullable = false, min_length = 1, max_length = 500)]
    base_url: Option<String>,
    /// Hosts beside that of `base_url` which may get its key; null: none.
    #[schema(max_items = 100)]
    allowed_hosts: Option<BTreeSet<String>>,
    /// How it wants its key. The whole is replaced.
    #[schema(nullable = false)]
    auth: Option<ProviderAuth>,
    /// Sent with every call, unless the protocol sets the same one; null: none. The whole is replaced.
    headers: Option<BTreeMap<String, String>>,
    /// Where hosts of one protocol differ; null: nowhere. The whole is replaced.
    protocol_defaults: Option<ProtocolDefaults>,
    /// The cheap call that tells whether the vendor takes a key; null: there is none.
    key_test: Option<KeyTest>,
}

pub(super) fn operations() -> Vec<Operation> {
    // What a test is asked by and the prefix of a key may be absent.
    let row = Shape::of::<Provider>;
    let owner = Shape::plain(json!({"type": "string", "enum": ["own", "shared"]}));
    let list = of_organization(KIND.list(row().page("ProviderList")))
        .query("owner", owner, "Only the organization's own, or only the shared ones.")
        .notes("By id: the shared ones, and one's own organization's.");
    let create = KIND.create(
        Shape::of::<NewProvider>(),
        json!({
            "id": "example",
            "display_name": "Example",
            "base_url": "https://api.example.com/v1",
            "auth": {"kind": "header", "name": "x-example-key"},
            "protocol_defaults": {"max_tokens_field": "max_tokens"},
            "key_test": {"path": "/models"},
        }),
        row(),
    );
    let update = KIND.update::<ProviderId>(
        Shape::of::<ProviderChanges>(),
        json!({"display_name": "Example, Europe", "allowed_hosts": ["eu.api.example.com"]}),
        row(),
    );
    vec![
        list,
        create,
        of_organization(KIND.read::<ProviderId>(row())),
        of_organization(update),
        of_organization(KIND.delete::<ProviderId>()).notes(
            "Refused while models or keys hang on it, unless `cascade` says that they shall go too; then too \
             while other models fall back to one of its models, or instances have one as a default.",
        ),
    ]
}

/// `?organization_id=`, where who operates the service would else mean what is shared.
pub(super) fn of_organization(operation: Operation) -> Operation {
    operation.query(
        "organization_id",
        Shape::of::<OrganizationId>(),
        "Whose is meant; else what is shared for who operates the service, and for others their own before it.",
    )
}
