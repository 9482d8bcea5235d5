-- Roles of projects that users have. role_keys: JSON list, in the order given; the same keys stand in
-- user_grant_roles for filters and for what follows the removal of a role.
CREATE TABLE user_grants (
    org_id TEXT NOT NULL,
    id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    project_id TEXT NOT NULL,
    role_keys TEXT NOT NULL,
    state BIGINT NOT NULL,
    sequence BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, id),
    UNIQUE (org_id, user_id, project_id)
);
CREATE INDEX user_grants_of_user ON user_grants (user_id);
CREATE INDEX user_grants_of_project ON user_grants (org_id, project_id);

CREATE TABLE user_grant_roles (
    org_id TEXT NOT NULL,
    grant_id TEXT NOT NULL,
    role_key TEXT NOT NULL,
    role_key_folded TEXT NOT NULL,
    PRIMARY KEY (org_id, grant_id, role_key)
);
