//! `/v1/requests` and `/v1/receipts`, described.

use de_core::{
    http::error::Code,
    ids::{ReceiptId, UserId},
    openapi::{
        document::Tag,
        operation::{Answer, Operation},
        shape::Shape,
    },
};
use http::Method;
use serde_json::json;

use super::usage::{as_table, selected, times};
use crate::requests::{ReceiptShown, Request};

pub(super) const TAG: Tag =
    Tag { about: "Calls, one by one. No prompt and no reply is kept.", name: "requests" };

pub(super) fn operations() -> Vec<Operation> {
    let page = Shape::shown::<Request>().page("RequestList");
    let table = "The members of a call with those of its usage beside them, by RFC 4180, with a line of names; of \
                 `attempts` how many.";
    let list = Operation::new(Method::GET, "/v1/requests", "listRequests", "Lists calls")
        .notes(
            "The newest first, by when they were admitted. As a table: all of them from the cursor on, at most 10,000, \
             whatever the `limit`; a line that breaks off without its end was not all.",
        )
        .query(
            "request_id",
            Shape::plain(json!({"type": "string", "pattern": "^[A-Za-z0-9._-]{1,128}$"})),
            "Only those with this `X-Request-ID`.",
        )
        .answers(Answer::json(200, "A page.", page).or_csv(table))
        .paged();
    let read = Operation::new(Method::GET, "/v1/requests/{id}", "getRequest", "Shows a call")
        .id::<ReceiptId>("id", "The id of its receipt.")
        .fails(&[Code::ValidationError])
        .answers(Answer::json(200, "As it stands in the books.", Shape::shown::<Request>()));
    let events = Operation::new(Method::GET, "/v1/requests/events", "followRequests", "Tells of calls as they end")
        .notes(
            "An event `request` for each, whose data is the call and whose id is that of its receipt, in the order in \
             which they came to the books; comments between show that the line lives. It lasts ten minutes at most: \
             come again with `Last-Event-ID`, and nothing is missed, unless 200,000 receipts of the whole service \
             came meanwhile. `follow=false` ends it once all that has come is told.",
        )
        .query(
            "follow",
            Shape::plain(json!({"type": "boolean", "default": true})),
            "Whether to wait for more.",
        )
        .header("Last-Event-ID")
        .answers(Answer::empty(200, "The calls.").or_events("Events `request`.", Shape::shown::<Request>()));
    let receipt = Operation::new(
        Method::GET,
        "/v1/receipts/{receipt_id}",
        "getReceipt",
        "Shows what a call was charged",
    )
    .id::<ReceiptId>("receipt_id", "Its id: the header `x-de-receipt` of the answer.")
    .fails(&[Code::ValidationError])
    .answers(Answer::json(200, "As it stands in the books.", Shape::shown::<ReceiptShown>()));
    let of_person = |operation: Operation| {
        operation.query("user_id", Shape::of::<UserId>(), "Only those that this person made.")
    };
    vec![of_person(as_table(times(selected(list)))), read, of_person(selected(events)), receipt]
}
