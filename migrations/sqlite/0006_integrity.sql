-- References that the database holds: what belongs to something that is gone cannot be written, and goes
-- with it. Memberships and grants name the organization of their user too. Rows that point nowhere are
-- removed first; how many stands in removed_orphans until the server has told it.

CREATE TABLE removed_orphans (what TEXT NOT NULL, row_count BIGINT NOT NULL);

-- An id could be given again to another user, who then had what the first one left behind.
CREATE TABLE removed_users (id TEXT PRIMARY KEY, removed_at BIGINT NOT NULL);
INSERT INTO removed_users SELECT aggregate_id, max(created_at) FROM events
    WHERE aggregate_kind = 'user' AND kind = 'user.removed' GROUP BY aggregate_id;

INSERT INTO removed_orphans SELECT 'personal_access_tokens', count(*) FROM personal_access_tokens WHERE EXISTS (SELECT 1 FROM removed_users r WHERE r.id = personal_access_tokens.user_id AND r.removed_at >= personal_access_tokens.created_at)
     OR NOT EXISTS (SELECT 1 FROM users u WHERE u.org_id = personal_access_tokens.org_id AND u.id = personal_access_tokens.user_id);
DELETE FROM personal_access_tokens WHERE EXISTS (SELECT 1 FROM removed_users r WHERE r.id = personal_access_tokens.user_id AND r.removed_at >= personal_access_tokens.created_at)
     OR NOT EXISTS (SELECT 1 FROM users u WHERE u.org_id = personal_access_tokens.org_id AND u.id = personal_access_tokens.user_id);
INSERT INTO removed_orphans SELECT 'machine_keys', count(*) FROM machine_keys WHERE EXISTS (SELECT 1 FROM removed_users r WHERE r.id = machine_keys.user_id AND r.removed_at >= machine_keys.created_at)
     OR NOT EXISTS (SELECT 1 FROM users u WHERE u.org_id = machine_keys.org_id AND u.id = machine_keys.user_id);
DELETE FROM machine_keys WHERE EXISTS (SELECT 1 FROM removed_users r WHERE r.id = machine_keys.user_id AND r.removed_at >= machine_keys.created_at)
     OR NOT EXISTS (SELECT 1 FROM users u WHERE u.org_id = machine_keys.org_id AND u.id = machine_keys.user_id);
INSERT INTO removed_orphans SELECT 'projects', count(*) FROM projects WHERE NOT EXISTS (SELECT 1 FROM organizations o WHERE o.id = projects.org_id);
DELETE FROM projects WHERE NOT EXISTS (SELECT 1 FROM organizations o WHERE o.id = projects.org_id);
INSERT INTO removed_orphans SELECT 'apps', count(*) FROM apps WHERE NOT EXISTS (SELECT 1 FROM projects p WHERE p.org_id = apps.org_id AND p.id = apps.project_id);
DELETE FROM apps WHERE NOT EXISTS (SELECT 1 FROM projects p WHERE p.org_id = apps.org_id AND p.id = apps.project_id);
INSERT INTO removed_orphans SELECT 'app_keys', count(*) FROM app_keys WHERE NOT EXISTS (SELECT 1 FROM apps a WHERE a.org_id = app_keys.org_id AND a.project_id = app_keys.project_id AND a.id = app_keys.app_id);
DELETE FROM app_keys WHERE NOT EXISTS (SELECT 1 FROM apps a WHERE a.org_id = app_keys.org_id AND a.project_id = app_keys.project_id AND a.id = app_keys.app_id);
INSERT INTO removed_orphans SELECT 'project_roles', count(*) FROM project_roles WHERE NOT EXISTS (SELECT 1 FROM projects p WHERE p.org_id = project_roles.org_id AND p.id = project_roles.project_id);
DELETE FROM project_roles WHERE NOT EXISTS (SELECT 1 FROM projects p WHERE p.org_id = project_roles.org_id AND p.id = project_roles.project_id);
INSERT INTO removed_orphans SELECT 'memberships', count(*) FROM memberships WHERE EXISTS (SELECT 1 FROM removed_users r WHERE r.id = memberships.user_id AND r.removed_at >= memberships.created_at)
     OR NOT EXISTS (SELECT 1 FROM users u WHERE u.id = memberships.user_id)
     OR scope = 1 AND NOT EXISTS (SELECT 1 FROM organizations o WHERE o.id = memberships.org_id)
     OR scope = 2 AND NOT EXISTS (SELECT 1 FROM projects p WHERE p.org_id = memberships.org_id AND p.id = memberships.object_id);
