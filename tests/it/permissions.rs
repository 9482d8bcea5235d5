//! The whole table of roles and permissions: every RPC for every built-in role, in the organization of the project, in
//! the one that it is granted to, in another one and in one that is not there. What must come of it is computed from a
//! copy of the contract's tables (`tests/golden/permissions.txt`), never from the server's.

mod scene;
mod table;

use claviger::proto::{Permission, Rpc, rpcs};
use futures::StreamExt as _;

use scene::{Holder, Scene, UNKNOWN};
use table::{Kind, LIMITED, Line1, Line2, NOWHERE, Outcome, PLACES, Place, TABLE, kind_of};

/// Roles that are looked at side by side.
const AT_ONCE: usize = 6;

/// Ids of refusals for a lack of rights. Whatever else comes has passed them.
const REFUSALS: [&str; 7] =
    ["AUTHZ-cdgFk", "AUTH-5mWD2", "AUTH-3jknH", "AUTH-Bs7Ds", "AUTH-AWfge", "AUTH-Swrgg2", "AUTH-7fs1e"];

fn with_token() -> impl Iterator<Item = &'static Rpc> {
    rpcs::ALL.iter().copied().filter(|rpc| rpc.permission != Permission::Public)
}

#[test]
fn the_table_has_all_roles_and_all_rpcs() {
    assert_eq!(TABLE.roles.len(), 26);
    for rpc in with_token() {
        let lines = usize::from(TABLE.v1(rpc.full).is_some()) + usize::from(TABLE.v2(rpc.full).is_some());
        assert_eq!(lines, 1, "tests/golden/permissions.txt has {lines} lines for {}", rpc.full);
    }
    for (role, what) in &TABLE.intended {
        let held = &TABLE.roles.iter().find(|(name, _)| name == role).expect("a role").1;
        assert!(!held.contains(what), "{role} has {what} in the contract too");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_rpc_admits_whom_the_table_says() {
    let scene = Scene::new().await;
    let walks = scene.holders.iter().map(|holder| walk(&scene, holder));
    let seen: Vec<(usize, Vec<String>)> = futures::stream::iter(walks).buffer_unordered(AT_ONCE).collect().await;
    let calls: usize = seen.iter().map(|(calls, _)| calls).sum();
    let wrong: Vec<String> = seen.into_iter().flat_map(|(_, wrong)| wrong).collect();
    assert!(wrong.is_empty(), "{} of {calls} are not as the table says:\n{}", wrong.len(), wrong.join("\n"));
    assert!(calls > 10_000, "each RPC for each role: {calls}");
}

/// The walk of one role, and what came otherwise than the table says.
struct Walk<'s> {
    scene: &'s Scene,
    holder: &'s Holder,
    calls: usize,
    wrong: Vec<String>,
}

async fn walk(scene: &Scene, holder: &Holder) -> (usize, Vec<String>) {
    let mut walk = Walk { scene, holder, calls: 0, wrong: Vec::new() };
    for rpc in with_token() {
        if let Some(line) = TABLE.v1(rpc.full) {
            walk.version_1(rpc, line).await;
        } else if let Some(line) = TABLE.v2(rpc.full) {
            walk.version_2(rpc, line).await;
        }
    }
    (walk.calls, walk.wrong)
}

impl Walk<'_> {
    async fn version_1(&mut self, rpc: &Rpc, line: Line1) {
        let (scene, holder) = (self.scene, self.holder);
        for place in PLACES {
            for own in [true, false] {
                if line.context == "-" && !own {
                    continue;
                }
                let expected = line.outcome(holder.role, place, own);
                let (mut org, mut id) = (scene.org(place).to_owned(), scene.context(line.context, own).to_owned());
                if expected == Outcome::Allowed && rpc.name == "RemoveOrg" {
                    org = scene.spare("org", place, holder).await;
                }
                if expected == Outcome::Allowed && rpc.name == "RemoveProject" {
                    id = scene.spare("project", place, holder).await;
                }
                let seen = scene.rest(holder, rpc, &org, (line.context, &id)).await;
                let which = if own { "" } else { ", of something else" };
                self.check(rpc, &format!("{place:?}{which}"), expected, &seen);
            }
        }
        let seen = scene.rest(holder, rpc, UNKNOWN, (line.context, scene.context(line.context, true))).await;
        self.check(rpc, "nowhere", NOWHERE, &seen);
    }

    async fn version_2(&mut self, rpc: &Rpc, line: Line2) {
        let (scene, holder) = (self.scene, self.holder);
        for place in PLACES.into_iter().filter(|place| line.is_there(*place)) {
            let expected = line.outcome(holder.role, place);
            let request = scene.request(line.request, place, holder, expected == Outcome::Allowed).await;
            let head = if line.about == "head" { scene.org(place) } else { "" };
            let seen = scene.connect(holder, rpc, head, &request).await;
            self.check(rpc, &format!("{place:?}"), expected, &seen);
            if !line.shows.is_empty() {
                let shown = seen.contains(&format!("\"{}\"", scene.filled(line.shows, place)));
                if shown != line.shows_it(holder.role, place) {
                    self.wrong.push(format!("{} {} {place:?}: shown: {shown}: {seen}", rpc.full, holder.role));
                }
            }
        }
        // A role for one project ends there.
        if line.about == "project" && line.request.contains("\"{project}\"") && !line.request.contains("app}") {
            let request = line.request.replace("{project}", &scene.second_project);
            let request = scene.request(&request, Place::Own, holder, false).await;
            let expected = match line.outcome(holder.role, Place::Own) {
                Outcome::Allowed if kind_of(holder.role) == Kind::Project => LIMITED,
                other => other,
            };
            let seen = scene.connect(holder, rpc, "", &request).await;
            self.check(rpc, "of another project", expected, &seen);
        }
        let request = scene.request(line.request, Place::Own, holder, false).await;
        let seen = scene.connect(holder, rpc, UNKNOWN, &request).await;
        self.check(rpc, "nowhere", NOWHERE, &seen);
    }

    /// Notes what came instead of what was expected.
    fn check(&mut self, rpc: &Rpc, place: &str, expected: Outcome, seen: &str) {
        self.calls += 1;
        let refusal = REFUSALS.into_iter().find(|id| seen.contains(id));
        let (status, _) = seen.split_once(' ').unwrap_or_default();
        let right = match (expected, refusal) {
            (Outcome::Allowed, refusal) => refusal.is_none() && status != "401" && (status < "500" || status == "501"),
            (Outcome::Refused(ids), Some(id)) => {
                ids.contains(&id) && status == if id == "AUTHZ-cdgFk" { "404" } else { "403" }
            }
            (Outcome::Refused(_), None) => false,
        };
        if !right {
            self.wrong.push(format!("{} {} {place}: expected {expected:?}, seen {seen}", rpc.full, self.holder.role));
        }
    }
}
