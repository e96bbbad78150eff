//! Receipts one by one: listed, found, and told as they come.

use serde::Deserialize;

use super::{
    receipt, receipt_columns,
    selection::{Reader, Selection, chosen, places},
};
use crate::{
    ids::{InstanceId, ProjectId, ReceiptId, RequestId, UserId},
    ports::{Arg, PortError, Row, Statement},
    receipt::Receipt,
    store::{pages::PageQuery, statement},
    time::UnixMillis,
};

/// How many rows of the table one look at what is new goes through, whosever they are.
pub const LOOKED_THROUGH: i64 = 5_000;
/// How many receipts one look tells of, at most.
pub const TOLD_AT_ONCE: usize = 100;
/// How many calls the health of a provider is told by, at most.
pub const HEALTH_CALLS: usize = 1_000;

/// Which receipts are listed.
#[derive(Clone, Debug)]
pub struct RequestQuery<'a> {
    /// From when, by `admitted_at`.
    pub from: UnixMillis,
    /// Which page.
    pub page: PageQuery,
    /// Only those with the caller's word for them.
    pub request: Option<&'a RequestId>,
    /// Which calls.
    pub selection: &'a Selection,
    /// Until when, that moment not included.
    pub to: UnixMillis,
    /// Only those that this person made.
    pub user: Option<&'a UserId>,
}

/// A receipt, and where it stands in the list: what cursors are made of.
#[derive(Clone, Debug)]
pub struct Listed {
    /// Where.
    pub place: String,
    /// The receipt.
    pub receipt: Receipt,
}

