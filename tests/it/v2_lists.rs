//! Lists of applications and their keys over all organizations.

use serde_json::{Value, json};

use crate::support::{TestServer, text};
use crate::v2_apps::{ok, rpc, told};

/// Two organizations with two projects and three applications.
struct Scene {
    server: TestServer,
    org: String,
    other: String,
    project: String,
    foreign: String,
    /// Ids of a, b and c; the last is in the other organization.
    apps: [String; 3],
}

async fn scene() -> Scene {
    let server = TestServer::start().await;
    let org = server.org().await;
    let project = server.project("p").await;
    let other = text(&server.ok("/orgs", json!({"name": "Other"})).await, "/id");
    let made =
        server.call_as(&server.token, Some(&other), reqwest::Method::POST, "/projects", Some(json!({"name": "q"})));
    let foreign = text(&made.await.1, "/id");
    let create = async |project: &str, name: &str, config: Value| {
        let mut body = json!({"projectId": project, "name": name});
        body.as_object_mut().expect("an object").extend(config.as_object().expect("an object").clone());
        text(&ok(&server, "CreateApplication", body).await, "/applicationId")
    };
    let apps = [
        create(&project, "a one", json!({"apiConfiguration": {"authMethodType": 1}})).await,
        create(&project, "B two", json!({"oidcConfiguration": {}})).await,
        create(&foreign, "c ONE", json!({"apiConfiguration": {"authMethodType": 1}})).await,
    ];
    Scene { server, org, other, project, foreign, apps }
}

impl Scene {
    /// Ids of a list in its order, and its page.
    async fn list(&self, token: &str, body: Value) -> (Vec<String>, Value) {
        let (status, answer) = rpc(&self.server, token, "ListApplications", body).await;
        assert_eq!(status, 200, "{answer}");
        (ids(&answer["applications"], "/applicationId"), answer["pagination"].clone())
    }

    async fn keys(&self, token: &str, body: Value) -> (Vec<String>, Value) {
        let (status, answer) = rpc(&self.server, token, "ListApplicationKeys", body).await;
        assert_eq!(status, 200, "{answer}");
        (ids(&answer["keys"], "/keyId"), answer["pagination"].clone())
    }

    async fn key(&self, project: &str, app: &str, expires: &str) -> String {
        let body = json!({"applicationId": app, "projectId": project, "expirationDate": expires});
        text(&ok(&self.server, "CreateApplicationKey", body).await, "/keyId")
    }
}

fn ids(list: &Value, pointer: &str) -> Vec<String> {
    list.as_array().map(|list| list.iter().map(|item| text(item, pointer)).collect()).unwrap_or_default()
}

