//! Who calls: a key or a session that holds, and the instance that it acts for.
//!
//! The tenant comes from the key. What a request says of it may only repeat it. A session is as good as the
//! key that made it, or as one with all scopes; as keys of persons, it is read from the database each time.

mod proof;

use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::{HeaderMap, Method, header, request::Parts};
use serde_json::Value;

use self::proof::{Proof, session_over, unknown_key};
use crate::{
    auth::{
        Scope,
        access::{Grant, Role},
        api_key::KeyKind,
        attempts, origins,
    },
    http::{
        context::Context,
        error::{ApiError, Code},
    },
    ids::{InstanceId, ModelId, OrganizationId},
    last_used,
    limits::{self, Epochs},
    ports::{Platform, row},
    store::{
        self, Activity,
        access::{AccessRow, GrantRow, InstanceColumns},
    },
    time::UnixMillis,
};

/// A caller whose key or session holds.
#[derive(Clone)]
pub struct Caller {
    acting: Option<Acting>,
    came: Came,
    key: Arc<AccessRow>,
    proof: Proof,
}

/// Where a request came from.
#[derive(Clone, Default)]
struct Came {
    /// The platform's word: `cf-connecting-ip` cannot be set by a caller at the edge.
    address: Option<String>,
    /// The page that sent it, if one did.
    origin: Option<String>,
    /// Whether it only looks: who has a grant that lets them look acts for an instance then.
    reads: bool,
}

