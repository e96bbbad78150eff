//! Values that several bodies hold, with their limits.

use de_core::webhooks::EventType;
use serde_json::json;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, schema::Type},
};

/// Text that is not blank and holds no control characters.
const LINE: &str = "^[^\\u0000-\\u001f\\u007f-\\u009f]*[^\\s\\u0000-\\u001f\\u007f-\\u009f][^\\u0000-\\u001f\\u007f-\\u009f]*$";

/// A kind of text.
macro_rules! text {
    ($($name:ident: $pattern:expr, $most:literal, $example:expr, $doc:literal;)+) => {$(
        #[doc = $doc]
        pub(crate) struct $name;

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                ObjectBuilder::new()
                    .schema_type(Type::String)
                    .min_length(Some(1))
                    .max_length(Some($most))
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
    Description: "\\S", 2_000, "What it is for.", "Text for people, at most 2,000 characters; lines may end in it.";
    EmailDomain: "^[A-Za-z0-9-]+(\\.[A-Za-z0-9-]+)+$", 253, "example.com", "A domain of e-mail addresses.";
    EmailAddress: "^[^@ \\u0000-\\u001f\\u007f-\\u009f]+@[^@ .\\u0000-\\u001f\\u007f-\\u009f]+(\\.[^@ .\\u0000-\\u001f\\u007f-\\u009f]+)+$", 320, "bills@example.com", "An e-mail address, at most 320 characters.";
    IpAddress: "^[0-9A-Fa-f:.]+$", 45, "203.0.113.7", "An address of version 4 or 6, at most 45 characters.";
    Name: LINE, 200, "Search", "Text of one line for people, at most 200 characters.";
    Origin: "^https?://[a-z0-9.-]+(:[0-9]+)?$", 255, "https://app.example.com", "An origin of pages, as browsers send it: no path, and no port that goes without saying.";
    ReceiverUrl: "^https?://", 2_000, "https://shop.example.com/hooks/electrons", "An https address of a public host, at most 2,000 characters, written as it is meant.";
    TimeZone: "^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z][A-Za-z0-9_+-]*)*$", 64, "Europe/Berlin", "The IANA name of a time zone.";
}

/// How much a limit or a budget allows.
pub(crate) struct LimitAmount;

impl PartialSchema for LimitAmount {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::Integer)
            .minimum(Some(0))
            .maximum(Some(crate::scoped::MOST))
            .description(Some("How much is allowed; 0 lets nothing through."))
            .examples([600])
            .build()
            .into()
    }
}

impl ToSchema for LimitAmount {}

/// Words of which a field has one.
macro_rules! words {
    ($($name:ident: $words:expr, $doc:literal;)+) => {$(
        #[doc = $doc]
        pub(crate) struct $name;

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                ObjectBuilder::new()
                    .schema_type(Type::String)
                    .enum_values(Some($words.map(|word| json!(word))))
                    .description(Some($doc))
                    .build()
                    .into()
            }
        }

        impl ToSchema for $name {}
    )+};
}

words! {
    BudgetPeriod: crate::budgets::PERIODS, "How long a budget lasts: by the calendar of the organization's time zone, weeks from Monday, or for ever.";
    Environment: crate::instances::ENVIRONMENTS, "What an instance is for. Test keys are refused in production.";
    GrantRole: crate::grants::ROLES, "What a person may do on an instance.";
    LimitScope: crate::scoped::SCOPES, "What limits and budgets hold for. Models and providers are meant within an instance.";
    MaxTokensField: ["max_completion_tokens", "max_tokens"], "The member that bounds the output.";
    OnLimiterFailure: crate::instances::ON_LIMITER_FAILURE, "What happens to calls when the Limiter does not answer.";
    Role: crate::users::ROLES, "What a person is: `admin` administers the organization, `superadmin` operates the service.";
    SeedField: ["random_seed", "seed"], "The member that seeds the sampling.";
    WebhookEvent: EventType::SUBSCRIBABLE.map(EventType::as_str), "What can be told to a webhook.";
}
