-- Applications are addressed by their id alone, too.
CREATE UNIQUE INDEX apps_by_id ON apps (id);
