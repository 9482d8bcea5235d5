//! Projects and their roles in version 2: addressed by their ids alone.

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

async fn why(server: &TestServer, name: &str, body: Value) -> (u16, String) {
    told(&server.connect(&server.token, &rpc(name), body).await)
}

async fn project(server: &TestServer, id: &str) -> Value {
    server.connected(&rpc("GetProject"), json!({"projectId": id})).await["project"].clone()
}

fn ids(list: &Value, member: &str) -> Vec<String> {
    let id = |row: &Value| text(row, if member == "projects" { "/projectId" } else { "/key" });
    list[member].as_array().map(|rows| rows.iter().map(id).collect()).unwrap_or_default()
}

#[tokio::test]
async fn a_project_lives_from_creation_to_deletion_in_another_organization() {
    let server = TestServer::start().await;
    let org = text(&server.ok("/orgs", json!({"name": "Other"})).await, "/id");
    let labeling = "PRIVATE_LABELING_SETTING_ENFORCE_PROJECT_RESOURCE_OWNER_POLICY";
    let body = json!({"organizationId": org, "name": "full", "projectRoleAssertion": true, "authorizationRequired": true,
        "projectAccessRequired": true, "privateLabelingSetting": labeling});
    let made = server.connected(&rpc("CreateProject"), body).await;
    let (id, date) = (text(&made, "/projectId"), &made["creationDate"]);
    let mut wanted = json!({"projectId": id, "organizationId": org, "creationDate": date, "changeDate": date,
        "name": "full", "state": "PROJECT_STATE_ACTIVE", "projectRoleAssertion": true, "authorizationRequired": true,
        "projectAccessRequired": true, "privateLabelingSetting": labeling});
    assert_eq!(project(&server, &id).await, wanted);
    // Nothing, and the same, give the date of the last change.
    for same in [json!({"projectId": id}), json!({"projectId": id, "name": "full"})] {
        assert_eq!(server.connected(&rpc("UpdateProject"), same).await["changeDate"], *date);
    }
    let change = json!({"projectId": id, "name": "new", "authorizationRequired": false});
    let changed = server.connected(&rpc("UpdateProject"), change).await;
    wanted["name"] = json!("new");
    wanted["changeDate"] = changed["changeDate"].clone();
    wanted.as_object_mut().expect("an object").remove("authorizationRequired");
    assert_eq!(project(&server, &id).await, wanted);
    for (name, state, again) in [
        ("DeactivateProject", "PROJECT_STATE_INACTIVE", "COMMAND-mki55"),
        ("ActivateProject", "PROJECT_STATE_ACTIVE", "COMMAND-5M9bs"),
    ] {
        let answer = server.connected(&rpc(name), json!({"projectId": id})).await;
        let got = project(&server, &id).await;
        assert_eq!((&got["state"], &got["changeDate"]), (&json!(state), &answer["changeDate"]), "{name}");
        assert_eq!(why(&server, name, json!({"projectId": id})).await, (400, again.to_owned()), "{name}");
    }
    let deleted = server.connected(&rpc("DeleteProject"), json!({"projectId": id})).await;
    assert!(!text(&deleted, "/deletionDate").is_empty());
    let (_, stranger) = server.user(&server.org().await, "stranger").await;
    for token in [&server.token, &stranger] {
        let again = server.connect(token, &rpc("DeleteProject"), json!({"projectId": id})).await;
        assert_eq!(again, (200, deleted.clone()), "the date of the deletion");
        assert_eq!(server.connect(token, &rpc("DeleteProject"), json!({"projectId": NOBODY})).await, (200, json!({})));
    }
}

