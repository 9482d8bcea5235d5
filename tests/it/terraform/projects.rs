//! Projects and what is in them.

use serde_json::json;

use super::{M, Resource, world};
use crate::support::text;

#[tokio::test]
async fn a_project() {
    let world = world().await;
    let state = json!({"name": "made", "projectRoleAssertion": true, "projectRoleCheck": true, "hasProjectCheck": true,
        "privateLabelingSetting": "PRIVATE_LABELING_SETTING_ENFORCE_PROJECT_RESOURCE_OWNER_POLICY"});
    let updated = json!({"name": "renamed", "projectRoleAssertion": false, "projectRoleCheck": false,
        "hasProjectCheck": false, "privateLabelingSetting": "PRIVATE_LABELING_SETTING_UNSPECIFIED"});
    let with = |mut of: serde_json::Value, name: &str, value: &str| {
        of[name] = json!(value);
        of
    };
    let seen = |of| {
        let of = with(of, "id", "{id}");
        with(with(of, "details.resourceOwner", &world.org), "state", "PROJECT_STATE_ACTIVE")
    };
    world
        .applied(&Resource {
            create: (M, "AddProject", state.clone()),
            id: "/id",
            read: (M, "GetProjectByID", json!({"id": "{id}"})),
            at: "/project",
            update: vec![(M, "UpdateProject", with(updated.clone(), "id", "{id}"))],
            state: seen(state),
            updated: seen(updated),
            delete: (M, "RemoveProject", json!({"id": "{id}"})),
        })
        .await;
}

#[tokio::test]
async fn a_project_role() {
    let world = world().await;
    let project = world.project().await;
    let role = |name: &str, group: &str| json!({"projectId": project, "roleKey": "reader", "displayName": name, "group": group});
    let seen = |name: &str, group: &str| json!({"key": "reader", "displayName": name, "group": group, "details.resourceOwner": world.org});
    let by_key = json!({"keyQuery": {"key": "reader", "method": "TEXT_QUERY_METHOD_EQUALS"}});
    // A role whose key only begins so is not the one.
    let other = json!({"roleKey": "reader2", "displayName": "Other"});
    world.server.ok(&format!("/projects/{project}/roles"), other).await;
    world
        .applied(&Resource {
            create: (M, "AddProjectRole", role("Reader", "g")),
            id: "",
            read: (M, "ListProjectRoles", json!({"projectId": project, "queries": [by_key]})),
            at: "/result/0",
            state: seen("Reader", "g"),
            update: vec![(M, "UpdateProjectRole", role("Writer", ""))],
            updated: seen("Writer", ""),
            delete: (M, "RemoveProjectRole", json!({"projectId": project, "roleKey": "reader"})),
        })
        .await;
}

#[tokio::test]
async fn a_project_member() {
    let world = world().await;
    let project = world.project().await;
    let (user, _) = world.server.user(&world.org, "member").await;
    let (other, _) = world.server.user(&world.org, "other").await;
    world.server.project_role(&project, &other, "PROJECT_OWNER").await;
    let member = |roles: &[&str]| json!({"projectId": project, "userId": user, "roles": roles});
    let seen = |roles: &[&str]| json!({"userId": user, "roles": roles, "details.resourceOwner": world.org});
    let by_user = json!({"userIdQuery": {"userId": user}});
    world
        .applied(&Resource {
            create: (M, "AddProjectMember", member(&["PROJECT_OWNER"])),
            id: "",
            read: (M, "ListProjectMembers", json!({"projectId": project, "queries": [by_user]})),
            at: "/result/0",
            state: seen(&["PROJECT_OWNER"]),
            update: vec![(M, "UpdateProjectMember", member(&["PROJECT_OWNER_VIEWER", "PROJECT_OWNER"]))],
            updated: seen(&["PROJECT_OWNER_VIEWER", "PROJECT_OWNER"]),
            delete: (M, "RemoveProjectMember", json!({"projectId": project, "userId": user})),
        })
        .await;
}

#[tokio::test]
async fn a_user_grant() {
    let world = world().await;
    let project = world.project().await;
    let roles = json!({"roles": [{"key": "reader", "displayName": "R"}, {"key": "writer", "displayName": "W"}]});
    world.server.ok(&format!("/projects/{project}/roles/_bulk"), roles).await;
    let (user, _) = world.server.user(&world.org, "granted").await;
    let seen = |roles: &[&str]| {
        json!({"id": "{id}", "userId": user, "projectId": project, "projectGrantId": "", "roleKeys": roles,
            "details.resourceOwner": world.org, "state": "USER_GRANT_STATE_ACTIVE"})
    };
    let create = json!({"userId": user, "projectId": project, "projectGrantId": "", "roleKeys": ["reader"]});
    let change = json!({"userId": user, "grantId": "{id}", "roleKeys": ["writer", "reader"]});
    world
        .applied(&Resource {
            create: (M, "AddUserGrant", create),
            id: "/userGrantId",
            read: (M, "GetUserGrantByID", json!({"userId": user, "grantId": "{id}"})),
            at: "/userGrant",
            state: seen(&["reader"]),
            update: vec![(M, "UpdateUserGrant", change)],
            updated: seen(&["writer", "reader"]),
            delete: (M, "RemoveUserGrant", json!({"userId": user, "grantId": "{id}"})),
        })
        .await;
}

#[tokio::test]
async fn the_data_sources_of_projects() {
    let world = world().await;
    let project = world.project().await;
    let app = world.server.app(&project, "listed").await;
    let query = |name: &str| json!([{"nameQuery": {"name": name, "method": "TEXT_QUERY_METHOD_EQUALS"}}]);
    let listed = world.by_key.call(M, "ListProjects", json!({"queries": query("terraform")})).await.expect("a list");
    assert_eq!(text(&listed, "/result/0/id"), project);
    let apps = json!({"projectId": project, "queries": query("listed")});
    let listed = world.by_key.call(M, "ListApps", apps).await.expect("a list");
    assert_eq!(text(&listed, "/result/0/id"), app);
    // Of another kind: the provider reads an empty client id and leaves it out.
    assert_eq!(text(&listed, "/result/0/oidcConfig/clientId"), "");
}