DELETE FROM memberships WHERE EXISTS (SELECT 1 FROM removed_users r WHERE r.id = memberships.user_id AND r.removed_at >= memberships.created_at)
     OR NOT EXISTS (SELECT 1 FROM users u WHERE u.id = memberships.user_id)
     OR scope = 1 AND NOT EXISTS (SELECT 1 FROM organizations o WHERE o.id = memberships.org_id)
     OR scope = 2 AND NOT EXISTS (SELECT 1 FROM projects p WHERE p.org_id = memberships.org_id AND p.id = memberships.object_id);
INSERT INTO removed_orphans SELECT 'user_grants', count(*) FROM user_grants WHERE EXISTS (SELECT 1 FROM removed_users r WHERE r.id = user_grants.user_id AND r.removed_at >= user_grants.created_at)
     OR NOT EXISTS (SELECT 1 FROM users u WHERE u.id = user_grants.user_id)
     OR NOT EXISTS (SELECT 1 FROM projects p WHERE p.org_id = user_grants.org_id AND p.id = user_grants.project_id);
DELETE FROM user_grants WHERE EXISTS (SELECT 1 FROM removed_users r WHERE r.id = user_grants.user_id AND r.removed_at >= user_grants.created_at)
     OR NOT EXISTS (SELECT 1 FROM users u WHERE u.id = user_grants.user_id)
     OR NOT EXISTS (SELECT 1 FROM projects p WHERE p.org_id = user_grants.org_id AND p.id = user_grants.project_id);
INSERT INTO removed_orphans SELECT 'user_grant_roles', count(*) FROM user_grant_roles WHERE NOT EXISTS (SELECT 1 FROM user_grants g WHERE g.org_id = user_grant_roles.org_id AND g.id = user_grant_roles.grant_id)
     OR NOT EXISTS (SELECT 1 FROM user_grants g JOIN project_roles r ON r.org_id = g.org_id AND r.project_id = g.project_id
         AND r.role_key = user_grant_roles.role_key WHERE g.org_id = user_grant_roles.org_id AND g.id = user_grant_roles.grant_id);
DELETE FROM user_grant_roles WHERE NOT EXISTS (SELECT 1 FROM user_grants g WHERE g.org_id = user_grant_roles.org_id AND g.id = user_grant_roles.grant_id)
     OR NOT EXISTS (SELECT 1 FROM user_grants g JOIN project_roles r ON r.org_id = g.org_id AND r.project_id = g.project_id
         AND r.role_key = user_grant_roles.role_key WHERE g.org_id = user_grant_roles.org_id AND g.id = user_grant_roles.grant_id);
DROP TABLE removed_users;
-- What a grant lists must be what stands beside it.
UPDATE user_grants SET role_keys = (SELECT coalesce(json_group_array(j.value), '[]') FROM json_each(user_grants.role_keys) j
    WHERE EXISTS (SELECT 1 FROM user_grant_roles r WHERE r.org_id = user_grants.org_id AND r.grant_id = user_grants.id
        AND r.role_key = j.value));

-- SQLite cannot add a reference to a table, so each is made anew; those that are referred to come first.
CREATE TABLE projects_new (
    org_id TEXT NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    name_folded TEXT NOT NULL,
    state BIGINT NOT NULL,
    role_assertion BOOLEAN NOT NULL,
    role_check BOOLEAN NOT NULL,
    has_project_check BOOLEAN NOT NULL,
    private_labeling BIGINT NOT NULL,
    sequence BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, id),
    UNIQUE (org_id, name_folded),
    FOREIGN KEY (org_id) REFERENCES organizations (id)
);
INSERT INTO projects_new (org_id, id, name, name_folded, state, role_assertion, role_check, has_project_check, private_labeling, sequence, created_at, changed_at)
    SELECT org_id, id, name, name_folded, state, role_assertion, role_check, has_project_check, private_labeling, sequence, created_at, changed_at FROM projects;
