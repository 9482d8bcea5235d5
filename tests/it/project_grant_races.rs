//! Project grants that are added, used and removed at the same moment.

use reqwest::Method;
use serde_json::json;

use crate::project_grants::world;
use crate::support::race::{Answer, Call, at_once, call, counted, delete, one_wins, post, put, told};
use crate::support::sound::assert_sound;
use crate::support::text;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_sixteen_grants_a_project() {
    let w = world().await;
    let path = format!("/projects/{}/grants", w.project);
    let body = json!({"grantedOrgId": w.buyer, "roleKeys": ["reader"]});
    let answers = at_once((0..16).map(|_| post(&w.server, &path, body.clone())).collect()).await;
    one_wins("project grants", &answers, &w.server.post(&path, body).await);
    let user_path = format!("/users/{}/grants", w.user);
    let body = json!({"projectId": w.project, "roleKeys": ["reader"]});
    let calls = (0..16).map(|_| call(&w.server, Some(&w.buyer), &Method::POST, &user_path, body.clone()));
    let answers = at_once(calls.collect()).await;
    one_wins("user grants through it", &answers, &w.user_grant(&w.user, json!({"roleKeys": ["reader"]})).await);
    assert_sound(&w.server.database).await;
}

/// Every answer is one of these.
fn only(what: &str, answers: &[Answer], fine: &[(u16, i64, &str)]) {
    let known = |a: &Answer| fine.iter().any(|f| told(a) == (f.0, f.1, f.2.to_owned()));
    assert!(answers.iter().all(known), "{what}: {}", counted(answers));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_granted_while_it_goes_is_gone_afterwards() {
    let w = world().await;
    for round in 0..6 {
        let role = format!("role{round}");
        let project = w.server.project(&format!("p{round}")).await;
        w.server.ok(&format!("/projects/{project}/roles"), json!({"roleKey": role, "displayName": "r"})).await;
        w.server.ok(&format!("/projects/{project}/roles"), json!({"roleKey": "stays", "displayName": "s"})).await;
        let grants = format!("/projects/{project}/grants");
        let made = w.server.ok(&grants, json!({"grantedOrgId": w.buyer, "roleKeys": ["stays", role]})).await;
        let grant = format!("{grants}/{}", text(&made, "/grantId"));
        let mut calls: Vec<Call> = Vec::new();
        for n in 0..4 {
            let user = w.server.user(&w.buyer, &format!("u{round}-{n}")).await.0;
            let body = json!({"projectId": project, "roleKeys": [role, "stays"]});
            calls.push(call(&w.server, Some(&w.buyer), &Method::POST, &format!("/users/{user}/grants"), body));
            calls.push(put(
                &w.server,
                &grant,
                json!({"roleKeys": if n % 2 == 0 { ["stays"] } else { [role.as_str()] }}),
            ));
        }
        calls.push(delete(&w.server, &format!("/projects/{project}/roles/{role}")));
        calls.push(post(&w.server, &grants, json!({"grantedOrgId": w.third, "roleKeys": [role]})));
        if round % 3 == 1 {
            calls.push(delete(&w.server, &grant));
        }
        if round % 3 == 2 {
            calls.push(delete(&w.server, &format!("/projects/{project}")));
        }
        let answers = at_once(calls).await;
        let fine = [
            (200, 0, ""),
            (400, 9, "COMMAND-mm9F4"),
            (400, 9, "COMMAND-6m9gd"),
            (400, 9, "COMMAND-4m9ff"),
            (400, 9, "COMMAND-3n77S"),
            (400, 9, "COMMAND-m9gsd"),
            (404, 5, "PROJECT-D8JxR"),
        ];
        only("grants of what goes", &answers, &fine);
    }
    assert_sound(&w.server.database).await;
}
