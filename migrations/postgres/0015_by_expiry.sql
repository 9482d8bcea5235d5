-- What ends soon is counted now and then. What never ends is in none of these.
CREATE INDEX app_keys_by_expiry ON app_keys (expires_at) WHERE expires_at < 253402300799000000;
CREATE INDEX machine_keys_by_expiry ON machine_keys (expires_at) WHERE expires_at < 253402300799000000;
CREATE INDEX personal_access_tokens_by_expiry ON personal_access_tokens (expires_at)
    WHERE expires_at < 253402300799000000;
