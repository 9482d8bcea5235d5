-- Keys of machine users, as those of applications: public halves only.
CREATE TABLE machine_keys (
    org_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    id TEXT NOT NULL,
    public_key BLOB NOT NULL,
    expires_at BIGINT NOT NULL,
    sequence BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, user_id, id)
);
CREATE UNIQUE INDEX machine_keys_by_id ON machine_keys (id);

-- The folded twin of the display name, for searches without case.
ALTER TABLE users ADD COLUMN name_folded TEXT NOT NULL DEFAULT '';
UPDATE users SET name_folded = lower(name);
