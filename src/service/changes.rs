//! Change lists: the audit trail as clients read it (contract, messages: change).

use buffa::MessageField;

use crate::proto::timestamp;
use crate::proto::zitadel::change::v1::Change;
use crate::proto::zitadel::v1::LocalizedMessage;
use crate::store::ChangeRow;

/// English texts of the event types that occur.
const TEXTS: &[(&str, &str)] = &[
    ("org.added", "Organization added"),
    ("org.domain.added", "Domain added"),
    ("org.domain.verified", "Domain verified"),
    ("org.domain.primary.set", "Organization Domain set"),
    ("org.member.added", "Organization member added"),
    ("project.added", "Project added"),
    ("project.changed", "Project changed"),
    ("project.deactivated", "Project deactivated"),
    ("project.reactivated", "Project reactivated"),
    ("project.removed", "Project removed"),
    ("project.role.added", "Project role added"),
    ("project.role.changed", "Project role changed"),
    ("project.role.removed", "Project role removed"),
    ("project.member.added", "Project member added"),
    ("project.member.changed", "Project member changed"),
    ("project.member.removed", "Project member removed"),
    ("project.application.added", "Application added"),
    ("project.application.changed", "Application changed"),
    ("project.application.deactivated", "Application deactivated"),
    ("project.application.reactivated", "Application reactivated"),
    ("project.application.removed", "Application removed"),
    ("project.application.config.api.added", "API Configuration added"),
    ("project.application.config.api.changed", "API Configuration changed"),
    ("project.application.config.api.secret.changed", "API secret changed"),
    ("project.application.config.oidc.added", "OIDC Configuration added"),
    ("project.application.oidc.key.added", "OIDC Application Key added"),
    ("project.application.oidc.key.removed", "OIDC Application Key removed"),
    ("user.machine.added", "Technical user added"),
    ("user.machine.changed", "Technical user changed"),
    ("user.machine.secret.set", "Secret set"),
    ("user.machine.secret.removed", "Secret removed"),
    ("user.machine.key.added", "Key added"),
    ("user.machine.key.removed", "Key removed"),
    ("user.pat.added", "Personal Access Token added"),
    ("user.pat.removed", "Personal Access Token removed"),
    ("user.username.changed", "Username changed"),
    ("user.deactivated", "User deactivated"),
    ("user.reactivated", "User reactivated"),
    ("user.locked", "User locked"),
    ("user.unlocked", "User unlocked"),
    ("user.removed", "User removed"),
];

/// An event as a client reads it.
pub fn message(org_id: &str, row: ChangeRow) -> Change {
    let text = TEXTS.iter().find(|(kind, _)| *kind == row.kind).map_or("", |(_, text)| text);
    Change {
        change_date: MessageField::some(timestamp(row.created_at)),
        event_type: MessageField::some(LocalizedMessage {
            key: format!("EventTypes.{}", row.kind),
            localized_message: text.to_owned(),
        }),
        sequence: u64::try_from(row.sequence).unwrap_or(0),
        editor_id: row.editor_id,
        editor_display_name: row.editor_name.unwrap_or_default(),
        editor_preferred_login_name: row.editor_login_name.unwrap_or_default(),
        resource_owner_id: org_id.to_owned(),
        ..Change::default()
    }
}