#[tokio::test]
async fn filters_hold_together_and_pages_are_told() {
    let scene = scene().await;
    let token = &scene.server.token;
    let [a, b, c] = &scene.apps;
    let of = |filters: Value| json!({"filters": filters, "pagination": {"asc": true}});
    let project = json!({"projectIdFilter": {"projectId": scene.project}});
    let name = |name: &str, method: u32| json!({"nameFilter": {"name": name, "method": method}});
    let client = ok(&scene.server, "GetApplication", json!({"applicationId": c})).await;
    let client = &client["application"]["apiConfiguration"]["clientId"];
    ok(&scene.server, "DeactivateApplication", json!({"applicationId": a, "projectId": scene.project})).await;
    for (filters, expected) in [
        (json!([project]), vec![a, b]),
        (json!([name("one", 7)]), vec![a, c]),
        (json!([name("ONE", 6)]), vec![c]),
        (json!([name("b t", 3)]), vec![b]),
        (json!([name("B two", 0)]), vec![b]),
        (json!([name(" ", 4), project]), vec![a, b]),
        (json!([{"stateFilter": "APPLICATION_STATE_INACTIVE"}]), vec![a]),
        (json!([{"stateFilter": 99}]), vec![]),
        (json!([{"typeFilter": "APPLICATION_TYPE_OIDC"}]), vec![b]),
        (json!([{"typeFilter": "APPLICATION_TYPE_API"}, project]), vec![a]),
        (json!([{"typeFilter": "APPLICATION_TYPE_SAML"}]), vec![]),
        (json!([{"entityIdFilter": {"entityId": "x"}}]), vec![]),
        (json!([{"clientIdFilter": {"clientId": client}}]), vec![c]),
        (json!([{"projectIdFilter": {"projectId": "123"}}]), vec![]),
    ] {
        let (found, page) = scene.list(token, of(filters.clone())).await;
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{filters}");
        assert_eq!(text(&page, "/totalResult").parse().unwrap_or(0), expected.len(), "{filters}");
        assert_eq!(page["appliedLimit"], "100");
    }
    for (filters, limit) in [
        (json!([{}]), 0),
        (json!([{"typeFilter": 0}]), 0),
        (json!([{"clientIdFilter": {"clientId": ""}}]), 0),
        (json!([name("x", 9)]), 0),
        (vec![project.clone(); 101].into(), 0),
        (json!([]), 1001),
    ] {
        let body = json!({"filters": filters, "pagination": {"limit": limit}});
        let answer = rpc(&scene.server, token, "ListApplications", body).await;
        assert_eq!(answer.0, 400, "{filters} {limit}");
        assert_eq!(told(&answer).2 == "QUERY-4M0fs", limit > 1000, "{}", answer.1);
    }
    let (most, page) = scene.list(token, json!({"pagination": {"limit": 1000}})).await;
    assert_eq!((most.len(), &page["appliedLimit"]), (3, &json!("1000")));
}

#[tokio::test]
async fn columns_sort_both_ways() {
    let scene = scene().await;
    let token = &scene.server.token;
    let [a, b, c] = &scene.apps;
    ok(&scene.server, "DeactivateApplication", json!({"applicationId": a, "projectId": scene.project})).await;
    for (column, expected) in
        [(0, [a, b, c]), (1, [b, a, c]), (2, [b, c, a]), (3, [a, b, c]), (4, [b, c, a]), (99, [a, b, c])]
    {
        for asc in [true, false] {
            let body = json!({"sortingColumn": column, "pagination": {"asc": asc}});
            let (mut found, _) = scene.list(token, body).await;
            if !asc {
                found.reverse();
            }
            assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{column} asc {asc}");
        }
    }
    let page = |offset: u64| json!({"pagination": {"offset": offset, "limit": 2}});
    let (first, told) = scene.list(token, page(0)).await;
    let (second, _) = scene.list(token, page(2)).await;
    assert_eq!((first, second), (vec![c.clone(), b.clone()], vec![a.clone()]), "the largest id first");
    assert_eq!(told, json!({"totalResult": "3", "appliedLimit": "2"}));
    let beyond = scene.list(token, json!({"pagination": {"offset": u64::MAX.to_string()}})).await;
    assert_eq!(beyond, (vec![], json!({"totalResult": "3", "appliedLimit": "100"})));
}

