//! Whether a database is sound: every reference resolves, sequences have no gap, counts are those of the
//! rows, and the rows are what the events tell. Any test may call [`assert_sound`] at its end.

use super::replayed;
use super::rows::Snapshot;
use super::server::Database;

/// What refers to nothing: a name, and a query for what is wrong.
const ORPHANS: [(&str, &str); 29] = [
    (
        "instance without its organization",
        "SELECT i.default_org_id FROM instance i WHERE NOT EXISTS \
         (SELECT 1 FROM organizations o WHERE o.id = i.default_org_id)",
    ),
    (
        "project of no organization",
        "SELECT p.id FROM projects p WHERE NOT EXISTS (SELECT 1 FROM organizations o WHERE o.id = p.org_id)",
    ),
    (
        "user of no organization",
        "SELECT u.id FROM users u WHERE NOT EXISTS (SELECT 1 FROM organizations o WHERE o.id = u.org_id)",
    ),
    (
        "aggregate of no organization",
        "SELECT a.id FROM aggregates a WHERE a.org_id <> '' AND NOT EXISTS \
         (SELECT 1 FROM organizations o WHERE o.id = a.org_id)",
    ),
    (
        "application of no project",
        "SELECT a.id FROM apps a WHERE NOT EXISTS \
         (SELECT 1 FROM projects p WHERE p.org_id = a.org_id AND p.id = a.project_id)",
    ),
    (
        "application key of no application",
        "SELECT k.id FROM app_keys k WHERE NOT EXISTS (SELECT 1 FROM apps a \
         WHERE a.org_id = k.org_id AND a.project_id = k.project_id AND a.id = k.app_id)",
    ),
    (
        "role of no project",
        "SELECT r.role_key FROM project_roles r WHERE NOT EXISTS \
         (SELECT 1 FROM projects p WHERE p.org_id = r.org_id AND p.id = r.project_id)",
    ),
    (
        "machine key of no user",
        "SELECT k.id FROM machine_keys k WHERE NOT EXISTS \
         (SELECT 1 FROM users u WHERE u.org_id = k.org_id AND u.id = k.user_id)",
    ),
    (
        "personal access token of no user",
        "SELECT t.id FROM personal_access_tokens t WHERE NOT EXISTS \
         (SELECT 1 FROM users u WHERE u.org_id = t.org_id AND u.id = t.user_id)",
    ),
    (
        "membership of no user",
        "SELECT m.user_id FROM memberships m WHERE NOT EXISTS (SELECT 1 FROM users u WHERE u.id = m.user_id)",
    ),
    (
        "membership of the instance with an owner",
        "SELECT m.user_id FROM memberships m WHERE m.scope = 0 AND (m.org_id <> '' OR m.object_id <> '')",
    ),
    (
        "member of no organization",
        "SELECT m.user_id FROM memberships m WHERE m.scope = 1 AND (m.org_id <> m.object_id OR NOT EXISTS \
         (SELECT 1 FROM organizations o WHERE o.id = m.org_id))",
    ),
    (
        "member of no project",
        "SELECT m.user_id FROM memberships m WHERE m.scope = 2 AND NOT EXISTS \
         (SELECT 1 FROM projects p WHERE p.org_id = m.org_id AND p.id = m.object_id)",
    ),
    (
        "grant to no user",
        "SELECT g.id FROM user_grants g WHERE NOT EXISTS (SELECT 1 FROM users u WHERE u.id = g.user_id)",
    ),
    (
        "grant in no project",
        "SELECT g.id FROM user_grants g WHERE NOT EXISTS \
         (SELECT 1 FROM projects p WHERE p.org_id = g.project_org_id AND p.id = g.project_id)",
    ),
    (
        "grant through no project grant",
        "SELECT g.id FROM user_grants g WHERE g.project_org_id <> g.org_id AND NOT EXISTS \
         (SELECT 1 FROM project_grants p WHERE p.org_id = g.project_org_id AND p.project_id = g.project_id \
         AND p.id = g.project_grant_id AND p.granted_org_id = g.org_id)",
    ),
    (
        "grant of a role that its project grant lacks",
        "SELECT r.role_key FROM user_grant_roles r JOIN user_grants g ON g.org_id = r.org_id AND g.id = r.grant_id \
         WHERE g.project_grant_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM project_grant_roles p \
         WHERE p.org_id = g.project_org_id AND p.grant_id = g.project_grant_id AND p.role_key = r.role_key)",
    ),
    (
        "project grant in no project",
        "SELECT g.id FROM project_grants g WHERE NOT EXISTS \
         (SELECT 1 FROM projects p WHERE p.org_id = g.org_id AND p.id = g.project_id)",
    ),
    (
        "project grant to no organization",
        "SELECT g.id FROM project_grants g WHERE NOT EXISTS \
         (SELECT 1 FROM organizations o WHERE o.id = g.granted_org_id)",
    ),
    (
        "project grant of a role that its project lacks",
        "SELECT r.role_key FROM project_grant_roles r WHERE NOT EXISTS (SELECT 1 FROM project_roles p \
         WHERE p.org_id = r.org_id AND p.project_id = r.project_id AND p.role_key = r.role_key)",
    ),
    (
        "member of no project grant",
        "SELECT m.user_id FROM memberships m WHERE m.scope = 3 AND NOT EXISTS \
         (SELECT 1 FROM project_grants g WHERE g.granted_org_id = m.org_id AND g.id = m.object_id)",
    ),
    (
        "role of no grant",
        "SELECT r.grant_id FROM user_grant_roles r WHERE NOT EXISTS \
         (SELECT 1 FROM user_grants g WHERE g.org_id = r.org_id AND g.id = r.grant_id)",
    ),
    (
        "grant of a role that its project lacks",
        "SELECT r.role_key FROM user_grant_roles r \
         JOIN user_grants g ON g.org_id = r.org_id AND g.id = r.grant_id WHERE NOT EXISTS \
         (SELECT 1 FROM project_roles p \
         WHERE p.org_id = g.project_org_id AND p.project_id = g.project_id AND p.role_key = r.role_key)",
    ),
    (
        "project without an aggregate",
        "SELECT p.id FROM projects p WHERE NOT EXISTS (SELECT 1 FROM aggregates a \
         WHERE a.org_id = p.org_id AND a.kind = 'project' AND a.id = p.id AND a.sequence >= p.sequence)",
    ),
    (
        "user without an aggregate",
        "SELECT u.id FROM users u WHERE NOT EXISTS (SELECT 1 FROM aggregates a \
         WHERE a.org_id = u.org_id AND a.kind = 'user' AND a.id = u.id AND a.sequence >= u.sequence)",
    ),
    (
        "grant without an aggregate",
        "SELECT g.id FROM user_grants g WHERE NOT EXISTS (SELECT 1 FROM aggregates a \
         WHERE a.org_id = g.org_id AND a.kind = 'user_grant' AND a.id = g.id AND a.sequence >= g.sequence)",
    ),
    (
        "organization without an aggregate",
        "SELECT o.id FROM organizations o WHERE NOT EXISTS \
         (SELECT 1 FROM aggregates a WHERE a.org_id = o.id AND a.kind = 'org' AND a.id = o.id)",
    ),
    (
        "event of no aggregate",
        "SELECT e.aggregate_id FROM events e WHERE NOT EXISTS (SELECT 1 FROM aggregates a \
         WHERE a.org_id = e.org_id AND a.kind = e.aggregate_kind AND a.id = e.aggregate_id)",
    ),
    (
        "application that counts its keys wrongly",
        "SELECT a.id FROM apps a WHERE a.key_count <> (SELECT count(*) FROM app_keys k \
         WHERE k.org_id = a.org_id AND k.project_id = a.project_id AND k.app_id = a.id)",
    ),
];

