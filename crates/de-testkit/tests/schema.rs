//! The migrations, the seeds, and how SQLite finds what the queries ask for.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
)]

use std::collections::HashMap;

use de_core::{
    auth::{Scope as KeyScope, api_key::KeyKind},
    ids::{
        ApiKeyId, AssetId, DeliveryId, InstanceId, JobId, ModelId, OrganizationId, ProjectId,
        ProviderId, ReceiptId, RequestId, SessionId, UserId, WebhookId,
    },
    jobs::View,
    limits::{Kind, Limit, Period, Scope, ScopeKind, Span},
    media::MediaKind,
    model::{Modality, ModelConfig, Status, check::with_provider},
    ports::{Database, Statement, row, rows},
    seeds::{self, DevTenant},
    store::{
        Activity, Viewer, access, api_keys, assets, audit, bootstrap,
        epochs::{self, EpochScope},
        grants::{self, GrantRow},
        idempotency::{self, Place},
        instances,
        jobs::{self, JobQuery},
        limit_rows::{self, RowsQuery, Sight},
        limits, models, organizations,
        pages::PageQuery,
        projects,
        provider_keys::{self, NewProviderKey},
        providers::{self, Provider, ProviderAuth, ProviderRow, removal},
        responses::{self, NewTurn, OldTurn},
        sessions, tenants, upkeep,
        usage::{
            self,
            requests::{self, RequestQuery},
            rollups::{self, HOUR_MS, Mark},
            selection::{Reader, Selection},
            sums::{self, By, Step, SumQuery},
        },
        users::{self, UserQuery, UserRow},
        webhooks::{
            self, OldWebhook, WebhookQuery, WebhookRow, WebhookStatus,
            deliveries::{
                self, AttemptRow, Claim, DeliveryState, NewCallback, NewMessage, OldCallback,
                Settled,
            },
        },
    },
    time::UnixMillis,
};
use de_testkit::{database::SqliteDatabase, platform::TestPlatform, tenant::seed_catalogue};
use serde_json::json;

const NOW: UnixMillis = UnixMillis(1_795_608_000_000);

/// Tables that a query makes for itself: they hold what it has found already.
const MADE_BY_QUERIES: &[&str] = &[
    "found",
    "used",
    "r",
    "a",
    "json_each",
    "CONSTANT",
    "seen",
    "places",
    "d",
    "f",
    "n",
    "names",
    "part",
    "naming",
    "gone",
    "w",
    "due",
    "ranked",
    "hours",
    "opened",
    "over",
    "p",
    "spans",
    "waiting",
    "h",
    "k",
    "o",
];

/// What is kept of paid work.
fn kept() -> Vec<Statement> {
    let organization = OrganizationId::parse("org_1").unwrap();
    let instance = InstanceId::parse("inst_1").unwrap();
    let project = ProjectId::parse("proj_1").unwrap();
    let (id, job) = (AssetId::parse("asset_1").unwrap(), JobId::parse("job_1").unwrap());
    let new = assets::NewAsset {
        api_key_id: None,
        content_type: "image/png",
        cost_micros: None,
        duration_ms: None,
        extension: "png",
        height: Some(1),
        id: &id,
        instance_id: &instance,
        job_id: Some(&job),
        kind: MediaKind::Image,
        model_id: None,
        organization_id: &organization,
        project_id: Some(&project),
        provider_id: None,
        receipt_id: None,
        request_id: None,
        sha256: "00",
        size_bytes: 1,
        source: Some(&json!({})),
        storage_key: "k",
        user_id: None,
        width: Some(1),
    };
    let all = assets::AssetQuery { instance: &instance, job: None, kind: None, project: None };
    let jobs_of_instance = JobQuery {
        instance: &instance,
        modality: Some("image"),
        project: None,
        status: Some("failed"),
    };
    let of_project = assets::AssetQuery { project: Some(&project), ..all };
    let of_job = assets::AssetQuery { job: Some(&job), kind: Some(MediaKind::Image), ..of_project };
    let page = PageQuery::default();
    let mut statements = vec![
        assets::delete(std::slice::from_ref(&id)),
        assets::due_strays(NOW),
        assets::expired(NOW),
        assets::find(&id),
        assets::leave_by_instance(&instance),
        assets::leave_by_organization(&organization),
        assets::list(all, &page, NOW),
        assets::list(of_job, &page, NOW),
        assets::list(of_project, &page, NOW),
        assets::stray("k", NOW),
        jobs::find(&job),
        jobs::list(jobs_of_instance, &page),
        jobs::list(JobQuery { project: Some(&project), ..jobs_of_instance }, &page),
        jobs::put(&view()),
    ];
    statements.extend(assets::insert(&new, NOW));
    statements
}

