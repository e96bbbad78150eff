//! Webhooks: who is told what. Their secrets rest sealed; nothing here opens them.

pub mod deliveries;

use serde::Deserialize;

use super::{Viewer, grants::grant_on, json_arg, json_text, pages::PageQuery, statement};
use crate::{
    ids::{InstanceId, OrganizationId, UserId, WebhookId},
    ports::{Arg, Statement},
    time::UnixMillis,
};

macro_rules! columns {
    () => {
        "h.id, h.organization_id, h.instance_id, h.url, h.description, h.sealed, h.previous_sealed,
         h.previous_until, h.status, h.created_at, h.updated_at,
         (SELECT json_group_array(e.event_type) FROM webhook_events AS e WHERE e.webhook_id = h.id) AS events"
    };
}

/// The most webhooks of an organization: each event is told to all that subscribe to it.
pub const MOST: u64 = 50;

/// Whether a webhook is told anything.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum WebhookStatus {
    /// Yes.
    Active,
    /// No: someone said so, or the receiver did.
    Disabled,
}

impl WebhookStatus {
    /// All of them; the first is the usual one.
    pub const ALL: [Self; 2] = [Self::Active, Self::Disabled];

    /// As it stands in rows and replies.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
        }
    }

    /// Reads the word of a request.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == word)
    }
}

/// A webhook.
#[derive(Clone, Debug, Deserialize)]
pub struct WebhookRow {
    /// When it was made.
    pub created_at: UnixMillis,
    /// For people.
    pub description: Option<String>,
    /// What it subscribes to. Words that a later version wrote may be among them.
    #[serde(deserialize_with = "json_text")]
    pub events: Vec<String>,
    /// The viewer's grant on its instance, where the query asks for one.
    #[serde(default)]
    pub grant_role: Option<String>,
    /// Its id.
    pub id: WebhookId,
    /// The instance that it hears of; absent: every one of the organization.
    pub instance_id: Option<InstanceId>,
    /// Whose it is.
    pub organization_id: OrganizationId,
    /// The secret before this one, sealed.
    pub previous_sealed: Option<String>,
    /// Until when that signs too.
    pub previous_until: Option<UnixMillis>,
    /// What signs, sealed.
    pub sealed: String,
    /// Whether it is told anything.
    pub status: WebhookStatus,
    /// When it was last changed; moves on with each change.
    pub updated_at: UnixMillis,
    /// Where it lives.
    pub url: String,
}

/// Finds one, with the grant that `user` has on its instance: at most one [`WebhookRow`].
#[must_use]
pub fn find(id: &WebhookId, user: Option<&UserId>) -> Statement {
    statement(
        concat!(
            "SELECT ",
            columns!(),
            ", g.role AS grant_role FROM webhooks AS h
             ",
            grant_on!("h.instance_id"),
            "
             WHERE h.id = ?1"
        ),
        [id.as_str().into(), user.map(UserId::as_str).into()],
    )
}

/// What a list is narrowed to.
#[derive(Clone, Debug, Default)]
pub struct WebhookQuery<'a> {
    /// Only this instance's.
    pub instance: Option<&'a InstanceId>,
    /// Only this organization's.
    pub organization: Option<&'a OrganizationId>,
    /// Which page.
    pub page: PageQuery,
    /// Only those of this status.
    pub status: Option<WebhookStatus>,
}

/// Lists by id what the viewer sees: [`WebhookRow`]s for [`PageQuery::page`].
#[must_use]
pub fn list(query: &WebhookQuery<'_>, viewer: Viewer<'_>) -> Statement {
    let mut args = vec![
        query.page.after.as_deref().unwrap_or("").into(),
        query.organization.map(OrganizationId::as_str).into(),
        query.instance.map(InstanceId::as_str).into(),
        query.status.map(WebhookStatus::as_str).into(),
        query.page.rows_to_read().into(),
    ];
    macro_rules! narrowed {
        ($from:literal) => {
            concat!(
                "SELECT ",
                columns!(),
                $from,
                " h.id > ?1 AND (?2 IS NULL OR h.organization_id = ?2)
                   AND (?3 IS NULL OR h.instance_id = ?3) AND (?4 IS NULL OR h.status = ?4)
                 ORDER BY h.id LIMIT CAST(?5 AS INTEGER)"
            )
        };
    }
    let sql = match (viewer, query.organization, query.instance) {
        (Viewer::Everything, None, None) => narrowed!(" FROM webhooks AS h WHERE"),
        (Viewer::Everything, _, Some(_)) => {
            narrowed!(" FROM webhooks AS h WHERE h.instance_id = ?3 AND")
        }
        (Viewer::Everything, Some(_), None) => {
            narrowed!(" FROM webhooks AS h WHERE h.organization_id = ?2 AND")
        }
        (Viewer::Person { .. }, _, _) => concat!(
            "WITH seen AS (
               SELECT id FROM webhooks WHERE organization_id = ?6
               UNION SELECT own.id FROM user_grants AS g JOIN webhooks AS own ON own.instance_id = g.instance_id
                 WHERE g.user_id = ?7 AND g.role <> 'readonly')
             ",
            narrowed!(" FROM seen JOIN webhooks AS h ON h.id = seen.id WHERE")
        ),
    };
    args.extend(viewer.args());
    Statement { args, sql }
}

