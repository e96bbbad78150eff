//! `/v1/budgets`, described.

use de_core::openapi::{
    document::Tag,
    operation::{Answer, Operation},
    shape::Shape,
};
use http::Method;
use serde_json::json;
use utoipa::ToSchema;

use super::{
    limits::{list, of_scope},
    values::{BudgetPeriod, LimitAmount},
};
use crate::budgets::Budgets;

pub(super) const TAG: Tag =
    Tag { about: "How much money may be spent, by the calendar or in all.", name: "budgets" };

/// A budget for one period. For one that is there, what is not named stays.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes what the handler reads")]
struct BudgetChanges {
    /// How long it lasts. A scope may have one budget for each period.
    period: BudgetPeriod,
    /// How much may be spent, in micro-dollars; 0 lets nothing through that may cost something. A new budget
    /// needs it.
    #[schema(nullable = false)]
    amount_micros: Option<LimitAmount>,
    /// Whole percents of it at which someone is told, each once a period; null, and for a new one unless
    /// given: 50, 80 and 100.
    #[schema(max_items = 10, minimum = 1, maximum = 100)]
    alerts: Option<Vec<u8>>,
    /// Whether it is counted and shown, but not enforced; null: no.
    shadow: Option<bool>,
    /// After how many hours money goes back that is held for calls of which nobody knows what became; null:
    /// not before the period ends.
    #[schema(minimum = 1, maximum = 8_784)]
    release_after_h: Option<u32>,
}

pub(super) fn operations() -> Vec<Operation> {
    let row = Shape::shown::<Budgets>;
    let one = "/v1/budgets/{scope}/{id}";
    let page = Answer::json(200, "A page.", row().page("BudgetsList"));
    let all = Operation::new(Method::GET, "/v1/budgets", "listBudgets", "Lists budgets")
        .notes(
            "By scope, and only what the holder of the key may see: a program its own key and project, a person \
             what stands in instances on which they have a grant, an administrator all of the organization.",
        )
        .answers(page);
    let read = Operation::new(Method::GET, one, "getBudgets", "Shows the budgets of a scope")
        .notes("Also where it has none.")
        .answers(Answer::json(200, "As they are.", row()).headers(&["ETag"]));
    let put = Operation::new(Method::PUT, one, "putBudget", "Sets a budget of a scope")
        .notes(
            "The one of its period; others stay. It counts what is admitted since there is one for that period, and \
             a lower one holds once this has answered.",
        )
        .guarded()
        .changes()
        .body(
            Shape::of::<BudgetChanges>(),
            json!({"period": "month", "amount_micros": 250_000_000, "alerts": [50, 90, 100], "shadow": true}),
        )
        .answers(Answer::json(200, "As they are now.", row()).headers(&["ETag"]));
    let delete = Operation::new(Method::DELETE, one, "deleteBudgets", "Removes budgets of a scope")
        .notes("All of them, or the one for a period.")
        .query("period", Shape::of::<BudgetPeriod>(), "Only the one for this period.")
        .guarded()
        .changes()
        .answers(Answer::empty(204, "They are gone."));
    vec![list(all), of_scope(read), of_scope(put), of_scope(delete)]
}
