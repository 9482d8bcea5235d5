-- Calls that were made under an idempotency key, with their answers. id: SHA-256 of who called, what, and under which
-- key. fingerprint: SHA-256 of what was asked for. answer: encrypted under a key that is made of the caller's token
-- and idempotency key, neither of which is here. bytes: what the row counts for.
CREATE TABLE idempotency_keys (
    id BLOB PRIMARY KEY,
    user_id TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    answer BLOB NOT NULL,
    bytes BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
CREATE INDEX idempotency_keys_of_user ON idempotency_keys (user_id, bytes);