/// A job, as its row has it.
fn view() -> View {
    let view = json!({
        "attempts": 1,
        "created_at": "2026-11-22T00:00:00.000Z",
        "id": "job_1",
        "instance_id": "inst_1",
        "modality": "image",
        "notices": [],
        "operation": "POST /generate",
        "organization_id": "org_1",
        "outputs": [],
        "project_id": "proj_1",
        "receipt_id": "rcpt_1",
        "request_id": "r",
        "revision": 1,
        "status": "running",
        "updated_at": "2026-11-22T00:00:00.000Z",
    });
    serde_json::from_value(view).unwrap()
}

#[track_caller]
fn check_plan(database: &SqliteDatabase, statement: &Statement) {
    for line in database.plan(statement).unwrap() {
        let scanned = line.strip_prefix("SCAN ").and_then(|rest| rest.split(' ').next());
        // `(subquery-4)` is what a window function runs over; its own lines are checked like all others.
        let is_made = |name: &str| {
            MADE_BY_QUERIES.contains(&name)
                || name.parse::<u8>().is_ok()
                || name.starts_with("(subquery-")
        };
        assert!(scanned.is_none_or(is_made), "{line}\nin {}", statement.sql);
    }
}

fn config() -> ModelConfig {
    ModelConfig::parse(&json!({
        "model_id": "m", "provider_id": "openai", "display_name": "M", "protocol": "openai-chat",
        "capabilities": {"text": true}, "aliases": ["small"], "rate_limits": {"rpm": 5}
    }))
    .unwrap()
}

fn provider() -> Provider {
    Provider {
        id: ProviderId::parse("openai").unwrap(),
        display_name: "OpenAI".to_owned(),
        base_url: "https://api.openai.com/v1".to_owned(),
        allowed_hosts: Vec::new(),
        auth: ProviderAuth::Bearer,
        headers: [("a".to_owned(), "b".to_owned())].into(),
        protocol_defaults: serde_json::Map::new(),
        key_test: None,
    }
}

/// The same as someone saved it.
fn provider_key<'a>(instance: &'a InstanceId, provider: &'a ProviderId) -> NewProviderKey<'a> {
    NewProviderKey { hosts: None, instance, last_four: "1234", provider, sealed: "v1.a.b" }
}

fn provider_row(owner: Option<&OrganizationId>, base_url: &str, at: UnixMillis) -> ProviderRow {
    let Provider { id, display_name, allowed_hosts, auth, headers, protocol_defaults, .. } =
        provider();
    ProviderRow {
        id,
        organization_id: owner.cloned(),
        display_name,
        base_url: base_url.to_owned(),
        allowed_hosts,
        auth,
        headers,
        protocol_defaults,
        key_test: None,
        created_at: at,
        updated_at: at,
    }
}

