-- Lists of projects and their grants over all organizations, the newest first.
CREATE INDEX projects_by_creation ON projects (created_at, id);
CREATE INDEX project_grants_by_creation ON project_grants (created_at, project_id, granted_org_id);
