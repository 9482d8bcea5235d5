//! Project grants in version 2: addressed by project and granted organization.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::support::connect::{call, told};
use crate::support::race::{at_once, counted, none_failed};
use crate::support::sound::assert_sound;
use crate::support::{TestServer, number, text};

const NOBODY: &str = "123456789012345678";

fn rpc(name: &str) -> String {
    format!("zitadel.project.v2.ProjectService/{name}")
}

/// A project with the roles `reader` and `writer`, and another organization.
async fn world() -> (TestServer, String, String) {
    let server = TestServer::start().await;
    let project = server.project("granted").await;
    let roles = json!({"roles": [{"key": "reader", "displayName": "R"}, {"key": "writer", "displayName": "W"}]});
    server.ok(&format!("/projects/{project}/roles/_bulk"), roles).await;
    let other = text(&server.ok("/orgs", json!({"name": "Other"})).await, "/id");
    (server, project, other)
}

/// A user of the first organization who owns a project only.
async fn project_member(server: &TestServer, project: &str) -> (String, String) {
    let (id, token) = server.user(&server.org().await, "owner").await;
    let body = json!({"userId": id, "roles": ["PROJECT_OWNER"]});
    server.ok(&format!("/projects/{project}/members"), body).await;
    (id, token)
}

/// A user of another organization who owns what is granted to it of a project.
async fn grant_member(server: &TestServer, org: &str, project: &str) -> (String, String) {
    let (id, token) = server.user(org, "member").await;
    let query = json!({"queries": [{"projectIdQuery": {"projectId": project}}]});
    let grants = server.ok("/projectgrants/_search", query).await;
    let path = format!("/projects/{project}/grants/{}/members", text(&grants, "/result/0/grantId"));
    let body = json!({"userId": id, "roles": ["PROJECT_GRANT_OWNER"]});
    server.ok(&path, body).await;
    (id, token)
}

fn grant(project: &str, to: &str, keys: &[&str]) -> Value {
    json!({"projectId": project, "grantedOrganizationId": to, "roleKeys": keys})
}

#[tokio::test]
async fn a_grant_lives_from_creation_to_deletion() {
    let (server, project, other) = world().await;
    let made = server.connected(&rpc("CreateProjectGrant"), grant(&project, &other, &["reader"])).await;
    let mut wanted = json!({"organizationId": server.org().await, "creationDate": made["creationDate"],
        "changeDate": made["creationDate"], "grantedOrganizationId": other, "grantedOrganizationName": "Other",
        "grantedRoleKeys": ["reader"], "projectId": project, "projectName": "granted",
        "state": "PROJECT_GRANT_STATE_ACTIVE"});
    let listed = async || server.connected(&rpc("ListProjectGrants"), json!({})).await["projectGrants"][0].clone();
    assert_eq!(listed().await, wanted);
    let changed = server.connected(&rpc("UpdateProjectGrant"), grant(&project, &other, &["reader", "writer"])).await;
    let same = server.connected(&rpc("UpdateProjectGrant"), grant(&project, &other, &["reader", "writer"])).await;
    assert_eq!(changed, same);
    wanted["changeDate"] = changed["changeDate"].clone();
    wanted["grantedRoleKeys"] = json!(["reader", "writer"]);
    assert_eq!(listed().await, wanted);
    let of = json!({"projectId": project, "grantedOrganizationId": other});
    for (name, state) in [
        ("DeactivateProjectGrant", "PROJECT_GRANT_STATE_INACTIVE"),
        ("ActivateProjectGrant", "PROJECT_GRANT_STATE_ACTIVE"),
    ] {
        let first = server.connected(&rpc(name), of.clone()).await;
        assert_eq!(server.connected(&rpc(name), of.clone()).await, first, "{name} again");
        let now = listed().await;
        assert_eq!((&now["state"], &now["changeDate"]), (&json!(state), &first["changeDate"]));
    }
    let deleted = server.connected(&rpc("DeleteProjectGrant"), of.clone()).await;
    assert!(!text(&deleted, "/deletionDate").is_empty());
    assert_eq!(
        server.connected(&rpc("DeleteProjectGrant"), of).await,
        deleted,
        "again: the newest event of the project"
    );
    let nowhere = json!({"projectId": NOBODY, "grantedOrganizationId": other});
    assert_eq!(server.connected(&rpc("DeleteProjectGrant"), nowhere).await, json!({}));
}