#[tokio::test]
async fn lists_show_and_count_what_the_caller_may_see() {
    let scene = scene().await;
    let (server, [a, b, c]) = (&scene.server, &scene.apps);
    let mine = scene.key(&scene.project, a, "2519-04-01T08:45:00Z").await;
    let theirs = scene.key(&scene.foreign, c, "2518-04-01T08:45:00Z").await;
    let (_, stranger) = server.user(&scene.org, "stranger").await;
    let (viewer, viewer_token) = server.user(&scene.org, "viewer").await;
    server.org_role(&scene.org, &viewer, "ORG_OWNER_VIEWER").await;
    let (weak, weak_token) = server.user(&scene.org, "weak").await;
    server.org_role(&scene.org, &weak, "ORG_USER_SELF_MANAGER").await;
    let (owner, owner_token) = server.user(&scene.other, "owner").await;
    server.org_role(&scene.other, &owner, "ORG_OWNER").await;
    let more = server.project("more").await;
    server.app(&more, "hidden").await;
    let (single, single_token) = server.user(&scene.org, "single").await;
    server.project_role(&scene.project, &single, "PROJECT_OWNER").await;
    for (token, apps, keys) in [
        (&stranger, vec![], vec![]),
        (&weak_token, vec![], vec![]),
        (&single_token, vec![a, b], vec![&mine]),
        (&owner_token, vec![c], vec![&theirs]),
        (&server.token, vec![a, b, c], vec![&mine, &theirs]),
    ] {
        let hidden = json!({"pagination": {"asc": true}});
        let (found, page) = scene.list(token, hidden.clone()).await;
        let found: Vec<_> = found.iter().filter(|id| apps.contains(id) || scene.apps.contains(id)).collect();
        assert_eq!(found, apps);
        let hidden_apps = u64::from(*token == server.token);
        assert_eq!(text(&page, "/totalResult").parse().unwrap_or(0), apps.len() as u64 + hidden_apps);
        let (found, page) = scene.keys(token, hidden).await;
        assert_eq!(found.iter().collect::<Vec<_>>(), keys);
        assert_eq!(text(&page, "/totalResult").parse().unwrap_or(0), keys.len());
    }
    assert_eq!(scene.list(&viewer_token, json!({})).await.0.len(), 3, "all of the own organization");
}

#[tokio::test]
async fn keys_are_filtered_and_sorted() {
    let scene = scene().await;
    let (token, [a, b, c]) = (&scene.server.token, &scene.apps);
    let first = scene.key(&scene.project, a, "2519-04-01T08:45:00Z").await;
    let second = scene.key(&scene.project, a, "2030-01-01T00:00:00Z").await;
    let third = scene.key(&scene.foreign, c, "2031-01-01T00:00:00Z").await;
    let (one, two, three) = (&first, &second, &third);
    let app = |id: &str| json!({"applicationIdFilter": {"applicationId": id}});
    for (filters, expected) in [
        (json!([]), vec![one, two, three]),
        (json!([app(a)]), vec![one, two]),
        (json!([app(b)]), vec![]),
        (json!([app("")]), vec![]),
        (json!([{"projectIdFilter": {"projectId": scene.foreign}}]), vec![three]),
        (json!([{"organizationIdFilter": {"organizationId": scene.org}}]), vec![one, two]),
        (json!([{"organizationIdFilter": {"organizationId": scene.org}}, app(c)]), vec![]),
    ] {
        let (found, page) = scene.keys(token, json!({"filters": filters, "pagination": {"asc": true}})).await;
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{filters}");
        assert_eq!(text(&page, "/totalResult").parse().unwrap_or(0), expected.len());
    }
    for column in [0, 1, 2, 3, 4, 6] {
        let (found, _) = scene.keys(token, json!({"sortingColumn": column, "pagination": {"asc": true}})).await;
        assert_eq!(found.iter().collect::<Vec<_>>(), [one, two, three], "{column}: made later, so larger");
    }
    let (found, _) = scene.keys(token, json!({"sortingColumn": "APPLICATION_KEYS_SORT_BY_EXPIRATION"})).await;
    assert_eq!(found.iter().collect::<Vec<_>>(), [one, three, two], "the last to end first");
    let (_, answer) = rpc(&scene.server, token, "ListApplicationKeys", json!({"filters": [app(c)]})).await;
    let key = &answer["keys"][0];
    assert_eq!((&key["applicationId"], &key["projectId"]), (&json!(c), &json!(scene.foreign)));
    assert_eq!((&key["organizationId"], &key["expirationDate"]), (&json!(scene.other), &json!("2031-01-01T00:00:00Z")));
    assert_eq!(
        told(&rpc(&scene.server, token, "ListApplicationKeys", json!({"pagination": {"limit": 1001}})).await).2,
        "QUERY-4M0fs"
    );
    // Keys of an application that takes none sleep, and are not listed.
    let basic = json!({"applicationId": c, "projectId": scene.foreign, "apiConfiguration": {}});
    ok(&scene.server, "UpdateApplication", basic).await;
    assert_eq!(scene.keys(token, json!({"filters": [app(c)]})).await.0, Vec::<String>::new());
}
