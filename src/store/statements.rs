//! Every statement of the store by name, so that one test can prepare each on both engines.

use super::{
    Sql, access_tokens, app_search, apps, bootstrap, change_list, credentials, held, keys, look, members, migrations,
    nodes, oauth_clients, oidc_apps, orgs, project_grant_changes, project_grants, projects, readiness, roles,
    signing_keys, usage, user_grants, users,
};

macro_rules! statements {
    ($($module:ident: $($name:ident),+;)+) => {
        &[$($((concat!(stringify!($module), "::", stringify!($name)), Text($module::$name).sql())),+),+]
    };
}

/// A text for both engines, or one for each.
struct Text<T>(T);

impl Text<&'static str> {
    const fn sql(self) -> Sql {
        Sql::of(self.0)
    }
}

impl Text<Sql> {
    const fn sql(self) -> Sql {
        self.0
    }
}

/// Name and text of each statement.
pub const ALL: &[(&str, Sql)] = statements! {
    access_tokens: TOKEN_BY_ID, TOKEN_BY_PAT, TOKEN_INSERT, TOKEN_DELETE, TOKENS_SWEEP;
    app_search: APP_ANYWHERE, APP_KEY_ANYWHERE;
    apps: APP_BY_ID, APP_PLACE, APP_TAKEN, APP_LOCK, APP_INSERT, APP_RENAME, APP_SET_METHOD, APP_SET_SECRET, APP_SET_STATE, APP_DELETE;
    bootstrap: INSTANCE_BY_ID, INSTANCE_INSERT;
    held: AGGREGATE_LOCK;
    migrations: ORPHANS_REMOVED;
    change_list: CHANGES_ASC, CHANGES_DESC, APP_CHANGES_ASC, APP_CHANGES_DESC;
    keys: KEY_BY_ID, KEY_LIST_ASC, KEY_LIST_DESC, KEY_INSERT, KEY_CREATED_AT, KEY_DELETE, KEY_COUNT_ADD;
    look: TABLE, VERSION;
    members: MEMBER_LOCK, MEMBER_INSERT, MEMBER_UPDATE, MEMBER_DELETE, MEMBERSHIPS_OF, OTHERS_WITH, USER_WITH, ROLES_HELD,
        ROLES_HELD_IN;
    nodes: NODE_LOCK, NODES_LEASED, NODE_TAKE, NODE_LEASE, NODES_SWEEP, MARK_SET;
    oauth_clients: CLIENT_BY_ID, MACHINE_BY_KEY, MACHINE_BY_NAME, ROLES_OF_USER;
    oidc_apps: APP_SET_OIDC;
    orgs: ORG_BY_ID, ORG_TAKEN, ORG_INSERT, ORG_LOCK, ORG_KEPT, ORG_RENAME;
    project_grant_changes: PROJECT_GRANT_INSERT, PROJECT_GRANT_SET_KEYS, PROJECT_GRANT_SET_STATE, PROJECT_GRANT_DELETE,
        PROJECT_GRANTS_DELETE, PROJECT_GRANT_ROLES_INSERT, PROJECT_GRANT_ROLES_DELETE;
    project_grants: PROJECT_GRANT_BY_ID, PROJECT_GRANT_LOCK, PROJECT_GRANT_TO_LOCK, PROJECT_GRANT_LOCK_TO_END,
        PROJECT_GRANT_TO_LOCK_TO_END, PROJECT_GRANT_KEPT, PROJECT_GRANT_ROLES_KEPT, PROJECT_GRANTS_WITH_ROLE,
        PROJECT_GRANTS_TO;
    projects: PROJECT_BY_ID, PROJECT_FOUND, PROJECT_EVER, PROJECT_NAME_TAKEN, PROJECT_ORG, PROJECT_LOCK, PROJECT_LOCK_TO_END, PROJECT_KEPT, PROJECT_INSERT,
        PROJECT_UPDATE, PROJECT_SET_STATE, PROJECT_DELETE;
    readiness: PING;
    roles: ROLE_BY_KEY, ROLE_LOCK_TO_END, ROLES_KEPT, ROLE_INSERT, ROLE_UPDATE, ROLE_DELETE;
    signing_keys: SIGNING_KEYS, SIGNING_KEY_INSERT, SIGNING_KEY_SET_STATE, SIGNING_KEY_DELETE;
    usage: USED_APP_KEY, USED_APP_SECRET, USED_MACHINE_KEY, USED_MACHINE_SECRET, USED_PAT;
    credentials: MACHINE_KEY_BY_ID, MACHINE_KEY_INSERT, MACHINE_KEY_DELETE, PAT_BY_ID, PAT_INSERT, PAT_DELETE;
    user_grants: GRANT_BY_ID, GRANT_PLACE, GRANT_LOCK, GRANT_INSERT, GRANT_SET_KEYS, GRANT_SET_STATE, GRANT_DELETE,
        GRANT_ROLES_INSERT, GRANT_ROLES_DELETE, GRANTS_OF_USER, GRANTS_OF_PROJECT, GRANTS_OF_ROLE, GRANTS_OF_PROJECT_GRANT,
        GRANTS_OF_PROJECT_GRANT_ROLES;
    users: USER_BY_ID, USER_FOUND, USER_LOCK, USER_LOCK_TO_END, USER_ORG, USER_KEPT, HANDLES_TAKEN, HANDLE_INSERT, HANDLE_KEEP,
        HANDLE_DELETE, USER_NAME_TAKEN, USER_INSERT, USER_UPDATE, USER_RENAME, USER_SET_STATE, USER_SET_SECRET,
        USER_DELETE, CALLER_BY_PAT, CALLER_BY_TOKEN;
};