fn every_statement() -> Vec<Statement> {
    let organization = OrganizationId::parse("org_1").unwrap();
    let instance = InstanceId::parse("inst_1").unwrap();
    let project = ProjectId::parse("proj_1").unwrap();
    let user = UserId::parse("user_1").unwrap();
    let openai = ProviderId::parse("openai").unwrap();
    let model = ModelId::parse("m").unwrap();
    let (own, shared) = (Some(&organization), None);
    let list = |organization, modality| models::ModelQuery {
        allowed: Some(std::slice::from_ref(&model)),
        modality,
        organization,
        page: PageQuery { after: Some("a".to_owned()), limit: 2 },
        provider: Some(&openai),
        status: Some(Status::Active),
        without_disabled: true,
    };
    let key = tenants::NewKey {
        allowed_models: None,
        digest: "d",
        expires_at: None,
        holder: tenants::KeyHolder::Project(&project),
        id: &ApiKeyId::parse("key_1").unwrap(),
        kind: KeyKind::Test,
        last_four: "1234",
        name: "k",
        revoked_at: None,
        scopes: &[KeyScope::Text],
    };
    let of_user = tenants::NewKey { holder: tenants::KeyHolder::User(&user), ..key.clone() };
    let limit = limits::NewLimit {
        amount: 5,
        instance: Some(&instance),
        kind: Kind::Requests(Span::Minute),
        organization: &organization,
        scope: &Scope::new(ScopeKind::Key, "key_1"),
        shadow: false,
    };
    let instance_row = tenants::NewInstance {
        allowed_origins: &[],
        default_models: &json!({}),
        id: &instance,
        is_production: false,
        name: "I",
        organization_id: &organization,
    };
    let user_row = tenants::NewUser {
        email: "a@b.c",
        id: &user,
        name: "U",
        organization_id: &organization,
        role: "user",
    };
    let receipt = ReceiptId::parse("rcpt_1").unwrap();
    let mut all = vec![
        access::by_digest("d"),
        access::instance_for_user(&instance, &user),
        access::instances_of_user(&user),
        epochs::told(EpochScope::Catalogue, 1),
        epochs::pending(None),
        epochs::of_instance(&instance),
        epochs::instances_of(&organization, None),
        epochs::instances_active_since(NOW, Some(&instance)),
        epochs::touch(&instance, NOW),
        limits::put(&limit, NOW),
        models::resolve("m", own, Some(&instance)),
        models::resolve("m", shared, None),
        models::list(&list(own, Some(Modality::Text))),
        models::list(&list(shared, None)),
        models::list(&models::ModelQuery::default()),
        provider_keys::of_instance(&instance),
        provider_keys::put(&provider_key(&instance, &openai), NOW),
        provider_keys::delete(&instance, &openai),
        provider_keys::touch(&instance, &openai, NOW),
        providers::find(&openai, own),
        providers::seed(&provider(), NOW),
        tenants::put_organization(&organization, "O", NOW),
        tenants::put_instance(&instance_row, NOW),
        tenants::put_project(&project, &instance, "P", NOW),
        tenants::put_user(user_row, NOW),
        tenants::put_grant(&user, &instance, "owner", NOW),
        tenants::put_key(&key, NOW),
        tenants::revoke_namesakes(&key, NOW),
        tenants::revoke_namesakes(&of_user, NOW),
        upkeep::expired_replies(NOW),
        upkeep::expired_turns(NOW),
        upkeep::old_deliveries(NOW),
        upkeep::expired_sessions(NOW),
        usage::by_receipt(&receipt, &organization),
        usage::by_request(&RequestId::parse("r").unwrap(), &organization),
        usage::since(&instance, NOW),
    ];
    all.extend(control_plane());
    all.extend(limits_and_budgets());
    all.extend(persons());
    all.extend(vendors());
    all.extend(kept());
    all.extend(hooks());
    all.extend(messages());
    all.extend(usage::deliver("[]"));
    all.extend(books());
    all.extend(limits::load(&instance, NOW));
    all.extend(limits::load_organization(&organization));
    all.extend(epochs::bump(EpochScope::Tenant(&organization), NOW));
    all.extend(model_configs());
    all.extend(models::seed(&config(), NOW));
    all.extend(models::seeded(NOW));
    all
}

