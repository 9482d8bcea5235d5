//! A caller that makes, renames, removes and makes again whatever there is, beside others that do the same.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};

use super::text;

/// Most things of a kind at once: few, so that callers meet.
const MOST: usize = 12;

/// What callers believe to be there: for each kind the ids that lead to it, the organization first.
#[derive(Default)]
pub struct World(BTreeMap<&'static str, Vec<Vec<String>>>);

/// A call, and what it means when it is acknowledged.
pub struct Step {
    pub method: Method,
    pub path: String,
    pub body: Value,
    pub org: String,
    /// Client id and secret of a call to an OAuth endpoint.
    pub basic: Option<(String, String)>,
    /// The event that it must leave, if any.
    pub event: &'static str,
    /// Whose event: kind of the aggregate and its id; an empty id is in the answer.
    pub aggregate: (&'static str, String),
    /// What the event must hold.
    pub value: String,
    /// It may also change nothing.
    pub quiet: bool,
    learn: Learn,
}

enum Learn {
    Nothing,
    /// A new thing of a kind below these ids; its own id is there in the answer.
    Made(&'static str, Vec<String>, &'static str),
    /// A thing of a kind that is gone.
    Gone(&'static str, Vec<String>),
    /// A client that may ask for tokens, and where the name and the secret are.
    Client(&'static str),
}

/// One caller with its own sequence of choices.
pub struct Caller(u64);

fn step(org: &str, method: Method, path: String, body: Value) -> Step {
    Step {
        method,
        path,
        body,
        org: org.to_owned(),
        basic: None,
        event: "",
        aggregate: ("", String::new()),
        value: String::new(),
        quiet: false,
        learn: Learn::Nothing,
    }
}

impl Step {
    fn leaves(mut self, event: &'static str, kind: &'static str, id: &str, value: &str) -> Self {
        (self.event, self.aggregate, self.value) = (event, (kind, id.to_owned()), value.to_owned());
        self
    }

    fn quietly(self) -> Self {
        Self { quiet: true, ..self }
    }

    fn makes(mut self, kind: &'static str, below: &[String], pointer: &'static str) -> Self {
        self.learn = Learn::Made(kind, below.to_vec(), pointer);
        self
    }

    fn ends(mut self, kind: &'static str, place: &[String]) -> Self {
        self.learn = Learn::Gone(kind, place.to_vec());
        self
    }

    fn client(mut self, kind: &'static str) -> Self {
        self.learn = Learn::Client(kind);
        self
    }
}

impl World {
    pub fn of(org: &str) -> Self {
        Self([("org", vec![vec![org.to_owned()]])].into())
    }

    /// Takes note of an acknowledged step.
    pub fn learn(&mut self, step: &Step, answer: &Value, keep: bool) {
        match &step.learn {
            Learn::Nothing => {}
            Learn::Made(kind, below, pointer) => {
                self.put(kind, [below.as_slice(), &[text(answer, pointer)]].concat());
            }
            Learn::Gone(kind, place) => {
                for list in self.0.values_mut().filter(|_| !keep) {
                    list.retain(|known| !known.starts_with(place));
                }
                if *kind == "user" {
                    self.put("gone", place.clone());
                }
            }
            Learn::Client(kind) => {
                self.put(kind, ["/clientId", "/clientSecret"].map(|p| text(answer, p)).to_vec());
            }
        }
    }

    fn put(&mut self, kind: &'static str, place: Vec<String>) {
        let list = self.0.entry(kind).or_default();
        if list.len() >= 4 * MOST {
            list.remove(0);
        }
        list.push(place);
    }

    fn full(&self, kind: &str) -> bool {
        self.0.get(kind).is_some_and(|list| list.len() >= MOST)
    }
}

impl Caller {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `end` (SplitMix64).
    pub fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % u64::try_from(end).expect("small")).expect("small")
    }

    fn name(&mut self, prefix: &str, end: usize) -> String {
        format!("{prefix}{}", self.below(end))
    }

    fn any(&mut self, world: &World, kind: &str) -> Option<Vec<String>> {
        let list = world.0.get(kind).filter(|list| !list.is_empty())?;
        // Often the newest, so that callers meet.
        let at = if self.below(2) == 0 { list.len() - 1 } else { self.below(list.len()) };
        Some(list[at].clone())
    }

    /// The next call; none if there is nothing yet to call it on.
    pub fn next(&mut self, world: &World) -> Option<Step> {
        match self.below(100) {
            0..=13 => self.project(world),
            14..=37 => self.app(world),
            38..=54 => self.role_or_member(world),
            55..=71 => self.user(world),
            72..=83 => self.credential(world),
            84..=94 => self.grant(world),
            95..=97 => self.form(world),
            _ => self.org(world),
        }
    }

    fn org(&mut self, world: &World) -> Option<Step> {
        let [org] = self.any(world, "org")?.try_into().ok()?;
        let name = self.name("Org ", 6);
        let made = step(&org, Method::POST, "/orgs".into(), json!({"name": name}));
        // The event of the name is not the last one, which the answer tells of.
        Some(made.leaves("org.member.added", "org", "", "ORG_OWNER").makes("org", &[], "/id"))
    }

    fn project(&mut self, world: &World) -> Option<Step> {
        let (mut turn, name) = (self.below(10), self.name("p", 40));
        if turn > 7 && world.full("project") {
            turn = 0;
        }
        if turn > 7 || !world.0.contains_key("project") {
            let [org] = self.any(world, "org")?.try_into().ok()?;
            let made = step(&org, Method::POST, "/projects".into(), json!({"name": name}));
            let below = [org];
            return Some(made.leaves("project.added", "project", "", &name).makes("project", &below, "/id"));
        }
        let place = self.any(world, "project")?;
        let (org, id) = (&place[0], &place[1]);
        let path = format!("/projects/{id}");
        let switch = |verb: &str| step(org, Method::POST, format!("{path}/_{verb}"), json!({}));
        Some(match turn {
            0 => step(org, Method::DELETE, path, Value::Null)
                .leaves("project.removed", "project", id, "")
                .ends("project", &place),
            1 | 2 => switch("deactivate").leaves("project.deactivated", "project", id, ""),
            3 | 4 => switch("reactivate").leaves("project.reactivated", "project", id, ""),
            _ => step(org, Method::PUT, path, json!({"name": name}))
                .leaves("project.changed", "project", id, &name)
                .quietly(),
        })
    }

    fn app(&mut self, world: &World) -> Option<Step> {
        let (mut turn, name) = (self.below(16), self.name("a", 16));
        if turn > 12 && world.full("app") {
            turn = 0;
        }
        if turn > 12 || !world.0.contains_key("app") {
            let place = self.any(world, "project")?;
            let (path, method) = (format!("/projects/{}/apps/api", place[1]), self.below(2));
            let made = step(&place[0], Method::POST, path, json!({"name": name, "authMethodType": method}));
            let made = made.leaves("project.application.config.api.added", "project", &place[1], "appId");
            return Some(made.makes("app", &place, "/appId"));
        }
        if turn > 10 {
            let place = self.any(world, "app key")?;
            let path = format!("/projects/{}/apps/{}/keys/{}", place[1], place[2], place[3]);
            let gone = step(&place[0], Method::DELETE, path, Value::Null).ends("app key", &place);
            return Some(gone.leaves("project.application.oidc.key.removed", "project", &place[1], &place[3]));
        }
        let place = self.any(world, "app")?;
        let (org, project, id) = (&place[0], &place[1], &place[2]);
        let path = format!("/projects/{project}/apps/{id}");
        let post = |end: &str| step(org, Method::POST, format!("{path}/{end}"), json!({}));
        let told = |step: Step, event| step.leaves(event, "project", project, id);
        Some(match turn {
            0 => told(step(org, Method::DELETE, path, Value::Null), "project.application.removed").ends("app", &place),
            1 => told(post("_deactivate"), "project.application.deactivated"),
            2 => told(post("_reactivate"), "project.application.reactivated"),
            3 | 4 => step(org, Method::PUT, path, json!({"name": name})).leaves(
                "project.application.changed",
                "project",
                project,
                &name,
            ),
            5 | 6 => {
                let body = json!({"authMethodType": self.below(2)});
                let step = step(org, Method::PUT, format!("{path}/api_config"), body);
                told(step, "project.application.config.api.changed")
            }
            7 => {
                let mut step = post("api_config/_generate_client_secret");
                step.body = json!({"oldSecretLifetime": format!("{}s", self.below(2) * 60)});
                told(step, "project.application.config.api.secret.changed")
            }
            _ => step(org, Method::POST, format!("{path}/keys"), json!({"type": 1}))
                .leaves("project.application.oidc.key.added", "project", project, id)
                .makes("app key", &place, "/id"),
        })
    }

    fn role_or_member(&mut self, world: &World) -> Option<Step> {
        let place = self.any(world, "project")?;
        let (org, id) = (&place[0], &place[1]);
        let (roles, key) = (format!("/projects/{id}/roles"), self.name("r", 6));
        let display = self.name("Role ", 3);
        let told = |step: Step, event, value: &str| step.leaves(event, "project", id, value);
        let turn = self.below(12);
        if turn < 6 {
            let named = json!({"roleKey": key, "displayName": display});
            return Some(match turn {
                0..=2 => told(step(org, Method::POST, roles, named), "project.role.added", &key),
                3 => told(step(org, Method::PUT, format!("{roles}/{key}"), named), "project.role.changed", &key)
                    .quietly(),
                _ => {
                    told(step(org, Method::DELETE, format!("{roles}/{key}"), Value::Null), "project.role.removed", &key)
                        .quietly()
                }
            });
        }
        let user = self.any(world, "user")?.pop()?;
        let members = format!("/projects/{id}/members");
        let names: &[&str] = &["PROJECT_OWNER", "PROJECT_OWNER_VIEWER"][self.below(2)..];
        Some(match turn {
            6..=8 => {
                let body = json!({"userId": user, "roles": names});
                told(step(org, Method::POST, members, body), "project.member.added", &user)
            }
            9 => {
                let step = step(org, Method::PUT, format!("{members}/{user}"), json!({"roles": names}));
                told(step, "project.member.changed", &user).quietly()
            }
            _ => {
                let step = step(org, Method::DELETE, format!("{members}/{user}"), Value::Null);
                told(step, "project.member.removed", &user).quietly()
            }
        })
    }

    fn new_user(&mut self, world: &World) -> Option<Step> {
        let [org] = self.any(world, "org")?.try_into().ok()?;
        let name = self.name("u", 60);
        let mut body = json!({"userName": name, "name": "n"});
        let below = [org.clone()];
        let made = |body| step(&org, Method::POST, "/users/machine".into(), body);
        // Now and then an id of one that is gone, perhaps of another organization.
        let again = if self.below(3) == 0 { self.any(world, "gone") } else { None };
        let id = again.map(|mut place| place.pop().unwrap_or_default()).unwrap_or_default();
        if !id.is_empty() {
            body["userId"] = json!(id);
        }
        Some(made(body).leaves("user.machine.added", "user", "", &name).makes("user", &below, "/userId"))
    }

    fn user(&mut self, world: &World) -> Option<Step> {
        let turn = self.below(12);
        if turn > 7 && !world.full("user") || !world.0.contains_key("user") {
            return self.new_user(world);
        }
        let place = self.any(world, "user")?;
        let (org, id) = (&place[0], &place[1]);
        let (path, name) = (format!("/users/{id}"), self.name("u", 60));
        let switch = |verb: &str| step(org, Method::POST, format!("{path}/_{verb}"), json!({}));
        let told = |step: Step, event, value: &str| step.leaves(event, "user", id, value);
        Some(match turn {
            0 => told(switch("lock"), "user.locked", ""),
            1 => told(switch("unlock"), "user.unlocked", ""),
            2 => told(switch("deactivate"), "user.deactivated", ""),
            3 => told(switch("reactivate"), "user.reactivated", ""),
            4 | 5 => {
                let step = step(org, Method::PUT, format!("{path}/username"), json!({"userName": name}));
                told(step, "user.username.changed", &name)
            }
            6 => {
                let step = step(org, Method::PUT, format!("{path}/machine"), json!({"name": name}));
                told(step, "user.machine.changed", &name)
            }
            _ => told(step(org, Method::DELETE, path, Value::Null), "user.removed", "").ends("user", &place),
        })
    }

    fn credential(&mut self, world: &World) -> Option<Step> {
        let turn = self.below(10);
        let gone = |place: Vec<String>, list: &str, kind, event| {
            let path = format!("/users/{}/{list}/{}", place[1], place[2]);
            let step = step(&place[0], Method::DELETE, path, Value::Null);
            step.leaves(event, "user", &place[1], &place[2]).ends(kind, &place)
        };
        match turn {
            0 | 1 => {
                return Some(gone(self.any(world, "machine key")?, "keys", "machine key", "user.machine.key.removed"));
            }
            2 | 3 => return Some(gone(self.any(world, "pat")?, "pats", "pat", "user.pat.removed")),
            _ => {}
        }
        let place = self.any(world, "user")?;
        let (org, id) = (&place[0], &place[1]);
        let path = format!("/users/{id}");
        Some(match turn {
            4 | 5 => step(org, Method::POST, format!("{path}/keys"), json!({"type": 1}))
                .leaves("user.machine.key.added", "user", id, "")
                .makes("machine key", &place, "/keyId"),
            6 | 7 => step(org, Method::POST, format!("{path}/pats"), json!({}))
                .leaves("user.pat.added", "user", id, "")
                .makes("pat", &place, "/tokenId"),
            8 => step(org, Method::PUT, format!("{path}/secret"), json!({}))
                .leaves("user.machine.secret.set", "user", id, "")
                .client("client"),
            _ => step(org, Method::DELETE, format!("{path}/secret"), Value::Null).leaves(
                "user.machine.secret.removed",
                "user",
                id,
                "",
            ),
        })
    }

    fn grant(&mut self, world: &World) -> Option<Step> {
        let turn = self.below(10);
        let first = self.below(6);
        let keys: Vec<String> = (0..self.below(3)).map(|n| format!("r{}", (first + n) % 6)).collect();
        if turn > 5 || !world.0.contains_key("grant") {
            let (project, user) = (self.any(world, "project")?, self.any(world, "user")?.pop()?);
            let body = json!({"projectId": project[1], "roleKeys": keys});
            let made = step(&project[0], Method::POST, format!("/users/{user}/grants"), body);
            let made = made.leaves("user.grant.added", "user_grant", "", &project[1]);
            return Some(made.makes("grant", &[project[0].clone(), user], "/userGrantId"));
        }
        let place = self.any(world, "grant")?;
        let (org, id) = (&place[0], &place[2]);
        let path = format!("/users/{}/grants/{id}", place[1]);
        let switch = |verb: &str| step(org, Method::POST, format!("{path}/_{verb}"), json!({})).quietly();
        let told = |step: Step, event| step.leaves(event, "user_grant", id, "");
        Some(match turn {
            0 => told(switch("deactivate"), "user.grant.deactivated"),
            1 => told(switch("reactivate"), "user.grant.reactivated"),
            2 => told(step(org, Method::DELETE, path, Value::Null), "user.grant.removed").ends("grant", &place),
            _ => told(step(org, Method::PUT, path, json!({"roleKeys": keys})), "user.grant.changed"),
        })
    }

    /// A token for a machine.
    fn form(&mut self, world: &World) -> Option<Step> {
        let [id, secret] = self.any(world, "client")?.try_into().ok()?;
        let form = json!({"grant_type": "client_credentials"});
        let mut step = step("", Method::POST, "/oauth/v2/token".into(), form);
        step.basic = Some((id, secret));
        Some(step)
    }
}
