-- Projects that are granted to other organizations: which of their roles the users of those may have. role_keys: JSON
-- list, in the order given; the same keys stand in project_grant_roles, for filters and for what follows when a role
-- or a grant of one goes.
CREATE TABLE project_grants (
    org_id TEXT COLLATE "C" NOT NULL,
    project_id TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL UNIQUE,
    granted_org_id TEXT COLLATE "C" NOT NULL,
    role_keys TEXT COLLATE "C" NOT NULL,
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
    org_id TEXT COLLATE "C" NOT NULL,
    grant_id TEXT COLLATE "C" NOT NULL,
    role_key TEXT COLLATE "C" NOT NULL,
    project_id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (org_id, grant_id, role_key),
    FOREIGN KEY (org_id, grant_id) REFERENCES project_grants (org_id, id) ON DELETE CASCADE,
    FOREIGN KEY (org_id, project_id, role_key) REFERENCES project_roles (org_id, project_id, role_key)
);
CREATE INDEX project_grant_roles_of_role ON project_grant_roles (org_id, project_id, role_key);

-- A user grant may be of a project of another organization, through the grant of it. Its roles are then those of that
-- grant too.
ALTER TABLE user_grants ADD COLUMN project_org_id TEXT COLLATE "C";
UPDATE user_grants SET project_org_id = org_id;
ALTER TABLE user_grants ALTER COLUMN project_org_id SET NOT NULL;
ALTER TABLE user_grants ADD COLUMN project_grant_id TEXT COLLATE "C";
ALTER TABLE user_grants ADD CHECK ((project_org_id = org_id) = (project_grant_id IS NULL));
ALTER TABLE user_grants DROP CONSTRAINT user_grants_org_id_project_id_fkey;
ALTER TABLE user_grants ADD FOREIGN KEY (project_org_id, project_id) REFERENCES projects (org_id, id);
ALTER TABLE user_grants ADD FOREIGN KEY (project_org_id, project_grant_id) REFERENCES project_grants (org_id, id);
DROP INDEX user_grants_of_project;
CREATE INDEX user_grants_of_project ON user_grants (project_org_id, project_id);
CREATE INDEX user_grants_of_project_grant ON user_grants (project_org_id, project_grant_id);

ALTER TABLE user_grant_roles ADD COLUMN project_org_id TEXT COLLATE "C";
UPDATE user_grant_roles SET project_org_id = org_id;
ALTER TABLE user_grant_roles ALTER COLUMN project_org_id SET NOT NULL;
ALTER TABLE user_grant_roles ADD COLUMN project_grant_id TEXT COLLATE "C";
ALTER TABLE user_grant_roles DROP CONSTRAINT user_grant_roles_org_id_project_id_role_key_fkey;
ALTER TABLE user_grant_roles ADD FOREIGN KEY (project_org_id, project_id, role_key)
    REFERENCES project_roles (org_id, project_id, role_key);
ALTER TABLE user_grant_roles ADD FOREIGN KEY (project_org_id, project_grant_id, role_key)
    REFERENCES project_grant_roles (org_id, grant_id, role_key);
DROP INDEX user_grant_roles_of_role;
CREATE INDEX user_grant_roles_of_role ON user_grant_roles (project_org_id, project_id, role_key);
CREATE INDEX user_grant_roles_of_project_grant ON user_grant_roles (project_org_id, project_grant_id, role_key);

-- scope 3: a project grant; org_id is the organization that it is given to, for there the roles count.
ALTER TABLE memberships ADD COLUMN of_grant TEXT COLLATE "C";
ALTER TABLE memberships ADD FOREIGN KEY (of_grant) REFERENCES project_grants (id) ON DELETE CASCADE;
ALTER TABLE memberships ADD CHECK ((scope = 3) = (of_grant IS NOT NULL));
CREATE INDEX memberships_of_grant ON memberships (of_grant);
