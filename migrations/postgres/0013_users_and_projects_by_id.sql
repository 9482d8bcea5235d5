-- Tokens are addressed by their id alone, too.
CREATE UNIQUE INDEX personal_access_tokens_by_id ON personal_access_tokens (id);
-- An id that a project has or had is given to no other one, in whichever organization.
CREATE UNIQUE INDEX projects_ever ON events (aggregate_id) WHERE aggregate_kind = 'project' AND sequence = 1;