/// Counts those of an organization: one row with `webhooks`.
#[must_use]
pub fn count(organization: &OrganizationId) -> Statement {
    statement(
        "SELECT count(*) AS webhooks FROM webhooks WHERE organization_id = ?1",
        [organization.as_str().into()],
    )
}

fn values(row: &WebhookRow) -> Vec<Arg> {
    vec![
        row.id.as_str().into(),
        row.organization_id.as_str().into(),
        row.instance_id.as_ref().map(InstanceId::as_str).into(),
        row.url.as_str().into(),
        row.description.clone().into(),
        row.sealed.as_str().into(),
        row.previous_sealed.clone().into(),
        row.previous_until.into(),
        row.status.as_str().into(),
        row.updated_at.into(),
    ]
}

/// Saves a new one: two statements.
#[must_use]
pub fn insert(row: &WebhookRow) -> [Statement; 2] {
    let sql = "INSERT INTO webhooks (id, organization_id, instance_id, url, description, sealed,
                 previous_sealed, previous_until, status, created_at, updated_at)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10)";
    [Statement { args: values(row), sql }, subscribe(row)]
}

/// Saves all of it over what is there: three statements.
#[must_use]
pub fn update(row: &WebhookRow) -> [Statement; 3] {
    let sql = "UPDATE webhooks SET url = ?4, description = ?5, sealed = ?6, previous_sealed = ?7,
                 previous_until = ?8, status = ?9, updated_at = ?10
               WHERE id = ?1 AND organization_id = ?2 AND instance_id IS ?3";
    let unsubscribe =
        statement("DELETE FROM webhook_events WHERE webhook_id = ?1", [row.id.as_str().into()]);
    [Statement { args: values(row), sql }, unsubscribe, subscribe(row)]
}

fn subscribe(row: &WebhookRow) -> Statement {
    statement(
        "INSERT INTO webhook_events (webhook_id, event_type)
         SELECT h.id, n.value FROM webhooks AS h, json_each(?2) AS n WHERE h.id = ?1",
        [row.id.as_str().into(), json_arg(&row.events)],
    )
}

/// Removes it, with all that it was told.
#[must_use]
pub fn delete(id: &WebhookId) -> Statement {
    statement("DELETE FROM webhooks WHERE id = ?1", [id.as_str().into()])
}

/// Tells it nothing more, since its receiver wants nothing more: one row if it was told until now.
#[must_use]
pub fn disable(id: &WebhookId, now: UnixMillis) -> Statement {
    statement(
        "UPDATE webhooks SET status = 'disabled', updated_at = max(updated_at + 1, CAST(?2 AS INTEGER))
         WHERE id = ?1 AND status = 'active'
         RETURNING id AS disabled",
        [id.as_str().into(), now.into()],
    )
}

/// Ends the batch with a conflict on `audit_events.id` unless the webhook is as it was at `expected`: see
/// [`super::organizations::unchanged`].
#[must_use]
pub fn unchanged(event: &str, id: &WebhookId, expected: UnixMillis) -> Statement {
    statement(
        "INSERT INTO audit_events (id, actor_kind, action, target_id, created_at)
         SELECT e.id, e.actor_kind, e.action, e.target_id, e.created_at FROM audit_events AS e
         WHERE e.id = ?1 AND NOT EXISTS (
           SELECT 1 FROM webhooks AS h WHERE h.id = ?2 AND h.updated_at = ?3)",
        [event.into(), id.as_str().into(), expected.into()],
    )
}

/// A webhook with a secret that an older master key sealed.
#[derive(Clone, Debug, Deserialize)]
pub struct OldWebhook {
    /// Its id.
    pub id: WebhookId,
    /// The secret before this one, sealed.
    pub previous_sealed: Option<String>,
    /// What signs, sealed.
    pub sealed: String,
}

/// Those with a secret that was sealed with an older master key than this one: at most 1,000 [`OldWebhook`]s.
#[must_use]
pub fn older(newest: u32) -> Statement {
    statement(
        "SELECT h.id, h.sealed, h.previous_sealed FROM webhooks AS h
         WHERE h.key_version < CAST(?1 AS INTEGER) ORDER BY h.key_version, h.id LIMIT 1000",
        [i64::from(newest).into()],
    )
}

/// Counts them: one row with `count`.
#[must_use]
pub fn count_older(newest: u32) -> Statement {
    statement(
        "SELECT count(*) AS count FROM webhooks WHERE key_version < CAST(?1 AS INTEGER)",
        [i64::from(newest).into()],
    )
}

/// Puts the same secrets there as another master key sealed them, unless they are others meanwhile: one row if
/// it was done. Without `previous` the earlier secret signs no more.
#[must_use]
pub fn reseal(old: &OldWebhook, sealed: &str, previous: Option<&str>) -> Statement {
    statement(
        "UPDATE webhooks SET sealed = ?4, previous_sealed = ?5,
           previous_until = iif(?5 IS NULL, NULL, previous_until)
         WHERE id = ?1 AND sealed = ?2 AND previous_sealed IS ?3
         RETURNING id AS resealed",
        [
            old.id.as_str().into(),
            old.sealed.as_str().into(),
            old.previous_sealed.clone().into(),
            sealed.into(),
            previous.into(),
        ],
    )
}
