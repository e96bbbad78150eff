//! `GET /v1/requests/events`: receipts as they come.
//!
//! Follows <https://html.spec.whatwg.org/multipage/server-sent-events.html>: the id of an event is the
//! receipt's, so a reader that lost the line goes on after what it has seen. The order is that in which receipts
//! came to the database: one that comes late, of a long call, comes last, and is not missed.

use std::{fmt::Write as _, time::Duration};

use async_trait::async_trait;
use axum::response::Response;
use de_core::{
    http::{
        error::{ApiError, Code},
        extract::Incoming,
        routes::Allowed,
        telling::{self, Telling, WAITING},
    },
    ids::{ReceiptId, UserId},
    ports::{Platform, PortError, row},
    store::{
        pages::PageQuery,
        usage::{
            self,
            requests::{self as store, LOOKED_THROUGH, PositionRow, RequestQuery, TOLD_AT_ONCE},
            selection::Selection,
        },
    },
    time::UnixMillis,
};

use super::{EVER, read, shown};
use crate::{
    resource::Filters,
    usage::asked::{reader, selection},
};

/// How long between two looks, and how long the line is silent at most: a comment then shows that it lives.
const PAUSE: Duration = Duration::from_secs(2);
/// How long one line lasts: a worker asks the database only so often for one request. Readers of events come
/// again by themselves.
const LONGEST_MS: i64 = 10 * 60 * 1_000;
/// How long a reader may go on reading before it is asked anew whether they may.
const RECHECK_MS: i64 = 60 * 1_000;
/// How far back a reader may begin: rows of the table, whosever they are.
const FARTHEST: i64 = 200_000;
/// Looks in a row without an answer, before the line ends.
const TRIES: u32 = 3;

/// Tells of receipts.
pub(crate) async fn events(
    platform: Platform,
    allowed: Allowed,
    incoming: Incoming,
    mut filters: Filters,
) -> Result<Response, ApiError> {
    let selection = selection(&mut filters, &allowed)?;
    let user = filters.id("user_id", UserId::parse);
    let follows = filters.word("follow", &["false", "true"]) != Some("false");
    filters.finish()?;
    let seen = incoming.headers.get("last-event-id").and_then(|value| value.to_str().ok());
    let seen = seen.and_then(|text| ReceiptId::parse(text).ok());
    let (position, last) = begin(&platform, &selection, user.as_ref(), seen.as_ref()).await?;
    let mut hello = format!("retry: {}\n", PAUSE.as_millis());
    if let Some(last) = last {
        // Without data it is no event, and still where a reader that heard nothing goes on.
        let _written = writeln!(hello, "id: {last}");
    }
    hello.push('\n');
    let now = platform.clock.now();
    let reader = Reader {
        allowed,
        checked_at: now,
        ends_at: now.plus(LONGEST_MS),
        follows,
        hello: Some(hello),
        is_behind: true,
        platform,
        position,
        selection,
        stumbles: 0,
        user,
    };
    Ok(telling::events(reader))
}

/// Where a reader begins, and the receipt that says so.
///
/// After the one that it has seen, if that is still there; else with what comes from now on.
async fn begin(
    platform: &Platform,
    selection: &Selection,
    user: Option<&UserId>,
    seen: Option<&ReceiptId>,
) -> Result<(i64, Option<ReceiptId>), ApiError> {
    let mut batch = vec![store::head()];
    batch.extend(seen.map(|seen| store::position(selection, seen)));
    let answers = platform.database.batch(batch).await?;
    let positions: Vec<PositionRow> =
        answers.into_iter().flatten().map(row).collect::<Result<_, _>>()?;
    let mut positions = positions.into_iter().map(|found| found.position.unwrap_or(0));
    let head = positions.next().unwrap_or(0);
    if let (Some(position), Some(seen)) = (positions.next(), seen) {
        return Ok((position.max(head - FARTHEST), Some(seen.clone())));
    }
    let page = PageQuery { after: None, limit: 1 };
    let (from, to) = (UnixMillis(0), EVER);
    let newest = RequestQuery { from, page, request: None, selection, to, user };
    let newest = read(platform, &newest).await?.into_iter().next();
    Ok((head, newest.map(|one| one.receipt.receipt_id)))
}

/// One reader, and how far it is.
struct Reader {
    allowed: Allowed,
    /// When the reader was known to be let in.
    checked_at: UnixMillis,
    ends_at: UnixMillis,
    /// Whether the reader waits for more.
    follows: bool,
    hello: Option<String>,
    /// Whether there may be more already.
    is_behind: bool,
    platform: Platform,
    position: i64,
    selection: Selection,
    stumbles: u32,
    /// The person whose calls are told of; none: all.
    user: Option<UserId>,
}

#[async_trait]
impl Telling for Reader {
    async fn next(mut self) -> Option<(String, Option<Self>)> {
        if let Some(hello) = self.hello.take() {
            return Some((hello, Some(self)));
        }
        if !self.is_behind {
            if !self.follows || self.platform.clock.now() >= self.ends_at {
                return None;
            }
            self.platform.clock.sleep(PAUSE).await;
        }
        let now = self.platform.clock.now();
        if now.since(self.checked_at) >= RECHECK_MS {
            // A reader who still may comes again, and hears why not if not.
            self.allowed = self.allowed.again(&self.platform).await.ok()?;
            self.selection.reader = reader(&self.allowed).ok()?;
            self.checked_at = now;
        }
        match self.look().await {
            Ok(text) => {
                self.stumbles = 0;
                Some((text, Some(self)))
            }
            Err(_) if self.stumbles < TRIES => {
                self.stumbles += 1;
                self.is_behind = false;
                Some((WAITING.to_owned(), Some(self)))
            }
            Err(_) => None,
        }
    }
}

impl Reader {
    /// What came since the last look.
    async fn look(&mut self) -> Result<String, ApiError> {
        let head: Vec<PositionRow> =
            de_core::ports::rows(&*self.platform.database, store::head()).await?;
        let head = head.first().and_then(|found| found.position).unwrap_or(0);
        // Where the newest rows have gone, new ones get their numbers.
        self.position = self.position.min(head);
        let until = head.min(self.position.saturating_add(LOOKED_THROUGH));
        if until == self.position {
            self.is_behind = false;
            return Ok(WAITING.to_owned());
        }
        let came = store::came(&self.selection, self.position, until);
        let mut answers = self.platform.database.batch(vec![came]).await?;
        let rows = answers.pop().unwrap_or_default();
        let is_full = rows.len() >= TOLD_AT_ONCE;
        let (mut text, mut last) = (String::new(), until);
        for mut columns in rows {
            let position = columns.remove("position").and_then(|number| number.as_i64());
            last = position.ok_or_else(|| malformed("a row without a number"))?;
            let request = shown(&usage::receipt(columns)?);
            if self.user.is_some() && self.user != request.user_id {
                continue;
            }
            let data = serde_json::to_string(&request).map_err(|err| {
                ApiError::new(Code::InternalError, "a receipt cannot be told")
                    .because(err.to_string())
            })?;
            // Writing to a String cannot fail.
            let _written = write!(text, "id: {}\nevent: request\ndata: {data}\n\n", request.id);
        }
        self.position = if is_full { last } else { until };
        self.is_behind = self.position < head;
        if text.is_empty() {
            text.push_str(WAITING);
        }
        Ok(text)
    }
}

fn malformed(message: &str) -> PortError {
    PortError::Malformed { port: "database", message: message.to_owned() }
}
