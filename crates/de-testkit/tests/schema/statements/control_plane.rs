//! Organizations, instances, projects, keys, sessions, and what is noted of their changes.

use de_core::{
    ids::{ApiKeyId, InstanceId, OrganizationId, ProjectId, RequestId, SessionId, UserId},
    ports::Statement,
    store::{
        Activity, Viewer, api_keys, audit, bootstrap,
        idempotency::{self, Place},
        instances, organizations,
        pages::PageQuery,
        projects,
        responses::{self, NewTurn, OldTurn},
        sessions,
    },
};

use crate::NOW;

/// What organizations, instances, projects and keys are read and changed by.
pub(super) fn control_plane() -> Vec<Statement> {
    let organization = OrganizationId::parse("org_1").unwrap();
    let instance = InstanceId::parse("inst_1").unwrap();
    let project = ProjectId::parse("proj_1").unwrap();
    let key = ApiKeyId::parse("key_1").unwrap();
    let session = SessionId::parse("sess_1").unwrap();
    let user = UserId::parse("user_1").unwrap();
    let new_session =
        sessions::NewRow { api_key: Some(&key), digest: "d", id: &session, user: &user };
    let page = || PageQuery { after: Some("a".to_owned()), limit: 2 };
    let active = Some(Activity::Active);
    let person = Viewer::Person { organization: Some(&organization), user: &user };
    let place = Place {
        holder: key.as_str().to_owned(),
        key_digest: "d".to_owned(),
        route: "POST /v1/projects".to_owned(),
    };
    let turn = NewTurn {
        content: "v1.a.b",
        created_at: NOW,
        expires_at: NOW,
        id: "resp_1",
        previous_id: None,
        project: &project,
        size_bytes: 6,
    };
    let mut all = vec![
        organizations::find(&organization),
        organizations::list(Some(&organization), active, &page()),
        organizations::list(None, None, &PageQuery::default()),
        organizations::below(&organization),
        organizations::reach(&organization),
        organizations::unchanged("audit_1", &organization, NOW),
        organizations::empty("audit_1", &organization),
        instances::find(&instance, Some(&user)),
        instances::below(&instance),
        instances::unchanged("audit_1", &instance, NOW),
        instances::empty("audit_1", &instance),
        projects::find(&project, Some(&user)),
        projects::below(&project),
        projects::clear_response_cache(&project),
        projects::unchanged("audit_1", &project, NOW),
        projects::empty("audit_1", &project),
        api_keys::find(&key, Some(&user)),
        api_keys::holder(&user),
        api_keys::touch(&key, NOW),
        api_keys::unchanged("audit_1", &key, NOW),
        sessions::access("d"),
        sessions::by_digest("d"),
        sessions::find(&session),
        sessions::insert(new_session, NOW),
        sessions::list(&user, &page(), NOW),
        sessions::person(&user),
        sessions::person_by_email("a@b.c"),
        sessions::revoke(&session, NOW),
        sessions::touch(&session, NOW),
        bootstrap::superadmin(),
        bootstrap::no_superadmin("audit_1"),
        idempotency::find(&place, NOW),
        idempotency::expire(&place, NOW),
        responses::find(&project, "resp_1", NOW),
        responses::chain(&project, "resp_1", NOW),
        responses::delete(&project, "resp_1", NOW),
        responses::insert(&turn),
        responses::insert_part(&turn, 1, "v1.a.b"),
        responses::insert_items(&project, "resp_1", r#"["msg_1"]"#),
        responses::with_items(&project, r#"["msg_1"]"#, 1, NOW),
    ];
    all.extend([responses::older(2, NOW), responses::count_older(2, NOW)]);
    all.extend([0, 1].map(|part| {
        let (content, id) = ("v1.a.b".to_owned(), "resp_1".to_owned());
        let turn = OldTurn { content, id, part, project_id: project.clone() };
        responses::reseal(&turn, "v2.a.b")
    }));
    let request = RequestId::parse("r-1").unwrap();
    for organization in [None, Some(&organization)] {
        for target in [None, Some("t")] {
            for actor in [None, Some("user_1")] {
                for request in [None, Some(&request)] {
                    let (action, page) = (Some("project"), page());
                    let query =
                        audit::AuditQuery { action, actor, organization, page, request, target };
                    all.push(audit::list(&query));
                }
            }
        }
    }
    all.push(audit::find("audit_1"));
    all.extend(projects::delete(&project));
    all.extend(organizations::delete(&organization));
    all.extend(instances::delete(&instance));
    for viewer in [Viewer::Everything, person] {
        for organization in [None, Some(&organization)] {
            let status = active;
            let environment = Some("production");
            let query =
                instances::InstanceQuery { environment, organization, page: page(), status };
            all.push(instances::list(&query, viewer));
        }
        for instance in [None, Some(&instance)] {
            let query = projects::ProjectQuery { instance, page: page(), status: active };
            all.push(projects::list(&query, viewer));
        }
        for (project, user) in [(None, None), (Some(&project), None), (None, Some(&user))] {
            for (instance, expires_before) in [
                (None, None),
                (Some(&instance), None),
                (None, Some(NOW)),
                (Some(&instance), Some(NOW)),
            ] {
                let query = api_keys::ApiKeyQuery {
                    expires_before,
                    instance,
                    now: NOW,
                    page: page(),
                    project,
                    status: Some(api_keys::KeyStatus::Active),
                    text: Some("k"),
                    user,
                };
                all.push(api_keys::list(&query, viewer));
            }
        }
    }
    all
}
