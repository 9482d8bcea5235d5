-- Tokens are addressed by their id alone, too.
CREATE UNIQUE INDEX personal_access_tokens_by_id ON personal_access_tokens (id);