#[tokio::test]
async fn what_is_refused_is_told_with_its_id() {
    let (server, project, other) = world().await;
    let org = server.org().await;
    server.connected(&rpc("CreateProjectGrant"), grant(&project, &other, &[])).await;
    let (_, stranger) = server.user(&org, "stranger").await;
    let of = json!({"projectId": project, "grantedOrganizationId": NOBODY});
    for (name, body, wanted) in [
        ("CreateProjectGrant", grant(&project, &other, &["nope"]), (400, "COMMAND-6m9gd")),
        ("CreateProjectGrant", grant(&project, NOBODY, &[]), (400, "COMMAND-3m9gg")),
        ("CreateProjectGrant", grant(&project, &org, &[]), (400, "PROJECT-ckUpbvboAH")),
        ("CreateProjectGrant", grant(NOBODY, &other, &[]), (400, "COMMAND-m9gsd")),
        ("CreateProjectGrant", grant(&project, &other, &["reader"]), (409, "V3-DKcYh")),
        ("UpdateProjectGrant", grant(&project, &other, &["nope"]), (400, "COMMAND-6m9gd")),
        ("UpdateProjectGrant", grant(&project, NOBODY, &[]), (404, "PROJECT-D8JxR")),
        ("UpdateProjectGrant", grant(NOBODY, &other, &[]), (404, "PROJECT-D8JxR")),
        ("DeactivateProjectGrant", of.clone(), (404, "PROJECT-D8JxR")),
        ("ActivateProjectGrant", json!({"projectId": NOBODY, "grantedOrganizationId": other}), (400, "COMMAND-EbFMN")),
        ("ListProjectGrants", json!({"pagination": {"limit": 1001}}), (400, "QUERY-4M0fs")),
    ] {
        let answer = server.connect(&server.token, &rpc(name), body.clone()).await;
        assert_eq!(told(&answer), (wanted.0, wanted.1.to_owned()), "{name} {body}");
    }
    for name in [
        "CreateProjectGrant",
        "UpdateProjectGrant",
        "DeleteProjectGrant",
        "DeactivateProjectGrant",
        "ListProjectGrants",
    ] {
        let answer = server.connect(&stranger, &rpc(name), grant(&project, &other, &[])).await;
        assert_eq!(told(&answer), (404, "AUTHZ-cdgFk".to_owned()), "{name}");
    }
}