DROP TABLE projects;
ALTER TABLE projects_new RENAME TO projects;
CREATE INDEX projects_by_id ON projects (id);

CREATE TABLE apps_new (
    org_id TEXT NOT NULL,
    project_id TEXT NOT NULL,
    id TEXT NOT NULL,
    kind BIGINT NOT NULL,
    name TEXT NOT NULL,
    name_folded TEXT NOT NULL,
    state BIGINT NOT NULL,
    client_id TEXT NOT NULL UNIQUE,
    auth_method BIGINT NOT NULL,
    takes_keys BOOLEAN NOT NULL,
    secret_hash BLOB,
    oidc_config TEXT,
    key_count BIGINT NOT NULL,
    switched_sequence BIGINT NOT NULL,
    sequence BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    old_secret_hash BLOB,
    old_secret_until BIGINT NOT NULL DEFAULT 0,
    secret_used_at BIGINT,
    PRIMARY KEY (org_id, project_id, id),
    UNIQUE (org_id, project_id, name_folded),
    FOREIGN KEY (org_id, project_id) REFERENCES projects (org_id, id) ON DELETE CASCADE
);
INSERT INTO apps_new (org_id, project_id, id, kind, name, name_folded, state, client_id, auth_method, takes_keys, secret_hash, oidc_config, key_count, switched_sequence, sequence, created_at, changed_at, old_secret_hash, old_secret_until, secret_used_at)
    SELECT org_id, project_id, id, kind, name, name_folded, state, client_id, auth_method, takes_keys, secret_hash, oidc_config, key_count, switched_sequence, sequence, created_at, changed_at, old_secret_hash, old_secret_until, secret_used_at FROM apps;
DROP TABLE apps;
ALTER TABLE apps_new RENAME TO apps;

CREATE TABLE app_keys_new (
    org_id TEXT NOT NULL,
    project_id TEXT NOT NULL,
    app_id TEXT NOT NULL,
    id TEXT NOT NULL,
    public_key BLOB NOT NULL,
    expires_at BIGINT NOT NULL,
    sequence BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT,
    PRIMARY KEY (org_id, project_id, app_id, id),
    FOREIGN KEY (org_id, project_id, app_id) REFERENCES apps (org_id, project_id, id) ON DELETE CASCADE
);
INSERT INTO app_keys_new (org_id, project_id, app_id, id, public_key, expires_at, sequence, created_at, last_used_at)
    SELECT org_id, project_id, app_id, id, public_key, expires_at, sequence, created_at, last_used_at FROM app_keys;
DROP TABLE app_keys;
ALTER TABLE app_keys_new RENAME TO app_keys;
CREATE UNIQUE INDEX app_keys_by_id ON app_keys (id);

CREATE TABLE project_roles_new (
    org_id TEXT NOT NULL,
    project_id TEXT NOT NULL,
    role_key TEXT NOT NULL,
    role_key_folded TEXT NOT NULL,
    display_name TEXT NOT NULL,
    display_name_folded TEXT NOT NULL,
    group_name TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, project_id, role_key),
    UNIQUE (org_id, project_id, role_key_folded),
    FOREIGN KEY (org_id, project_id) REFERENCES projects (org_id, id) ON DELETE CASCADE
);
INSERT INTO project_roles_new (org_id, project_id, role_key, role_key_folded, display_name, display_name_folded, group_name, sequence, created_at, changed_at)
    SELECT org_id, project_id, role_key, role_key_folded, display_name, display_name_folded, group_name, sequence, created_at, changed_at FROM project_roles;
DROP TABLE project_roles;
ALTER TABLE project_roles_new RENAME TO project_roles;

