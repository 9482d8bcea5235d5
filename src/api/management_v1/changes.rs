//! Change lists: the audit trail as clients read it (contract, messages: change).

use buffa::MessageField;

use crate::api::adapter::details::{count, date};
use crate::proto::zitadel::change::v1::Change;
use crate::proto::zitadel::v1::LocalizedMessage;
use crate::store::{ChangeRow, EventKind};

/// Events of an organization as a client reads them.
pub fn messages(org_id: &str, rows: Vec<ChangeRow>) -> Vec<Change> {
    rows.into_iter().map(|row| message(org_id, row)).collect()
}

fn message(org_id: &str, row: ChangeRow) -> Change {
    let text = EventKind::named(&row.kind).map_or("", EventKind::text);
    Change {
        change_date: date(row.created_at),
        event_type: MessageField::some(LocalizedMessage {
            key: format!("EventTypes.{}", row.kind),
            localized_message: text.to_owned(),
        }),
        sequence: count(row.sequence),
        editor_id: row.editor_id,
        editor_display_name: row.editor_name.unwrap_or_default(),
        editor_preferred_login_name: row.editor_login_name.unwrap_or_default(),
        resource_owner_id: org_id.to_owned(),
        ..Change::default()
    }
}
