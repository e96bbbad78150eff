//! Webhooks and their messages.

use de_core::{
    ids::{DeliveryId, InstanceId, OrganizationId, UserId, WebhookId},
    ports::Statement,
    store::{
        Viewer,
        pages::PageQuery,
        webhooks::{
            self, OldWebhook, WebhookQuery, WebhookRow, WebhookStatus,
            deliveries::{
                self, AttemptRow, Claim, DeliveryState, NewCallback, NewMessage, OldCallback,
                Settled,
            },
        },
    },
};

use crate::NOW;

/// What webhooks are read and changed by.
pub(super) fn hooks() -> Vec<Statement> {
    let organization = OrganizationId::parse("org_1").unwrap();
    let instance = InstanceId::parse("inst_1").unwrap();
    let user = UserId::parse("user_1").unwrap();
    let webhook = WebhookId::parse("whk_1").unwrap();
    let row = WebhookRow {
        created_at: NOW,
        description: None,
        events: vec!["job.failed".to_owned()],
        grant_role: None,
        id: webhook.clone(),
        instance_id: Some(instance.clone()),
        organization_id: organization.clone(),
        previous_sealed: None,
        previous_until: None,
        sealed: "v1.a.b".to_owned(),
        status: WebhookStatus::Active,
        updated_at: NOW,
        url: "https://example.com/".to_owned(),
    };
    let old =
        OldWebhook { id: webhook.clone(), previous_sealed: None, sealed: "v1.a.b".to_owned() };
    let mut all = vec![
        webhooks::find(&webhook, Some(&user)),
        webhooks::count(&organization),
        webhooks::delete(&webhook),
        webhooks::disable(&webhook, NOW),
        webhooks::unchanged("audit_1", &webhook, NOW),
        webhooks::older(2),
        webhooks::count_older(2),
        webhooks::reseal(&old, "v2.a.b", None),
    ];
    all.extend(webhooks::insert(&row));
    all.extend(webhooks::update(&row));
    let person = Viewer::Person { organization: Some(&organization), user: &user };
    for viewer in [Viewer::Everything, person] {
        for (organization, instance) in [
            (None, None),
            (Some(&organization), None),
            (None, Some(&instance)),
            (Some(&organization), Some(&instance)),
        ] {
            let page = PageQuery { after: Some("a".to_owned()), limit: 2 };
            let status = Some(WebhookStatus::Active);
            all.push(webhooks::list(
                &WebhookQuery { instance, organization, page, status },
                viewer,
            ));
        }
    }
    all
}

/// What their messages are.
pub(super) fn messages() -> Vec<Statement> {
    let organization = OrganizationId::parse("org_1").unwrap();
    let instance = InstanceId::parse("inst_1").unwrap();
    let webhook = WebhookId::parse("whk_1").unwrap();
    let id = DeliveryId::parse("msg_1").unwrap();
    let message = NewMessage {
        event_type: "job.failed",
        instance: &instance,
        key: "k",
        now: NOW,
        organization: &organization,
        payload: "{}",
    };
    let callback = NewCallback { message, sealed: "v1.a.b", url: "https://example.com/" };
    let claim = Claim { now: NOW, token: "t", until: NOW.plus(1) };
    let attempt = AttemptRow { at: NOW, duration_ms: 1, error: None, number: 1, status: Some(200) };
    let settled = Settled {
        error: None,
        next_attempt_at: None,
        now: NOW,
        state: DeliveryState::Delivered,
        status: Some(200),
        was_tried: true,
    };
    let old = OldCallback {
        id: id.clone(),
        organization_id: organization.clone(),
        sealed: "v1.a.b".to_owned(),
        url: "https://example.com/".to_owned(),
    };
    let mut all = vec![
        deliveries::publish(&message),
        deliveries::call_back(&callback),
        deliveries::insert_for(&webhook, &id, "webhook.test", "{}", NOW),
        deliveries::claim_due(claim, 5),
        deliveries::claim_one(claim, &id),
        deliveries::claimed("t"),
        deliveries::settle(&id, "t", &settled),
        deliveries::find(&webhook, &id),
        deliveries::restart(&id, NOW),
        deliveries::restartable("audit_1", &id, NOW),
        deliveries::older(2),
        deliveries::count_older(2),
        deliveries::reseal(&old, "v2.a.b"),
    ];
    all.extend(deliveries::note_attempt(&id, "t", &attempt));
    for state in [None, Some(DeliveryState::Failed)] {
        for after in [None, Some("1/msg_1".to_owned())] {
            all.push(deliveries::list(&webhook, state, &PageQuery { after, limit: 2 }));
        }
    }
    all
}