/// What the books are read by, summed by and pruned by.
fn books() -> Vec<Statement> {
    let organization = OrganizationId::parse("org_1").unwrap();
    let instance = InstanceId::parse("inst_1").unwrap();
    let project = ProjectId::parse("proj_1").unwrap();
    let user = UserId::parse("user_1").unwrap();
    let person = user.clone();
    let mark = Mark { hour: UnixMillis(NOW.0 - NOW.0 % HOUR_MS), instance_id: instance.clone() };
    let readers = [
        Reader::Everything,
        Reader::Person { organization: Some(organization.clone()), user },
        Reader::Program { instance: instance.clone(), project: project.clone() },
    ];
    let receipt = ReceiptId::parse("rcpt_1").unwrap();
    let request = RequestId::parse("r").unwrap();
    let mut all = vec![
        rollups::marks(NOW, None),
        rollups::marks(NOW, Some(&mark)),
        requests::head(),
        requests::tries(&instance, Some(&project), NOW),
        requests::tries(&instance, None, NOW),
    ];
    all.extend(rollups::sum_up(&[mark], NOW));
    all.extend(rollups::add_late(NOW));
    all.extend(rollups::prune(NOW));
    for reader in readers {
        let every = Selection::all(reader);
        let of_project = Selection { project: Some(project.clone()), ..every.clone() };
        let of_key = Selection { api_key: ApiKeyId::parse("key_1").ok(), ..every.clone() };
        let of_instance = Selection { instance: Some(instance.clone()), ..every.clone() };
        for selection in [&every, &of_project, &of_key, &of_instance] {
            for step in [Step::Day, Step::Hour, Step::Minute, Step::Month, Step::Whole] {
                let (from, to) = (UnixMillis(0), NOW);
                let query =
                    SumQuery { by: By::default(), by_call: false, from, selection, step, to };
                all.extend(sums::statements(&query));
            }
            for request in [None, Some(&request)] {
                for user in [None, Some(&person)] {
                    let (from, page, to) = (UnixMillis(0), PageQuery::default(), NOW);
                    let query = RequestQuery { from, page, request, selection, to, user };
                    all.push(requests::list(&query));
                }
            }
            all.push(requests::find(selection, &receipt));
            all.push(requests::position(selection, &receipt));
            all.push(requests::came(selection, 1, 2));
        }
    }
    all
}

/// A person's key.
fn api_key(organization: &OrganizationId, user: &UserId) -> api_keys::ApiKeyRow {
    let row = json!({
        "allowed_addresses": "[]", "allowed_models": null, "allowed_origins": "[]", "created_at": 1,
        "expires_at": null, "id": "key_2", "instance_id": null, "last_four": "0000",
        "last_used_at": null, "name": "k", "organization_id": organization, "prefix": "de_admin_",
        "project_id": null, "revoked_at": null, "scopes": "[]", "updated_at": 1, "user_id": user,
        "user_role": "admin",
    });
    serde_json::from_value(row).unwrap()
}

/// What the control plane reads and changes limits and budgets by.
fn limits_and_budgets() -> Vec<Statement> {
    let organization = OrganizationId::parse("org_1").unwrap();
    let instance = InstanceId::parse("inst_1").unwrap();
    let (key, project) = (ApiKeyId::parse("key_1").unwrap(), ProjectId::parse("proj_1").unwrap());
    let user = UserId::parse("user_1").unwrap();
    let place = limit_rows::Place {
        instance: Some(instance.clone()),
        organization: organization.clone(),
        scope: Scope::new(ScopeKind::Key, "key_1"),
    };
    let budget = Limit::new(place.scope.clone(), Kind::Budget(Period::Day), 5);
    let mut all = vec![
        limits::put_budget(&organization, Some(&instance), &budget, NOW),
        limit_rows::limits_of(&place),
        limit_rows::budgets_of(&place),
        limit_rows::keep_limits(&place, [&Kind::Concurrent]),
        limit_rows::keep_budgets(&place, [Period::Day]),
        limit_rows::limits_unchanged("audit_1", &place, Some(NOW)),
        limit_rows::budgets_unchanged("audit_1", &place, None),
        limit_rows::of_models(&["m"], &organization),
    ];
    all.extend(limit_rows::leave_person(&user));
    all.extend(limit_rows::leave_project(&project));
    all.extend(api_keys::inherit_limits(&api_key(&organization, &user), &key, NOW));
    for sight in [
        Sight::Person { organization: Some(&organization), user: Some(&user) },
        Sight::Program { key: &key, project: &project },
    ] {
        let query = RowsQuery {
            instance: Some(&instance),
            organization: Some(&organization),
            page: PageQuery { after: Some("a".to_owned()), limit: 2 },
            scope: Some(ScopeKind::Key),
            scope_id: Some("key_1"),
            sight,
        };
        all.push(limit_rows::limits(&query));
        all.push(limit_rows::budgets(&query));
    }
    all
}

