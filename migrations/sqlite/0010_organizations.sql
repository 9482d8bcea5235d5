-- Domains of organizations; all of them count as verified. domain_folded: in lower case, carries uniqueness.
CREATE TABLE org_domains (
    org_id TEXT NOT NULL REFERENCES organizations (id),
    domain TEXT NOT NULL,
    domain_folded TEXT NOT NULL UNIQUE,
    sequence BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, domain_folded)
);
INSERT INTO org_domains (org_id, domain, domain_folded, sequence, created_at, changed_at)
    SELECT o.id, o.primary_domain, lower(o.primary_domain), coalesce(max(e.sequence), 1),
        coalesce(max(e.created_at), o.created_at), coalesce(max(e.created_at), o.created_at)
    FROM organizations o LEFT JOIN events e ON e.org_id = o.id AND e.aggregate_kind = 'org' AND e.aggregate_id = o.id
        AND e.kind = 'org.domain.primary.set'
    GROUP BY o.id, o.primary_domain, o.created_at;

-- What callers keep with an organization (user_id empty) or with a user of it. digest: SHA-256 of the value, in hex.
CREATE TABLE metadata (
    org_id TEXT NOT NULL REFERENCES organizations (id),
    user_id TEXT NOT NULL,
    of_user TEXT,
    key TEXT NOT NULL,
    key_folded TEXT NOT NULL,
    value BLOB NOT NULL,
    digest TEXT NOT NULL,
    size BIGINT NOT NULL,
    sequence BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, user_id, key),
    CHECK (user_id = coalesce(of_user, '')),
    FOREIGN KEY (org_id, of_user) REFERENCES users (org_id, id) ON DELETE CASCADE
);

-- Organizations that were removed, as they are shown afterwards. While a row of organizations has the state 3, what
-- was in it still has to go; then that row goes too.
CREATE TABLE removed_organizations (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    primary_domain TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    removed_by TEXT NOT NULL
);
CREATE INDEX organizations_removed ON organizations (id) WHERE state = 3;

-- The id of the server itself. It is below all others: the first organization had the first id that was given.
ALTER TABLE instance ADD COLUMN instance_id TEXT NOT NULL DEFAULT '';
UPDATE instance SET instance_id = CAST(CAST(default_org_id AS BIGINT) - 1 AS TEXT);