// Sequences are distinct by the primary key, so first, last and number tell of gaps.
const GAPS: &str = "SELECT a.kind, a.id, CAST(a.sequence AS TEXT), CAST(count(e.sequence) AS TEXT), \
     CAST(min(e.sequence) AS TEXT), CAST(max(e.sequence) AS TEXT) FROM aggregates a LEFT JOIN events e \
     ON e.org_id = a.org_id AND e.aggregate_kind = a.kind AND e.aggregate_id = a.id \
     GROUP BY a.org_id, a.kind, a.id, a.sequence";

/// References that resolve to nothing, and counts that are wrong.
pub async fn orphans(database: &Database) -> Vec<String> {
    let mut snapshot = Snapshot::open(database).await;
    let mut found = Vec::new();
    for (what, sql) in ORPHANS {
        let rows: Vec<String> = snapshot.rows(sql).await.into_iter().flatten().collect();
        if let Some(first) = rows.first() {
            found.push(format!("{} × {what}, such as {first}", rows.len()));
        }
    }
    found
}

/// Aggregates whose events are not numbered from 1 to their sequence.
pub async fn gaps(database: &Database) -> Vec<String> {
    let rows = Snapshot::open(database).await.rows(GAPS).await;
    let wrong = rows.into_iter().filter(|row| row[4] != "1" || row[2] != row[3] || row[2] != row[5]);
    let name =
        |r: Vec<String>| format!("{} {} has sequence {}, {} events from {} to {}", r[0], r[1], r[2], r[3], r[4], r[5]);
    wrong.map(name).collect()
}

/// Everything that is wrong with a database on which nobody writes.
pub async fn faults(database: &Database) -> Vec<String> {
    let mut all = orphans(database).await;
    all.extend(gaps(database).await);
    all.extend(replayed::differences(database).await);
    all
}

/// Nothing refers to what is not there.
pub async fn assert_no_orphan(database: &Database) {
    let found = orphans(database).await;
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// Every reference resolves, no sequence has a gap, every row is what its events tell.
pub async fn assert_sound(database: &Database) {
    let found = faults(database).await;
    let shown: Vec<&str> = found.iter().take(20).map(String::as_str).collect();
    assert!(found.is_empty(), "{} faults:\n{}", found.len(), shown.join("\n"));
}
