-- Projects that are granted to other organizations: which of their roles the users of those may have. role_keys: JSON
-- list, in the order given; the same keys stand in project_grant_roles, for filters and for what follows when a role
-- or a grant of one goes.
CREATE TABLE project_grants (
    org_id TEXT NOT NULL,
    project_id TEXT NOT NULL,
    id TEXT NOT NULL UNIQUE,
    granted_org_id TEXT NOT NULL,
    role_keys TEXT NOT NULL,
    state BIGINT NOT NULL,
    sequence BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, id),
    UNIQUE (project_id, granted_org_id),
    FOREIGN KEY (org_id, project_id) REFERENCES projects (org_id, id) ON DELETE CASCADE,
    FOREIGN KEY (granted_org_id) REFERENCES organizations (id)
);
CREATE INDEX project_grants_of_project ON project_grants (org_id, project_id);
CREATE INDEX project_grants_to ON project_grants (granted_org_id, id);

CREATE TABLE project_grant_roles (
    org_id TEXT NOT NULL,
    grant_id TEXT NOT NULL,
    role_key TEXT NOT NULL,
    project_id TEXT NOT NULL,
    PRIMARY KEY (org_id, grant_id, role_key),
    FOREIGN KEY (org_id, grant_id) REFERENCES project_grants (org_id, id) ON DELETE CASCADE,
    FOREIGN KEY (org_id, project_id, role_key) REFERENCES project_roles (org_id, project_id, role_key)
);
CREATE INDEX project_grant_roles_of_role ON project_grant_roles (org_id, project_id, role_key);

-- A user grant may be of a project of another organization, through the grant of it. Its roles are then those of that
-- grant too. SQLite cannot change the references of a table, so both are made anew.
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
    project_org_id TEXT NOT NULL,
    project_grant_id TEXT,
    PRIMARY KEY (org_id, id),
    UNIQUE (org_id, user_id, project_id),
    CHECK ((project_org_id = org_id) = (project_grant_id IS NULL)),
    FOREIGN KEY (user_org_id, user_id) REFERENCES users (org_id, id),
    FOREIGN KEY (project_org_id, project_id) REFERENCES projects (org_id, id),
    FOREIGN KEY (project_org_id, project_grant_id) REFERENCES project_grants (org_id, id)
);
INSERT INTO user_grants_new (org_id, id, user_id, project_id, role_keys, state, sequence, created_at, changed_at, user_org_id, project_org_id)
    SELECT org_id, id, user_id, project_id, role_keys, state, sequence, created_at, changed_at, user_org_id, org_id FROM user_grants;
CREATE TABLE user_grant_roles_new (
    org_id TEXT NOT NULL,
    grant_id TEXT NOT NULL,
    role_key TEXT NOT NULL,
    role_key_folded TEXT NOT NULL,
    project_id TEXT NOT NULL,
    project_org_id TEXT NOT NULL,
    project_grant_id TEXT,
    PRIMARY KEY (org_id, grant_id, role_key),
    FOREIGN KEY (org_id, grant_id) REFERENCES user_grants_new (org_id, id) ON DELETE CASCADE,
    FOREIGN KEY (project_org_id, project_id, role_key) REFERENCES project_roles (org_id, project_id, role_key),
    FOREIGN KEY (project_org_id, project_grant_id, role_key) REFERENCES project_grant_roles (org_id, grant_id, role_key)
);
INSERT INTO user_grant_roles_new (org_id, grant_id, role_key, role_key_folded, project_id, project_org_id)
    SELECT org_id, grant_id, role_key, role_key_folded, project_id, org_id FROM user_grant_roles;
DROP TABLE user_grant_roles;
DROP TABLE user_grants;
-- The reference of the second table follows the new name of the first.
ALTER TABLE user_grants_new RENAME TO user_grants;
ALTER TABLE user_grant_roles_new RENAME TO user_grant_roles;
CREATE INDEX user_grants_of_user ON user_grants (user_id);
CREATE INDEX user_grants_of_project ON user_grants (project_org_id, project_id);
CREATE INDEX user_grants_of_project_grant ON user_grants (project_org_id, project_grant_id);
CREATE INDEX user_grant_roles_of_role ON user_grant_roles (project_org_id, project_id, role_key);
CREATE INDEX user_grant_roles_of_project_grant ON user_grant_roles (project_org_id, project_grant_id, role_key);

-- scope 3: a project grant; org_id is the organization that it is given to, for there the roles count.
ALTER TABLE memberships ADD COLUMN of_grant TEXT REFERENCES project_grants (id) ON DELETE CASCADE;
CREATE INDEX memberships_of_grant ON memberships (of_grant);
