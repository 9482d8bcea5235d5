-- Each call of a user reads its memberships in one organization, so none of another one is walked over.
DROP INDEX IF EXISTS memberships_of_user;
CREATE INDEX memberships_of_user ON memberships (user_id, org_id);
