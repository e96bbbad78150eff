//! `POST /v1/provider-keys/reseal`: what an older master key sealed is sealed with the newest, so that the
//! older one can go. A batch a call, until nothing is left; it can be broken off and begun again anywhere.
//!
//! The secrets of webhooks rest under the same master keys, and so do answers that are kept for
//! `Idempotency-Key`, turns of conversations and the secrets of call backs: they are taken along.

use std::collections::BTreeSet;

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use de_core::{
    auth::vault::{self, Kind, VaultError},
    conversations::parts::sealed_anew,
    http::{error::ApiError, extract::Incoming, routes::Allowed},
    ids::{InstanceId, OrganizationId, ProviderId, WebhookId},
    ports::{Platform, PortError, Row, Statement, random, row, rows},
    store::{
        audit::{self, AuditEvent},
        epochs::{EpochScope, bump},
        idempotency::{self, OldReply},
        provider_keys::{self as store, OldRow},
        responses::{self, OldTurn},
        webhooks::{
            self, OldWebhook,
            deliveries::{self, OldCallback},
        },
    },
    webhooks::{callback_place, open, seal},
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::NoBody;
use crate::{
    epochs,
    resource::{actor, bound, no_idempotency_key, raised},
};

/// How many are sealed anew in one call, of each kind.
const BATCH: usize = 50;
/// How many of those that do not open are told of.
const SHOWN: usize = 100;

/// How far it is.
#[derive(Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
pub(crate) struct Resealed {
    /// How many were sealed anew by this call.
    resealed: usize,
    /// How many are still sealed with an older master key, those of `failed` and `failed_webhooks` among
    /// them. At 0 the older ones can go.
    remaining: usize,
    /// Keys that do not open, at most 100: they stay as they are, until they are saved again or deleted.
    failed: Vec<Unopened>,
    /// Webhooks whose secrets do not open, at most 100: they stay as they are, until they are rotated or
    /// deleted.
    failed_webhooks: Vec<UnopenedWebhook>,
    /// Which master key seals now.
    newest_version: u32,
}

/// A key that does not open.
#[derive(Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
pub(crate) struct Unopened {
    /// Whose key it is.
    instance_id: InstanceId,
    /// Whom it was to open.
    provider_id: ProviderId,
    /// Why it does not.
    reason: String,
}

/// A webhook whose secret does not open.
#[derive(Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
pub(crate) struct UnopenedWebhook {
    /// Which.
    webhook_id: WebhookId,
    /// Why it does not.
    reason: String,
}

/// A webhook, its secret anew, and the one before that.
type Anew = (OldWebhook, String, Option<String>);

#[derive(Deserialize)]
struct Count {
    count: usize,
}

/// Seals the next ones anew.
pub(crate) async fn reseal(
    platform: Platform,
    allowed: Allowed,
    incoming: Incoming,
    _: NoBody,
) -> Result<Response, ApiError> {
    no_idempotency_key(&incoming)?;
    allowed.operates()?;
    let newest = vault::newest(&platform.settings);
    let newest = newest.ok_or_else(|| ApiError::internal("there is no master key"))?;
    let (keys, failed) = keys(&platform, newest).await?;
    let (replies, unopened) = replies(&platform, newest).await?;
    let (hooks, failed_webhooks) = hooks(&platform, newest).await?;
    let (callbacks, silent) = callbacks(&platform, newest).await?;
    let (turns, lost) = turns(&platform, newest).await?;
    let organizations: BTreeSet<&OrganizationId> =
        keys.iter().map(|(old, _)| &old.organization_id).collect();
    let mut batch: Vec<Statement> =
        keys.iter().map(|(old, sealed)| store::reseal(old, sealed)).collect();
    batch.extend(replies.iter().map(|(old, sealed)| idempotency::reseal(old, sealed)));
    let again = |(old, sealed, previous): &Anew| webhooks::reseal(old, sealed, previous.as_deref());
    batch.extend(hooks.iter().map(again));
    batch.extend(callbacks.iter().map(|(old, sealed)| deliveries::reseal(old, sealed)));
    batch.extend(turns.iter().map(|(old, sealed)| responses::reseal(old, sealed)));
    let now = platform.clock.now();
    if !batch.is_empty() {
        let event = AuditEvent {
            action: "provider-key.reseal".to_owned(),
            actor: actor(allowed.caller()),
            after: Some(json!({
                "key_version": newest,
                "keys": keys.len(),
                "webhooks": hooks.len(),
            })),
            before: None,
            id: AuditEvent::make_id(now, random(&*platform.entropy)),
            organization_id: None,
            request_id: Some(incoming.context.request_id().clone()),
            target_id: "provider-keys".to_owned(),
        };
        batch.push(audit::insert(&event, now));
    }
    // Copies of these rows hold the old form, which opens only as long as the old master key is there.
    for organization in &organizations {
        batch.extend(bump(EpochScope::Tenant(organization), now));
    }
    let answers =
        if batch.is_empty() { Vec::new() } else { platform.database.batch(batch).await? };
    let resealed =
        answers.iter().flatten().filter(|answer| answer.contains_key("resealed")).count();
    for (organization, epoch) in organizations.into_iter().zip(raised(answers)?) {
        epochs::tell(&platform, Some(organization), epoch).await?;
    }
    let left = platform
        .database
        .batch(vec![
            store::count_older(newest),
            idempotency::count_older(newest, now),
            webhooks::count_older(newest),
            deliveries::count_older(newest),
            responses::count_older(newest, now),
        ])
        .await?;
    let left = left.into_iter().flatten().map(count).sum::<Result<usize, PortError>>()?;
    Ok(Json(Resealed {
        resealed,
        // An answer that does not open is of no use to anyone, and is over within a day; so is a call back
        // that cannot be signed, and a turn within a month.
        remaining: left.saturating_sub(unopened + silent + lost),
        failed,
        failed_webhooks,
        newest_version: newest,
    })
    .into_response())
}

/// The next keys as the newest master key seals them, and those that do not open.
async fn keys(
    platform: &Platform,
    newest: u32,
) -> Result<(Vec<(OldRow, String)>, Vec<Unopened>), ApiError> {
    let old: Vec<OldRow> = rows(&*platform.database, store::older(newest)).await?;
    let (mut anew, mut failed) = (Vec::new(), Vec::new());
    for old in old {
        if anew.len() == BATCH {
            break;
        }
        let (instance, provider) = (&old.instance_id, &old.provider_id);
        let opened = vault::open(&platform.settings, instance, provider, &old.sealed);
        match opened {
            Ok(secret) => {
                let (settings, entropy) = (&platform.settings, &*platform.entropy);
                let sealed = vault::seal(settings, entropy, instance, provider, &secret);
                anew.push((old, sealed.map_err(internal)?));
            }
            Err(_) if failed.len() >= SHOWN => {}
            Err(err) => failed.push(Unopened {
                instance_id: old.instance_id,
                provider_id: old.provider_id,
                reason: err.to_string(),
            }),
        }
    }
    Ok((anew, failed))
}

/// The next kept answers as the newest master key seals them, and how many do not open.
async fn replies(
    platform: &Platform,
    newest: u32,
) -> Result<(Vec<(OldReply, String)>, usize), ApiError> {
    let old = idempotency::older(newest, platform.clock.now());
    let old: Vec<OldReply> = rows(&*platform.database, old).await?;
    let (mut anew, mut unopened) = (Vec::new(), 0);
    for old in old {
        if anew.len() == BATCH {
            break;
        }
        let place = bound(&old.holder, &old.route, &old.key_digest);
        let settings = &platform.settings;
        match vault::open_for(settings, Kind::Reply, &place, &old.reply) {
            Ok(text) => {
                let entropy = &*platform.entropy;
                let sealed = vault::seal_for(settings, entropy, Kind::Reply, &place, &text);
                anew.push((old, sealed.map_err(internal)?));
            }
            Err(_) => unopened += 1,
        }
    }
    Ok((anew, unopened))
}

/// The next webhooks as the newest master key seals them, and those that do not open.
async fn hooks(
    platform: &Platform,
    newest: u32,
) -> Result<(Vec<Anew>, Vec<UnopenedWebhook>), ApiError> {
    let old: Vec<OldWebhook> = rows(&*platform.database, webhooks::older(newest)).await?;
    let (settings, entropy) = (&platform.settings, &*platform.entropy);
    let (mut anew, mut failed) = (Vec::new(), Vec::new());
    for old in old {
        if anew.len() == BATCH {
            break;
        }
        match open(settings, &old.id, &old.sealed) {
            Ok(secret) => {
                let sealed = seal(settings, entropy, &old.id, &secret).map_err(internal)?;
                // An earlier secret that does not open signs nothing: it need not be kept.
                let previous = old.previous_sealed.as_deref();
                let previous = previous.and_then(|sealed| open(settings, &old.id, sealed).ok());
                let previous =
                    previous.map(|secret| seal(settings, entropy, &old.id, &secret)).transpose();
                anew.push((old, sealed, previous.map_err(internal)?));
            }
            Err(_) if failed.len() >= SHOWN => {}
            Err(err) => {
                failed.push(UnopenedWebhook { webhook_id: old.id, reason: err.to_string() });
            }
        }
    }
    Ok((anew, failed))
}

/// The next call backs as the newest master key seals their secrets, and how many do not open.
async fn callbacks(
    platform: &Platform,
    newest: u32,
) -> Result<(Vec<(OldCallback, String)>, usize), ApiError> {
    let old: Vec<OldCallback> = rows(&*platform.database, deliveries::older(newest)).await?;
    let (settings, entropy) = (&platform.settings, &*platform.entropy);
    let (mut anew, mut unopened) = (Vec::new(), 0);
    for old in old {
        if anew.len() == BATCH {
            break;
        }
        let place = callback_place(&old.organization_id, &old.url);
        match vault::open_for(settings, Kind::WebhookSecret, &place, &old.sealed) {
            Ok(secret) => {
                let sealed =
                    vault::seal_for(settings, entropy, Kind::WebhookSecret, &place, &secret);
                anew.push((old, sealed.map_err(internal)?));
            }
            Err(_) => unopened += 1,
        }
    }
    Ok((anew, unopened))
}

/// The next turns as the newest master key seals them, and how many do not open.
async fn turns(
    platform: &Platform,
    newest: u32,
) -> Result<(Vec<(OldTurn, String)>, usize), ApiError> {
    let old = responses::older(newest, platform.clock.now());
    let old: Vec<OldTurn> = rows(&*platform.database, old).await?;
    let (mut anew, mut unopened) = (Vec::new(), 0);
    for old in old {
        match sealed_anew(platform, &old) {
            Ok(sealed) => anew.push((old, sealed)),
            Err(_) => unopened += 1,
        }
    }
    Ok((anew, unopened))
}

fn count(read: Row) -> Result<usize, PortError> {
    row::<Count>(read).map(|read| read.count)
}

fn internal(err: VaultError) -> ApiError {
    ApiError::internal(err.to_string())
}