/// What the versions of models are read and changed by.
fn model_configs() -> Vec<Statement> {
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

/// What organizations, instances, projects and keys are read and changed by.
fn control_plane() -> Vec<Statement> {
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
    ];
    let turn = OldTurn {
        content: "v1.a.b".to_owned(),
        id: "resp_1".to_owned(),
        project_id: project.clone(),
    };
    all.extend([
        responses::older(2, NOW),
        responses::count_older(2, NOW),
        responses::reseal(&turn, "v2.a.b"),
    ]);
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

/// What persons and grants are read and changed by.
fn persons() -> Vec<Statement> {
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

/// What providers and their keys are read and changed by.
fn vendors() -> Vec<Statement> {
    let organization = OrganizationId::parse("org_1").unwrap();
    let instance = InstanceId::parse("inst_1").unwrap();
    let user = UserId::parse("user_1").unwrap();
    let openai = ProviderId::parse("openai").unwrap();
    let page = || PageQuery { after: Some("inst_1/a".to_owned()), limit: 2 };
    let old = provider_keys::OldRow {
        instance_id: instance.clone(),
        organization_id: organization.clone(),
        provider_id: openai.clone(),
        sealed: "v1.a.b".to_owned(),
    };
    let reply = idempotency::OldReply {
        holder: "key_1".to_owned(),
        key_digest: "d".to_owned(),
        reply: "v1.a.b".to_owned(),
        route: "POST /v1/projects".to_owned(),
    };
    let tried = provider_keys::Tried { at: NOW, message: None, ok: true };
    let mut all = vec![
        provider_keys::find(&instance, &openai),
        provider_keys::insert(&provider_key(&instance, &openai), NOW),
        provider_keys::unchanged("audit_1", &instance, &openai, NOW),
        provider_keys::tried(&instance, &openai, "v1.a.b", tried),
        provider_keys::older(2),
        provider_keys::count_older(2),
        provider_keys::reseal(&old, "v2.a.b"),
        idempotency::older(2, NOW),
        idempotency::count_older(2, NOW),
        idempotency::reseal(&reply, "v2.a.b"),
    ];
    for owner in [None, Some(&organization)] {
        let row = provider_row(owner, "https://api.openai.com/v1", NOW);
        all.extend([
            providers::find(&openai, owner),
            providers::find_all(std::slice::from_ref(&openai), owner),
            providers::find_of(&openai, owner),
            providers::insert(&row),
            providers::update(&row),
            removal::hanging(&openai, owner),
            removal::named_by(&openai, owner),
            removal::unnamed("audit_1", &openai, owner),
            providers::unchanged("audit_1", &openai, owner, NOW),
            removal::still("audit_1", &openai, owner, &[]),
        ]);
        all.extend(providers::delete(&openai, owner));
        for own in [None, Some(true)] {
            let query = providers::ProviderQuery { organization: owner, own, page: page() };
            all.push(providers::list(&query));
        }
    }
    let person = Viewer::Person { organization: Some(&organization), user: &user };
    for viewer in [Viewer::Everything, person] {
        for instance in [None, Some(&instance)] {
            let provider = Some(&openai);
            let query = provider_keys::ProviderKeyQuery { instance, page: page(), provider };
            all.push(provider_keys::list(&query, viewer));
        }
    }
    all
}

/// What webhooks are read and changed by.
fn hooks() -> Vec<Statement> {
    let organization = OrganizationId::parse("org_1").unwrap();
    let instance = InstanceId::parse("inst_1").unwrap();
    let user = UserId::parse("user_1").unwrap();
    let webhook = WebhookId::parse("whk_1").unwrap();
    let row = WebhookRow {
        created_at: NOW,
        description: None,
        events: vec!["job.failed".to_owned()],
        grant_role: None,
        id: webhook.clone(),
        instance_id: Some(instance.clone()),
        organization_id: organization.clone(),
        previous_sealed: None,
        previous_until: None,
        sealed: "v1.a.b".to_owned(),
        status: WebhookStatus::Active,
        updated_at: NOW,
        url: "https://example.com/".to_owned(),
    };
    let old =
        OldWebhook { id: webhook.clone(), previous_sealed: None, sealed: "v1.a.b".to_owned() };
    let mut all = vec![
        webhooks::find(&webhook, Some(&user)),
        webhooks::count(&organization),
        webhooks::delete(&webhook),
        webhooks::disable(&webhook, NOW),
        webhooks::unchanged("audit_1", &webhook, NOW),
        webhooks::older(2),
        webhooks::count_older(2),
        webhooks::reseal(&old, "v2.a.b", None),
    ];
    all.extend(webhooks::insert(&row));
    all.extend(webhooks::update(&row));
    let person = Viewer::Person { organization: Some(&organization), user: &user };
    for viewer in [Viewer::Everything, person] {
        for (organization, instance) in [
            (None, None),
            (Some(&organization), None),
            (None, Some(&instance)),
            (Some(&organization), Some(&instance)),
        ] {
            let page = PageQuery { after: Some("a".to_owned()), limit: 2 };
            let status = Some(WebhookStatus::Active);
            all.push(webhooks::list(
                &WebhookQuery { instance, organization, page, status },
                viewer,
            ));
        }
    }
    all
}

/// What their messages are.
fn messages() -> Vec<Statement> {
    let organization = OrganizationId::parse("org_1").unwrap();
    let instance = InstanceId::parse("inst_1").unwrap();
    let webhook = WebhookId::parse("whk_1").unwrap();
    let id = DeliveryId::parse("msg_1").unwrap();
    let message = NewMessage {
        event_type: "job.failed",
        instance: &instance,
        key: "k",
        now: NOW,
        organization: &organization,
        payload: "{}",
    };
    let callback = NewCallback { message, sealed: "v1.a.b", url: "https://example.com/" };
    let claim = Claim { now: NOW, token: "t", until: NOW.plus(1) };
    let attempt = AttemptRow { at: NOW, duration_ms: 1, error: None, number: 1, status: Some(200) };
    let settled = Settled {
        error: None,
        next_attempt_at: None,
        now: NOW,
        state: DeliveryState::Delivered,
        status: Some(200),
        was_tried: true,
    };
    let old = OldCallback {
        id: id.clone(),
        organization_id: organization.clone(),
        sealed: "v1.a.b".to_owned(),
        url: "https://example.com/".to_owned(),
    };
    let mut all = vec![
        deliveries::publish(&message),
        deliveries::call_back(&callback),
        deliveries::insert_for(&webhook, &id, "webhook.test", "{}", NOW),
        deliveries::claim_due(claim, 5),
        deliveries::claim_one(claim, &id),
        deliveries::claimed("t"),
        deliveries::settle(&id, "t", &settled),
        deliveries::find(&webhook, &id),
        deliveries::restart(&id, NOW),
        deliveries::restartable("audit_1", &id, NOW),
        deliveries::older(2),
        deliveries::count_older(2),
        deliveries::reseal(&old, "v2.a.b"),
    ];
    all.extend(deliveries::note_attempt(&id, "t", &attempt));
    for state in [None, Some(DeliveryState::Failed)] {
        for after in [None, Some("1/msg_1".to_owned())] {
            all.push(deliveries::list(&webhook, state, &PageQuery { after, limit: 2 }));
        }
    }
    all
}

#[test]
fn no_query_reads_a_table_from_end_to_end() {
    let database = SqliteDatabase::migrated().unwrap();
    for statement in every_statement() {
        check_plan(&database, &statement);
    }
}

#[test]
fn a_scan_would_be_seen() {
    let database = SqliteDatabase::migrated().unwrap();
    let scan = Statement { args: Vec::new(), sql: "SELECT id FROM api_keys WHERE name = 'x'" };
    let plan = database.plan(&scan).unwrap();
    assert_eq!(plan, ["SCAN api_keys"]);
}

/// What is true of every table, however it came about.
#[tokio::test]
async fn tables_are_strict_and_foreign_keys_have_an_index() {
    let database = SqliteDatabase::migrated().unwrap();
    let all = |sql| {
        let statement = Statement { args: Vec::new(), sql };
        let database = &database;
        async move { database.batch(vec![statement]).await.unwrap().remove(0) }
    };
    let loose = all("SELECT name FROM pragma_table_list
         WHERE schema = 'main' AND type = 'table' AND strict = 0 AND name NOT LIKE 'sqlite_%'");
    assert_eq!(loose.await, []);
    let slow = all(
        "SELECT m.name AS tab, f.\"from\" AS col FROM sqlite_schema AS m, pragma_foreign_key_list(m.name) AS f
         WHERE m.type = 'table' AND f.seq = 0 AND NOT EXISTS (
           SELECT 1 FROM pragma_index_list(m.name) AS i, pragma_index_info(i.name) AS c
           WHERE c.seqno = 0 AND c.name = f.\"from\")",
    );
    assert_eq!(slow.await, []);
    for table in ["usage_logs", "audit_events", "model_config_versions"] {
        let keys = Statement {
            args: vec![table.into()],
            sql: "SELECT \"from\" FROM pragma_foreign_key_list(?1)",
        };
        assert_eq!(database.batch(vec![keys]).await.unwrap()[0], [], "{table}");
    }
}

#[tokio::test]
async fn c07_seeds_can_run_again_and_change_nothing() {
    let database = SqliteDatabase::migrated().unwrap();
    let models = [config()];
    let providers = [provider()];
    database.batch(seeds::catalogue(&providers, &models, NOW)).await.unwrap();
    let once = database.dump().unwrap();
    database.batch(seeds::catalogue(&providers, &models, NOW.plus(60_000))).await.unwrap();
    assert_eq!(database.dump().unwrap(), once);
    assert!(once.contains("model_aliases {\"alias\":\"small\""), "{once}");
    assert!(once.contains("epochs {\"scope\":\"catalogue\",\"epoch\":1}"), "{once}");
}

#[tokio::test]
async fn the_seed_files_can_run_again_and_change_nothing() {
    let database = SqliteDatabase::migrated().unwrap();
    let none = HashMap::new();
    seed_catalogue(&database, &none, NOW).await.unwrap();
    let once = database.dump().unwrap();
    seed_catalogue(&database, &none, NOW.plus(60_000)).await.unwrap();
    assert_eq!(database.dump().unwrap(), once);
}

#[tokio::test]
async fn what_seeds_name_is_there() {
    let database = SqliteDatabase::migrated().unwrap();
    seed_catalogue(&database, &HashMap::new(), NOW).await.unwrap();
    let models: Vec<models::ModelRow> = {
        let page = PageQuery { after: None, limit: 200 };
        let all = models::list(&models::ModelQuery { page, ..models::ModelQuery::default() });
        rows(&database, all).await.unwrap()
    };
    assert!(models.len() > 7);
    let settings = TestPlatform::new().await.unwrap().platform.settings.clone();
    for model in models {
        let config = model.parse().unwrap();
        for fallback in &config.fallbacks {
            let found = models::resolve(fallback.model_id.as_str(), None, None);
            let found: Vec<models::ResolvedRow> = rows(&database, found).await.unwrap();
            assert_eq!(found.len(), 1, "{} falls back to {fallback:?}", config.model_id);
        }
        let provider = providers::find(&config.provider_id, None);
        let provider = database.batch(vec![provider]).await.unwrap().remove(0).remove(0);
        let provider = Provider::from(row::<ProviderRow>(provider).unwrap());
        assert_eq!(with_provider(&config, Some(&provider), &settings), [], "{}", config.model_id);
        let itself = models::resolve(config.model_id.as_str(), None, None);
        let itself: Vec<models::ResolvedRow> = rows(&database, itself).await.unwrap();
        assert!(
            itself[0].provider.base_url.is_some(),
            "{} of {}",
            config.model_id,
            config.provider_id
        );
    }
}

#[tokio::test]
async fn a_seed_that_changed_makes_a_new_version_unless_an_operator_saved_one() {
    let database = SqliteDatabase::migrated().unwrap();
    database.batch(seeds::catalogue(&[], &[config()], NOW)).await.unwrap();
    let renamed = ModelConfig { display_name: "Renamed".to_owned(), ..config() };
    database
        .batch(seeds::catalogue(&[], std::slice::from_ref(&renamed), NOW.plus(1)))
        .await
        .unwrap();
    let dump = database.dump().unwrap();
    assert!(dump.contains("\"version\":2") && dump.contains("Renamed"), "{dump}");
    assert!(dump.contains("\"epoch\":2"), "{dump}");

    let operators = ModelConfig { display_name: "Operator's".to_owned(), version: 3, ..config() };
    let saving = models::Saving { by: "user_1", now: NOW.plus(2), organization: None };
    database.batch(models::update(&operators, saving)).await.unwrap();
    let before = database.dump().unwrap();
    database.batch(seeds::catalogue(&[], &[renamed], NOW.plus(3))).await.unwrap();
    assert_eq!(database.dump().unwrap(), before);
}

#[tokio::test]
async fn a_provider_that_an_operator_changed_is_left_alone() {
    let database = SqliteDatabase::migrated().unwrap();
    let moved = Provider { base_url: "https://eu.openai.com/v1".to_owned(), ..provider() };
    database.batch(seeds::catalogue(&[provider()], &[], NOW)).await.unwrap();
    database.batch(seeds::catalogue(std::slice::from_ref(&moved), &[], NOW.plus(1))).await.unwrap();
    assert!(database.dump().unwrap().contains("https://eu.openai.com/v1"));
    let own = provider_row(None, "https://proxy.example/v1", NOW.plus(2));
    database.batch(vec![providers::update(&own)]).await.unwrap();
    let before = database.dump().unwrap();
    database.batch(seeds::catalogue(&[moved], &[], NOW.plus(3))).await.unwrap();
    assert_eq!(database.dump().unwrap(), before);
}

#[tokio::test]
async fn a_fresh_start_revokes_the_keys_of_the_start_before() {
    let test = TestPlatform::new().await.unwrap();
    let key = test.tenant.tenant.keys[1].clone();
    let newer = seeds::DevKey {
        digest: "other".to_owned(),
        id: ApiKeyId::parse("key_other").unwrap(),
        ..key.clone()
    };
    let tenant = DevTenant { keys: vec![newer], ..test.tenant.tenant.clone() };
    test.database.batch(seeds::dev_tenant(&tenant, NOW.plus(1))).await.unwrap();
    let old = test.database.batch(vec![access::by_digest(&key.digest)]).await.unwrap().remove(0);
    assert_eq!(old[0]["revoked_at"], NOW.plus(1).0);
    let new = test.database.batch(vec![access::by_digest("other")]).await.unwrap().remove(0);
    assert!(new[0]["revoked_at"].is_null());
}