/// What of a table is listed: its times, from a place on.
macro_rules! listed {
    ($t:literal) => {
        concat!(
            $t,
            ".admitted_at >= CAST(?15 AS INTEGER) AND ",
            $t,
            ".admitted_at < CAST(?16 AS INTEGER)
             AND ",
            $t,
            ".admitted_at <= CAST(?17 AS INTEGER)
             AND (",
            $t,
            ".admitted_at < CAST(?17 AS INTEGER) OR ",
            $t,
            ".receipt_id < ?18)
             AND (?20 IS NULL OR ",
            $t,
            ".user_id = ?20) AND ",
            chosen!($t)
        )
    };
}

macro_rules! newest_first {
    ($t:literal) => {
        concat!(
            " ORDER BY ",
            $t,
            ".admitted_at DESC, ",
            $t,
            ".receipt_id DESC LIMIT CAST(?19 AS INTEGER)"
        )
    };
}

/// Those that are narrowed by one of the indexes, which has them in order. The sign keeps the index by instance
/// out of it, which would have all of them read and sorted.
macro_rules! list_where {
    ($narrow:literal) => {
        concat!(
            places!(),
            "SELECT ",
            receipt_columns!(),
            " FROM usage_logs AS u WHERE ",
            $narrow,
            " AND +u.instance_id IN (SELECT instance_id FROM places) AND ",
            listed!("u"),
            newest_first!("u")
        )
    };
}

/// Lists receipts, the newest first, by `admitted_at`: for [`listed`] and [`PageQuery::page`].
///
/// A cursor that is not one of this list begins at the end, so it finds nothing.
#[must_use]
pub fn list(query: &RequestQuery<'_>) -> Statement {
    let selection = query.selection;
    let (millis, id): (i64, &str) = match query.page.after.as_deref() {
        // Later than anything, and a letter after that of `rcpt_`.
        None => (1 << 52, "s"),
        Some(place) => match place.split_once('/') {
            Some((millis, id)) => (millis.parse().unwrap_or(0), id),
            None => (0, ""),
        },
    };
    let mut args = selection.args();
    args.extend([
        query.from.into(),
        query.to.into(),
        millis.into(),
        id.into(),
        query.page.rows_to_read().into(),
        query.user.map(UserId::as_str).into(),
    ]);
    let is_wide = matches!(selection.reader, Reader::Everything)
        && selection.instance.is_none()
        && selection.organization.is_none();
    let sql = if let Some(request) = query.request {
        args.push(request.as_str().into());
        list_where!("u.request_id = ?21")
    } else if let Some(key) = &selection.api_key {
        args.push(key.as_str().into());
        list_where!("u.api_key_id = ?21")
    } else if let Some(project) = &selection.project {
        args.push(project.as_str().into());
        list_where!("u.project_id = ?21")
    } else if let Reader::Program { project, .. } = &selection.reader {
        args.push(project.as_str().into());
        list_where!("u.project_id = ?21")
    } else if query.user.is_some() {
        list_where!("u.user_id = ?20")
    } else if is_wide {
        list_where!("u.admitted_at > 0")
    } else {
        // The newest of each place, by its index, and of these the newest.
        concat!(
            places!(),
            "SELECT ",
            receipt_columns!(),
            " FROM places AS p CROSS JOIN usage_logs AS u
               ON u.rowid IN (
                 SELECT n.rowid FROM usage_logs AS n WHERE n.instance_id = p.instance_id AND ",
            listed!("n"),
            newest_first!("n"),
            ")",
            newest_first!("u")
        )
    };
    Statement { args, sql }
}

/// Reads a row of [`list`].
///
/// # Errors
/// [`PortError::Malformed`] if it is no receipt.
pub fn listed(columns: Row) -> Result<Listed, PortError> {
    let receipt = receipt(columns)?;
    let place = format!("{}/{}", receipt.admitted_at.0, receipt.receipt_id);
    Ok(Listed { place, receipt })
}

/// Finds one that is selected: at most one row for [`receipt`].
#[must_use]
pub fn find(selection: &Selection, id: &ReceiptId) -> Statement {
    let mut args = selection.args();
    args.push(id.as_str().into());
    let sql = concat!(
        places!(),
        "SELECT ",
        receipt_columns!(),
        " FROM usage_logs AS u
         WHERE u.receipt_id = ?15 AND u.instance_id IN (SELECT instance_id FROM places) AND ",
        chosen!("u")
    );
    Statement { args, sql }
}

/// A place in the order in which receipts came to the database.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
pub struct PositionRow {
    /// Its number; absent where there is nothing.
    pub position: Option<i64>,
}

/// Where the last one that came stands: one [`PositionRow`].
#[must_use]
pub fn head() -> Statement {
    statement("SELECT max(rowid) AS position FROM usage_logs", [])
}

/// Where one stands that the reader may see: at most one [`PositionRow`].
#[must_use]
pub fn position(selection: &Selection, id: &ReceiptId) -> Statement {
    let mut args = selection.args();
    args.push(id.as_str().into());
    let sql = concat!(
        places!(),
        "SELECT u.rowid AS position FROM usage_logs AS u
         WHERE u.receipt_id = ?15 AND u.instance_id IN (SELECT instance_id FROM places) AND ",
        chosen!("u")
    );
    Statement { args, sql }
}

/// Those that came after a position, up to another one, at most [`LOOKED_THROUGH`] behind it: in that order, at
/// most [`TOLD_AT_ONCE`] rows for [`receipt`], with `position`.
#[must_use]
pub fn came(selection: &Selection, after: i64, until: i64) -> Statement {
    let mut args: Vec<Arg> = selection.args();
    args.extend([after.into(), until.into()]);
    let sql = concat!(
        places!(),
        "SELECT u.rowid AS position, ",
        receipt_columns!(),
        " FROM usage_logs AS u
         WHERE u.rowid > CAST(?15 AS INTEGER) AND u.rowid <= CAST(?16 AS INTEGER)
           AND +u.instance_id IN (SELECT instance_id FROM places) AND ",
        chosen!("u"),
        " ORDER BY u.rowid LIMIT 100"
    );
    Statement { args, sql }
}

/// The tries of one call.
#[derive(Clone, Debug, Deserialize)]
pub struct TriesRow {
    /// When the call was let in.
    pub admitted_at: UnixMillis,
    /// Every try at a vendor, in order.
    #[serde(deserialize_with = "crate::store::json_text")]
    pub attempts: Vec<crate::receipt::Attempt>,
}

/// The tries of an instance's calls since then, the newest first: at most [`HEALTH_CALLS`] [`TriesRow`]s.
#[must_use]
pub fn tries(instance: &InstanceId, project: Option<&ProjectId>, since: UnixMillis) -> Statement {
    statement(
        "SELECT u.admitted_at, u.attempts FROM usage_logs AS u
         WHERE u.instance_id = ?1 AND (?2 IS NULL OR u.project_id = ?2)
           AND u.admitted_at >= CAST(?3 AS INTEGER)
         ORDER BY u.admitted_at DESC LIMIT 1000",
        [instance.as_str().into(), project.map(ProjectId::as_str).into(), since.into()],
    )
}
