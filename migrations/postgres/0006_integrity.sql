-- References that the database holds: what belongs to something that is gone cannot be written, and goes
-- with it. Memberships and grants name the organization of their user too. Rows that point nowhere are
-- removed first; how many stands in removed_orphans until the server has told it.

CREATE TABLE removed_orphans (what TEXT COLLATE "C" NOT NULL, row_count BIGINT NOT NULL);

-- An id could be given again to another user, who then had what the first one left behind.
CREATE TABLE removed_users (id TEXT COLLATE "C" PRIMARY KEY, removed_at BIGINT NOT NULL);
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
UPDATE user_grants SET role_keys = (SELECT coalesce(json_agg(j.value ORDER BY j.place), '[]')::text
    FROM json_array_elements_text(user_grants.role_keys::json) WITH ORDINALITY j (value, place)
    WHERE EXISTS (SELECT 1 FROM user_grant_roles r WHERE r.org_id = user_grants.org_id AND r.grant_id = user_grants.id
        AND r.role_key = j.value));

ALTER TABLE projects ADD FOREIGN KEY (org_id) REFERENCES organizations (id);
ALTER TABLE apps ADD FOREIGN KEY (org_id, project_id) REFERENCES projects (org_id, id) ON DELETE CASCADE;
ALTER TABLE app_keys ADD FOREIGN KEY (org_id, project_id, app_id) REFERENCES apps (org_id, project_id, id) ON DELETE CASCADE;
ALTER TABLE project_roles ADD FOREIGN KEY (org_id, project_id) REFERENCES projects (org_id, id) ON DELETE CASCADE;
ALTER TABLE users ADD FOREIGN KEY (org_id) REFERENCES organizations (id);
ALTER TABLE machine_keys ADD FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, id) ON DELETE CASCADE;
ALTER TABLE personal_access_tokens ADD FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, id) ON DELETE CASCADE;

-- roles: a JSON list of names. of_org and of_project: what the membership is in, none for the instance.
ALTER TABLE memberships ADD COLUMN user_org_id TEXT COLLATE "C";
ALTER TABLE memberships ADD COLUMN of_org TEXT COLLATE "C";
ALTER TABLE memberships ADD COLUMN of_project TEXT COLLATE "C";
UPDATE memberships SET user_org_id = (SELECT org_id FROM users u WHERE u.id = memberships.user_id),
    of_org = CASE WHEN scope > 0 THEN org_id END, of_project = CASE WHEN scope = 2 THEN object_id END,
    roles = '["' || replace(roles, ' ', '","') || '"]';
ALTER TABLE memberships ALTER COLUMN user_org_id SET NOT NULL;
ALTER TABLE memberships ADD CHECK ((scope = 0) = (of_org IS NULL) AND (scope = 2) = (of_project IS NOT NULL));
ALTER TABLE memberships ADD FOREIGN KEY (user_org_id, user_id) REFERENCES users (org_id, id) ON DELETE CASCADE;
ALTER TABLE memberships ADD FOREIGN KEY (of_org) REFERENCES organizations (id);
ALTER TABLE memberships ADD FOREIGN KEY (of_org, of_project) REFERENCES projects (org_id, id) ON DELETE CASCADE;
CREATE INDEX memberships_of_project ON memberships (of_org, of_project);

-- A grant ends with an event of its own, so nothing takes it along.
ALTER TABLE user_grants ADD COLUMN user_org_id TEXT COLLATE "C";
UPDATE user_grants SET user_org_id = (SELECT org_id FROM users u WHERE u.id = user_grants.user_id);
ALTER TABLE user_grants ALTER COLUMN user_org_id SET NOT NULL;
ALTER TABLE user_grants ADD FOREIGN KEY (user_org_id, user_id) REFERENCES users (org_id, id);
ALTER TABLE user_grants ADD FOREIGN KEY (org_id, project_id) REFERENCES projects (org_id, id);

ALTER TABLE user_grant_roles ADD COLUMN project_id TEXT COLLATE "C";
UPDATE user_grant_roles SET project_id =
    (SELECT project_id FROM user_grants g WHERE g.org_id = user_grant_roles.org_id AND g.id = user_grant_roles.grant_id);
ALTER TABLE user_grant_roles ALTER COLUMN project_id SET NOT NULL;
ALTER TABLE user_grant_roles ADD FOREIGN KEY (org_id, grant_id) REFERENCES user_grants (org_id, id) ON DELETE CASCADE;
ALTER TABLE user_grant_roles ADD FOREIGN KEY (org_id, project_id, role_key)
    REFERENCES project_roles (org_id, project_id, role_key);
CREATE INDEX user_grant_roles_of_role ON user_grant_roles (org_id, project_id, role_key);

-- What tells users apart: ids, which are never given again, and login names, which are free again once nobody
-- has them; in lower case. An id of one user is no name of another.
CREATE TABLE user_handles (
    handle TEXT COLLATE "C" PRIMARY KEY,
    user_id TEXT COLLATE "C" NOT NULL,
    is_id BOOLEAN NOT NULL
);
INSERT INTO user_handles (handle, user_id, is_id)
    SELECT lower(id), min(id), true FROM aggregates WHERE kind = 'user' GROUP BY lower(id);
INSERT INTO user_handles (handle, user_id, is_id) SELECT user_name_folded, id, false FROM users ON CONFLICT DO NOTHING;

-- A total order of all events: transaction_id, then position. What a reader must not pass over stands at or above
-- the oldest transaction that is still open.
ALTER TABLE events ADD COLUMN transaction_id BIGINT NOT NULL DEFAULT 0;
ALTER TABLE events ALTER COLUMN transaction_id SET DEFAULT CAST(CAST(pg_current_xact_id() AS TEXT) AS BIGINT);
ALTER TABLE events ADD COLUMN position BIGINT GENERATED ALWAYS AS IDENTITY;
CREATE UNIQUE INDEX events_in_order ON events (transaction_id, position);