#[tokio::test]
async fn ids_that_callers_choose_are_given_once() {
    let server = TestServer::start().await;
    let org = server.org().await;
    let other = text(&server.ok("/orgs", json!({"name": "Other"})).await, "/id");
    let create = async |org: &str, id: &str, name: &str| {
        let body = json!({"organizationId": org, "projectId": id, "name": name});
        server.connect(&server.token, &rpc("CreateProject"), body).await
    };
    assert_eq!(text(&create(&org, "own-id", "a").await.1, "/projectId"), "own-id");
    let used = (409, "COMMAND-opamwu".to_owned());
    assert_eq!(told(&create(&org, "own-id", "b").await), used);
    assert_eq!(told(&create(&other, "own-id", "b").await), used, "in no organization");
    server.connected(&rpc("DeleteProject"), json!({"projectId": "own-id"})).await;
    assert_eq!(told(&create(&org, "own-id", "c").await), used, "removed, but never given again");
    assert_eq!(create(&org, "second", "a").await.0, 200, "names are free again");
    assert_eq!(told(&create(&org, "third", "A").await), (409, "V3-DKcYh".to_owned()));
    let future = format!("9{org}");
    assert_eq!(told(&create(&org, &future, "d").await), used, "a number as the server gives them");
    assert_eq!(create(&org, "1234567", "e").await.0, 200, "an id of another server");
    for bad in ["a b", "a/b", "_a", "é"] {
        assert_eq!(text(&create(&org, bad, "f").await.1, "/code"), "invalid_argument", "{bad}");
    }
}

#[tokio::test]
async fn what_is_refused_is_told_with_its_id() {
    let server = TestServer::start().await;
    let org = server.org().await;
    let (id, _) = (server.project("p").await, server.project("taken").await);
    let create = |org: &str, name: &str| json!({"organizationId": org, "name": name});
    for (name, body, wanted) in [
        ("CreateProject", create(&org, "p"), (409, "V3-DKcYh")),
        ("CreateProject", create(NOBODY, "x"), (400, "COMMAND-QXPGs")),
        ("CreateProject", create(&org, ""), (400, "")),
        ("CreateProject", json!({"organizationId": org, "name": "x", "privateLabelingSetting": 9}), (400, "")),
        ("UpdateProject", json!({"projectId": id, "name": "taken"}), (409, "V3-DKcYh")),
        ("UpdateProject", json!({"projectId": id, "name": ""}), (400, "")),
        ("UpdateProject", json!({"projectId": NOBODY}), (404, "COMMAND-3M9sd")),
        ("DeactivateProject", json!({"projectId": NOBODY}), (404, "COMMAND-112M9")),
        ("ActivateProject", json!({"projectId": NOBODY}), (404, "COMMAND-3M9sd")),
        ("GetProject", json!({"projectId": NOBODY}), (404, "QUERY-fk2fs")),
        ("GetProject", json!({}), (400, "")),
        ("ListProjects", json!({"pagination": {"limit": 1001}}), (400, "QUERY-4M0fs")),
        ("ListProjects", json!({"filters": [{}]}), (400, "")),
        ("ListProjects", json!({"filters": [{"projectNameFilter": {"projectName": "x", "method": 99}}]}), (400, "")),
        ("AddProjectRole", json!({"projectId": NOBODY, "roleKey": "r", "displayName": "R"}), (400, "COMMAND-EbFMN")),
        ("UpdateProjectRole", json!({"projectId": NOBODY, "roleKey": "r"}), (400, "COMMAND-EbFMN")),
        ("UpdateProjectRole", json!({"projectId": id, "roleKey": "r"}), (404, "COMMAND-vv8M9")),
        ("AddProjectRole", json!({"projectId": id, "displayName": "R"}), (400, "")),
        ("ListProjectRoles", json!({"projectId": id, "pagination": {"limit": 1001}}), (400, "QUERY-4M0fs")),
        ("ListProjectRoles", json!({}), (400, "")),
    ] {
        assert_eq!(why(&server, name, body.clone()).await, (wanted.0, wanted.1.to_owned()), "{name} {body}");
    }
    let (status, answer) =
        server.connect(&server.token, &rpc("RemoveProjectRole"), json!({"projectId": NOBODY, "roleKey": "r"})).await;
    assert_eq!((status, answer), (200, json!({})));
}

