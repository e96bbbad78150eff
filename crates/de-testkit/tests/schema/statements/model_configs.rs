//! Models, their versions and their names.

use de_core::{
    ids::{InstanceId, ModelId, OrganizationId},
    model::Modality,
    ports::Statement,
    store::{models, pages::PageQuery},
};

use crate::{NOW, rows::config};

/// What the versions of models are read and changed by.
pub(super) fn model_configs() -> Vec<Statement> {
    let organization = OrganizationId::parse("org_1").unwrap();
    let (model, own) = (ModelId::parse("m").unwrap(), organization.clone());
    let mut all = Vec::new();
    for organization in [Some(&organization), None] {
        let saving = models::Saving { by: "user_1", now: NOW, organization };
        all.push(models::find(&model, organization));
        all.push(models::find_all(std::slice::from_ref(&model), organization));
        let (own, instance) = (organization.unwrap_or(&own), InstanceId::parse("inst_1").unwrap());
        all.push(models::resolve_versions(&model, organization, own, &instance));
        all.push(models::names::named(std::slice::from_ref(&model), organization));
        all.push(models::delete(&model, organization));
        all.push(models::free_aliases(&model, organization));
        all.push(models::names::named_by(&model, organization));
        all.push(models::names::unnamed("audit_1", &model, organization));
        all.push(models::names::allowed_by(&model, organization));
        let taken = models::names::Taken {
            kept: vec![model.clone()],
            lost: vec![Modality::Image],
            works_in: vec![Modality::Text],
        };
        all.push(models::names::missed_by(&model, organization, &taken));
        all.push(models::names::unmissed("audit_1", &model, organization, &taken));
        all.push(models::versions::list(&model, organization, &PageQuery::default()));
        all.push(models::versions::find(&model, organization, 1));
        all.push(models::versions::latest(std::slice::from_ref(&model), organization));
        all.push(models::unchanged("audit_1", &model, organization, 1));
        all.extend(models::insert(&config(), saving));
        all.extend(models::update(&config(), saving));
    }
    all
}
