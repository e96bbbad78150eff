//! `/v1/model-configs`: models as rows, from the first version to the last.
//!
//! A row belongs to an organization, or to all: then only who operates the service changes it. Everyone
//! else reads their own before the shared one of the same id, and changes their own.

mod check;
mod deletion;
mod list;
mod naming;
mod preview;
mod save;
mod transfer;
mod trial;
mod versions;

#[cfg(not(target_family = "wasm"))]
pub(crate) use self::{
    deletion::WouldDeleteModel, transfer::Imported, trial::Shown as Tested, versions::ModelVersion,
};
pub(crate) use check::may_be_defaults;
pub(crate) use deletion::delete;
pub(crate) use list::{list, read};
pub(crate) use naming::{Naming, read as read_naming};
pub(crate) use preview::{preview, preview_unsaved};
pub(crate) use save::{create, update};
pub(crate) use transfer::{export, import};
pub(crate) use trial::test;
pub(crate) use versions::{list as versions, read as version, roll_back};

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use de_core::{
    http::{
        error::{ApiError, Code},
        routes::Allowed,
    },
    ids::{ModelId, OrganizationId},
    model::{ModelConfig, in_one_line},
    ports::{Platform, row},
    store::models::{self, ModelRow},
    time::Timestamp,
};
use serde::Serialize;
use serde_json::Value;

use crate::resource::{Change, Filters, edition_tag, with_tag};

/// Whose models a request is about: the first of these owners who has the model. `None` is the
/// catalogue.
struct Owners(Vec<Option<OrganizationId>>);

impl Owners {
    /// Reads `?organization_id=`. Who operates the service means the catalogue unless they name an
    /// organization; everyone else means their own, and what is shared.
    ///
    /// # Errors
    /// `NOT_FOUND` for another organization than one's own.
    fn of(allowed: &Allowed, named: Option<OrganizationId>) -> Result<Self, ApiError> {
        let caller = allowed.caller();
        if caller.is_superadmin() {
            return Ok(Self(vec![named]));
        }
        let Some(named) = named else {
            return Ok(Self(vec![Some(caller.key().organization_id.clone()), None]));
        };
        allowed.on(&named, None, "organization")?;
        Ok(Self(vec![Some(named)]))
    }

    /// Finds a model.
    ///
    /// # Errors
    /// `MODEL_NOT_FOUND`.
    async fn find(&self, platform: &Platform, id: &str) -> Result<ModelRow, ApiError> {
        let id = ModelId::parse(id).map_err(|_| unknown())?;
        let wanted = self.0.iter().map(|owner| models::find(&id, owner.as_ref())).collect();
        let found = platform.database.batch(wanted).await?.into_iter().flatten().next();
        Ok(row(found.ok_or_else(unknown)?)?)
    }

    /// Finds a model that the caller may change.
    ///
    /// # Errors
    /// As [`Owners::find`]; `FORBIDDEN` for a shared one, unless they operate the service.
    async fn find_to_change(
        &self,
        platform: &Platform,
        allowed: &Allowed,
        id: &str,
    ) -> Result<ModelRow, ApiError> {
        let found = self.find(platform, id).await?;
        match &found.organization_id {
            Some(organization) => allowed.on(organization, None, "model config")?,
            None if allowed.caller().is_superadmin() => {}
            None => {
                let message = "this model is shared: only who operates the service may change it; \
                               one of your own with its id comes before it";
                return Err(ApiError::new(Code::Forbidden, message));
            }
        }
        Ok(found)
    }
}

/// Reads `?organization_id=` where a request has no other parameters.
fn owners(allowed: &Allowed, mut filters: Filters) -> Result<Owners, ApiError> {
    let named = filters.id("organization_id", OrganizationId::parse);
    filters.finish()?;
    Owners::of(allowed, named)
}

fn unknown() -> ApiError {
    ApiError::new(Code::ModelNotFound, "there is no such model config")
}

/// A model as answers show it.
#[derive(Serialize)]
#[serde(untagged)]
enum ShownModel {
    /// One that can be read.
    Good(Box<GoodModel>),
    /// One that cannot, and hurts no other.
    Bad(BadModel),
}

/// The current version of a model.
#[derive(Serialize)]
struct GoodModel {
    /// What it says.
    #[serde(flatten)]
    config: ModelConfig,
    /// Whose it is; null for the shared catalogue.
    organization_id: Option<OrganizationId>,
    /// When it was first saved.
    created_at: Timestamp,
    /// When this version was saved.
    updated_at: Timestamp,
}

/// A model whose current version is none any more.
#[derive(Serialize)]
struct BadModel {
    /// Its id.
    model_id: ModelId,
    /// What is wrong with it.
    error: String,
    /// The version that serves instead, if any can: the newest one that can be called.
    serving_version: Option<u64>,
    /// Whose it is; null for the shared catalogue.
    organization_id: Option<OrganizationId>,
    /// Counts from 1.
    version: u64,
    /// When it was first saved.
    created_at: Timestamp,
    /// When this version was saved.
    updated_at: Timestamp,
}

/// Shows a row as it stands. Only [`seen`](list) knows whether it can be called, and what serves if it
/// cannot.
fn shown(row: &ModelRow) -> ShownModel {
    match row.parse() {
        Ok(config) => ShownModel::Good(Box::new(GoodModel {
            config,
            organization_id: row.organization_id.clone(),
            created_at: row.created_at.into(),
            updated_at: row.updated_at.into(),
        })),
        Err(issues) => bad(row, in_one_line(&issues), None),
    }
}

/// Shows a row that cannot be called.
fn bad(row: &ModelRow, error: String, serving_version: Option<u64>) -> ShownModel {
    ShownModel::Bad(BadModel {
        model_id: row.model_id.clone(),
        error,
        serving_version,
        organization_id: row.organization_id.clone(),
        version: row.version,
        created_at: row.created_at.into(),
        updated_at: row.updated_at.into(),
    })
}

/// A row, with its entity tag.
fn answered(row: &ModelRow) -> Response {
    with_tag(Json(shown(row)).into_response(), &tag(row))
}

fn tag(row: &ModelRow) -> String {
    edition_tag(row.version, row.organization_id.as_ref().map(OrganizationId::as_str))
}

/// A change of a row, to be filled with what it was or is.
fn change(verb: &str, row: &ModelRow) -> Change {
    Change {
        action: format!("model-config.{verb}"),
        after: None,
        also: Vec::new(),
        before: None,
        owner: row.organization_id.clone(),
        target: row.model_id.as_str().to_owned(),
    }
}

/// Who saves, as versions name it: the person, or the key of a program.
fn author(allowed: &Allowed) -> String {
    let key = allowed.caller().key();
    key.user_id.as_ref().map_or_else(|| key.who().to_owned(), ToString::to_string)
}

/// Wire types have string keys and finite numbers, so this cannot fail.
fn value(shown: &impl Serialize) -> Value {
    serde_json::to_value(shown).unwrap_or_default()
}
