//! Which calls someone may see, and which of them they ask for.

use crate::{
    ids::{ApiKeyId, InstanceId, ModelId, OrganizationId, ProjectId, ProviderId, UserId},
    ports::Arg,
};

/// Whose eyes the books are for.
#[derive(Clone, Debug)]
pub enum Reader {
    /// Who operates the service.
    Everything,
    /// A person: what happened on instances that they have a grant on, and in the organization that they
    /// administer.
    Person {
        /// Which they administer, if any.
        organization: Option<OrganizationId>,
        /// Who it is.
        user: UserId,
    },
    /// A program: what happened in its project.
    Program {
        /// The instance of the project.
        instance: InstanceId,
        /// The project.
        project: ProjectId,
    },
}

/// Which calls are asked for: those that all of these hold for.
///
/// What these name need not be there any more: the books outlive it.
#[derive(Clone, Debug)]
pub struct Selection {
    /// Only those with this key.
    pub api_key: Option<ApiKeyId>,
    /// Only those that ended with this code.
    pub error_code: Option<String>,
    /// Only those on this instance.
    pub instance: Option<InstanceId>,
    /// Only those of this modality.
    pub modality: Option<&'static str>,
    /// Only those that this model served.
    pub model: Option<ModelId>,
    /// Only those of this organization.
    pub organization: Option<OrganizationId>,
    /// Only those of this project.
    pub project: Option<ProjectId>,
    /// Only those that this provider served.
    pub provider: Option<ProviderId>,
    /// Who looks.
    pub reader: Reader,
    /// Only those that ended so.
    pub status: Option<&'static str>,
}

impl Selection {
    /// All that a reader may see.
    #[must_use]
    pub fn all(reader: Reader) -> Self {
        Self {
            api_key: None,
            error_code: None,
            instance: None,
            modality: None,
            model: None,
            organization: None,
            project: None,
            provider: None,
            reader,
            status: None,
        }
    }

    /// The values of `?1` to `?14` of [`places`] and [`chosen`].
    pub(super) fn args(&self) -> Vec<Arg> {
        let (mut all, mut home, mut user, mut instance, mut project) =
            (None, None, None, None, None);
        match &self.reader {
            Reader::Everything => all = Some("all"),
            Reader::Person { organization, user: own } => {
                home = organization.as_ref().map(OrganizationId::as_str);
                user = Some(own.as_str());
            }
            Reader::Program { instance: own, project: of } => {
                instance = Some(own.as_str());
                project = Some(of.as_str());
            }
        }
        vec![
            all.into(),
            home.into(),
            user.into(),
            instance.into(),
            project.into(),
            self.instance.as_ref().map(InstanceId::as_str).into(),
            self.organization.as_ref().map(OrganizationId::as_str).into(),
            self.project.as_ref().map(ProjectId::as_str).into(),
            self.api_key.as_ref().map(ApiKeyId::as_str).into(),
            self.model.as_ref().map(ModelId::as_str).into(),
            self.provider.as_ref().map(ProviderId::as_str).into(),
            self.modality.into(),
            self.status.into(),
            self.error_code.as_deref().into(),
        ]
    }
}

/// `places`: the instances that are looked at.
macro_rules! places {
    () => {
        "WITH seen AS (
           SELECT i.instance_id, i.organization_id FROM usage_instances AS i
           WHERE ?1 = 'all' AND i.instance_id > ''
           UNION SELECT i.instance_id, i.organization_id FROM usage_instances AS i
           WHERE i.organization_id = ?2
           UNION SELECT i.instance_id, i.organization_id FROM user_grants AS g
           JOIN usage_instances AS i ON i.instance_id = g.instance_id WHERE g.user_id = ?3
           UNION SELECT i.instance_id, i.organization_id FROM usage_instances AS i
           WHERE i.instance_id = ?4
         ), places AS MATERIALIZED (
           SELECT seen.instance_id FROM seen
           WHERE (?6 IS NULL OR seen.instance_id = ?6) AND (?7 IS NULL OR seen.organization_id = ?7)
         ) "
    };
}

/// What holds for calls that are asked for, beside where they were made.
macro_rules! chosen {
    ($t:literal) => {
        concat!(
            "(?5 IS NULL OR ",
            $t,
            ".project_id = ?5) AND (?8 IS NULL OR ",
            $t,
            ".project_id = ?8)
             AND (?9 IS NULL OR ",
            $t,
            ".api_key_id = ?9) AND (?10 IS NULL OR ",
            $t,
            ".model_id = ?10)
             AND (?11 IS NULL OR ",
            $t,
            ".provider_id = ?11) AND (?12 IS NULL OR ",
            $t,
            ".modality = ?12)
             AND (?13 IS NULL OR ",
            $t,
            ".status = ?13) AND (?14 IS NULL OR ",
            $t,
            ".error_code = ?14)"
        )
    };
}

pub(super) use {chosen, places};
