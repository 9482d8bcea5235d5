-- Keys of machine users, as those of applications: public halves only.
CREATE TABLE machine_keys (
    org_id TEXT COLLATE "C" NOT NULL,
    user_id TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    public_key BYTEA NOT NULL,
    expires_at BIGINT NOT NULL,
    sequence BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, user_id, id)
);
CREATE UNIQUE INDEX machine_keys_by_id ON machine_keys (id);

-- The folded twin of the display name, for searches without case.
ALTER TABLE users ADD COLUMN name_folded TEXT COLLATE "C" NOT NULL DEFAULT '';
UPDATE users SET name_folded = lower(name);
