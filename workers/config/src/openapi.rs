//! The control plane, described: one file a resource, beside its handlers.
//!
//! What a row looks like comes from the structs that answers are written from. What a body may say are
//! structs of their own here: handlers read bodies field by field, and `tests/contract/tests/suite/bodies.rs`
//! holds that both name the same fields.

mod api_keys;
mod audit_events;
mod bootstrap;
mod budgets;
mod document;
mod grants;
mod instances;
mod limits;
mod metrics;
mod model_configs;
mod organizations;
mod projects;
mod provider_health;
mod provider_keys;
mod providers;
mod requests;
mod services;
mod sessions;
mod usage;
mod users;
mod values;
mod webhooks;

use de_core::{
    openapi::{
        document::Document,
        operation::{Answer, Operation},
        shape::Shape,
    },
    store::Activity,
};
use http::Method;
use serde_json::json;
use utoipa::ToSchema;

use crate::{control_plane, resource::WouldDelete};

/// Adds the operations of the control plane.
pub fn describe(document: &mut Document) {
    let mut calls = requests::operations();
    calls.extend(provider_health::operations());
    let mut log_ins = sessions::operations();
    log_ins.push(bootstrap::operation());
    let resources = [
        (organizations::TAG, organizations::operations()),
        (instances::TAG, instances::operations()),
        (projects::TAG, projects::operations()),
        (api_keys::TAG, api_keys::operations()),
        (users::TAG, users::operations()),
        (grants::TAG, grants::operations()),
        (audit_events::TAG, audit_events::operations()),
        (providers::TAG, providers::operations()),
        (provider_keys::TAG, provider_keys::operations()),
        (model_configs::TAG, model_configs::operations()),
        (usage::TAG, usage::operations()),
        (requests::TAG, calls),
        (metrics::TAG, metrics::operations()),
        (limits::TAG, limits::operations()),
        (budgets::TAG, budgets::operations()),
        (webhooks::TAG, webhooks::operations()),
        (sessions::TAG, log_ins),
        (services::TAG, services::operations()),
        (document::TAG, document::operations()),
    ];
    for (tag, operations) in resources {
        let operations = operations.into_iter().map(|operation| permitted(operation.tag(tag.name)));
        document.add(&[tag], operations.collect());
    }
}

/// An operation with the permission of its route: there it is decided.
fn permitted(operation: Operation) -> Operation {
    let routes = control_plane();
    let same = |path: &str| path.replace("{*", "{") == operation.path();
    let route =
        routes.list().iter().find(|route| route.method == operation.method() && same(route.path));
    match route.map(|route| route.permission) {
        Some(Some(permission)) => operation.permission(permission),
        Some(None) => operation.open(),
        // Described and not there: the test of the document says so.
        None => operation,
    }
}

/// A resource whose rows are made, shown, changed and removed alike.
struct Kind {
    /// `GET /v1/projects/{id}` in clients: `getProject`. Then to make, change and remove one, and to list.
    ids: [&'static str; 5],
    /// `project`, with its article.
    one: &'static str,
    /// `projects`.
    many: &'static str,
    /// `/v1/projects`.
    path: &'static str,
}

impl Kind {
    fn item(&self) -> String {
        format!("{}/{{id}}", self.path)
    }

    /// Lists those that the caller may see. Filters are added by who knows them.
    fn list(&self, page: Shape) -> Operation {
        let [_, _, _, _, id] = self.ids;
        Operation::new(Method::GET, self.path, id, format!("Lists {}", self.many))
            .notes("By id, and only what the holder of the key may see.")
            .answers(Answer::json(200, "A page.", page))
            .paged()
    }

    /// Makes one.
    fn create(&self, body: Shape, example: serde_json::Value, row: Shape) -> Operation {
        let [_, id, ..] = self.ids;
        let made = Answer::json(201, "It is made.", row);
        Operation::new(Method::POST, self.path, id, format!("Makes {}", self.one))
            .once()
            .changes()
            .body(body, example)
            .answers(made.headers(&["ETag", "Location", "Idempotency-Replayed"]))
    }

    /// Shows one.
    fn read<Id: ToSchema>(&self, row: Shape) -> Operation {
        let [id, ..] = self.ids;
        Operation::new(Method::GET, &self.item(), id, format!("Shows {}", self.one))
            .id::<Id>("id", "Its id.")
            .answers(Answer::json(200, "As it is.", row).headers(&["ETag"]))
    }

    /// Changes fields of one.
    fn update<Id: ToSchema>(
        &self,
        body: Shape,
        example: serde_json::Value,
        row: Shape,
    ) -> Operation {
        let [_, _, id, ..] = self.ids;
        Operation::new(Method::PATCH, &self.item(), id, format!("Changes {}", self.one))
            .notes(
                "Fields that are named change; null clears one, or brings its usual value back; the rest stays.",
            )
            .id::<Id>("id", "Its id.")
            .guarded()
            .changes()
            .body(body, example)
            .answers(Answer::json(200, "As it is now.", row).headers(&["ETag"]))
    }

    /// Removes one, with what is below it if asked to.
    fn delete<Id: ToSchema>(&self) -> Operation {
        let [_, _, _, id, _] = self.ids;
        let flag = || Shape::plain(json!({"type": "boolean", "default": false}));
        Operation::new(Method::DELETE, &self.item(), id, format!("Deletes {}", self.one))
            .notes(
                "Refused while something is below it, unless `cascade` says that it shall go too.",
            )
            .id::<Id>("id", "Its id.")
            .query("cascade", flag(), "Deletes what is below it too.")
            .query("dry_run", flag(), "Deletes nothing, and says what would be deleted.")
            .guarded()
            .changes()
            .answers(Answer::empty(204, "It is gone."))
            .answers(Answer::json(200, "What would be deleted.", Shape::shown::<WouldDelete>()))
    }
}

/// `?status=` of what can be suspended.
fn by_status(operation: Operation) -> Operation {
    operation.query("status", Shape::of::<Activity>(), "Only those that are so.")
}
