//! Members, and what an organization lets another one have of a project.

use serde_json::json;

use super::{A, M, Resource, world};
use crate::support::text;

#[tokio::test]
async fn an_organization_member() {
    let world = world().await;
    let (user, _) = world.server.user(&world.org, "member").await;
    let member = |roles: &[&str]| json!({"userId": user, "roles": roles});
    let seen = |roles: &[&str]| json!({"userId": user, "roles": roles, "details.resourceOwner": world.org});
    world
        .applied(&Resource {
            create: (M, "AddOrgMember", member(&["ORG_OWNER"])),
            id: "",
            read: (M, "ListOrgMembers", json!({"queries": [{"userIdQuery": {"userId": user}}]})),
            at: "/result/0",
            state: seen(&["ORG_OWNER"]),
            update: vec![(M, "UpdateOrgMember", member(&["ORG_USER_MANAGER", "ORG_OWNER_VIEWER"]))],
            updated: seen(&["ORG_USER_MANAGER", "ORG_OWNER_VIEWER"]),
            delete: (M, "RemoveOrgMember", json!({"userId": user})),
        })
        .await;
}

#[tokio::test]
async fn an_instance_member() {
    let world = world().await;
    let (user, _) = world.server.user(&world.org, "member").await;
    let member = |roles: &[&str]| json!({"userId": user, "roles": roles});
    world
        .applied(&Resource {
            create: (A, "AddIAMMember", member(&["IAM_OWNER_VIEWER"])),
            id: "",
            read: (A, "ListIAMMembers", json!({"queries": [{"userIdQuery": {"userId": user}}]})),
            at: "/result/0",
            state: member(&["IAM_OWNER_VIEWER"]),
            update: vec![(A, "UpdateIAMMember", member(&["IAM_ORG_MANAGER"]))],
            updated: member(&["IAM_ORG_MANAGER"]),
            delete: (A, "RemoveIAMMember", json!({"userId": user})),
        })
        .await;
}

#[tokio::test]
async fn a_project_grant_and_its_member() {
    let world = world().await;
    let project = world.project().await;
    let roles = json!({"roles": [{"key": "reader", "displayName": "R"}, {"key": "writer", "displayName": "W"}]});
    world.server.ok(&format!("/projects/{project}/roles/_bulk"), roles).await;
    let other = text(&world.server.ok("/orgs", json!({"name": "Buyer"})).await, "/id");
    let seen = |roles: &[&str]| {
        json!({"grantId": "{id}", "projectId": project, "grantedOrgId": other, "grantedRoleKeys": roles,
            "details.resourceOwner": world.org})
    };
    let create = json!({"projectId": project, "grantedOrgId": other, "roleKeys": ["reader"]});
    let change = json!({"projectId": project, "grantId": "{id}", "roleKeys": ["reader", "writer"]});
    let at = json!({"projectId": project, "grantId": "{id}"});
    world
        .applied(&Resource {
            create: (M, "AddProjectGrant", create.clone()),
            id: "/grantId",
            read: (M, "GetProjectGrantByID", at.clone()),
            at: "/projectGrant",
            state: seen(&["reader"]),
            update: vec![(M, "UpdateProjectGrant", change)],
            updated: seen(&["reader", "writer"]),
            delete: (M, "RemoveProjectGrant", at),
        })
        .await;

    let grant = text(&world.ok(&world.by_key, &(M, "AddProjectGrant", create), "").await, "/grantId");
    let (user, _) = world.server.user(&other, "buyer").await;
    let member = |roles: &[&str]| json!({"projectId": project, "grantId": grant, "userId": user, "roles": roles});
    let seen = |roles: &[&str]| json!({"userId": user, "roles": roles});
    let by_user = json!([{"userIdQuery": {"userId": user}}]);
    world
        .applied(&Resource {
            create: (M, "AddProjectGrantMember", member(&["PROJECT_GRANT_OWNER"])),
            id: "",
            read: (M, "ListProjectGrantMembers", json!({"projectId": project, "grantId": grant, "queries": by_user})),
            at: "/result/0",
            state: seen(&["PROJECT_GRANT_OWNER"]),
            update: vec![(M, "UpdateProjectGrantMember", member(&["PROJECT_GRANT_OWNER_VIEWER"]))],
            updated: seen(&["PROJECT_GRANT_OWNER_VIEWER"]),
            delete: (M, "RemoveProjectGrantMember", json!({"projectId": project, "grantId": grant, "userId": user})),
        })
        .await;
}