CREATE TABLE users_new (
    org_id TEXT NOT NULL,
    id TEXT NOT NULL UNIQUE,
    kind BIGINT NOT NULL,
    user_name TEXT NOT NULL,
    user_name_folded TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    access_token_type BIGINT NOT NULL,
    state BIGINT NOT NULL,
    secret_hash BLOB,
    sequence BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    name_folded TEXT NOT NULL DEFAULT '',
    token_epoch BIGINT NOT NULL DEFAULT 0,
    secret_used_at BIGINT,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id) REFERENCES organizations (id)
);
INSERT INTO users_new (org_id, id, kind, user_name, user_name_folded, name, description, access_token_type, state, secret_hash, sequence, created_at, changed_at, name_folded, token_epoch, secret_used_at)
    SELECT org_id, id, kind, user_name, user_name_folded, name, description, access_token_type, state, secret_hash, sequence, created_at, changed_at, name_folded, token_epoch, secret_used_at FROM users;
DROP TABLE users;
ALTER TABLE users_new RENAME TO users;

CREATE TABLE machine_keys_new (
    org_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    id TEXT NOT NULL,
    public_key BLOB NOT NULL,
    expires_at BIGINT NOT NULL,
    sequence BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT,
    PRIMARY KEY (org_id, user_id, id),
    FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, id) ON DELETE CASCADE
);
INSERT INTO machine_keys_new (org_id, user_id, id, public_key, expires_at, sequence, created_at, last_used_at)
    SELECT org_id, user_id, id, public_key, expires_at, sequence, created_at, last_used_at FROM machine_keys;
DROP TABLE machine_keys;
ALTER TABLE machine_keys_new RENAME TO machine_keys;
CREATE UNIQUE INDEX machine_keys_by_id ON machine_keys (id);

CREATE TABLE personal_access_tokens_new (
    org_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    id TEXT NOT NULL,
    token_hash BLOB NOT NULL UNIQUE,
    expires_at BIGINT NOT NULL,
    sequence BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT,
    PRIMARY KEY (org_id, user_id, id),
    FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, id) ON DELETE CASCADE
);
INSERT INTO personal_access_tokens_new (org_id, user_id, id, token_hash, expires_at, sequence, created_at, last_used_at)
    SELECT org_id, user_id, id, token_hash, expires_at, sequence, created_at, last_used_at FROM personal_access_tokens;
DROP TABLE personal_access_tokens;
ALTER TABLE personal_access_tokens_new RENAME TO personal_access_tokens;

-- roles: a JSON list of names. of_org and of_project: what the membership is in, none for the instance.
CREATE TABLE memberships_new (
    org_id TEXT NOT NULL,
    scope BIGINT NOT NULL,
    object_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    roles TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    user_org_id TEXT NOT NULL,
    of_org TEXT,
    of_project TEXT,
    PRIMARY KEY (org_id, scope, object_id, user_id),
    CHECK ((scope = 0) = (of_org IS NULL) AND (scope = 2) = (of_project IS NOT NULL)),
    FOREIGN KEY (user_org_id, user_id) REFERENCES users (org_id, id) ON DELETE CASCADE,
    FOREIGN KEY (of_org) REFERENCES organizations (id),
    FOREIGN KEY (of_org, of_project) REFERENCES projects (org_id, id) ON DELETE CASCADE
);
INSERT INTO memberships_new (org_id, scope, object_id, user_id, roles, sequence, created_at, changed_at, user_org_id, of_org, of_project)
    SELECT org_id, scope, object_id, user_id, '["' || replace(roles, ' ', '","') || '"]', sequence, created_at, changed_at, (SELECT org_id FROM users u WHERE u.id = memberships.user_id), CASE WHEN scope > 0 THEN org_id END, CASE WHEN scope = 2 THEN object_id END FROM memberships;
DROP TABLE memberships;
ALTER TABLE memberships_new RENAME TO memberships;
CREATE INDEX memberships_of_user ON memberships (user_id);
CREATE INDEX memberships_of_project ON memberships (of_org, of_project);

