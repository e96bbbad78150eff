//! `/v1/webhooks`, described.

use std::collections::BTreeSet;

use de_core::{
    http::error::Code,
    ids::{DeliveryId, InstanceId, OrganizationId, WebhookId},
    openapi::{
        document::Tag,
        operation::{Answer, Operation},
        shape::Shape,
    },
    store::webhooks::{WebhookStatus, deliveries::DeliveryState},
};
use http::Method;
use serde_json::json;
use utoipa::ToSchema;

use super::{
    Kind,
    values::{Description, ReceiverUrl, WebhookEvent},
};
use crate::webhooks::{Delivery, Webhook};

pub(super) const TAG: Tag =
    Tag { about: "Who is told of events, and what they were told.", name: "webhooks" };

const KIND: Kind = Kind {
    ids: ["getWebhook", "createWebhook", "updateWebhook", "deleteWebhook", "listWebhooks"],
    one: "a webhook",
    many: "webhooks",
    path: "/v1/webhooks",
};

/// A new webhook: of an organization with all its instances, or of one instance.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes what the handler reads")]
struct NewWebhook {
    /// Whose it is; needed unless an instance is named. Fixed from then on.
    organization_id: Option<OrganizationId>,
    /// The instance that it hears of; null: every one of the organization. Fixed from then on.
    instance_id: Option<InstanceId>,
    /// Where messages go.
    url: ReceiverUrl,
    /// What it is told of.
    #[schema(min_items = 1)]
    events: BTreeSet<WebhookEvent>,
    /// For people.
    description: Option<Description>,
    /// Whether it is told anything; `active` unless given.
    status: Option<WebhookStatus>,
}

/// Changes of a webhook.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes what the handler reads")]
struct WebhookChanges {
    /// Where messages go, those too that wait already.
    #[schema(nullable = false)]
    url: Option<ReceiverUrl>,
    /// What it is told of from then on.
    #[schema(nullable = false, min_items = 1)]
    events: Option<BTreeSet<WebhookEvent>>,
    /// For people; null: none.
    description: Option<Description>,
    /// Whether it is told anything; null: `active`. What waits for one that is disabled is given up.
    status: Option<WebhookStatus>,
}

/// How a secret is rotated.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes what the handler reads")]
struct WebhookRotation {
    /// For how many seconds the old secret signs too, at most 7 days; a day unless given.
    #[schema(minimum = 0, maximum = 604_800)]
    overlap_s: Option<i64>,
}

/// A webhook with its secret, which no other answer shows.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the handler writes")]
struct NewWebhookSecret {
    /// What messages are signed with, this once: `whsec_` and base64.
    secret: String,
}

pub(super) fn operations() -> Vec<Operation> {
    let row = Shape::shown::<Webhook>;
    let with_secret = || row().with::<NewWebhookSecret>("WebhookWithSecret");
    let list = KIND
        .list(row().page("WebhookList"))
        .query("organization_id", Shape::of::<OrganizationId>(), "Only those of this organization.")
        .query("instance_id", Shape::of::<InstanceId>(), "Only those of this instance.")
        .query("status", Shape::of::<WebhookStatus>(), "Only those that are so.");
    let create = KIND
        .create(
            Shape::of::<NewWebhook>(),
            json!({
                "instance_id": "inst_dev",
                "url": "https://shop.example.com/hooks/electrons",
                "events": ["job.failed", "job.succeeded"],
                "description": "Puts finished pictures into the shop.",
            }),
            with_secret(),
        )
        .notes("The secret is in this answer, and nowhere else. An organization has at most 50 webhooks.");
    let delete =
        Operation::new(Method::DELETE, "/v1/webhooks/{id}", "deleteWebhook", "Deletes a webhook")
            .notes("With what it was told, and what still waits.")
            .id::<WebhookId>("id", "Its id.")
            .guarded()
            .changes()
            .answers(Answer::empty(204, "It is gone."));
    let rotated = Answer::json(201, "It has a new secret.", with_secret());
    let rotate = Operation::new(
        Method::POST,
        "/v1/webhooks/{id}/rotate",
        "rotateWebhook",
        "Gives a webhook a new secret",
    )
    .notes("Messages have a signature of each secret that signs.")
    .id::<WebhookId>("id", "Its id.")
    .guarded()
    .once()
    .changes()
    .body(Shape::of::<WebhookRotation>(), json!({"overlap_s": 3600}))
    .answers(rotated.headers(&["ETag", "Location", "Idempotency-Replayed"]));
    let mut all = vec![
        list,
        create,
        KIND.read::<WebhookId>(row()),
        KIND.update::<WebhookId>(
            Shape::of::<WebhookChanges>(),
            json!({"events": ["job.cancelled", "job.failed", "job.succeeded"]}),
            row(),
        ),
        rotate,
    ];
    all.extend(deliveries());
    all.push(delete);
    all
}

fn deliveries() -> [Operation; 3] {
    let row = Shape::shown::<Delivery>;
    let test = Operation::new(
        Method::POST,
        "/v1/webhooks/{id}/test",
        "testWebhook",
        "Sends a webhook a message of the type `webhook.test`",
    )
    .notes(
        "It is tried once. That the receiver refuses is an answer. `Idempotency-Key` is refused.",
    )
    .id::<WebhookId>("id", "Its id.")
    .without_body()
    .fails(&[Code::Conflict])
    .answers(Answer::json(200, "What came of it.", row()));
    let list = Operation::new(
        Method::GET,
        "/v1/webhooks/{id}/deliveries",
        "listDeliveries",
        "Lists what a webhook was told",
    )
    .notes("The newest first, for 30 days.")
    .id::<WebhookId>("id", "Its id.")
    .query("state", Shape::of::<DeliveryState>(), "Only those that are so.")
    .paged()
    .answers(Answer::json(200, "A page.", row().page("DeliveryList")));
    let redeliver = Operation::new(
        Method::POST,
        "/v1/webhooks/{id}/deliveries/{delivery_id}/redeliver",
        "redeliver",
        "Tells a webhook again",
    )
    .notes(
        "The same message under the same id, at once and with all tries anew, whatever became of it before. Answers \
         what came of the first of them. `Idempotency-Key` is refused.",
    )
    .id::<WebhookId>("id", "The id of the webhook.")
    .id::<DeliveryId>("delivery_id", "The id of the delivery.")
    .without_body()
    .fails(&[Code::Conflict])
    .answers(Answer::json(200, "What came of the first try.", row()));
    [test, list, redeliver]
}
