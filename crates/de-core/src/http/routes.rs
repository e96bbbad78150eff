//! Routes of the control plane: each names its permission, or says that it is open.
//!
//! The key and the permission are checked before the handler runs, so a handler that asks for nothing is
//! still closed. What a permission means for one row is asked by [`Allowed::on`], when the row is known.

use axum::{
    Router,
    extract::{FromRequestParts, Request},
    handler::Handler,
    response::IntoResponse,
    routing::{MethodFilter, on},
};
use http::{Method, request::Parts};

use super::{
    error::{ApiError, Code},
    extract,
};
use crate::{
    auth::{
        Scope,
        access::{Grant, Permission, Role, Standing},
    },
    caller::{Caller, Operator},
    ids::{OrganizationId, SessionId, UserId},
    ports::Platform,
};

/// One operation.
#[derive(Clone, Debug)]
pub struct Route {
    /// GET, POST, …
    pub method: Method,
    /// As axum writes it: `/v1/projects/{id}`.
    pub path: &'static str,
    /// What it needs; `None`: no key at all, see [`Routes::open`].
    pub permission: Option<Permission>,
}

/// The routes made so far.
#[derive(Default)]
pub struct Routes {
    made: Vec<Route>,
    router: Router,
}

impl Routes {
    /// Adds a GET.
    #[must_use]
    pub fn get<H, T>(self, path: &'static str, permission: Permission, handler: H) -> Self
    where
        H: Handler<T, ()> + Sync,
        T: 'static,
    {
        self.add(Method::GET, MethodFilter::GET, path, Need::of(permission), handler)
    }

    /// Adds a POST.
    #[must_use]
    pub fn post<H, T>(self, path: &'static str, permission: Permission, handler: H) -> Self
    where
        H: Handler<T, ()> + Sync,
        T: 'static,
    {
        self.add(Method::POST, MethodFilter::POST, path, Need::of(permission), handler)
    }

    /// Adds a PATCH.
    #[must_use]
    pub fn patch<H, T>(self, path: &'static str, permission: Permission, handler: H) -> Self
    where
        H: Handler<T, ()> + Sync,
        T: 'static,
    {
        self.add(Method::PATCH, MethodFilter::PATCH, path, Need::of(permission), handler)
    }

    /// Adds a DELETE.
    #[must_use]
    pub fn delete<H, T>(self, path: &'static str, permission: Permission, handler: H) -> Self
    where
        H: Handler<T, ()> + Sync,
        T: 'static,
    {
        self.add(Method::DELETE, MethodFilter::DELETE, path, Need::of(permission), handler)
    }

    /// Adds a PUT.
    #[must_use]
    pub fn put<H, T>(self, path: &'static str, permission: Permission, handler: H) -> Self
    where
        H: Handler<T, ()> + Sync,
        T: 'static,
    {
        self.add(Method::PUT, MethodFilter::PUT, path, Need::of(permission), handler)
    }

    /// Adds an operation on one session, whose id is the last part of the path: as the others, but who holds a
    /// session sees and ends that one whatever the scopes of its key are. Nobody is kept logged in.
    #[must_use]
    pub fn of_session<H, T>(
        self,
        method: Method,
        path: &'static str,
        permission: Permission,
        handler: H,
    ) -> Self
    where
        H: Handler<T, ()> + Sync,
        T: 'static,
    {
        let is_read = method == Method::GET;
        let filter = if is_read { MethodFilter::GET } else { MethodFilter::DELETE };
        self.add(method, filter, path, Need { is_of_session: true, permission }, handler)
    }

    /// Adds an operation for everybody: one that shows what is public, or that asks for its own proof
    /// of who calls.
    #[must_use]
    pub fn open<H, T>(mut self, method: Method, path: &'static str, handler: H) -> Self
    where
        H: Handler<T, ()> + Sync,
        T: 'static,
    {
        let filter = if method == Method::GET { MethodFilter::GET } else { MethodFilter::POST };
        self.router = self.router.route(path, on(filter, handler));
        self.made.push(Route { method, path, permission: None });
        self
    }

    fn add<H, T>(
        mut self,
        method: Method,
        filter: MethodFilter,
        path: &'static str,
        need: Need,
        handler: H,
    ) -> Self
    where
        H: Handler<T, ()> + Sync,
        T: 'static,
    {
        let guarded = move |request: Request| {
            let handler = handler.clone();
            async move {
                match admit(request, need).await {
                    Ok(request) => handler.call(request, ()).await,
                    Err(err) => err.into_response(),
                }
            }
        };
        self.router = self.router.route(path, on(filter, guarded));
        self.made.push(Route { method, path, permission: Some(need.permission) });
        self
    }

    /// What they are, for tests that walk all of them.
    #[must_use]
    pub fn list(&self) -> &[Route] {
        &self.made
    }

    /// The same as a router.
    pub fn into_router(self) -> Router {
        self.router
    }
}

/// What one route asks of a caller.
#[derive(Clone, Copy)]
struct Need {
    /// Whether the path names a session: the caller's own needs no scope.
    is_of_session: bool,
    permission: Permission,
}

impl Need {
    fn of(permission: Permission) -> Self {
        Self { is_of_session: false, permission }
    }

    /// Whether the path names the session that asks. Another spelling of it is that of another session.
    fn is_own(self, caller: &Caller, path: &str) -> bool {
        let named = path.rsplit('/').next();
        let own = caller.key().session_id.as_ref().map(SessionId::as_str);
        self.is_of_session && own.is_some() && (named == own || named == Some(CURRENT))
    }
}

/// The word that stands for the session that asks.
pub const CURRENT: &str = "current";

/// Lets a request through whose key has the scope, and whose holder may hold the permission somewhere.
async fn admit(request: Request, need: Need) -> Result<Request, ApiError> {
    let (mut parts, mut body) = request.into_parts();
    // Strangers are turned away before anything of theirs is read.
    let Operator(mut caller) = Operator::from_request_parts(&mut parts, &()).await?;
    if [Method::PATCH, Method::POST, Method::PUT].contains(&parts.method) {
        body = extract::whole(&parts.headers, body).await?.into();
        // A body that was held back outlives what its sender was allowed: they are asked for again.
        Operator(caller) = Operator::from_request_parts(&mut parts, &()).await?;
    }
    let allowed = if need.is_own(&caller, parts.uri.path()) {
        with_scope(caller, need.permission)?
    } else {
        allow(caller, need.permission)?
    };
    parts.extensions.insert(allowed);
    Ok(Request::from_parts(parts, body))
}

fn allow(caller: Caller, permission: Permission) -> Result<Allowed, ApiError> {
    if let Some(scope) = permission.lacks(&caller.key().scopes) {
        let message = format!("this key has not the scope {}", scope.as_str());
        return Err(ApiError::new(Code::Forbidden, message).with("scope", scope.as_str()));
    }
    with_scope(caller, permission)
}

/// The same for who has the scope, or needs none.
fn with_scope(caller: Caller, permission: Permission) -> Result<Allowed, ApiError> {
    if !permission.possible(caller.role()) {
        return Err(forbidden());
    }
    Ok(Allowed { caller, permission })
}

fn forbidden() -> ApiError {
    ApiError::new(Code::Forbidden, "this is not for the holder of this key to do")
}

/// A caller who was let through to a route.
#[derive(Clone)]
pub struct Allowed {
    caller: Caller,
    permission: Permission,
}

impl Allowed {
    /// Who it is.
    #[must_use]
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The same caller, asked for again: for who goes on reading for long.
    ///
    /// # Errors
    /// As when they came.
    pub async fn again(&self, platform: &Platform) -> Result<Self, ApiError> {
        allow(self.caller.as_of_now(platform).await?, self.permission)
    }

    /// Refuses what the caller may not do to something of this organization, on whose instance it has
    /// this grant. `what` is the word for it: `project`.
    ///
    /// # Errors
    /// `NOT_FOUND` if the caller may not even see it, else `FORBIDDEN`.
    pub fn on(
        &self,
        organization: &OrganizationId,
        grant: Option<Grant>,
        what: &str,
    ) -> Result<(), ApiError> {
        let standing = self.standing(organization, grant);
        if self.permission.held(standing) {
            Ok(())
        } else if self.permission.sees(standing) {
            Err(forbidden())
        } else {
            Err(unknown(what))
        }
    }

    /// Refuses what the caller may not do to something of a person: each may do it to what is their own, and an
    /// administrator to what is of persons who are no more than they are themselves. `what` is the word for what is
    /// looked for, `of_whom` says what may not be changed: `a key of someone`.
    ///
    /// # Errors
    /// As [`Self::on`].
    pub fn on_persons(
        &self,
        person: &Person<'_>,
        what: &str,
        of_whom: &str,
    ) -> Result<(), ApiError> {
        let is_own = self.caller.key().user_id.as_ref() == Some(person.id);
        self.on(person.organization, is_own.then_some(Grant::Owner), what)?;
        if self.changes() && !self.caller.role().reaches(Role::of(person.role)) {
            let message = format!("this is {of_whom} who may do more than you");
            return Err(ApiError::new(Code::Forbidden, message));
        }
        Ok(())
    }

    /// Refuses everyone who does not operate the service.
    ///
    /// # Errors
    /// `FORBIDDEN`.
    pub fn operates(&self) -> Result<(), ApiError> {
        if self.caller.is_superadmin() { Ok(()) } else { Err(forbidden()) }
    }

    /// Whether the route changes anything.
    #[must_use]
    pub fn changes(&self) -> bool {
        self.permission.lacks(&[Scope::Read]).is_some()
    }

    fn standing(&self, organization: &OrganizationId, grant: Option<Grant>) -> Standing {
        let is_home = self.caller.key().organization_id == *organization;
        Standing { grant, is_home, role: self.caller.role() }
    }

    /// The organization that the caller administers; `None` if none or if all.
    #[must_use]
    pub fn administers(&self) -> Option<&OrganizationId> {
        (self.caller.role() == Role::Admin).then_some(&self.caller.key().organization_id)
    }
}

/// Whose something is.
#[derive(Clone, Copy, Debug)]
pub struct Person<'a> {
    /// Who they are.
    pub id: &'a UserId,
    /// Where they are at home.
    pub organization: &'a OrganizationId,
    /// The word for what they may do, as it is kept.
    pub role: Option<&'a str>,
}

/// What does not exist for this caller.
#[must_use]
pub fn unknown(what: &str) -> ApiError {
    ApiError::new(Code::NotFound, format!("there is no such {what}"))
}

impl<S: Send + Sync> FromRequestParts<S> for Allowed {
    type Rejection = ApiError;

    /// Only [`Routes`] lets anyone through: elsewhere there is nobody to be found here.
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let missing = || ApiError::internal("a handler for the control plane stands elsewhere");
        parts.extensions.get::<Self>().cloned().ok_or_else(missing)
    }
}
