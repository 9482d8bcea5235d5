-- Roles of a project, and texts in lower case for searches without case; a key is unique in any case.
CREATE TABLE project_roles (
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
    UNIQUE (org_id, project_id, role_key_folded)
);
