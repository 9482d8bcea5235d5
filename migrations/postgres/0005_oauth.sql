-- Access tokens of machine users. id: the jti, a number; they grow with time, so new rows land
-- together. token_hash: SHA-256 of an opaque token, none for a JWT. epoch: that of the user when the
-- token was made. by_secret: the user authenticated with a secret, not with a key.
CREATE TABLE access_tokens (
    id BIGINT PRIMARY KEY,
    org_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    token_hash BYTEA,
    scopes TEXT NOT NULL,
    by_secret BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX access_tokens_by_expiry ON access_tokens (expires_at);

-- token_epoch: sequence of the event that voided all tokens made before; a token of another epoch is void.
ALTER TABLE users ADD COLUMN token_epoch BIGINT NOT NULL DEFAULT 0;

-- Keys with which the server signs. state: 1 published in advance, 2 signs, 3 only verifies.
-- private_key: PKCS#1 DER, encrypted under the master key.
CREATE TABLE signing_keys (
    id TEXT PRIMARY KEY,
    state BIGINT NOT NULL,
    public_key BYTEA NOT NULL,
    private_key BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL
);

-- The secret before the last one, valid until old_secret_until.
ALTER TABLE apps ADD COLUMN old_secret_hash BYTEA;
ALTER TABLE apps ADD COLUMN old_secret_until BIGINT NOT NULL DEFAULT 0;

-- When a credential was last used; written now and then, not at every use.
ALTER TABLE apps ADD COLUMN secret_used_at BIGINT;
ALTER TABLE users ADD COLUMN secret_used_at BIGINT;
ALTER TABLE app_keys ADD COLUMN last_used_at BIGINT;
ALTER TABLE machine_keys ADD COLUMN last_used_at BIGINT;
ALTER TABLE personal_access_tokens ADD COLUMN last_used_at BIGINT;