impl Came {
    fn of(headers: &HeaderMap) -> Self {
        let text = |name: &str| text(headers, name).map(str::to_owned);
        let (address, origin) = (text("cf-connecting-ip"), text(header::ORIGIN.as_str()));
        Self { address, origin, reads: false }
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// The instance that a caller acts for.
#[derive(Clone)]
struct Acting {
    columns: InstanceColumns,
    epochs: Epochs,
    instance: InstanceId,
    organization: OrganizationId,
}

/// A caller of the control plane: its key is read from the database each time.
#[derive(Clone)]
pub struct Operator(pub Caller);

/// A caller of a route that acts for an instance: generation, usage, models.
#[derive(Clone)]
pub struct Tenant(pub Caller);

impl Caller {
    /// The person with this key, checked as if it stood in these headers: who logs in with it.
    ///
    /// # Errors
    /// `INVALID_API_KEY`, `KEY_EXPIRED`, or `FORBIDDEN`, also for the key of a project.
    pub async fn person(
        platform: &Platform,
        key: &str,
        headers: &HeaderMap,
    ) -> Result<Self, ApiError> {
        let proof = Proof::of_key(key)?;
        if proof.has_copies() {
            let message = "nobody logs in with the key of a project; use that of a person";
            return Err(ApiError::new(Code::Forbidden, message));
        }
        let row = proof.read_now(platform).await?;
        let caller = checked(platform, &proof, row, &Came::of(headers), None).await?;
        if let Some(key) = &caller.key.api_key_id {
            last_used::api_key(platform, key);
        }
        Ok(caller)
    }

    /// The row of the key or session.
    #[must_use]
    pub fn key(&self) -> &AccessRow {
        &self.key
    }

    /// Whether the person behind the key operates the whole service.
    #[must_use]
    pub fn is_superadmin(&self) -> bool {
        self.key.user_role.as_deref() == Some("superadmin")
    }

    /// Who the person behind the key is; a project's key is nobody.
    #[must_use]
    pub fn role(&self) -> Role {
        match &self.key.user_id {
            Some(_) => Role::of(Some(self.key.user_role.as_deref().unwrap_or("user"))),
            None => Role::Client,
        }
    }

    /// Refuses a key without this scope.
    ///
    /// # Errors
    /// `FORBIDDEN`.
    pub fn require(&self, scope: Scope) -> Result<(), ApiError> {
        if self.key.scopes.contains(&scope) {
            return Ok(());
        }
        let scope = scope.as_str();
        let message = format!("this key has not the scope {scope}");
        Err(ApiError::new(Code::Forbidden, message).with("scope", scope))
    }

    /// Refuses a key whose time is over by now.
    ///
    /// # Errors
    /// `KEY_EXPIRED`.
    pub fn unexpired(&self, now: UnixMillis) -> Result<(), ApiError> {
        unexpired(&self.key, now)
    }

    /// Refuses a key that may not call this model.
    ///
    /// # Errors
    /// `MODEL_NOT_ALLOWED`.
    pub fn may_call(&self, model: &ModelId) -> Result<(), ApiError> {
        match &self.key.allowed_models {
            Some(allowed) if !allowed.contains(model) => {
                let message = format!("this key may not call {model}");
                Err(ApiError::new(Code::ModelNotAllowed, message).with("model", model.as_str()))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Whose instance it is.
    #[must_use]
    pub fn organization_id(&self) -> &OrganizationId {
        self.acting.as_ref().map_or(&self.key.organization_id, |acting| &acting.organization)
    }

    /// The instance. Only a [`Tenant`] asks: a caller without one has an id that names nothing.
    #[must_use]
    pub fn instance_id(&self) -> &InstanceId {
        static NONE: std::sync::OnceLock<InstanceId> = std::sync::OnceLock::new();
        match &self.acting {
            Some(acting) => &acting.instance,
            None => NONE.get_or_init(|| InstanceId::make(UnixMillis(0), [0; 10])),
        }
    }

    /// What the instance's columns say.
    #[must_use]
    pub fn instance(&self) -> Option<&InstanceColumns> {
        self.acting.as_ref().map(|acting| &acting.columns)
    }

    /// Whether the instance lets calls through when its Limiter does not answer.
    #[must_use]
    pub fn goes_on_without_limiter(&self) -> bool {
        let word = self.instance().and_then(|instance| instance.on_limiter_failure.as_deref());
        word == Some("allow")
    }

    /// The instance's default model of a modality.
    #[must_use]
    pub fn default_model(&self, modality: &str) -> Option<String> {
        let models = self.acting.as_ref()?.columns.default_models.as_ref()?;
        models.get(modality).and_then(Value::as_str).map(str::to_owned)
    }

    /// How fresh the copy of key and instance is.
    #[must_use]
    pub fn epochs(&self) -> Epochs {
        self.acting.as_ref().map_or_else(|| self.key.epochs(), |acting| acting.epochs)
    }

    /// Whom a call counts for.
    #[must_use]
    pub fn scopes(&self) -> Vec<limits::Scope> {
        let Self { key, .. } = self;
        limits::scopes_of_caller(
            self.organization_id(),
            self.instance_id(),
            key.api_key_id.as_ref(),
            key.project_id.as_ref(),
        )
    }

    /// Whether the page that sent the request may read the answer: its origin is one that the key or its
    /// instance lists.
    fn may_be_read(&self) -> bool {
        let instance =
            self.instance().and_then(|instance| instance.instance_allowed_origins.as_ref());
        let lists = [Some(&self.key.allowed_origins), instance];
        let origin = self.came.origin.as_ref();
        origin.is_some_and(|origin| lists.into_iter().flatten().any(|list| list.contains(origin)))
    }

    /// Reads key or session and instance anew, not older than `floor`, and checks them again.
    ///
    /// # Errors
    /// As at the first time: it may have been revoked in between.
    pub async fn renewed(&self, platform: &Platform, floor: Epochs) -> Result<Self, ApiError> {
        let key = self.proof.read(platform, floor).await?;
        let acting = match &self.acting {
            Some(acting) if key.user_id.is_some() => {
                Some(granted(platform, &key, &acting.instance, self.came.reads).await?)
            }
            Some(_) | None => own(&key),
        };
        check(&key, acting.as_ref(), &self.came, platform.clock.now())?;
        Ok(Self { acting, came: self.came.clone(), key, proof: self.proof.clone() })
    }

    /// The same caller, as the database knows them now.
    ///
    /// # Errors
    /// As at the first time: it may have been revoked in between.
    pub async fn as_of_now(&self, platform: &Platform) -> Result<Self, ApiError> {
        let key = self.proof.read_now(platform).await?;
        let named = self.acting.as_ref().map(|acting| acting.instance.as_str());
        checked(platform, &self.proof, key, &self.came, named).await
    }

    /// The same caller, acting for an instance that they name.
    ///
    /// # Errors
    /// `NOT_FOUND` if it is not theirs to act for; else as at the first time.
    pub async fn acting_for(
        &self,
        platform: &Platform,
        instance: &InstanceId,
    ) -> Result<Self, ApiError> {
        let acting = match own(&self.key) {
            Some(own) if own.instance == *instance => own,
            Some(_) => return Err(no_instance()),
            None => granted(platform, &self.key, instance, self.came.reads).await?,
        };
        check(&self.key, Some(&acting), &self.came, platform.clock.now())?;
        Ok(Self { acting: Some(acting), ..self.clone() })
    }

    /// The caller as it is now: a route that reserves nothing asks the Limiter whether its copy of the key still
    /// holds.
    ///
    /// # Errors
    /// `LIMITER_UNAVAILABLE` if it does not answer; else as [`Caller::renewed`].
    pub async fn current(self, platform: &Platform) -> Result<Self, ApiError> {
        let epochs = platform.limiter.epochs(self.instance_id()).await.map_err(|err| {
            ApiError::new(Code::LimiterUnavailable, "keys cannot be checked right now")
                .because(err.to_string())
        })?;
        if self.epochs().older_than(epochs) {
            self.renewed(platform, epochs).await
        } else {
            Ok(self)
        }
    }

    /// The caller as it is now, if the copy that it was read from is old; `None` if it is not.
    ///
    /// For refusals: what is let in asks the Limiter in any case, what is refused would not, and would
    /// go on being refused after the reason is gone.
    ///
    /// # Errors
    /// As [`Caller::renewed`]. A Limiter that does not answer leaves the copy as it is.
    pub async fn fresher(&self, platform: &Platform) -> Result<Option<Self>, ApiError> {
        match platform.limiter.epochs(self.instance_id()).await {
            Ok(epochs) if self.epochs().older_than(epochs) => {
                self.renewed(platform, epochs).await.map(Some)
            }
            Ok(_) | Err(_) => Ok(None),
        }
    }

    /// The same caller, once it is seen that they have this scope now, as well as when their body began to
    /// come.
    ///
    /// # Errors
    /// `FORBIDDEN`, and those of [`Caller::renewed`].
    pub async fn entitled(self, platform: &Platform, scope: Scope) -> Result<Self, ApiError> {
        let mut caller = self;
        if caller.key.user_id.is_some() {
            // The body may have been long in coming. Who a program is, the Limiter asks again; a person who
            // has lost what they were allowed elsewhere is known to no epoch of this instance.
            caller = caller.renewed(platform, caller.epochs()).await?;
        }
        if let Err(refusal) = caller.require(scope) {
            caller = caller.fresher(platform).await?.ok_or(refusal)?;
            caller.require(scope)?;
        }
        Ok(caller)
    }

    /// Refuses a body that names another tenant than the key's.
    ///
    /// # Errors
    /// `FORBIDDEN`.
    pub fn must_be(&self, instance: Option<&str>, project: Option<&str>) -> Result<(), ApiError> {
        let own = self.key.project_id.as_ref().map(|id| id.as_str());
        let other_instance = instance.is_some_and(|id| id != self.instance_id().as_str());
        let other_project = project.is_some_and(|id| own.is_some_and(|own| id != own));
        if other_instance || other_project {
            let message = "the request names another instance or project than its key belongs to";
            return Err(ApiError::new(Code::Forbidden, message));
        }
        Ok(())
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let platform = Platform::from_request_parts(parts, state).await?;
        identify(parts, &platform, false).await
    }
}

/// Reads the key or session and who it acts for. `now`: not from a copy.
async fn identify(parts: &mut Parts, platform: &Platform, now: bool) -> Result<Caller, ApiError> {
    let context = Context::from_request_parts(parts, &()).await?;
    let address = attempts::address(&parts.headers);
    let proof = match Proof::of(&parts.headers, &platform.settings) {
        Ok(proof) => proof,
        Err(refusal) => return Err(attempts::failed(platform, address, refusal).await),
    };
    let reads = parts.method == Method::GET || parts.method == Method::HEAD;
    let came = Came { reads, ..Came::of(&parts.headers) };
    if proof.is_cookie() {
        origins::require(&platform.settings, &parts.method, came.origin.as_deref())?;
    }
    let from_copy = !now && proof.has_copies();
    let row = if from_copy {
        proof.read(platform, Epochs::default()).await
    } else {
        proof.read_now(platform).await
    };
    let row = match row {
        Ok(row) => row,
        Err(refusal) => return Err(attempts::failed(platform, address, refusal).await),
    };
    let named = text(&parts.headers, "x-instance-id");
    let mut caller = checked(platform, &proof, row, &came, named).await;
    if from_copy && caller.is_err() {
        // What a copy refuses may have been allowed since.
        let row = proof.read_anew(platform).await?;
        caller = checked(platform, &proof, row, &came, named).await;
    }
    let caller = match caller {
        Ok(caller) => caller,
        // A session that was ours is no attempt: it has ended by itself.
        Err(refusal) if proof.is_cookie() => return Err(refusal),
        Err(refusal) => return Err(attempts::failed(platform, address, refusal).await),
    };
    context.authenticated(platform.clock.now());
    if let Some(key) = &caller.key.api_key_id {
        last_used::api_key(platform, key);
    }
    if let (Some(session), Some(times)) = (&caller.key.session_id, caller.key.session()) {
        context.note(|line| line.session_id = Some(session.as_str().to_owned()));
        last_used::session(platform, session, times);
    }
    let key = &caller.key;
    let acting = caller.acting.as_ref().map(|acting| &acting.instance);
    context.note(|line| {
        let (project, api_key) = (key.project_id.as_ref(), key.api_key_id.as_ref());
        line.take_caller(&key.organization_id, acting, project, api_key);
    });
    if caller.may_be_read() {
        context.allow_origin();
    }
    Ok(caller)
}

/// The caller that a row makes, if it may act.
async fn checked(
    platform: &Platform,
    proof: &Proof,
    row: Arc<AccessRow>,
    came: &Came,
    named: Option<&str>,
) -> Result<Caller, ApiError> {
    let acting = match (own(&row), named) {
        (Some(own), Some(named)) if own.instance.as_str() != named => {
            let message = "X-Instance-ID names another instance than the key belongs to";
            return Err(ApiError::new(Code::Forbidden, message));
        }
        (Some(own), _) => Some(own),
        (None, Some(named)) => {
            let instance = InstanceId::parse(named).map_err(|_| no_instance())?;
            Some(granted(platform, &row, &instance, came.reads).await?)
        }
        (None, None) => None,
    };
    check(&row, acting.as_ref(), came, platform.clock.now())?;
    Ok(Caller { acting, came: came.clone(), key: row, proof: proof.clone() })
}

impl<S: Send + Sync> FromRequestParts<S> for Operator {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let platform = Platform::from_request_parts(parts, state).await?;
        identify(parts, &platform, true).await.map(Self)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Tenant {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let caller = Caller::from_request_parts(parts, state).await?;
        if caller.acting.is_none() {
            let message = "a person must name the instance in the header X-Instance-ID";
            return Err(ApiError::new(Code::InvalidRequest, message));
        }
        Ok(Self(caller))
    }
}

fn no_instance() -> ApiError {
    ApiError::new(Code::NotFound, "there is no such instance")
}

/// The instance of a project's key.
fn own(key: &AccessRow) -> Option<Acting> {
    Some(Acting {
        columns: key.instance.clone(),
        epochs: key.epochs(),
        instance: key.instance_id.clone()?,
        organization: key.organization_id.clone(),
    })
}

/// An instance that a person's key names: theirs by a grant, by their role in its organization, or
/// because they operate the service. Any other does not exist for them.
async fn granted(
    platform: &Platform,
    key: &AccessRow,
    instance: &InstanceId,
    reads: bool,
) -> Result<Acting, ApiError> {
    let user = key.user_id.as_ref().ok_or_else(no_instance)?;
    let statement = store::access::instance_for_user(instance, user);
    let mut answers = platform.database.batch(vec![statement]).await?;
    let found = answers.pop().and_then(|mut rows| rows.pop()).ok_or_else(no_instance)?;
    let found: GrantRow = row(found)?;
    let role = key.user_role.as_deref();
    let administers = role == Some("admin") && key.organization_id == found.organization_id;
    let grant = found.grant_role.as_deref().and_then(Grant::parse);
    let least = if reads { Grant::Readonly } else { Grant::User };
    let may = grant.is_some_and(|grant| grant >= least);
    if role != Some("superadmin") && !administers && !may {
        return Err(no_instance());
    }
    let epochs = Epochs { catalogue: found.catalogue_epoch, tenant: found.tenant_epoch };
    Ok(Acting {
        columns: found.instance,
        epochs,
        instance: found.instance_id,
        organization: found.organization_id,
    })
}

/// Whether a key is not over: it ends at its millisecond.
fn unexpired(key: &AccessRow, now: UnixMillis) -> Result<(), ApiError> {
    match key.expires_at {
        Some(at) if at <= now => Err(ApiError::new(Code::KeyExpired, "the key has expired")),
        Some(_) | None => Ok(()),
    }
}

/// Whether the key holds at this moment and place, and everyone above it.
fn check(
    key: &AccessRow,
    acting: Option<&Acting>,
    came: &Came,
    now: UnixMillis,
) -> Result<(), ApiError> {
    if let Some(times) = key.session() {
        if !times.hold(now) {
            return Err(session_over());
        }
    } else if key.revoked_at.is_some_and(|at| at <= now) {
        return Err(unknown_key());
    }
    unexpired(key, now)?;
    let instance = acting.and_then(|acting| acting.columns.instance_status);
    let standing = [Some(key.organization_status), instance, key.project_status, key.user_status];
    if standing.contains(&Some(Activity::Suspended)) {
        return Err(ApiError::new(Code::Forbidden, "the account is suspended"));
    }
    let environment = acting.and_then(|acting| acting.columns.environment.as_deref());
    if key.prefix == KeyKind::Test.prefix() && environment == Some("production") {
        let message = "test keys are refused by an instance in production";
        return Err(ApiError::new(Code::InvalidApiKey, message));
    }
    let among =
        |list: &[String], one: &Option<String>| one.as_ref().is_some_and(|one| list.contains(one));
    if !key.allowed_addresses.is_empty() && !among(&key.allowed_addresses, &came.address) {
        let message = "the key may not be used from this address";
        return Err(ApiError::new(Code::Forbidden, message));
    }
    let from_page = came.origin.is_some() && !key.allowed_origins.is_empty();
    if from_page && !among(&key.allowed_origins, &came.origin) {
        let message = "the key may not be used from this origin";
        return Err(ApiError::new(Code::OriginNotAllowed, message));
    }
    Ok(())
}
