//! Keys, persons, and what is sealed.

use super::*;

#[tokio::test]
async fn a_key_is_found_with_all_that_it_means() {
    let test = TestPlatform::new().await.unwrap();
    let find = |secret: &de_core::secret::Secret| {
        let digest = ApiKey::parse(secret.expose()).unwrap().digest;
        let database = test.database.clone();
        async move { rows::<AccessRow>(&*database, access::by_digest(&digest)).await.unwrap() }
    };
    let client = find(&test.tenant.client_key).await.remove(0);
    // A copy that a cache keeps must be read back.
    let copy = serde_json::to_value(&client).unwrap();
    let read: AccessRow = serde_json::from_value(copy.clone()).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), copy);
    let scopes = auth::Scope::ALL.iter().copied().filter(|scope| *scope != auth::Scope::Admin);
    assert_eq!(copy["scopes"], json!(scopes.collect::<Vec<_>>()));
    assert_eq!(client.instance_id.unwrap().as_str(), "inst_dev");
    assert_eq!(client.project_status, Some(Activity::Active));
    assert_eq!(client.instance.environment.as_deref(), Some("development"));
    assert_eq!(client.instance.default_models.unwrap()["text"], "gpt-4o-mini");
    assert_eq!(client.organization_id.as_str(), "org_dev");
    assert_eq!((client.tenant_epoch, client.user_id), (1, None));
    assert!(!client.retain_content && client.allowed_models.is_none());

    let admin = find(&test.tenant.admin_key).await.remove(0);
    assert_eq!(admin.user_role.as_deref(), Some("superadmin"));
    assert_eq!((admin.instance_id, admin.project_id), (None, None));
    let revoked = find(&test.tenant.revoked_key).await.remove(0);
    assert_eq!(revoked.revoked_at, test.tenant.tenant.keys[3].revoked_at);
    assert!(revoked.revoked_at.is_some());
    assert!(find(&test.tenant.stranger_key).await.is_empty());

    let user = admin.user_id.unwrap();
    let granted = access::instance_for_user(&test.tenant.tenant.instance_id, &user);
    let granted: Vec<GrantRow> = rows(&*test.database, granted).await.unwrap();
    assert_eq!(granted[0].grant_role.as_deref(), Some("owner"));
    let (_, foreign) = neighbour(&test.database).await;
    let foreign = access::instance_for_user(&foreign, &user);
    let foreign: Vec<GrantRow> = rows(&*test.database, foreign).await.unwrap();
    assert_eq!(foreign[0].grant_role, None);
}

#[tokio::test]
async fn a_key_that_takes_over_has_the_limits_of_the_old_one() {
    let test = TestPlatform::new().await.unwrap();
    let dev = &test.tenant.tenant;
    let old = &dev.keys[1].id;
    let limit = limits::NewLimit {
        amount: 5,
        instance: Some(&dev.instance_id),
        kind: Kind::Requests(Span::Minute),
        organization: &dev.organization_id,
        scope: &Scope::new(ScopeKind::Key, old.as_str()),
        shadow: false,
    };
    run(&test.database, vec![limits::put(&limit, START)]).await;
    let found: Vec<ApiKeyRow> = rows(&*test.database, api_keys::find(old, None)).await.unwrap();
    let new = ApiKeyId::parse("key_new").unwrap();
    run(&test.database, api_keys::inherit_limits(&found[0], &new, START).into()).await;
    let held = Statement {
        args: Vec::new(),
        sql: "SELECT scope_id, kind, per, amount FROM limits WHERE scope = 'key' ORDER BY rowid",
    };
    let held = run(&test.database, vec![held]).await.remove(0);
    let row = |id: &str| json!({"scope_id": id, "kind": "requests", "per": "minute", "amount": 5});
    assert_eq!(json!(held), json!([row(old.as_str()), row("key_new")]));
}

#[tokio::test]
async fn whoever_operates_the_service_last_stays() {
    let test = TestPlatform::new().await.unwrap();
    let database = &test.database;
    let dev = &test.tenant.tenant.organization_id;
    let only = UserId::parse("user_dev").unwrap();
    let (next, _) = neighbour(database).await;
    let second = UserId::parse("user_Next").unwrap();
    let put = |organization_id, role| {
        let email = "next@example.com";
        let new = tenants::NewUser { email, id: &second, name: "N", organization_id, role };
        vec![tenants::put_user(new, START)]
    };
    let guards =
        || vec![users::another_operates(&only), users::others_operate(dev)].into_iter().enumerate();
    // Nobody else; someone who is less; someone in one's own organization, which goes as a whole.
    for (organization, role, stay) in
        [(&next, "admin", [true, true]), (dev, "superadmin", [false, true])]
    {
        run(database, vec![users::delete(&second)]).await;
        run(database, put(organization, role)).await;
        for (place, guard) in guards() {
            let refused = database.batch(vec![guard]).await;
            assert_eq!(refused.is_err(), stay[place], "{role} {place}");
            if refused.is_err() {
                assert_eq!(conflict(refused), users::NOBODY_OPERATES);
            }
        }
    }
    run(database, vec![users::delete(&second)]).await;
    run(database, put(&next, "superadmin")).await;
    let before = database.dump().unwrap();
    for (_, guard) in guards() {
        run(database, vec![guard]).await;
    }
    assert_eq!(database.dump().unwrap(), before);
    // Who is suspended, or whose organization is, does not count.
    let statement = |sql| Statement { args: Vec::new(), sql };
    for (suspend, lift) in [
        (
            "UPDATE users SET status = 'suspended' WHERE id = 'user_Next'",
            "UPDATE users SET status = 'active'",
        ),
        (
            "UPDATE organizations SET status = 'suspended' WHERE id = 'org_next'",
            "UPDATE organizations SET status = 'active'",
        ),
    ] {
        run(database, vec![statement(suspend)]).await;
        for (_, guard) in guards() {
            let refused = database.batch(vec![guard]).await;
            assert_eq!(conflict(refused), users::NOBODY_OPERATES, "{suspend}");
        }
        run(database, vec![statement(lift)]).await;
    }
}

#[tokio::test]
async fn a_key_that_was_replaced_meanwhile_is_not_sealed_anew_nor_judged() {
    let test = TestPlatform::new().await.unwrap();
    let (database, instance) = (&test.database, &test.tenant.tenant.instance_id);
    let openai = ProviderId::parse("openai").unwrap();
    let old: Vec<OldRow> = rows(&**database, provider_keys::older(2)).await.unwrap();
    let old = old.into_iter().find(|old| old.provider_id == openai).unwrap();
    let replaced = provider_keys::put(&new_key(instance, &openai, "v1.new.key"), START.plus(1));
    run(database, vec![replaced]).await;
    let verdict = provider_keys::Tried { at: START, message: Some("no"), ok: false };
    let answers = run(
        database,
        vec![
            provider_keys::reseal(&old, "v2.old.key"),
            provider_keys::tried(instance, &openai, &old.sealed, verdict),
            provider_keys::find(instance, &openai),
        ],
    )
    .await;
    assert_eq!(answers[0], []);
    assert_eq!(answers[2][0]["sealed"], "v1.new.key");
    assert!(answers[2][0]["last_test_at"].is_null());
    let new = OldRow { sealed: "v1.new.key".to_owned(), ..old };
    let answers = run(database, vec![provider_keys::reseal(&new, "v2.new.key")]).await;
    assert_eq!(answers[0].len(), 1);
    let left = run(database, vec![provider_keys::count_older(2)]).await;
    let all = test.tenant.tenant.provider_keys.len() as u64;
    assert_eq!(left[0][0]["count"], all - 1);
}