#[tokio::test]
async fn roles_are_added_changed_listed_and_removed() {
    let server = TestServer::start().await;
    let id = server.project("p").await;
    let (owner, token) = server.user(&server.org().await, "owner").await;
    server.project_role(&id, &owner, "PROJECT_OWNER").await;
    let with = |more: Value| {
        let mut body = json!({"projectId": id});
        body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        body
    };
    let reader = with(json!({"roleKey": "reader", "displayName": "Reader"}));
    let added = server.connected(&rpc("AddProjectRole"), reader.clone()).await;
    assert_eq!(why(&server, "AddProjectRole", reader).await, (409, "V3-DKcYh".to_owned()));
    let writer = with(json!({"roleKey": "writer", "displayName": "Writer", "group": "staff"}));
    assert_eq!(server.connect(&token, &rpc("AddProjectRole"), writer).await.0, 200, "by an owner of the project");
    let update = |more: Value| server.connected("zitadel.project.v2.ProjectService/UpdateProjectRole", with(more));
    let changed = update(json!({"roleKey": "reader", "displayName": "Reads"})).await;
    assert_eq!(update(json!({"roleKey": "reader", "displayName": "Reads"})).await, changed, "the same");
    let emptied = update(json!({"roleKey": "writer", "group": "crew"})).await;
    let list = server
        .connected(
            &rpc("ListProjectRoles"),
            with(json!({"sortingColumn": "PROJECT_ROLE_FIELD_NAME_KEY", "pagination": {"asc": true}})),
        )
        .await;
    assert_eq!(list["pagination"], json!({"totalResult": "2", "appliedLimit": "100"}));
    let told_reader = json!({"projectId": id, "key": "reader", "creationDate": added["creationDate"],
        "changeDate": changed["changeDate"], "displayName": "Reads"});
    assert_eq!(list["projectRoles"][0], told_reader);
    let second = &list["projectRoles"][1];
    assert_eq!(
        (&second["changeDate"], &second["group"], second.get("displayName")),
        (&emptied["changeDate"], &json!("crew"), None),
        "what is not given is emptied"
    );
    for (more, wanted) in [
        (json!({"filters": [{"roleKeyFilter": {"key": "WRIT", "method": 3}}]}), &["writer"][..]),
        (json!({"filters": [{"displayNameFilter": {"displayName": "Reads"}}]}), &["reader"]),
        (json!({"filters": [{"displayNameFilter": {"displayName": "Reader"}}]}), &[]),
        (json!({}), &["writer", "reader"]),
        (json!({"sortingColumn": 3, "pagination": {"asc": true}}), &["reader", "writer"]),
        (json!({"pagination": {"limit": 1, "offset": "1"}}), &["reader"]),
    ] {
        for token in [&server.token, &token] {
            let (_, list) = server.connect(token, &rpc("ListProjectRoles"), with(more.clone())).await;
            assert_eq!(ids(&list, "projectRoles"), wanted, "{more}");
        }
    }
    let gone = server.connected(&rpc("RemoveProjectRole"), with(json!({"roleKey": "writer"}))).await;
    let again = server.connected(&rpc("RemoveProjectRole"), with(json!({"roleKey": "writer"}))).await;
    assert_eq!(gone, again);
    assert!(!text(&gone, "/removalDate").is_empty());
}

