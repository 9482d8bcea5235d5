//! The events of an object, for people.

use super::sql::{Value, query};
use super::{AggregateKind, ChangeRow, Result, Store};

/// Which events of a change list to give.
#[derive(Debug, Clone, Copy)]
pub struct ChangePage {
    /// Only events with a greater sequence; newest first, with a smaller one. 0 for all.
    pub from: i64,
    /// At most so many.
    pub limit: i64,
    /// Oldest first.
    pub ascending: bool,
}

macro_rules! changes {
    ($from:literal, $filter:literal, $order:literal) => {
        concat!(
            "SELECT e.sequence, e.kind, e.editor_id, e.created_at, u.name AS editor_name, \
             u.user_name AS editor_login_name FROM events e LEFT JOIN users u ON u.id = e.editor_id \
             WHERE e.org_id = $1 AND e.aggregate_kind = $2 AND e.aggregate_id = $3 AND e.sequence ",
            $from,
            " $4 ",
            $filter,
            " ORDER BY e.sequence ",
            $order,
            " LIMIT $5"
        )
    };
}
pub(super) const CHANGES_ASC: &str = changes!(">", "", "ASC");
pub(super) const CHANGES_DESC: &str = changes!("<", "", "DESC");
pub(super) const APP_CHANGES_ASC: &str = changes!(">", "AND e.app_id = $6", "ASC");
pub(super) const APP_CHANGES_DESC: &str = changes!("<", "AND e.app_id = $6", "DESC");

impl Store {
    /// Events of an aggregate, or of one application in it.
    pub async fn changes(
        &self,
        kind: AggregateKind,
        org_id: &str,
        id: &str,
        app_id: Option<&str>,
        page: ChangePage,
    ) -> Result<Vec<ChangeRow>> {
        let sql = match (app_id.is_some(), page.ascending) {
            (false, true) => CHANGES_ASC,
            (false, false) => CHANGES_DESC,
            (true, true) => APP_CHANGES_ASC,
            (true, false) => APP_CHANGES_DESC,
        };
        let from = if page.from == 0 && !page.ascending { i64::MAX } else { page.from };
        let mut query = query!(sql; org_id, kind.name(), id, from, page.limit);
        query.values.extend(app_id.map(Value::from));
        self.rows(&query).await
    }
}
