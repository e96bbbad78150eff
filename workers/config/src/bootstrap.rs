//! `POST /v1/bootstrap`: the first superadmin of a new deployment, by a secret of whoever deployed it.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use de_core::{
    auth::{
        Scope,
        api_key::{ApiKey, KeyKind, NewApiKey},
        attempts,
    },
    http::{
        error::{ApiError, Code},
        extract::{AdminBody, Incoming},
    },
    ids::{ApiKeyId, OrganizationId, UserId},
    ports::{Platform, Statement, random},
    secret::Secret,
    store::{
        audit::Actor,
        bootstrap as store,
        tenants::{self, KeyHolder, NewKey, NewUser},
    },
    time::UnixMillis,
};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::{
    organizations::is_email,
    resource::{Change, Fields, no_idempotency_key, save_as},
    sessions::from_our_page,
};

/// What the first key may do: everything in the control plane, so that it can make others.
const SCOPES: [Scope; 2] = [Scope::Admin, Scope::Read];

/// What was made.
#[derive(Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
pub(crate) struct Bootstrapped {
    /// Their organization.
    organization: FirstOrganization,
    /// Who they are.
    user: FirstUser,
    /// Their key.
    api_key: FirstKey,
}

/// The organization of whoever operates the service.
#[derive(Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
struct FirstOrganization {
    /// Its id.
    id: OrganizationId,
    /// For people.
    name: String,
}

/// Whoever operates the service.
#[derive(Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
struct FirstUser {
    /// Who it is.
    id: UserId,
    /// In lower case.
    email: String,
    /// For people.
    name: String,
    /// `superadmin`.
    role: &'static str,
    /// Their organization.
    organization_id: OrganizationId,
}

/// Their key, shown this once.
#[derive(Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
struct FirstKey {
    /// Its public part.
    id: ApiKeyId,
    /// What it may be used for.
    scopes: [Scope; 2],
    /// The whole key: it is nowhere else.
    secret: String,
}

/// What the body asks for.
struct Wish {
    email: String,
    name: String,
    organization: String,
    token: Secret,
}

/// Makes organization, superadmin and key, once: not where there is a superadmin.
pub(crate) async fn create(
    platform: Platform,
    incoming: Incoming,
    AdminBody(members): AdminBody,
) -> Result<Response, ApiError> {
    no_idempotency_key(&incoming)?;
    from_our_page(&platform, &incoming.headers)?;
    let address = attempts::address(&incoming.headers);
    attempts::admit(&platform, address)?;
    let found = platform.database.batch(vec![store::superadmin()]).await?;
    if found.iter().any(|rows| !rows.is_empty()) {
        return Err(done());
    }
    let Some(expected) = &platform.settings.bootstrap_token else {
        let message = "DE_BOOTSTRAP_TOKEN is not set: nobody can begin here";
        return Err(ApiError::new(Code::Forbidden, message));
    };
    let wish = wish(members)?;
    if !same(&wish.token, expected) {
        let refusal = ApiError::new(Code::InvalidApiKey, "the bootstrap token is not valid");
        return Err(attempts::failed(&platform, address, refusal).await);
    }
    make(&platform, &incoming, wish).await
}

fn done() -> ApiError {
    ApiError::new(Code::Conflict, "there is a superadmin already; this works once")
}

fn wish(members: serde_json::Map<String, serde_json::Value>) -> Result<Wish, ApiError> {
    let mut fields = Fields::of(members);
    for name in ["token", "organization", "email"] {
        fields.require(name);
    }
    let (mut token, mut organization, mut name) = (String::new(), String::new(), None);
    let mut email = String::new();
    fields.text("token", 500, &mut token);
    fields.text("organization", 200, &mut organization);
    fields.text("email", 320, &mut email);
    let email = email.to_lowercase();
    if !email.is_empty() && !is_email(&email) {
        fields.wrong("email", "expected an e-mail address");
    }
    fields.text_or_null("name", 200, &mut name);
    fields.finish()?;
    let name = name.unwrap_or_else(|| email.clone());
    Ok(Wish { email, name, organization, token: Secret::new(token) })
}

/// Compares by digests, and all of them: how long it takes says nothing about the token.
fn same(given: &Secret, expected: &Secret) -> bool {
    let digest = |secret: &Secret| Sha256::digest(secret.expose().as_bytes());
    let (given, expected) = (digest(given), digest(expected));
    given.iter().zip(expected).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}

async fn make(platform: &Platform, incoming: &Incoming, wish: Wish) -> Result<Response, ApiError> {
    let now = platform.clock.now();
    let NewApiKey { key, secret } = ApiKey::make(KeyKind::Admin, &*platform.entropy);
    let organization_id = OrganizationId::make(now, random(&*platform.entropy));
    let made = Bootstrapped {
        organization: FirstOrganization { id: organization_id.clone(), name: wish.organization },
        user: FirstUser {
            id: UserId::make(now, random(&*platform.entropy)),
            email: wish.email,
            name: wish.name,
            role: "superadmin",
            organization_id,
        },
        api_key: FirstKey {
            id: key.id.clone(),
            scopes: SCOPES,
            secret: secret.expose().to_owned(),
        },
    };
    let change = Change {
        action: "bootstrap.create".to_owned(),
        after: Some(json!({
            "organization": made.organization, "user": made.user, "api_key_id": key.id,
        })),
        also: Vec::new(),
        before: None,
        owner: Some(made.organization.id.clone()),
        target: made.user.id.as_str().to_owned(),
    };
    let batch = |event: &str| {
        let mut batch = vec![store::no_superadmin(event)];
        batch.extend(rows(&made, &key, &secret, now));
        batch
    };
    if !save_as(platform, &incoming.context, Actor::System, change, batch).await?.done()? {
        return Err(done());
    }
    let location = format!("/v1/users/{}", made.user.id);
    let mut response = (StatusCode::CREATED, Json(made)).into_response();
    if let Ok(location) = HeaderValue::try_from(location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

fn rows(made: &Bootstrapped, key: &ApiKey, secret: &Secret, now: UnixMillis) -> [Statement; 3] {
    let Bootstrapped { organization, user, .. } = made;
    let new_user = NewUser {
        email: &user.email,
        id: &user.id,
        name: &user.name,
        organization_id: &organization.id,
        role: user.role,
    };
    let new_key = NewKey {
        allowed_models: None,
        digest: &key.digest,
        expires_at: None,
        holder: KeyHolder::User(&user.id),
        id: &key.id,
        kind: KeyKind::Admin,
        last_four: &secret.last_four(),
        name: "First key",
        revoked_at: None,
        scopes: &SCOPES,
    };
    [
        tenants::put_organization(&organization.id, &organization.name, now),
        tenants::put_user(new_user, now),
        tenants::put_key(&new_key, now),
    ]
}