#[tokio::test]
async fn what_counts_are_the_roles_where_the_project_belongs() {
    let server = TestServer::start().await;
    let org = server.org().await;
    let (mine, theirs) = (server.project("mine").await, server.project("theirs").await);
    server.ok(&format!("/projects/{theirs}/roles"), json!({"roleKey": "r", "displayName": "R"})).await;
    let other = text(&server.ok("/orgs", json!({"name": "Other"})).await, "/id");
    let (_, stranger) = server.user(&org, "stranger").await;
    let (far_id, far) = server.user(&other, "far").await;
    server.org_role(&other, &far_id, "ORG_OWNER").await;
    let (owner_id, owner) = server.user(&org, "owner").await;
    server.project_role(&mine, &owner_id, "PROJECT_OWNER").await;
    let (viewer_id, viewer) = server.user(&org, "viewer").await;
    server.org_role(&org, &viewer_id, "ORG_OWNER_VIEWER").await;
    let role = json!({"projectId": theirs, "roleKey": "r", "displayName": "X"});
    for (name, body) in [
        ("UpdateProject", json!({"projectId": theirs, "name": "x"})),
        ("DeactivateProject", json!({"projectId": theirs})),
        ("ActivateProject", json!({"projectId": theirs})),
        ("AddProjectRole", role.clone()),
        ("UpdateProjectRole", role.clone()),
        ("RemoveProjectRole", role),
        ("DeleteProject", json!({"projectId": theirs})),
        ("GetProject", json!({"projectId": theirs})),
    ] {
        for (token, wanted) in [
            (&stranger, (404, "AUTHZ-cdgFk")),
            (&far, (404, "AUTHZ-cdgFk")),
            (&owner, (403, "AUTH-Swrgg2")),
            (&viewer, (403, "AUTH-Swrgg2")),
        ] {
            if name == "GetProject" && token == &viewer {
                continue;
            }
            let answer = server.connect(token, &rpc(name), body.clone()).await;
            assert_eq!(told(&answer), (wanted.0, wanted.1.to_owned()), "{name}");
        }
    }
    for (token, org, wanted) in [
        (&viewer, org.as_str(), (403, "AUTH-AWfge")),
        (&owner, &org, (403, "AUTH-AWfge")),
        (&far, &org, (404, "AUTHZ-cdgFk")),
        (&far, NOBODY, (404, "AUTHZ-cdgFk")),
    ] {
        let body = json!({"organizationId": org, "name": "denied"});
        assert_eq!(told(&server.connect(token, &rpc("CreateProject"), body).await), (wanted.0, wanted.1.to_owned()));
    }
    for name in ["ListProjects", "ListProjectRoles"] {
        let body = json!({"projectId": theirs});
        assert_eq!(told(&server.connect(&stranger, &rpc(name), body).await), (404, "AUTHZ-cdgFk".to_owned()), "{name}");
    }
    for (token, seen, roles) in [(&far, &[][..], 0), (&owner, &[&mine][..], 0), (&viewer, &[&theirs, &mine], 1)] {
        let both = json!({"filters": [{"inProjectIdsFilter": {"ids": [mine, theirs]}}]});
        let (_, list) = server.connect(token, &rpc("ListProjects"), both).await;
        assert_eq!(ids(&list, "projects").iter().collect::<Vec<_>>(), seen, "{list}");
        assert_eq!(number(&list, "/pagination/totalResult"), seen.len() as u64, "what is hidden is not counted");
        let (_, list) = server.connect(token, &rpc("ListProjectRoles"), json!({"projectId": theirs})).await;
        assert_eq!(ids(&list, "projectRoles").len(), roles, "{list}");
    }
}

