//! `/v1/api-keys`, described.

use std::collections::BTreeSet;

use de_core::{
    auth::Scope,
    ids::{ApiKeyId, InstanceId, ModelId, ProjectId, UserId},
    openapi::{
        document::Tag,
        operation::{Answer, Operation},
        shape::Shape,
    },
    store::api_keys::KeyStatus,
    time::Timestamp,
};
use http::Method;
use serde_json::json;
use utoipa::ToSchema;

use super::{
    Kind,
    values::{IpAddress, Name, Origin},
};
use crate::api_keys::ApiKeyShown;

pub(super) const TAG: Tag = Tag { about: "Keys of programs and persons.", name: "api-keys" };

const KIND: Kind = Kind {
    ids: ["getApiKey", "createApiKey", "updateApiKey", "revokeApiKey", "listApiKeys"],
    one: "an API key",
    many: "API keys",
    path: "/v1/api-keys",
};

/// A new key, of one project or of one person.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes what the handler reads")]
struct NewApiKey {
    /// Whose it is, if a project's; fixed from then on.
    project_id: Option<ProjectId>,
    /// Whose it is, if a person's; fixed from then on.
    user_id: Option<UserId>,
    /// For people.
    name: Option<Name>,
    /// What it may be used for. Only a person's key opens the control plane.
    #[schema(min_items = 1, max_items = 100)]
    scopes: BTreeSet<Scope>,
    /// Models that it may call; null: all.
    #[schema(max_items = 100)]
    allowed_models: Option<BTreeSet<ModelId>>,
    /// Origins of pages that may use it, and read its answers; empty: any may use it.
    #[schema(max_items = 100)]
    allowed_origins: Option<BTreeSet<Origin>>,
    /// Addresses that may use it; empty: any.
    #[schema(max_items = 100)]
    allowed_addresses: Option<BTreeSet<IpAddress>>,
    /// Not good from then on; null: it does not end.
    expires_at: Option<Timestamp>,
}

/// Changes of a key.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes what the handler reads")]
struct ApiKeyChanges {
    /// For people; null: none.
    name: Option<Name>,
    /// What it may be used for. Only a person's key opens the control plane.
    #[schema(nullable = false, min_items = 1, max_items = 100)]
    scopes: Option<BTreeSet<Scope>>,
    /// Models that it may call; null: all.
    #[schema(max_items = 100)]
    allowed_models: Option<BTreeSet<ModelId>>,
    /// Origins of pages that may use it, and read its answers; null: any may use it.
    #[schema(max_items = 100)]
    allowed_origins: Option<BTreeSet<Origin>>,
    /// Addresses that may use it; null: any.
    #[schema(max_items = 100)]
    allowed_addresses: Option<BTreeSet<IpAddress>>,
    /// Not good from then on; null: it does not end.
    expires_at: Option<Timestamp>,
}

/// How a key is rotated.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes what the handler reads")]
struct ApiKeyRotation {
    /// For how many seconds the old key lives on, at most 30 days; 0 unless given: it ends at once.
    #[schema(minimum = 0, maximum = 2_592_000)]
    overlap_s: Option<i64>,
}

/// A key with its secret, which no other answer shows.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the handler writes")]
struct NewSecret {
    /// The whole key, this once.
    secret: String,
}

/// A key that takes over from another one, with its secret, which no other answer shows.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the handler writes")]
struct Replacement {
    /// The whole key, this once.
    secret: String,
    /// The old key, as it is now.
    replaces: ApiKeyShown,
}

pub(super) fn operations() -> Vec<Operation> {
    let row = Shape::shown::<ApiKeyShown>;
    let list = KIND
        .list(row().page("ApiKeyList"))
        .query("project_id", Shape::of::<ProjectId>(), "Only those of this project.")
        .query("user_id", Shape::of::<UserId>(), "Only those of this person.")
        .query("instance_id", Shape::of::<InstanceId>(), "Only those of projects of this instance.")
        .query(
            "status",
            Shape::plain(json!({"type": "string", "enum": KeyStatus::WORDS})),
            "Only those that open something now, or do not, and why.",
        )
        .query(
            "expires_before",
            Shape::plain(
                json!({"type": "string", "examples": ["2026-12-01T00:00:00Z", "2026-12-01"]}),
            ),
            "Only those that end before then, or have ended; a date is its first moment in UTC.",
        )
        .query(
            "q",
            Shape::plain(json!({"type": "string", "minLength": 1, "maxLength": 200})),
            "Only those whose name or id has this in it, or whose last four characters it is.",
        );
    let create = KIND
        .create(
            Shape::of::<NewApiKey>(),
            json!({
                "project_id": "proj_dev",
                "name": "Web shop",
                "scopes": ["text"],
                "allowed_models": ["gpt-4o-mini"],
                "expires_at": "2027-11-25T00:00:00Z",
            }),
            row().with::<NewSecret>("ApiKeyWithSecret"),
        )
        .notes("The secret is in this answer, and nowhere else.");
    let revoke = Operation::new(
        Method::DELETE,
        "/v1/api-keys/{id}",
        "revokeApiKey",
        "Revokes an API key",
    )
    .notes("Its row stays, with `revoked_at`. Nothing is admitted with it once this has answered.")
    .id::<ApiKeyId>("id", "Its id.")
    .guarded()
    .changes()
    .answers(Answer::empty(204, "It is revoked."));
    let replaced = Answer::json(201, "It is made.", row().with::<Replacement>("ApiKeyReplacement"));
    let rotate = Operation::new(
        Method::POST,
        "/v1/api-keys/{id}/rotate",
        "rotateApiKey",
        "Makes a key that takes over from another one",
    )
    .notes("It has the rights and limits of the old one.")
    .id::<ApiKeyId>("id", "The id of the old one.")
    .guarded()
    .once()
    .changes()
    .body(Shape::of::<ApiKeyRotation>(), json!({"overlap_s": 600}))
    .answers(replaced.headers(&["ETag", "Location", "Idempotency-Replayed"]));
    vec![
        list,
        create,
        KIND.read::<ApiKeyId>(row()),
        KIND.update::<ApiKeyId>(
            Shape::of::<ApiKeyChanges>(),
            json!({"name": "Web shop, Europe", "allowed_origins": ["https://shop.example.com"]}),
            row(),
        ),
        rotate,
        revoke,
    ]
}
