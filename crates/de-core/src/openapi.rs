//! The description of the API. On the host only: it is made there, and served as a file.
//!
//! Operations are described beside their handlers, each as an [`operation::Operation`]; a
//! [`document::Document`] is all of them. Schemas come from the types themselves by `utoipa`; how ids, times
//! and words stand in them is here.
//!
//! Follows <https://spec.openapis.org/oas/v3.1.1.html>.

mod calls;
pub mod document;
mod failures;
mod headers;
pub mod health;
pub mod operation;
pub mod shape;

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        ObjectBuilder, RefOr, Schema, SchemaFormat,
        schema::{KnownFormat, Type},
    },
};

use crate::{
    auth::Scope,
    ids::{
        ApiKeyId, AssetId, DeliveryId, InstanceId, JobId, ModelId, OrganizationId, ProjectId,
        ProviderId, ReceiptId, RequestId, SessionId, UserId, WebhookId,
    },
    media::MediaKind,
    model::{Date, ErrorClass, Modality, OnUnsupported, Protocol, Status, Sticky},
    store::{
        Activity,
        webhooks::{WebhookStatus, deliveries::DeliveryState},
    },
    time::Timestamp,
};

/// A type that is text of a form.
macro_rules! text {
    ($($name:ident: $pattern:literal, $example:literal, $doc:literal;)+) => {$(
        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                ObjectBuilder::new()
                    .schema_type(Type::String)
                    .pattern(Some($pattern))
                    .description(Some($doc))
                    .examples([$example])
                    .build()
                    .into()
            }
        }

        impl ToSchema for $name {}
    )+};
}

text! {
    ApiKeyId: "^key_[A-Za-z0-9-]{1,64}$", "key_5Xk2mQ9vT3bWc8LhN4pRzA", "The id of an API key.";
    AssetId: "^asset_[A-Za-z0-9-]{1,64}$", "asset_019ab0c7d3f87c1e9a4b2c6d8e0f1a2b", "The id of an asset.";
    DeliveryId: "^msg_[A-Za-z0-9-]{1,64}$", "msg_019ab0c7d3f87c1e9a4b2c6d8e0f1a2b", "The id of a message to a webhook.";
    InstanceId: "^inst_[A-Za-z0-9-]{1,64}$", "inst_dev", "The id of an instance.";
    JobId: "^job_[A-Za-z0-9-]{1,64}$", "job_019ab0c7d3f87c1e9a4b2c6d8e0f1a2b", "The id of a job.";
    ModelId: "^[a-z0-9][a-z0-9._:/-]{0,99}$", "gpt-4o-mini", "The id of a model.";
    OrganizationId: "^org_[A-Za-z0-9-]{1,64}$", "org_dev", "The id of an organization.";
    ProjectId: "^proj_[A-Za-z0-9-]{1,64}$", "proj_dev", "The id of a project.";
    ProviderId: "^[a-z0-9][a-z0-9-]{0,49}$", "openai", "The id of a provider.";
    ReceiptId: "^rcpt_[A-Za-z0-9-]{1,64}$", "rcpt_019ab0c7d3f87c1e9a4b2c6d8e0f1a2b", "The id of a receipt.";
    RequestId: "^[A-Za-z0-9._-]{1,128}$", "019ab0c7-d3f8-7c1e-9a4b-2c6d8e0f1a2b", "The id of a request.";
    SessionId: "^sess_[A-Za-z0-9-]{1,64}$", "sess_019ab0c7d3f87c1e9a4b2c6d8e0f1a2b", "The id of a log-in.";
    UserId: "^user_[A-Za-z0-9-]{1,64}$", "user_dev", "The id of a person.";
    WebhookId: "^whk_[A-Za-z0-9-]{1,64}$", "whk_019ab0c7d3f87c1e9a4b2c6d8e0f1a2b", "The id of a webhook.";
}

/// A type that is one of some words.
macro_rules! words {
    ($($name:ident: $doc:literal;)+) => {$(
        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                ObjectBuilder::new()
                    .schema_type(Type::String)
                    .description(Some($doc))
                    .enum_values(Some($name::ALL.iter().map(|word| word.as_str())))
                    .build()
                    .into()
            }
        }

        impl ToSchema for $name {}
    )+};
}

words! {
    Activity: "Whether it may act: the keys of what is suspended are refused.";
    DeliveryState: "How far a message to a webhook is.";
    ErrorClass: "What kind of failure a try came to.";
    MediaKind: "What an asset is.";
    Modality: "What a model makes.";
    OnUnsupported: "What happens to what a model cannot do.";
    Protocol: "How a vendor is spoken to.";
    Scope: "What a key may be used for.";
    Status: "Whether a model may be called.";
    Sticky: "What calls have in common that go to the same model.";
    WebhookStatus: "Whether a webhook is told anything.";
}

impl PartialSchema for Timestamp {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .description(Some("RFC 3339 in UTC with milliseconds."))
            .examples(["2026-11-25T15:49:36.120Z"])
            .build()
            .into()
    }
}

impl ToSchema for Timestamp {}

impl PartialSchema for Date {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Date)))
            .description(Some("A day of the calendar."))
            .examples(["2027-01-14"])
            .build()
            .into()
    }
}

impl ToSchema for Date {}