#[tokio::test]
async fn lists_of_projects_are_filtered_and_sorted() {
    let server = TestServer::start().await;
    let org = server.org().await;
    let other = text(&server.ok("/orgs", json!({"name": "Other"})).await, "/id");
    let mut made = Vec::new();
    for (org, name) in [(&org, "beta"), (&org, "Alpha"), (&other, "gamma")] {
        let body = json!({"organizationId": org, "name": name});
        made.push(text(&server.connected(&rpc("CreateProject"), body).await, "/projectId"));
    }
    server.connected(&rpc("UpdateProject"), json!({"projectId": made[0], "authorizationRequired": true})).await;
    let mine = json!({"inProjectIdsFilter": {"ids": made}});
    let of = |kind: &str| json!({"organizationIdFilter": {"organizationId": other, "type": kind}});
    let name = |text: &str, how: u8| json!({"projectNameFilter": {"projectName": text, "method": how}});
    for (filter, sorted, wanted) in [
        (name("beta", 0), json!({}), &[0][..]),
        (name("ALPHA", 1), json!({}), &[1]),
        (name("a", 6), json!({}), &[2, 1, 0]),
        (name("mm", 4), json!({}), &[2]),
        (of("OWNED"), json!({}), &[2]),
        (of("TYPE_UNSPECIFIED"), json!({}), &[2]),
        (of("OWNED_OR_GRANTED"), json!({}), &[2]),
        (of("GRANTED"), json!({}), &[]),
        (json!({"inProjectIdsFilter": {"ids": []}}), json!({}), &[]),
        (mine.clone(), json!({"sortingColumn": "PROJECT_FIELD_NAME_NAME", "pagination": {"asc": true}}), &[1, 0, 2]),
        (mine.clone(), json!({"sortingColumn": "PROJECT_FIELD_NAME_ID"}), &[2, 1, 0]),
        (mine.clone(), json!({"sortingColumn": "PROJECT_FIELD_NAME_CHANGE_DATE"}), &[0, 2, 1]),
        (mine.clone(), json!({"sortingColumn": 9, "pagination": {"asc": true}}), &[0, 1, 2]),
        (mine.clone(), json!({"pagination": {"limit": 1, "offset": "1"}}), &[1]),
    ] {
        let mut body = sorted.clone();
        body["filters"] = json!([mine, filter]);
        let list = server.connected(&rpc("ListProjects"), body).await;
        let wanted: Vec<&String> = wanted.iter().map(|at| &made[*at]).collect();
        assert_eq!(ids(&list, "projects").iter().collect::<Vec<_>>(), wanted, "{filter} {sorted}");
    }
    let beyond = json!({"filters": [mine], "pagination": {"limit": 5, "offset": "100"}});
    let list = server.connected(&rpc("ListProjects"), beyond).await;
    assert_eq!(list, json!({"pagination": {"totalResult": "3", "appliedLimit": "5"}}));
}

#[tokio::test]
async fn sixteen_at_once_on_one_project_leave_it_sound() {
    let server = Arc::new(TestServer::start().await);
    let org = server.org().await;
    let other = text(&server.ok("/orgs", json!({"name": "Other"})).await, "/id");
    let create = |n: usize| {
        let org = if n.is_multiple_of(2) { &org } else { &other };
        call(&server, &rpc("CreateProject"), json!({"organizationId": org, "projectId": "own", "name": n.to_string()}))
    };
    let answers = at_once((0..16).map(create).collect()).await;
    let lost = answers.iter().filter(|a| told(a) == (409, "COMMAND-opamwu".to_owned())).count();
    assert_eq!((answers.iter().filter(|a| a.0 == 200).count(), lost), (1, 15), "{}", counted(&answers));

    let mut calls = vec![call(&server, &rpc("DeleteProject"), json!({"projectId": "own"}))];
    for n in 0..5 {
        calls.push(call(&server, &rpc("DeleteProject"), json!({"projectId": "own"})));
        calls.push(call(&server, &rpc("UpdateProject"), json!({"projectId": "own", "name": format!("n{n}")})));
        let role = json!({"projectId": "own", "roleKey": format!("r{n}"), "displayName": "R"});
        calls.push(call(&server, &rpc("AddProjectRole"), role));
    }
    let answers = at_once(calls).await;
    none_failed("while it is deleted", &answers);
    let deleted = server.connected(&rpc("DeleteProject"), json!({"projectId": "own"})).await;
    for at in [0, 1, 4, 7, 10, 13] {
        assert_eq!(answers[at], (200, deleted.clone()), "{}", counted(&answers));
    }
    assert_eq!(why(&server, "GetProject", json!({"projectId": "own"})).await, (404, "QUERY-fk2fs".to_owned()));
    assert_sound(&server.database).await;
}
