//! Persons and grants.

use de_core::{
    ids::{InstanceId, OrganizationId, UserId},
    ports::Statement,
    store::{
        Activity, Viewer,
        grants::{self, GrantRow},
        pages::PageQuery,
        users::{self, UserQuery, UserRow},
    },
};

use crate::NOW;

/// What persons and grants are read and changed by.
pub(super) fn persons() -> Vec<Statement> {
    let organization = OrganizationId::parse("org_1").unwrap();
    let instance = InstanceId::parse("inst_1").unwrap();
    let user = UserId::parse("user_1").unwrap();
    let page = || PageQuery { after: Some("a".to_owned()), limit: 2 };
    let row = UserRow {
        created_at: NOW,
        email: "a@b.c".to_owned(),
        id: user.clone(),
        name: None,
        organization_id: organization.clone(),
        role: "user".to_owned(),
        status: Activity::Active,
        updated_at: NOW,
    };
    let grant = GrantRow {
        created_at: NOW,
        email: "a@b.c".to_owned(),
        instance_id: instance.clone(),
        role: "user".to_owned(),
        updated_at: NOW,
        user_id: user.clone(),
    };
    let mut all = vec![
        users::find(&user),
        users::insert(&row),
        users::update(&row),
        users::delete(&user),
        users::below(&user),
        users::unchanged("audit_1", &user, NOW),
        users::empty("audit_1", &user),
        users::another_operates(&user),
        users::others_operate(&organization),
        users::reach(&user),
        grants::find(&user, &instance),
        grants::of_user(&user, Some(&organization), &page()),
        grants::of_user(&user, None, &PageQuery::default()),
        grants::of_instance(&instance, &page()),
        grants::put(&grant),
        grants::delete(&user, &instance),
        grants::unchanged("audit_1", &user, &instance, Some(NOW)),
        grants::unchanged("audit_1", &user, &instance, None),
    ];
    let person = Viewer::Person { organization: Some(&organization), user: &user };
    for viewer in [Viewer::Everything, person] {
        for (email, organization, role) in [
            (None, None, None),
            (Some("a@b.c"), None, None),
            (None, Some(&organization), None),
            (None, None, Some("user")),
            (Some("a@b.c"), Some(&organization), Some("user")),
        ] {
            let status = Some(Activity::Active);
            all.push(users::list(
                &UserQuery { email, organization, page: page(), role, status },
                viewer,
            ));
        }
    }
    all
}