#[tokio::test]
async fn both_sides_see_a_grant_and_nobody_else() {
    let (server, project, other) = world().await;
    let third = text(&server.ok("/orgs", json!({"name": "Third"})).await, "/id");
    let second = server.project("second").await;
    for (project, to) in [(&project, &other), (&second, &third)] {
        let keys: &[&str] = if to == &other { &["reader"] } else { &[] };
        server.connected(&rpc("CreateProjectGrant"), grant(project, to, keys)).await;
    }
    let (far_id, far) = server.user(&other, "far").await;
    server.org_role(&other, &far_id, "ORG_OWNER").await;
    let listed = async |token: &str, body: Value| {
        let (_, list) = server.connect(token, &rpc("ListProjectGrants"), body).await;
        let rows = list["projectGrants"].as_array().cloned().unwrap_or_default();
        assert_eq!(number(&list, "/pagination/totalResult"), rows.len() as u64, "{list}");
        rows.iter().map(|row| text(row, "/projectId")).collect::<Vec<_>>()
    };
    assert_eq!(listed(&far, json!({})).await, std::slice::from_ref(&project));
    let answer = server.connect(&far, &rpc("GetProject"), json!({"projectId": project})).await;
    assert_eq!(told(&answer), (404, "AUTHZ-cdgFk".to_owned()));
    let (_, owner) = project_member(&server, &second).await;
    assert_eq!(
        listed(&owner, json!({})).await,
        std::slice::from_ref(&second),
        "a member of the project that is granted"
    );
    let (_, member) = grant_member(&server, &other, &project).await;
    assert_eq!(listed(&member, json!({})).await, std::slice::from_ref(&project), "a member of the grant");
    for (filter, wanted) in [
        (json!({"projectNameFilter": {"projectName": "SEC", "method": 3}}), &[&second][..]),
        (json!({"roleKeyFilter": {"key": "reader"}}), &[&project]),
        (json!({"inProjectIdsFilter": {"ids": [project, NOBODY]}}), &[&project]),
        (json!({"organizationIdFilter": {"id": server.org().await}}), &[&second, &project]),
        (json!({"organizationIdFilter": {"id": other}}), &[]),
        (json!({"grantedOrganizationIdFilter": {"id": third}}), &[&second]),
    ] {
        let found = listed(&server.token, json!({"filters": [filter]})).await;
        assert_eq!(found.iter().collect::<Vec<_>>(), wanted, "{filter}");
    }
    for (column, wanted) in [(1, [&project, &second]), (2, [&project, &second]), (3, [&project, &second])] {
        let body = json!({"sortingColumn": column, "pagination": {"asc": true}});
        assert_eq!(listed(&server.token, body).await.iter().collect::<Vec<_>>(), wanted, "{column}");
    }
}

#[tokio::test]
async fn granted_projects_stand_beside_projects() {
    let (server, project, other) = world().await;
    let made = server.connected(&rpc("CreateProjectGrant"), grant(&project, &other, &["reader"])).await;
    let own = text(
        &server.connected(&rpc("CreateProject"), json!({"organizationId": other, "name": "own"})).await,
        "/projectId",
    );
    let org = server.org().await;
    let listed = async |token: &str, body: Value| -> Vec<Value> {
        let (status, list) = server.connect(token, &rpc("ListProjects"), body).await;
        assert_eq!(status, 200, "{list}");
        let rows = list["projects"].as_array().cloned().unwrap_or_default();
        assert_eq!(number(&list, "/pagination/totalResult"), rows.len() as u64, "{list}");
        // Without the one that every server begins with.
        rows.into_iter().filter(|row| row["name"] != "ZITADEL").collect()
    };
    let short = |rows: &[Value]| -> Vec<(String, bool)> {
        rows.iter().map(|row| (text(row, "/projectId"), row["grantedOrganizationId"].is_string())).collect()
    };
    let (of, granted, theirs) = ((project.clone(), false), (project.clone(), true), (own.clone(), false));
    let ascending = json!({"pagination": {"asc": true}, "sortingColumn": "PROJECT_FIELD_NAME_ID"});
    let rows = listed(&server.token, ascending).await;
    assert_eq!(short(&rows), [of.clone(), granted.clone(), theirs.clone()]);
    let wanted = json!({"projectId": project, "organizationId": org, "creationDate": made["creationDate"],
        "changeDate": made["creationDate"], "name": "granted", "state": "PROJECT_STATE_ACTIVE",
        "grantedOrganizationId": other, "grantedOrganizationName": "Other",
        "grantedState": "GRANTED_PROJECT_STATE_ACTIVE"});
    assert_eq!(rows[1], wanted);
    for (org, kind, wanted) in [
        (&other, "OWNED", &[theirs.clone()][..]),
        (&other, "GRANTED", std::slice::from_ref(&granted)),
        (&other, "OWNED_OR_GRANTED", &[theirs.clone(), granted.clone()]),
        (&other, "TYPE_UNSPECIFIED", &[theirs.clone(), granted.clone()]),
        (&org, "OWNED", std::slice::from_ref(&of)),
        (&org, "GRANTED", &[]),
        (&org, "TYPE_UNSPECIFIED", std::slice::from_ref(&of)),
    ] {
        let filters = json!({"filters": [{"organizationIdFilter": {"organizationId": org, "type": kind}}]});
        assert_eq!(short(&listed(&server.token, filters).await), wanted, "{org} {kind}");
    }
    let both =
        ["OWNED", "GRANTED"].map(|kind| json!({"organizationIdFilter": {"organizationId": other, "type": kind}}));
    assert_eq!(listed(&server.token, json!({"filters": both})).await, [json!(null); 0], "no project is both");
    let named = json!({"filters": [{"projectNameFilter": {"projectName": "granted"}}]});
    assert_eq!(short(&listed(&server.token, named).await), [granted.clone(), of.clone()]);

    let (far_id, far) = server.user(&other, "far").await;
    server.org_role(&other, &far_id, "ORG_OWNER").await;
    assert_eq!(short(&listed(&far, json!({})).await), [theirs.clone(), granted.clone()]);
    let (_, member) = grant_member(&server, &other, &project).await;
    assert_eq!(short(&listed(&member, json!({})).await), std::slice::from_ref(&granted));
    let (manager_id, manager) = server.user(&other, "manager").await;
    server.org_role(&other, &manager_id, "ORG_USER_MANAGER").await;
    assert_eq!(short(&listed(&manager, json!({})).await), [theirs], "who reads projects, but no grants");
    let (_, owner) = project_member(&server, &project).await;
    assert_eq!(short(&listed(&owner, json!({})).await), [granted, of]);
}

