-- Times are microseconds since 1970 in UTC. Names have a folded twin (lower case, made by the server)
-- that carries uniqueness and searches without case. Every tenant table leads with the organization.

-- Handed out once per start, so that identifiers of two running processes never meet.
CREATE TABLE nodes (last BIGINT NOT NULL);
INSERT INTO nodes (last) VALUES (0);

-- One row once the server has been set up.
CREATE TABLE instance (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    default_org_id TEXT COLLATE "C" NOT NULL,
    iam_project_id TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE organizations (
    id TEXT COLLATE "C" PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL,
    name_folded TEXT COLLATE "C" NOT NULL UNIQUE,
    primary_domain TEXT COLLATE "C" NOT NULL UNIQUE,
    state BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);

-- What has a sequence: an organization, a project with all in it, a user, the instance.
CREATE TABLE aggregates (
    org_id TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    sequence BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, kind, id)
);
CREATE INDEX aggregates_newest ON aggregates (org_id, kind, changed_at);

-- The audit trail: appended in the transaction of the change, never updated, never deleted.
CREATE TABLE events (
    org_id TEXT COLLATE "C" NOT NULL,
    aggregate_kind TEXT COLLATE "C" NOT NULL,
    aggregate_id TEXT COLLATE "C" NOT NULL,
    sequence BIGINT NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    app_id TEXT COLLATE "C",
    editor_id TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    payload TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (org_id, aggregate_kind, aggregate_id, sequence)
);
CREATE INDEX events_of_app ON events (org_id, app_id, sequence) WHERE app_id IS NOT NULL;

CREATE TABLE projects (
    org_id TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    name_folded TEXT COLLATE "C" NOT NULL,
    state BIGINT NOT NULL,
    role_assertion BOOLEAN NOT NULL,
    role_check BOOLEAN NOT NULL,
    has_project_check BOOLEAN NOT NULL,
    private_labeling BIGINT NOT NULL,
    sequence BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, id),
    UNIQUE (org_id, name_folded)
);
CREATE INDEX projects_by_id ON projects (id);

-- kind: 1 API, 2 OIDC. auth_method: number of the kind's own enum. takes_keys: the method is a
-- private key JWT. switched_sequence: event of the last change of the method, 0 if never.
CREATE TABLE apps (
    org_id TEXT COLLATE "C" NOT NULL,
    project_id TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    kind BIGINT NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    name_folded TEXT COLLATE "C" NOT NULL,
    state BIGINT NOT NULL,
    client_id TEXT COLLATE "C" NOT NULL UNIQUE,
    auth_method BIGINT NOT NULL,
    takes_keys BOOLEAN NOT NULL,
    secret_hash BYTEA,
    oidc_config TEXT COLLATE "C",
    key_count BIGINT NOT NULL,
    switched_sequence BIGINT NOT NULL,
    sequence BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, project_id, id),
    UNIQUE (org_id, project_id, name_folded)
);

-- public_key: SubjectPublicKeyInfo in DER. The private half is never stored.
CREATE TABLE app_keys (
    org_id TEXT COLLATE "C" NOT NULL,
    project_id TEXT COLLATE "C" NOT NULL,
    app_id TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    public_key BYTEA NOT NULL,
    expires_at BIGINT NOT NULL,
    sequence BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, project_id, app_id, id)
);
CREATE UNIQUE INDEX app_keys_by_id ON app_keys (id);

-- kind: 2 machine (the number of zitadel.user.v1.Type).
CREATE TABLE users (
    org_id TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL UNIQUE,
    kind BIGINT NOT NULL,
    user_name TEXT COLLATE "C" NOT NULL,
    user_name_folded TEXT COLLATE "C" NOT NULL UNIQUE,
    name TEXT COLLATE "C" NOT NULL,
    description TEXT COLLATE "C" NOT NULL,
    access_token_type BIGINT NOT NULL,
    state BIGINT NOT NULL,
    secret_hash BYTEA,
    sequence BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, id)
);

-- token_hash: SHA-256 of the token; the token itself is shown once and not kept.
CREATE TABLE personal_access_tokens (
    org_id TEXT COLLATE "C" NOT NULL,
    user_id TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    token_hash BYTEA NOT NULL UNIQUE,
    expires_at BIGINT NOT NULL,
    sequence BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, user_id, id)
);

-- scope: 0 instance (org_id and object_id empty), 1 organization, 2 project. roles: names with blanks between.
CREATE TABLE memberships (
    org_id TEXT COLLATE "C" NOT NULL,
    scope BIGINT NOT NULL,
    object_id TEXT COLLATE "C" NOT NULL,
    user_id TEXT COLLATE "C" NOT NULL,
    roles TEXT COLLATE "C" NOT NULL,
    sequence BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, scope, object_id, user_id)
);
CREATE INDEX memberships_of_user ON memberships (user_id);
