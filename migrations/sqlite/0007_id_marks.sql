-- mark: no identifier was made for a later time, in microseconds since 1970; written ahead. It begins
-- above all identifiers that exist, whatever the clock showed when they were made.
ALTER TABLE nodes ADD COLUMN mark BIGINT NOT NULL DEFAULT 0;
UPDATE nodes SET mark = coalesce((
    SELECT CAST(max(id) AS INTEGER) / 16777216 * 10000 + 1556496000000000 FROM (
        SELECT max(id) AS id FROM organizations WHERE length(id) = 18 AND id NOT GLOB '*[^0-9]*'
        UNION ALL SELECT max(id) FROM projects WHERE length(id) = 18 AND id NOT GLOB '*[^0-9]*'
        UNION ALL SELECT max(id) FROM apps WHERE length(id) = 18 AND id NOT GLOB '*[^0-9]*'
        UNION ALL SELECT max(id) FROM app_keys WHERE length(id) = 18 AND id NOT GLOB '*[^0-9]*'
        UNION ALL SELECT max(id) FROM machine_keys WHERE length(id) = 18 AND id NOT GLOB '*[^0-9]*'
        UNION ALL SELECT max(id) FROM personal_access_tokens WHERE length(id) = 18 AND id NOT GLOB '*[^0-9]*'
        UNION ALL SELECT max(id) FROM user_grants WHERE length(id) = 18 AND id NOT GLOB '*[^0-9]*'
        UNION ALL SELECT max(id) FROM signing_keys WHERE length(id) = 18 AND id NOT GLOB '*[^0-9]*'
    ) made
), 0);

-- Node numbers that processes have, each until a time that it puts off while it lives.
CREATE TABLE node_leases (
    node BIGINT PRIMARY KEY,
    until BIGINT NOT NULL
);