#[tokio::test]
async fn grants_of_a_removed_organization_are_not_listed() {
    let (server, project, other) = world().await;
    server.connected(&rpc("CreateProjectGrant"), grant(&project, &other, &["reader"])).await;
    let delete = "zitadel.org.v2.OrganizationService/DeleteOrganization";
    server.connected(delete, json!({"organizationId": other})).await;
    for (name, total) in [("ListProjectGrants", 0), ("ListProjects", 2)] {
        let list = server.connected(&rpc(name), json!({})).await;
        assert_eq!(number(&list, "/pagination/totalResult"), total, "{name} {list}");
    }
    for (name, wanted) in
        [("CreateProjectGrant", (400, "COMMAND-3m9gg")), ("UpdateProjectGrant", (404, "PROJECT-D8JxR"))]
    {
        let answer = server.connect(&server.token, &rpc(name), grant(&project, &other, &["reader"])).await;
        assert_eq!(told(&answer), (wanted.0, wanted.1.to_owned()), "{name}");
    }
}

#[tokio::test]
async fn sixteen_at_once_on_one_grant_leave_it_sound() {
    let (server, project, other) = world().await;
    let server = Arc::new(server);
    let body = grant(&project, &other, &["reader"]);
    let answers = at_once((0..16).map(|_| call(&server, &rpc("CreateProjectGrant"), body.clone())).collect()).await;
    let lost = answers.iter().filter(|a| told(a) == (409, "V3-DKcYh".to_owned())).count();
    assert_eq!((answers.iter().filter(|a| a.0 == 200).count(), lost), (1, 15), "{}", counted(&answers));
    let mut calls = vec![call(&server, &rpc("DeleteProject"), json!({"projectId": project}))];
    for n in 0..5_u32 {
        let keys: &[&str] = if n.is_multiple_of(2) { &["writer"] } else { &["reader", "writer"] };
        calls.push(call(&server, &rpc("UpdateProjectGrant"), grant(&project, &other, keys)));
        calls.push(call(&server, &rpc("DeleteProjectGrant"), body.clone()));
        calls.push(call(&server, &rpc("CreateProjectGrant"), body.clone()));
    }
    let answers = at_once(calls).await;
    none_failed("while the project is deleted", &answers);
    assert_eq!(answers[0].0, 200, "{}", counted(&answers));
    assert_sound(&server.database).await;
}