-- A grant ends with an event of its own, so nothing takes it along.
CREATE TABLE user_grants_new (
    org_id TEXT NOT NULL,
    id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    project_id TEXT NOT NULL,
    role_keys TEXT NOT NULL,
    state BIGINT NOT NULL,
    sequence BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    user_org_id TEXT NOT NULL,
    PRIMARY KEY (org_id, id),
    UNIQUE (org_id, user_id, project_id),
    FOREIGN KEY (user_org_id, user_id) REFERENCES users (org_id, id),
    FOREIGN KEY (org_id, project_id) REFERENCES projects (org_id, id)
);
INSERT INTO user_grants_new (org_id, id, user_id, project_id, role_keys, state, sequence, created_at, changed_at, user_org_id)
    SELECT org_id, id, user_id, project_id, role_keys, state, sequence, created_at, changed_at, (SELECT org_id FROM users u WHERE u.id = user_grants.user_id) FROM user_grants;
DROP TABLE user_grants;
ALTER TABLE user_grants_new RENAME TO user_grants;
CREATE INDEX user_grants_of_user ON user_grants (user_id);
CREATE INDEX user_grants_of_project ON user_grants (org_id, project_id);

CREATE TABLE user_grant_roles_new (
    org_id TEXT NOT NULL,
    grant_id TEXT NOT NULL,
    role_key TEXT NOT NULL,
    role_key_folded TEXT NOT NULL,
    project_id TEXT NOT NULL,
    PRIMARY KEY (org_id, grant_id, role_key),
    FOREIGN KEY (org_id, grant_id) REFERENCES user_grants (org_id, id) ON DELETE CASCADE,
    FOREIGN KEY (org_id, project_id, role_key) REFERENCES project_roles (org_id, project_id, role_key)
);
INSERT INTO user_grant_roles_new (org_id, grant_id, role_key, role_key_folded, project_id)
    SELECT org_id, grant_id, role_key, role_key_folded, (SELECT project_id FROM user_grants g WHERE g.org_id = user_grant_roles.org_id AND g.id = user_grant_roles.grant_id) FROM user_grant_roles;
DROP TABLE user_grant_roles;
ALTER TABLE user_grant_roles_new RENAME TO user_grant_roles;
CREATE INDEX user_grant_roles_of_role ON user_grant_roles (org_id, project_id, role_key);

-- What tells users apart: ids, which are never given again, and login names, which are free again once nobody
-- has them; in lower case. An id of one user is no name of another.
CREATE TABLE user_handles (
    handle TEXT PRIMARY KEY,
    user_id TEXT NOT NULL,
    is_id BOOLEAN NOT NULL
);
INSERT INTO user_handles (handle, user_id, is_id)
    SELECT lower(id), min(id), true FROM aggregates WHERE kind = 'user' GROUP BY lower(id);
INSERT INTO user_handles (handle, user_id, is_id) SELECT user_name_folded, id, false FROM users WHERE true ON CONFLICT DO NOTHING;

-- A total order of all events: transaction_id, then position. One process writes at a time, so position says it all.
CREATE TABLE events_new (
    position INTEGER PRIMARY KEY,
    transaction_id BIGINT NOT NULL DEFAULT 0,
    org_id TEXT NOT NULL,
    aggregate_kind TEXT NOT NULL,
    aggregate_id TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    kind TEXT NOT NULL,
    app_id TEXT,
    editor_id TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    payload TEXT NOT NULL,
    UNIQUE (org_id, aggregate_kind, aggregate_id, sequence)
);
INSERT INTO events_new (org_id, aggregate_kind, aggregate_id, sequence, kind, app_id, editor_id, created_at, payload)
    SELECT org_id, aggregate_kind, aggregate_id, sequence, kind, app_id, editor_id, created_at, payload
    FROM events ORDER BY created_at, rowid;
DROP TABLE events;
ALTER TABLE events_new RENAME TO events;
CREATE INDEX events_of_app ON events (org_id, app_id, sequence) WHERE app_id IS NOT NULL;
